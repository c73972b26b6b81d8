import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.facts import Estimate
from cvadvisor.outputs.rank_chart import Ranked, rank_chart
from tests.outputs.svg import attacked, numbers, parsed, texts


def row(title: str, value: float, half: float = 0.05, said: str = "leads") -> Ranked:
    return Ranked(title, Estimate(value=value, low=value - half, high=value + half, n=100), said)


def test_no_strategies_make_no_chart() -> None:
    assert rank_chart("A race", []) == ""


def test_who_cannot_see_the_chart_is_told_every_row() -> None:
    label = parsed(rank_chart("A race", [row("a", 0.8), row("b", 0.7, said="ties")])).get("aria-label")
    assert label == "A race; a: 80 %, leads; b: 70 %, ties"


def test_dots_lie_in_the_order_of_their_accuracies() -> None:
    drawn = parsed(rank_chart("A race", [row("a", 0.8), row("b", 0.7), row("c", 0.3)]))
    across = [float(one.get("cx", 0)) for one in drawn.iter("circle")]
    assert across == sorted(across, reverse=True)
    assert len(set(across)) == 3


def test_a_name_gives_way_to_what_is_said_beside_it() -> None:
    names = texts(rank_chart("A race", [row("a strategy with a name that goes on and on and on and on", 0.8)]))
    assert any("…" in name for name in names)


def test_a_hostile_name_stays_text() -> None:
    assert not attacked(rank_chart("<script>", [row('"><script>alert(1)</script>', 0.8)]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.5)), min_size=1, max_size=5))
def test_any_race_draws_finite_numbers(rows: list[tuple[float, float]]) -> None:
    assert not re.search("nan|inf", numbers(rank_chart("A race", [row("x", value, half) for value, half in rows])))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_interval_never_leaves_the_chart(value: float) -> None:
    drawn = parsed(rank_chart("A race", [row("x", value, 0.0), row("y", 0.5)]))
    assert all(0 <= float(one.get("x", 0)) <= 480 for one in drawn.iter("rect"))
