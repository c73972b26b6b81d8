"""Which column of a table names the images, which their labels, splits and groups: guessed from names and content."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from cvadvisor.config import NO_GROUPS
from cvadvisor.inspect.dataset.layouts.box_columns import BoxColumns, find_boxes
from cvadvisor.inspect.dataset.layouts.column_names import group_columns, normalised
from cvadvisor.inspect.dataset.layouts.label_values import is_flag, is_set, labels_in, separator_of
from cvadvisor.inspect.dataset.layouts.listed_images import Finder, has_image_extension, text_of
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, DatasetError, Split, Task, Wishes
from cvadvisor.inspect.dataset.layouts.table_rows import Row, Table
from cvadvisor.inspect.printable import printable

Kind = Literal["one", "several", "one-hot", "boxes"]

_LABEL_NAMES = (
    *("label", "labels", "class", "classes", "class_name", "classname", "label_name", "labelname", "category"),
    *("categories", "category_name", "target", "targets", "tag", "tags", "y", "ground_truth", "gt", "breed", "species"),
    *("diagnosis", "dx", "disease", "condition", "finding", "findings", "variety", "cultivar", "genus", "family"),
    *("emotion", "expression", "sentiment", "attributes", "type", "kind", "object", "defect", "grade", "animal"),
    *("plant", "crop", "product", "style", "artist", "genre", "landmark", "make", "model", "character", "classid"),
)
_LABEL_ENDS = frozenset(
    {"label", "labels", "class", "category", "target", "tag", "tags", "breed", "species", "diagnosis"}
)
_LABEL_QUALIFIERS = frozenset({"name", "names", "text", "title"})
_CODE_QUALIFIERS = frozenset({"id", "idx", "index", "code", "num", "number", "no"})
_SPLIT_COLUMNS = frozenset(
    {"split", "set", "subset", "partition", "phase", "usage", "data_split", "dataset", "dataset_split", "split_name"}
    | {"data_set", "train_test", "fold_name", "mode"}
)
_IS_VALIDATION = frozenset({"is_valid", "is_val", "is_validation", "valid", "validation", "val"})
# Numbers of few values that are no classes, whatever their content looks like.
_NO_LABELS = frozenset(
    {"id", "width", "height", "w", "h", "size", "depth", "channels", "x", "y1", "fold", "folds", "index", "idx", "age"}
    | {"year", "month", "day", "date", "time", "timestamp", "url", "license", "rotation", "source", "confidence"}
    | {"score", "quality", "brightness", "mode", "format", "extension", "ext", "bytes", "md5", "sha1", "hash"}
    | {"orientation", "text", "caption", "description", "comment", "title", "author", "name", "unnamed_0", ""}
)
IMAGE_NAMES = (
    *("file_name", "filename", "image", "image_path", "path", "file", "filepath", "file_path", "image_name", "img"),
    *("image_id", "imageid", "img_path", "img_name", "image_file", "photo", "picture", "images", "id", "name"),
)
"""What columns that name images are called, normalised, the surest first."""

# Of the rows that are looked at, how many image names are looked up, and in how many columns.
_LOOKED_UP = 200
_MOST_SEARCHED = 50
_MOST_LABEL_LENGTH = 60
_MOST_NUMBERED_CLASSES = 50
# Where so many images have rows with different labels, a row stands for one label of several, not for a mistake.
_SEVERAL_SHARE = 0.1


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are, by their position."""

    image: int
    labels: tuple[int, ...] = ()
    """One column, or the 0/1 columns of the classes; empty where the table has no labels."""
    kind: Kind = "one"
    exclusive: bool = True
    """Of 0/1 columns: whether exactly one is set in every row."""
    separator: str | None = None
    """Between several labels in one cell."""
    split: int | None = None
    group: int | None = None
    boxes: BoxColumns | None = None
    objects: bool = False
    """Whether the column of boxes holds all objects of an image, with their classes."""
    confidence: int | None = None
    """Column in which 0 means that the label is known to be wrong."""
    by_name: bool = True
    """Whether the name of the label column says that it is one."""
    also: tuple[int, ...] = ()
    """Other columns that could hold the label."""
    images: int = 0
    """About how many images the table gives a label to, that are on disk."""

    @property
    def task(self) -> Task:
        """What the table is for."""
        if self.kind == "boxes":
            return "detection"
        several = self.kind == "several" or (self.kind == "one-hot" and not self.exclusive)
        return "multi-label classification" if several else "classification"


