import numpy as np
import pytest

from cvadvisor.probe import regression
from cvadvisor.probe.features.scaling import draw_parts, fit_power_law, scaling_curve, scaling_facts
from tests.probe.features.conftest import Array, quiet


def split(pixels: tuple[Array, Array], images: int) -> tuple[Array, Array, Array, Array]:
    x, y = pixels
    z, mean, std = regression.standardise(x[:images])
    return z, y[:images], (x[1200:] - mean) / std, y[1200:]


@pytest.mark.parametrize("images", [200, 400])
def test_accuracy_with_all_images_lies_in_the_interval_that_half_of_them_give(
    pixels: tuple[Array, Array], images: int
) -> None:
    z, y, z_held, y_held = split(pixels, 2 * images)
    draws = draw_parts(z[:images], y[:images], z_held, y_held, 10, 0, quiet)
    assert draws is not None
    facts = scaling_facts(draws, 0)
    penalty = regression.choose_penalty(z, y, 10, 0)
    accuracy = float((regression.fit(z, y, penalty).predict(z_held) == y_held).mean())
    assert facts.predicted_images == 2 * images
    assert facts.predicted_accuracy.low <= accuracy <= facts.predicted_accuracy.high
    gain = 100 * (accuracy - facts.points[-1].accuracy.value)
    assert facts.doubling_gain.low <= gain <= facts.doubling_gain.high
    assert facts.predicted_accuracy.high - facts.predicted_accuracy.low < 0.1


def test_a_power_law_is_found_again() -> None:
    images = np.array([100, 200, 400, 800])
    b, c = fit_power_law(images, 3.0 * images**-0.4)
    assert (b, c) == (pytest.approx(3.0), pytest.approx(0.4))


def test_errors_that_rise_with_the_images_are_taken_for_level() -> None:
    assert fit_power_law(np.array([100, 200, 400]), np.array([0.1, 0.12, 0.15]))[1] == 0.0


def test_draws_are_nested_and_hold_every_class(pixels: tuple[Array, Array]) -> None:
    z, y, z_held, y_held = split(pixels, 400)
    draws = draw_parts(z, y, z_held, y_held, 10, 0, quiet)
    assert draws is not None
    assert [int(n) for n in np.unique(draws.images)] == [50, 100, 200, 400]
    assert [int((draws.images == n).sum()) for n in (50, 100, 200, 400)] == [5, 4, 3, 1]


def test_a_perfect_classifier_gains_nothing(pixels: tuple[Array, Array]) -> None:
    y = pixels[1][:400]
    z = np.eye(10)[y] * 10
    draws = draw_parts(z, y, z[:100], y[:100], 10, 0, quiet)
    assert draws is not None
    facts = scaling_facts(draws, 0)
    assert facts.doubling_gain.value == 0.0
    assert facts.predicted_accuracy.value == 1.0


def test_too_few_images_give_no_curve(pixels: tuple[Array, Array]) -> None:
    z, y, z_held, y_held = split(pixels, 39)
    assert draw_parts(z, y, z_held, y_held, 10, 0, quiet) is None


def test_the_chart_has_a_point_for_twice_the_images(pixels: tuple[Array, Array]) -> None:
    z, y, z_held, y_held = split(pixels, 200)
    draws = draw_parts(z, y, z_held, y_held, 10, 0, quiet)
    assert draws is not None
    curve = scaling_curve(scaling_facts(draws, 0))
    assert curve.x_log
    assert curve.series[1].x == (200.0, 400.0)


def test_a_class_too_rare_for_the_small_draws_stops_no_curve() -> None:
    z, y = np.random.default_rng(0).normal(size=(300, 8)), np.repeat([0, 1], [298, 2])
    draws = draw_parts(z, y, z[:20], np.repeat([0, 1], [19, 1]), 2, 0, quiet)
    assert draws is not None
    # where the rare class is not drawn, every image is taken for one of the other class
    smallest = draws.hits[draws.images == 37]
    assert any((hits == np.repeat([True, False], [19, 1])).all() for hits in smallest)
