"""Which value of the metadata sets a class apart, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cvadvisor.inspect.dataset.metadata_classifier import Codes, Floats
from cvadvisor.inspect.dataset.metadata_rows import NAMES, Rows
from cvadvisor.inspect.printable import printable

_LONGEST = 40

# How a range of a number is written; ``{}`` is '200' or '180 to 220'.
_NUMBER_WORDS = {
    "longer": "longer side {} px",
    "shorter": "shorter side {} px",
    "aspect": "width {} times the height",
    "bits": "{} bits a channel",
    "frames": "{} frame(s)",
    "quality": "JPEG quality {}",
    "orientation": "EXIF orientation {}",
    "border": "a border of {} of the area",
    "number": "numbers {}",
    "length": "names of {} characters",
}
_FLAG_WORDS = {
    "grayscale": ("colour", "no colour"),
    "transparent": ("no transparency", "transparency"),
    "dated": ("no time in EXIF data", "a time in EXIF data"),
}
_NAME_WORDS = {"format": "{}", "mode": "pixels as {}", "camera": "camera {}", "stem": "names like '{}'"}
_NONE = {"camera": "no camera in EXIF data", "taken": "no time in EXIF data", "number": "no number in the name"}


@dataclass(frozen=True)
class Evidence:
    """A value, or a range of values, that is more frequent in one class than in the others."""

    value: str
    inside: float
    """Share of the class that has it."""
    outside: float
    """Share of the other images that have it."""

    @property
    def gain(self) -> float:
        """How much more frequent it is in the class."""
        return self.inside - self.outside


@dataclass(frozen=True, slots=True)
class _Range:
    """A run of bins, and the shares of the class and of the others that lie in it."""

    first: int
    last: int
    inside: float
    outside: float

    @property
    def gain(self) -> float:
        return self.inside - self.outside


def evidence_of(
    rows: Rows, features: Sequence[str], codes: Sequence[Codes], inside: "np.ndarray[Any, Any]", frequency: Floats
) -> tuple[Evidence, ...]:
    """For each class, the value of one of ``features`` by which it differs most from the others.

    Args:
        rows: the images.
        features: names of features.
        codes: the features in bins, of the images ``inside``.
        inside: (images,) which images are looked at.
        frequency: (classes,) how much each class counts among the others.
    """
    labels = rows.labels[inside]
    classes = len(rows.classes)
    ranges = [_ranges(feature, code, labels, frequency) for feature, code in zip(features, codes, strict=True)]
    return tuple(_evidence(rows, features, codes, inside, label, ranges) for label in range(classes))


def _evidence(
    rows: Rows,
    features: Sequence[str],
    codes: Sequence[Codes],
    inside: "np.ndarray[Any, Any]",
    label: int,
    ranges: list[list[_Range]],
) -> Evidence:
    number = max(range(len(features)), key=lambda number: ranges[number][label].gain)
    found = ranges[number][label]
    own = rows.labels[inside] == label
    within = (codes[number] >= found.first) & (codes[number] <= found.last) & own
    values = rows.columns[features[number]][inside][within]
    if not len(values):
        return Evidence("nothing", 0.0, 0.0)
    return Evidence(_words(rows, features[number], values), found.inside, found.outside)


def _ranges(feature: str, codes: Codes, labels: Codes, frequency: Floats) -> list[_Range]:
    """For each class, the run of bins that is most more frequent in it; of names, one bin alone."""
    bins, classes = int(codes.max()) + 1, len(frequency)
    counts = np.bincount(codes * classes + labels, minlength=bins * classes).reshape(bins, classes)
    mine = counts / np.maximum(counts.sum(axis=0), 1)
    others = np.maximum(frequency.sum() - frequency, 1e-12)
    theirs = np.maximum((mine @ frequency)[:, None] - mine * frequency, 0.0) / others
    found = []
    for label in range(classes):
        gain = mine[:, label] - theirs[:, label]
        first = last = int(gain.argmax())
        if feature not in NAMES:
            # The run with the largest sum: from the lowest point of the running sum to the highest after it.
            running = np.concatenate([[0.0], np.cumsum(gain)])
            last = int((running[1:] - np.minimum.accumulate(running[:-1])).argmax())
            first = int(running[: last + 1].argmin())
        run = slice(first, last + 1)
        found.append(_Range(first, last, float(mine[run, label].sum()), float(theirs[run, label].sum())))
    return found


def _words(rows: Rows, feature: str, values: Floats) -> str:
    known = values[~np.isnan(values)]
    if feature in NAMES:
        name = rows.names[feature][int(np.median(values))]
        if feature in _FLAG_WORDS:
            return _FLAG_WORDS[feature][bool(name)]
        return _NONE[feature] if name is None else _NAME_WORDS[feature].format(printable(str(name))[:_LONGEST].strip())
    if not known.size:
        return _NONE.get(feature, "nothing")
    low, high = (_number(feature, float(value)) for value in (known.min(), known.max()))
    if feature == "taken":
        return f"taken from {low} to {high}"
    return _NUMBER_WORDS[feature].format(low if low == high else f"{low} to {high}")


def _number(feature: str, value: float) -> str:
    if feature == "border":
        return f"{value:.0%}"
    if feature == "taken":
        digits = f"{value:014.0f}"
        return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]} {digits[8:10]}:{digits[10:12]}"
    return f"{value:.2f}" if feature == "aspect" else f"{value:.0f}"
