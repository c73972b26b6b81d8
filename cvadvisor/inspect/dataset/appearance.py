"""What the images look like as a whole: sizes, colours, detail, and how far splits differ in that."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from cvadvisor.facts.dataset import SizeCount
from cvadvisor.inspect.dataset.layouts.reading import SPLITS
from cvadvisor.inspect.dataset.store import Store

EXTREME_ASPECT_RATIO = 3.0
MOST_SIZES = 300
_CELLS_AN_OCTAVE = 4
_CHANNELS = ("red", "green", "blue")
# Fewer images than this have means that say more about them than about their split.
_FEWEST_COMPARED = 20


def column(store: Store, expression: str, where: str = "1") -> "np.ndarray[Any, np.dtype[np.float64]]":
    """The values of ``expression`` over the readable images, as floats (images,)."""
    rows = store.rows(f"SELECT {expression} FROM temp.seen WHERE error IS NULL AND {where}")
    return np.fromiter((row[0] for row in rows), np.float64)


def size_facts(store: Store) -> dict[str, Any]:
    """Facts of widths, heights and aspect ratios."""
    short = column(store, "min(width, height)")
    if not short.size:
        return {}
    aspect = column(store, "max(width, height) * 1.0 / min(width, height)")
    return {
        "median_width_px": float(np.median(column(store, "width"))),
        "median_height_px": float(np.median(column(store, "height"))),
        "median_short_side_px": float(np.median(short)),
        "smallest_short_side_px": int(short.min()),
        "median_aspect_ratio": float(np.median(aspect)),
        "extreme_aspect_share": float((aspect > EXTREME_ASPECT_RATIO).mean()),
        "size_counts": _cells(
            store.rows("SELECT width, height, count(*) FROM temp.seen WHERE error IS NULL GROUP BY width, height")
        ),
    }


def _cells(sizes: Iterable[tuple[Any, ...]]) -> tuple[SizeCount, ...]:
    """Sizes gathered into cells of a logarithmic grid, those with most images first."""
    cells: dict[tuple[int, int], list[float]] = {}
    for width, height, images in sizes:
        key = (round(math.log2(width) * _CELLS_AN_OCTAVE), round(math.log2(height) * _CELLS_AN_OCTAVE))
        cell = cells.setdefault(key, [0.0, 0.0, 0])
        for place, value in enumerate((width * images, height * images, images)):
            cell[place] += value
    ranked = sorted(cells.values(), key=lambda cell: (-cell[2], cell))[:MOST_SIZES]
    return tuple(
        SizeCount(width_px=width / images, height_px=height / images, images=int(images))
        for width, height, images in ranked
    )


def look_facts(store: Store) -> dict[str, Any]:
    """Facts of colours and detail, over all splits."""
    detail = column(store, "fine_detail")
    if not detail.size:
        return {}
    means = [float(column(store, channel).mean()) for channel in _CHANNELS]
    squares = [float(column(store, f"{channel}_square").mean()) for channel in _CHANNELS]
    return {
        "grayscale_share": float(column(store, "grayscale").mean()),
        "fine_detail_share": float(np.median(detail)),
        "channel_means": tuple(means),
        "channel_stds": tuple(
            math.sqrt(max(0.0, square - mean**2)) for mean, square in zip(means, squares, strict=True)
        ),
        "cameras": store.one("SELECT count(DISTINCT camera) FROM temp.seen") or None,
    }


def shift_facts(store: Store) -> dict[str, Any]:
    """How the images of validation and test differ from those of training, in size and colour."""
    facts: dict[str, Any] = {}
    train = [column(store, channel, "split = 'train'") for channel in _CHANNELS]
    short = column(store, "min(width, height)", "split = 'train'")
    for split in SPLITS[1:]:
        other = [column(store, channel, f"split = '{split}'") for channel in _CHANNELS]
        if min(len(short), len(other[0])) < _FEWEST_COMPARED:
            continue
        sides = column(store, "min(width, height)", f"split = '{split}'")
        facts[f"{split}_size_ratio"] = float(np.median(sides) / np.median(short))
        facts[f"{split}_colour_shift"] = max(
            _standardised(a, b)
            for a, b in [*zip(train, other, strict=True), (sum(train), sum(other))]  # the sum is the brightness
        )
    return facts


def _standardised(a: Any, b: Any) -> float:
    """Difference of two means in standard deviations of a value of ``a``."""
    spread = float(np.std(a))
    return abs(float(np.mean(b)) - float(np.mean(a))) / spread if spread else 0.0
