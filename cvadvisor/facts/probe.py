"""Facts that short training on the device measures."""

from cvadvisor.facts.base import Estimate, facts, known, listed, optional


@facts
class LabelSuspect:
    """A training image whose label the other images contradict."""

    path: str = known("File, relative to the dataset.")
    label: str = known("The class it is filed under.")
    suggested: str = known("The class that a classifier trained on the other images gives it.")
    label_probability: float = known("Out-of-fold probability of the class it is filed under.")
    suggested_probability: float = known("Out-of-fold probability of the suggested class.")


@facts
class LeakEffectFacts:
    """What held-out images that training holds too do to the score, on the images that the frozen features used.

    A leaked image is always used together with a training image that it is the same as. A linear classifier remembers
    single images less than a network that is fine-tuned: the effect on that may be larger.
    """

    leaked_images: int = known("Held-out images used that are the same image as a training image.", unit="images")
    clean_images: int = known("The other held-out images used.", unit="images")
    linear_leaked_accuracy: Estimate | None = optional(
        "The linear classifier's accuracy on the leaked images; unknown without one, or with fewer than 5 others."
    )
    linear_clean_accuracy: Estimate | None = optional(
        "The linear classifier's accuracy without the leaked images; unknown in the same cases."
    )
    linear_inflation: Estimate | None = optional(
        "Points by which the leaked images raise the linear classifier's accuracy on the held-out images; unknown "
        "where none of the images used leaked, or fewer than 5 did not.",
        unit="points",
    )
    linear_inflation_error: float | None = optional("Standard error of that.", unit="points")
    knn_leaked_accuracy: Estimate | None = optional("The nearest neighbours' accuracy on the leaked images.")
    knn_clean_accuracy: Estimate | None = optional("The nearest neighbours' accuracy without the leaked images.")
    knn_inflation: Estimate | None = optional(
        "Points by which the leaked images raise the nearest neighbours' accuracy.", unit="points"
    )
    knn_inflation_error: float | None = optional("Standard error of that.", unit="points")


@facts
class FeatureFacts:
    """What the frozen backbone's features alone can do, from one pass over the images."""

    train_images: int = known("Training images used.", unit="images")
    validation_images: int = known("Held-out images used.", unit="images")
    image_size_px: int = known("Side of the square input used.", unit="px")
    held_out_from: str = known("'validation' (the dataset's own) or 'train' (a stratified fifth held back).")
    majority_accuracy: float = known("Accuracy of always answering with the largest training class.")
    knn_accuracy: Estimate = known("Accuracy of the nearest training neighbours by cosine, on held-out images.")
    linear_accuracy: Estimate = known("Accuracy of a logistic regression on the features, on held-out images.")
    linear_macro_f1: float = known("Its F1 averaged over classes.")
    linear_train_accuracy: float = known("Its accuracy on the images it was fitted to.")
    linear_log_loss: float = known("Its mean negative log-likelihood on held-out images.", unit="nats")
    linear_l2: float = known("The L2 penalty that held-out folds of the training images chose.")
    label_check_accuracy: float | None = optional(
        "Share of training labels that a classifier trained on the other images predicts; the check is as good as this."
    )
    label_suspects: int | None = optional("Training images whose label looks wrong.", unit="images")
    label_suspect_share: float | None = optional("Their share of the training images looked at.")
    label_suspect_examples: tuple[LabelSuspect, ...] = listed("The most suspicious, worst first.")
    leak: LeakEffectFacts | None = optional("What leaked images do to the score.")


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
    dead_parameters: int = known("Parameter tensors whose gradient was zero or absent at every step.")
    dead_parameter_examples: tuple[str, ...] = listed("Their names, the first few.")


@facts
class LearningRateFacts:
    """A learning-rate range test: the rate rises exponentially while the loss is watched."""

    phase: str = known("'head' (backbone frozen) or 'full' (every layer).")
    optimizer: str = known("The optimiser it was run with.")
    batch_images: int = known("Images a step.", unit="images")
    image_size_px: int = known("Side of the square input used.", unit="px")
    steps: int = known("Steps of the longest run.", unit="steps")
    seeds: int = known("Runs with different batches and order.")
    lowest_tried: float = known("Where the rate started.")
    highest_tried: float = known("Where it ended: at divergence or at the end of the range.")
    loss_fell: bool = known("Whether the loss fell at any rate; if not, there is nothing to pick.")
    steepest: Estimate | None = optional(
        "The rate at which the loss fell fastest over log(rate): of the mean curve, with the range over single runs."
    )
    highest_improving: Estimate | None = optional(
        "The highest rate at which the loss still clearly fell: of the mean curve, with the range over single runs."
    )
    diverges_at: float | None = optional("The lowest rate, over seeds, at which the loss left its best for good.")


@facts
class ProbeFacts:
    """What was measured; a probe that did not run leaves its facts unknown."""

    features: FeatureFacts | None = optional("Frozen features.")
    overfit: OverfitFacts | None = optional("Overfit one batch.")
    lr_head: LearningRateFacts | None = optional("Range test of the head.")
    lr_full: LearningRateFacts | None = optional("Range test of the full network.")
