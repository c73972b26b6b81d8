"""The rows of a table as numbers: in blocks where every cell is a plain number or blank, else row by row."""

import csv
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from cvadvisor.inspect.logs.columns import counter, meaning
from cvadvisor.inspect.logs.log import Array
from cvadvisor.inspect.logs.raw import MAX_COLUMNS, RawLog, number

SEPARATORS = (",", "\t", ";", "|")
LONGEST_CELL = 1_000_000
_BLOCK = 2_000_000
"""Bytes that are turned into numbers at once."""
_CHUNK_CELLS = 80_000
# Stands for a blank cell while a block is parsed; no log holds this number.
_BLANK = b"-9.8765432109876e303"
_BLANK_VALUE = float(_BLANK)
_PADDING = re.compile(rb" *([,\n]) *")


def column_names(cells: Iterable[str]) -> list[str]:
    """Column names; a name that occurs again gets a number, so that no column is lost."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for position, cell in enumerate(cells):
        name = cell.strip().strip("\"'").strip()
        if position == 0:
            name = name.lstrip("# \ufeff")
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def read_rows(path: Path, encoding: str, separator: str, skip: int, names: list[str]) -> RawLog:
    """Read the rows after the first ``skip`` lines.

    Blank cells are left out. A header that occurs again with other columns begins another run. A last row that is too
    short is left out, and said to be cut.
    """
    table = _Rows(names, separator)
    for block in _blocks(path, encoding, skip):
        table.take_block(block)
    return table.done()


class _Rows:
    """Collects rows under one header after the other."""

    def __init__(self, names: list[str], separator: str) -> None:
        self._sections = [_Section(names)]
        self._separator = separator
        self._starts: list[int] = []
        self._count = 0
        # The last row so far: only when another follows is it known to be whole.
        self._pending: list[str] | None = None

    def take_block(self, block: bytes) -> None:
        """Take whole lines."""
        section = self._sections[-1]
        numbers = _plain_numbers(block, self._separator, len(section.names)) if len(block) > 50_000 else None
        if numbers is None:
            self._take_lines(block.decode("utf-8", "replace").replace("\0", ""))
            return
        self._settle()
        section.take_numbers(numbers, self._count)
        self._count += len(numbers)

    def _settle(self) -> None:
        if self._pending is not None:
            self._count += self._sections[-1].take(self._pending, self._count)
            self._pending = None

    def _take_lines(self, text: str) -> None:
        for cells in _records(text, self._separator):
            self._settle()
            names = self._sections[-1].names
            if len(cells) == 1 and len(names) > 1:
                cells = _by_other_separator(cells[0], len(names)) or cells
            if _is_header_again(cells):
                again = column_names(cells)
                if again != names:
                    self._sections.append(_Section(again))
                if again != names or not any(counter(name) for name in again):
                    self._starts.append(self._count)
                continue
            self._pending = cells

    def done(self) -> RawLog:
        """All rows."""
        cut = ""
        if self._pending is not None:
            if self._sections[-1].is_cut(self._pending):
                cut = "its last row is cut short"
            else:
                self._settle()
        columns: dict[str, list[tuple[Array, Array]]] = {}
        for section in self._sections:
            for name, parts in section.columns():
                columns.setdefault(name, []).extend(parts)
        every = np.arange(self._count, dtype=np.int64)
        joined: dict[str, tuple[Array, Array]] = {}
        for name in list(columns):
            parts = columns.pop(name)
            values = np.concatenate([part[1] for part in parts])
            joined[name] = (
                every if len(values) == self._count else np.concatenate([part[0] for part in parts]),
                values,
            )
        return RawLog("CSV", self._count, joined, starts=self._starts, cut=cut)


class _Section:
    """The rows under one header."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.usual_width = 0
        self._full = self._taken = 0  # rows of the usual width, and all
        self._width = min(len(names), MAX_COLUMNS)
        self._first = 0
        self._chunk: list[list[str]] = []
        self._parts: list[list[tuple[Array, Array]]] = [[] for _ in range(self._width)]

    def take(self, cells: list[str], row: int) -> int:
        """Take a row; how many rows that makes: none for one that holds nothing."""
        if not any(cell and not cell.isspace() for cell in cells):
            return 0
        here = min(len(cells), len(self.names))
        if here > self.usual_width:
            self.usual_width, self._full = here, 0
        self._taken += 1
        self._full += here == self.usual_width
        if not self._chunk:
            self._first = row
        width = self._width
        self._chunk.append(cells if len(cells) == width else cells[:width] + [""] * (width - len(cells)))
        if len(self._chunk) * max(1, width) >= _CHUNK_CELLS:
            self._flush()
        return 1

    def is_cut(self, cells: list[str]) -> bool:
        """Whether a row lacks cells that nearly all rows before it have."""
        return len(cells) < self.usual_width and self._full >= 0.8 * self._taken

    def take_numbers(self, numbers: Array, row: int) -> None:
        """Take a block of rows."""
        self._flush()
        self.usual_width = len(self.names)
        self._full += len(numbers)
        self._taken += len(numbers)
        every = np.arange(row, row + len(numbers), dtype=np.int64)
        for index in range(self._width):
            values = numbers[:, index]
            filled = values != _BLANK_VALUE
            if filled.all():
                self._parts[index].append((every, values.copy()))
            elif filled.any():
                self._parts[index].append((every[filled], values[filled]))

    def _flush(self) -> None:
        for index, column in enumerate(zip(*self._chunk, strict=True)):
            rows, values = _numbers(column)
            if len(rows):
                self._parts[index].append((rows + self._first, values))
        self._chunk = []

    def columns(self) -> Iterator[tuple[str, list[tuple[Array, Array]]]]:
        """Each column that holds numbers, in parts."""
        self._flush()
        for name, parts in zip(self.names, self._parts, strict=False):
            if parts:
                yield name, parts


