import math

from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.probe.catalog import PROBES
from cvadvisor.probe.planner import Candidate, plan

SECONDS = st.floats(0, 200, allow_nan=False)


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    """Up to seven probes, each of which may need earlier ones, or one that is not there."""
    made: list[Candidate] = []
    for number in range(draw(st.integers(0, 7))):
        names = [one.name for one in made] + ["absent"] * draw(st.booleans())
        needs = tuple(draw(st.lists(st.sampled_from(names), max_size=2, unique=True))) if names else ()
        least = draw(st.floats(0, 60))
        most = least + draw(st.floats(0, 60))
        made.append(Candidate(f"p{number}", needs, least, most, draw(st.sampled_from([0.0, 0.5, 1.0, 4.0, 30.0]))))
    return made


def one(name: str, least: float, most: float = 0.0, value: float = 1.0, needs: tuple[str, ...] = ()) -> Candidate:
    return Candidate(name, needs, least, max(least, most), value)


def names(probes: list[Candidate], seconds: float) -> set[str]:
    return {planned.name for planned in plan(probes, seconds).runs}


@given(candidates(), SECONDS, st.sampled_from([0.0, 1.0, 7.5]))
def test_a_plan_never_takes_more_time_than_there_is(probes: list[Candidate], seconds: float, grain: float) -> None:
    made = plan(probes, seconds, grain_s=grain)
    assert sum(planned.seconds for planned in made.runs) <= seconds + 1e-6


@given(candidates(), SECONDS)
def test_a_probe_never_runs_before_what_it_needs(probes: list[Candidate], seconds: float) -> None:
    needs = {probe.name: set(probe.needs) for probe in probes}
    done: set[str] = set()
    for planned in plan(probes, seconds).runs:
        assert needs[planned.name] <= done
        done.add(planned.name)


@given(candidates(), SECONDS, SECONDS)
def test_more_time_never_drops_a_probe(probes: list[Candidate], seconds: float, more: float) -> None:
    assert names(probes, seconds) <= names(probes, seconds + more)


@given(candidates(), SECONDS)
def test_every_probe_either_runs_within_its_bounds_or_is_left_out_with_the_reason(
    probes: list[Candidate], seconds: float
) -> None:
    made = plan(probes, seconds)
    values = {probe.name: probe.value for probe in probes}
    bounds = {probe.name: (probe.least_s, probe.most_s) for probe in probes}
    for planned in made.runs:
        least, most = bounds[planned.name]
        assert least - 1e-6 <= planned.seconds <= most + 1e-6
    for left in made.left_out:
        assert left.lacking_s is None or left.lacking_need is None
        assert left.lacking_s or left.lacking_need or values[left.name] == 0
        assert left.lacking_s is None or left.lacking_s > 0
    assert {planned.name for planned in made.runs} | {left.name for left in made.left_out} == set(bounds)


@given(candidates(), SECONDS)
def test_the_time_that_is_said_to_be_lacking_is_enough(probes: list[Candidate], seconds: float) -> None:
    values = {probe.name: probe.value for probe in probes}
    for left in plan(probes, seconds).left_out:
        if left.lacking_s is not None and values[left.name]:
            assert left.name in names(probes, seconds + left.lacking_s * (1 + 1e-9) + 1e-6)


@given(candidates())
def test_with_all_the_time_there_is_every_probe_gets_its_largest_plan(probes: list[Candidate]) -> None:
    most = {probe.name: probe.most_s for probe in probes}
    for planned in plan(probes, 1e6).runs:
        assert math.isclose(planned.seconds, most[planned.name], abs_tol=1e-6)


def test_what_is_worth_more_a_second_goes_first() -> None:
    assert names([one("dear", 20, value=2), one("cheap", 5, value=1)], 22) == {"cheap"}


def test_a_need_comes_with_the_probe_that_needs_it_and_counts_as_its_cost() -> None:
    probes = [one("base", 10, value=0), one("top", 5, value=4, needs=("base",)), one("other", 10, value=1)]
    assert names(probes, 15) == {"base", "top"}


def test_a_need_that_is_done_costs_nothing() -> None:
    made = plan([one("top", 5, needs=("base",))], 6, done={"base"})
    assert [planned.name for planned in made.runs] == ["top"]


def test_spare_time_goes_where_the_value_is() -> None:
    made = plan([one("a", 1, 100, value=3), one("b", 1, 100, value=1)], 42)
    assert [round(planned.seconds) for planned in made.runs] == [31, 11]


def test_what_one_probe_can_not_use_goes_to_the_others() -> None:
    made = plan([one("a", 1, 5, value=3), one("b", 1, 100, value=1)], 42)
    assert [round(planned.seconds) for planned in made.runs] == [5, 37]


def test_a_probe_that_runs_for_anothers_sake_gets_its_least() -> None:
    made = plan([one("base", 5, 50, value=0), one("top", 5, 100, value=1, needs=("base",))], 60)
    assert [round(planned.seconds) for planned in made.runs] == [5, 55]


def test_what_is_only_needed_by_others_does_not_run_without_them() -> None:
    assert names([one("base", 5, value=0), one("top", 50, needs=("base",))], 20) == set()


def test_a_small_delay_does_not_change_a_plan() -> None:
    probes = [one("a", 1, 100), one("b", 1, 100)]
    assert plan(probes, 42.0, grain_s=10) == plan(probes, 45.0, grain_s=10)


def test_every_probe_of_the_catalog_comes_after_what_it_needs() -> None:
    before: set[str] = set()
    for probe in PROBES:
        assert {*probe.needs, *probe.uses} <= before
        before.add(probe.name)
