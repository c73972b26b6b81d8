"""A rule that cannot be used is refused when it is loaded, with its file, its line, its name and what to do."""

from pathlib import Path
from typing import Any

import pytest

from cvadvisor.advise.rules import RuleError, compile_rules, load_log_rules, load_rules
from tests.advise.making import a_rule, compiled, load


def refusal(folder: Path, *rules: Any) -> str:
    with pytest.raises(RuleError) as caught:
        compiled(folder, *rules)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_valid_rule_loads_beside_the_shipped_ones(tmp_path: Path) -> None:
    (rule,) = load(tmp_path, a_rule())
    assert (rule.code, rule.priority, rule.sources[0].id) == ("TST001", 50, "PAI")
    assert rule.sources[0].title == "Navigating Hyperparameter Space (Practicum AI)"
    assert len(load_rules([tmp_path])) == len(load_rules()) + 1


def test_the_rules_on_logs_are_loaded_alone() -> None:
    assert load_log_rules() == tuple(rule for rule in load_rules() if rule.code.startswith("RUN"))


def test_an_error_names_file_line_rule_and_part(tmp_path: Path) -> None:
    message = refusal(tmp_path, a_rule(), a_rule(code="TST002", name="another", when="dataset.imbalance > 3"))
    lines = (tmp_path / "own.yaml").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "dataset.imbalance > 3" in text)
    assert message.startswith(f"{tmp_path / 'own.yaml'}:{line}: TST002 another: when: ")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"when": "dataset.imbalance_ration > 3"}, "did you mean 'dataset.imbalance_ratio'?"),
        ({"when": "dataset.imbalance_ratio > param.ration"}, "did you mean 'param.ratio'?"),
        ({"when": "dataset > 3"}, "dataset is a group of facts"),
        ({"when": "param.ratio > 3"}, "reads no fact"),
        ({"when": "dataset.imbalance_ratio"}, "expected true or false"),
        ({"when": "dataset.layout == 3"}, "the sides of a comparison differ: a text and a number"),
        ({"when": "dataset.layout"}, "is a text"),
        ({"when": "dataset.layout < 'b'"}, "an ordering compares a number"),
        ({"when": "dataset.imbalance_ratio and dataset.has_test_split"}, "'and' joins true or false, found a number"),
        ({"when": "not dataset.classes"}, "'not' takes true or false, found a number"),
        ({"when": "dataset.has_test_split ? dataset.classes : dataset.layout"}, "the branches of '? :' differ"),
        ({"when": "dataset.has_test_split + 1 > 0"}, "arithmetic takes a number, found true or false"),
        ({"when": "3 in dataset.missing_from_train"}, "the list after 'in'"),
        ({"when": "dataset.class_sizes == dataset.class_sizes"}, "lists cannot be compared"),
        ({"when": "dataset.missing_from_train[0] == 'a'"}, "an index, at character 27, is not part of the language"),
        ({"when": "$min([dataset.classes, dataset.layout]) > 1"}, "the items of a list differ"),
        ({"when": "$min(dataset.missing_from_train) > 1"}, "$min takes one list of numbers, found a list of text"),
        ({"when": "dataset.layout =~ '(a+)+b'"}, "regular expressions"),
        ({"when": "'aaaa' =~~ '(a+)+b' and dataset.has_test_split"}, "regular expressions"),
        ({"when": "dataset.imbalance_ratio == null"}, "'null' is not allowed"),
        ({"when": "dataset.imbalance_ratio ?? 3 > 1"}, "'??'"),
        ({"when": "dataset.classes << 100000000000 > 1"}, "bit operations"),
        ({"when": "$random() > dataset.classes"}, "the functions are $min"),
        ({"when": "dataset.classes > nan"}, "facts are finite numbers"),
        ({"when": "dataset.layout.to_upper == 'A'"}, "unknown fact 'dataset.layout.to_upper'"),
        ({"when": "[x for x in dataset.missing_from_train] == dataset.classes"}, "unknown fact 'x'"),
        ({"when": "dataset.classes >"}, "syntax error"),
        ({"when": "dataset.classes > 1 / 0"}, "division by zero"),
        ({"when": "dataset.classes > 1 or " * 60 + "dataset.has_test_split"}, "at most 800 characters"),
        ({"why": "{dataset.classes} are many."}, "why: it holds for every dataset and names no value"),
        ({"severity": "fatal"}, "severity: input should be 'error', 'warning' or 'info'"),
        ({"code": "DAT12"}, "code: "),
        ({"name": "Not Kebab"}, "name: "),
        ({"priority": 101}, "priority: "),
        ({"params": {"ratio": "1e-3"}}, "params.ratio: YAML reads 1e-3 as a text: write 1.0e-03"),
        ({"params": {"Ratio": 3}}, "lower-case"),
        ({"fires_on": []}, "fires_on: "),
        ({"silent_on": None}, "'silent_on' is missing"),
        ({"fires_on": [{"dataset.imbalance": 3}]}, "fires_on.0: unknown fact 'dataset.imbalance'"),
        ({"fires_on": [{"dataset.imbalance_ratio": "many"}]}, "is a number, not 'many'"),
        ({"fires_on": [{"dataset.classes": 2.5}]}, "is a whole number"),
        ({"fires_on": [{}]}, "names at least one fact"),
        ({"messages": "typo"}, "unknown key 'messages'; did you mean 'message'?"),
        ({"file": "x"}, "unknown key 'file'"),
        ({"sources": [{"id": "PIA", "note": "x"}]}, "unknown source 'PIA'; did you mean 'PAI'?"),
        ({"sources": [{"id": "PAI"}]}, "a source is {id: …, note: …}"),
        ({"sources": "PAI"}, "'sources' is a list"),
        ({"sources": []}, "sources: "),
        ({"guidance": ["7"]}, "guidance.0: "),
        ({"guidance": ["G45"]}, "guidance.0: "),
        ({"show": "dataset.leak.validation_pears"}, "did you mean 'dataset.leak.validation_pairs'?"),
        ({"show": "dataset.classes"}, "is no list of facts"),
        ({"show": "dataset.dark"}, "is no list of facts; did you mean 'dataset.dark.examples'?"),
        ({"when": "dataset.dark > 0"}, "dataset.dark is a group of facts"),
        ({"when": "dataset.box.tiny.images > 0"}, "unknown fact 'dataset.box.tiny.images'"),
        ({"fires_on": [{"dataset.dark": 3}]}, "unknown fact 'dataset.dark'"),
        ({"fires_on": [{"dataset.dark.images": 2.5}]}, "is a whole number"),
        ({"tasks": ["regression"]}, "tasks.0: input should be 'classification', 'multi-label classification', "),
        ({"tasks": "detection"}, "tasks: "),
        ({"code": "DAT012"}, "the code 'DAT012' is taken by DAT012 in "),
        ({"name": "class-imbalance"}, "the name 'class-imbalance' is taken by DAT012 in "),
    ],
)
def test_a_bad_rule_is_refused(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    message = refusal(tmp_path, a_rule(**changes))
    assert expected in message
    assert "own.yaml:" in message


@pytest.mark.parametrize(
    ("advice", "expected"),
    [
        ({"field": "learning_rat", "set": 0.1}, "did you mean 'learning_rate'?"),
        ({"field": "model", "set": "resnet50"}, "what the user asked for"),
        ({"field": "learning_rate"}, "exactly one of set, scale, at_most, at_least"),
        ({"field": "learning_rate", "set": 0.1, "scale": 2}, "found set, scale"),
        ({"field": "learning_rate", "set": "1e-3"}, "write 1.0e-03"),
        ({"field": "learning_rate", "set": True}, "takes a number"),
        ({"field": "learning_rate", "set": float("inf")}, "a finite number"),
        ({"field": "epochs", "set": 2.5}, "a whole number"),
        ({"field": "sampler", "set": "class-balance"}, "did you mean 'class-balanced'?"),
        ({"field": "sampler", "scale": 2}, "is no number, so it can only be set"),
        ({"field": "horizontal_flip", "set": 1}, "takes true or false"),
        ({"field": "learning_rate", "scale": 0}, "a number above zero"),
        ({"field": "learning_rate", "at_most": 0.1, "stage": "measured"}, "only 'set' has a stage"),
        ({"field": "learning_rate", "set": 0.1, "even_if_measured": True}, "only 'scale' takes 'even_if_measured'"),
        ({"field": "learning_rate", "scale": 0.1, "even_if_measured": "often"}, "even_if_measured: "),
        ({"field": "learning_rate", "set": 0.1, "stage": "adjusted"}, "stage: "),
        ({"field": "learning_rate", "set": "=dataset.clases"}, "did you mean 'dataset.classes'?"),
        ({"field": "learning_rate", "set": "=dataset.layout"}, "expected a number"),
        ({"field": "sampler", "set": "=dataset.classes"}, "expected a text"),
        ({"field": "learning_rate", "scale": "=dataset.has_test_split"}, "expected a number"),
        ({"field": "learning_rate", "set": 0.1, "reason": "{dataset.clases}"}, "did you mean 'dataset.classes'?"),
        ({"field": "learning_rate", "set": 0.1, "because": "x"}, "unknown key 'because'"),
    ],
)
def test_bad_advice_is_refused(tmp_path: Path, advice: dict[str, Any], expected: str) -> None:
    message = refusal(tmp_path, a_rule(advice=[advice]))
    assert expected in message
    assert "TST001 a-test: advice" in message


def test_a_field_advised_twice_is_refused(tmp_path: Path) -> None:
    twice = [{"field": "dropout", "set": 0.1}, {"field": "dropout", "set": 0.2}]
    assert "dropout is advised twice" in refusal(tmp_path, a_rule(advice=twice))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("code: TST001", "a file of rules is a list"),
        ("- just text", "a rule is a mapping"),
        ("- code: [", "is not YAML"),
        ("- code: TST001\n  code: TST002\n", "own.yaml:2: the key 'code' is there twice"),
        ("- !!python/object/apply:os.system [ls]", "is not YAML"),
        ("- &a [*a]", "nests too deeply"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(RuleError, match=r"own\.yaml") as caught:
        load_rules([tmp_path])
    assert expected in str(caught.value)


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="absent holds no rules: there is no such folder"):
        load_rules([tmp_path / "absent"])
    with pytest.raises(RuleError, match=r"holds no rules: no \*\.yaml was found in it"):
        load_rules([tmp_path])


def test_a_folder_may_bring_sources_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text("mine: {title: A Title, url: 'https://example.org'}\n")
    (rule,) = load(tmp_path, a_rule(sources=[{"id": "mine", "note": "x"}]))
    assert (rule.sources[0].title, rule.sources[0].url) == ("A Title", "https://example.org")


def test_a_folder_may_not_change_shipped_sources_or_defaults(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text("PAI: {title: Another}\n")
    with pytest.raises(RuleError, match="the source 'PAI' is shipped already"):
        load(tmp_path, a_rule())
    (tmp_path / "sources.yaml").unlink()
    for name, instead in (("defaults", "sets the field"), ("definitions", "on the counts"), ("guidance", "its rows")):
        (tmp_path / f"{name}.yaml").write_text("[]\n")
        with pytest.raises(RuleError, match=rf"{name}\.yaml: .*(is|are) shipped; .*{instead}"):
            load(tmp_path, a_rule())
        (tmp_path / f"{name}.yaml").unlink()


def test_two_rules_of_one_file_may_not_share_a_code(tmp_path: Path) -> None:
    assert "the code 'TST001' is taken" in refusal(tmp_path, a_rule(), a_rule(name="another"))


def test_thresholds_are_typed_in_expressions(tmp_path: Path) -> None:
    (rule,) = load(tmp_path, a_rule(params={"ratio": "many"}))
    with pytest.raises(RuleError, match=r"param\.ratio is a text"):
        compile_rules([rule])
