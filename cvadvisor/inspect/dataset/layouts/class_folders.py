"""A folder a class, with or without splits.

Three forms are read, each with an ``images`` folder allowed in between, and in folders that hold nothing else::

    train/<class>/**/*.jpg     with validation/ and test/ beside train/
    <class>/**/*.jpg           without splits
    <class>/train/*.jpg        with splits inside every class
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cvadvisor.inspect.dataset.files import Files, Folder
from cvadvisor.inspect.dataset.layouts.class_doubts import LAYOUT, called, check_doubts, lies_beside
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, SPLITS, DatasetError, Reading, Sample, Split, Wishes
from cvadvisor.inspect.dataset.layouts.wording import and_, contents, count, names
from cvadvisor.inspect.printable import printable

EXPECTED = "Expected <class>/*.jpg, or train/<class>/*.jpg and validation/<class>/*.jpg"

# Folders that hold the parts of a segmentation or detection dataset: where every "class" is one of these, none is.
PARTS = frozenset(
    {"images", "image", "imgs", "img", "masks", "mask", "labels", "label", "annotations", "annotation"}
    | {"jpegimages", "segmentationclass", "segmentationobject", "leftimg8bit", "gtfine"}
    | {"trainannot", "valannot", "testannot"}
)

_IMAGES_FOLDER = "images"
# What a folder that holds a whole dataset, and no class, is called where others lie beside it.
_WHOLE = frozenset({"data", "dataset", "datasets", "input", "inputs", "raw", "raw_data", _IMAGES_FOLDER})
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
    base: str = ""
    """Path of the folder that all of it lies in."""
    beside: tuple[Folder, ...] = ()
    """Folders of images beside it that are left out for what they are called."""


def read(files: Files, wishes: Wishes) -> Reading | None:
    """Read class folders; ``None`` where ``why_not`` has a reason. Opens no file.

    Folders that may well be something else than classes are read as such where the layout is asked for.
    """
    try:
        classes = _find(files.top)
        if wishes.layout != LAYOUT:
            check_doubts(files, [folder for _, folder in classes.folders["train"]])
    except DatasetError:
        return None
    images = sum(folder.images_below for pairs in classes.folders.values() for _, folder in pairs)
    folders = count(len({name for name, _ in classes.folders["train"]}), "folder")
    notes = list(_notes(classes))
    if stray := files.top.images_below - images:
        are = "lies outside every class folder and is" if stray == 1 else "lie outside every class folder and are"
        notes.append(f"{count(stray, 'image')} {are} left alone.")
    if classes.inside:
        why = f"{folders} of images, each with its splits inside it"
    elif classes.parents:
        shown = and_([f"{printable(parent)}/" for parent in classes.parents])
        why = f"{shown} {'holds' if len(classes.parents) == 1 else 'hold'} a folder a class, {folders} in training"
    else:
        why = f"{folders} of images and no folders of splits"
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
        return f"it holds no image: {contents(files.top)}. {EXPECTED}."
    try:
        check_doubts(files, [folder for _, folder in _find(files.top).folders["train"]])
    except DatasetError as error:
        return f"{error}{_hint(files)}"
    return ""


def seen(files: Files) -> str:
    """What lies in the dataset, by numbers: 'found 1,200 images, 3 .csv files and 4 folders'."""
    return contents(files.top)


def _unwrapped(top: Folder) -> Folder:
    """``top``, or the folder in it that holds all of a dataset: archives and downloads often have such folders."""
    here = top
    while not here.images:
        inside = [child for child in _bearing(here) if not lies_beside(child)]
        if len(inside) != 1:
            break
        name = called(inside[0]).lower()
        alone = len(_bearing(here)) == 1
        if name != _IMAGES_FOLDER or not alone:
            is_part = name in SPLIT_NAMES or name in PARTS or _SPLIT_LIKE.fullmatch(name)
            if is_part or not _bearing(inside[0]) or not (alone or name in _WHOLE):
                break
        here = inside[0]
    return here


def _inside_split(folder: Folder, split: Split) -> Folder:
    """``folder``, or the one in it that alone holds the split's classes: train/images/, train/train/."""
    children = _bearing(folder)
    if len(children) == 1 and not folder.images:
        name = called(children[0]).lower()
        if name == _IMAGES_FOLDER or SPLIT_NAMES.get(name) == split:
            return _inside_split(children[0], split)
    return folder


def _notes(classes: _Classes) -> Iterator[str]:
    if classes.base and classes.base.lower() != _IMAGES_FOLDER:
        yield f"The dataset lies in {printable(classes.base)}/ and is read from there."
    if classes.beside:
        are = "lies beside the classes and is" if len(classes.beside) == 1 else "lie beside the classes and are"
        yield f"{names(list(classes.beside))} {are} left out for the name: rename a folder that holds a class."


def _samples(files: Files, classes: _Classes) -> Iterator[Sample]:
    for split, pairs in classes.folders.items():
        for label, folder in pairs:
            for path in files.images(folder.path):
                yield Sample(path, split, (label,))


