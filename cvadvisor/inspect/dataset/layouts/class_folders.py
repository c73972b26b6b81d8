"""A folder a class, with or without splits.

Three forms are read, each with an ``images`` folder allowed in between::

    train/<class>/**/*.jpg     with validation/ and test/ beside train/
    <class>/**/*.jpg           without splits
    <class>/train/*.jpg        with splits inside every class
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from cvadvisor.inspect.dataset.files import Files, Folder
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, SPLITS, DatasetError, Reading, Sample, Split, Wishes
from cvadvisor.inspect.printable import printable

EXPECTED = "Expected <class>/*.jpg, or train/<class>/*.jpg and validation/<class>/*.jpg"

# Folders that hold the parts of a segmentation or detection dataset: where every "class" is one of these, none is.
PARTS = frozenset(
    {"images", "image", "imgs", "img", "masks", "mask", "labels", "label", "annotations", "annotation"}
    | {"jpegimages", "segmentationclass", "segmentationobject", "leftimg8bit", "gtfine"}
    | {"trainannot", "valannot", "testannot"}
)

_IMAGES_FOLDER = "images"
# train2017, val_images …: splits of another layout, which would otherwise pass for classes.
_SPLIT_LIKE = re.compile(rf"({'|'.join(SPLIT_NAMES)})[-_ ]?(\d+|images?|imgs?|set|data)")
_SUGGESTIONS_TRIED = 200


@dataclass(slots=True)
class _Classes:
    """Which folders hold which class, in which split."""

    inside: bool
    """Whether the splits lie inside the classes."""
    folders: dict[Split, list[tuple[str, Folder]]]
    """Class and folder, by split."""
    declared: tuple[str, ...]
    """Classes of training, with those that have no image."""
    parents: tuple[str, ...] = ()
    """Paths of the splits' folders; empty without splits."""


def read(files: Files, wishes: Wishes) -> Reading | None:
    """Read class folders; ``None`` where ``why_not`` has a reason. Opens no file."""
    del wishes
    try:
        classes = _find(files.top)
    except DatasetError:
        return None
    images = sum(folder.images_below for pairs in classes.folders.values() for _, folder in pairs)
    count = _count(len({name for name, _ in classes.folders["train"]}), "folder")
    notes = []
    if stray := files.top.images_below - images:
        are = "lies outside every class folder and is" if stray == 1 else "lie outside every class folder and are"
        notes.append(f"{_count(stray, 'image')} {are} left alone.")
    if classes.inside:
        why = f"{count} of images, each with its splits inside it"
    elif classes.parents:
        shown = _and([f"{printable(parent)}/" for parent in classes.parents])
        why = f"{shown} {'holds' if len(classes.parents) == 1 else 'hold'} a folder a class, {count} in training"
    else:
        why = f"{count} of images and no folders of splits"
    return Reading(
        layout="class folders with splits" if classes.inside or classes.parents else "class folders",
        task="classification",
        why=why,
        images=images,
        samples=lambda: _samples(files, classes),
        rank=40,
        classes=classes.declared,
        notes=tuple(notes),
    )


def why_not(files: Files) -> str:
    """Why the dataset is not laid out in class folders, in one line, with the nearest folder that is; '' if it is."""
    if not files.top.images_below:
        return f"it holds no image: {_contents(files.top)}. {EXPECTED}."
    try:
        _find(files.top)
    except DatasetError as error:
        nearest = _nearest(files.top)
        folder = files.root / nearest if nearest else None
        hint = f" The folder {printable(folder)} has that layout: give that one." if folder and folder.is_dir() else ""
        return f"{error}{hint}"
    return ""


def seen(files: Files) -> str:
    """What lies in the dataset, by numbers: 'found 1,200 images, 3 .csv files and 4 folders'."""
    return _contents(files.top)


def through_images(folder: Folder) -> Folder:
    """``folder``, or the ``images`` folder that alone holds its class or split folders."""
    children = _bearing(folder)
    if len(children) == 1 and children[0].name.lower() == _IMAGES_FOLDER and not folder.images:
        return children[0]
    return folder


def _samples(files: Files, classes: _Classes) -> Iterator[Sample]:
    for split, pairs in classes.folders.items():
        for label, folder in pairs:
            for path in files.images(folder.path):
                yield Sample(path, split, (label,))