def guess(
    table: Table, rows: Sequence[Row], finder: Finder, wishes: Wishes, split: Split | None = None
) -> Roles | None:
    """The roles of a table's columns; ``None`` where no column names listed images.

    Args:
        table: the table.
        rows: its first rows.
        finder: finds the images that it names.
        wishes: columns that the user named, and the task.
        split: which split the whole table is of, where its name says so.

    Raises:
        DatasetError: the user named a column that it does not have.
    """
    wished = Roles(
        image=-1 if wishes.image_column is None else column_called(table, wishes.image_column),
        labels=() if wishes.label_column is None else (column_called(table, wishes.label_column),),
        split=None if wishes.split_column is None else column_called(table, wishes.split_column),
        group=None if wishes.group_column in (None, NO_GROUPS) else column_called(table, wishes.group_column),
    )
    names = [normalised(name) for name in table.columns]
    columns = [[cells[index] for _, cells in rows] for index in range(len(names))]
    image = wished.image if wished.image >= 0 else _image_column(names, columns, finder, split)
    if image is None:
        return None
    roles = replace(wished, image=image)
    taken = {image, *wished.labels, wished.split, wished.group}
    if roles.split is None:
        roles = replace(roles, split=_split_column(names, columns, taken))
        taken.add(roles.split)
    boxes = find_boxes(names, columns, table.has_header) if wishes.task in (None, "detection") else None
    if boxes:
        taken |= set(boxes.columns)
    if roles.group is None and wishes.group_column != NO_GROUPS:
        images = len({text_of(cell) for cell in columns[image]})
        ranked = group_columns(names, columns, images, taken)
        roles = replace(roles, group=ranked[0] if ranked else None)
        taken.add(roles.group)
    roles = _with_labels(replace(roles, boxes=boxes), names, columns, taken, finder, table.has_header)
    if boxes:
        roles = replace(roles, kind="boxes")
    elif wishes.task == "classification" and roles.task != wishes.task:
        roles = replace(roles, kind="one" if roles.kind == "several" else roles.kind, exclusive=True, separator=None)
    elif wishes.task == "multi-label classification":
        roles = replace(roles, kind="several" if roles.kind == "one" else roles.kind, exclusive=False)
    return replace(roles, images=_images(table, rows, roles, finder, split))


def column_called(table: Table, name: str) -> int:
    """Position of the column called ``name``, in any case if none is called exactly so.

    Raises:
        DatasetError: there is none; the message lists those there are.
    """
    for same in (str.__str__, str.lower):
        for index, column in enumerate(table.columns):
            if same(column) == same(name):
                return index
    shown = [printable(column) for column in table.columns[:20]]
    more = f" and {len(table.columns) - 20:,} more" if len(table.columns) > 20 else ""
    raise DatasetError(f"{printable(table.path)} has no column {printable(name)!r}: it has {', '.join(shown)}{more}.")


