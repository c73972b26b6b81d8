"""Look at every image of a dataset once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cvadvisor.facts.dataset import DatasetFacts
from cvadvisor.inspect.dataset import scan as scanning  # not the function: it would hide the module of its name
from cvadvisor.inspect.dataset.layouts import DatasetError, ImageFile, Layout, find_layout
from cvadvisor.inspect.dataset.scan import ScannedImage
from cvadvisor.inspect.dataset.splits import held_out
from cvadvisor.inspect.dataset.summary import summarise
from cvadvisor.inspect.printable import printable

__all__ = ["Dataset", "DatasetError", "ImageFile", "Layout", "inspect_dataset"]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that was looked at: what to train on, and what is known about it."""

    root: Path
    layout: Layout
    classes: tuple[str, ...]
    """Classes with at least one readable training image, sorted: a class's index is its place here."""
    images: tuple[ImageFile, ...]
    """The images that decode in full, of every split. Validation and test may have labels that ``classes`` lacks."""
    facts: DatasetFacts

    def probe_split(self) -> tuple[tuple[ImageFile, ...], tuple[ImageFile, ...], Literal["validation", "train"]]:
        """Readable images to fit to, readable images to judge by, and which split the latter come from.

        Those are the dataset's own validation images of classes that training has, or, where there are none, the fifth
        of training that :func:`cvadvisor.inspect.dataset.splits.held_out` sets aside.
        """
        train = tuple(image for image in self.images if image.split == "train")
        known = frozenset(self.classes)
        own = tuple(image for image in self.images if image.split == "validation" and image.label in known)
        if own:
            return train, own, "validation"
        paths: dict[str, list[str]] = {}
        for image in self.layout.images:
            if image.split == "train":
                paths.setdefault(image.label, []).append(image.path)
        kept = frozenset(held_out(paths))
        fitted = tuple(image for image in train if image.path not in kept)
        return fitted, tuple(image for image in train if image.path in kept), "train"


def inspect_dataset(root: Path, progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Read and decode every image below ``root`` once, and gather the dataset's facts.

    Args:
        root: a folder of class folders, with or without splits (see :mod:`cvadvisor.inspect.dataset.layouts`).
        progress: called with (images done, images in all), every few images.

    Raises:
        DatasetError: it is no such folder, or fewer than two classes have a readable training image.
    """
    layout = find_layout(root)
    scanned = scanning.scan(layout, progress)
    images = tuple(image.file for image in scanned if image.error is None)
    classes = tuple(sorted({image.label for image in images if image.split == "train"}))
    if len(classes) < 2:
        raise DatasetError(_too_few(layout, scanned, classes))
    return Dataset(root, layout, classes, images, summarise(layout, scanned))


def _too_few(layout: Layout, scanned: Sequence[ScannedImage], classes: tuple[str, ...]) -> str:
    """Only unreadable files can leave fewer than two classes: the layout had at least two."""
    broken = [image for image in scanned if image.error is not None]
    readable = f"only the class {printable(classes[0])} has" if classes else "no class has"
    return (
        f"{printable(layout.root)}: {readable} a readable training image; {len(broken):,} of {len(scanned):,} images "
        f"cannot be read (the first: {printable(broken[0].file.path)}, {broken[0].error}): replace or remove them."
    )
