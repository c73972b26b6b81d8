"""The facts of a dataset, from its layout and its scan."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from cvadvisor.facts.dataset import ClassSize, DatasetFacts, UnreadableFile
from cvadvisor.inspect.dataset.duplicates import MOST_EXAMPLES, find_duplicates
from cvadvisor.inspect.dataset.layouts import Layout, Split
from cvadvisor.inspect.dataset.scan import ScannedImage
from cvadvisor.inspect.printable import printable

EXTREME_ASPECT_RATIO = 3.0

# Words that a mirror image makes wrong, and the shapes that such classes are made of.
_DIRECTIONS = frozenset(
    {"left", "leftward", "leftwards", "right", "rightward", "rightwards", "turn", "turns", "uturn", "arrow", "arrows"}
    | {"clockwise", "counterclockwise", "anticlockwise", "cw", "ccw", "mirror", "mirrored", "flipped"}
)
# Written numbers are drawn digits only where they are the whole name: "one piece" is a dress.
_NUMBERS = frozenset({"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"})
# What the folder of a character is often called in full: "letter_a", "digit 3".
_CHARACTER_PREFIXES = frozenset({"letter", "digit", "number", "character", "char"})
_SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def summarise(layout: Layout, scanned: Sequence[ScannedImage]) -> DatasetFacts:
    """Every fact of a dataset of which at least one training image is readable."""
    readable = [image for image in scanned if image.error is None]
    unreadable = [image for image in scanned if image.error is not None]
    return DatasetFacts(
        layout=layout.name,
        train_folder=printable(layout.train_folder),
        validation_folder=_printable(layout.validation_folder),
        test_folder=_printable(layout.test_folder),
        files=layout.files,
        images=len(scanned),
        readable_images=len(readable),
        unreadable_images=len(unreadable),
        other_files=layout.other_files,
        total_bytes=sum(image.size_bytes for image in scanned),
        unreadable_examples=tuple(
            UnreadableFile(path=printable(image.file.path), reason=image.error or "")
            for image in unreadable[:MOST_EXAMPLES]
        ),
        mirror_sensitive_classes=count_mirror_sensitive({image.file.label for image in scanned}),
        **_size_facts(layout, _class_counts(scanned)),
        **_pixel_facts(readable),
        **_duplicate_facts(layout, readable),
    )


def count_mirror_sensitive(labels: Iterable[str]) -> int:
    """How many class names say that the class is another one, or none, in a mirror.

    A single letter or digit (most are wrong when mirrored), a direction (left, clockwise, arrow, turn), or a digit's
    name. A guess from names: "right whale" counts and need not, a sign known by its number does not and might.
    """
    return sum(_is_mirror_sensitive(label) for label in labels)


def _is_mirror_sensitive(label: str) -> bool:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", label)  # turnLeft
    words = [word for word in re.split(r"[\W_]+", spaced.lower()) if word]
    if _DIRECTIONS.intersection(words):
        return True
    if len(words) == 2 and words[0] in _CHARACTER_PREFIXES:
        words = words[1:]
    return len(words) == 1 and (len(words[0]) == 1 or words[0] in _NUMBERS)


def _printable(path: str | None) -> str | None:
    return None if path is None else printable(path)


def _class_counts(scanned: Iterable[ScannedImage]) -> dict[str, Counter[Split]]:
    """Readable images of each class in each split; a class of unreadable images alone has none."""
    counts: dict[str, Counter[Split]] = {}
    for image in scanned:
        counts.setdefault(image.file.label, Counter())[image.file.split] += image.error is None
    return counts


def _size_facts(layout: Layout, counts: dict[str, Counter[Split]]) -> dict[str, Any]:
    """Sizes of classes and splits."""
    labels = sorted(counts, key=lambda label: (-counts[label]["train"], label))
    trained = [label for label in labels if counts[label]["train"]]
    train = {label: counts[label]["train"] for label in trained}
    total = sum(train.values())
    untrained = sorted(label for label in labels if not counts[label]["train"] and counts[label].total())
    largest, smallest = trained[0], min(trained, key=lambda label: (train[label], label))
    facts: dict[str, Any] = {
        "classes": len(labels),
        "class_sizes": tuple(
            ClassSize(name=printable(label), **{split: counts[label][split] for split in _SPLITS}) for label in labels
        ),
        "train_images": total,
        "has_validation_split": layout.validation_folder is not None,
        "has_test_split": layout.test_folder is not None,
        "imbalance_ratio": train[largest] / train[smallest],
        "largest_class": printable(largest),
        "smallest_class": printable(smallest),
        "largest_class_share": train[largest] / total,
        "smallest_class_images": train[smallest],
        "mean_class_images": total / len(trained),
        "classes_missing_from_train": len(untrained),
        "missing_from_train": tuple(map(printable, untrained)),
    }
    if layout.test_folder is not None:
        facts["test_images"] = sum(count["test"] for count in counts.values())
    if layout.validation_folder is not None:
        validation = sum(count["validation"] for count in counts.values())
        unvalidated = sorted(label for label in trained if not counts[label]["validation"])
        facts |= {
            "validation_images": validation,
            "validation_share": validation / total,
            "validation_standard_error": math.sqrt(0.25 / validation) if validation else None,
            "classes_missing_from_validation": len(unvalidated),
            "missing_from_validation": tuple(map(printable, unvalidated)),
            "smallest_validation_class_images": min(counts[label]["validation"] for label in trained),
        }
    return facts


def _pixel_facts(readable: Sequence[ScannedImage]) -> dict[str, Any]:
    """What the images look like, over all splits."""
    short = [min(image.width, image.height) for image in readable]
    aspect = [max(image.width, image.height) / side for image, side in zip(readable, short, strict=True)]
    return {
        "median_width_px": float(median(image.width for image in readable)),
        "median_height_px": float(median(image.height for image in readable)),
        "median_short_side_px": float(median(short)),
        "smallest_short_side_px": min(short),
        "median_aspect_ratio": median(aspect),
        "extreme_aspect_share": sum(ratio > EXTREME_ASPECT_RATIO for ratio in aspect) / len(aspect),
        "grayscale_share": sum(image.grayscale for image in readable) / len(readable),
        "fine_detail_share": median(image.fine_detail for image in readable),
        "blank_images": sum(image.blank for image in readable),
    }


def _duplicate_facts(layout: Layout, readable: Sequence[ScannedImage]) -> dict[str, Any]:
    """Leaks are unknown, rather than none, where there is no split to leak into."""
    found = find_duplicates(readable)
    facts: dict[str, Any] = {
        "duplicate_training_images": found.duplicate_training_images,
        "conflicting_label_images": found.conflicting_label_images,
        "leak_examples": found.leak_examples,
        "conflict_examples": found.conflict_examples,
    }
    validation = sum(image.file.split == "validation" for image in readable)
    if layout.validation_folder is not None and validation:
        facts["leaked_validation_images"] = found.leaked_validation_images
        facts["leaked_validation_share"] = found.leaked_validation_images / validation
    test = sum(image.file.split == "test" for image in readable)
    if layout.test_folder is not None:
        facts["leaked_test_images"] = found.leaked_test_images
        facts["leaked_test_share"] = found.leaked_test_images / test if test else None
    return facts
