"""The linter's findings as SARIF 2.1.0, for code scanning."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cvadvisor.advise.message import readable
from cvadvisor.advise.rule_file import Rule
from cvadvisor.baseline import fingerprint
from cvadvisor.lint_report import LintedRun, LintFinding, LintReport
from cvadvisor.outputs.figures import visible
from cvadvisor.outputs.lint_words import place

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "cvadvisor/v1"

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(report: LintReport, rules: Sequence[Rule] | None = None) -> str:
    """The report as JSON, in ASCII; ``rules`` are those with the help, the shipped ones where not given."""
    if rules is None:
        from cvadvisor.advise.rule_load import load_rules

        rules = load_rules()
    shown = _descriptors(report, {rule.code: rule for rule in rules})
    index = {descriptor["id"]: number for number, descriptor in enumerate(shown)}
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "cvadvisor", "version": report.tool_version, "rules": shown}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(report)}],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, linted, index[finding.code]) for linted in report.runs for finding in linted.findings
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _descriptors(report: LintReport, known: Mapping[str, Rule]) -> list[dict[str, Any]]:
    """Every rule that the report names, with its help where we have it."""
    names: dict[str, str] = {}
    for run in report.runs:
        names |= {one.code: one.name for one in run.findings}
        names |= {one.code: one.name for one in run.folded}
        names |= {one.code: one.name for one in run.passed}
        names |= {one.code: one.name for one in run.not_checked}
        names |= {one.code: one.name for one in run.ignored}
    return [_descriptor(code, names[code], known.get(code)) for code in sorted(names)]


def _descriptor(code: str, name: str, rule: Rule | None) -> dict[str, Any]:
    made: dict[str, Any] = {"id": code, "name": name, "shortDescription": {"text": name.replace("-", " ")}}
    if rule is None:
        return made
    sources = [f"{source.title}: {source.note}" for source in rule.sources]
    fix = readable(rule.fix, rule.params)
    text = [rule.why, f"Fix: {fix}", *(f"Source: {source}" for source in sources)]
    markdown = [rule.why, f"**Fix:** {fix}", "\n".join(f"- {source}" for source in sources)]
    return made | {
        "fullDescription": {"text": visible(rule.why)},
        "help": {
            "text": "\n\n".join(visible(part, keep="\n") for part in text),
            "markdown": "\n\n".join(visible(part, keep="\n") for part in markdown),
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(finding: LintFinding, run: LintedRun, rule_index: int) -> dict[str, Any]:
    which = f"Run {run.number} of {run.of}: " if run.of > 1 else ""
    made: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": visible(f"{which}{finding.message} Fix: {finding.fix}")},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(run.path), "region": {"startLine": 1}}}],
        "partialFingerprints": {FINGERPRINT: fingerprint(finding.code, run)},
        "properties": {"run": run.number, "format": visible(run.format)},
    }
    if at := place(finding, run):
        made["properties"]["at"] = at
    if finding.known_before:
        made["suppressions"] = [{"kind": "external", "justification": "The baseline holds it."}]
    return made


def _notifications(report: LintReport) -> list[dict[str, Any]]:
    return [
        {
            "level": "warning",
            "message": {"text": visible(one.reason)},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(one.path)}}],
        }
        for one in report.unreadable
    ]


def _artifact(path: str) -> dict[str, str]:
    """Where a file is, as a URI; relative to the sources where its path is."""
    path = visible(path).replace("\\", "/") if re.match(r"[A-Za-z]:\\", path) else visible(path)
    if path.startswith("/"):
        return {"uri": "file://" + quote(path)}
    if re.match(r"[A-Za-z]:/", path):
        return {"uri": f"file:///{path[:2]}{quote(path[2:])}"}
    return {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
