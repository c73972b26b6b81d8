"""The linter's findings as annotations of a GitHub workflow."""

from cvadvisor.lint_report import LintReport
from cvadvisor.outputs.figures import visible
from cvadvisor.outputs.lint_words import place, summary

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: LintReport) -> str:
    """A workflow command for each new finding and each unreadable file, and a line of counts."""
    lines = []
    for run in report.runs:
        for finding in run.findings:
            if finding.known_before:
                continue
            at = place(finding, run)
            title = ", ".join(filter(None, (f"{finding.code} {finding.name}", at)))
            which = f"{run.path}, run {run.number} of {run.of}: " if run.of > 1 else ""
            text = f"{which}{finding.message}\nFix: {finding.fix}"
            lines.append(_command(_COMMANDS[finding.severity], run.path, title, text))
    lines += [_command("warning", one.path, "unreadable log", one.reason) for one in report.unreadable]
    return "\n".join([*lines, summary(report)]) + "\n"


def _command(name: str, path: str, title: str, text: str) -> str:
    return f"::{name} file={_property(path)},line=1,title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    """``text`` as the message of a command: each line on its own, and none that could begin another command."""
    return "%0A".join(visible(line).replace("%", "%25") for line in text.split("\n"))


def _property(text: str) -> str:
    return visible(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
