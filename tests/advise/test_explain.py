import pytest

from cvadvisor.advise.explain import TOPICS, explain, overview
from cvadvisor.advise.rules import Rule, load_rules
from cvadvisor.errors import UserError

RULES = load_rules()


def test_every_rule_is_listed_under_a_topic() -> None:
    listing = overview(RULES)
    assert all(rule.code in listing and rule.name in listing for rule in RULES)
    assert {rule.code[:3] for rule in RULES} == set(TOPICS)


@pytest.mark.parametrize("wanted", ["DAT012", "dat012", "class-imbalance"])
def test_a_rule_is_found_by_code_in_any_case_and_by_name(wanted: str) -> None:
    assert explain(RULES, wanted).startswith("DAT012  class-imbalance")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_explains_itself_within_the_width(rule: Rule) -> None:
    text = explain(RULES, rule.code)
    assert rule.fix.split()[0] in text
    assert all(source.title in " ".join(text.split()) for source in rule.sources)


def test_a_rule_for_some_tasks_says_which() -> None:
    assert "Applies to detection." in explain(RULES, "BOX001")
    assert "Applies to" not in explain(RULES, "DAT001")


def test_an_unknown_rule_gets_the_nearest_name() -> None:
    with pytest.raises(UserError, match="class-imbalance"):
        explain(RULES, "class-imbalanc")
