"""Trials of learning rates: how many fit, how two compare, and which one is chosen.

Runs of one seed see the same batches, so that two rates are compared image by image.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cvadvisor.facts import Estimate
from cvadvisor.probe.accuracy import Z95

if TYPE_CHECKING:
    import numpy as np

FACTOR = 2.0
"""Between neighbouring rates: a third of a decade, finer than the noise of short runs."""
FEWEST_STEPS, TRUSTED_STEPS, LONG_STEPS = 30, 55, 150
"""Steps of a trial: the fewest that are tried; the fewest that are believed; enough for any planned length.

A run that starts from a fitted head first loses some of what the head knew, and wins it back later. On two datasets
runs of 8 to 25 steps chose a third to a tenth of the rate that was best at 60, as slow rates lose less; of 55 and more
they chose the best one or its neighbour.
"""
LONG_SHARE = 0.4
"""Share of the planned steps that a trial need not exceed."""
MOST_RUNS, LAST_RUNS = 6, 2
"""Trials of one round; trials of a last and longer round, where there is time for two rounds."""
FIELD = 3
"""Rates that a parabola takes."""
MOST_SEEDS = 3
ROUNDING = 1e-6
"""What rounding may take from a whole number of steps."""
MARGIN = 2.0
"""The chosen rate is at least so far below one that broke down, where a lower one is as good."""
ALMOST = 1.0 + 1e-9
"""A factor that rounding may not turn into less than one."""


@dataclass(frozen=True)
class Round:
    """A round of trials: so many steps each, and how many of them can be afforded."""

    steps: int
    runs: int


def plan_rounds(total: float, planned: int, judging: float) -> list[Round]:
    """Rounds that cost at most ``total`` steps, where judging a trial costs ``judging``; none where nothing fits.

    Few long trials rather than many short ones. Where there are steps for it, a second round takes the two best rates
    further.
    """
    first = Round(LONG_STEPS, MOST_RUNS - 1)
    left = total - first.runs * (first.steps + judging)
    last = min(planned, math.floor(left / LAST_RUNS - judging + ROUNDING))
    if last >= 2 * first.steps:
        return [first, Round(last, LAST_RUNS)]
    length = min(planned, max(TRUSTED_STEPS, min(LONG_STEPS, math.floor(LONG_SHARE * planned))))
    runs = max(LAST_RUNS, min(MOST_RUNS, math.floor(total / (length + judging) + ROUNDING)))
    length = min(planned, math.floor(total / runs - judging + ROUNDING))
    return [Round(length, runs)] if length >= fewest_steps(planned) else []


def fewest_steps(planned: int) -> int:
    """Steps of the shortest trial for a run of ``planned`` steps."""
    return max(1, min(planned, FEWEST_STEPS))


def next_rate(tried: "list[Trial]", start_loss: float) -> float | None:
    """The rate to try next: beyond the edge that is best, or ``None`` where the best has a neighbour on each side.

    After the first trial: upwards if training was better than none, else downwards. From the fourth trial on in double
    steps, as the best is far from where the search began.
    """
    best = chosen(tried)
    factor = FACTOR if len(tried) < FIELD else FACTOR**2
    if len(tried) == 1:
        upwards = not best.broke_down and best.loss <= start_loss
    elif best not in (tried[0], tried[-1]):
        return None
    else:
        upwards = best is tried[-1] and not best.broke_down
    return best.rate * factor if upwards else tried[0].rate / factor


@dataclass
class Trial:
    """All runs of one rate and length; ``losses`` and ``hits`` are (runs, images)."""

    rate: float
    steps: int
    losses: "list[np.ndarray]" = field(default_factory=list)
    hits: "list[np.ndarray]" = field(default_factory=list)
    broke_down: bool = False

    @property
    def each(self) -> "np.ndarray":
        """Loss of each image, mean over runs."""
        import numpy as np

        return np.mean(self.losses, axis=0)

    @property
    def loss(self) -> float:
        """Mean loss over images and runs."""
        return float(self.each.mean())

    def only(self, run: int) -> "Trial":
        """The same trial with one of its runs."""
        return Trial(self.rate, self.steps, [self.losses[run]], [self.hits[run]], self.broke_down)


def chosen(tried: list[Trial]) -> Trial:
    """Of ``tried`` the highest rate within a standard error of the least loss and well below the first that broke down.

    Of rates that tie the highest, because short runs favour low ones: what starts from a fitted head first loses some
    of what the head knew, and the faster it learns the sooner it wins that back.
    """
    least = min(tried, key=lambda trial: trial.loss)
    cliff = min((trial.rate for trial in tried if trial.broke_down and trial.rate > least.rate), default=math.inf)
    level = [trial for trial in tried if within_noise(trial, least, 1.0) and trial.rate * MARGIN <= cliff * ALMOST]
    return max([least, *level], key=lambda trial: trial.rate)


def within_noise(trial: Trial, least: Trial, errors: float = Z95) -> bool:
    """Whether ``trial`` is no worse than ``least`` by so many standard errors, and did not break down."""
    runs = min(len(trial.losses), len(least.losses))
    each = [a - b for a, b in zip(trial.losses[:runs], least.losses[:runs], strict=True)]
    worse = paired(sum(each[1:], each[0]) / runs)
    return trial is least or (not trial.broke_down and worse.value <= errors * (worse.value - worse.low) / Z95)


def around(tried: list[Trial]) -> list[Trial]:
    """The chosen one of ``tried`` and its neighbours, those that broke down left out."""
    best = tried.index(chosen(tried))
    return [trial for trial in tried[max(0, best - 1) : best + 2] if not trial.broke_down]


def best_rate(tried: list[Trial]) -> float:
    """The chosen rate; where it has the least loss of its neighbours, the lowest point of a parabola over log(rate).

    A neighbour that broke down says on which side not to be, not how far: it counts as no worse than the other one.
    """
    import numpy as np

    best = tried.index(chosen(tried))
    near = tried[max(0, best - 1) : best + 2]
    losses = np.array([trial.loss for trial in near])
    if len(near) < FIELD or losses.argmin() != 1:
        return tried[best].rate
    x = np.log([trial.rate for trial in near]) - math.log(tried[best].rate)
    sound = [trial.loss for trial in near if not trial.broke_down]
    curve, slope, _ = np.polyfit(x, np.minimum(losses, max(sound)), 2)
    return (
        tried[best].rate * float(np.exp(np.clip(-slope / (2 * curve), x[0], x[2]))) if curve > 0 else tried[best].rate
    )


def paired(differences: "np.ndarray") -> Estimate:
    """Mean of ``differences`` (images,), with its 95 % interval over images."""
    import numpy as np

    n = len(differences)
    half = Z95 * float(differences.std(ddof=1)) / math.sqrt(n) if n > 1 else float(np.abs(differences).max())
    mean = float(differences.mean())
    return Estimate(value=mean, low=mean - half, high=mean + half, n=n)
