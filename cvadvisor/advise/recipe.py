"""The recipe: everything the training script needs, and the history of every number in it.

Advice acts in stages, each of which commutes, so that no file order matters: the *default*, then *prior* (rules of
thumb), *measured* (a probe's value replaces the prior), *adjusted* (scaling by what the measurement did not already
include) and *bounded* (at most, at least).
"""

from typing import Literal

from cvadvisor.facts.base import facts, known, listed, optional

Stage = Literal["default", "prior", "measured", "tried", "adjusted", "bounded"]
STAGES: tuple[Stage, ...] = ("default", "prior", "measured", "tried", "adjusted", "bounded")
Value = bool | int | float | str


@facts
class Recipe:
    """How to train: every field is realised by the generated script."""

    model: str = known("Model of timm; of torchvision after 'torchvision:'; or a user's file and what builds it.")
    weights: Literal["pretrained", "file", "none"] = known("What the backbone starts from.")
    image_size: int = known("Side of the square training and evaluation input.", unit="px")
    strategy: Literal["probe-only", "head-only", "head-then-full", "full"] = known(
        "'probe-only': a linear classifier on frozen features; 'head-only': the head on augmented images; "
        "'head-then-full': the head first, then every layer; 'full': every layer from the first step."
    )
    head_start: Literal["probe", "zero"] = known(
        "How the new head starts: as a logistic regression on frozen features, or at zero (a first loss of ln classes)."
    )
    epochs: int = known("Passes over the training images, head phase included.", unit="epochs")
    head_epochs: int = known("Of these, with the backbone frozen.", unit="epochs")
    batch_size: int = known("Images a step.", unit="images")
    optimizer: Literal["adamw", "sgd"] = known("Optimiser.")
    learning_rate: float = known("Peak learning rate: once every layer trains, or of the head where it alone does.")
    head_learning_rate: float = known("Peak learning rate of the head in a phase of its own before every layer trains.")
    layer_decay: float = known("Each layer's rate is this times the rate of the layer after it.")
    schedule: Literal["cosine"] = known("How the rate falls: a half cosine to zero, a step at a time.")
    warmup_share: float = known("Share of a phase's steps over which the rate rises linearly from zero.")
    weight_decay: float = known("Decoupled L2 decay; never on biases and normalisation layers.")
    batch_norm: Literal["frozen", "train"] = known("Whether batch normalisation keeps its pretrained statistics.")
    dropout: float = known("Dropout before the head.")
    label_smoothing: float = known("Probability mass taken from the true class and spread over all.")
    mixup: float = known("Mixup alpha; 0 is off.")
    cutmix: float = known("CutMix alpha; 0 is off.")
    crop_scale: float = known("Smallest share of the image that a random crop keeps.")
    horizontal_flip: bool = known("Whether images are mirrored at random.")
    color_jitter: float = known("Strength of random brightness, contrast and saturation; 0 is off.")
    random_erasing: float = known("Probability that a patch is erased.")
    sampler: Literal["shuffle", "class-balanced"] = known("How training images are drawn.")
    metric: Literal["accuracy", "macro-F1"] = known("What chooses the best checkpoint.")
    patience: int = known("Epochs without a better metric before training stops.", unit="epochs")
    tta: bool = known("Whether the final evaluation averages each image with its mirror image.")
    precision: Literal["auto", "float32"] = known("'auto': mixed precision on a GPU, float32 elsewhere.")
    seed: int = known("Seed of everything random.")


@facts
class Step:
    """One thing that acted, or wanted to act, on a field."""

    stage: Stage = known("When it acts.")
    action: str = known("What it does, as the rule says it: 'set 0.001', 'scale by 0.5', 'at most 0.003'.")
    value: Value = known("The field's value after this step.")
    applied: bool = known("Whether it changed or confirmed the value.")
    reason: str = known("Why, in a sentence.")
    rule: str | None = optional("Code of the rule; none for a default.")
    overruled_by: str | None = optional("What took precedence where it was not applied.")


@facts
class History:
    """How a field came to its value."""

    field: str = known("The recipe's field.")
    value: Value = known("Its value.")
    steps: tuple[Step, ...] = known("What acted on it, in order; the last applied one is the reason for the value.")

    @property
    def reason(self) -> str:
        """The reason for the value: the last step that was applied."""
        return next(step.reason for step in reversed(self.steps) if step.applied)


@facts
class Conflict:
    """Two rules that set one field to different values in one stage."""

    field: str = known("The recipe's field.")
    stage: Stage = known("Where they met.")
    winner: str = known("Code of the rule that was followed.")
    losers: tuple[str, ...] = listed("Codes of the others.")


@facts
class RecipeWithHistory:
    """The recipe and where it comes from."""

    recipe: Recipe = known("The recipe.")
    history: tuple[History, ...] = known("One for every field, in the recipe's order.")
    conflicts: tuple[Conflict, ...] = listed("Rules that disagreed.")
