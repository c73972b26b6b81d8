"""Columns that say what belongs together, in tables that lie beside the images whatever the layout is."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from cvadvisor.config import NO_GROUPS, Wishes
from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.column_names import group_columns, normalised
from cvadvisor.inspect.dataset.layouts.label_columns import guess
from cvadvisor.inspect.dataset.layouts.listed_images import Finder, text_of
from cvadvisor.inspect.dataset.layouts.reading import DatasetError, Fault, Reading
from cvadvisor.inspect.dataset.layouts.table_rows import TABLE_SUFFIXES, Row, Table, open_table, sniff
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.dataset.store import to_bytes
from cvadvisor.inspect.printable import printable

_MOST_TABLES, _MOST_COLUMNS = 10, 4
_LOOKED_UP = 200
# Of the images that a table names, the part that has to be on disk.
_FOUND_SHARE = 0.1


@dataclass(frozen=True)
class GroupColumn:
    """A column whose cells are in ``temp.group_value`` under this number."""

    number: int
    name: str
    table: str


def store_group_columns(files: Files, reading: Reading, wishes: Wishes) -> list[GroupColumn]:
    """Read the columns that name groups, besides the one that the labels brought, into ``temp.group_value``.

    Args:
        files: the listing.
        reading: how the dataset is read; its own column of groups is left out.
        wishes: the column that the user named, where it did.

    Raises:
        DatasetError: the column that the user named is in no table that names images of this dataset.
    """
    wanted = None if wishes.group_column == NO_GROUPS else wishes.group_column
    if wanted is not None and reading.group_column is not None:
        return []
    store = files.store
    store.run(
        "CREATE TEMP TABLE IF NOT EXISTS group_value (file INTEGER, number INTEGER, value BLOB NOT NULL, "
        "PRIMARY KEY (file, number)) WITHOUT ROWID"
    )
    taken = {reading.group_column}
    found: list[GroupColumn] = []
    for table, image, columns in _tables(files, wishes):
        new = [index for index in columns if table.columns[index] not in taken][: _MOST_COLUMNS - len(found)]
        if not new:
            continue
        numbered = [
            GroupColumn(len(found) + place, table.columns[index], table.path) for place, index in enumerate(new)
        ]
        store.connection.executemany(
            "INSERT OR IGNORE INTO temp.group_value VALUES (?, ?, ?)",
            _cells(files, table, image, list(zip(new, numbered, strict=True))),
        )
        found += numbered
        taken |= {one.name for one in numbered}
    if wanted is not None and not found:
        raise DatasetError(
            f"{printable(files.root)} has no table that names its images and has a column {printable(wanted)!r}: name "
            "another with --group-column, or give --group-pattern."
        )
    return found


def has_group_column(files: Files, wishes: Wishes) -> bool:
    """Whether a table that names images has the column of groups that the user named."""
    return any(columns for _, _, columns in _tables(files, wishes))


def _tables(files: Files, wishes: Wishes) -> Iterator[tuple[Table, int, list[int]]]:
    """Tables that name images, which of their columns does, and which name groups."""
    paths = heapq.nsmallest(
        _MOST_TABLES, files.others(suffixes=TABLE_SUFFIXES), key=lambda path: (path.count("/"), path)
    )
    for path in paths:
        try:
            table = open_table(path, lambda path=path: files.read(path))  # type: ignore[misc]
            rows = sniff(table) if table else []
            if table is None or not rows:
                continue
            columns = _columns(table, rows, wishes)
            if columns and (image := _image_column(files, table, rows)) is not None:
                yield table, image, [index for index in columns if index != image]
        except (Unreadable, DatasetError):  # a table that cannot be read says nothing of groups
            continue


def _columns(table: Table, rows: list[Row], wishes: Wishes) -> list[int]:
    if wishes.group_column in (None, NO_GROUPS):
        cells = [[cells[index] for _, cells in rows] for index in range(len(table.columns))]
        return group_columns([normalised(name) for name in table.columns], cells, len(rows))
    wanted = wishes.group_column or ""
    return [index for index, name in enumerate(table.columns) if name.lower() == wanted.lower()][:1]


def _image_column(files: Files, table: Table, rows: list[Row]) -> int | None:
    """The column that names images of this dataset, with their extension or without."""
    for loosely in (None, "extension"):
        finder = Finder(files, table.folder, loosely)
        roles = guess(table, rows, finder, Wishes(group_column=NO_GROUPS))
        if roles is not None:
            texts = [text for _, cells in rows[:_LOOKED_UP] if (text := text_of(cells[roles.image]))]
            if texts and sum(bool(finder.meant(text)) for text in texts) >= _FOUND_SHARE * len(texts):
                return roles.image
    return None


def _cells(
    files: Files, table: Table, image: int, columns: list[tuple[int, GroupColumn]]
) -> Iterator[tuple[int, int, bytes]]:
    """File, number of the column and value, for every image that the table names."""
    finder = Finder(files, table.folder, "extension")
    for row in table.rows():
        if isinstance(row, Fault):
            files.store.insert("temp.fault", [(to_bytes(row.path), row.problem)])
            continue
        name = text_of(row[1][image])
        meant = finder.meant(name) if name else []
        if len(meant) != 1:
            continue  # of an image that is not here
        file = files.store.one("SELECT id FROM temp.file WHERE path = ?", to_bytes(meant[0]))
        for index, column in columns:
            if file is not None and (value := text_of(row[1][index])):
                yield file, column.number, to_bytes(value)
