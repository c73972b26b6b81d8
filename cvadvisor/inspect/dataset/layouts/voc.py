"""Pascal VOC: ``Annotations/*.xml`` with ``JPEGImages/`` and ``ImageSets/``, and looser forms of it.

The XML files may also lie beside their images, or in a folder of another name; folders may be the splits. Where there
are masks (``SegmentationClass/``) for as many images as there are boxes for, it is segmentation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from cvadvisor.inspect.dataset.layouts.lookup import (
    IMAGE_FOLDERS,
    finder,
    split_in,
    stem_of,
    text_of,
    with_stem,
)
from cvadvisor.inspect.dataset.layouts.mask_folders import is_voc, reading_of
from cvadvisor.inspect.dataset.layouts.mask_pairs import find_pairs
from cvadvisor.inspect.dataset.layouts.reading import DatasetError, Fault, Reading, Sample, Split, Wishes
from cvadvisor.inspect.dataset.layouts.voc_xml import MOST_BYTES, NotVoc, NotXml, parse
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.dataset.store import to_bytes, to_text
from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files, Folder

_RANK_FULL, _RANK_LOOSE = 90, 70
# In this order: what an image is in first counts. trainval repeats the two before it where those are there.
_LISTS: tuple[tuple[str, Split], ...] = (
    ("train.txt", "train"),
    ("val.txt", "validation"),
    ("valid.txt", "validation"),
    ("test.txt", "test"),
    ("trainval.txt", "train"),
)
_MOST_LIST_BYTES = 100_000_000
_SNIFFED_FOLDERS, _SNIFFED_FILES = 20, 5


@dataclass(frozen=True, slots=True)
class _Part:
    """A folder of annotations, and the folders that its images may lie in."""

    annotations: str
    images: tuple[str, ...]
    count: int
    lists: tuple[tuple[str, Split], ...] = ()
    """Files that list names of images, and their splits."""


def read(files: "Files", wishes: Wishes) -> Reading | None:
    """The dataset as Pascal VOC, or ``None``.

    Raises:
        DatasetError: there is XML called as the images are, and none that was looked at can be read.
    """
    if wishes.labels is not None:
        return None
    detection = _detection(files)
    segmentation = _segmentation(files)
    if detection is None and segmentation is None:
        _explain(files)
    if detection is None or segmentation is None:
        return detection or segmentation
    if wishes.task is not None:
        return segmentation if wishes.task == "segmentation" else detection
    chosen, other = (detection, segmentation)
    if segmentation.images >= detection.images:
        chosen, other = other, chosen
    note = (
        f"There are boxes for about {detection.images:,} images and masks for about {segmentation.images:,}: this is "
        f"read as {chosen.task}; --task {other.task} reads the others."
    )
    return replace(chosen, notes=(*chosen.notes, note))


def _detection(files: "Files") -> Reading | None:
    parts = [part for folder in files.top.below() if folder.others[".xml"] and (part := _part(files, folder))]
    if not parts:
        return None
    first = parts[0]
    beside = first.images[0] == first.annotations
    where = "beside the images" if beside else f"in {printable(first.annotations)}/"
    lists = [path for part in parts for path, _ in part.lists]
    notes = (
        [f"Splits are those of {', '.join(map(printable, lists[:4]))}; other images are left alone."] if lists else []
    )
    return Reading(
        layout="voc",
        task="detection",
        why=f"XML files {where} name images and the corners of their objects, as Pascal VOC does",
        images=sum(part.count for part in parts),
        samples=lambda: _samples(files, parts),
        rank=_RANK_LOOSE if beside else _RANK_FULL,
        notes=tuple(notes),
    )


def _segmentation(files: "Files") -> Reading | None:
    """Masks in SegmentationClass, with the lists in ImageSets/Segmentation."""
    if not any(folder.name.lower() == "segmentationclass" for folder in files.top.below()):
        return None
    pairs = [pair for pair in find_pairs(files) if is_voc(pair)]
    bases = list(dict.fromkeys(pair.masks.rpartition("/")[0] for pair in pairs))
    lists = [one for base in bases for one in _lists(files, base, "segmentation")]

    def split_of(path: str) -> Split | None:
        if not lists:
            return split_in(path) or "train"
        return _listed(files, stem_of(path), "voc_mask_split")

    reading = reading_of(files, pairs, split_of)
    if reading is None:
        return None
    samples = reading.samples

    def with_lists() -> Iterator[Sample | Fault]:
        yield from _read_lists(files, lists, "voc_mask_split")
        yield from samples()

    return replace(reading, layout="voc", samples=with_lists)


def _part(files: "Files", folder: "Folder") -> _Part | None:
    """The annotations in ``folder``, where the first few XML files are such."""
    good = bad = 0
    for path in islice(files.others(folder.path, suffixes=(".xml",), below=False), _SNIFFED_FILES):
        try:
            annotation = parse(files.read(path, MOST_BYTES))
        except (NotVoc, Unreadable):
            bad += 1
            continue
        # One without objects fits, but LabelMe's (polygons, no bndbox) does not.
        unlike = annotation.objects and all("no bndbox" in problem for problem in annotation.problems)
        good, bad = good + (not (unlike and not annotation.boxes)), bad + bool(unlike and not annotation.boxes)
    if good <= bad:
        return None
    base = folder.path.rpartition("/")[0]
    above = files.folder(base)
    images = [one.path for one in (above.folders if above else ()) if one.name.lower() in IMAGE_FOLDERS and one.images]
    # Annotations/train/ goes with JPEGImages/train/.
    inner = folder.name
    beyond = files.folder(base.rpartition("/")[0]) if base else None
    for one in beyond.folders if beyond else ():
        deeper = next((child for child in one.folders if child.name == inner and child.images), None)
        if one.name.lower() in IMAGE_FOLDERS and deeper is not None:
            images.append(deeper.path)
    if folder.images:
        images.insert(0, folder.path)
    elif above is not None and above.images:
        images.append(above.path)
    lists = tuple(_lists(files, base, "main"))
    count = folder.others[".xml"]
    return _Part(folder.path, tuple(images) or (base,), count, lists)


def _explain(files: "Files") -> None:
    """Raise where XML files look like annotations by their names, and cannot be read."""
    find = finder(files, [""])
    with_xml = (folder for folder in files.top.below() if folder.others[".xml"])
    for folder in islice(with_xml, _SNIFFED_FOLDERS):
        for path in islice(files.others(folder.path, suffixes=(".xml",), below=False), _SNIFFED_FILES):
            try:
                parse(files.read(path, MOST_BYTES))
            except NotXml as refused:
                reason = str(refused)
            except (NotVoc, Unreadable):
                continue  # XML of another kind is another tool's
            else:
                continue
            if find(stem_of(path), None) is not None:
                raise DatasetError(
                    f"{printable(path)} is called as an image is, and would be a Pascal VOC annotation, but cannot be "
                    f"read ({reason}): write the annotations again as plain XML, without a document type."
                )


def _lists(files: "Files", base: str, kind: str) -> list[tuple[str, Split]]:
    """The split lists in ``base``/ImageSets/``kind``; per-class lists such as cat_train.txt are not among them."""
    here = files.folder(base)
    sets = here.child("imagesets") if here else None
    folder = sets.child(kind) if sets else None
    if folder is None:
        return []
    names = {
        path.rpartition("/")[2].lower(): path for path in files.others(folder.path, suffixes=(".txt",), below=False)
    }
    found = [(names[name], split) for name, split in _LISTS if name in names]
    return [one for one in found if any(True for _ in _names(files, one[0]))]


def _names(files: "Files", path: str) -> Iterator[str]:
    """Image names in a list, without extension; a second word (1, -1: whether a class is there) is left aside."""
    try:
        text = text_of(files.read(path, _MOST_LIST_BYTES))
    except Unreadable:
        return
    for line in text.split("\n"):
        words = line.split()
        if words and not words[0].startswith("#"):
            name = line.strip() if len(words) > 2 else words[0]
            yield stem_of(name) if name.lower().endswith((".jpg", ".jpeg", ".png", ".xml", ".bmp")) else name


def _read_lists(files: "Files", lists: Sequence[tuple[str, Split]], table: str) -> Iterator[Fault]:
    """Put the lists into a table; an image that is in two splits is a fault."""
    store = files.store
    store.run(f"DROP TABLE IF EXISTS temp.{table}")
    store.run(f"CREATE TABLE temp.{table} (name BLOB PRIMARY KEY, split TEXT, path BLOB, used INTEGER)")
    add = f"INSERT OR IGNORE INTO temp.{table} VALUES (?, ?, ?, 0)"
    for path, split in lists:
        for name in _names(files, path):
            added = store.connection.execute(add, (to_bytes(name), split, to_bytes(path)))
            if not added.rowcount and not path.lower().endswith("trainval.txt"):
                other = store.one(f"SELECT path FROM temp.{table} WHERE name = ?", to_bytes(name))
                yield Fault(path, f"{printable(name)} is also in {printable(to_text(other))}, which counts")


def _listed(files: "Files", name: str, table: str) -> Split | None:
    """The split that the lists give an image."""
    split: Split | None = files.store.one(f"SELECT split FROM temp.{table} WHERE name = ?", to_bytes(name))
    return split


def _samples(files: "Files", parts: Sequence[_Part]) -> Iterator[Sample | Fault]:
    for part in parts:
        table = "voc_split"
        yield from _read_lists(files, part.lists, table)
        find = finder(files, part.images)
        for path in files.others(part.annotations, suffixes=(".xml",), below=False):
            split = split_in(path) or "train"
            if part.lists:
                listed = _listed(files, stem_of(path), table)
                if listed is None:
                    continue
                split = listed
                files.store.run(f"UPDATE temp.{table} SET used = 1 WHERE name = ?", to_bytes(stem_of(path)))
            try:
                annotation = parse(files.read(path, MOST_BYTES))
            except (NotVoc, Unreadable) as error:
                yield Fault(path, str(error))
                continue
            for problem in annotation.problems:
                yield Fault(path, problem)
            stem = stem_of(path)
            same = next((found[0] for folder in part.images if (found := with_stem(files, folder, stem))), None)
            image = same or find(annotation.filename, split) or find(stem, split) or annotation.filename or stem
            yield Sample(image, split, boxes=annotation.boxes)
        yield from _without_annotation(files, part, table)


def _without_annotation(files: "Files", part: _Part, table: str) -> Iterator[Sample | Fault]:
    """What lists name and no XML file is of: missing, or without boxes, as VOC's own test images are."""
    query = f"SELECT name, split, path FROM temp.{table} WHERE NOT used"
    for name, split, path in files.store.rows(query):
        text = to_text(name)
        if not any(with_stem(files, folder, text) for folder in part.images):
            yield Sample(f"{part.images[0]}/{text}" if part.images[0] else text, split)
        elif split != "test":
            yield Fault(to_text(path), f"{printable(text)} has no annotation")
