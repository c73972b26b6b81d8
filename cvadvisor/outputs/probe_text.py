"""What one probe gave, for the terminal: its facts and lists as tables, its curves as lines of blocks."""

import math
import textwrap
from collections.abc import Iterator

from cvadvisor.facts.seen import Check, Curve, Series
from cvadvisor.outputs.fact_rows import subjects
from cvadvisor.outputs.figures import counted, number, rate, seconds, visible
from cvadvisor.outputs.listings import Listing, listings, table
from cvadvisor.outputs.scales import cells, shortened
from cvadvisor.outputs.sparkline import ASCII, BLOCKS, sparkline
from cvadvisor.outputs.vocabulary import fact_at
from cvadvisor.probe_report import ProbeReport

_MOST_SERIES = 4
_SKETCH = 40
_LEFT_OUT = "left_out"
_NARROWEST = 20
"""Columns that the meaning of a fact needs beside it."""
# A fact's description goes on after its first clause.
_CLAUSE_ENDS = (". ", "; ", ": ", " (")
_TYPOGRAPHY = str.maketrans(
    {"–": "-", "—": "-", "→": "->", "…": "...", "×": "x", "≥": ">=", "≤": "<=", "±": "+-", "·": "-", "’": "'"}
)


def render(report: ProbeReport, *, width: int = 80, color: bool = False, ascii_only: bool = False) -> str:
    """The report in lines up to ``width`` characters.

    Args:
        report: what the probe gave.
        width: columns of the terminal.
        color: paint the title (ANSI).
        ascii_only: use no character beyond ASCII in what we write ourselves.
    """
    blocks = [_head(report, width, color), _table(report, width)]
    lists = listings(report.facts, report.check.provides)
    blocks += [_listed(one, report, width) for one in lists]
    listed = {one.path for one in lists}
    # the race is told by the list of its entries, place by place
    curves = [curve for curve in report.curves if curve.name != "race" or "probe.race.entries" not in listed]
    blocks += [_curve(curve, width, ascii_only) for curve in curves]
    blocks.append(_left_out(report, width))
    blocks.append([line for check in report.before for line in _unchecked(check, width)])
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    return text.translate(_TYPOGRAPHY) if ascii_only else text


def why_not(check: Check) -> str:
    """Why ``check`` gave nothing, and what would enable it, in a line."""
    verb = "failed" if check.status == "failed" else "was not checked"
    enable = f" Try {check.enable}." if check.enable else ""
    return visible(
        f"{check.title.partition(':')[0]} {verb}: {(check.reason or 'no reason is known').rstrip('.')}.{enable}"
    )


def _head(report: ProbeReport, width: int, color: bool) -> list[str]:
    title = shortened(report.check.title, width)
    took = f"{seconds(report.seconds)} in all"
    if report.check.seconds is not None:
        took = f"{seconds(report.check.seconds)}, with what it needs {seconds(report.seconds)}"
    lines = [f"\x1b[1m{title}\x1b[0m" if color else title, *_wrapped(f"{report.about}; {took}", width, "  ")]
    return lines if report.is_done else [*lines, *_wrapped(why_not(report.check), width, "  ")]


def _table(report: ProbeReport, width: int) -> list[str]:
    """Name, value and meaning of each fact that is known."""
    below = tuple(f"{path}." for path in report.check.provides)
    found = [row for subject in subjects(report.facts) for row in subject.rows if row.path.startswith(below)]
    listed = {one.path for one in listings(report.facts, report.check.provides)}
    listed |= {f"{path}.{_LEFT_OUT}" for path in report.check.provides}
    rows = [row for row in found if row.is_known and row.value != "none" and row.path not in listed]
    if not rows:
        return []
    names = [shortened(_name(row.path, below), width // 3) for row in rows]
    values = [shortened(f"{row.value} {row.unit or ''}".rstrip(), width // 2) for row in rows]
    name_room, value_room = max(map(cells, names)), min(max(map(cells, values)), width // 3)
    margin = 2 + name_room + 2 + value_room + 2
    if width - margin < _NARROWEST:  # meanings go below the values
        margin = 6
    lines = []
    for row, name, value in zip(rows, names, values, strict=True):
        start = f"  {name}{' ' * (name_room - cells(name))}  {value}"
        meaning = textwrap.wrap(visible(_phrase(row.description)), width - margin)
        if cells(start) > margin - 2 and meaning:
            lines.append(start)
        else:
            lines.append(f"{start}{' ' * (margin - cells(start))}{meaning.pop(0)}" if meaning else start)
        lines += [f"{'':{margin}}{rest}" for rest in meaning]
    if unknown := sum(not row.is_known for row in found):
        lines.append(f"  {counted(unknown, 'other fact')} {'is' if unknown == 1 else 'are'} not known.")
    return lines


def _name(path: str, below: tuple[str, ...]) -> str:
    return next(path.removeprefix(start) for start in below if path.startswith(start))


def _listed(one: Listing, report: ProbeReport, width: int) -> list[str]:
    """A list with its name, what it is, and its first rows."""
    name = _name(one.path, tuple(f"{path}." for path in report.check.provides))
    more = [f"  and {counted(one.more, 'other')}, which --format json lists"] if one.more else []
    return [*_wrapped(f"{name}: {one.description}", width), *table(one, width), *more]


def _phrase(description: str) -> str:
    """The first clause of a description."""
    ends = [at for end in _CLAUSE_ENDS if (at := description.find(end)) > 0]
    return description[: min(ends, default=len(description))].rstrip(".")


def _curve(curve: Curve, width: int, ascii_only: bool) -> list[str]:
    """Each line of a chart as a row of blocks, with where it begins and ends."""
    lines = _wrapped(curve.title, width)
    for series in curve.series[:_MOST_SERIES]:
        lines += _series(series, curve, width, ascii_only)
    if len(curve.series) > _MOST_SERIES:
        lines.append(f"  and {counted(len(curve.series) - _MOST_SERIES, 'other line')}")
    marks = ", ".join(f"{mark.label} at {_at(mark.x, curve)}" for mark in curve.marks)
    return lines + (_wrapped(marks, width, "  ") if marks else [])


def _series(series: Series, curve: Curve, width: int, ascii_only: bool) -> Iterator[str]:
    if not series.y:
        return
    sketch = sparkline(series.y, min(_SKETCH, width // 2), ASCII if ascii_only else BLOCKS)
    ends = f"{_at(series.x[0], curve)} to {_at(series.x[-1], curve)}"
    low, high = (number(pick(value for value in series.y if math.isfinite(value))) for pick in (min, max))
    said = f"{series.name}: {curve.y_label} {low} to {high}, {curve.x_label} {ends}"
    yield f"  {sketch}"
    yield from _wrapped(said, width, "  ")


def _at(x: float, curve: Curve) -> str:
    return rate(x) if curve.x_log and 0 < x < 1 else number(x)


def _left_out(report: ProbeReport, width: int) -> list[str]:
    """What the probe did not measure, and why where it says so."""
    parts = [part for path in report.check.provides for part in fact_at(report.facts, f"{path}.{_LEFT_OUT}") or ()]
    lines = [line for part in parts for line in _wrapped(part, width, "  ")]
    return ["Left out, and so not known:", *lines] if parts else []


def _unchecked(check: Check, width: int) -> list[str]:
    return [] if check.status == "done" else _wrapped(why_not(check), width)


def _wrapped(text: str, width: int, margin: str = "") -> list[str]:
    return textwrap.wrap(visible(text), width, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)
