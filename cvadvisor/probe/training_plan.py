"""How a probe is to train: the recipe as far as it is known, so that what is tried is what the script will run."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class TrainingPlan:
    """The recipe's fields that shape training; see ``cvadvisor/advise/recipe.py`` for what each means."""

    strategy: str
    head_start: str
    epochs: int
    head_epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    head_learning_rate: float
    layer_decay: float
    schedule: str
    warmup_share: float
    weight_decay: float
    batch_norm: str
    dropout: float
    label_smoothing: float
    mixup: float
    cutmix: float
    crop_scale: float
    horizontal_flip: bool
    color_jitter: float
    random_erasing: float
    sampler: str
    precision: str

    @classmethod
    def of(cls, recipe: dict[str, Any]) -> Self:
        """The plan that ``recipe``, a mapping of all of the recipe's fields, stands for."""
        return cls(**{field.name: recipe[field.name] for field in dataclasses.fields(cls)})
