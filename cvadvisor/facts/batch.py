"""Facts of batch size, memory and speed, measured with training steps on the device."""

from cvadvisor.facts.base import Estimate, facts, known, listed, optional


@facts
class Throughput:
    """Training speed at one batch size."""

    batch_images: int = known("Images a step.", unit="images")
    images_per_s: float = known("Training images a second, without loading them: the median step.")


@facts
class GpuWatchFacts:
    """What NVIDIA's driver said of the GPU while this probe ran."""

    samples: int = known("How often it was asked.")
    utilisation: float | None = optional("Share of the time in which the GPU was busy, averaged.")
    memory_bytes: int | None = optional("Its memory.", unit="bytes")
    other_memory_bytes: int | None = optional(
        "Memory that other processes held, at most; unknown in a container that hides them.", unit="bytes"
    )
    power_w: float | None = optional("Power it drew, averaged.", unit="W")
    power_limit_w: float | None = optional("Power it may draw.", unit="W")
    temperature_c: float | None = optional("Its highest temperature.", unit="°C")
    power_capped_share: float | None = optional("Share of the samples in which the power limit held its clock down.")
    slowed_share: float | None = optional("Share of the samples in which heat or a failing supply held its clock down.")
    throttle_reasons: tuple[str, ...] = listed("What held its clock down, in the driver's words.")


@facts
class BatchFacts:
    """What a training step takes of time and memory here, and what follows for an epoch and a run."""

    device: str = known("'cuda', 'mps' or 'cpu'.")
    image_size_px: int = known("Side of the square input used.", unit="px")
    batch_images: int = known("Images a step that the recipe plans with.", unit="images")
    precision: str = known("'float32', 'bfloat16' or 'float16': what the script computes in here.")

    train_ms: Estimate | None = optional("A training step of that batch, per image, without loading.", unit="ms")
    evaluate_ms: Estimate | None = optional("A forward pass without gradients, per image.", unit="ms")
    decode_ms: Estimate | None = optional(
        "Reading, decoding and augmenting one training image, in one process.", unit="ms"
    )
    workers: int | None = optional("Processes that the script reads images with by default; 0: it reads them itself.")
    loading_share: float | None = optional("Share of a training epoch that waits for images, with these workers.")
    workers_needed: int | None = optional("Processes that read images as fast as the device trains on them.")
    epoch_train_images: int | None = optional("Training images of an epoch of the script.", unit="images")
    epoch_validation_images: int | None = optional("Validation images of an epoch of the script.", unit="images")
    epoch_seconds: Estimate | None = optional(
        "An epoch of every layer by the script, with its validation; the interval holds while the machine is as busy "
        "as it was.",
        unit="s",
    )
    head_epoch_seconds: Estimate | None = optional("An epoch of the head alone, with its validation.", unit="s")
    epochs: int | None = optional("Epochs that the recipe plans.", unit="epochs")
    strategy: str | None = optional("The strategy that was planned when this was measured.")
    run_seconds: Estimate | None = optional(
        "The whole run by that strategy, if it does not stop early; without loading the model and fitting the head.",
        unit="s",
    )

    noise_scale: Estimate | None = optional(
        "Gradient noise scale where fine-tuning begins: up to about this batch, twice the batch needs half the steps; "
        "unknown where the noise hides the gradient.",
        unit="images",
    )
    noise_scale_images: int | None = optional("Training images that it rests on.", unit="images")

    throughput: tuple[Throughput, ...] = listed("Speed by batch size, smallest batch first.")
    knee_batch: int | None = optional(
        "Smallest batch within 5 % of the highest speed; unknown where the largest batch tried was still gaining.",
        unit="images",
    )

    mixed_precision: str | None = optional("The half precision that was tried: 'bfloat16' or 'float16'.")
    mixed_precision_speedup: Estimate | None = optional("Speed of training in it, over float32.")
    channels_last_speedup: Estimate | None = optional("Speed of training in channels-last over contiguous memory.")
    compile_speedup: Estimate | None = optional("Speed of training with torch.compile over training without.")
    compile_seconds: float | None = optional("What torch.compile itself took.", unit="s")
    compile_failed: bool | None = optional("Whether torch.compile gave an error; unknown where it was not tried.")
    compile_problem: str | None = optional("That error, in a line.")

    memory_available_bytes: int | None = optional("Memory that training may use: what was free.", unit="bytes")
    memory_base_bytes: int | None = optional(
        "Memory of a training step before its first image: model, gradients and optimiser.", unit="bytes"
    )
    memory_per_image_bytes: int | None = optional("Memory that each image of a batch adds.", unit="bytes")
    largest_tried: int | None = optional("The largest batch that was tried and fitted.", unit="images")
    largest: int | None = optional(
        "The largest batch that fits, found by trying; unknown where no batch was tried that did not fit.",
        unit="images",
    )
    recommended: int | None = optional(
        "The batch that fits 80 % of the memory by the measured base and memory an image, at most 1,024 and the "
        "number of training images; 0 where not even one image does.",
        unit="images",
    )

    gpu: GpuWatchFacts | None = optional("The GPU while this probe ran.")
    left_out: tuple[str, ...] = listed("What was not measured, and why.")
