"""The linter's findings as Markdown: a table a run, for a pull request or a job's summary."""

import re
from collections.abc import Iterator

from cvadvisor.lint_report import LintedRun, LintReport
from cvadvisor.outputs.figures import visible
from cvadvisor.outputs.lint_words import NOUNS, about, place, summary, was_judged

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~&@!])")


def render(report: LintReport, *, most_characters: int | None = None) -> str:
    """The report; where it would be longer than ``most_characters``, later runs are left out, and counted."""
    head = f"## Training logs\n\n{_escaped(summary(report))}\n"
    parts, used, left_out = [head], len(head), 0
    for block in _blocks(report):
        if most_characters is not None and used + len(block) > most_characters - 200:
            left_out += 1
            continue
        parts.append(block)
        used += len(block)
    if left_out:
        parts.append(f"\n{left_out} more parts are left out here: see the log of the job.\n")
    return "".join(parts)


def _blocks(report: LintReport) -> Iterator[str]:
    for run in report.runs:
        if run.findings:
            yield _table(run)
    quiet = [run for run in report.runs if not run.findings]
    if quiet:
        lines = [
            f"- {_code(run.path)} ({_escaped(about(run))}){'' if was_judged(run) else ': not judged'}" for run in quiet
        ]
        yield "\n### Nothing found\n\n" + "\n".join(lines) + "\n"
    if report.unreadable:
        lines = [f"- {_code(one.path)}: {_escaped(one.reason)}" for one in report.unreadable]
        yield "\n### Not read\n\n" + "\n".join(lines) + "\n"


def _table(run: LintedRun) -> str:
    lines = ["", f"### {_code(run.path)}", "", _escaped(about(run)), "", "| | rule | what | fix |", "|---|---|---|---|"]
    for finding in run.findings:
        rule = f"{finding.code} {finding.name}"
        at = place(finding, run)
        notes = "".join(f"<br>{_escaped(note)}" for note in (at, "known" if finding.known_before else "") if note)
        cells = (NOUNS[finding.severity], _escaped(rule) + notes, _escaped(finding.message), _escaped(finding.fix))
        lines.append(f"| {' | '.join(cells)} |")
    if run.folded:
        lines += ["", "Explained by these: " + ", ".join(_escaped(one.name) for one in run.folded) + "."]
    if run.not_checked:
        lines += ["", f"Rules not checked: {len(run.not_checked)}."]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """``text`` so that Markdown and HTML take nothing in it for their own."""
    return _MARKS.sub(r"\\\1", visible(text))


def _code(text: str) -> str:
    """``text`` as code, which no backtick in it can end."""
    shown = visible(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
