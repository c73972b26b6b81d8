"""The linter's formats for programs."""

import json
from xml.etree import ElementTree

import jsonschema
import pytest

from cvadvisor.outputs import lint_formats, lint_github, lint_gitlab, lint_html, lint_json, lint_junit, lint_markdown
from cvadvisor.outputs.lint_formats import LintFormat
from tests.lint.making import faulty, finding, linted, report

EVIL = 'a\nb]]>\x00\x1b[2J,:%|`<script>alert(1)</script>"&\u202e::error::x'


def evil_report():
    return report(linted(finding(message=EVIL, fix=EVIL), path=EVIL, columns={EVIL: EVIL}))


@pytest.mark.parametrize("format", ["text", "json", "github", "sarif", "junit", "gitlab", "markdown", "html"])
@pytest.mark.parametrize("make", [faulty, evil_report, report], ids=["faulty", "evil", "empty"])
def test_every_format_takes_every_report_and_ends_with_a_line_end(format: LintFormat, make) -> None:
    text = lint_formats.render(make(), format)
    assert text.endswith("\n")
    text.encode("utf-8")


@pytest.mark.parametrize("format", ["json", "sarif", "junit", "gitlab"])
def test_formats_for_programs_are_ascii_so_that_any_console_can_carry_them(format: LintFormat) -> None:
    run = linted(finding(message="größer"), path="läufe/протокол.csv")
    assert lint_formats.render(report(run), format).isascii()


# JSON


def test_json_has_the_documented_shape() -> None:
    said = json.loads(lint_json.render(faulty()))
    assert list(said)[:2] == ["version", "runs"]
    run = said["runs"][1]
    assert list(run)[:6] == ["path", "format", "findings", "folded", "passed", "not_checked"]
    keys = ["code", "name", "severity", "message", "evidence", "causes", "fix", "epoch"]
    assert list(run["findings"][0])[:8] == keys
    assert run["not_checked"] == [{"code": "RUN027", "name": "gradient-exploding", "missing": ["gradient norm"]}]
    assert run["folded"][0]["under"] == "RUN003"
    assert said["unreadable"][0]["path"] == "runs/noise.bin"
    assert said["summary"] == {"runs": 3, "error": 1, "warning": 1, "info": 0}


# GitHub


def test_an_annotation_names_the_file_and_the_rule_and_says_the_fix_on_a_line_of_its_own() -> None:
    lines = lint_github.render(faulty()).splitlines()
    error = next(line for line in lines if line.startswith("::error "))
    assert error.startswith(
        "::error file=runs/exp7/results.csv,line=1,title=RUN003 loss-diverged%2C epoch 12::Training"
    )
    assert "%0AFix: Lower" in error
    assert lines[-1].startswith("3 runs: ")


def test_nothing_in_a_log_can_begin_or_end_a_workflow_command() -> None:
    lines = lint_github.render(evil_report()).splitlines()
    assert len(lines) == 2
    properties = lines[0].removeprefix("::error ").split("::")[0]
    assert [pair.split("=")[0] for pair in properties.split(",")] == ["file", "line", "title"]
    assert "%25" in properties


def test_a_known_finding_is_no_annotation() -> None:
    assert "::error" not in lint_github.render(report(linted(finding(known_before=True))))


# JUnit


def test_junit_has_a_case_a_rule_and_skips_what_was_not_checked() -> None:
    root = ElementTree.fromstring(lint_junit.render(faulty()))
    suite = next(suite for suite in root if suite.get("name") == "runs/exp7/results.csv")
    states = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert states == {
        "RUN003 loss-diverged": ["failure"],
        "RUN008 overfitting": ["skipped"],
        "RUN034 noisy-validation": ["skipped"],
        "RUN027 gradient-exploding": ["skipped"],
        "RUN005 loss-not-improving": [],
        "RUN002 loss-zero": [],
    }
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",
        "failures": "1",
        "errors": "0",
        "skipped": "3",
    }
    assert root.get("errors") == "1"


def test_notes_and_known_findings_fail_no_case() -> None:
    made = report(linted(finding(severity="info"), finding("RUN001", "loss-not-finite", known_before=True)))
    assert ElementTree.fromstring(lint_junit.render(made)).get("failures") == "0"


# GitLab


def test_gitlab_issues_have_what_code_quality_needs() -> None:
    issues = json.loads(lint_gitlab.render(faulty()))
    schema = {
        "type": "array",
        "items": {
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {"required": ["path", "lines"]},
            },
        },
    }
    jsonschema.validate(issues, schema)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 2


# Markdown and HTML


def test_markdown_has_a_table_a_run_and_takes_nothing_of_a_log_for_markup() -> None:
    assert "| error | RUN003 loss-diverged<br>epoch 12 |" in lint_markdown.render(faulty())
    rows = [line for line in lint_markdown.render(evil_report()).splitlines() if line.startswith("| error")]
    assert len(rows) == 1
    assert "<script" not in rows[0].replace("\\<script", "")


def test_markdown_keeps_within_its_bound_and_says_what_it_left_out() -> None:
    runs = [linted(finding(), path=f"runs/{number}.csv") for number in range(100)]
    text = lint_markdown.render(report(*runs), most_characters=5000)
    assert len(text) <= 5000
    assert "parts are left out here" in text


def test_the_page_needs_no_network_and_escapes_what_logs_say() -> None:
    page = lint_html.render(evil_report())
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "src=" not in page.replace("img-src", "").replace("default-src", "").replace("style-src", "")


def test_the_page_marks_findings_in_the_curves() -> None:
    page = lint_html.render(faulty())
    assert page.count('<svg class="chart"') >= 4
    assert ">loss-diverged</text>" in page
