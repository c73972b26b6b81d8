from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.probe import lr_range
from cvadvisor.probe.declaration import NotChecked
from cvadvisor.probe.session import Session

RATES = np.geomspace(1e-6, 1.0, 50)


def valley(bottom: float, depth: float = 1.0) -> list[float]:
    """A loss that falls until the rate is ``bottom`` and then blows up."""
    distance = np.log10(RATES) - np.log10(bottom)
    return list(np.where(distance < 0, -depth * np.exp(2 * distance), -depth + 8 * distance))


@pytest.mark.parametrize("bottom", [1e-4, 1e-3, 1e-2])
def test_the_pick_lies_below_the_bottom_and_divergence_above_it(bottom: float) -> None:
    steepest, highest, diverges = lr_range._picks(RATES, lr_range._smooth(valley(bottom), len(RATES)))
    assert bottom / 30 < steepest <= highest <= bottom * 1.3
    assert diverges is not None
    assert bottom / 1.5 < diverges < bottom * 5  # smoothing errs on the safe side


def test_a_loss_that_never_rises_again_has_no_divergence() -> None:
    falling = list(-np.linspace(0, 1, 50))
    assert lr_range._picks(RATES, lr_range._smooth(falling, 50))[2] is None


def test_a_loss_that_never_falls_gives_no_pick() -> None:
    facts = lr_range._measured("full", RATES, [[0.0] * 50], 32, 64, "lr_full").facts
    assert not facts.loss_fell
    assert facts.steepest is None
    assert facts.highest_improving is None


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50))
def test_any_curve_gives_picks_on_the_grid(changes: list[float]) -> None:
    steepest, highest, diverges = lr_range._picks(RATES, lr_range._smooth(changes, len(RATES)))
    assert {steepest, highest} <= set(RATES)
    assert diverges is None or diverges in RATES


@pytest.mark.slow
def test_a_real_model_falls_and_diverges_and_repeats_exactly(digits: Path, job_for) -> None:
    small = job_for(digits, model="test_resnet", weights="none", budget_s=20.0)
    session = Session(small, lambda done, total: None, image_size=32)
    session.load_model()
    first, second = lr_range.run_full(session), lr_range.run_full(session)
    assert first == second
    assert 1e-5 < first.facts.highest_improving.value < 0.1
    assert first.facts.diverges_at is None or first.facts.diverges_at > first.facts.steepest.value


def test_the_head_needs_features(digits: Path, job_for) -> None:
    session = Session(job_for(digits), lambda done, total: None, image_size=64)
    with pytest.raises(NotChecked, match="frozen features"):
        lr_range.run_head(session)


def test_a_budget_too_small_for_any_plan_says_which_would_do(loaded: Session, job_for, digits: Path) -> None:
    poor = Session(job_for(digits, budget_s=1.0), lambda done, total: None, image_size=224, allowance=0.1)
    poor.facts, poor._model = loaded.facts, loaded._model
    with pytest.raises(NotChecked) as stop:
        lr_range.run_full(poor)
    assert stop.value.enable is not None
    assert "--budget" in stop.value.enable
