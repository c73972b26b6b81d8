import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.logs import curves
from cvadvisor.inspect.logs.curves import MOST_IN_NOISE, Curve
from tests.run_samples import falling

numbers = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=60)


def loss(values: list[float]) -> Curve:
    y = np.array(values, float)
    return curves.curve(np.arange(len(y), dtype=float), y, lower_is_better=True)


def share(values: list[float]) -> Curve:
    return Curve(np.arange(len(values), dtype=float), np.array(values, float), lower_is_better=False)


def test_noise_is_that_of_single_values_and_not_of_the_curve():
    smooth = np.array(falling(3.0, 0.1, 60))
    noisy = smooth + 0.05 * np.random.default_rng(0).standard_normal(60)
    assert curves.noise(noisy) == pytest.approx(0.05, rel=0.4)
    assert (curves.noise(smooth) or 0) < 0.02


def test_one_jump_is_no_noise():
    stepped = np.r_[np.full(30, 1.0), np.full(30, 0.1)]
    assert curves.noise(stepped) == 0


def test_noise_needs_four_values():
    assert curves.noise(np.array([1.0, 2.0, 1.0])) is None


def test_the_best_is_not_a_single_lucky_value():
    values = [1.0, 0.8, 0.1, 0.7, 0.6, 0.5, 0.5, 0.55, 0.6]
    assert curves.best_of(loss(values)) == 5


def test_values_of_one_epoch_become_their_mean():
    epochs = np.repeat(np.arange(4.0), 3) + np.tile([0.0, 0.3, 0.6], 4)
    one = curves.curve(epochs, np.repeat([4.0, 3.0, 2.0, 1.0], 3) + np.tile([-0.1, 0.0, 0.1], 4), lower_is_better=True)
    assert one.y == pytest.approx([4.0, 3.0, 2.0, 1.0])


def test_very_many_values_become_few():
    one = curves.curve(np.zeros(10_000) + np.arange(10_000), np.ones(10_000), lower_is_better=True)
    assert len(one) == 400


def test_values_that_are_not_finite_are_no_part_of_a_curve():
    one = curves.curve(np.arange(4.0), np.array([1.0, np.nan, np.inf, 0.5]), lower_is_better=True)
    assert one.y.tolist() == [1.0, 0.5]


def test_a_loss_that_falls_to_the_end_has_a_sure_slope():
    falls = 3 - 0.1 * np.arange(20) + 0.01 * np.cos(np.arange(20))
    better, sureness = curves.end_trend(loss(falls.tolist())) or (0, 0)
    assert better == pytest.approx(0.1, rel=0.2)
    assert sureness > 10


def test_a_flat_end_has_no_sure_slope():
    values = np.r_[np.linspace(3, 1, 20), 1 + 0.01 * np.random.default_rng(1).standard_normal(20)]
    _, sureness = curves.end_trend(loss(values.tolist())) or (0, 99)
    assert abs(sureness) < 3


def test_a_spike_comes_back_and_a_step_does_not():
    flat = [1.0, 1.02, 0.98, 1.01, 0.99, 1.0, 1.02, 0.98, 1.01, 0.99]
    spiked = [*flat[:5], 6.0, *flat[5:]]
    assert [(spike.x, round(spike.ratio)) for spike in curves.spikes(loss(spiked))] == [(5.0, 6)]
    assert curves.spikes(loss([*flat, *(5 + value for value in flat)])) == []


def test_a_collapse_is_shared_by_two_values():
    assert curves.collapse(share([0.5, 0.8, 0.8, 0.3, 0.31, 0.8, 0.8])) == (pytest.approx(0.6125), 3.0)
    depth, _ = curves.collapse(share([0.5, 0.8, 0.8, 0.1, 0.8, 0.8, 0.8])) or (1, 0)
    assert depth == 0


def test_a_loss_that_drifts_up_is_surely_worse_though_each_value_is_within_noise():
    rng = np.random.default_rng(3)
    values = np.r_[np.linspace(1, 0.3, 15), np.linspace(0.3, 0.5, 30)] + 0.06 * rng.standard_normal(45)
    one = loss(values.tolist())
    assert (curves.fallback_sureness(one, curves.best_of(one)) or 0) > 3


@pytest.mark.parametrize("images", [8, 20, 47, 150])
def test_the_steps_of_a_share_tell_how_few_images_there_are(images):
    right = np.random.default_rng(0).integers(1, images, 25)
    shares = np.round(right / images, 4)
    found = curves.image_count(shares)
    assert found is not None
    assert images % found == 0 or found == images


def test_shares_of_many_images_have_no_steps_to_be_seen():
    right = np.random.default_rng(0).integers(1, 10_000, 25)
    assert curves.image_count(np.round(right / 10_000, 4)) is None


@given(numbers)
def test_whatever_a_series_holds_it_can_be_measured(values):
    for one in (loss(values), share(values)):
        curves.spikes(one)
        curves.collapse(one)
        curves.turning_share(one)
        curves.late_gain(one)
        trend = curves.end_trend(one)
        assert trend is None or (np.isfinite(trend[0]) and abs(trend[1]) <= MOST_IN_NOISE)
        best = curves.best_of(one)
        assert 0 <= best < len(one)
        sureness = curves.fallback_sureness(one, best)
        assert sureness is None or abs(sureness) <= MOST_IN_NOISE


@given(numbers, st.floats(0.1, 100))
def test_what_is_found_does_not_depend_on_the_unit_of_a_loss(values, scale):
    first, second = loss(values), loss([value * scale for value in values])
    one, other = curves.noise(first.y), curves.noise(second.y)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert other == pytest.approx(one * scale, rel=1e-6, abs=1e-6)
