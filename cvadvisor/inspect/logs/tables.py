"""Logs that are tables: CSV and TSV with any separator, a header, and a row a record."""

import csv
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cvadvisor.inspect.logs.columns import counter, meaning
from cvadvisor.inspect.logs.log import LogError
from cvadvisor.inspect.logs.raw import Cells, RawLog, number
from cvadvisor.inspect.logs.table_rows import LONGEST_CELL, SEPARATORS, column_names, read_rows
from cvadvisor.inspect.printable import printable

_SAMPLE_LINES = 60
_PHASE_COLUMNS = ("phase", "split", "mode", "stage", "subset", "set")
_PHASES = {
    word: phase
    for phase, words in (
        ("train", ("train", "training", "tr")),
        ("val", ("val", "valid", "validation", "eval", "test", "dev")),
    )
    for word in words
}
_MOST_PHASED = 1_000_000

Delimited = tuple[str, int]
"""Separator (empty for a single column) and the index of the header among the lines; -1 where there is no header."""


def looks_like_table(text: str) -> Delimited | None:
    """Whether the beginning of a file is that of a table, and how it is written."""
    lines = text.split("\n")
    if len(text) >= 60_000 and len(lines) > 1:
        lines = lines[:-1]  # the sample may end anywhere
    lines = [line.rstrip("\r") for line in lines[:_SAMPLE_LINES]]
    filled = [(index, line) for index, line in enumerate(lines) if line.strip()]
    if not filled:
        return None
    for separator in SEPARATORS:
        if found := _as_table(filled, separator):
            return separator, found[0]
    return _single_column(filled)


def _as_table(filled: Sequence[tuple[int, str]], separator: str) -> tuple[int] | None:
    rows = [(index, _split(line, separator)) for index, line in filled]
    widths = Counter(len(cells) for _, cells in rows)
    width, often = max(widths.items(), key=lambda item: (item[1], item[0]))
    if width < 2 or (often < 0.5 * len(rows) and len(rows) > 3):
        if len(rows[0][1]) < 2 or not _is_header(rows[0][1]):
            return None
        width = len(rows[0][1])
    body_cells = numeric = 0
    header = None
    for position, (index, cells) in enumerate(rows):
        if header is None:
            if len(cells) >= 2 and _is_header(cells):
                header = (index, len(cells))
                continue
            if position > 20:
                return None
            if len(cells) == width and _numeric(cells) >= 0.9:
                header = (-1, width)
            else:
                continue
        filled_cells = [cell for cell in cells if cell.strip()]
        if abs(len(cells) - header[1]) <= 1:
            body_cells += max(1, len(filled_cells))
            numeric += sum(number(cell) is not None for cell in filled_cells)
    if header is None or not (body_cells or header[0] == rows[-1][0]):
        return None
    if not body_cells:  # a header alone; a line of text with a comma is none
        cells = rows[-1][1]
        return (header[0],) if sum(bool(counter(c) or meaning(c).quantity) for c in cells) >= 2 else None
    if numeric < 0.3 * body_cells:
        return None
    odd = sum(len(cells) == 1 and bool(cells[0].strip()) for index, cells in rows if index > header[0])
    return (header[0],) if odd <= 0.4 * len(rows) else None


def _single_column(filled: Sequence[tuple[int, str]]) -> Delimited | None:
    (index, head), *body = filled
    named = bool(counter(head.strip()) or meaning(head.strip()).quantity) and number(head) is None
    return ("", index) if named and len(body) > 1 and all(number(line) is not None for _, line in body[:-1]) else None


def _split(line: str, separator: str) -> list[str]:
    if '"' in line:
        try:
            return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
        except csv.Error:
            pass
    return line.split(separator)


def _numeric(cells: Sequence[str]) -> float:
    return sum(number(cell) is not None for cell in cells) / max(1, len(cells))


def _is_header(cells: Sequence[str]) -> bool:
    """Whether most cells are names: words without a number as their whole, none of them long."""
    named = [cell.strip().strip("\"'# ") for cell in cells]
    names = sum(bool(re.search(r"[^\W\d_]", cell)) and number(cell) is None and len(cell) <= 120 for cell in named)
    odd = sum(bool(re.search(r"[^\d\s]\s*[:=]\s*[-+]?\d", cell)) for cell in named)
    return names >= 0.5 * len(cells) and odd == 0 and names >= 1


