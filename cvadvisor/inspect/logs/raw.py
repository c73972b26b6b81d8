"""What a reader hands on: the numbers of a log, by column, before anything is known of what they mean."""

import math
import re
from array import array
from dataclasses import dataclass, field

import numpy as np

from cvadvisor.inspect.logs.log import Array

Scalar = str | int | float | bool

# Enough for per-class metrics of every known data set; what comes after is left out, so that memory stays bounded.
MAX_COLUMNS = 2_000
_NAME_LENGTH = 200

_BLANK = frozenset({"", "-", "--", "n/a", "na", "none", "null", "nil", "<na>", "#n/a", "?"})
_NON_FINITE = re.compile(r"([+-]?)(?:(nan|1\.#(?:qnan|ind|snan)|nan\(.{0,20}\))|(inf|infinity|1\.#inf))", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d+)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)")
_TENSOR = re.compile(r"tensor\(\[?([^,()\[\]]+)\]?(?:,.*)?\)")


@dataclass(eq=False)
class RawLog:
    """The numbers of one file. Rows count from 0; each column has the rows that it has a value on, ascending."""

    format: str
    rows: int
    columns: dict[str, tuple[Array, Array]]
    """Rows (int64) and values (float64) by what the log calls the column."""
    starts: list[int] = field(default_factory=list)
    """Rows at which the log itself says that another run begins."""
    config: dict[str, Scalar] = field(default_factory=dict)
    planned_epochs: float | None = None
    cut: str = ""
    meanings: dict[str, str] = field(default_factory=dict)
    """What the format defines columns to mean, where their names do not say it: 'step_seconds' for 'time'."""
    percent: set[str] = field(default_factory=set)
    """Columns that the log writes with a percent sign."""
    epochs_by_row: bool = False
    """Whether the format defines a row to be an epoch, though no column says so."""


class Cells:
    """Collects cells row by row; columns may come late and have gaps."""

    def __init__(self) -> None:
        self.rows = 0
        self._columns: dict[str, tuple[array[int], array[float]]] = {}

    def add(self, name: str, value: float) -> None:
        """Set ``name`` in the current row; of two values in one row the later is kept."""
        column = self._columns.get(name)
        if column is None:
            if len(self._columns) >= MAX_COLUMNS or len(name) > _NAME_LENGTH:
                return
            column = self._columns[name] = (array("q"), array("d"))
        rows, values = column
        if rows and rows[-1] == self.rows:
            values[-1] = value
        else:
            rows.append(self.rows)
            values.append(value)

    def end_row(self) -> None:
        """Go to the next row."""
        self.rows += 1

    def columns(self) -> dict[str, tuple[Array, Array]]:
        """All columns, as numpy arrays that share no memory with this."""
        return {
            name: (np.array(rows, dtype=np.int64), np.array(values, dtype=np.float64))
            for name, (rows, values) in self._columns.items()
        }


def compact(raw: RawLog) -> None:
    """Drop rows that no column but those of counters has a value in."""
    filled = np.zeros(raw.rows, dtype=bool)
    for name, (rows, _) in raw.columns.items():
        if name not in ("epoch", "step"):
            filled[rows] = True
    if filled.all():
        return
    place = np.cumsum(filled) - 1
    for name, (rows, values) in raw.columns.items():
        raw.columns[name] = (place[rows[filled[rows]]], values[filled[rows]])
    raw.rows = int(filled.sum())


def number(text: str) -> float | None:
    """The number that a cell holds, ``None`` where it is blank or holds none. A written NaN or infinity is a number.

    Also read: 0,53 with a decimal comma; 85.3% as 0.853; tensor(0.53); 01:23 as 83 seconds.
    """
    try:
        return float(text)
    except ValueError:
        pass
    text = text.strip().strip("\"'").strip()
    if text.lower() in _BLANK or len(text) > 100:
        return None
    if found := _TENSOR.fullmatch(text):
        text = found[1].strip()
    if found := _NON_FINITE.fullmatch(text):
        return math.nan if found[2] else -math.inf if found[1] == "-" else math.inf
    if found := _CLOCK.fullmatch(text):
        return int(found[1] or 0) * 3600.0 + int(found[2]) * 60 + float(found[3])
    scale = 1.0
    if text.endswith("%"):
        text, scale = text[:-1].strip(), 0.01
    if _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    try:
        return float(text) * scale
    except ValueError:
        return None


def as_number(value: object) -> float | None:
    """The number that a value of JSON or YAML holds; a boolean is none, and an integer too large for a float is inf."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return number(value) if isinstance(value, str) and len(value) <= 100 else None
