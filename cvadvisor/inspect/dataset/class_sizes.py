"""How many images each class and each split has, and how even that is."""

import math
from collections import Counter
from collections.abc import Mapping
from statistics import median
from typing import Any

import numpy as np

from cvadvisor.facts.dataset import ClassSize
from cvadvisor.inspect.dataset.class_names import count_mirror_sensitive, junk, twins
from cvadvisor.inspect.dataset.layouts.reading import SPLITS, Reading, Split
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable

MOST_LISTED = 1_000
"""Classes that facts list; their number is always exact."""
# A class with under this part of the largest one's images lies in the tail.
_TAIL = 0.1
_DRAWS = 400

_COUNTS = """
SELECT label.name, sample.split, sum(look.error IS NULL) FROM temp.sample
JOIN temp.label ON label.file = sample.file
JOIN temp.file ON file.id = sample.file JOIN main.look ON look.path = file.path
GROUP BY label.name, sample.split
"""
_SPLITS = """
SELECT split, count(*), sum(error IS NULL) FROM temp.seen GROUP BY split
"""

Counts = dict[str, Counter[Split]]


def class_counts(store: Store) -> Counts:
    """Readable images of each class in each split; a class of unreadable images alone has zeros."""
    counts: Counts = {}
    for name, split, images in store.rows(_COUNTS):
        counts.setdefault(to_text(name), Counter())[split] = images
    return counts


def class_facts(reading: Reading, counts: Counts) -> dict[str, Any]:
    """Facts of the classes: their sizes, and what their names say."""
    labels = sorted(counts, key=lambda label: (-counts[label]["train"], label))
    train = {label: counts[label]["train"] for label in labels if counts[label]["train"]}
    declared = {*counts, *reading.classes}
    empty = sorted(label for label in declared if not counts.get(label, Counter()).total())
    untrained = sorted(label for label in labels if not counts[label]["train"] and counts[label].total())
    pairs, rest = twins({label: counts.get(label, Counter()).total() for label in declared}), junk(declared)
    facts: dict[str, Any] = {
        "classes": len(labels),
        "class_sizes": tuple(
            ClassSize(name=printable(label), **{split: counts[label][split] for split in SPLITS})
            for label in labels[:MOST_LISTED]
        ),
        "classes_missing_from_train": len(untrained),
        "missing_from_train": tuple(map(printable, untrained[:MOST_LISTED])),
        "mirror_sensitive_classes": count_mirror_sensitive(counts),
        "empty_classes": tuple(map(printable, empty[:MOST_LISTED])),
        "empty_class_count": len(empty),
        "twin_classes": pairs[:MOST_LISTED],
        "twin_class_count": len(pairs),
        "case_twin_count": sum(pair.why != "spelling" for pair in pairs),
        "spelling_twin_count": sum(pair.why == "spelling" for pair in pairs),
        "junk_classes": rest[:MOST_LISTED],
        "junk_class_count": len(rest),
    }
    return facts | (_evenness(train) if train else {})


def _evenness(train: Mapping[str, int]) -> dict[str, Any]:
    """How the training images lie on the classes that have any: the largest first."""
    sizes = np.array(list(train.values()), np.float64)
    total = float(sizes.sum())
    shares = sizes / total
    largest, smallest = next(iter(train)), min(train, key=lambda label: (train[label], label))
    ranks = np.arange(1, len(sizes) + 1)
    return {
        "imbalance_ratio": train[largest] / train[smallest],
        "effective_classes": float(np.exp(-(shares * np.log(shares)).sum())),
        "class_gini": max(
            0.0, float((2 * ranks * sizes[::-1]).sum() / (len(sizes) * total) - (len(sizes) + 1) / len(sizes))
        ),
        "largest_class": printable(largest),
        "smallest_class": printable(smallest),
        "largest_class_share": train[largest] / total,
        "smallest_class_images": train[smallest],
        "mean_class_images": total / len(sizes),
        "median_class_images": float(median(train.values())),
        "tail_class_share": float((sizes < _TAIL * sizes[0]).mean()),
    }


def split_facts(store: Store, counts: Counts) -> dict[str, Any]:
    """Facts of the splits: their sizes, and whether the classes lie on them alike."""
    sizes = {split: (images, readable) for split, images, readable in store.rows(_SPLITS)}
    train = sizes.get("train", (0, 0))[1]
    facts: dict[str, Any] = {
        "train_images": train,
        "has_validation_split": "validation" in sizes,
        "has_test_split": "test" in sizes,
    }
    if "test" in sizes:
        facts["test_images"] = sizes["test"][1]
        facts |= _label_shift(counts, "test")
    if "validation" in sizes:
        validation = sizes["validation"][1]
        trained = sorted(label for label in counts if counts[label]["train"])
        unvalidated = [label for label in trained if not counts[label]["validation"]]
        facts |= {
            "validation_images": validation,
            "validation_share": validation / train if train else None,
            "validation_standard_error": math.sqrt(0.25 / validation) if validation else None,
            "classes_missing_from_validation": len(unvalidated),
            "missing_from_validation": tuple(map(printable, unvalidated[:MOST_LISTED])),
            "smallest_validation_class_images": min((counts[label]["validation"] for label in trained), default=None),
        }
        facts |= _label_shift(counts, "validation")
    return facts


def _label_shift(counts: Counts, split: Split) -> dict[str, float]:
    """Total variation distance between the labels of training and ``split``, and its 95th percentile by chance."""
    train = np.array([count["train"] for count in counts.values()], np.float64)
    other = np.array([count[split] for count in counts.values()], np.float64)
    if not train.sum() or not other.sum():
        return {}
    expected = train / train.sum()
    draws = np.random.default_rng(0).multinomial(int(other.sum()), expected, size=_DRAWS) / other.sum()
    by_chance = np.abs(draws - expected).sum(axis=1) / 2
    return {
        f"{split}_label_shift": float(np.abs(other / other.sum() - expected).sum() / 2),
        f"{split}_label_shift_by_chance": float(np.quantile(by_chance, 0.95)),
    }
