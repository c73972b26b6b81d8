"""Facts of the plan: what the user asked the audit for."""

from cvadvisor.facts.base import facts, known, optional


@facts
class PlanFacts:
    """What was asked for."""

    task: str = known("'classification', 'multi-label classification', 'detection' or 'segmentation'.")
    budget_s: float = known("Time that probes may take.", unit="s")
    seed: int = known("Seed of every probe and of the recipe.")
    weights: str = known("'default', 'none' or 'file': the weights that were asked for.")
    probes: bool = known("Whether probes were asked for.")
    epochs: int | None = optional("Epochs that were asked for.", unit="epochs")
    image_size_px: int | None = optional("Side of the square input that probes and the recipe use.", unit="px")
    image_size_asked: bool | None = optional("Whether that size was asked for.")
    enlarged_share: float | None = optional("Share of the images whose shorter side is under that size: enlarged.")
    shrunk_share: float | None = optional(
        "Share of the images whose shorter side is over twice that size: much is lost."
    )
    cropped_share: float | None = optional("Median share of an image that a square crop in its middle cuts away.")
    normalisation_offset: float | None = optional(
        "Largest difference between a channel's mean in the dataset and in the model's normalisation, in the latter's "
        "standard deviations."
    )
    normalisation_scale: float | None = optional(
        "A channel's standard deviation in the dataset over the one in the model's normalisation: the furthest from 1."
    )
