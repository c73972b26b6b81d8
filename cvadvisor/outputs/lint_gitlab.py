"""The linter's findings as a GitLab code quality report."""

import json

from cvadvisor.baseline import fingerprint
from cvadvisor.lint_report import LintReport
from cvadvisor.outputs.figures import visible

_SEVERITIES = {"error": "critical", "warning": "major", "info": "info"}


def render(report: LintReport) -> str:
    """The report as JSON, in ASCII. GitLab compares branches itself, so known findings are in it too."""
    issues = [
        {
            "description": visible(f"{finding.name}: {finding.message} Fix: {finding.fix}"),
            "check_name": finding.code,
            "fingerprint": fingerprint(finding.code, run),
            "severity": _SEVERITIES[finding.severity],
            "location": {"path": visible(run.path), "lines": {"begin": 1}},
        }
        for run in report.runs
        for finding in run.findings
    ]
    return json.dumps(issues, indent=2) + "\n"
