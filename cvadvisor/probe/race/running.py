"""The race itself, within the time there is.

Every strategy starts from what was measured before: the head from the frozen features, the rate from the range test.
SGD gets a rate of its own from a few short runs. The winner's own rate is looked for afterwards. They race at the
planned size of the input only: the fitted head belongs to it.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cvadvisor.probe import training
from cvadvisor.probe.declaration import Cost, Measured, NotChecked, Probe
from cvadvisor.probe.lr_choice import FORWARD_STEPS, USUAL_BATCH, planned_steps
from cvadvisor.probe.race.outcome import Sizes, measured
from cvadvisor.probe.race.strategies import PRIORITY, Runner, kept, strategies

if TYPE_CHECKING:
    import numpy as np

    from cvadvisor.probe.session import Session
    from cvadvisor.probe.training_plan import TrainingPlan

TELLING_PART, TELLING_STEPS = 0.8, 300
"""Part of the planned steps, or so many where that is less, that a race takes at least: shorter runs favour what starts
well, the linear probe above all, as what every layer learns shows later."""
MOST_STEPS = 1000
SEEDS = (3, 2, 1)
FEWEST = 3
"""Strategies that race at least where there is time for more than one run of each."""
SGD_RATES = (10.0, 30.0, 100.0)
"""SGD's rates over AdamW's; the best of them for a third of the race's steps runs."""
SGD_SHARE = 1 / 3
SGD_SEED = 1000
"""Seed of those short runs: none of the race's."""
ROUNDING, SPARE_STEPS = 1e-6, 1
"""What rounding may take from a whole number of steps; steps that a race is given beyond its fewest for that."""


def run(session: "Session") -> Measured:
    """Race the strategies.

    Raises:
        NotChecked: there is no plan, no held-out image, or too little time for two strategies.
    """
    plan = session.plan
    if plan is None:
        raise NotChecked("no recipe is known yet")
    if len(session.select) < 2:
        raise NotChecked("there are no held-out images to choose by", "a validation split")
    runners = strategies(plan, session.fitted_head is not None)
    size = session.image_size
    steps, seeds, racing = _affordable(session, plan, runners)
    full = next(runner.plan for runner in runners if runner.name == "full")
    if training.keep_to_the_clock(session, full, size, _steps(session, plan, racing, steps, seeds)):
        steps, seeds, racing = _affordable(session, plan, runners)
    field_of = Field(
        session,
        training.training_images(session, plan, size, training.needed(session, plan, steps)),
        size,
        steps,
        session.images(size, session.select)[:2],
        session.images(size, session.judge)[:2],
    )
    total, done = seeds * sum(runner.trains for runner in racing) * steps, 0
    try:
        for seed in range(seeds):
            for runner in sorted(racing, key=lambda runner: PRIORITY.index(runner.name)):
                session.tick(done, total)
                if runner.plan.optimizer != plan.optimizer and seed == 0:
                    runner.plan = dataclasses.replace(runner.plan, learning_rate=field_of.best_rate(runner))
                field_of.enter(runner, seed)
                done += steps * runner.trains
    except NotChecked:
        if not any(runner.hits and runner.plan.strategy == "full" for runner in racing):
            raise  # without one that trains every layer it is no race
    ran = [runner for runner in racing if runner.hits]
    left_out = tuple(f"{runner.title}: there was no time" for runner in runners if not runner.hits)
    sizes = Sizes(steps, planned_steps(session, plan), size, len(field_of.select[1]))
    return measured(ran, sizes, plan.learning_rate, left_out)


