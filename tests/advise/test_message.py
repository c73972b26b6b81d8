"""Messages show facts, and nothing else that Python's format language could reach."""

import re

import pytest

from cvadvisor.advise.message import check_message, readable, render_message
from cvadvisor.advise.rules import Rule, load_rules
from cvadvisor.advise.words import fact_words, param_words, paths_lookup

WORDS = {**fact_words(), **param_words({"ratio": 5.0})}


@pytest.mark.parametrize(
    ("text", "facts", "expected"),
    [
        ("{dataset.imbalance_ratio:.1f} times", {"dataset.imbalance_ratio": 7.06}, "7.1 times"),
        ("{dataset.imbalance_ratio} times", {"dataset.imbalance_ratio": 7.06789}, "7.068 times"),
        ("{dataset.images}", {"dataset.images": 12345}, "12,345"),
        ("{dataset.leak.validation_share:.1%}", {"dataset.leak.validation_share": 0.0123}, "1.2%"),
        ("{hardware.gpu_free_bytes:bytes}", {"hardware.gpu_free_bytes": 3_900_000_000}, "3.9 GB"),
        ("{dataset.has_test_split}", {"dataset.has_test_split": True}, "yes"),
        ("{dataset.missing_from_train}", {"dataset.missing_from_train": list("abcdefg")}, "a, b, c, d, e and 2 more"),
        ("{{literal}} {dataset.classes}", {"dataset.classes": 3}, "{literal} 3"),
        ("{dataset.blank.images} image(s) (is|are) blank", {"dataset.blank.images": 1}, "1 image is blank"),
        ("{dataset.blank.images} image(s) (is|are) blank", {"dataset.blank.images": 0}, "0 images are blank"),
        ("{dataset.classes} (class is|classes are) missing", {"dataset.classes": 1}, "1 class is missing"),
        ("{dataset.blank.images} image(s)", {}, "(unknown) images"),
    ],
)
def test_a_message_is_rendered(text: str, facts: dict[str, object], expected: str) -> None:
    check_message(text, WORDS)
    assert render_message(text, paths_lookup(facts)) == expected


def test_values_are_never_read_as_messages() -> None:
    lookup = paths_lookup({"dataset.largest_class": "{dataset.classes}(s)", "dataset.classes": 1})
    assert render_message("{dataset.classes} {dataset.largest_class}", lookup) == "1 {dataset.classes}(s)"


@pytest.mark.parametrize(
    "text",
    [
        "{dataset.imbalance}",
        "{dataset.layout.__class__}",
        "{dataset.classes.real}",
        "{dataset}",
        "{}",
        "{0}",
        "{dataset.missing_from_train[0]}",
        "{dataset.classes!r}",
        "{dataset.classes:{param.ratio}}",
        "{dataset.classes:999999999}",
        "{dataset.classes:.99f}",
        "{dataset.classes:>20}",
        "{dataset.layout:.1f}",
        "{dataset.leak.validation_pairs}",
        "{dataset.classes",
        "{param.unknown}",
    ],
)
def test_what_a_message_may_not_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        check_message(text, WORDS)


def test_the_paths_of_a_message_are_listed_once() -> None:
    text = "{dataset.classes} {param.ratio} {dataset.classes}"
    assert check_message(text, WORDS) == ("dataset.classes", "param.ratio")


def test_a_template_is_readable_without_formats_and_with_its_thresholds() -> None:
    text = "{dataset.imbalance_ratio:.1f} times, over {param.ratio:.0f}: {dataset.classes} class(es) (is|are) small."
    assert readable("{dataset.classes} image(s) (is|are) left", {}) == "«dataset.classes» images are left"
    assert readable(text, {"ratio": 5.0}).startswith("«dataset.imbalance_ratio» times, over 5: «dataset.classes»")


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.code)
def test_every_shipped_text_is_readable(rule: Rule) -> None:
    reasons = [advice.reason for advice in rule.advice if advice.reason]
    for text in (rule.message, rule.fix, *reasons):
        assert not re.search(r"[{}]|\(s\)|\(\w+\|\w+\)", readable(text, rule.params))
