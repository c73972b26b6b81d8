"""Which whole pictures look like which parts of others: near neighbours among descriptors.

Few are compared one with each other. Of many, an inverted file is made: k-means (faiss) finds centres, a part goes to
the cell of its nearest centre, a whole to the cells of several, and within a cell all are compared by one matrix
product. The number of centres grows with the root of the number of descriptors, and so the share of the pairs that is
compared shrinks; see benchmarks/README.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from cvadvisor.inspect.dataset.near.alignment import Array
from cvadvisor.inspect.dataset.near.descriptors import Descriptors

LEAST_COSINE = 0.65
"""Below, two descriptors do not suggest the same picture."""
_MUCH_ALIKE = 0.75
_COMPARE_ALL = 20_000_000
"""Comparisons up to which everything is compared with everything."""
_CELLS_OF_A_WHOLE = 16
_MOST_CELLS = 4_096
_TRAINED_ON = 40
"""Descriptors for each centre, to find the centres."""
_AT_ONCE = 250_000
"""Comparisons in one matrix product: 1 MB, which stays in the processor's cache until it was looked through."""
_MOST_OF_A_PART = 16
"""Wholes that a part is compared with in earnest, where very many look like it: more than are kept in the end."""
_HELD = 1_000_000
"""Pairs that are held before all but the best are dropped: dropping them takes up to 200 MB for a moment."""