@dataclass
class Field:
    """What every strategy of the race shares; the last two are pixels and labels."""

    session: "Session"
    images: training.TrainingImages
    size: int
    steps: int
    select: "tuple[np.ndarray, np.ndarray]"
    judge: "tuple[np.ndarray, np.ndarray]"

    def enter(self, runner: Runner, seed: int) -> None:
        """Run ``runner`` once more."""
        model = training.start(self.session, runner.plan)
        if runner.trains:
            model = self._train(runner, runner.plan.learning_rate, self.steps, seed)
        chosen = training.judge(self.session, model, *self.select)
        runner.hits.append(chosen.hits)
        runner.losses.append(chosen.losses)
        if len(self.judge[1]):
            runner.judged.append(training.judge(self.session, model, *self.judge).hits)

    def best_rate(self, runner: Runner) -> float:
        """The rate of least held-out loss of short runs, for an optimiser that has no trials of its own."""
        steps = max(1, round(SGD_SHARE * self.steps))
        found = {}
        for factor in SGD_RATES:
            rate = factor * runner.plan.learning_rate
            model = self._train(runner, rate, steps, SGD_SEED)
            found[rate] = training.judge(self.session, model, *self.select).loss
        return min(found, key=lambda rate: found[rate])

    def _train(self, runner: Runner, rate: float, steps: int, seed: int) -> Any:
        return training.train(self.session, runner.plan, self.images, rate=rate, steps=steps, seed=seed, size=self.size)


def _affordable(session: "Session", plan: "TrainingPlan", runners: list[Runner]) -> tuple[int, int, list[Runner]]:
    """Steps and seeds of the race, and the strategies there is time for.

    Raises:
        NotChecked: not even two.
    """
    wanted, telling = min(MOST_STEPS, planned_steps(session, plan)), _telling(session, plan)
    in_all = training.affordable_steps(session, plan, session.image_size) + ROUNDING
    for seeds in SEEDS:
        for keep in range(len(runners), (FEWEST if seeds > 1 else 2) - 1, -1):
            racing = kept(runners, keep)
            steps = min(wanted, int((in_all - _steps(session, plan, racing, 0, seeds)) / _runs(racing, seeds)))
            if steps >= telling:
                return steps, seeds, racing
    raise NotChecked(f"a race of {telling} steps needs about {cost(session).least_s:.0f} s here", "a larger --budget")


def _runs(racing: list[Runner], seeds: int) -> int:
    """Whole runs of a race; what finds SGD's rate is as long as one."""
    return seeds * sum(runner.trains for runner in racing) + any(runner.plan.optimizer == "sgd" for runner in racing)


def _steps(session: "Session", plan: "TrainingPlan", racing: list[Runner], steps: int, seeds: int) -> float:
    """What a race costs in steps, where judging takes as long as so many of them."""
    judged = seeds * len(racing) * (len(session.select) + len(session.judge))
    if any(runner.plan.optimizer == "sgd" for runner in racing):
        judged += len(SGD_RATES) * len(session.select)
    return steps * _runs(racing, seeds) + FORWARD_STEPS * judged / plan.batch_size


def _telling(session: "Session", plan: "TrainingPlan") -> int:
    """Steps of the shortest race that says something of the planned run."""
    return min(TELLING_STEPS, math.ceil(TELLING_PART * planned_steps(session, plan)))


def cost(session: "Session") -> Cost:
    """Seconds of the smallest race that says something, and of a whole one."""
    plan = session.plan
    if plan is None:  # as if every strategy trained for a usual run
        batch, least, most = USUAL_BATCH, float(TELLING_STEPS), float(SEEDS[0] * len(PRIORITY) * MOST_STEPS)
    else:
        assert session.facts is not None
        fitted = session.fitted_head is not None or (session.facts.pretrained and not session.features)
        runners, batch = strategies(plan, fitted), plan.batch_size
        least = _steps(session, plan, kept(runners, 2), _telling(session, plan), SEEDS[-1])
        most = _steps(session, plan, runners, min(MOST_STEPS, planned_steps(session, plan)), SEEDS[0])
    size = session.image_size
    return Cost(
        least_s=training.seconds_of(session, least + SPARE_STEPS, size, batch),
        most_s=training.seconds_of(session, most + SPARE_STEPS, size, batch),
    )


PROBE = Probe("race", "Race of strategies", "probe.race", run, cost, uses=("features",))
