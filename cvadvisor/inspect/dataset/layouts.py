"""What lies on disk: which files are images, of which class, in which split.

Two layouts are read, each with an ``images`` folder allowed in between::

    root/train/<class>/**/*.jpg     with validation/ and test/ beside train/
    root/<class>/**/*.jpg           without splits
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cvadvisor.inspect.dataset.folders import DatasetError, Folder, read_folder
from cvadvisor.inspect.printable import printable

__all__ = ["EXPECTED", "SPLIT_FOLDERS", "DatasetError", "ImageFile", "Layout", "Split", "find_layout"]

Split = Literal["train", "validation", "test"]

SPLIT_FOLDERS: dict[str, Split] = {
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
EXPECTED = "Expected <class>/*.jpg, or train/<class>/*.jpg and validation/<class>/*.jpg"

_ORDER: tuple[Split, ...] = ("train", "validation", "test")
_IMAGES_FOLDER = "images"
# Folders that hold the parts of a segmentation or detection dataset: where every "class" is one of these, none is.
_PARTS = frozenset(
    {"images", "image", "imgs", "img", "masks", "mask", "labels", "label", "annotations", "annotation"}
    | {"jpegimages", "segmentationclass", "segmentationobject", "leftimg8bit", "gtfine"}
    | {"trainannot", "valannot", "testannot"}
)
_SUGGESTIONS_TRIED = 200


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file with an image's extension, below a class folder."""

    path: str
    """POSIX path relative to the dataset, as the file system has it (not always encodable: see ``printable``)."""
    split: Split
    label: str
    """Name of the class folder."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a dataset lies on disk; nothing in it was opened yet."""

    root: Path
    name: str
    """'class folders with splits' or 'class folders'."""
    images: tuple[ImageFile, ...]
    """By split (train, validation, test), then class, then path."""
    other_files: int
    """Files that are no image or lie outside every class folder."""
    files: int
    train_folder: str
    """POSIX path relative to the root, '.' for the root itself; ``<train_folder>/<class>/…`` are the images."""
    validation_folder: str | None
    test_folder: str | None


def find_layout(root: Path) -> Layout:
    """List the images of the dataset in ``root``, with their classes and splits. Opens no file.

    Raises:
        DatasetError: there is nothing there, it may not be read, or it is not laid out in class folders.
    """
    top = read_folder(root)
    if not top.images_below:
        raise DatasetError(f"{printable(root)} holds no image: {_contents(top)}. {EXPECTED}.")
    try:
        folders = _splits(top)
    except DatasetError as error:
        nearest = _nearest(top)
        hint = f" The folder {printable(root / nearest)} has that layout: give that one." if nearest else ""
        raise DatasetError(f"{printable(root)}: {error}{hint}") from error
    files = sum(len(folder.images) + folder.others.total() for folder in top.below())
    images = tuple(image for split, folder in folders.items() for image in _images(folder, split))
    return Layout(
        root=root,
        name="class folders with splits" if _named(_through_images(top)) else "class folders",
        images=images,
        other_files=files - len(images),
        files=files,
        train_folder=folders["train"].path or ".",
        validation_folder=folders["validation"].path if "validation" in folders else None,
        test_folder=folders["test"].path if "test" in folders else None,
    )


def _splits(top: Folder) -> dict[Split, Folder]:
    """Each split's folder, whose children are the classes; raises where ``top`` is not laid out that way."""
    base = _through_images(top)
    named = _named(base)
    if not named:
        _check_classes(base)
        return {"train": base}
    for split, candidates in named.items():
        if len(candidates) > 1:
            raise DatasetError(f"{_names(candidates)} both look like the {split} split: keep one, or rename the other.")
    folders = {split: _through_images(candidates[0]) for split, candidates in named.items()}
    if "train" not in folders:
        found = _names([candidates[0] for candidates in named.values()])
        raise DatasetError(f"there is {found} but no training split: put the training classes into train/ beside it.")
    # Unlabelled test images are common (a competition's) and harmless: they stay files that are left alone.
    if "test" in folders and not _bearing(folders["test"]):
        del folders["test"]
    for folder in folders.values():
        _check_labelled(folder)
    _check_classes(folders["train"])
    return {split: folders[split] for split in _ORDER if split in folders}


