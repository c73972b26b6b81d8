"""Hugging Face's imagefolder with metadata.csv, metadata.jsonl or metadata.parquet beside the images."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import PurePosixPath

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.box_columns import find_objects
from cvadvisor.inspect.dataset.layouts.class_folders import PARTS
from cvadvisor.inspect.dataset.layouts.label_columns import Roles, guess
from cvadvisor.inspect.dataset.layouts.label_table import reading_of
from cvadvisor.inspect.dataset.layouts.listed_images import Finder, split_of_folders, text_of
from cvadvisor.inspect.dataset.layouts.reading import (
    SPLIT_NAMES,
    SPLITS,
    DatasetError,
    Fault,
    Reading,
    Sample,
    Wishes,
)
from cvadvisor.inspect.dataset.layouts.table_rows import Row, Table, open_table, sniff
from cvadvisor.inspect.dataset.layouts.table_samples import Source
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.printable import printable

LAYOUT = "Hugging Face imagefolder"

_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_MOST_FILES = 40
_LOOKED_UP = 200


def read(files: Files, wishes: Wishes) -> Reading | None:
    """Read images with a metadata file a folder; ``None`` where there is none that names listed images.

    Without a column of labels, the folders of the images are their classes, as in ``load_dataset("imagefolder")``.

    Raises:
        DatasetError: the metadata cannot be read, lacks a column that the user named, or names no training image.
    """
    if not files.top.images_below:
        return None
    found: list[Source] = []
    problem: DatasetError | None = None
    paths = (path for path in files.others(suffixes=_NAMES) if path.rpartition("/")[2].lower() in _NAMES)
    for path in islice(paths, _MOST_FILES):
        try:
            table = open_table(path, lambda path=path: files.read(path))  # type: ignore[misc]
            source = _source(files, table, wishes) if table else None
        except Unreadable as error:
            problem = DatasetError(f"{printable(path)} cannot be read: {error}. Mend it, or remove it.")
            continue
        except DatasetError as error:
            problem = error
            continue
        if source:
            found.append(source)
    if not found:
        if problem:
            raise problem
        return None
    found.sort(key=lambda one: SPLITS.index(one.split or "train"))
    main = max(found, key=lambda one: one.roles.images)
    sources = [main, *(one for one in found if one is not main and one.roles.task == main.roles.task)]
    reading = reading_of(files, sources, [], rank=80, layout=LAYOUT)
    if main.roles.labels or main.roles.boxes:
        return reading
    note = "Labels are the folders that the images lie in: the metadata has no column of labels."
    return replace(
        reading,
        why=f"{printable(main.table.path)} names about {reading.images:,} images on disk, in a folder a class",
        samples=lambda: _labelled_by_folder(reading),
        notes=(*reading.notes, note),
    )


def _source(files: Files, table: Table, wishes: Wishes) -> Source | None:
    lower = [name.lower() for name in table.columns]
    column = next((name for name in lower if name == "file_name"), None)
    column = column or next((name for name in lower if name.endswith("_file_name")), None)
    if column is None and wishes.image_column is None:
        return None
    rows, finder, split = sniff(table), Finder(files, table.folder), split_of_folders(table.path)
    roles = guess(table, rows, finder, replace(wishes, image_column=wishes.image_column or column), split)
    if roles is None:
        return None
    columns = [[cells[index] for _, cells in rows] for index in range(len(table.columns))]
    boxes = find_objects(columns) if wishes.task in (None, "detection") else None
    if boxes:
        roles = replace(roles, boxes=boxes, objects=True, kind="boxes", labels=(), separator=None)
    elif not roles.labels or not roles.by_name:
        classes = _classes(rows, roles, finder)
        if len(classes) > 1:
            roles = replace(roles, labels=(), kind="one", separator=None)
        elif not roles.labels and not roles.boxes:
            return None
    if boxes or not (roles.labels or roles.boxes):
        roles = replace(roles, images=_named_images(table, rows, roles, finder))
    return Source(table, roles, split if roles.split is None else None) if roles.images else None


def _classes(rows: list[Row], roles: Roles, finder: Finder) -> set[str]:
    """The folders that the images named in these rows lie in, other than those that are no classes."""
    names = (text_of(cells[roles.image]) for _, cells in rows)
    paths = (finder.find(name) for name in names if name)
    return {folder for path in paths if path and (folder := _class_of(path))}


def _class_of(path: str) -> str | None:
    folder = PurePosixPath(path).parent.name
    return folder if folder and folder.lower() not in SPLIT_NAMES and folder.lower() not in PARTS else None


def _named_images(table: Table, rows: list[Row], roles: Roles, finder: Finder) -> int:
    names = [name for _, cells in rows if (name := text_of(cells[roles.image]))]
    tried = names[:: max(1, len(names) // _LOOKED_UP)]
    share = sum(bool(finder.meant(name)) for name in tried) / len(tried) if tried else 0.0
    return round(share * (table.about if len(names) >= 5 * _LOOKED_UP else len(names)))


def _labelled_by_folder(reading: Reading) -> Iterator[Sample | Fault]:
    for one in reading.samples():
        if isinstance(one, Sample) and (label := _class_of(one.path)):
            yield replace(one, labels=(label,))
        else:
            yield one
