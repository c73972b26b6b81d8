"""What leaked images do to the score: on hits that are made up, so that the answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.facts.features import LeakEffectFacts
from cvadvisor.probe.leak_effect import leak_effect

counts = st.tuples(st.integers(0, 60), st.integers(0, 60))
"""Hits and misses."""


def effect(leaked: tuple[int, int], clean: tuple[int, int]) -> LeakEffectFacts:
    """The effect where each side has so many hits and misses, for both classifiers."""
    hits = np.array(
        [hit for side in (leaked, clean) for hit, n in zip((True, False), side, strict=True) for _ in range(n)]
    )
    is_leaked = np.arange(len(hits)) < sum(leaked)
    return leak_effect(is_leaked, hits, hits)


def test_the_inflation_is_the_accuracy_on_all_images_less_that_on_the_clean_ones() -> None:
    facts = effect((20, 0), (60, 20))
    assert (facts.leaked_images, facts.clean_images) == (20, 80)
    assert facts.linear_clean_accuracy is not None
    assert facts.linear_clean_accuracy.value == 0.75
    assert facts.linear_inflation is not None
    assert facts.linear_inflation.value == pytest.approx(100 * (80 / 100 - 60 / 80))
    assert facts.linear_inflation.n == 100


def test_a_clear_inflation_is_told_from_none() -> None:
    facts = effect((100, 0), (600, 300))
    assert facts.linear_inflation is not None
    assert facts.linear_inflation.low > 0


def test_a_few_leaked_images_that_are_all_right_prove_nothing() -> None:
    facts = effect((3, 0), (90, 10))
    assert facts.linear_inflation is not None
    assert facts.linear_inflation.value > 0
    assert facts.linear_inflation.low < 0


def test_leaked_images_that_are_often_wrong_lower_the_score() -> None:
    facts = effect((5, 45), (90, 10))
    assert facts.linear_inflation is not None
    assert facts.linear_inflation.high < 0


def test_each_classifier_has_its_own_effect() -> None:
    leaked = np.arange(100) < 20
    facts = leak_effect(leaked, np.ones(100, bool), leaked | (np.arange(100) % 2 == 0))
    assert facts.linear_inflation is not None
    assert facts.knn_inflation is not None
    assert facts.linear_inflation.value == 0
    assert facts.knn_inflation.value == pytest.approx(10)
    assert facts.knn_clean_accuracy is not None
    assert facts.knn_clean_accuracy.value == 0.5


@pytest.mark.parametrize(
    ("leaked", "clean"), [((0, 0), (50, 50)), ((50, 0), (4, 0))], ids=["nothing leaked", "all but four leaked"]
)
def test_without_images_of_both_kinds_only_their_numbers_are_known(
    leaked: tuple[int, int], clean: tuple[int, int]
) -> None:
    assert effect(leaked, clean) == LeakEffectFacts(leaked_images=sum(leaked), clean_images=sum(clean))


def test_the_standard_error_is_that_of_repeated_draws() -> None:
    """Images leak with probability 0.1; leaked ones are right with 0.97, clean ones with 0.85."""
    generator = np.random.default_rng(0)
    made = []
    for _ in range(400):
        leaked = generator.random(1000) < 0.1
        hits = generator.random(1000) < np.where(leaked, 0.97, 0.85)
        made.append(leak_effect(leaked, hits, hits))
    values = np.array([facts.linear_inflation.value for facts in made])  # type: ignore[union-attr]
    errors = np.array([facts.linear_inflation_error for facts in made])
    held = [facts.linear_inflation.low <= 1.2 <= facts.linear_inflation.high for facts in made]  # type: ignore[union-attr]
    assert values.mean() == pytest.approx(1.2, abs=0.05)
    assert errors.mean() == pytest.approx(values.std(), rel=0.15)
    assert 0.92 <= np.mean(held) <= 0.98


@given(counts, counts)
def test_every_number_is_finite_and_the_interval_holds_the_value(
    leaked: tuple[int, int], clean: tuple[int, int]
) -> None:
    if sum(leaked) + sum(clean) == 0:
        return
    facts = effect(leaked, clean)
    known = sum(leaked) > 0 and sum(clean) >= 5
    assert (facts.linear_inflation is not None) == known
    if facts.linear_inflation is None or facts.linear_inflation_error is None:
        return
    assert facts.linear_inflation.low < facts.linear_inflation.value < facts.linear_inflation.high
    assert math.isfinite(facts.linear_inflation_error)
    assert facts.linear_inflation_error > 0
    assert abs(facts.linear_inflation.value) <= 100 * sum(leaked) / (sum(leaked) + sum(clean)) + 1e-9
