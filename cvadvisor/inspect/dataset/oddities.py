"""Images that stand out: each kind is counted in the store, with the most extreme as examples.

Where a fixed bound would cry wolf (a night-time dataset is dark), an image must also lie far from what is usual in this
dataset: beyond the median by a number of robust standard deviations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cvadvisor.facts.dataset import Found, ImageExample
from cvadvisor.inspect.dataset.appearance import EXTREME_ASPECT_RATIO, column
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable

MOST_EXAMPLES = 12
# Median absolute deviations a standard deviation of a normal distribution.
_MAD = 1.4826


@dataclass(frozen=True)
class _Kind:
    """One way to stand out.

    Attributes:
        where: SQL condition; ``{low}``, ``{middle}`` and ``{high}`` are the usual values of ``usual``.
        measured: Python format of the columns ``shown``, for people.
        shown: SQL expressions, comma-separated.
        extreme: SQL expression that is largest where the image stands out most.
        usual: SQL expression whose usual range is needed, and how that range is taken.
    """

    where: str
    measured: str
    shown: str = "path"
    extreme: str = "NULL"
    usual: "_Usual | None" = None


@dataclass(frozen=True)
class _Usual:
    """The range of a measurement that is usual in a dataset: so many robust standard deviations from the median.

    ``least`` is the smallest standard deviation that is believed, so that a dataset of equal images does not make each
    tiny difference extreme.
    """

    expression: str
    deviations: float
    least: float


_ASPECT = "max(width, height) * 1.0 / min(width, height)"
_KINDS = {
    "blank": _Kind("blank", "one value"),
    "dark": _Kind(
        "NOT blank AND bright_level < 0.2 AND bright_level < {low}",
        "95 % of the pixels are darker than {0:.0%} gray",
        "bright_level",
        "-bright_level",
        _Usual("bright_level", 4, 0.02),
    ),
    "bright": _Kind(
        "NOT blank AND dark_level > 0.85 AND dark_level > {high}",
        "95 % of the pixels are brighter than {0:.0%} gray",
        "dark_level",
        "dark_level",
        _Usual("dark_level", 4, 0.02),
    ),
    "low_contrast": _Kind(
        "NOT blank AND bright_level >= 0.2 AND dark_level <= 0.85 AND bright_level - dark_level < 0.12"
        " AND bright_level - dark_level < {low}",
        "gray levels {0:.0%} to {1:.0%}",
        "dark_level, bright_level",
        "dark_level - bright_level",
        _Usual("bright_level - dark_level", 3, 0.02),
    ),
    "blurred": _Kind(
        "NOT blank AND sharpness < 0.05 AND sharpness < {low}",
        "sharpness {0:.2f}",
        "sharpness",
        "-sharpness",
        _Usual("sharpness", 2, 0.02),
    ),
    "noisy": _Kind(
        "NOT blank AND noise > 0.045 AND noise > {high}",
        "noise of {0:.1%} of the gray range",
        "noise",
        "noise",
        _Usual("noise", 5, 0.002),
    ),
    "overcompressed": _Kind(
        "quality < 30 AND quality < {low}",
        "JPEG quality about {0}",
        "quality",
        "-quality",
        _Usual("quality", 3, 2.0),
    ),
    "tiny": _Kind(
        "min(width, height) < 32 AND min(width, height) * 4 < {middle}",
        "{0}x{1} px",
        "width, height",
        "-min(width, height)",
        _Usual("min(width, height)", 0, 0.0),
    ),
    "extreme_aspect": _Kind(
        f"{_ASPECT} > {EXTREME_ASPECT_RATIO} AND {_ASPECT} > {{high}}",
        "{0}x{1} px",
        "width, height",
        _ASPECT,
        _Usual(_ASPECT, 5, 0.05),
    ),
    "transparent": _Kind("transparent", "{0}, {1}", "format, mode"),
    "cmyk": _Kind("mode IN ('CMYK', 'YCCK')", "{0}, {1}", "format, mode"),
    "deep": _Kind("bits > 8", "{0}, {1} bits a channel", "format, bits", "bits"),
    "animated": _Kind("frames > 1", "{0} with {1} frames", "format, frames", "frames"),
    "rotated": _Kind("orientation > 1", "EXIF orientation {0}", "orientation"),
    "misnamed": _Kind("misnamed", "is a {0}", "format"),
    "damaged": _Kind("warning IS NOT NULL", "{0}", "warning"),
    "bordered": _Kind("NOT blank AND border >= 0.1", "{0:.0%} of the area is border", "border", "border"),
}
_GRAY = _Kind("grayscale AND NOT blank", "no colour")
_NONE = _Kind("0", "")

# Below this share an image without colour is an exception, above it the dataset is one without colour.
_MOSTLY = 0.5


def find_oddities(store: Store) -> dict[str, Found]:
    """Every kind of image that stands out, by the name of its fact; also those with no image."""
    readable = store.one("SELECT count(*) FROM temp.seen WHERE error IS NULL") or 0
    gray = store.one("SELECT avg(grayscale) FROM temp.seen WHERE error IS NULL") or 0.0
    kinds = _KINDS | {"gray_in_colour": _GRAY if gray < _MOSTLY else _NONE}
    return {name: _find(store, kind, readable) for name, kind in kinds.items()}


def _find(store: Store, kind: _Kind, readable: int) -> Found:
    where = kind.where.format(**_range(store, kind.usual)) if kind.usual else kind.where
    images = store.one(f"SELECT count(*) FROM temp.seen WHERE error IS NULL AND ({where})")
    examples = tuple(_examples(store, kind, where)) if images else ()
    return Found(images=images, share=images / readable if readable else 0.0, examples=examples)


def _range(store: Store, usual: _Usual) -> dict[str, float]:
    """The middle of a measurement, and the bounds of what is usual."""
    values = column(store, usual.expression, f"NOT blank AND {usual.expression} IS NOT NULL")
    if not values.size:
        return {"low": 0.0, "middle": 0.0, "high": 0.0}
    middle = float(np.median(values))
    reach = usual.deviations * max(_MAD * float(np.median(np.abs(values - middle))), usual.least)
    return {"low": middle - reach, "middle": middle, "high": middle + reach}


def _examples(store: Store, kind: _Kind, where: str) -> Iterator[ImageExample]:
    query = f"""
    SELECT path, split, (SELECT group_concat(name, ', ') FROM (SELECT CAST(name AS TEXT) AS name FROM temp.label
        WHERE label.file = seen.file ORDER BY 1)), {kind.shown}
    FROM temp.seen WHERE error IS NULL AND ({where}) ORDER BY {kind.extreme} DESC, path LIMIT {MOST_EXAMPLES}
    """
    for path, split, label, *values in store.rows(query):
        yield ImageExample(
            path=printable(to_text(path)),
            split=split,
            label=printable(label or ""),
            measured=printable(kind.measured.format(*values)),
        )
