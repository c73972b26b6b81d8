"""The knowledge that ships: every rule proves its own boundary, and what it names exists."""

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cvadvisor.advise.fields import INPUTS, field_types
from cvadvisor.advise.message import UNKNOWN, check_message, render_message
from cvadvisor.advise.rule_file import read_sources
from cvadvisor.advise.rule_load import words_of
from cvadvisor.advise.rules import CompiledRule, compile_rules, load_defaults, load_rules, shipped_defaults
from cvadvisor.advise.words import MissingFact, fact_words, paths_lookup, with_params
from cvadvisor.shipped import shipped
from tests.advise import making

RULES = compile_rules(load_rules())
KINDS = {"dataset.leak.validation_kinds": "9 byte for byte", "dataset.leak.test_kinds": "9 byte for byte"}
BY_CODE = {compiled.rule.code: compiled for compiled in RULES}


def examples(kind: str) -> list[object]:
    return [
        pytest.param(compiled, example, id=f"{compiled.rule.code}-{index}")
        for compiled in RULES
        for index, example in enumerate(getattr(compiled.rule, kind))
    ]


@pytest.mark.parametrize(("compiled", "example"), examples("fires_on"))
def test_a_rule_fires_on_its_examples(compiled: CompiledRule, example: dict[str, object]) -> None:
    assert compiled.fires(paths_lookup(example)) is True


@pytest.mark.parametrize(("compiled", "example"), examples("silent_on"))
def test_a_rule_is_silent_on_its_examples(compiled: CompiledRule, example: dict[str, object]) -> None:
    assert compiled.fires(paths_lookup(example)) is False


@pytest.mark.parametrize(("compiled", "example"), examples("fires_on"))
def test_a_firing_example_says_everything_that_the_message_needs(
    compiled: CompiledRule, example: dict[str, object]
) -> None:
    lookup = with_params(paths_lookup(example), compiled.rule.params)
    message = render_message(compiled.rule.message, lookup)
    assert UNKNOWN not in message
    assert not re.search(r"[{}]|\(s\)|\w\|\w|\s\s", message)


@pytest.mark.parametrize(("compiled", "example"), examples("fires_on"))
def test_advice_has_a_value_wherever_its_facts_are_known(compiled: CompiledRule, example: dict[str, object]) -> None:
    for item in compiled.advice:
        assert item.value(paths_lookup(example)) is not None


@pytest.mark.parametrize("compiled", RULES, ids=lambda compiled: compiled.rule.code)
def test_a_rule_is_written_to_be_read(compiled: CompiledRule) -> None:
    rule = compiled.rule
    for text in (rule.message, rule.why, rule.fix, *(source.note for source in rule.sources)):
        assert text == text.strip()
        assert "\n" not in text
    assert rule.why.endswith(".")
    assert rule.fix.endswith(".")
    assert len(rule.message) < 400
    assert set(rule.params) == set(
        re.findall(r"param\.(\w+)", " ".join([rule.when, rule.message, *map(str, rule.advice)]))
    )


