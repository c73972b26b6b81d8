"""A training plan for tests."""

import dataclasses

from cvadvisor.probe.training_plan import TrainingPlan
from tests.samples import recipe

PLAN = TrainingPlan.of(
    dataclasses.asdict(
        recipe(
            strategy="full",
            head_start="zero",
            epochs=2,
            head_epochs=0,
            batch_size=8,
            batch_norm="train",
            label_smoothing=0.0,
            sampler="shuffle",
        )
    )
)
