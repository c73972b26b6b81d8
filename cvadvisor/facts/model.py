"""Facts of a model: its weights, its size and what its architecture asks of training."""

from cvadvisor.facts.base import facts, known, optional


@facts
class ModelFacts:
    """A classification model of timm, torchvision or the user's own, with the weights that could be had for it."""

    name: str = known("Name in timm; after 'torchvision:' the name there; or a user's file and what builds it.")
    weights: str = known("'pretrained', 'file', 'none' (not asked for) or 'unavailable' (asked for, not to be had).")
    pretrained: bool = known(
        "Whether it starts from trained weights: from the library, from a file, or a user's model's own."
    )
    weights_source: str | None = optional("Where the loaded weights come from.")
    weights_problem: str | None = optional("Why weights that were asked for could not be had.")
    parameters: int = known("Parameters without the head.")
    feature_dim: int = known("Length of the feature vector before the head.")
    source_classes: int | None = optional("Classes the pretrained head predicts.")
    classes: int = known("Classes of the new head.")
    input_size_px: int = known("Side of the square input the weights were trained at.", unit="px")
    fixed_input_size: bool = known("Whether it accepts only that size: as timm says, or as a trial at others showed.")
    mean: tuple[float, ...] = known("Mean that inputs are normalised with, a channel each, for pixels in 0…1.")
    std: tuple[float, ...] = known("Standard deviation that inputs are normalised with, for pixels in 0…1.")
    layers: int = known("Convolutions and linear layers, without the head.")
    batch_norm_layers: int = known("Batch-normalisation layers.")
    other_norm_layers: int = known("Layer-, group- and other normalisation layers that do not depend on the batch.")
    attention: bool = known("Whether it has self-attention blocks.")
