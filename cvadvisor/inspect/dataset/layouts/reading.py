"""What a layout's reader gives: how it understands the dataset, and the samples that follow from that."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cvadvisor.config import Wishes
from cvadvisor.errors import UserError

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files

__all__ = [
    "SPLITS",
    "SPLIT_NAMES",
    "Box",
    "DatasetError",
    "Fault",
    "MaskCode",
    "Reader",
    "Reading",
    "Sample",
    "Split",
    "Task",
    "Wishes",
]

Split = Literal["train", "validation", "test"]
Task = Literal["classification", "multi-label classification", "detection", "segmentation"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "eval": "validation",
    "test": "test",
    "testing": "test",
}
"""How folders, columns and files call the splits; compare in lower case."""


class DatasetError(UserError):
    """A dataset that cannot be read that way; the message is one line: what was found, and what to do."""


@dataclass(frozen=True, slots=True)
class Box:
    """One object in an image."""

    label: str
    x: float
    """Left edge, in pixels, or as a share of the image's width where ``relative``."""
    y: float
    """Top edge."""
    width: float
    height: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One image and what is said of it."""

    path: str
    """The image as the listing has it; where the listing lacks it, the name that the annotation gives."""
    split: Split = "train"
    labels: tuple[str, ...] = ()
    """Classification: one class, or several, or none where nobody labelled it. Empty for other tasks."""
    group: str | None = None
    """Recording, person, place … : images of one group belong in one split."""
    boxes: tuple[Box, ...] = ()
    """Detection: the objects; none is an image of background."""
    mask: str | None = None
    """Segmentation: path of the mask, as the listing has it; ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in an annotation that cannot be used; the rest of it is."""

    path: str
    """File that it stands in."""
    problem: str
    """What is wrong, in a few words, with its line or key."""


@dataclass(frozen=True)
class MaskCode:
    """What the values in masks mean."""

    names: dict[int | tuple[int, int, int], str] = field(default_factory=dict)
    """Class of each index or colour; empty where nothing on disk says so: every value is then a class of its own."""
    ignored: frozenset[int | tuple[int, int, int]] = frozenset({255})
    """Indices and colours that mean 'no class': outlines, void."""


@dataclass(frozen=True)
class Reading:
    """One way to understand what lies on disk. Making one reads little; ``samples`` does the work."""

    layout: str
    """Name of the layout, in words."""
    task: Task
    why: str
    """What was seen that makes it this one: 'train/ and val/ hold the same 10 folders of images'."""
    images: int
    """About how many images it gives a label to; of several readings the one that covers more wins."""
    samples: "Callable[[], Iterator[Sample | Fault]]"
    """The samples, in any order, each image once; may be called again."""
    rank: int = 50
    """Of readings that cover as many images, the highest wins: 90 for a file made for this layout, 10 for a guess."""
    classes: tuple[str, ...] = ()
    """Classes that the dataset itself declares, whether or not any image has them; empty where it declares none."""
    notes: tuple[str, ...] = ()
    """Choices that a user may want to overrule, a sentence each: 'Labels are in the column breed of labels.csv.'"""
    masks: MaskCode | None = None
    group_column: str | None = None
    """Name of the column that says which images belong together; ``None`` where none does."""


Reader = Callable[["Files", Wishes], Reading | None]
"""A layout's reader: ``None`` where the dataset is not laid out that way.

It raises :class:`DatasetError` only where the layout is plainly this one and plainly broken (a ``data.yaml`` that is no
YAML); the message then says what to do.
"""