def _numbers(column: Sequence[str]) -> tuple[Array, Array]:
    """Which cells hold numbers, and the numbers."""
    try:
        return np.arange(len(column), dtype=np.int64), np.array(list(map(float, column)))
    except ValueError:
        pass
    filled = [index for index, cell in enumerate(column) if cell and not cell.isspace()]
    try:
        return np.array(filled, dtype=np.int64), np.array([float(column[index]) for index in filled])
    except ValueError:
        pass
    read = [(index, value) for index in filled if (value := number(column[index])) is not None]
    return np.array([i for i, _ in read], dtype=np.int64), np.array([v for _, v in read], dtype=np.float64)


def _plain_numbers(block: bytes, separator: str, width: int) -> Array | None:
    """A block of lines as an array of (lines, width), where each line has that many plain numbers or blanks."""
    if not separator or width > MAX_COLUMNS or b'"' in block:
        return None
    if separator != ",":
        if b"," in block:  # decimal commas
            return None
        block = block.replace(separator.encode(), b",")
    block = block.replace(b"\r\n", b"\n").strip(b"\n") + b"\n"
    if b" " in block:  # padding, as Ultralytics wrote it
        block = _PADDING.sub(rb"\1", block).lstrip(b" ")
    if b" " in block or b"\r" in block or b"\t" in block:
        return None
    marks = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(marks == 10)
    commas = np.searchsorted(np.flatnonzero(marks == 44), ends)
    if np.any(np.diff(commas, prepend=0) != width - 1):
        return None
    if b",," in block or b",\n" in block or b"\n," in block or block.startswith(b","):
        block = block.replace(b",\n", b"," + _BLANK + b"\n").replace(b"\n,", b"\n" + _BLANK + b",")
        block = block.replace(b",,", b"," + _BLANK + b",").replace(b",,", b"," + _BLANK + b",")
        block = _BLANK + block if block.startswith(b",") else block
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            values = np.fromstring(block.replace(b"\n", b","), sep=",")
        except (DeprecationWarning, ValueError):
            return None
    return values.reshape(-1, width) if len(values) == len(ends) * width else None


def _blocks(path: Path, encoding: str, skip: int) -> Iterator[bytes]:
    """The file after ``skip`` lines, in blocks of whole lines, as UTF-8."""
    if encoding.startswith("utf-16"):
        with path.open(encoding=encoding, errors="replace", newline="") as text:
            lines = itertools.islice(text, skip, None)
            while chunk := "".join(itertools.islice(lines, 5_000)):
                yield chunk.encode("utf-8", "replace")
        return
    with path.open("rb") as file:
        for _ in range(skip):
            file.readline()
        rest = b""
        while data := file.read(_BLOCK):
            end = data.rfind(b"\n") + 1
            if end or len(rest) > 20 * LONGEST_CELL:
                yield rest + data[:end]
                rest = data[end:]
            else:
                rest += data
        if rest:
            yield rest


def _records(text: str, separator: str) -> Iterator[list[str]]:
    lines = text.splitlines()
    if not separator:
        yield from ([line.strip()] for line in lines if line.strip())
        return
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a cell that is too long, or a quote that goes on for ever
            continue
        if cells:
            yield cells


def _by_other_separator(line: str, width: int) -> list[str] | None:
    for separator in SEPARATORS:
        if line.count(separator) == width - 1:
            return line.split(separator)
    return None


def _is_header_again(cells: Sequence[str]) -> bool:
    if not cells[0].strip()[:1].isalpha() and cells[0].strip():
        return False
    filled = [cell for cell in cells if cell.strip()]
    if len(filled) < 2 or any(number(cell) is not None for cell in filled):
        return False
    return sum(bool(counter(cell) or meaning(cell).quantity) for cell in filled) >= 0.5 * len(filled)
