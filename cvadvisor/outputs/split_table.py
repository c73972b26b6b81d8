"""How the splits of a dataset compare, as a table: a measure a row, which is narrow enough for a phone."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from cvadvisor.facts import DatasetFacts
from cvadvisor.facts.groups import GroupFacts
from cvadvisor.outputs.figures import number, percent


@dataclass(frozen=True)
class Cell:
    """A value, empty where there is none."""

    text: str = ""
    note: str = ""
    unusual: bool = False
    """Whether it is more than chance explains."""


@dataclass(frozen=True)
class Row:
    """One measure of every split, in the order of :func:`names`."""

    title: str
    what: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class _Split:
    name: str
    images: int
    classes: int | None
    label_shift: float | None = None
    label_shift_by_chance: float | None = None
    size_ratio: float | None = None
    colour_shift: float | None = None
    groups: int | None = None
    shared_images: int | None = None
    shared_share: float | None = None


def names(dataset: DatasetFacts) -> list[str]:
    """Names of the splits that there are."""
    return [split.name for split in _splits(dataset)]


def rows(dataset: DatasetFacts) -> list[Row]:
    """The measures that are known of any split."""
    splits = _splits(dataset)
    measures: list[tuple[str, str, Callable[[_Split], Cell]]] = [
        ("Images", "that can be decoded", lambda split: Cell(f"{split.images:,}")),
        ("Classes", "that occur", _classes),
        ("Labels differ from training", "0 alike, 1 disjoint; a random split stays below chance", _label_shift),
        ("Size against training", "median shorter side over the one in training", _size),
        ("Colour shift from training", "in standard deviations of an image", _colour),
    ]
    if dataset.task.endswith("classification"):
        what = "largest standard error with this many images"
        measures.insert(2, ("Accuracy is known to", what, _accuracy))
    if dataset.group and dataset.group.groups:
        measures += [
            ("Groups", "that have an image in it", _groups),
            ("In groups of another split", "of training; for test, of validation too", _shared),
        ]
    made = [Row(title, what, tuple(measure(split) for split in splits)) for title, what, measure in measures]
    return [row for row in made if any(cell.text for cell in row.cells)]


def _splits(dataset: DatasetFacts) -> list[_Split]:
    sizes = dataset.box.class_boxes if dataset.box else dataset.class_sizes

    def classes(split: str) -> int | None:
        return sum(getattr(size, split) > 0 for size in sizes) if sizes else None

    group = dataset.group or GroupFacts()
    splits = [_Split("train", dataset.train_images, classes("train"), groups=group.train_groups)]
    for name, images in (("validation", dataset.validation_images), ("test", dataset.test_images)):
        if images is not None:
            shifts = {
                fact: getattr(dataset, f"{name}_{fact}")
                for fact in ("label_shift", "label_shift_by_chance", "size_ratio", "colour_shift")
            }
            shared = {f"shared_{fact}": getattr(group, f"shared_{name}_{fact}") for fact in ("images", "share")}
            groups = getattr(group, f"{name}_groups")
            splits.append(_Split(name, images, classes(name), groups=groups, **shifts, **shared))
    return splits


def _classes(split: _Split) -> Cell:
    return Cell(f"{split.classes:,}") if split.classes is not None else Cell()


def _accuracy(split: _Split) -> Cell:
    """An accuracy is at its least certain where half of the answers are right."""
    if split.name == "train" or split.images <= 0:
        return Cell()
    return Cell(f"± {percent(math.sqrt(0.25 / split.images))}")


def _label_shift(split: _Split) -> Cell:
    shift, chance = split.label_shift, split.label_shift_by_chance
    if shift is None:
        return Cell()
    if chance is None:
        return Cell(number(shift))
    return Cell(number(shift), f"chance {number(chance)}", unusual=shift > chance)


def _groups(split: _Split) -> Cell:
    return Cell(f"{split.groups:,}") if split.groups is not None else Cell()


def _shared(split: _Split) -> Cell:
    if split.shared_images is None or split.shared_share is None:
        return Cell()
    if not split.shared_images:
        return Cell("none")
    return Cell(f"{split.shared_images:,}", percent(split.shared_share), unusual=True)


def _size(split: _Split) -> Cell:
    return Cell(f"× {number(split.size_ratio)}") if split.size_ratio is not None else Cell()


def _colour(split: _Split) -> Cell:
    return Cell(number(split.colour_shift)) if split.colour_shift is not None else Cell()