def _named(base: Folder) -> dict[Split, list[Folder]]:
    """The children of ``base`` that are splits by name, unless the name is better understood as a class."""
    named: dict[Split, list[Folder]] = {}
    for child in _bearing(base):
        if split := SPLIT_FOLDERS.get(child.name.lower()):
            named.setdefault(split, []).append(child)
    others = len(_bearing(base)) - sum(map(len, named.values()))
    # A lone train/ with images but no class folders, beside class folders, is a class: the vehicle.
    if set(named) == {"train"} and others and not any(_bearing(folder) for folder in named["train"]):
        return {}
    return named


def _through_images(folder: Folder) -> Folder:
    """``folder``, or the ``images`` folder that alone holds its class or split folders."""
    children = _bearing(folder)
    if len(children) == 1 and children[0].name.lower() == _IMAGES_FOLDER and not folder.images:
        return children[0]
    return folder


def _bearing(folder: Folder) -> list[Folder]:
    return [child for child in folder.folders if child.images_below]


def _check_labelled(folder: Folder) -> None:
    if not _bearing(folder):
        where = f"{printable(folder.path)}/" if folder.path else "it"
        raise DatasetError(
            f"{_count(len(folder.images), 'image')} in {where} without class folders, so nothing says their class: "
            f"put each class into a folder of its own. {EXPECTED}."
        )


def _check_classes(folder: Folder) -> None:
    """Refuse training folders whose children are not two or more classes."""
    _check_labelled(folder)
    classes = _bearing(folder)
    if _are_parts(classes) or any(len(_bearing(child)) > 1 and _are_parts(_bearing(child)) for child in classes):
        raise DatasetError(
            f"{_names(classes)}: that looks like segmentation or detection, not like class folders. {EXPECTED}."
        )
    inside = next((child for child in classes if "train" in _labels_as_splits(child)), None)
    if inside:
        raise DatasetError(
            f"{printable(inside.path)}/ has a training split inside it, where a class was expected. {EXPECTED}."
        )
    if len(classes) < 2:
        raise DatasetError(
            f"only one class has images, {printable(classes[0].path)}/: a classifier needs two or more. {EXPECTED}."
        )


def _are_parts(folders: list[Folder]) -> bool:
    return all(folder.name.lower() in _PARTS for folder in folders)


def _labels_as_splits(folder: Folder) -> set[Split]:
    return {SPLIT_FOLDERS[child.name.lower()] for child in _bearing(folder) if child.name.lower() in SPLIT_FOLDERS}


def _images(folder: Folder, split: Split) -> Iterator[ImageFile]:
    for label in _bearing(folder):
        for path in sorted(label.image_paths()):
            yield ImageFile(path=path, split=split, label=label.name)


def _nearest(top: Folder) -> str | None:
    """Path of the folder nearest to the top that has a layout we read."""
    queue = list(top.folders)
    for folder in queue:
        if len(queue) < _SUGGESTIONS_TRIED:
            queue += folder.folders
        try:
            if folder.images_below and not _are_parts([folder]) and _splits(folder):
                return folder.path
        except DatasetError:
            continue
    return None


def _contents(top: Folder) -> str:
    """What lies in a folder without images: 'found 12 .txt files and 3 folders'."""
    below = list(top.below())
    extensions = sum((folder.others for folder in below), Counter[str]())
    ranked = sorted(extensions.items(), key=lambda item: (-item[1], item[0]))
    counts = [_count(number, f"{printable(extension) or 'other'} file") for extension, number in ranked[:3]]
    if len(below) > 1:
        counts.append(_count(len(below) - 1, "folder"))
    return f"found {_and(counts)}" if counts else "it is empty"


def _names(folders: list[Folder]) -> str:
    return _and([f"{printable(folder.name)}/" for folder in folders])


def _and(items: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
