"""What lies on disk: every reader looks at the listing, and the most specific reading that covers the images wins."""

import importlib
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from cvadvisor.config import NO_GROUPS
from cvadvisor.inspect.dataset.layouts.reading import DatasetError, Reader, Reading, Wishes
from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files

READERS = {
    "class-folders": "class_folders",
    "table": "label_table",
    "huggingface": "huggingface",
    "lists": "split_lists",
    "webdataset": "webdataset",
    "coco": "coco",
    "yolo": "yolo",
    "voc": "voc",
    "masks": "mask_folders",
}
"""Layouts by the names that ``--layout`` takes, and the modules that read them."""

_OTHERS = (
    "Also read: images with a table of labels, Hugging Face metadata, lists of splits, WebDataset shards, COCO, YOLO, "
    "Pascal VOC, images with masks."
)

_OF_TABLES = ("table", "huggingface", "webdataset")  # the readers that know columns, or keys

# A reading that covers less than this part of what the widest one covers is about something else: a sample's labels.
_COMPARABLE = 0.5


def choose(files: "Files", wishes: Wishes) -> tuple[Reading, tuple[str, ...]]:
    """The best reading of the dataset, and a sentence for each other one that was possible, or nearly.

    Raises:
        DatasetError: nothing can be read that way, or nothing at all; the message says what was seen.
    """
    if wishes.layout is not None:
        names: Iterable[str] = [wishes.layout]
    else:
        names = _OF_TABLES if _names_columns(wishes) else READERS
    readings, problems = _readings(files, wishes, names)
    if not readings and wishes.layout is None and _in_a_table_beside(files, wishes):
        rest = replace(wishes, group_column=None)
        readings, problems = _readings(files, rest, _OF_TABLES if _names_columns(rest) else READERS)
    if not readings:
        if _says_nothing(wishes) and not problems:
            raise DatasetError(f"{printable(files.root)}: {_class_folders().why_not(files)} {_OTHERS}")
        found = " ".join(str(problem) for _, problem in problems)
        raise DatasetError(f"{printable(files.root)}: {found or _unlike(files, wishes)}")
    widest = max(reading.images for reading in readings)
    best = max(readings, key=lambda one: (one.images >= _COMPARABLE * widest, one.rank, one.images))
    others = [_alternative(one, best) for one in readings if one is not best]
    return best, (*others, *(f"{name}: {problem}" for name, problem in problems))


def _names_columns(wishes: Wishes) -> bool:
    """Whether the user speaks of a table."""
    return wishes.labels is not None or bool(wishes.columns)


def _in_a_table_beside(files: "Files", wishes: Wishes) -> bool:
    """Whether the user named a column of groups that is in a table which need not hold the labels."""
    if wishes.group_column in (None, NO_GROUPS):
        return False
    group_tables = importlib.import_module("cvadvisor.inspect.dataset.group_tables")
    return bool(group_tables.has_group_column(files, wishes))


def _says_nothing(wishes: Wishes) -> bool:
    """Whether the user leaves the layout to us; groups are looked for in any."""
    return replace(wishes, group_pattern=None, group_column=None) == Wishes() and not wishes.columns


def _readings(
    files: "Files", wishes: Wishes, names: Iterable[str]
) -> tuple[list[Reading], list[tuple[str, DatasetError]]]:
    readings, problems = [], []
    for name in names:
        read: Reader = importlib.import_module(f"{__name__}.{READERS[name]}").read
        try:
            reading = read(files, wishes)
        except DatasetError as error:
            problems.append((name, error))
            continue
        if reading and reading.images > 0 and wishes.task in (None, reading.task):
            readings.append(reading)
    return readings, problems


def _alternative(other: Reading, best: Reading) -> str:
    less = f"it covers {other.images:,} images, against {best.images:,}"
    why = less if other.images < best.images else "it says less about the images"
    return f"{other.task} in {other.layout} ({other.why}): {why}."


def _unlike(files: "Files", wishes: Wishes) -> str:
    asked = ", ".join(
        f"--{field.name.replace('_', '-')} {value}"
        for field in fields(wishes)
        if (value := getattr(wishes, field.name))
    )
    table = " and no table with such a column" if wishes.group_column else ""
    return (
        f"what lies there does not fit {printable(asked)}: {_class_folders().seen(files)}{table}. Leave the option out "
        "to see what can be read."
    )


def _class_folders():  # type: ignore[no-untyped-def]
    """The reader that explains what was seen where no reader matches."""
    return importlib.import_module(f"{__name__}.class_folders")