def _find(top: Folder) -> _Classes:
    """Each split's class folders; raises where ``top`` is not laid out that way."""
    base = _unwrapped(top)
    named = _named(base)
    if not named:
        return _splits_inside(base) or _without_splits(base)
    for split, candidates in named.items():
        if len(candidates) > 1:
            raise DatasetError(f"{names(candidates)} both look like the {split} split: keep one, or rename the other.")
    folders = {split: _inside_split(candidates[0], split) for split, candidates in named.items()}
    if "train" not in folders:
        found = names([candidates[0] for candidates in named.values()])
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
        folders={split: [(called(one), one) for one in _bearing(folder)] for split, folder in ordered.items()},
        declared=tuple(dict.fromkeys(called(one) for one in folders["train"].folders)),
        parents=tuple(folder.path for folder in ordered.values()),
        base=base.path,
    )


def _without_splits(base: Folder) -> _Classes:
    _check_classes(base)
    classes = [one for one in _bearing(base) if not lies_beside(one)]
    beside = [one for one in _bearing(base) if lies_beside(one)]
    if len(classes) < 2:  # then the names are those of the classes
        classes, beside = _bearing(base), []
    declared = _declared(base, beside)
    return _Classes(
        False, {"train": [(called(one), one) for one in classes]}, declared, base=base.path, beside=tuple(beside)
    )


def _declared(base: Folder, beside: Sequence[Folder] = ()) -> tuple[str, ...]:
    """Classes that folders without a split above them stand for, with those that have no image."""
    found = (one for one in base.folders if one not in beside and (one.images_below or _is_empty_class(one)))
    return tuple(dict.fromkeys(map(called, found)))


def _splits_inside(base: Folder) -> _Classes | None:
    """Splits inside every class: ``cat/train/1.jpg``. With folders inside those, it is a folder of datasets."""
    classes = _bearing(base)
    folders: dict[Split, list[tuple[str, Folder]]] = {split: [] for split in SPLITS}
    for one in classes:
        splits = [SPLIT_NAMES.get(called(child).lower()) for child in _bearing(one)]
        if one.images or not splits or None in splits or len(set(splits)) < len(splits):
            return None
        for split, child in zip(splits, _bearing(one), strict=True):
            if split is None or _bearing(child):
                return None
            folders[split].append((called(one), child))
    if len(folders["train"]) < 2 or _are_parts(classes):
        return None
    return _Classes(True, {split: pairs for split, pairs in folders.items() if pairs}, _declared(base), base=base.path)


def _is_empty_class(folder: Folder) -> bool:
    """Whether a folder without images, beside classes and no split, is a class: not one of documents."""
    files = any(below.others for below in folder.below())
    is_part = folder.name.lower() in SPLIT_NAMES or folder.name.lower() in PARTS
    return not files and not is_part and not lies_beside(folder)


def _named(base: Folder) -> dict[Split, list[Folder]]:
    """The children of ``base`` that are splits by name, unless the name is better understood as a class."""
    named: dict[Split, list[Folder]] = {}
    for child in _bearing(base):
        if split := SPLIT_NAMES.get(called(child).lower()):
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
            f"{count(folder.images, 'image')} in {where} without class folders, so nothing says their class: "
            f"put each class into a folder of its own. {EXPECTED}."
        )


def _check_classes(folder: Folder) -> None:
    """Refuse training folders whose children are not two or more classes."""
    _check_labelled(folder)
    classes = _bearing(folder)
    if _are_parts(classes):
        raise DatasetError(
            f"{names(classes)}: that looks like segmentation or detection, not like class folders. {EXPECTED}."
        )
    if sample := next((one for one in classes if len(_bearing(one)) > 1 and _are_parts(_bearing(one))), None):
        raise DatasetError(
            f"{names(classes)}: that looks like segmentation or detection, not like class folders: "
            f"{printable(sample.path)}/ holds {names(_bearing(sample))}. The nearest layout that can be read is "
            "images/<name>.jpg with masks/<name>.png, one mask an image."
        )
    if all(_SPLIT_LIKE.fullmatch(called(child).lower()) for child in classes):
        raise DatasetError(f"{names(classes)}: that looks like splits without class folders in them. {EXPECTED}.")
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
    return all(called(folder).lower() in PARTS for folder in folders)


def _labels_as_splits(folder: Folder) -> set[Split]:
    return {SPLIT_NAMES[name] for child in _bearing(folder) if (name := called(child).lower()) in SPLIT_NAMES}


def _hint(files: Files) -> str:
    """Where the nearest folder with such a layout is, as a sentence with a space before it."""
    nearest = _nearest(files.top)
    if nearest is None:
        return ""
    if (files.root / nearest).is_dir():
        return f" The folder {printable(files.root / nearest)} has that layout: give that one."
    return f" {printable(nearest)}/ has that layout: unpack the archive and give that folder."


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
