"""The guidance G01 to G44: each row is felt somewhere, and what it names exists."""

import re
from pathlib import Path

import pytest

from cvadvisor.advise import guidance
from cvadvisor.advise.guidance import DEFAULT, Row, felt, load_guidance
from cvadvisor.advise.rules import RuleError, load_defaults, load_rules
from cvadvisor.shipped import shipped

ROWS = load_guidance()
RULES, DEFAULTS = load_rules(), load_defaults()
TEMPLATES = shipped("reports/templates")
GAPS = {"G16": "progressive resizing", "G20": "snapshots at the ends of cycles", "G30": "224 px, then 299 px"}
"""Rows that nothing carries out yet. Whoever closes one removes it here."""


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row.id, marks=pytest.mark.xfail(strict=True, reason=f"{GAPS[row.id]}: not built yet"))
        if row.id in GAPS
        else pytest.param(row, id=row.id)
        for row in ROWS
    ],
)
def test_every_row_is_felt_somewhere(row: Row) -> None:
    assert felt(row, RULES, DEFAULTS).anywhere


def test_the_rows_are_g01_to_g44() -> None:
    assert [row.id for row in ROWS] == [f"G{number:02}" for number in range(1, 45)]


def test_the_rows_of_rules_and_defaults_are_all_found() -> None:
    named = {(row, rule.code) for rule in RULES for row in rule.guidance}
    assert named == {(row.id, rule.code) for row in ROWS for rule in felt(row, RULES, DEFAULTS).rules}
    fields = {(row, default.field) for default in DEFAULTS for row in default.guidance}
    felt_in = {row.id: felt(row, RULES, DEFAULTS).fields for row in ROWS}
    assert fields == {(row, field) for row, by in felt_in.items() for field in by if DEFAULT in by[field]}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_the_parts_of_the_report_that_a_row_names_exist(row: Row) -> None:
    for part in row.report:
        template = (TEMPLATES / "report" / part.template).read_text(encoding="utf-8")
        headings = " ".join(re.findall(r"<h\d[^>]*>(.*?)</h\d>", template))
        assert part.heading in headings, part


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_the_features_of_the_script_that_a_row_names_exist(row: Row) -> None:
    script = (TEMPLATES / "train.py.j2").read_text(encoding="utf-8")
    for feature in row.script:
        name = re.escape(feature.name)
        defined = rf'^(?:def|class) {name}\b|^{name}\b.* = |constant\("{name.lower()}"\)|add_argument\("{name}"'
        assert re.search(defined, script, re.MULTILINE), feature


def test_a_row_is_felt_through_rules_defaults_report_and_script() -> None:
    where = felt(next(row for row in ROWS if row.id == "G07"), RULES, DEFAULTS)
    assert "class-imbalance" in {rule.name for rule in where.rules}
    assert "DAT012" in where.fields["sampler"]
    assert where.report
    assert where.script
    where = felt(next(row for row in ROWS if row.id == "G23"), RULES, DEFAULTS)
    assert where.fields["layer_decay"][0] == "default"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- {id: G01, text: x}", "guidance.yaml:1: G01: sources: 'sources' is missing"),
        ("- {id: G45, text: x, sources: [PAI]}", "guidance.yaml:1: G45: id: "),
        ("- {id: G01, text: x, sources: []}", "sources: "),
        ("- {id: G01, text: x, sources: [PIA]}", "unknown source 'PIA'; did you mean 'PAI'?"),
        ("- {id: G01, text: x, sources: [PAI], reports: []}", "unknown key 'reports'; did you mean 'report'?"),
        ("- {id: G01, text: x, sources: [PAI], script: [{name: f}]}", "'does' is missing"),
        ("- {id: G01, text: x, sources: [PAI]}\n- {id: G01, text: y, sources: [PAI]}", "yaml:2: G01: id: the row is"),
        ("id: G01", "a list"),
    ],
)
def test_a_row_that_is_not_valid_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: str
) -> None:
    (tmp_path / "guidance.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "sources.yaml").write_text("PAI: {title: A Title}\n", encoding="utf-8")
    monkeypatch.setattr(guidance, "shipped", lambda _: tmp_path)
    with pytest.raises(RuleError) as refused:
        load_guidance()
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)
