"""A race of strategies: the same images, steps and seeds; held-out images judge, and a tie goes to the simpler one.

Every strategy starts from what was measured before: the head from the frozen features, the rate from the range test.
SGD gets a rate of its own from a few short runs. The winner's own rate is looked for afterwards.

Strategies are compared image by image, so that the easy images cancel. They race at the planned size of the input only:
the fitted head belongs to it.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cvadvisor.facts import Estimate
from cvadvisor.facts.race import RaceEntry, RaceFacts
from cvadvisor.facts.seen import Curve, Series
from cvadvisor.probe import training
from cvadvisor.probe.accuracy import Z95, accuracy
from cvadvisor.probe.declaration import Cost, Measured, NotChecked, Probe
from cvadvisor.probe.lr_choice import FORWARD_STEPS, USUAL_BATCH, planned_steps

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
LAYER_WISE = 0.75
"""The layer decay of 'layer-wise'."""
SGD_SEED = 1000
"""Seed of those short runs: none of the race's."""
PRIORITY = ("probe", "probe-then-full", "full", "head", "sgd", "layer-wise", "head-then-full")
"""Which strategies race where there is no time for all."""
STANDARD_ERRORS = 2.0
ROUNDING, SPARE_STEPS = 1e-6, 1
"""What rounding may take from a whole number of steps; steps that a race is given beyond its fewest for that."""
POINTS = 100.0


@dataclass
class _Runner:
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


