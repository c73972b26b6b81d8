"""Tell the runs of a log apart, and give each its series."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvadvisor.inspect.logs.columns import (
    Meaning,
    counter,
    is_summed,
    meanings,
    parse_meaning,
    quantities,
    whole_parts,
)
from cvadvisor.inspect.logs.counters import Piece, pieces
from cvadvisor.inspect.logs.log import Array, Run, Series, Split
from cvadvisor.inspect.logs.raw import RawLog, Scalar

# A share in percent has values above this; a share may be a little above 1 by rounding or by smoothing.
_LARGEST = 1e30
_OFTEN_BLANK = 0.3
_PERCENT_FROM = 1.5
_PERCENT_TO = 100.5


@dataclass(frozen=True, eq=False)
class _Column:
    """A column of the whole file, with its meaning."""

    name: str
    meaning: Meaning
    rows: Array
    values: Array


def runs_of(
    path: Path, raw: RawLog, config: Mapping[str, Scalar], chosen: Mapping[str, str] | None = None
) -> Iterator[Run]:
    """The runs of one file. ``config`` is what lies beside it; what the log itself says of its settings goes before.

    Raises:
        LogError: a value of ``chosen`` is not understood.
    """
    chosen = {**raw.meanings, **(chosen or {})}
    epoch, step, used = _counters(raw, chosen)
    columns = _columns(raw, chosen, used)
    found = pieces(raw, epoch, step, [(c.rows, c.values, c.meaning) for c in columns])
    settings = {**config, **raw.config}
    planned = raw.planned_epochs
    for number, piece in enumerate(found, 1):
        series = tuple(_of_piece(columns, piece, raw.rows, raw.format.startswith("Ultralytics")))
        yield Run(
            path=path,
            format=raw.format,
            epoch=piece.epoch,
            step=piece.step,
            series=series,
            number=number,
            of=len(found),
            config=settings,
            planned_epochs=planned,
            cut=raw.cut if number == len(found) else "",
            resumed_rows=piece.resumed_rows,
            disordered_rows=piece.disordered_rows,
        )


def _counters(raw: RawLog, chosen: Mapping[str, str]) -> tuple[Array, Array, set[str]]:
    """Epoch and step of each row, and the columns that they were read from."""
    counted: dict[str, str] = {}
    for name in raw.columns:
        counts = parse_meaning(chosen[name]).quantity if name in chosen else counter(name)
        if counts in ("epoch", "step"):
            counted.setdefault(counts, name)
    if "epoch" not in counted and (index := _index_column(raw)) is not None:
        counted["epoch"] = index
    epoch, step = (_dense(raw, counted.get(counts)) for counts in ("epoch", "step"))
    if raw.epochs_by_row and "epoch" not in counted:
        epoch = np.arange(raw.rows, dtype=np.float64)
    return epoch, step, set(counted.values())


def _index_column(raw: RawLog) -> str | None:
    """The column without a name that pandas writes, where it counts rows and nothing else does."""
    for name in ("", "Unnamed: 0", "index"):
        if name in raw.columns and "step" not in map(counter, raw.columns):
            rows, values = raw.columns[name]
            if len(rows) == raw.rows and len(values) and np.all(np.diff(values) == 1):
                return name
    return None


def _dense(raw: RawLog, name: str | None) -> Array:
    """A counter for every row; NaN where it is not known."""
    dense = np.full(raw.rows, math.nan)
    if name is not None:
        rows, values = raw.columns[name]
        dense[rows] = np.where(np.isfinite(values) & (np.abs(values) < 1e15), values, math.nan)
    return dense


def _columns(raw: RawLog, chosen: Mapping[str, str], used: set[str]) -> list[_Column]:
    """Columns with their meaning, percent turned into shares, one whole to each quantity and split, and the sums."""
    names = [name for name in raw.columns if name not in used and (len(raw.columns[name][0]) or name in chosen)]
    known = meanings(names, chosen)
    known = _one_whole(names, known)
    columns = [_Column(name, known[name], *raw.columns[name]) for name in names]
    columns = _as_shares(columns, raw.percent)
    return columns + _sums(columns)


def _one_whole(names: list[str], known: dict[str, Meaning]) -> dict[str, Meaning]:
    """Of several columns that mean the same, the first is the whole, the others are parts by their name."""
    taken: set[Meaning] = set()
    result = {}
    for name in names:
        m = known[name]
        if m.quantity and m in taken:
            m = Meaning(m.split, m.quantity, name)
        if m.quantity:
            taken.add(m)
        result[name] = m
    for split, quantity in {(m.split, m.quantity) for m in taken if not m.part.startswith("test")}:
        if Meaning(split, quantity) in taken:
            continue
        parts = [m.part for m in taken if (m.split, m.quantity) == (split, quantity)]
        # A loss per step is the loss where no loss per epoch is logged, a metric of one kind is the metric.
        order = ("step",) if quantity == "loss" else () if quantity == "learning_rate" else ("step", *whole_parts())
        best = next((part for part in order if part in parts), None)
        if best is not None:
            chosen = Meaning(split, quantity, best)
            result = {name: Meaning(split, quantity) if m == chosen else m for name, m in result.items()}
    return result


def _as_shares(columns: list[_Column], percent: set[str]) -> list[_Column]:
    """Shares that are written in percent become shares, training's and validation's alike.

    ``percent`` are the columns with a percent sign; they say nothing of their neighbours.
    """
    highest: dict[tuple[str, str], float] = {}
    for column in columns:
        finite = column.values[np.isfinite(column.values)]
        key = (column.meaning.quantity, column.meaning.part)
        if len(finite) and column.name not in percent:
            highest[key] = max(highest.get(key, -math.inf), float(np.abs(finite).max()))
    scaled = []
    for column in columns:
        entry = quantities().get(column.meaning.quantity)
        top = highest.get((column.meaning.quantity, column.meaning.part), 0.0)
        if column.name in percent:
            top = _PERCENT_TO
        if entry and entry.share and top > _PERCENT_TO:  # whatever it is, it is no share
            column = _Column(column.name, Meaning("", ""), column.rows, column.values)
        elif entry and entry.share and top > _PERCENT_FROM:
            column = _Column(column.name, column.meaning, column.rows, column.values / 100)
        scaled.append(column)
    return scaled


def _sums(columns: list[_Column]) -> list[_Column]:
    """The sum of a loss's parts, for each split that logs parts and no total, as YOLO does."""
    sums = []
    for split in ("train", "validation"):
        losses = [c for c in columns if c.meaning.quantity == "loss" and c.meaning.split == split]
        parts = [c for c in losses if c.meaning.part and is_summed(c.meaning.part)]
        if len(parts) < 2 or any(not c.meaning.part for c in losses):
            continue
        rows = parts[0].rows
        for part in parts[1:]:
            rows = np.intersect1d(rows, part.rows, assume_unique=True)
        if not len(rows):
            continue
        with np.errstate(all="ignore"):
            values = np.sum([c.values[np.searchsorted(c.rows, rows)] for c in parts], axis=0)
        name = "sum of " + ", ".join(c.name for c in parts[:12]) + (" …" if len(parts) > 12 else "")
        sums.append(_Column(name, Meaning(split, "loss"), rows, values))
    return sums


