"""SARIF, against the schema that OASIS publishes (errata 01; https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cvadvisor.advise.rule_load import load_rules
from cvadvisor.outputs import lint_sarif
from tests.lint.making import faulty, finding, linted, report

SCHEMA = json.loads(Path(__file__).with_name("sarif-schema-2.1.0.json").read_text(encoding="utf-8"))


def sarif(*arguments: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(lint_sarif.render(*arguments))
    jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER).validate(made)
    return made


@pytest.mark.parametrize(
    "path", ["runs/a.csv", "/abs/with space/a.csv", "C:\\logs\\a.csv", "läufe/a%20b.csv", "a:b.csv", "\\xff.csv"]
)
def test_it_is_valid_for_any_path(path: str) -> None:
    sarif(report(linted(finding(), path=path)))


def test_it_is_valid_with_and_without_findings() -> None:
    sarif(faulty())
    assert sarif(report())["runs"][0]["results"] == []


def test_a_result_names_its_rule_its_log_and_its_level() -> None:
    run = sarif(faulty())["runs"][0]
    result = next(one for one in run["results"] if one["ruleId"] == "RUN003")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "RUN003"
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "runs/exp7/results.csv"


def test_every_rule_that_was_shipped_has_help_without_placeholders() -> None:
    rule = next(rule for rule in load_rules() if rule.code.startswith("RUN"))
    descriptor = sarif(report(linted(finding(rule.code, rule.name))))["runs"][0]["tool"]["driver"]["rules"]
    helped = next(one for one in descriptor if one["id"] == rule.code)
    assert "Fix: " in helped["help"]["text"]
    assert "{run." not in json.dumps(descriptor)


def test_fingerprints_do_not_depend_on_what_was_measured() -> None:
    one, other = (
        sarif(report(linted(finding(message=message, epoch=epoch))))["runs"][0]["results"][0]
        for message, epoch in (("Loss 0.51.", 3.0), ("Loss 0.52.", 4.0))
    )
    assert one["partialFingerprints"] == other["partialFingerprints"]
    assert one["message"] != other["message"]


def test_fingerprints_differ_by_rule_log_and_run() -> None:
    runs = [
        linted(finding(), finding("RUN001", "loss-not-finite")),
        linted(finding(), path="b.csv"),
        linted(finding(), number=2, of=2),
    ]
    results = sarif(report(*runs))["runs"][0]["results"]
    assert len({result["partialFingerprints"][lint_sarif.FINGERPRINT] for result in results}) == 4


def test_a_known_finding_is_suppressed() -> None:
    result = sarif(report(linted(finding(known_before=True))))["runs"][0]["results"][0]
    assert result["suppressions"][0]["kind"] == "external"


def test_a_file_that_cannot_be_read_is_a_notification() -> None:
    notes = sarif(faulty())["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert "nothing to read" in notes[0]["message"]["text"]
