"""Tables of labels that name no image as it is called on disk: which column means images, and what to do about it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import PurePosixPath

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.column_names import normalised
from cvadvisor.inspect.dataset.layouts.label_columns import IMAGE_NAMES, Roles, column_called, guess
from cvadvisor.inspect.dataset.layouts.listed_images import Finder, Loosely, has_image_extension, text_of
from cvadvisor.inspect.dataset.layouts.reading import DatasetError, Split, Wishes
from cvadvisor.inspect.dataset.layouts.table_rows import SNIFFED_ROWS, Row, Table
from cvadvisor.inspect.dataset.layouts.table_samples import shortened
from cvadvisor.inspect.printable import printable

# Columns that name many things; images only where they have about as many different values.
_GENERAL = frozenset({"id", "name", "path", "file"})
_IMAGES_LOOKED_AT = 1_000
_LOOSELY: tuple[Loosely, ...] = ("extension", "case")


def guess_loosely(
    files: Files, table: Table, rows: Sequence[Row], wishes: Wishes, split: Split | None
) -> tuple[Roles | None, Loosely | None]:
    """The roles of a table that names images almost as they are called, and how much it differs.

    Raises:
        DatasetError: it has labels of images, and they are called otherwise.
    """
    column = _column_of_images(files, table, rows, wishes)
    if column is None:
        return None, None
    for loosely in _LOOSELY:
        roles = guess(table, rows, Finder(files, table.folder, loosely), wishes, split)
        # Two guesses at once are one too many: labels have to be known by their column's name, too.
        sure = wishes.labels is not None or (roles is not None and roles.by_name and table.has_header)
        if roles and roles.image == column and roles.images and sure:
            return roles, loosely
    named = replace(wishes, image_column=table.columns[column])
    roles = guess(table, rows, Finder(files, table.folder), named, split)
    if roles and (roles.labels or roles.boxes) and not roles.images:
        raise DatasetError(_differently_named(files, table, rows, column))
    return None, None


def _column_of_images(files: Files, table: Table, rows: Sequence[Row], wishes: Wishes) -> int | None:
    """The column that is meant to name images, whether or not any is called so; ``None`` where there is none."""
    if wishes.image_column is not None:
        return column_called(table, wishes.image_column)
    best: tuple[int, int] | None = None
    for index, name in enumerate(map(normalised, table.columns)):
        texts = {text for _, cells in rows if (text := text_of(cells[index]))}
        if texts and sum(map(has_image_extension, texts)) > len(texts) / 2:
            return index
        many = name not in _GENERAL or len(texts) >= min(files.top.images_below, SNIFFED_ROWS) / 2
        if texts and name in IMAGE_NAMES and many and (best is None or IMAGE_NAMES.index(name) < best[0]):
            best = IMAGE_NAMES.index(name), index
    return None if best is None else best[1]


def _differently_named(files: Files, table: Table, rows: Sequence[Row], column: int) -> str:
    """What the table calls its images, what they are called on disk, and what to do: one line."""
    names = [text for _, cells in rows if (text := text_of(cells[column]))]
    images = list(islice(files.images(), _IMAGES_LOOKED_AT))
    name, image, lost_zeros = (names or [""])[0], images[0], False
    by_number = {number: path for path in reversed(images) if (number := _number(path))}
    for one in names:
        if (number := _number(one)) and number in by_number:
            name, image, lost_zeros = one, by_number[number], True
            break
    what = "keep the zeros that spreadsheets drop" if lost_zeros else "write in the table what they are called on disk"
    return (
        f"{printable(table.path)} names {shortened(name)} in the column '{printable(table.columns[column])}', and the "
        f"images are called {shortened(image.rpartition('/')[2])}: {what}, or name another column with --image-column."
    )


def _number(name: str) -> str | None:
    """The number that a file is called after, without zeros in front."""
    path = PurePosixPath(name.replace("\\", "/"))
    stem = path.stem if has_image_extension(name) else path.name
    return (stem.lstrip("0") or "0") if stem.isascii() and stem.isdigit() else None
