"""``docs/probes.md`` against the code: rules, facts and probes that it names exist, and none is forgotten."""

import re
from pathlib import Path
from typing import Any

import pytest

from cvadvisor.advise.rules import compile_rules, load_rules
from cvadvisor.facts import Facts
from cvadvisor.outputs.vocabulary import described, subject
from cvadvisor.probe.catalog import PROBES

PAGE = (Path(__file__).parent.parent / "docs" / "probes.md").read_text(encoding="utf-8")
HEADINGS = {
    "features": "Frozen features",
    "lr_head": "Range tests",
    "lr_full": "Range tests",
    "overfit": "Overfit one batch",
    "batch": "Batch size, memory and speed",
    "lr": "Learning rate",
    "race": "Race of strategies",
}


def section(name: str) -> str:
    start = PAGE.index(f"\n## {HEADINGS[name]}\n")
    return PAGE[start : PAGE.find("\n## ", start + 4)]


def model_of(path: str) -> Any:
    """The facts model at ``path``."""
    model: Any = Facts
    for name in path.split("."):
        model = subject(described(model)[name])
    return model


def test_every_probe_has_its_section() -> None:
    assert {probe.name for probe in PROBES} == set(HEADINGS)
    assert all(f"\n## {heading}\n" in PAGE for heading in HEADINGS.values())


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_the_rules_that_read_a_probe_are_those_that_its_section_names(probe: Any) -> None:
    rules = compile_rules(load_rules())
    reading = {one.rule.code for one in rules if any(f"{path}.".startswith(f"{probe.provides}.") for path in one.reads)}
    read_by = section(probe.name).partition("**Read by**")[2].partition("\n\n")[0]
    named = set(re.findall(r"\b[A-Z]{3}\d{3}\b", read_by))
    assert reading <= named
    beside = {one.rule.code for one in rules if any(path.startswith("probe.") for path in one.reads)}
    assert named <= beside


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_the_facts_that_a_section_lists_exist(probe: Any) -> None:
    """The code spans in tables whose headings speak of facts."""
    shared = [one for one in PROBES if HEADINGS[one.name] == HEADINGS[probe.name]]
    for table in re.findall(r"(?:^\|.*\n)+", section(probe.name), re.MULTILINE):
        cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()]
        columns = [index for index, heading in enumerate(cells[0]) if heading.startswith("fact")]
        for row in cells[2:]:
            for fact in re.findall(r"`([a-z_.]+)`", " ".join(row[index] for index in columns)):
                assert all(exists(one.provides, fact) for one in shared), fact


def exists(owner: str, fact: str) -> bool:
    model = model_of(owner)
    for name in fact.split("."):
        fields = described(model)
        if name not in fields:
            return False
        model = subject(fields[name])
    return True