@dataclass(frozen=True)
class Candidates:
    """Pairs that may be the same picture; rows belong together."""

    whole: Array
    """Number of the picture that was compared as a whole."""
    partial: Array
    """Number of the picture of which a part was compared."""
    part: Array
    """Number of that part."""
    whole_turned: Array
    """Orientation of the whole; see :class:`cvadvisor.inspect.dataset.near.descriptors.Descriptors`."""
    part_turned: Array
    cosine: Array

    def __len__(self) -> int:
        return len(self.cosine)

    def at(self, rows: Array) -> "Candidates":
        """Those of the ``rows``."""
        return Candidates(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


class Wholes:
    """Whole pictures to search among. The numbers of their pictures are the caller's."""

    def __init__(self, wholes: Descriptors, parts: int) -> None:
        """Sort ``wholes`` into cells, as many as ``parts`` parts to be searched for are worth."""
        self.wholes = wholes
        count = len(wholes.vectors)
        self._centres: Array | None = None
        cells = 1
        if count * parts > _COMPARE_ALL:
            cells = min(_MOST_CELLS, max(32, int((count * parts) ** 0.25)), max(1, count // _TRAINED_ON))
        if cells > _CELLS_OF_A_WHOLE:
            self._centres = _centres(wholes.vectors, cells)
            near = _nearest(wholes.vectors, self._centres, _CELLS_OF_A_WHOLE).ravel()
            order = np.argsort(near, kind="stable").astype(np.int64)
            self._members = (order // _CELLS_OF_A_WHOLE).astype(np.int32)
            self._starts = np.searchsorted(near[order], np.arange(cells + 1))

    def near(self, parts: Descriptors) -> Iterator[Candidates]:
        """Every pair of a part and a whole that are alike, but for those of one picture.

        The more parts are searched for at once, the better: the wholes of a cell are gathered once for all of them.
        """
        if self._centres is None:
            yield from self._compared(parts, np.arange(len(parts.vectors)), np.arange(len(self.wholes.vectors)))
            return
        cell = _nearest(parts.vectors, self._centres, 1)[:, 0]
        order = np.argsort(cell, kind="stable")
        starts = np.searchsorted(cell[order], np.arange(len(self._centres) + 1))
        for number in range(len(self._centres)):
            rows = order[starts[number] : starts[number + 1]]
            columns = self._members[self._starts[number] : self._starts[number + 1]]
            if len(rows) and len(columns):
                yield from self._compared(parts, rows, columns)

    def _compared(self, parts: Descriptors, rows: Array, columns: Array) -> Iterator[Candidates]:
        wholes, against = self.wholes, np.ascontiguousarray(self.wholes.vectors[columns].T)
        step = max(1, _AT_ONCE // max(1, len(columns)))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            cosines = parts.vectors[some] @ against
            good = np.flatnonzero(cosines >= LEAST_COSINE)
            if len(good) > _MOST_OF_A_PART * len(some) and len(columns) > _MOST_OF_A_PART:
                least = -np.partition(-cosines, _MOST_OF_A_PART - 1, axis=1)[:, _MOST_OF_A_PART - 1 : _MOST_OF_A_PART]
                good = np.flatnonzero(cosines >= np.maximum(least, np.float32(LEAST_COSINE)))
            cosine = cosines.ravel()[good]
            row, column = np.divmod(good, len(columns))
            row, column = some[row], columns[column]
            other = parts.pictures[row] != wholes.pictures[column]
            row, column, cosine = row[other], column[other], cosine[other]
            yield Candidates(
                whole=wholes.pictures[column],
                partial=parts.pictures[row],
                part=parts.parts[row],
                whole_turned=wholes.orientations[column],
                part_turned=parts.orientations[row],
                cosine=cosine,
            )


def join(found: Sequence[Candidates]) -> Candidates:
    """All of them as one."""
    if not found:
        none = np.zeros(0, np.int32)
        return Candidates(none, none, none, none, none, np.zeros(0, np.float32))
    return Candidates(
        **{field.name: np.concatenate([getattr(one, field.name) for one in found]) for field in fields(Candidates)}
    )


def best(found: Iterable[Candidates], most: int, by: Sequence[str] = ("whole", "partial")) -> Candidates:
    """The best way each two pictures fit, for the pairs of each whole and of each partial that fit best.

    Those are ``most`` where they are much alike, and else one. ``by`` names the sides that count: the best of only one
    of them where the others are no candidates in earnest. What ``found`` yields is dropped on the way.
    """
    held: list[Candidates] = []
    rows, limit = 0, _HELD
    for some in found:
        held.append(some)
        rows += len(some)
        if rows > limit:
            held = [_best(join(held), most, by)]
            rows = len(held[0])
            limit = max(_HELD, 2 * rows)
    return _best(join(held), most, by)


def _best(found: Candidates, most: int, by: Sequence[str]) -> Candidates:
    order = np.lexsort((-found.cosine, found.partial, found.whole))
    whole, partial = found.whole[order], found.partial[order]
    first = np.ones(len(order), bool)
    first[1:] = (whole[1:] != whole[:-1]) | (partial[1:] != partial[:-1])
    found = found.at(order[first])
    allowed = np.where(found.cosine >= _MUCH_ALIKE, most, 1)
    kept = np.zeros(len(found), bool)
    for side in by:
        kept |= _ranks(getattr(found, side), found.cosine) < allowed
    return found.at(kept)


def _ranks(group: Array, cosine: Array) -> Array:
    """The rank of each row within its group, the largest cosine first."""
    order = np.lexsort((-cosine, group))
    starts = np.flatnonzero(np.r_[True, group[order][1:] != group[order][:-1]])
    placed = np.empty(len(order), np.int64)
    placed[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return placed


def _centres(vectors: Array, cells: int) -> Array:
    import faiss

    sample = vectors[:: max(1, len(vectors) // (cells * _TRAINED_ON))]
    means = faiss.Kmeans(vectors.shape[1], cells, niter=6, spherical=True, seed=0, max_points_per_centroid=_TRAINED_ON)
    means.train(sample)
    return np.asarray(means.centroids)


def _nearest(vectors: Array, centres: Array, most: int) -> Array:
    """The ``most`` centres nearest to each vector."""
    import faiss

    index: Any = faiss.IndexFlatIP(centres.shape[1])
    index.add(centres)
    return np.asarray(index.search(vectors, most)[1], np.int32)