def test_what_is_called_measured_is_the_value_of_a_measurement() -> None:
    called = [advice for compiled in RULES for advice in compiled.rule.advice if advice.stage == "measured"]
    assert called
    assert all(re.search(r"\b(probe|run)\.", str(advice.value)) for advice in called)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"dataset.leak.validation_images": 1, "dataset.leak.validation_share": 0.0001, **KINDS}, {"DAT010"}),
        ({"dataset.leak.validation_images": 9, "dataset.leak.validation_share": 0.005, **KINDS}, {"DAT001"}),
        ({"dataset.leak.test_images": 1, "dataset.leak.test_share": 0.0001, **KINDS}, {"DAT011"}),
        ({"dataset.leak.test_images": 9, "dataset.leak.test_share": 0.005, **KINDS}, {"DAT002"}),
        ({"probe.overfit.fitted": False, "probe.overfit.final_loss": 2.0}, {"PRB002"}),
        ({"probe.overfit.fitted": False, "probe.overfit.final_loss": 1.6}, {"PRB008"}),
        ({"probe.overfit.fitted": True, "probe.overfit.final_loss": 0.1}, set()),
        ({"probe.overfit.library_head_is_finite": False}, {"PRB009"}),
        (
            {"probe.overfit.library_head_is_finite": True, "probe.overfit.library_head_loss_ratio": 1.6},
            {"PRB004"},
        ),
    ],
)
def test_one_cause_is_one_finding(facts: dict[str, object], expected: set[str]) -> None:
    always = {
        "probe.overfit.gradients_are_finite": True,
        "probe.overfit.max_steps": 60,
        "probe.overfit.chance_loss": 2.303,
    }
    fired = set()
    for code in ("DAT001", "DAT002", "DAT010", "DAT011", "PRB001", "PRB002", "PRB004", "PRB008", "PRB009"):
        with contextlib.suppress(MissingFact):
            if BY_CODE[code].fires(paths_lookup(always | facts)):
                fired.add(code)
    assert fired == expected


def test_there_are_rules_on_every_subject() -> None:
    assert len(RULES) >= 30
    assert {path.split(".")[0] for compiled in RULES for path in compiled.reads} >= {
        "dataset",
        "hardware",
        "model",
        "probe",
        "run",
    }


def test_every_fact_that_rules_name_exists() -> None:
    for compiled in RULES:
        rule = compiled.rule
        named = {*compiled.reads, *compiled.mentions, *(path for example in rule.fires_on for path in example)}
        for advice in rule.advice:
            if advice.reason:
                named |= {
                    path for path in check_message(advice.reason, words_of(rule)) if not path.startswith("param.")
                }
        assert named <= fact_words().keys()


def test_the_worked_example_of_the_guide_is_a_valid_rule(tmp_path: Path) -> None:
    guide = (shipped("rules") / "README.md").read_text(encoding="utf-8")
    guide = guide.partition("## A rule, key by key")[2]
    (example,) = yaml.safe_load(guide.split("```yaml\n")[1].split("```")[0])
    (rule,) = making.compiled(tmp_path, {**example, "code": "TST001", "name": "worked-example"})
    assert all(rule.fires(paths_lookup(facts)) for facts in rule.rule.fires_on)
    assert not any(rule.fires(paths_lookup(facts)) for facts in rule.rule.silent_on)


def test_every_source_is_named_somewhere() -> None:
    cited = {source.id for compiled in RULES for source in compiled.rule.sources}
    cited |= {source.id for default in load_defaults() for source in default.sources}
    assert cited == set(read_sources(shipped("rules") / "sources.yaml"))


def test_every_field_that_the_user_does_not_choose_has_a_default_with_a_reason() -> None:
    defaults = load_defaults()
    assert [default.field for default in defaults] == [name for name in field_types() if name not in INPUTS]
    assert all(default.reason.endswith(".") for default in defaults)


def test_default_expressions_are_typed_and_give_values() -> None:
    lookup = paths_lookup({"dataset.train_images": 1535, "plan.epochs": 2})
    values = {item.default.field: item.value(lookup) for item in shipped_defaults()}
    assert values["warmup_share"] == 0.156
    assert values["epochs"] == 21
    assert values["batch_size"] == 32
    assert values["patience"] == 8


def test_numbers_from_outside_are_numbers_to_the_rules() -> None:
    import numpy as np

    rule = BY_CODE["DAT012"]
    assert rule.fires(paths_lookup({"dataset.imbalance_ratio": np.float64(7.1)}))


def test_loading_rules_imports_neither_torch_nor_numpy() -> None:
    program = (
        "import sys; from cvadvisor.advise.rules import load_rules, load_defaults; load_rules(); load_defaults(); "
        "print([name for name in ('torch', 'timm', 'sklearn', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
