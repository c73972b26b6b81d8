"""Known findings."""

import json
from pathlib import Path

import pytest

from cvadvisor import baseline
from cvadvisor.errors import UserError
from tests.lint.making import faulty, finding, linted, report


def written(folder: Path, made=None) -> Path:
    file = folder / "baseline.json"
    file.write_text(baseline.to_json(made or faulty(), file.parent), encoding="utf-8")
    return file


def test_what_a_baseline_holds_is_known(tmp_path: Path) -> None:
    known = baseline.read_baseline(written(tmp_path))
    marked = baseline.apply(faulty(), known, tmp_path)
    assert all(one.known_before for run in marked.runs for one in run.findings)


def test_a_finding_stays_known_when_its_numbers_change(tmp_path: Path) -> None:
    known = baseline.read_baseline(written(tmp_path, report(linted(finding()))))
    changed = report(linted(finding(message="Loss rose to 9.", epoch=99.0)))
    assert baseline.apply(changed, known, tmp_path).runs[0].findings[0].known_before


def test_another_rule_log_or_run_is_new(tmp_path: Path) -> None:
    known = baseline.read_baseline(written(tmp_path, report(linted(finding()))))
    others = report(
        linted(finding("RUN001", "loss-not-finite")), linted(finding(), path="x.csv"), linted(finding(), number=2, of=2)
    )
    assert not any(one.known_before for run in baseline.apply(others, known, tmp_path).runs for one in run.findings)


def test_a_baseline_does_not_depend_on_the_order_of_runs() -> None:
    made = faulty()
    other = report(*reversed(made.runs))
    assert baseline.to_json(made, Path()) == baseline.to_json(other, Path())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        "[" * 100_000,
        '{"findings": []}',
        '{"cvadvisor_baseline": "1"}',
        '{"cvadvisor_baseline": "1", "findings": {}}',
        '{"cvadvisor_baseline": "1", "findings": [{"fingerprint": 3}]}',
        '{"cvadvisor_baseline": "1", "findings": [{}]}',
        '{"cvadvisor_baseline": ["' + "x" * 500 + '"], "findings": []}',
    ],
)
def test_a_file_that_is_no_baseline_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "b.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="baseline") as refused:
        baseline.read_baseline(file)
    assert "\n" not in str(refused.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    file.write_bytes(b"\xff\xfe\x00\xd8" * 9)
    with pytest.raises(UserError, match="is no baseline"):
        baseline.read_baseline(file)


def test_a_baseline_that_is_missing_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--write-baseline"):
        baseline.read_baseline(tmp_path / "none.json")


def test_a_baseline_holds_no_measured_value() -> None:
    keys = {"fingerprint", "code", "name", "path", "run"}
    assert all(set(one) == keys for one in json.loads(baseline.to_json(faulty(), Path()))["findings"])


def test_a_baseline_holds_wherever_it_is_used_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "runs" / "log.csv"
    log.parent.mkdir()
    monkeypatch.chdir(tmp_path)
    there = baseline.to_json(report(linted(finding(), path="runs/log.csv")), Path())
    (tmp_path / "baseline.json").write_text(there, encoding="utf-8")
    monkeypatch.chdir(log.parent)
    known = baseline.read_baseline(Path("../baseline.json"))
    marked = baseline.apply(report(linted(finding(), path="log.csv")), known, Path(".."))
    assert marked.runs[0].findings[0].known_before
