"""What the metadata classifier learns from: a bounded sample of the images, a column of numbers for each feature.

Only what says how a file was made is read, never what the picture shows: bytes a pixel, mean colours, sharpness and
noise all follow from what was photographed. The time of the last change is left out too: copying or unpacking a folder
sets it in the order of the paths, and so by class.
"""

import re
from array import array
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from cvadvisor.inspect.dataset.metadata_classifier import Codes, Floats, name_codes, number_codes
from cvadvisor.inspect.dataset.store import Store, to_text

SPLITS = ("train", "validation", "test")
MOST_IMAGES = (10_000, 2_500, 2_500)
"""Images of each split that are read, about: enough for a standard error of half a point, and of one."""
# The work is a comparison for each image and class: with many classes, fewer images are read.
_MOST_COMPARISONS = 500_000
MOST_CLASSES = 100
FEWEST_IMAGES = 10
"""Training images that a class needs to take part: fewer agree in something by chance."""
# Groups are kept whole where each class has as many: a class of one group would have nothing to be learnt from.
_FEWEST_GROUPS = 10

_NUMBERS = (
    "longer",
    "shorter",
    "aspect",
    "bits",
    "frames",
    "quality",
    "orientation",
    "border",
    "taken",
    "number",
    "length",
)
NAMES = ("format", "mode", "grayscale", "transparent", "camera", "dated", "stem")
"""Features whose numbers stand for names."""

_COUNTS = """
SELECT label, sample.split, count(*) FROM temp.usable JOIN temp.sample ON sample.file = usable.file GROUP BY 1, 2
"""
_COMPARED = """
CREATE TEMP TABLE compared (
    split TEXT, name BLOB,
    below INTEGER,             -- what the hash of a row that is read lies below, of 2^32
    PRIMARY KEY (split, name)
) WITHOUT ROWID
"""
# The multiplier is 2^32 over the golden ratio, so that any run of rows comes out evenly spread, whatever its class.
_SAMPLE = """
SELECT label, seen.split, seen.grouping, seen.look_hash, seen.path, width, height, format, mode, bits, frames, quality,
    orientation, border, grayscale, transparent, camera, taken
FROM temp.usable CROSS JOIN temp.sample ON sample.file = usable.file
CROSS JOIN temp.compared ON compared.split = sample.split AND compared.name = label
CROSS JOIN temp.seen ON seen.file = usable.file
WHERE (usable.rowid * 2654435761 & 4294967295) < compared.below
"""
_NUMBER = re.compile(r"\d+")
_NO_LETTERS = re.compile(r"[\W\d_]+")
# Longer ones are hashes, and no float64 holds them.
_MOST_DIGITS = 15


@dataclass(frozen=True)
class Rows:
    """Sampled images.

    Attributes:
        classes: the classes, largest first; a label is an index into them.
        split: (images,) 0 for training, 1 for validation, 2 for test.
        labels: (images,).
        frequency: (splits, classes) share of each class among all images of the split; NaN for a split without any.
        units: (images,) what belongs together: copies, or members of a group.
        columns: what was seen, (images,) a feature: numbers (NaN where there is none), or numbers that stand for names.
        names: the names that such numbers stand for.
    """

    classes: tuple[bytes, ...]
    split: Codes
    labels: Codes
    frequency: Floats
    units: Codes
    columns: dict[str, Floats]
    names: dict[str, tuple[Any, ...]]

    def codes(self, feature: str) -> Codes:
        """The feature in bins."""
        column = self.columns[feature]
        return name_codes(column.astype(np.int64)) if feature in NAMES else number_codes(column)


class _Numbering(dict[Any, int]):
    """Numbers names in the order in which they come."""

    def __missing__(self, name: Any) -> int:
        number = self[name] = len(self)
        return number


