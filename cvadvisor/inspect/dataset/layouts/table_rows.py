"""Tables of labels as rows, one at a time: CSV and its relatives, JSON lines, Parquet."""

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import Any

from cvadvisor.inspect.dataset.layouts.listed_images import has_image_extension
from cvadvisor.inspect.dataset.layouts.reading import DatasetError, Fault
from cvadvisor.inspect.printable import printable

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
SNIFFED_ROWS = 1_000
"""Rows that guesses are made from."""

_LONGEST_LINE = 1_000_000
_LONGEST_CELL = 100_000
_LOOKED_AT = 200
_MOST_COLUMNS = 5_000
_BATCH = 2_000

Row = tuple[int, list[Any]]
"""Line (or row) number in its file, and a cell a column: text for CSV, JSON values for the others."""


@dataclass(frozen=True)
class Table:
    """A table that was looked at; its rows are read when they are asked for."""

    path: str
    """As it is named to the user, relative to the dataset where it lies in there."""
    columns: tuple[str, ...]
    """Their names; 'column 1' and so on where the table has no header."""
    has_header: bool
    about: int
    """About how many rows it has."""
    rows: Callable[[], Iterator[Row | Fault]]

    @property
    def folder(self) -> str:
        """The folder that it lies in."""
        return self.path.rpartition("/")[0]


def open_table(path: str, load: Callable[[], bytes], has_header: bool | None = None) -> Table | None:
    """The table at ``path``; ``None`` where it holds no rows or is no table.

    Args:
        path: how it is named; its suffix says what kind of table it is.
        load: gives its bytes; called now and again whenever rows are read.
        has_header: of CSV and the like, whether the first row names the columns, where that is known.

    Raises:
        Unreadable: its bytes cannot be read.
        DatasetError: it is a Parquet file and pyarrow is not installed.
    """
    suffix = PurePosixPath(path.lower()).suffix
    if suffix == ".parquet":
        return _parquet(path, load)
    data = load()
    encoding = _encoding(data)
    about = data.count(b"\n")
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines(path, load, data, encoding, about)
    return _csv(path, load, data, encoding, about, has_header)


def sniff(table: Table) -> list[Row]:
    """The first rows of a table, without the faults among them."""
    rows = (row for row in islice(table.rows(), 2 * SNIFFED_ROWS) if not isinstance(row, Fault))
    return list(islice(rows, SNIFFED_ROWS))


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = data[:2_000]
    if start.count(0) > len(start) // 3:  # UTF-16 without its mark: every other byte of plain text is zero
        return "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for position in range(0, len(data), 1 << 20):
            decoder.decode(data[position : position + (1 << 20)])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def numbered_lines(path: str, data: bytes) -> Iterator[tuple[int, str] | Fault]:
    """The lines of a text of any encoding, numbered from 1, with their ends; a fault for one that is far too long."""
    return _lines(path, data, _encoding(data))


def _lines(path: str, data: bytes, encoding: str) -> Iterator[tuple[int, str] | Fault]:
    """Numbered lines with their ends; one that is too long for any table is a fault."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, errors="replace", newline="")
    number = 0
    while line := text.readline(_LONGEST_LINE):
        number += 1
        if len(line) < _LONGEST_LINE or line.endswith(("\n", "\r")):
            yield number, line
            continue
        while line and not line.endswith(("\n", "\r")):
            line = text.readline(_LONGEST_LINE)
        yield Fault(path, f"line {number:,} is longer than {_LONGEST_LINE:,} characters")


def _csv(
    path: str, load: Callable[[], bytes], data: bytes, encoding: str, about: int, has_header: bool | None
) -> Table | None:
    suffix = PurePosixPath(path.lower()).suffix
    start = [line for line in islice(_lines(path, data, encoding), _LOOKED_AT) if not isinstance(line, Fault)]
    delimiter = _delimiter([line for _, line in start], suffix)
    records = [row for row in _records(path, iter(start), delimiter) if not isinstance(row, Fault)]
    counted = _counts(records)
    if not records or not 0 < len(records[counted][1]) <= _MOST_COLUMNS:
        return None
    number, header = records[counted]
    if any("\0" in cell for cell in header):
        return None
    # No column is called "1.jpg": such a first row is a row like the others.
    named = not any(has_image_extension(cell) for cell in header) if has_header is None else has_header
    if counted and all(len(cells) == len(header) + 1 for _, cells in records[2:]):
        header = ["image", *header]
    columns = tuple(header) if named else tuple(f"column {index}" for index in range(1, len(header) + 1))
    width, skipped = len(columns), number if named else number - 1

    def rows() -> Iterator[Row | Fault]:
        for row in _records(path, _lines(path, load(), encoding), delimiter, width):
            if isinstance(row, Fault):
                yield row
            elif row[0] <= skipped or (named and row[1] == header):
                continue  # tables that were put together repeat their header
            elif len(cells := _fit(row[1], width)) != width:
                yield Fault(path, f"line {row[0]:,} has {len(cells)} cells, and {width} are expected")
            else:
                yield row[0], cells

    return Table(path, columns, named, max(1, about - named), rows)


def _counts(records: list[Row]) -> bool:
    """Whether the first row does no more than say how many there are, as in CelebA's tables."""
    return len(records) > 2 and len(records[0][1]) == 1 < len(records[2][1]) and records[0][1][0].isdecimal()


