"""The linter's findings on a terminal: the worst run first, each with its curves; healthy runs in a line."""

import textwrap
from collections.abc import Iterable, Iterator

from cvadvisor.lint_report import LintedRun, LintFinding, LintReport, Sketch
from cvadvisor.outputs.figures import counted, number, visible
from cvadvisor.outputs.lint_words import SEVERITIES, about, place, summary, was_judged, worst
from cvadvisor.outputs.scales import cells, shortened
from cvadvisor.outputs.sparkline import ASCII, BLOCKS, sparkline

_COLOURS = {"error": "31", "warning": "33", "info": "36", "ok": "32"}
_WORDS = {"error": "error", "warning": "warning", "info": "note"}
_MARGIN = 11
_MOST_SKETCHES = 6
# A message quotes names of any length.
_MOST_LINES = 8
_MOST_CAUSES = 3
# Up to so many runs, a healthy one shows its curves too.
_FEW_RUNS = 2
_TYPOGRAPHY = str.maketrans(
    {"–": "-", "—": "-", "→": "->", "…": "...", "×": "x", "≥": ">=", "≤": "<=", "±": "+-", "·": "-", "’": "'"}
)


def render(
    report: LintReport, *, width: int = 80, color: bool = False, ascii_only: bool = False, verbose: bool = False
) -> str:
    """The findings in lines up to ``width`` characters.

    Args:
        report: what was found.
        width: columns of the terminal.
        color: paint the severities (ANSI).
        ascii_only: use no character beyond ASCII in what we write ourselves.
        verbose: add each run's columns, and the rules that passed, were ignored or could not be checked.
    """
    loud, quiet = [], []
    for run in sorted(report.runs, key=_rank):
        if worst(run.findings) in ("error", "warning") or verbose or len(report.runs) <= _FEW_RUNS:
            loud.append("\n\n".join("\n".join(block) for block in _run(run, width, color, ascii_only, verbose)))
        else:
            quiet.append("\n".join([*_head(run, width, color), *_notes(run, width)]))
    blocks = [*loud, *(["\n".join(quiet)] if quiet else []), "\n".join(_wrapped(summary(report), width))]
    text = "\n\n".join(blocks) + "\n"
    return text.translate(_TYPOGRAPHY) if ascii_only else text


def one_finding(
    run: LintedRun, finding: LintFinding, *, width: int = 80, color: bool = False, ascii_only: bool = False
) -> str:
    """One finding on its own, and which log it is about."""
    path = visible(run.path) + (f" (run {run.number} of {run.of})" if run.of > 1 else "")
    text = "\n".join([_painted(path, "1", color), *_finding(finding, run, width, color)]) + "\n"
    return text.translate(_TYPOGRAPHY) if ascii_only else text


def _finding(finding: LintFinding, run: LintedRun, width: int, color: bool) -> list[str]:
    """One finding with its fix, its likely causes and what it explains."""
    word = _WORDS[finding.severity]
    at = place(finding, run)
    notes = ", ".join(filter(None, (at, "known from the baseline" if finding.known_before else "")))
    title = visible(f"{finding.code} {finding.name}") + (f"  ({notes})" if notes else "")
    margin = " " * _MARGIN
    lines = ["  " + _painted(f"{word:<{_MARGIN - 2}}", _COLOURS[finding.severity], color) + _painted(title, "1", color)]
    lines += _wrapped(finding.message, width, margin, margin)
    lines += _labelled("Fix: ", finding.fix, width)
    for index, cause in enumerate(finding.causes[:_MOST_CAUSES], 1):
        label = "Likely: " if index == 1 else "        "
        looks = f" {cause.looks_like}" if cause.looks_like else ""
        lines += _labelled(
            label + (f"{index}. " if len(finding.causes) > 1 else ""), _sentence(cause.cause) + looks, width
        )
    explained = [folded.name for folded in run.folded if folded.under in (finding.code, finding.name)]
    if explained:
        lines += _labelled("Explains: ", ", ".join(explained), width)
    return lines


def _rank(run: LintedRun) -> int:
    severity = worst(run.findings)
    known = len(SEVERITIES) if run.findings else len(SEVERITIES) + 1
    return SEVERITIES.index(severity) if severity else known


def _run(run: LintedRun, width: int, color: bool, ascii_only: bool, verbose: bool) -> Iterator[list[str]]:
    yield _head(run, width, color)
    by_severity = sorted(run.findings, key=lambda one: (one.known_before, SEVERITIES.index(one.severity)))
    for finding in by_severity:
        yield _finding(finding, run, width, color)
    if sketches := list(_sketches(run.sketches, width, ASCII if ascii_only else BLOCKS)):
        yield sketches
    if verbose:
        yield from _details(run, width)


