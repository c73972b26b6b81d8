import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.metadata_classifier import (
    FOLDS,
    Codes,
    Scores,
    fitted,
    folds_of,
    held_out,
    name_codes,
    number_codes,
    score,
)

numbers = st.one_of(st.just(math.nan), st.floats(-1e18, 1e18), st.integers(0, 40).map(float))


def judged(features: list[Codes], labels: Codes, units: Codes | None = None) -> Scores:
    units = np.arange(len(labels)) if units is None else units
    likelihood = held_out(features, labels, folds_of(labels, units))
    return score(likelihood, labels, units, np.bincount(labels) / len(labels))


@settings(max_examples=100, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=200))
def test_bins_keep_the_order_of_numbers_and_hold_each_number_once(values: list[float]) -> None:
    column = np.array(values)
    codes = number_codes(column)
    assert codes.min() >= 0
    known = ~np.isnan(column)
    order = np.argsort(column[known], kind="stable")
    assert (np.diff(codes[known][order]) >= 0).all()
    assert all(len(set(codes[column == value])) <= 1 for value in values if not math.isnan(value))
    if known.any() and not known.all():
        assert codes[~known].min() > codes[known].max()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=400))
def test_a_frequent_name_has_a_bin_of_its_own_and_rare_ones_share_one(values: list[int]) -> None:
    codes = name_codes(np.array(values))
    frequent = {value for value in values if values.count(value) >= 5}
    by_code = {code: {value for value, other in zip(values, codes, strict=True) if other == code} for code in codes}
    assert all(len(names) == 1 or not names & frequent or len(frequent) > 32 for names in by_code.values())


def test_folds_are_stratified_and_keep_copies_together() -> None:
    labels = np.repeat([0, 1], [200, 50])
    units = np.arange(250) // 2
    folds = folds_of(labels, units)
    assert all(len(set(folds[units == unit])) == 1 for unit in units)
    assert all(35 <= (folds[labels == 0] == fold).sum() <= 45 for fold in range(FOLDS))
    assert all(8 <= (folds[labels == 1] == fold).sum() <= 12 for fold in range(FOLDS))


def test_a_feature_that_is_the_class_tells_every_image() -> None:
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    scores = judged([labels.copy()], labels)
    assert scores.correct == 1
    assert scores.recalls.tolist() == scores.told.tolist() == [1, 1, 1]
    assert scores.mistaken.tolist() == [0, 0, 0]
    assert scores.apart[0, 1] == scores.apart[2, 0] == 1


@pytest.mark.parametrize("classes", [2, 10])
def test_features_that_tell_nothing_lead_to_chance(classes: int) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, 2_000)
    scores = judged([number_codes(random.normal(size=2_000)) for _ in range(3)], labels)
    assert abs(scores.recalls.mean() - 1 / classes) < 0.04
    assert np.abs(scores.told - scores.mistaken).max() < 0.2
    assert np.abs((scores.apart + scores.apart.T) / 2 - 0.5).max() < 0.15


def test_a_constant_feature_is_the_baseline() -> None:
    labels = np.repeat([0, 1], [75, 25])
    scores = judged([np.zeros(100, np.int64)], labels)
    assert scores.correct == 0.75
    assert scores.recalls.mean() == 0.5
    assert (scores.told - scores.mistaken).tolist() == [0, 0]
    assert scores.apart[0, 1] == 0.5


def test_copies_of_one_image_teach_nothing_about_each_other() -> None:
    # Twenty copies of one picture have a size that no other has; apart from them the classes are alike.
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], [60, 60])
    codes = random.integers(0, 3, 120)
    codes[100:] = 3
    units = np.arange(120)
    units[100:] = 100
    alone, together = judged([codes], labels), judged([codes], labels, units)
    assert alone.recalls.mean() > together.recalls.mean() + 0.05
    assert together.recalls.mean() < 0.6


def test_classes_count_by_how_frequent_they_are_not_by_how_many_were_read() -> None:
    labels = np.repeat([0, 1], [50, 50])
    always_first = np.tile([0.0, -9.0], (100, 1))
    assert score(always_first, labels, np.arange(100), np.array([0.9, 0.1])).correct == pytest.approx(0.9)


def test_what_was_learnt_is_asked_of_other_images() -> None:
    labels = np.repeat([0, 1], [40, 40])
    # What was seen in training points to a class, a value that was never seen to none.
    likelihood = fitted([labels.copy()], labels, [np.array([0, 1, 2])])
    assert likelihood[0, 0] > likelihood[0, 1]
    assert likelihood[1, 1] > likelihood[1, 0]
    assert likelihood[2, 0] == pytest.approx(likelihood[2, 1])
