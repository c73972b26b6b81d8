import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.diagnosis import Diagnosis, Evidence
from cvadvisor.facts.shortcuts import ShortcutFacts
from cvadvisor.outputs import html
from cvadvisor.outputs.shortcut_section import kind_bars, section
from tests.outputs.datasets import boxes, showing, untrained
from tests.outputs.svg import attacked, numbers, parsed, texts
from tests.outputs.test_html import HOSTILE, Page
from tests.samples import dataset_facts
from tests.shortcut_samples import given_away, kind, shortcut_facts


def made(facts: ShortcutFacts, *, found: bool) -> Diagnosis:
    evidence = Evidence(fact="dataset.shortcuts.most_given_away.told_apart.low", value=0.95, description="Told apart.")
    finding = dataclasses.replace(showing("dataset.dark", "DAT082", "Given away."), evidence=(evidence,), show=None)
    return untrained(dataset_facts(shortcuts=facts), (finding,) if found else (), ())


def test_a_dataset_without_classes_has_no_such_section() -> None:
    assert section(boxes()) is None
    assert "What metadata gives away" not in Page(html.render(boxes())).text


def test_a_finding_shows_the_classes_and_what_gives_them_away() -> None:
    page = Page(html.render(made(shortcut_facts(given_away()), found=True)))
    assert (page.open, page.mismatched) == ([], [])
    assert "What metadata gives away DAT082" in page.text
    assert "hat PNG 100 % 2 % 98 % 100 %" in page.text


def test_what_validation_says_is_left_out_where_it_is_not_known() -> None:
    text = Page(html.render(made(shortcut_facts(given_away(validation=None)), found=True))).text
    assert "hat PNG 100 % 2 %" in text
    assert "in validation" not in text[text.index("What metadata gives away") : text.index("hat PNG")]


def test_without_a_finding_it_is_folded_away() -> None:
    page = Page(html.render(made(shortcut_facts(), found=False)))
    assert (page.open, page.mismatched) == ([], [])
    assert "What metadata gives away next to nothing: no finding" in page.text


def test_each_kind_has_its_accuracy_with_its_error_beside_the_baseline() -> None:
    found = texts(kind_bars([kind("format", 0.31), kind("size")]))
    assert found == [
        "format",
        "31 ± 2 %, balanced 20 ± 0.5 %",
        "size",
        "26 ± 2 %, balanced 20 ± 0.5 %",
        "largest class 26 %",
    ]


def test_no_kinds_make_no_chart() -> None:
    assert kind_bars([]) == ""


@pytest.mark.parametrize("majority", [0.0, 1.0])
def test_the_label_of_the_baseline_stays_within_the_drawing(majority: float) -> None:
    svg = kind_bars([kind("format", majority=majority)])
    label = next(one for one in parsed(svg).iter("text") if (one.text or "").startswith("largest class"))
    half = 9 * len(label.text or "") / 2
    assert half <= float(label.get("x", 0)) <= 480 - half


def test_a_name_cannot_break_out() -> None:
    assert not attacked(kind_bars([kind(HOSTILE)]))
    page = Page(html.render(made(shortcut_facts(given_away(HOSTILE)), found=True)))
    assert (page.open, page.mismatched) == ([], [])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=9))
def test_any_kinds_are_well_formed_and_finite(rows: list[tuple[str, float, float]]) -> None:
    drawn = numbers(kind_bars([kind(name, accuracy, majority) for name, accuracy, majority in rows]))
    assert not re.search("nan|inf|e[+]", drawn)