def _find(top: Folder) -> _Classes:
    """Each split's class folders; raises where ``top`` is not laid out that way."""
    base = through_images(top)
    named = _named(base)
    if not named:
        return _splits_inside(base) or _without_splits(base)
    for split, candidates in named.items():
        if len(candidates) > 1:
            raise DatasetError(f"{_names(candidates)} both look like the {split} split: keep one, or rename the other.")
    folders = {split: through_images(candidates[0]) for split, candidates in named.items()}
    if "train" not in folders:
        found = _names([candidates[0] for candidates in named.values()])
        raise DatasetError(f"there is {found} but no training split: put the training classes into train/ beside it.")
    # Unlabelled test images are common (a competition's) and harmless: they stay files that are left alone.
    if "test" in folders and not _bearing(folders["test"]):
        del folders["test"]
    for folder in folders.values():
        _check_labelled(folder)
    _check_classes(folders["train"])
    ordered = {split: folders[split] for split in SPLITS if split in folders}
    return _Classes(
        inside=False,
        folders={split: [(one.name, one) for one in _bearing(folder)] for split, folder in ordered.items()},
        declared=tuple(one.name for one in folders["train"].folders),
        parents=tuple(folder.path for folder in ordered.values()),
    )


def _without_splits(base: Folder) -> _Classes:
    _check_classes(base)
    declared = tuple(one.name for one in base.folders if one.images_below or _is_empty_class(one))
    return _Classes(False, {"train": [(one.name, one) for one in _bearing(base)]}, declared)


def _splits_inside(base: Folder) -> _Classes | None:
    """Splits inside every class: ``cat/train/1.jpg``. With folders inside those, it is a folder of datasets."""
    classes = _bearing(base)
    folders: dict[Split, list[tuple[str, Folder]]] = {split: [] for split in SPLITS}
    for one in classes:
        splits = [SPLIT_NAMES.get(child.name.lower()) for child in _bearing(one)]
        if one.images or not splits or None in splits or len(set(splits)) < len(splits):
            return None
        for split, child in zip(splits, _bearing(one), strict=True):
            if split is None or _bearing(child):
                return None
            folders[split].append((one.name, child))
    if len(folders["train"]) < 2 or _are_parts(classes):
        return None
    declared = tuple(one.name for one in base.folders if one.images_below or _is_empty_class(one))
    return _Classes(True, {split: pairs for split, pairs in folders.items() if pairs}, declared)


def _is_empty_class(folder: Folder) -> bool:
    """Whether a folder without images, beside classes and no split, is a class: not one of documents."""
    files = any(below.others for below in folder.below())
    return not files and folder.name.lower() not in SPLIT_NAMES and folder.name.lower() not in PARTS


def _named(base: Folder) -> dict[Split, list[Folder]]:
    """The children of ``base`` that are splits by name, unless the name is better understood as a class."""
    named: dict[Split, list[Folder]] = {}
    for child in _bearing(base):
        if split := SPLIT_NAMES.get(child.name.lower()):
            named.setdefault(split, []).append(child)
    others = len(_bearing(base)) - sum(map(len, named.values()))
    # A lone train/ with images but no class folders, beside class folders, is a class: the vehicle.
    if set(named) == {"train"} and others and not any(_bearing(folder) for folder in named["train"]):
        return {}
    return named


def _bearing(folder: Folder) -> list[Folder]:
    return [child for child in folder.folders if child.images_below]


def _check_labelled(folder: Folder) -> None:
    if not _bearing(folder):
        where = f"{printable(folder.path)}/" if folder.path else "it"
        raise DatasetError(
            f"{_count(folder.images, 'image')} in {where} without class folders, so nothing says their class: "
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
    if all(_SPLIT_LIKE.fullmatch(child.name.lower()) for child in classes):
        raise DatasetError(f"{_names(classes)}: that looks like splits without class folders in them. {EXPECTED}.")
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
    return all(folder.name.lower() in PARTS for folder in folders)


def _labels_as_splits(folder: Folder) -> set[Split]:
    return {SPLIT_NAMES[child.name.lower()] for child in _bearing(folder) if child.name.lower() in SPLIT_NAMES}


def _nearest(top: Folder) -> str | None:
    """Path of the folder nearest to the top that has a layout we read."""
    queue = list(top.folders)
    for folder in queue:
        if len(queue) < _SUGGESTIONS_TRIED:
            queue += folder.folders
        try:
            if folder.images_below and not _are_parts([folder]) and _find(folder):
                return folder.path
        except DatasetError:
            continue
    return None


def _contents(top: Folder) -> str:
    """What lies in a folder: 'found 12 .txt files and 3 folders'."""
    below = list(top.below())
    extensions = sum((folder.others for folder in below), Counter[str]())
    ranked = sorted(extensions.items(), key=lambda item: (-item[1], item[0]))
    counts = [_count(number, f"{printable(extension) or 'other'} file") for extension, number in ranked[:3]]
    if top.images_below:
        counts.insert(0, _count(top.images_below, "image"))
    if len(below) > 1:
        counts.append(_count(len(below) - 1, "folder"))
    return f"found {_and(counts)}" if counts else "it is empty"


def _names(folders: list[Folder]) -> str:
    shown = [f"{printable(folder.name)}/" for folder in folders]
    return _and(shown if len(shown) <= 6 else [*shown[:5], f"{len(shown) - 5:,} more"])


def _and(items: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