def read_table(path: Path, text: str, encoding: str, how: Delimited) -> RawLog:
    """Read a table whose beginning is ``text``.

    Raises:
        LogError: it has a header and no rows, or no column that holds numbers.
    """
    separator, header_index = how
    shown = printable(path)
    lines = text.split("\n")
    header_line = lines[header_index] if header_index >= 0 else ""
    if header_index >= 0 and len(lines) - 1 == header_index and len(text) >= 60_000:
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            header_line = next(itertools.islice(file, header_index, None), "")[: 4 * LONGEST_CELL]
    if header_index >= 0:
        names = column_names(_cells(header_line.rstrip("\r\n"), separator))
    else:
        first = next(line for line in lines if line.strip())
        names = [f"column {n}" for n in range(1, len(_cells(first.rstrip("\r"), separator)) + 1)]
    if long := _long_columns(names):
        return _read_long(path, encoding, separator, header_index + 1, names, long)
    raw = read_rows(path, encoding, separator, header_index + 1, names)
    if not raw.rows:
        raise LogError(f"{shown} has a header but no rows: the run logged nothing yet.")
    if not any(len(rows) for rows, _ in raw.columns.values()):
        raise LogError(f"{shown} is a table without numbers: give a training log with a row an epoch or a step.")
    raw.format = _format(names, separator)
    phase = next((index for index, name in enumerate(names) if name.strip().lower() in _PHASE_COLUMNS), None)
    if phase is not None and raw.rows <= _MOST_PHASED:
        _split_by_phase(raw, _phases(path, encoding, separator, header_index + 1, phase))
    return raw


def _long_columns(names: Sequence[str]) -> tuple[int, int] | None:
    """Where a table that has a row a value, as MLflow writes it, holds the metric's name and the value."""
    lower = [name.strip().lower() for name in names]
    key = next((lower.index(name) for name in ("key", "metric", "metric_name") if name in lower), None)
    return (key, lower.index("value")) if key is not None and "value" in lower and "step" in lower else None


def _read_long(
    path: Path, encoding: str, separator: str, skipped: int, names: Sequence[str], long: tuple[int, int]
) -> RawLog:
    """Turn a table with a row a value into one with a row a step; of several runs, one after the other.

    Raises:
        LogError: it has more rows than are held, or none.
    """
    lower = [name.strip().lower() for name in names]
    step, run = lower.index("step"), next((lower.index(name) for name in ("run_id", "run") if name in lower), None)
    found: dict[str, dict[float, dict[str, float]]] = {}
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        for count, line in enumerate(itertools.islice(file, skipped, None)):
            if count >= _MOST_PHASED:
                raise LogError(f"{printable(path)} has more than {_MOST_PHASED:,} values, one a row: thin it out.")
            row = _cells(line.rstrip("\r\n"), separator)
            if len(row) < len(names):
                continue
            at, value = number(row[step]), number(row[long[1]])
            if at is not None and value is not None and row[long[0]]:
                steps = found.setdefault(row[run] if run is not None else "", {})
                steps.setdefault(at, {})[row[long[0]]] = value
    cells, starts = Cells(), []
    for steps in found.values():
        starts.append(cells.rows)
        for at in sorted(steps):
            cells.add("step", at)
            for name, value in steps[at].items():
                cells.add(name, value)
            cells.end_row()
    if not cells.rows:
        raise LogError(f"{printable(path)} has a row a value, and no values: the run logged nothing yet.")
    return RawLog("MLflow metrics", cells.rows, cells.columns(), starts=starts[1:])


def _phases(path: Path, encoding: str, separator: str, skipped: int, column: int) -> list[str]:
    """What each row says of its phase: 'train', 'val' or nothing."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        lines = (line.rstrip("\r\n") for line in itertools.islice(file, skipped, None))
        rows = (_cells(line, separator) for line in lines if line.strip())
        return [_PHASES.get(row[column].lower(), "") if len(row) > column else "" for row in rows]


def _split_by_phase(raw: RawLog, phases: Sequence[str]) -> None:
    """Where rows are of training and of validation in turn, each column becomes one of either."""
    if len(phases) < raw.rows or not {"train", "val"} <= set(phases):
        return
    of_row = np.array(phases[: raw.rows])
    for name in list(raw.columns):
        if counter(name) or meaning(name).split or not meaning(name).quantity:
            continue
        rows, values = raw.columns.pop(name)
        for phase in ("train", "val"):
            here = of_row[rows] == phase
            raw.columns[f"{phase}/{name}"] = rows[here], values[here]


def _cells(line: str, separator: str) -> list[str]:
    return [cell.strip() for cell in (_split(line, separator) if separator else [line])]


def _format(names: Sequence[str], separator: str) -> str:
    has = set(names)
    if {"train/box_loss", "x/lr0"} <= has or "metrics/mAP_0.5" in has:
        return "YOLOv5 results.csv"
    if {"metrics/accuracy_top1", "train/loss"} <= has or (
        "lr/pg0" in has and any(name.startswith("metrics/") for name in has)
    ):
        return "Ultralytics results.csv"
    if {"epoch", "step"} <= has:
        return "Lightning metrics.csv"
    if {"loss", "val_loss"} <= has:
        return "Keras history"
    if {"epoch", "train_loss", "eval_loss"} <= has:
        return "timm summary.csv"
    if {"epoch", "train_loss", "valid_loss"} <= has:
        return "fastai history.csv"
    return "TSV" if separator == "\t" else "CSV"