def _delimiter(lines: list[str], suffix: str) -> str:
    """What separates the cells: it parts most lines, and the first, into the same number of them."""
    order = {".tsv": "\t,;|", ".txt": "\t,;| "}.get(suffix, ",;\t|")

    def regularity(delimiter: str) -> tuple[float, int]:
        records = _records("", iter(enumerate(lines, 1)), delimiter)
        widths = [len(row[1]) for row in records if not isinstance(row, Fault)]
        if not widths:
            return 0.0, 0
        width, count = Counter(widths).most_common(1)[0]
        if width < 2:
            return 0.0, 0
        return round(count / len(widths), 1) + (widths[0] == width), -order.index(delimiter)

    return max(order, key=regularity)


def _records(
    path: str, lines: Iterator[tuple[int, str] | Fault], delimiter: str, width: int | None = None
) -> Iterator[Row | Fault]:
    """Rows of cells. A quote that is never closed costs its own line, not those after it."""
    again: list[tuple[int, str]] = []  # lines to be read once more, each as a row of its own
    while (first := again.pop(0) if (alone := bool(again)) else next(lines, None)) is not None:
        if isinstance(first, Fault):
            yield first
            continue
        number, text = first
        if '"' not in text and len(text) <= _LONGEST_CELL:  # by far the most lines, and by far the fastest way
            cells = [cell.strip() for cell in text.split(None if delimiter == " " else delimiter)]
            if any(cells):
                yield number, cells
            continue
        taken: list[tuple[int, str]] = []
        faults: list[Fault] = []
        source = _texts(chain([first], () if alone else lines), taken, faults)
        try:
            cells = [cell.strip() for cell in next(csv.reader(source, delimiter=delimiter, skipinitialspace=True))]
        except csv.Error:  # a cell that is longer than the module takes
            cells = []
        yield from faults
        if len(taken) > 1 and _is_torn(cells, taken, width):
            again = taken
        elif not cells or max(map(len, cells)) > _LONGEST_CELL:
            yield Fault(path, f"line {number:,} has a cell of more than {_LONGEST_CELL:,} characters")
        elif any(cells):
            yield number, cells


def _is_torn(cells: list[str], taken: list[tuple[int, str]], width: int | None) -> bool:
    """Whether a row of several lines came from a stray quote rather than from a cell of several lines."""
    quotes = sum(line.count('"') for _, line in taken)
    unlike = width is not None and len(_fit(cells, width)) != width
    return not cells or unlike or quotes % 2 == 1 or len(taken) > _LOOKED_AT


def _texts(
    lines: Iterable[tuple[int, str] | Fault], taken: list[tuple[int, str]], faults: list[Fault]
) -> Iterator[str]:
    """The texts of ``lines``, noted in ``taken`` as they are read; a quoted cell ends after so many lines."""
    for line in lines:
        if isinstance(line, Fault):
            faults.append(line)
            continue
        taken.append(line)
        yield line[1]
        if len(taken) > _LOOKED_AT:
            return


def _fit(cells: list[str], width: int) -> list[str]:
    """``cells`` without empty ones at the end that there is no column for."""
    while len(cells) > width and not cells[-1]:
        cells = cells[:-1]
    return cells


def _json_lines(path: str, load: Callable[[], bytes], data: bytes, encoding: str, about: int) -> Table | None:
    columns: dict[str, None] = {}
    objects = (line for line in _objects(path, _lines(path, data, encoding)) if not isinstance(line, Fault))
    for _, values in islice(objects, SNIFFED_ROWS):
        columns.update(dict.fromkeys(values))
        if len(columns) > _MOST_COLUMNS:
            return None
    names = tuple(columns)
    if not names:
        return None

    def rows() -> Iterator[Row | Fault]:
        for line in _objects(path, _lines(path, load(), encoding)):
            yield line if isinstance(line, Fault) else (line[0], [line[1].get(name) for name in names])

    return Table(path, names, True, max(1, about), rows)


def _objects(path: str, lines: Iterator[tuple[int, str] | Fault]) -> Iterator[tuple[int, dict[str, Any]] | Fault]:
    for line in lines:
        if isinstance(line, Fault):
            yield line
            continue
        number, text = line
        if not text.strip():
            continue
        value: Any = None
        with suppress(ValueError, RecursionError):
            value = json.loads(text)
        if isinstance(value, dict):
            yield number, value
        else:
            yield Fault(path, f"line {number:,} is no JSON object")


def _parquet(path: str, load: Callable[[], bytes]) -> Table | None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DatasetError(
            f"{printable(path)} needs pyarrow to be read: pip install pyarrow, or give the labels as a CSV."
        ) from None
    wrong = (pa.lib.ArrowException, ValueError, OSError, OverflowError, MemoryError)
    try:
        file = pq.ParquetFile(io.BytesIO(load()))
        names = tuple(field.name for field in file.schema_arrow if _is_plain(pa, field.type))
        about = file.metadata.num_rows
    except wrong:
        return None
    if not names or not about or len(names) > _MOST_COLUMNS or len(set(names)) < len(names):
        return None

    def rows() -> Iterator[Row | Fault]:
        number = 0
        try:
            for batch in pq.ParquetFile(io.BytesIO(load())).iter_batches(_BATCH, columns=list(names)):
                columns = [batch.column(name).to_pylist() for name in names]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield number, list(cells)
        except wrong:
            yield Fault(path, f"damaged after row {number:,}")

    return Table(path, names, True, about, rows)


def _is_plain(pa: Any, kind: Any) -> bool:
    """Whether a column of this Arrow type can hold names, labels or boxes; images in the table itself cannot."""
    types = pa.types
    if types.is_dictionary(kind):
        return _is_plain(pa, kind.value_type)
    if types.is_struct(kind):
        return all(_is_plain(pa, kind.field(index).type) for index in range(kind.num_fields))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _is_plain(pa, kind.value_type)
    text = types.is_string(kind) or types.is_large_string(kind)
    return text or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