def strategies(plan: "TrainingPlan", fitted: bool) -> list[_Runner]:
    """What races, the simplest first; without a fitted head only what starts at zero."""
    replace = dataclasses.replace
    full = replace(plan, strategy="full", head_epochs=0)
    first = max(1, plan.head_epochs)
    probe = replace(plan, strategy="probe-only", head_start="probe", head_epochs=0)
    head = replace(probe, strategy="head-only", head_epochs=plan.epochs, learning_rate=plan.head_learning_rate)
    then = replace(probe, strategy="head-then-full", head_epochs=first)
    runners = [
        _Runner("probe", "linear probe on frozen features", probe, trains=False),
        _Runner("head", "head alone, augmented", head),
        _Runner("probe-then-full", "probe, then every layer", replace(full, head_start="probe")),
    ]
    if plan.epochs > first:
        runners.append(_Runner("head-then-full", "probe, head, then every layer", then))
    runners = [
        *(runners if fitted else []),
        _Runner("full", "every layer, head from zero", replace(full, head_start="zero")),
    ]
    start = "probe" if fitted else "zero"
    layered = replace(full, head_start=start, layer_decay=LAYER_WISE)
    runners.append(_Runner("layer-wise", f"every layer, early ones slower ({LAYER_WISE:g})", layered))
    runners.append(_Runner("sgd", "every layer, SGD", replace(full, head_start=start, optimizer="sgd")))
    # where the recipe lets every layer learn at the full rate, a rule bounds it so
    return [runner for runner in runners if runner.name != "layer-wise" or LAYER_WISE < plan.layer_decay < 1]


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
    steps, seeds, racing = _affordable(session, plan, runners)
    size = session.image_size
    field_of = _Field(
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
    left_out = tuple(runner.title for runner in runners if not runner.hits)
    return _measured(session, field_of, ran, left_out)


@dataclass
class _Field:
    """What every strategy of the race shares; the last two are pixels and labels."""

    session: "Session"
    images: training.TrainingImages
    size: int
    steps: int
    select: "tuple[np.ndarray, np.ndarray]"
    judge: "tuple[np.ndarray, np.ndarray]"

    def enter(self, runner: _Runner, seed: int) -> None:
        """Run ``runner`` once more."""
        model = training.start(self.session, runner.plan)
        if runner.trains:
            model = self._train(runner, runner.plan.learning_rate, self.steps, seed)
        chosen = training.judge(self.session, model, *self.select)
        runner.hits.append(chosen.hits)
        runner.losses.append(chosen.losses)
        if len(self.judge[1]):
            runner.judged.append(training.judge(self.session, model, *self.judge).hits)

    def best_rate(self, runner: _Runner) -> float:
        """The rate of least held-out loss of short runs, for an optimiser that has no trials of its own."""
        steps = max(1, round(SGD_SHARE * self.steps))
        found = {}
        for factor in SGD_RATES:
            rate = factor * runner.plan.learning_rate
            model = self._train(runner, rate, steps, SGD_SEED)
            found[rate] = training.judge(self.session, model, *self.select).loss
        return min(found, key=lambda rate: found[rate])

    def _train(self, runner: _Runner, rate: float, steps: int, seed: int) -> Any:
        return training.train(self.session, runner.plan, self.images, rate=rate, steps=steps, seed=seed, size=self.size)


def _affordable(session: "Session", plan: "TrainingPlan", runners: list[_Runner]) -> tuple[int, int, list[_Runner]]:
    """Steps and seeds of the race, and the strategies there is time for.

    Raises:
        NotChecked: not even two.
    """
    wanted, telling = min(MOST_STEPS, planned_steps(session, plan)), _telling(session, plan)
    in_all = training.affordable_steps(session, plan, session.image_size) + ROUNDING
    for seeds in SEEDS:
        for keep in range(len(runners), (FEWEST if seeds > 1 else 2) - 1, -1):
            racing = _kept(runners, keep)
            steps = min(wanted, int((in_all - _steps(session, plan, racing, 0, seeds)) / _runs(racing, seeds)))
            if steps >= telling:
                return steps, seeds, racing
    raise NotChecked(f"a race of {telling} steps needs about {cost(session).least_s:.0f} s here", "a larger --budget")


def _runs(racing: list[_Runner], seeds: int) -> int:
    """Whole runs of a race; what finds SGD's rate is as long as one."""
    return seeds * sum(runner.trains for runner in racing) + any(runner.plan.optimizer == "sgd" for runner in racing)


def _steps(session: "Session", plan: "TrainingPlan", racing: list[_Runner], steps: int, seeds: int) -> float:
    """What a race costs in steps, where judging takes as long as so many of them."""
    judged = seeds * len(racing) * (len(session.select) + len(session.judge))
    if any(runner.plan.optimizer == "sgd" for runner in racing):
        judged += len(SGD_RATES) * len(session.select)
    return steps * _runs(racing, seeds) + FORWARD_STEPS * judged / plan.batch_size


def _telling(session: "Session", plan: "TrainingPlan") -> int:
    """Steps of the shortest race that says something of the planned run."""
    return min(TELLING_STEPS, math.ceil(TELLING_PART * planned_steps(session, plan)))


def _kept(runners: list[_Runner], keep: int) -> list[_Runner]:
    """The ``keep`` runners of the highest priority, in their order."""
    names = sorted((runner.name for runner in runners), key=PRIORITY.index)[:keep]
    return [runner for runner in runners if runner.name in names]


def _measured(session: "Session", race: _Field, ran: list[_Runner], left_out: tuple[str, ...]) -> Measured:
    """Facts and chart of the race."""
    import numpy as np

    assert session.plan is not None
    leader = max(ran, key=lambda runner: runner.accuracy)
    level = _level(ran, leader)
    winner = level[0]
    probe = next((runner for runner in ran if not runner.trains), None)
    entries = tuple(
        RaceEntry(
            name=runner.name,
            title=runner.title,
            strategy=runner.plan.strategy,
            head_start=runner.plan.head_start,
            head_epochs=runner.plan.head_epochs,
            optimizer=runner.plan.optimizer,
            layer_decay=runner.plan.layer_decay,
            learning_rate=runner.plan.learning_rate,
            steps=race.steps if runner.trains else 0,
            seeds=len(runner.hits),
            accuracy=_accuracy(runner.hits),
            loss=float(np.mean(runner.losses)),
            behind=_points(leader, runner) if runner is not leader else _nothing(len(race.select[1])),
            loss_behind=_nats(leader, runner) if runner is not leader else _nothing(len(race.select[1])),
        )
        for runner in sorted(ran, key=lambda runner: -runner.accuracy)
    )
    facts = RaceFacts(
        steps=race.steps,
        planned_steps=planned_steps(session, session.plan),
        seeds=min(len(runner.hits) for runner in ran),
        image_size_px=race.size,
        select_images=len(race.select[1]),
        leader=leader.name,
        recommended=winner.name,
        tied=len(level) > 1,
        tied_with=len(level) - 1,
        strategy=winner.plan.strategy,
        head_start=winner.plan.head_start,
        head_epochs=winner.plan.head_epochs,
        optimizer=winner.plan.optimizer,
        layer_decay=winner.plan.layer_decay,
        learning_rate=winner.plan.learning_rate,
        rate_factor=winner.plan.learning_rate / session.plan.learning_rate,
        gain_over_probe=_points(leader, probe) if probe else None,
        accuracy=_accuracy(winner.judged) if winner.judged else None,
        left_out=left_out,
        entries=entries,
    )
    return Measured(facts, (_chart(facts),))


def _level(ran: list[_Runner], leader: _Runner) -> list[_Runner]:
    """The leader and those of ``ran`` that it does not beat by two standard errors, the simplest first.

    To be beaten is to be less accurate or, where few images tell accuracies apart, to have the higher loss.
    """
    return [
        runner for runner in ran if runner is leader or max(_points(leader, runner).low, _nats(leader, runner).low) <= 0
    ]


def _nothing(images: int) -> Estimate:
    return Estimate(value=0.0, low=0.0, high=0.0, n=images)


def _points(leader: _Runner, runner: _Runner) -> Estimate:
    """Points of accuracy by which ``leader`` is ahead of ``runner``."""
    return _ahead(leader.hits, runner.hits, POINTS, least=1.0)


def _nats(leader: _Runner, runner: _Runner) -> Estimate:
    """Loss in nats by which ``leader`` is below ``runner``."""
    return _ahead(runner.losses, leader.losses, 1.0)


def _ahead(of: "list[np.ndarray]", over: "list[np.ndarray]", unit: float, least: float = 0.0) -> Estimate:
    """``of`` minus ``over``, lists over runs of (images,), in ``unit``: its mean, two standard errors to each side.

    Two sources of chance add up: which images judge, and which batches trained. To the images one win and one loss are
    added, as large as the largest and at ``least`` so large: a few that all point one way must not pass for certainty.
    """
    import numpy as np

    runs = min(len(of), len(over))
    each = np.array([a.astype(float) - b for a, b in zip(of[:runs], over[:runs], strict=True)])
    n, most = each.shape[1], max(least, float(np.abs(each.mean(0)).max()))
    variance = float(np.append(each.mean(0), [most, -most]).var(ddof=1)) / n
    if runs > 1:
        variance += float(each.mean(1).var(ddof=1)) / runs
    value, half = unit * float(each.mean()), unit * STANDARD_ERRORS * math.sqrt(variance)
    return Estimate(value=value, low=value - half, high=value + half, n=n)


def _accuracy(hits: "list[np.ndarray]") -> Estimate:
    """Mean accuracy over runs, with the interval of its images and its runs together."""
    import numpy as np

    images = accuracy(hits[0])
    value = float(np.mean(hits))
    spread = float(np.std([run.mean() for run in hits], ddof=1)) / math.sqrt(len(hits)) if len(hits) > 1 else 0.0
    half = math.hypot((images.high - images.low) / 2, Z95 * spread)
    return Estimate(value=value, low=max(0.0, value - half), high=min(1.0, value + half), n=images.n)


def _chart(facts: RaceFacts) -> Curve:
    places = tuple(float(place) for place in range(1, len(facts.entries) + 1))
    names = ", ".join(f"{place:.0f} {entry.title}" for place, entry in zip(places, facts.entries, strict=True))

    def series(name: str, values: tuple[float, ...]) -> Series:
        return Series(name=name, x=places, y=values)

    return Curve(
        name="race",
        title=f"Race of strategies, {facts.steps} steps each",
        x_label="place",
        y_label="accuracy",
        x_log=False,
        series=(
            series("mean", tuple(entry.accuracy.value for entry in facts.entries)),
            series("lower end", tuple(entry.accuracy.low for entry in facts.entries)),
            series("upper end", tuple(entry.accuracy.high for entry in facts.entries)),
        ),
        marks=(),
        note=f"{names}. The leader is ahead only where two standard errors, image by image, say so.",
    )


def cost(session: "Session") -> Cost:
    """Seconds of the smallest race that says something, and of a whole one."""
    plan = session.plan
    if plan is None:  # as if every strategy trained for a usual run
        batch, least, most = USUAL_BATCH, float(TELLING_STEPS), float(SEEDS[0] * len(PRIORITY) * MOST_STEPS)
    else:
        assert session.facts is not None
        fitted = session.fitted_head is not None or (session.facts.pretrained and not session.features)
        runners, batch = strategies(plan, fitted), plan.batch_size
        least = _steps(session, plan, _kept(runners, 2), _telling(session, plan), SEEDS[-1])
        most = _steps(session, plan, runners, min(MOST_STEPS, planned_steps(session, plan)), SEEDS[0])
    size = session.image_size
    return Cost(
        least_s=training.seconds_of(session, least + SPARE_STEPS, size, batch),
        most_s=training.seconds_of(session, most + SPARE_STEPS, size, batch),
    )


PROBE = Probe("race", "Race of strategies", "probe.race", run, cost, uses=("features",))
