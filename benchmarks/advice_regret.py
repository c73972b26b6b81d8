"""How far a learning rate is from the best of a sweep: pure arithmetic, in accuracy between 0 and 1."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

Grid = Mapping[float, Mapping[int, float]]
"""Accuracy by learning rate and seed."""


@dataclass(frozen=True)
class Regret:
    """The best of a sweep minus something else."""

    value: float
    at_least: bool = False
    """Whether a rate lay outside of the sweep: its accuracy was taken at the edge, which flatters it."""
    error: float | None = None
    """Standard error over seeds, where it is known."""


def grid(lowest: float, points: int, factor: float) -> list[float]:
    """``points`` rates from ``lowest`` on, each ``factor`` times the one before."""
    return [float(f"{lowest * factor**step:.6g}") for step in range(points)]


def means(sweep: Grid) -> dict[float, float]:
    """Mean accuracy over seeds by rate, the rates rising."""
    return {rate: fmean(sweep[rate].values()) for rate in sorted(sweep)}


def best_rate(sweep: Grid) -> float:
    """The rate of the best mean; the lowest of equals."""
    of = means(sweep)
    return max(of, key=lambda rate: of[rate])


def on_edge(sweep: Grid) -> bool:
    """Whether the best rate is the lowest or the highest: the best may lie outside."""
    return best_rate(sweep) in (min(sweep), max(sweep))


def accuracy_at(of: Mapping[float, float], rate: float) -> tuple[float, bool]:
    """Accuracy at ``rate``, linear in log(rate) between grid points; and whether the rate lies outside of the grid.

    Outside, the accuracy is that of the nearest edge.
    """
    rates = sorted(of)
    if rate <= rates[0] or rate >= rates[-1]:
        edge = rates[0] if rate <= rates[0] else rates[-1]
        return of[edge], not math.isclose(rate, edge, rel_tol=1e-6)
    above = next(index for index, point in enumerate(rates) if point >= rate)
    low, high = rates[above - 1], rates[above]
    share = math.log(rate / low) / math.log(high / low)
    return of[low] + share * (of[high] - of[low]), False


def of_picks(sweep: Grid, picks: Sequence[float]) -> Regret:
    """The regret of rates that somebody picked, one a seed, averaged."""
    of = means(sweep)
    found = [accuracy_at(of, rate) for rate in picks]
    return Regret(max(of.values()) - fmean(value for value, _ in found), any(outside for _, outside in found))


def of_runs(others: Mapping[Any, Mapping[int, float]], own: Mapping[int, float]) -> Regret:
    """The regret of runs by seed: the best of ``others`` minus them, with the standard error over the pairs."""
    best = max(others.values(), key=lambda of: fmean(of.values()))
    seeds = sorted(set(best) & set(own))
    value = fmean(best.values()) - fmean(own.values())
    if len(seeds) < 2:
        return Regret(value)
    return Regret(value, error=stdev(best[seed] - own[seed] for seed in seeds) / math.sqrt(len(seeds)))


def together(regrets: Sequence[Regret]) -> tuple[Regret, Regret]:
    """The mean and the worst of several regrets."""
    worst = max(regrets, key=lambda regret: regret.value)
    mean = Regret(fmean(regret.value for regret in regrets), any(regret.at_least for regret in regrets))
    return mean, Regret(worst.value, worst.at_least)


def share_error(share: float, images: int) -> float:
    """Standard error of a share of ``images``, by Agresti and Coull, so that none is 0."""
    corrected = (share * images + 2) / (images + 4)
    return math.sqrt(corrected * (1 - corrected) / (images + 4))
