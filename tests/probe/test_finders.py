"""What common finders would pick."""

import numpy as np
import pytest

from cvadvisor.probe.finders import finder_picks, running_mean, valley

RATES = np.geomspace(1e-6, 1.0, 100)
CURVE = 2.3 - 1.5 / (1 + np.exp(-3 * (np.log10(RATES) + 3))) + np.maximum(0, np.log10(RATES) + 1) * 20


def test_the_running_mean_is_corrected_for_its_start() -> None:
    assert running_mean(np.full(5, 2.0)) == pytest.approx([2.0] * 5)


def test_the_valley_is_the_middle_of_the_longest_fall() -> None:
    losses = np.array([5.0, 5.1, 4.0, 3.0, 2.0, 1.0, 0.5, 0.4, 3.0, 4.0])
    assert valley(losses) == 3


def test_the_picks_lie_where_the_loss_falls() -> None:
    picks = finder_picks(RATES, CURVE)
    assert picks is not None
    assert picks.fastai_valley is not None
    assert picks.fastai_steep is not None
    assert 1e-6 < picks.fastai_valley < 1e-1
    assert 1e-4 < picks.fastai_steep < 1e-1
    assert picks.fastai_minimum == pytest.approx(RATES[running_mean(CURVE)[10:-5].argmin() + 10] / 10)


def test_lightning_divides_by_the_rate_itself_and_so_picks_far_lower() -> None:
    picks = finder_picks(RATES, CURVE)
    assert picks is not None
    assert picks.lightning is not None
    assert picks.fastai_steep is not None
    assert picks.lightning < picks.fastai_steep / 10


def test_a_short_run_has_no_picks() -> None:
    assert finder_picks(RATES[:19], CURVE[:19]) is None
