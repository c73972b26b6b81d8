"""Pairs of pictures that may show the same: every picture's parts against others' wholes."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from cvadvisor.inspect.dataset.near.alignment import Array
from cvadvisor.inspect.dataset.near.descriptors import (
    FEW,
    MANY,
    MOST,
    SOME,
    Descriptors,
    Part,
    describe,
    describe_whole,
    scales,
    turn,
)
from cvadvisor.inspect.dataset.near.neighbours import Candidates, Wholes, best
from cvadvisor.inspect.dataset.near.pictures import TRAIN, Pictures

_PARTS = ((30_000_000, MOST), (150_000_000, MANY), (5_000_000_000, SOME))
"""Pairs of pictures up to which pictures are compared in most, many or some parts, and beyond in few."""
_PARTNERS = 3
"""Partners that are considered for a picture among training images, and among the others."""
_MOST_GUESSES, _MOST_A_PICTURE = 120_000, 2
"""The guesses that are kept, the most alike: more than are ever looked at."""
_SAMPLE = 4_000
_PARTS_AT_ONCE = 100_000
"""Parts that are described and searched for at once: 22 MB."""
_WHOLES_AT_ONCE = 250_000
"""Pictures whose descriptors are held at once: about 200 MB."""


@dataclass(frozen=True)
class Guesses:
    """Pairs of pictures that may show the same; rows belong together."""

    first: Array
    """Number of the picture that may lie in the second as a whole."""
    second: Array
    maps: Array
    """Where it may lie there (n, 3, 3); see :mod:`cvadvisor.inspect.dataset.near.alignment`."""
    cosine: Array

    def __len__(self) -> int:
        return len(self.cosine)

    def at(self, rows: Array) -> "Guesses":
        """Those of the ``rows``."""
        return Guesses(self.first[rows], self.second[rows], self.maps[rows], self.cosine[rows])


def find_candidates(pictures: Pictures, told: Callable[[int, int], None]) -> Guesses:
    """Pairs that may show the same, each once, the most alike first; of each, at least one picture is fresh.

    Args:
        pictures: all there are.
        told: called with how many pictures were compared, and how many there are to compare.
    """
    numbers, fresh = np.arange(len(pictures)), pictures.fresh
    scale = scales(pictures.thumbnails(numbers[:: max(1, len(numbers) // _SAMPLE)]))
    train = pictures.splits == TRAIN
    sides = [side for side in (numbers[train], numbers[~train]) if len(side)]
    guesses: list[Guesses] = []
    most = _MOST_GUESSES + _MOST_A_PICTURE * len(pictures)
    done, shards = 0, _shards(sides)
    for shard in shards:
        for some in sides:
            for compared, is_fresh in ((some[fresh[some]], True), (some[~fresh[some]], False)):
                against = [others if is_fresh else others[fresh[others]] for others in shard]
                across = [bool(train[others[0]] != train[some[0]]) for others in shard]
                by = ("whole", "partial") if fresh.all() else ("partial",) if is_fresh else ("whole",)
                for found, count in _compare(pictures, scale, compared, against, across, by):
                    guesses.append(found)
                    if sum(map(len, guesses)) > 2 * most:
                        guesses = [_distinct(guesses).at(np.arange(most))]
                    done += count
                    told(done, len(numbers) * len(shards))
    told(len(numbers) * len(shards), len(numbers) * len(shards))
    return _distinct(guesses)


def _shards(sides: list[Array]) -> list[list[Array]]:
    """The pictures whose descriptors are held at once: all sides, or parts of one."""
    if sum(map(len, sides)) <= _WHOLES_AT_ONCE:
        return [sides]
    return [[side[start : start + _WHOLES_AT_ONCE]] for side in sides for start in range(0, len(side), _WHOLES_AT_ONCE)]


def _compare(
    pictures: Pictures,
    scale: Array,
    compared: Array,
    against: list[Array],
    across: list[bool],
    by: tuple[str, ...],
) -> Iterator[tuple[Guesses, int]]:
    """The most promising pairs of the pictures ``compared``, by parts, with those ``against``, as wholes.

    With each, how many of ``compared`` it is of.

    Args:
        pictures: all there are.
        scale: of the descriptors' coefficients.
        compared: numbers of pictures.
        against: for each side of the split, numbers of pictures.
        across: whether those are of the other side than ``compared``.
        by: whose best pairs count: old pictures, which met others before, have no say in what is found for new ones.
    """
    targets: dict[tuple[Part, ...], list[Wholes]] = {}
    for others, apart in zip(against, across, strict=True):
        if len(others) and len(compared):
            parts = _parts(len(compared) * len(others), across=apart)
            wholes = _described(pictures, others, lambda block: describe_whole(block, scale))
            targets.setdefault(parts, []).append(Wholes(wholes, len(compared) * len(parts)))
    step = _PARTS_AT_ONCE // max(map(len, targets), default=1)
    for start in range(0, len(compared) if targets else 0, step):
        block = compared[start : start + step]
        found = []
        for parts, sides in targets.items():
            described = _described(pictures, block, functools.partial(describe, scale=scale, parts=parts))
            found += [_guesses(best(wholes.near(described), _PARTNERS, by), parts) for wholes in sides]
        yield _distinct(found), len(block)


def _guesses(found: Candidates, parts: tuple[Part, ...]) -> Guesses:
    placed = np.stack([part.map() for part in parts])
    turned = np.zeros((8, 3, 3), np.float32)
    turned[:, 2, 2] = 1
    turned[:, :2, :2] = [turn(orientation) for orientation in range(8)]
    maps = placed[found.part] @ turned[found.part_turned] @ turned[found.whole_turned].transpose(0, 2, 1)
    return Guesses(found.whole, found.partial, maps, found.cosine)


def _distinct(guesses: list[Guesses]) -> Guesses:
    """Of each two pictures, the guess that is most alike."""
    if not guesses:
        none = np.zeros(0, np.int32)
        return Guesses(none, none, np.zeros((0, 3, 3), np.float32), np.zeros(0, np.float32))
    joined = Guesses(
        *(np.concatenate([getattr(one, name) for one in guesses]) for name in Guesses.__dataclass_fields__)
    )
    low, high = np.minimum(joined.first, joined.second), np.maximum(joined.first, joined.second)
    order = np.lexsort((-joined.cosine, high, low))
    first = np.ones(len(order), bool)
    first[1:] = (low[order][1:] != low[order][:-1]) | (high[order][1:] != high[order][:-1])
    kept = order[first]
    return joined.at(kept[np.argsort(-joined.cosine[kept], kind="stable")])


def _parts(pairs: int, *, across: bool) -> tuple[Part, ...]:
    """The parts to compare in: the fewer, the more pairs there are. What leaks between splits is worth more work."""
    if not across:
        pairs *= 8
    return next((parts for most, parts in _PARTS if pairs <= most), FEW)


def _described(pictures: Pictures, numbers: Array, describing: Callable[[Array], Descriptors]) -> Descriptors:
    """Descriptors of pictures, with their own numbers."""
    step = 256  # what is worked on stays in the processor's cache
    made = []
    for start in range(0, len(numbers), step):
        block = numbers[start : start + step]
        one = describing(pictures.thumbnails(block))
        made.append(Descriptors(one.vectors, block[one.pictures], one.parts, one.orientations))
    return Descriptors(
        *(np.concatenate([getattr(one, name) for one in made]) for name in Descriptors.__dataclass_fields__)
    )
