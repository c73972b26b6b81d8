"""How much alike the images of a group look, against shuffled groups: whether a grouping means anything.

Every image becomes a short vector (its colours, levels and a coarse gray picture) from which the mean of its class and
split is taken. If a grouping means nothing, shuffling it among the images of one class and split changes nothing.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from cvadvisor.inspect.dataset.store import Store

MOST_IMAGES = 2_400
"""Images that one grouping is measured on: whole groups of some classes."""
MOST_OF_A_GROUP = 12
MOST_GROUPS_OF_A_STRATUM = 40
SHUFFLES = 999

_COARSE = 8
# Dimensions that are kept: inner products hardly change, and shuffling costs a quarter.
_DIMENSIONS = 20
_CLIPPED = 3.0
# Shuffles at least as good as the grouping after which it is plain that it means nothing.
_ENOUGH = 5
_COLOUR = (
    *("red", "green", "blue", "red_square", "green_square", "blue_square"),
    *("dark_level", "middle_level", "bright_level", "fine_detail", "sharpness"),
)
_SEEN = f"""
SELECT {", ".join(f"look.{name}" for name in _COLOUR)}, thumbnail.jpeg
FROM temp.file JOIN main.look ON look.path = file.path LEFT JOIN main.thumbnail ON thumbnail.path = file.path
WHERE file.id = ?
"""

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Vectors = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Evidence:
    """How much alike images of one group are."""

    likeness: float
    """Mean correlation of two images of one group, about the mean of their classes and splits: 0 by chance, 1 alike."""
    by_chance: float
    """The most that it was in any shuffle."""
    p: float
    """Share of the shuffles, this grouping counted among them, that were at least as good: 0.001 at best."""
    pairs: int
    """Pairs of images that it was measured on."""


def drawn(groups: Numbers, strata: Numbers, seed: int = 0) -> Numbers:
    """Positions of a sample of images that keeps groups together.

    Args:
        groups: the group of each image (images,), below 0 for one that is in none.
        strata: its class and split as a number (images,).
    """
    generator = np.random.default_rng(seed)
    members = np.flatnonzero(groups >= 0)
    members = members[generator.permutation(len(members))]
    # Few groups of few images of each stratum, and strata one after the other: what is compared has to be comparable.
    key = groups[members].astype(np.int64) * (int(strata.max(initial=0)) + 1) + strata[members]
    members = members[_rank_within(key) < MOST_OF_A_GROUP]
    first_of = _home(groups, strata, members)
    names, home = np.unique(groups[members], return_inverse=True)
    order_of_group = generator.permutation(len(names))
    stratum_of_group = first_of[names]
    by_order = np.argsort(order_of_group)
    rank = np.empty(len(names), np.int64)
    rank[by_order] = _rank_within(stratum_of_group[by_order])
    kept_groups = rank < MOST_GROUPS_OF_A_STRATUM
    shuffled = generator.permutation(int(strata.max(initial=0)) + 1)
    sort = np.lexsort((order_of_group, shuffled[stratum_of_group]))
    sizes = np.bincount(home, minlength=len(names))[sort] * kept_groups[sort]
    chosen = np.zeros(len(names), bool)
    chosen[sort[(np.cumsum(sizes) <= MOST_IMAGES) & kept_groups[sort]]] = True
    return np.sort(members[chosen[home]])


def _home(groups: Numbers, strata: Numbers, members: Numbers) -> Numbers:
    """The stratum of one image of each group, by group."""
    home = np.zeros(int(groups.max(initial=-1)) + 1, np.int64)
    home[groups[members]] = strata[members]
    return home


def _rank_within(keys: Numbers) -> Numbers:
    """How many equal keys come before each."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(keys) else np.zeros(0, np.int64)
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.repeat(starts, np.diff(np.r_[starts, len(keys)]))
    return rank


def vectors(store: Store, files: Iterable[int]) -> Vectors:
    """What each of ``files`` looks like, (files, numbers)."""
    made = []
    for file in files:
        *colour, jpeg = next(store.rows(_SEEN, int(file)))
        made.append(np.concatenate([np.array(colour, np.float32), _coarse(jpeg)]))
    return np.array(made, np.float32).reshape(len(made), -1)


