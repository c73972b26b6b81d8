import math

import pytest

from cvadvisor.probe import calibration
from cvadvisor.probe.session import Session


@pytest.mark.parametrize(("ratio", "power"), [(1.0, 1.0), (1.4, 1.0), (0.72, 1.0), (1.5, 2.0), (2.7, 2.0), (0.3, 0.25)])
def test_a_machine_that_is_a_little_slower_or_faster_counts_as_the_same(ratio: float, power: float) -> None:
    assert calibration._power_of_two(ratio) == power


@pytest.mark.slow
def test_a_slower_machine_makes_every_plan_longer_by_as_much(loaded: Session) -> None:
    before = loaded.forward_seconds(64)
    try:
        loaded.slowdown = 4.0
        assert loaded.forward_seconds(64) == 4 * before
    finally:
        loaded.slowdown = 1.0


@pytest.mark.slow
def test_the_slowdown_is_a_power_of_two(loaded: Session) -> None:
    slowdown = calibration.slowdown(loaded)
    assert slowdown > 0
    assert slowdown == 2 ** round(math.log2(slowdown))
