"""Facts of overfitting one batch: whether a model can learn at all, and what stands in its way."""

from cvadvisor.facts.base import facts, known, listed, optional


@facts
class OverfitFacts:
    """Can the model memorise one batch? If not, nothing else matters."""

    batch_images: int = known("Images in the batch.", unit="images")
    image_size_px: int = known("Side of the square input used.", unit="px")
    learning_rate: float = known("Learning rate used.")
    max_steps: int = known("Steps it was given.", unit="steps")
    chance_loss: float = known("ln(classes): the cross-entropy of knowing nothing.", unit="nats")
    library_head_is_finite: bool = known("Whether the first loss with the model library's own head is a finite number.")
    library_head_loss: float | None = optional("First loss with the head as the model library makes it.", unit="nats")
    library_head_loss_ratio: float | None = optional("That loss over ln(classes).")
    initial_loss: float | None = optional("First loss with a head that starts at zero.", unit="nats")
    final_loss: float | None = optional("Loss after the last step.", unit="nats")
    final_accuracy: float = known("Accuracy on the batch after the last step.")
    fitted: bool = known("Whether every image of the batch was memorised.")
    steps_to_fit: int | None = optional("Steps until every image was memorised.", unit="steps")
    gradients_are_finite: bool = known("Whether every gradient and loss was a finite number.")
    nonfinite_parameters: int = known("Parameter tensors that hold something else than finite numbers.")
    nonfinite_parameter_examples: tuple[str, ...] = listed("Their names, the first few.")
    dead_parameters: int = known("Parameter tensors whose gradient was zero or absent at every step.")
    dead_parameter_examples: tuple[str, ...] = listed("Their names, the first few.")
    frozen_parameters: int | None = optional("Parameter tensors that the model itself keeps from training.")
    frozen_parameter_share: float | None = optional("Their share of all of the model's numbers.")
    frozen_parameter_examples: tuple[str, ...] = listed("Their names, the first few.")
    first_layer_gradient: float | None = optional(
        "How strongly the loss depends on the first layer, against the layer it depends on most: the norm of the "
        "gradient times that of the weight, before the first step."
    )
    weakest_gradient_examples: tuple[str, ...] = listed("The layers with the weakest of these, the weakest first.")
    largest_relative_gradient: float | None = optional(
        "The largest norm of a layer's gradient over the norm of its weights, in the first steps."
    )
    largest_gradient_examples: tuple[str, ...] = listed("The layers with the largest of these, the largest first.")
    relu_units: int | None = optional("Channels behind ReLUs; 0 for a model without them.", unit="channels")
    dead_unit_share: float | None = optional("Share of them that are zero everywhere, for every image of the batch.")
    deadest_layer: str | None = optional("The module with the largest share of such channels.")
    deadest_layer_share: float | None = optional("Its share.")
    output_variation: float | None = optional(
        "How far outputs differ between images, against their size, in evaluation mode with a head of random weights; "
        "unknown where the images themselves hardly differ."
    )
    foreign_share: float | None = optional(
        "Share of an image's outputs' gradient, in evaluation mode, that lies on the other images' pixels."
    )
    head_reaches_output: bool | None = optional("Whether outputs change when the head's weights do.")
    evaluation_loss: float | None = optional(
        "Loss on the batch in evaluation mode, at the end and after running statistics had 500 more steps to follow.",
        unit="nats",
    )
    evaluation_is_finite: bool | None = optional("Whether that loss is a finite number.")
    evaluation_is_repeatable: bool | None = optional("Whether evaluation gives the same outputs twice.")
