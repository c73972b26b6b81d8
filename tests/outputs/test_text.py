import dataclasses
from pathlib import Path
from typing import Any

import pytest

from cvadvisor.diagnosis import Check, Outcome
from cvadvisor.facts import Facts
from cvadvisor.outputs import figures, text
from tests.outputs.datasets import boxes
from tests.samples import advice, diagnosis, recipe

GOLDEN = Path(__file__).parent / "golden" / "summary.txt"


def test_the_summary_is_the_golden_one() -> None:
    assert text.render(diagnosis()) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, 88, 120])
def test_no_line_is_wider_than_asked(width: int) -> None:
    assert max(map(len, text.render(diagnosis(), width=width).splitlines())) <= width


def test_the_summary_fits_a_screen() -> None:
    assert len(text.render(diagnosis()).splitlines()) < 45


def test_control_characters_do_not_reach_the_terminal() -> None:
    made = diagnosis()
    finding = dataclasses.replace(made.findings[0], message="class 'a\nb\x1b[2J\u202e'", fix="\x07bell")
    inputs = dataclasses.replace(made.inputs, data_name="evil\x1b]0;title\x07\nname")
    shown = text.render(dataclasses.replace(made, findings=(finding,), inputs=inputs))
    assert not [character for character in shown if character != "\n" and not character.isprintable()]
    assert r"class 'a\nb\x1b[2J\u202e'" in shown


def test_a_name_of_any_length_leaves_the_rest_on_the_screen() -> None:
    made = diagnosis()
    finding = dataclasses.replace(made.findings[0], message=f"The class {'x' * 5000} is empty.")
    assert len(text.render(dataclasses.replace(made, findings=(finding,))).splitlines()) < 45


def test_colour_only_paints() -> None:
    plain, painted = text.render(diagnosis()), text.render(diagnosis(), color=True)
    assert "\x1b" not in plain
    assert "\x1b[31merror\x1b[0m" in painted
    stripped = painted
    for code in ("1", "31", "33", "0"):
        stripped = stripped.replace(f"\x1b[{code}m", "")
    assert stripped == plain


def test_notes_are_left_to_the_report() -> None:
    assert "REC003" not in text.render(diagnosis())


def test_many_findings_end_in_a_list_of_codes() -> None:
    made = diagnosis()
    findings = tuple(dataclasses.replace(made.findings[1], code=f"DAT{number:03}") for number in range(14))
    shown = text.render(dataclasses.replace(made, findings=findings))
    assert "And 4 more findings: DAT010, DAT011, DAT012, DAT013." in shown


def test_a_clean_audit_says_that_nothing_stands_in_the_way() -> None:
    passed = (Outcome(code="A", name="a", severity="error", status="passed"),)
    shown = text.render(diagnosis(findings=(), outcomes=passed))
    assert shown.startswith(
        "Nothing stands in the way: you can train tf_efficientnet_lite0 on clothing.\n1 rule passed."
    )


def test_a_clean_audit_with_gaps_speaks_only_of_what_was_checked() -> None:
    outcomes = (
        Outcome(code="A", name="a", severity="error", status="passed"),
        Outcome(code="B", name="b", severity="error", status="not checked", reason="No log."),
    )
    shown = text.render(diagnosis(findings=(), outcomes=outcomes))
    assert shown.startswith("Nothing that was checked stands in the way")


def failed(*names: str) -> tuple[Check, ...]:
    return tuple(Check(name=name, title=name, status="failed", reason="it broke", provides=()) for name in names)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("overfit",), "could not be fully judged: 1 measurement failed."),
        (("overfit", "lr_full"), "could not be fully judged: 2 measurements failed."),
        (("model", "overfit"), "could not be judged: the model could not be loaded."),
    ],
)
def test_an_audit_whose_measurements_failed_is_no_pass(names: tuple[str, ...], expected: str) -> None:
    passed = (Outcome(code="A", name="a", severity="error", status="passed"),)
    made = diagnosis(findings=(), outcomes=passed, checks=failed(*names))
    assert text.render(made, width=120).startswith(f"tf_efficientnet_lite0 on clothing {expected}\n")
    stopped = text.render(dataclasses.replace(made, interrupted=True), width=120)
    assert stopped.startswith(f"Stopped early. So far: tf_efficientnet_lite0 on clothing {expected}\n")


def test_warnings_are_not_what_matters_about_a_model_that_was_not_loaded() -> None:
    made = diagnosis()
    shown = text.render(dataclasses.replace(made, findings=made.findings[1:], checks=failed("model")))
    assert shown.startswith(
        "tf_efficientnet_lite0 on clothing could not be judged: the model could not be loaded.\n2 warnings and 1 note"
    )


def test_warnings_alone_do_not_forbid_training() -> None:
    made = diagnosis()
    assert text.render(dataclasses.replace(made, findings=made.findings[1:])).startswith("2 warnings are worth a look")


def test_an_audit_that_knows_nothing_is_no_pass() -> None:
    nothing = diagnosis(advice=None, facts=Facts(), findings=(), outcomes=(), checks=(), curves=(), interrupted=True)
    shown = text.render(nothing)
    assert shown.startswith("Stopped early. So far: nothing could be judged yet")
    assert "not enough to make a recipe" in shown


def test_a_recipe_shows_the_rates_that_its_strategy_uses() -> None:
    def rates(**changes: Any) -> str:
        made = recipe(head_learning_rate=5e-3, learning_rate=1e-4, layer_decay=0.8, head_epochs=2, **changes)
        shown = text.render(diagnosis(advice=advice(made))).splitlines()
        return next(line for line in shown if line.strip().startswith("learning rate")).split(maxsplit=2)[2]

    assert rates(strategy="probe-only") == "none: a regression on frozen features needs none"
    assert rates(strategy="head-only").startswith("1e-4: ")
    assert rates(strategy="head-then-full").startswith("1e-4, head alone 5e-3, each layer below × 0.8: ")


def test_measurements_missing_for_one_reason_are_named_together() -> None:
    made = diagnosis()
    checks = tuple(dataclasses.replace(made.checks[1], title=title) for title in ("One", "Two", "Three"))
    assert "One, Two and Three (--log FILE)\n" in text.render(dataclasses.replace(made, checks=checks))


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "0 %"),
        (0.007, "0.7 %"),
        (0.206, "21 %"),
        (0.995, "99.5 %"),
        (0.99999, "over 99.99 %"),
        (1e-6, "under 0.01 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_is_never_rounded_to_nothing_or_to_everything(share: float, expected: str) -> None:
    assert figures.percent(share) == expected


@pytest.mark.parametrize(("value", "expected"), [(1e-3, "1e-3"), (4.47e-4, "4.47e-4"), (0.3, "0.3"), (0.02, "2e-2")])
def test_learning_rates_are_short(value: float, expected: str) -> None:
    assert figures.rate(value) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(0.4, "0.4 s"), (12.5, "12.5 s"), (59.9, "1 min"), (300, "5 min"), (3900, "1 h 5 min")]
)
def test_times_are_short(count: float, expected: str) -> None:
    assert figures.seconds(count) == expected


def test_a_dataset_without_a_recipe_still_has_its_line() -> None:
    shown = text.render(boxes())
    assert "Dataset: 364 images, 4,888 boxes in 3 classes (detection, coco)" in shown


def test_an_audit_without_a_dataset_has_no_line_on_it() -> None:
    assert "Dataset:" not in text.render(diagnosis(facts=Facts()))
