import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.probe.batch.interval import duration_interval, mean_interval, ratio_interval, scaled, student

durations = st.lists(st.floats(1e-4, 1e3), min_size=1, max_size=20)


def test_the_quantiles_are_those_of_students_t() -> None:
    from scipy.stats import t

    for freedom in (1, 2, 5, 10, 11, 15, 30, 100):
        assert student(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=0.01)


def test_the_interval_covers_the_true_mean_19_times_of_20() -> None:
    draws = np.random.default_rng(0).normal(10, 1, (2000, 6))
    inside = [one.low <= 10 <= one.high for one in map(mean_interval, draws.tolist())]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


@given(durations)
def test_a_duration_is_never_below_zero(values: list[float]) -> None:
    found = duration_interval(values)
    assert 0 <= found.low <= found.value <= found.high
    assert found.n == len(values)


@given(durations, durations)
def test_a_ratio_lies_in_its_finite_interval(first: list[float], second: list[float]) -> None:
    pairs = min(len(first), len(second))
    found = ratio_interval(first[:pairs], second[:pairs])
    assert 0 < found.low <= found.value * 1.000001
    assert found.value <= found.high * 1.000001


def test_a_ratio_has_no_direction() -> None:
    there, back = ratio_interval([2.0, 3.0], [1.0, 1.0]), ratio_interval([1.0, 1.0], [2.0, 3.0])
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high)


def test_an_estimate_changes_its_unit() -> None:
    assert scaled(mean_interval([1.0, 3.0]), 1000).value == 2000
