"""A comparison of two logs or two audits, for the terminal and as JSON."""

import dataclasses
import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from cvadvisor.comparison import AuditComparison, AuditFinding, Difference, LogComparison
from cvadvisor.outputs.figures import counted, number, visible
from cvadvisor.outputs.scales import cells, shortened

COMPARISON_VERSION = "1"

_MOST_ROWS = 30
_TYPOGRAPHY = str.maketrans({"±": "+-", "…": "...", "–": "-"})


def render(comparison: LogComparison | AuditComparison, *, width: int = 80, ascii_only: bool = False) -> str:
    """The comparison in lines up to ``width`` characters; ``ascii_only`` as for the linter's text."""
    blocks = _logs(comparison, width) if isinstance(comparison, LogComparison) else _audits(comparison, width)
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    return text.translate(_TYPOGRAPHY) if ascii_only else text


def to_json(comparison: LogComparison | AuditComparison) -> str:
    """The comparison as JSON, in ASCII."""
    kind = "logs" if isinstance(comparison, LogComparison) else "audits"
    said: dict[str, Any] = {"version": COMPARISON_VERSION, "kind": kind, "regression": comparison.is_regression}
    return json.dumps(said | dataclasses.asdict(comparison), indent=2, allow_nan=False) + "\n"


def _logs(c: LogComparison, width: int) -> Iterator[list[str]]:
    yield _wrapped(_verdict(c), width)
    yield [line for name, side in (("A", c.a), ("B", c.b)) for line in _side(name, side.path, side.about, width)]
    if c.title:
        rows = [
            Difference("best", _value(c.a.best, c.a.best_at, c.unit), _value(c.b.best, c.b.best_at, c.unit)),
            Difference("last", _value(c.a.last), _value(c.b.last)),
            Difference("noise", _value(c.a.noise), _value(c.b.noise)),
        ]
        yield [c.title[:1].upper() + c.title[1:], *_table(rows, width)]
    if c.part_at is not None:
        yield _wrapped(f"They part for good at {c.unit} {number(c.part_at)}.", width)
    elif c.band is not None and c.title:
        yield ["They never part for good."]
    yield ["Set differently", *_table(c.config, width)] if c.config else []
    yield [line for note in c.notes for line in _wrapped(note, width)]


def _side(name: str, path: str, about: str, width: int) -> list[str]:
    """The path, whole, so that it can be copied; then what it is, on a line of its own where there is no room."""
    line = f"{name}  {visible(path)}"
    if cells(line) + cells(about) + 3 <= width:
        return [f"{line} ({visible(about)})"]
    return [line, *_wrapped(f"({about})", width, "   ", "   ")]


def _verdict(c: LogComparison) -> str:
    if c.a.best is None or c.b.best is None:
        return "Neither can be called better."
    values = f"{c.title} {number(c.b.best)} in B, {number(c.a.best)} in A"
    match c.better:
        case "neither":
            return f"No difference beyond noise: {values} (noise may make {number(c.band or 0)})."
        case "unknown":
            return f"Too few values to know the noise: {values}."
        case _:
            return f"{c.better} is better, beyond noise: {values} (noise may make {number(c.band or 0)})."


def _audits(c: AuditComparison, width: int) -> Iterator[list[str]]:
    if c.gained or c.lost:
        yield [f"B has {counted(len(c.gained), 'finding')} that A had not, and lacks {len(c.lost)} that A had."]
    else:
        yield ["Both have the same findings."]
    yield [f"A  {visible(c.a)}", f"B  {visible(c.b)}"]
    yield ["New in B", *_listed(c.gained, width)] if c.gained else []
    yield ["Gone in B", *_listed(c.lost, width)] if c.lost else []
    yield ["Facts that differ", *_table(c.facts, width)] if c.facts else []


def _listed(findings: Sequence[AuditFinding], width: int) -> list[str]:
    return [
        line
        for one in findings
        for line in _wrapped(f"{one.severity} {one.code} {one.name}: {one.message}", width, "  ", "    ")
    ]


def _table(rows: Sequence[Difference], width: int) -> list[str]:
    """Name, A and B in columns that fit; what is too long is shortened in its middle."""
    shown = rows[:_MOST_ROWS]
    names = [shortened(row.name, width // 3) for row in shown]
    room = max(max(map(cells, names)), 5)
    each = max(8, (width - room - 6) // 2)
    left = [shortened(row.a if row.a is not None else "not set", each) for row in shown]
    right = [shortened(row.b if row.b is not None else "not set", each) for row in shown]
    middle = max(*map(cells, left), 1)
    lines = [f"  {'':<{room}}  {'A':<{middle}}  B"]
    lines += [
        f"  {name}{' ' * (room - cells(name))}  {one}{' ' * (middle - cells(one))}  {other}"
        for name, one, other in zip(names, left, right, strict=True)
    ]
    return [*lines, *([f"  and {len(rows) - len(shown)} more"] if len(rows) > len(shown) else [])]


def _value(value: float | None, at: float | None = None, unit: str = "") -> str:
    if value is None:
        return "not known"
    return f"{number(value)} at {unit} {number(at)}" if at is not None else number(value)


def _wrapped(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(visible(text), width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)