def _head(run: LintedRun, width: int, color: bool) -> list[str]:
    """The run's path, whole, so that it can be copied; then what it is, on a line of its own where there is no room."""
    path, about_it = visible(run.path), f"({visible(about(run))})"
    if any(finding.severity != "info" for finding in run.findings):
        state, colour, margin = "", "1", ""
        shown = _painted(path, "1", color)
    else:
        state = "ok" if was_judged(run) else "not judged"
        colour = _COLOURS["ok"] if was_judged(run) else _COLOURS["warning"]
        margin = state + "  "
        shown = _painted(state, colour, color) + f"  {path}"
    if cells(f"{margin}{path} {about_it}") <= width:
        return [f"{shown} {about_it}"]
    return [shown, *_wrapped(about_it, width, "    ", "    ")]


def _notes(run: LintedRun, width: int) -> list[str]:
    """Notes of a run that has nothing worse, in a line or two each."""
    return [
        line
        for one in run.findings
        for line in _wrapped(f"{_WORDS[one.severity]} {one.code} {one.name}: {one.message}", width, "    ", "      ")
    ]


def _sketches(sketches: Iterable[Sketch], width: int, levels: str) -> Iterator[str]:
    drawn = [sketch for sketch in sketches if sketch.values]
    shown = drawn[:_MOST_SKETCHES]
    names = [shortened(sketch.title or sketch.column, 24) for sketch in shown]
    label = max(map(cells, names), default=0)
    room = max(8, min(40, width - label - 34, max((len(sketch.values) for sketch in shown), default=0)))
    for name, sketch in zip(names, shown, strict=True):
        line = sparkline(sketch.values, room, levels)
        yield f"  {name}{' ' * (label - cells(name))}  {line:<{room}}  {_ends(sketch)}".rstrip()
    if len(drawn) > len(shown):
        yield f"  and {len(drawn) - len(shown)} more"


def _ends(sketch: Sketch) -> str:
    """From where to where a series went, and its range."""
    finite = [value for value in sketch.values if value is not None]
    if not finite:
        return "never a finite number"
    digits = next((d for d in (3, 4, 5, 6) if f"{min(finite):.{d}g}" != f"{max(finite):.{d}g}"), 3)
    low, high = (_number(value, digits) for value in (min(finite), max(finite)))
    first, last = ("nan" if one is None else _number(one, digits) for one in (sketch.values[0], sketch.values[-1]))
    if low == high == first == last:
        return f"always {low}"
    span = "" if {low, high} == {first, last} else f" ({low} … {high})"
    return f"{first} → {last}{span}"


def _number(value: float, digits: int) -> str:
    return number(value) if digits == 3 or abs(value) >= 1000 else f"{value:.{digits}g}"


def _details(run: LintedRun, width: int) -> Iterator[list[str]]:
    if run.columns:
        room = min(32, max(cells(visible(column)) for column in run.columns))
        lines = ["  Columns"]
        for column, meaning in run.columns.items():
            name = shortened(column, room)
            lines.append(f"    {name}{' ' * (room - cells(name))}  {visible(meaning) or '(not used)'}")
        yield lines
    if run.ignored:
        yield [
            "  Ignored",
            *(line for one in run.ignored for line in _bullet(f"{one.code} {one.name}", one.reason, width)),
        ]
    if run.not_checked:
        lines = ["  Not checked"]
        for rule in run.not_checked:
            missing = f"needs {', '.join(rule.missing)}" if rule.missing else "not enough to judge by"
            lines += _bullet(f"{rule.code} {rule.name}", missing, width)
        yield lines
    if run.passed:
        names = ", ".join(rule.name for rule in run.passed)
        yield [f"  Passed ({counted(len(run.passed), 'rule')})", *_wrapped(names, width, "    ", "    ", lines=99)]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _bullet(name: str, text: str, width: int) -> list[str]:
    return _wrapped(f"{name}: {text}", width, "    ", "      ")


def _labelled(label: str, text: str, width: int) -> list[str]:
    margin = " " * _MARGIN
    return _wrapped(text, width, margin + label, margin + " " * len(label))


def _wrapped(text: str, width: int, first: str = "", later: str = "", *, lines: int = _MOST_LINES) -> list[str]:
    """``text`` in lines, control characters neutralised; ``first`` and ``later`` begin them."""
    return textwrap.wrap(
        visible(text),
        max(width, len(later) + 12),
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
        max_lines=lines,
        placeholder=" …",
    )


def _painted(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color and text else text