def _image_column(names: list[str], columns: list[list[Any]], finder: Finder, split: Split | None) -> int | None:
    """The column whose cells name most different images that are listed."""
    best: tuple[float, int] | None = None
    chosen = None
    for index, cells in enumerate(columns):
        if index >= _MOST_SEARCHED and names[index] not in IMAGE_NAMES:
            continue
        texts = list(dict.fromkeys(filter(None, map(text_of, cells))))
        step = max(1, len(texts) // _LOOKED_UP)
        texts = texts[::step][:_LOOKED_UP]
        found = sum(bool(finder.meant(text, split)) for text in texts)
        if not found or found < finder.least_share * len(texts):
            continue
        # Small numbers may name images by chance: a name with an extension counts for more.
        written = sum(map(has_image_extension, texts))
        known = IMAGE_NAMES.index(names[index]) if names[index] in IMAGE_NAMES else len(IMAGE_NAMES)
        score = (found + written, -known)
        if best is None or score > best:
            best, chosen = score, index
    return chosen


def _split_column(names: list[str], columns: list[list[Any]], taken: set[int | None]) -> int | None:
    for index, cells in enumerate(columns):
        texts = {text.lower() for text in map(text_of, cells) if text}
        if index in taken or not texts:
            continue
        if names[index] in _IS_VALIDATION and texts <= {"0", "1", "true", "false"}:
            return index
        if texts <= SPLIT_NAMES.keys() and (names[index] in _SPLIT_COLUMNS or len(texts) > 1):
            return index
    return None


def _with_labels(
    roles: Roles,
    names: list[str],
    columns: list[list[Any]],
    taken: set[int | None],
    finder: Finder,
    has_header: bool,
) -> Roles:
    """``roles`` with the columns of the labels, and how to read them."""
    free = [index for index in range(len(names)) if index not in taken and any(text_of(c) for c in columns[index])]
    free += [
        index for index in range(len(names)) if index not in taken and index not in free and _lists(columns[index])
    ]
    ranked = sorted((rank, index) for index in free if (rank := _label_rank(names[index], columns[index])) is not None)
    flags = tuple(index for index in free if names[index] not in _NO_LABELS and all(map(is_flag, columns[index])))
    also = tuple(index for _, index in ranked)
    labels, by_name = roles.labels, True
    if not labels:
        if ranked:
            labels = (ranked[0][1],)
        elif len(flags) > 1 and roles.boxes is None and has_header:
            sums = [sum(is_set(columns[index][row]) for index in flags) for row in range(len(columns[0]))]
            return replace(roles, labels=flags, kind="one-hot", exclusive=all(one == 1 for one in sums))
        else:
            also = tuple(index for index in free if _may_be_label(names[index], columns[index], finder))
            labels, by_name = also[:1], False
    if not labels:
        return roles
    separator = separator_of(names[labels[0]], columns[labels[0]])
    # In Open Images, people also confirmed which labels are wrong.
    verified = {"image_id", "label_name", "confidence"} <= set(names)
    confidence = names.index("confidence") if verified else None
    kind: Kind = "several" if separator or _is_long_form(roles.image, labels[0], columns) else "one"
    also = tuple(index for index in also if index not in labels)
    return replace(
        roles, labels=labels, kind=kind, separator=separator, by_name=by_name, also=also, confidence=confidence
    )


def _label_rank(name: str, cells: list[Any]) -> int | None:
    """How surely a column's name makes it the label, 0 being surest; ``None`` where it does not."""
    words = name.split("_")
    last, first = words[-1], words[0]
    if name in _LABEL_NAMES:
        rank = _LABEL_NAMES.index(name)
    elif last in _LABEL_ENDS:
        rank = 100
    elif last in _LABEL_QUALIFIERS and first in _LABEL_NAMES:
        rank = 101
    elif last in _CODE_QUALIFIERS and first in _LABEL_NAMES:
        rank = 200
    else:
        return None
    texts = [text for text in map(text_of, cells) if text]
    distinct = len(set(texts))
    measured = distinct > 20 and sum(map(_is_fraction, texts)) > len(texts) / 2
    unique = len(texts) >= 20 and distinct == len(texts)
    return None if measured or unique else rank


def _may_be_label(name: str, cells: list[Any], finder: Finder) -> bool:
    """Whether a column could hold classes by its content: few short values that occur again and again."""
    texts = [text for text in map(text_of, cells) if text]
    counts = Counter(texts)
    if name in _NO_LABELS or len(texts) < len(cells) / 2 or not 1 < len(counts) <= max(2, len(texts) / 2):
        return False
    if any(map(_is_fraction, counts)) or sum(map(len, counts)) > _MOST_LABEL_LENGTH * len(counts):
        return False
    if all(re.fullmatch(r"-?\d+", text) for text in counts) and len(counts) > _MOST_NUMBERED_CLASSES:
        return False
    return not any(has_image_extension(text) or "://" in text or "/" in text for text in list(counts)[:20])


def _is_fraction(text: str) -> bool:
    try:
        return not float(text).is_integer()
    except (ValueError, OverflowError):
        return False


def _lists(cells: list[Any]) -> bool:
    return any(isinstance(cell, list) and cell for cell in cells)


def _is_long_form(image: int, label: int, columns: list[list[Any]]) -> bool:
    """Whether a row is one of an image's several labels, because many images have rows with different ones."""
    labels: dict[str | None, set[str | None]] = {}
    for name, value in zip(columns[image], columns[label], strict=True):
        labels.setdefault(text_of(name), set()).add(text_of(value))
    several = sum(len(values - {None}) > 1 for values in labels.values())
    return several > 1 and several >= _SEVERAL_SHARE * len(labels)


def _images(table: Table, rows: Sequence[Row], roles: Roles, finder: Finder, split: Split | None) -> int:
    """About how many listed images the table gives a label to."""
    if not rows or not (roles.labels or roles.boxes):
        return 0
    labelled = {
        text
        for _, cells in rows
        if (text := text_of(cells[roles.image]))
        and (roles.boxes or any(labels_in(cells[index], roles.separator) for index in roles.labels))
    }
    step = max(1, len(labelled) // _LOOKED_UP)
    tried = sorted(labelled)[::step]
    found = sum(bool(finder.meant(text, split)) for text in tried)
    share = found / len(tried) if tried else 0.0
    whole = max(len(rows), table.about) if len(rows) >= _LOOKED_UP * 5 else len(rows)
    return max(round(share * len(labelled) * whole / len(rows)), 1 if found else 0)
