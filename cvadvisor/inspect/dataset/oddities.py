"""Images that stand out: each kind is counted in the store, with the most extreme as examples.

Where a fixed bound would cry wolf (a night-time dataset is dark), an image must also lie far from what is usual in this
dataset. The bounds are in ``rules/definitions.yaml``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from cvadvisor.facts.dataset import Found, ImageExample
from cvadvisor.inspect.dataset.appearance import column
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable
from cvadvisor.shipped import shipped

MOST_EXAMPLES = 12
# Median absolute deviations a standard deviation of a normal distribution.
_MAD = 1.4826


@dataclass(frozen=True)
class _Kind:
    """One way to stand out.

    Attributes:
        where: SQL condition; ``{bound}`` and the like come from the definitions, ``{low}``, ``{middle}`` and ``{high}``
            from what is usual in this dataset.
        measured: Python format of the columns ``shown``, for people.
        shown: SQL expressions, comma-separated.
        extreme: SQL expression that is largest where the image stands out most.
        usual: SQL expression whose usual range is needed.
    """

    where: str
    measured: str
    shown: str = "path"
    extreme: str = "NULL"
    usual: str | None = None


_ASPECT = "max(width, height) * 1.0 / min(width, height)"
_CONTRAST = "bright_level - dark_level"
_KINDS = {
    "blank": _Kind("blank", "one value"),
    "dark": _Kind(
        "NOT blank AND bright_level < {bound} AND bright_level < {low}",
        "95 % of the pixels are darker than {0:.0%} gray",
        "bright_level",
        "-bright_level",
        "bright_level",
    ),
    "bright": _Kind(
        "NOT blank AND dark_level > {bound} AND dark_level > {high}",
        "95 % of the pixels are brighter than {0:.0%} gray",
        "dark_level",
        "dark_level",
        "dark_level",
    ),
    "low_contrast": _Kind(  # a dark or bright image has no contrast either: one cause, one finding
        f"NOT blank AND {_CONTRAST} < {{bound}} AND {_CONTRAST} < {{low}} AND bright_level >= {{dark}}"
        " AND dark_level <= {bright}",
        "gray levels {0:.0%} to {1:.0%}",
        "dark_level, bright_level",
        f"-({_CONTRAST})",
        _CONTRAST,
    ),
    "blurred": _Kind(
        "NOT blank AND sharpness < {bound} AND sharpness < {low}",
        "sharpness {0:.2f}",
        "sharpness",
        "-sharpness",
        "sharpness",
    ),
    "noisy": _Kind(
        "NOT blank AND noise > {bound} AND noise > {high}",
        "noise of {0:.1%} of the gray range",
        "noise",
        "noise",
        "noise",
    ),
    "overcompressed": _Kind(
        "quality < {bound} AND quality < {low}", "JPEG quality about {0}", "quality", "-quality", "quality"
    ),
    "tiny": _Kind(
        "min(width, height) < {bound} AND min(width, height) < {share} * {middle}",
        "{0}x{1} px",
        "width, height",
        "-min(width, height)",
        "min(width, height)",
    ),
    "extreme_aspect": _Kind(
        f"{_ASPECT} > {{bound}} AND {_ASPECT} > {{high}}", "{0}x{1} px", "width, height", _ASPECT, _ASPECT
    ),
    "transparent": _Kind("transparent", "{0}, {1}", "format, mode"),
    "cmyk": _Kind("mode IN ('CMYK', 'YCCK')", "{0}, {1}", "format, mode"),
    "deep": _Kind("bits > 8", "{0}, {1} bits a channel", "format, bits", "bits"),
    "animated": _Kind("frames > 1", "{0} with {1} frames", "format, frames", "frames"),
    "rotated": _Kind("orientation > 1", "EXIF orientation {0}", "orientation"),
    "misnamed": _Kind("misnamed", "is a {0}", "format"),
    "damaged": _Kind("warning IS NOT NULL", "{0}", "warning"),
    "bordered": _Kind("NOT blank AND border >= {bound}", "{0:.0%} of the area is border", "border", "border"),
    "gray_in_colour": _Kind("grayscale AND NOT blank AND {gray_share} < {bound}", "no colour"),
}


@cache
def definitions() -> dict[str, dict[str, float]]:
    """The bounds of each kind, from ``rules/definitions.yaml``."""
    import yaml

    loaded: dict[str, dict[str, float]] = yaml.safe_load((shipped("rules") / "definitions.yaml").read_text("utf-8"))
    return loaded


def find_oddities(store: Store) -> dict[str, Found]:
    """Every kind of image that stands out, by the name of its fact; also those with no image."""
    readable, gray_share = next(
        store.rows("SELECT count(*), coalesce(avg(grayscale), 0.0) FROM temp.seen WHERE error IS NULL")
    )
    bounds = definitions()
    shared = {"gray_share": gray_share, "dark": bounds["dark"]["bound"], "bright": bounds["bright"]["bound"]}
    return {name: _find(store, kind, bounds.get(name, {}), shared, readable) for name, kind in _KINDS.items()}


def _find(store: Store, kind: _Kind, bounds: Mapping[str, float], shared: Mapping[str, float], readable: int) -> Found:
    usual = _usual(store, kind.usual, bounds) if kind.usual else {}
    where = kind.where.format(**bounds, **shared, **usual)
    images = store.one(f"SELECT count(*) FROM temp.seen WHERE error IS NULL AND ({where})")
    examples = tuple(_examples(store, kind, where)) if images else ()
    return Found(images=images, share=images / readable if readable else 0.0, examples=examples)


def _usual(store: Store, expression: str, bounds: Mapping[str, float]) -> dict[str, float]:
    """The median of a measurement, and the bounds of what is usual around it."""
    values = column(store, expression, f"NOT blank AND {expression} IS NOT NULL")
    if not values.size:
        return {"low": 0.0, "middle": 0.0, "high": 0.0}
    middle = float(np.median(values))
    spread = max(_MAD * float(np.median(np.abs(values - middle))), bounds.get("least", 0.0))
    reach = bounds.get("deviations", 0.0) * spread
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
