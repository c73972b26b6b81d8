import numpy as np
import pytest

from cvadvisor.inspect.dataset.group_evidence import MOST_IMAGES, MOST_OF_A_GROUP, SHUFFLES, drawn, measure


def looks(groups, alike, seed=0):
    generator = np.random.default_rng(seed)
    of_group = generator.normal(size=(int(groups.max()) + 1, 75))
    own = generator.normal(size=(len(groups), 75))
    return (alike**0.5 * of_group[groups] + (1 - alike) ** 0.5 * own).astype(np.float32)


GROUPS = np.repeat(np.arange(60), 5)
STRATA = GROUPS % 3


def test_likeness_is_the_correlation_of_two_images_of_a_group():
    found = measure(looks(GROUPS, 0.5), STRATA, GROUPS)
    assert found.likeness == pytest.approx(0.5, abs=0.25)
    assert (found.p, found.pairs) == (1 / (SHUFFLES + 1), 600)
    assert found.by_chance < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_groups_that_mean_nothing_are_not_significant(seed):
    assert measure(looks(GROUPS, 0.0, seed), STRATA, GROUPS).p > 0.001


def test_what_tells_classes_apart_is_no_likeness_of_groups():
    by_class = looks(STRATA, 0.9)
    assert measure(by_class, STRATA, GROUPS).p > 0.001


def test_groups_that_are_the_classes_cannot_be_compared():
    assert measure(looks(GROUPS, 0.5), GROUPS, GROUPS) is None


def test_images_that_all_look_the_same_cannot_be_compared():
    assert measure(np.ones((300, 75), np.float32), STRATA, GROUPS) is None


def test_pairs_of_a_finer_grouping_can_be_left_out():
    coarse = GROUPS // 6
    fine_only = looks(GROUPS, 0.6)
    assert measure(fine_only, STRATA * 0, coarse, [GROUPS]).p > 0.001
    both = fine_only + looks(coarse, 0.9, 1)
    assert measure(both, STRATA * 0, coarse, [GROUPS]).p == 1 / (SHUFFLES + 1)


def test_a_sample_keeps_groups_together_and_is_bounded():
    groups = np.repeat(np.arange(20_000), 15)
    sample = drawn(groups, groups % 500)
    kept = np.unique(groups[sample], return_counts=True)[1]
    assert MOST_IMAGES / 2 < len(sample) <= MOST_IMAGES
    assert set(kept) == {MOST_OF_A_GROUP}


def test_a_sample_of_no_groups_is_empty():
    assert len(drawn(np.full(10, -1), np.zeros(10, np.int64))) == 0