def _coarse(jpeg: bytes | None) -> Vectors:
    """The thumbnail as 8x8 gray levels."""
    if jpeg is None:
        return np.zeros(_COARSE * _COARSE, np.float32)
    with Image.open(io.BytesIO(jpeg)) as image:
        image.draft("L", (_COARSE, _COARSE))  # libjpeg decodes an eighth of the size at once
        small = np.asarray(image.convert("L"), np.float32)
    if small.shape != (_COARSE, _COARSE):
        side = small.shape[0] // _COARSE
        small = small.reshape(_COARSE, side, _COARSE, side).mean(axis=(1, 3))
    return np.asarray(small.ravel() / 255, np.float32)


def measure(looks: Vectors, strata: Numbers, groups: Numbers, apart: Sequence[Numbers] = ()) -> Evidence | None:
    """Compare images of one group with shuffled groups; ``None`` where there is nothing to compare.

    Args:
        looks: what the images look like (images, numbers).
        strata: class and split of each (images,).
        groups: its group (images,).
        apart: a finer grouping, if any: only pairs that it keeps apart are compared.
    """
    points = _standardised(looks, strata)
    fine = [_joined(groups, finer) for finer in apart]
    pairs = _pairs(groups) - sum(map(_pairs, fine))
    if points is None or pairs <= 0 or not _can_be_shuffled(strata, groups):
        return None
    orders = [np.argsort(names, kind="stable") for names in (groups, *fine)]
    starts = [_starts(names[order]) for names, order in zip((groups, *fine), orders, strict=True)]

    def likeness(shuffled: Vectors) -> float:
        sums = [
            float((np.add.reduceat(shuffled[order], at, axis=0) ** 2).sum())
            for order, at in zip(orders, starts, strict=True)
        ]
        # Squared sums hold every image with itself, too; a finer grouping's hold the same.
        alone = float((shuffled**2).sum()) if len(sums) == 1 else sums[1]
        return (sums[0] - alone) / (2 * pairs)

    found = likeness(points)
    generator = np.random.default_rng(0)
    in_order = np.argsort(strata, kind="stable")
    shuffled = np.empty_like(in_order)
    tried, as_good, most = 0, 0, -1.0
    while tried < SHUFFLES and as_good < _ENOUGH:
        shuffled[in_order] = np.argsort(strata + generator.random(len(strata)))
        by_chance = likeness(points[shuffled])
        tried, most = tried + 1, max(most, by_chance)
        as_good += by_chance >= found
    return Evidence(found, most, (1 + as_good) / (1 + tried), pairs)


def _standardised(looks: Vectors, strata: Numbers) -> Vectors | None:
    """Vectors about the mean of their stratum, of length 1 on average, so that an inner product is a correlation."""
    _, number = np.unique(strata, return_inverse=True)
    sizes = np.bincount(number)
    means = np.stack([np.bincount(number, column) / sizes for column in looks.T.astype(np.float64)], axis=1)
    centred = looks - means[number]
    spread = centred.std(axis=0)
    informative = spread > 1e-6
    if not informative.any():
        return None
    centred = np.clip(centred[:, informative] / spread[informative], -_CLIPPED, _CLIPPED)
    weights = np.where(np.flatnonzero(informative) < len(_COLOUR), 1 / len(_COLOUR), 1 / _COARSE**2) ** 0.5
    weighed = centred * weights
    _, _, axes = np.linalg.svd(weighed.T @ weighed)
    points = (weighed @ axes[:_DIMENSIONS].T).astype(np.float32)
    scale = float((points**2).sum(axis=1).mean()) ** 0.5
    return points / scale if scale > 0 else None


def _joined(groups: Numbers, finer: Numbers) -> Numbers:
    _, names = np.unique(np.stack([groups, finer]), axis=1, return_inverse=True)
    return names.reshape(-1)


def _pairs(names: Numbers) -> int:
    sizes = np.unique(names, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def _starts(ordered: Numbers) -> Numbers:
    return np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])


def _can_be_shuffled(strata: Numbers, groups: Numbers) -> bool:
    """Whether any stratum holds more than one group."""
    return len(np.unique(np.stack([strata, groups]), axis=1)[0]) > len(np.unique(strata))
