"""Who won the race, and by how much: compared image by image, so that the easy images cancel."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cvadvisor.facts import Estimate
from cvadvisor.facts.race import RaceEntry, RaceFacts
from cvadvisor.facts.seen import Curve, Series
from cvadvisor.probe.accuracy import Z95, accuracy
from cvadvisor.probe.declaration import Measured
from cvadvisor.probe.race.strategies import EFFORT, Runner

if TYPE_CHECKING:
    import numpy as np

STANDARD_ERRORS = 2.0
"""By which a strategy is beaten."""
LEVEL_ERRORS = 1.0
"""Of those that are not beaten the simplest within so many is recommended, of equally simple ones the most accurate.
With two, a race of few images or runs, which tells little apart, would go to the linear probe where training was 10
points better."""
POINTS = 100.0


@dataclass(frozen=True)
class Sizes:
    """Steps of each run and of the planned one, the input's side in px, and the images that choose."""

    steps: int
    planned_steps: int
    image_px: int
    select_images: int


def measured(ran: list[Runner], sizes: Sizes, rate: float, left_out: tuple[str, ...]) -> Measured:
    """Facts and chart of the race of ``ran``, the simplest first, for a recipe whose learning rate was ``rate``."""
    import numpy as np

    leader = max(ran, key=lambda runner: runner.accuracy)
    level_ones = level(ran, leader)
    winner = min(level(ran, leader, LEVEL_ERRORS), key=lambda runner: (EFFORT[runner.name], -runner.accuracy))
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
            steps=sizes.steps if runner.trains else 0,
            seeds=len(runner.hits),
            accuracy=_accuracy(runner.hits),
            loss=float(np.mean(runner.losses)),
            behind=points_behind(leader, runner) if runner is not leader else _nothing(sizes.select_images),
            loss_behind=nats_behind(leader, runner) if runner is not leader else _nothing(sizes.select_images),
        )
        for runner in sorted(ran, key=lambda runner: -runner.accuracy)
    )
    facts = RaceFacts(
        steps=sizes.steps,
        planned_steps=sizes.planned_steps,
        seeds=min(len(runner.hits) for runner in ran),
        image_size_px=sizes.image_px,
        select_images=sizes.select_images,
        leader=leader.name,
        recommended=winner.name,
        tied=len(level_ones) > 1,
        tied_with=len(level_ones) - 1,
        strategy=winner.plan.strategy,
        head_start=winner.plan.head_start,
        head_epochs=winner.plan.head_epochs,
        optimizer=winner.plan.optimizer,
        layer_decay=winner.plan.layer_decay,
        learning_rate=winner.plan.learning_rate,
        rate_factor=winner.plan.learning_rate / rate,
        gain_over_probe=points_behind(leader, probe) if probe else None,
        accuracy=_accuracy(winner.judged) if winner.judged else None,
        left_out=left_out,
        entries=entries,
    )
    return Measured(facts, (_chart(facts),))


def level(ran: list[Runner], leader: Runner, errors: float = STANDARD_ERRORS) -> list[Runner]:
    """The leader and those of ``ran`` that it does not beat by so many standard errors, the simplest first.

    To be beaten is to be less accurate or, where few images tell accuracies apart, to have the higher loss.
    """

    def beaten(runner: Runner) -> bool:
        ahead = points_behind(leader, runner), nats_behind(leader, runner)
        return any(by.value > (by.value - by.low) * errors / STANDARD_ERRORS for by in ahead)

    return [runner for runner in ran if runner is leader or not beaten(runner)]


def _nothing(images: int) -> Estimate:
    return Estimate(value=0.0, low=0.0, high=0.0, n=images)


def points_behind(leader: Runner, runner: Runner) -> Estimate:
    """Points of accuracy by which ``leader`` is ahead of ``runner``."""
    return _ahead(leader.hits, runner.hits, POINTS, least=1.0)


def nats_behind(leader: Runner, runner: Runner) -> Estimate:
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
