"""What every output of the linter says alike: how long a run is, and the sentence of counts. It weighs nothing."""

from collections.abc import Iterable

from cvadvisor.diagnosis import Severity
from cvadvisor.lint_report import LintedRun, LintFinding, LintReport, Unreadable
from cvadvisor.outputs.figures import counted, joined, number

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
NOUNS = {"error": "error", "warning": "warning", "info": "note"}


def worst(findings: Iterable[LintFinding]) -> Severity | None:
    """The severity of the worst finding that is not known already."""
    found = {finding.severity for finding in findings if not finding.known_before}
    return next((severity for severity in SEVERITIES if severity in found), None)


def new_findings(report: LintReport) -> list[LintFinding]:
    """Every finding that no baseline holds."""
    return [finding for run in report.runs for finding in run.findings if not finding.known_before]


def was_judged(run: LintedRun) -> bool:
    """Whether any rule could be judged on the run."""
    return bool(run.findings or run.folded or run.passed or run.ignored)


def summary(report: LintReport) -> str:
    """One line: runs, findings by severity, known ones, and how much was not checked."""
    found = new_findings(report)
    counts = [
        counted(sum(finding.severity == severity for finding in found), NOUNS[severity])
        for severity in SEVERITIES
        if severity == "error" or severity == "warning" or any(finding.severity == severity for finding in found)
    ]
    parts = [joined(counts) if found else "nothing found"]
    known = sum(finding.known_before for run in report.runs for finding in run.findings)
    if known:
        parts.append(f"{known} known from the baseline")
    if ignored := sum(len(run.ignored) for run in report.runs):
        parts.append(f"{ignored} ignored")
    if unchecked := sum(len(run.not_checked) for run in report.runs):
        parts.append(f"{counted(unchecked, 'rule')} not checked")
    if report.unreadable:
        parts.append(f"{counted(len(report.unreadable), 'file')} unreadable")
    return f"{counted(len(report.runs), 'run')}: {'; '.join(parts)}."


def about(run: LintedRun) -> str:
    """What the run is, in a few words: 'run 2 of 3, Keras history, 90 epochs'."""
    which = f"run {run.number} of {run.of}" if run.of > 1 else ""
    return ", ".join(filter(None, (which, run.format, length(run))))


def length(run: LintedRun) -> str:
    """How long the run is: '90 epochs', 'up to step 12,000'."""
    if run.unit == "epoch":
        return counted(run.facts.epochs, "epoch")
    last = max((sketch.epochs[-1] for sketch in run.sketches if sketch.epochs), default=None)
    if run.unit == "step" and last is not None:
        return f"up to step {number(last)}"
    return counted(run.facts.rows, "row")


def unread(one: Unreadable) -> str:
    """Why a file could not be judged, in a line that names it once."""
    return one.reason if one.reason.startswith(one.path) else f"{one.path}: {one.reason}"


def place(finding: LintFinding, run: LintedRun) -> str:
    """Where in the run the finding is: 'epoch 12'; empty where it is about all of it."""
    return f"{run.unit} {number(finding.epoch)}" if finding.epoch is not None else ""
