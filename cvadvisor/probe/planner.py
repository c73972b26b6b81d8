"""Which probes run within the time that is left, and how long each may take.

A pure function of numbers. Probes are ordered once, by what they are worth a second together with what they need, and
the plan takes them from the front of that order until one does not fit: so more time never drops a probe. What the
smallest plans leave is then handed out by value.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

LEAST_COST_S = 0.01
"""A probe that costs next to nothing: its worth a second stays a number."""


@dataclass(frozen=True)
class Candidate:
    """A probe that may run.

    Attributes:
        name: its name.
        needs: names of probes that have to be done before.
        least_s: seconds of its smallest plan.
        most_s: seconds of its largest plan that is worth its time.
        value: the weight of what waits for its facts; with 0 it runs only if another that needs it does.
    """

    name: str
    needs: tuple[str, ...]
    least_s: float
    most_s: float
    value: float


@dataclass(frozen=True)
class Planned:
    """A probe that runs, the seconds that it may plan with, and the smallest plan's seconds."""

    name: str
    seconds: float
    least_s: float


@dataclass(frozen=True)
class LeftOut:
    """A probe that does not run: the seconds that are lacking, or the probe that it needs and that can't be done.

    Neither, where it has no value and nobody needs it.
    """

    name: str
    lacking_s: float | None = None
    lacking_need: str | None = None


@dataclass(frozen=True)
class Plan:
    """What runs, in the order given, and what does not."""

    runs: tuple[Planned, ...]
    left_out: tuple[LeftOut, ...]

    def least_after_first(self) -> float:
        """Seconds that the smallest plans of all but the first probe need."""
        return sum(planned.least_s for planned in self.runs[1:])


def plan(candidates: Sequence[Candidate], seconds: float, done: Collection[str] = (), grain_s: float = 0.0) -> Plan:
    """Plan ``candidates`` within ``seconds``.

    Args:
        candidates: probes that have not run, in the order in which they run; needs come before who needs them.
        seconds: the time that is left.
        done: probes whose results are there.
        grain_s: what the smallest plans leave is handed out in whole pieces of this size, so that a machine's small
            delays do not change a plan; 0 hands out all of it.
    """
    order = _order(candidates, frozenset(done))
    chosen, used = [], 0.0
    lacking: dict[str, float] = {}
    for candidate in order:
        used += candidate.least_s
        if used > seconds:
            lacking[candidate.name] = used - seconds
        else:
            chosen.append(candidate)
    runs = _of_use([candidate for candidate in candidates if candidate in chosen])
    spare = max(0.0, seconds - sum(candidate.least_s for candidate in runs))
    if grain_s > 0:
        spare = math.floor(spare / grain_s) * grain_s
    allowed = _shared_out(runs, spare)
    return Plan(
        tuple(Planned(candidate.name, allowed[candidate.name], candidate.least_s) for candidate in runs),
        tuple(
            LeftOut(candidate.name, lacking.get(candidate.name), _lacking_need(candidate, candidates, frozenset(done)))
            for candidate in candidates
            if candidate not in runs
        ),
    )


def _of_use(runs: Sequence[Candidate]) -> list[Candidate]:
    """``runs`` without those that have no value and that none of the others needs."""
    kept: list[Candidate] = []
    for one in reversed(runs):
        if one.value > 0 or any(one.name in other.needs for other in kept):
            kept.insert(0, one)
    return kept


def _order(candidates: Sequence[Candidate], done: frozenset[str]) -> list[Candidate]:
    """Those that can run, what they need before them: the most value a second first, whatever the budget."""
    order: list[Candidate] = []
    while True:
        there = done | {candidate.name for candidate in order}
        groups = [
            group
            for candidate in candidates
            if candidate.name not in there and (group := _with_needs(candidate, candidates, there)) is not None
        ]
        if not groups:
            return order
        order += max(groups, key=_worth)


def _worth(group: Iterable[Candidate]) -> float:
    members = list(group)
    return sum(one.value for one in members) / max(LEAST_COST_S, sum(one.least_s for one in members))


def _with_needs(candidate: Candidate, candidates: Sequence[Candidate], there: frozenset[str]) -> list[Candidate] | None:
    """``candidate`` after all that it needs and that is not there; ``None`` where that can't be had."""
    earlier = candidates[: candidates.index(candidate)]
    group: list[Candidate] = []
    for need in candidate.needs:
        if need in there or any(one.name == need for one in group):
            continue
        found = next((one for one in earlier if one.name == need), None)
        needed = None if found is None else _with_needs(found, candidates, there)
        if needed is None:
            return None
        group += [one for one in needed if one not in group]
    return [*group, candidate]


def _lacking_need(candidate: Candidate, candidates: Sequence[Candidate], done: frozenset[str]) -> str | None:
    """The need for which ``candidate`` can't run, however much time there is."""
    if _with_needs(candidate, candidates, done) is not None:
        return None
    earlier = {one.name: one for one in candidates[: candidates.index(candidate)]}
    for need in candidate.needs:
        if need not in done and (need not in earlier or _with_needs(earlier[need], candidates, done) is None):
            return need
    return None


def _shared_out(runs: Sequence[Candidate], spare: float) -> dict[str, float]:
    """Seconds by probe: each has its least, and of ``spare`` a part by its value, up to its most.

    Probes without value of their own get what the others can't use.
    """
    seconds = {one.name: one.least_s for one in runs}
    for weights in ({one: one.value for one in runs if one.value > 0}, dict.fromkeys(runs, 1.0)):
        open_ones = [one for one in weights if seconds[one.name] < one.most_s]
        while open_ones and spare > 0:
            rate = spare / sum(weights[one] for one in open_ones)
            full = [one for one in open_ones if seconds[one.name] + rate * weights[one] >= one.most_s]
            for one in full or open_ones:
                given = min(one.most_s - seconds[one.name], rate * weights[one])
                seconds[one.name] += given
                spare -= given
            open_ones = [one for one in open_ones if one not in full] if full else []
    return seconds
