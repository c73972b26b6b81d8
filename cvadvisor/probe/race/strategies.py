"""The strategies that race: the recipe with other layers to train, another head to start from, another optimiser."""

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from cvadvisor.probe.training_plan import TrainingPlan

LAYER_WISE = 0.75
"""The layer decay of 'layer-wise'."""
EFFORT = {"probe": 0, "head": 1, "probe-then-full": 2, "head-then-full": 2, "full": 2, "layer-wise": 3, "sgd": 3}
"""No training, a head's, every layer's, and every layer's with rates or an optimiser that have to be found first."""
PRIORITY = ("probe", "probe-then-full", "full", "head", "sgd", "layer-wise", "head-then-full")
"""Which strategies race where there is no time for all."""


@dataclass
class Runner:
    """A strategy in the race.

    Over runs, (images,) each: ``hits`` and ``losses`` on the images that choose, ``judged`` the hits on others.
    """

    name: str
    title: str
    plan: "TrainingPlan"
    trains: bool = True
    hits: "list[np.ndarray]" = field(default_factory=list)
    losses: "list[np.ndarray]" = field(default_factory=list)
    judged: "list[np.ndarray]" = field(default_factory=list)

    @property
    def accuracy(self) -> float:
        """Share of images that were right, mean over runs."""
        import numpy as np

        return float(np.mean(self.hits))


def strategies(plan: "TrainingPlan", fitted: bool) -> list[Runner]:
    """What races, the simplest first; without a fitted head only what starts at zero."""
    replace = dataclasses.replace
    full = replace(plan, strategy="full", head_epochs=0)
    first = max(1, plan.head_epochs)
    probe = replace(plan, strategy="probe-only", head_start="probe", head_epochs=0)
    head = replace(probe, strategy="head-only", head_epochs=plan.epochs, learning_rate=plan.head_learning_rate)
    then = replace(probe, strategy="head-then-full", head_epochs=first)
    runners = [
        Runner("probe", "linear probe on frozen features", probe, trains=False),
        Runner("head", "head alone, augmented", head),
        Runner("probe-then-full", "probe, then every layer", replace(full, head_start="probe")),
    ]
    if plan.epochs > first:
        runners.append(Runner("head-then-full", "probe, head, then every layer", then))
    runners = [
        *(runners if fitted else []),
        Runner("full", "every layer, head from zero", replace(full, head_start="zero")),
    ]
    start = "probe" if fitted else "zero"
    layered = replace(full, head_start=start, layer_decay=LAYER_WISE)
    runners.append(Runner("layer-wise", f"every layer, early ones slower ({LAYER_WISE:g})", layered))
    runners.append(Runner("sgd", "every layer, SGD", replace(full, head_start=start, optimizer="sgd")))
    # where the recipe lets every layer learn at the full rate, a rule bounds it so
    return [runner for runner in runners if runner.name != "layer-wise" or LAYER_WISE < plan.layer_decay < 1]


def kept(runners: list[Runner], keep: int) -> list[Runner]:
    """The ``keep`` runners of the highest priority, in their order."""
    names = sorted((runner.name for runner in runners), key=PRIORITY.index)[:keep]
    return [runner for runner in runners if runner.name in names]
