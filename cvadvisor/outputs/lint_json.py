"""The linter's findings as JSON, for programs; :data:`cvadvisor.lint_report.LINT_VERSION` is its version."""

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from cvadvisor.lint_report import LintReport
from cvadvisor.outputs.lint_words import SEVERITIES, new_findings

# What readers look for first comes first; the rest follows.
_RUN = ("path", "format", "findings", "folded", "passed", "not_checked")
_FINDING = ("code", "name", "severity", "message", "evidence", "causes", "fix", "epoch")


def render(report: LintReport) -> str:
    """The report as the text of a JSON file, in ASCII."""
    said: dict[str, Any] = _adapter().dump_python(report, mode="json")
    runs = [
        _first({**run, "findings": [_first(one, _FINDING) for one in run["findings"]]}, _RUN) for run in said["runs"]
    ]
    found = new_findings(report)
    counts = {severity: sum(finding.severity == severity for finding in found) for severity in SEVERITIES}
    made = _first({**said, "runs": runs, "summary": {"runs": len(runs), **counts}}, ("version", "runs"))
    return json.dumps(made, indent=2, allow_nan=False) + "\n"


@cache
def _adapter() -> TypeAdapter[LintReport]:
    return TypeAdapter(LintReport)


def _first(table: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {**{key: table[key] for key in keys}, **table}