def read_rows(store: Store) -> Rows | None:
    """Sample the images of the classes that are large enough; ``None`` where fewer than two are.

    Of a small class more is read than of a large one: a class can be given away however rare it is.

    Args:
        store: a store with the view ``seen`` and the table ``usable``.
    """
    counts: dict[str, Counter[bytes]] = {split: Counter() for split in SPLITS}
    for label, split, images in store.rows(_COUNTS):
        counts[split][label] = images
    large = [label for label, images in counts["train"].items() if images >= FEWEST_IMAGES]
    classes = tuple(sorted(large, key=lambda label: (-counts["train"][label], label))[:MOST_CLASSES])
    if len(classes) < 2:
        return None
    images = np.array([[counts[split][label] for label in classes] for split in SPLITS])
    store.run(_COMPARED)
    for split, most, of_split in zip(SPLITS, MOST_IMAGES, images, strict=True):
        below = 2**32 * shares_read(of_split, min(most, _MOST_COMPARISONS * most // MOST_IMAGES[0] // len(classes)))
        store.insert("temp.compared", zip([split] * len(classes), classes, map(int, below), strict=True))
    rows = _read(store, classes, images)
    store.run("DROP TABLE temp.compared")
    return rows


def shares_read(images: Codes, most: int) -> Floats:
    """The share of each class that is read, so that no more than ``most`` are: as equally many of each as there are.

    Args:
        images: (classes,) images of each class.
        most: images to read in all.
    """
    left, quota = float(most), np.inf
    for place, count in enumerate(sorted(int(count) for count in images)):
        if count * (len(images) - place) > left:
            quota = left / (len(images) - place)
            break
        left -= count
    return np.asarray(np.minimum(1.0, quota / np.maximum(images, 1)))


def _read(store: Store, classes: tuple[bytes, ...], images: Codes) -> Rows:
    """Read the rows that the table ``compared`` chooses; ``images`` (splits, classes) is what there is."""
    label_of = {name: number for number, name in enumerate(classes)}
    splits, labels, copies, groups = array("q"), array("q"), array("q"), array("q")
    numbers = {feature: array("d") for feature in (*_NUMBERS, *NAMES)}
    numbering = {feature: _Numbering() for feature in (*NAMES, "copy", "group")}
    for label, split, group, look, path, *seen in store.rows(_SAMPLE):
        splits.append(SPLITS.index(split))
        labels.append(label_of[label])
        copies.append(numbering["copy"][look])
        groups.append(-1 if group is None else numbering["group"][group])
        for feature, value in _features(path, *seen).items():
            kept = numbering[feature][value] if feature in NAMES else value
            numbers[feature].append(np.nan if kept is None else kept)
    columns = {feature: np.array(values) for feature, values in numbers.items()}
    # A format without a quality is told by its format; it must not be told by that a second time.
    known = columns["quality"][~np.isnan(columns["quality"])]
    columns["quality"][np.isnan(columns["quality"])] = np.median(known) if known.size else 0.0
    split_of, label_of_row = np.array(splits), np.array(labels)
    with np.errstate(invalid="ignore"):
        frequency = images / images.sum(axis=1, keepdims=True)
    return Rows(
        classes,
        split_of,
        label_of_row,
        frequency,
        _units(np.array(copies), np.array(groups), label_of_row, split_of),
        columns,
        {feature: tuple(numbering[feature]) for feature in NAMES},
    )


def _units(copies: Codes, groups: Codes, labels: Codes, split: Codes) -> Codes:
    """What belongs together: groups, where every class has enough of them in training; else copies."""
    grouped = (groups >= 0) & (split == 0)
    pairs = np.unique(np.stack([labels[grouped], groups[grouped]]), axis=1)
    if np.bincount(pairs[0], minlength=int(labels.max()) + 1).min() < _FEWEST_GROUPS:
        return copies
    return np.where(groups >= 0, groups, copies + groups.max() + 1)


def _features(
    path: bytes,
    width: int,
    height: int,
    format_: str,
    mode: str,
    bits: int,
    frames: int,
    quality: int | None,
    orientation: int,
    border: float,
    grayscale: int,
    transparent: int,
    camera: str | None,
    taken: str | None,
) -> dict[str, Any]:
    """Each feature of one image."""
    name = to_text(path).rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    digits = _NUMBER.findall(stem)
    return {
        "longer": max(width, height),
        "shorter": min(width, height),
        "aspect": width / height,
        "format": format_,
        "mode": mode,
        "bits": bits,
        "frames": frames,
        "quality": quality,
        "orientation": orientation,
        "border": border,
        "grayscale": grayscale,
        "transparent": transparent,
        "camera": camera,
        "dated": taken is not None,
        "taken": None if taken is None else float(re.sub(r"\D", "", taken)),
        "number": float(digits[-1]) if digits and len(digits[-1]) <= _MOST_DIGITS else None,
        "stem": _NO_LETTERS.sub(" ", stem.lower()),
        "length": len(stem),
    }