def _of_piece(columns: list[_Column], piece: Piece, total: int, of_clock: bool) -> Iterator[Series]:
    """The series of one run, their rows counted from its beginning; ``of_clock``: seconds are those since it began."""
    whole = len(piece.rows) == total
    new_row = np.full(total, -1, dtype=np.int64)
    new_row[piece.rows] = np.arange(len(piece.rows))
    for column in columns:
        rows, values = column.rows, column.values
        if not whole:
            rows = new_row[rows]
            values, rows = values[rows >= 0], rows[rows >= 0]
        if not len(rows):
            continue
        meaning = column.meaning
        split: Split = "" if meaning.split == "test" else meaning.split
        if meaning.quantity == "seconds":
            values = _each(values, of_clock)
        rows, values = _without_blanks(rows, values)
        if len(rows):
            yield Series(column.name, split, meaning.quantity, meaning.part, rows, values)


def _without_blanks(rows: Array, values: Array) -> tuple[Array, Array]:
    """Without what stands for an empty cell: a NaN before the first number, and those that every few rows have.

    Numbers beyond 1e30 become that: they say as much, and sums of them are finite.
    """
    numbers = np.flatnonzero(np.isfinite(values))
    if len(numbers):
        first, last = numbers[0], numbers[-1] + 1
        blank = np.isnan(values)
        often = blank[first:last].mean() >= _OFTEN_BLANK
        gap = int(np.diff(numbers).max()) - 1 if often and len(numbers) > 1 else 0
        blank[first:last] &= often
        blank[last:] &= len(blank) - last <= gap
        rows, values = rows[~blank], values[~blank]
    return rows, np.where(np.isfinite(values), values.clip(-_LARGEST, _LARGEST), values)


def _each(seconds: Array, of_clock: bool) -> Array:
    """Seconds of each row, where the log counts them from the beginning of the run; a resume begins anew."""
    if len(seconds) < (2 if of_clock else 4) or not np.isfinite(seconds).all() or seconds[0] <= 0:
        return seconds
    steps = np.diff(seconds)
    rising = steps > 0
    # A clock that runs on shows, after n rows of like length, n times the first; a run that gets slower shows less.
    if rising.mean() < 0.9 or (not of_clock and seconds[-1] < 0.5 * len(seconds) * seconds[0]):
        return seconds
    return np.concatenate([seconds[:1], np.where(rising, steps, seconds[1:])])
