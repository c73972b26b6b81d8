import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.splits import hold_out


def held(groups):
    totals = Counter()
    for _, counts in groups:
        totals.update(counts)
    chosen = set(hold_out(groups, totals))
    kept = Counter()
    for key, counts in groups:
        if key in chosen:
            kept.update(counts)
    return chosen, kept, totals


def singles(label, number):
    return [(b"%s%d" % (label, i), {label: 1}) for i in range(number)]


@given(st.integers(2, 300))
def test_about_a_fifth_of_any_class_of_single_images_is_held_out(number):
    _, kept, _ = held(singles(b"a", number))
    assert kept[b"a"] == max(1, round(number / 5))


def test_a_class_of_one_gives_none_and_a_class_of_two_gives_one():
    assert held(singles(b"a", 1))[1] == {}
    assert held(singles(b"a", 2))[1] == {b"a": 1}


def test_each_class_gets_its_own_fifth():
    groups = singles(b"many", 100) + singles(b"few", 10)
    random.Random(0).shuffle(groups)
    assert held(groups)[1] == {b"many": 20, b"few": 2}


group_lists = st.lists(
    st.dictionaries(st.sampled_from([b"a", b"b", b"c"]), st.integers(1, 30), min_size=1), max_size=60
)


@given(group_lists)
def test_no_class_loses_all_its_training_images(counts):
    _, kept, totals = held([(b"%d" % number, one) for number, one in enumerate(counts)])
    assert all(kept[label] < total for label, total in totals.items())


@given(st.lists(st.integers(1, 6), min_size=30, max_size=200))
def test_whole_groups_come_near_to_a_fifth(sizes):
    _, kept, totals = held([(b"%d" % number, {b"a": size}) for number, size in enumerate(sizes)])
    assert abs(kept[b"a"] - totals[b"a"] / 5) <= 6


def test_one_giant_group_stays_in_training():
    groups = [(b"giant", {b"a": 90}), *singles(b"a", 10)]
    assert b"giant" not in held(groups)[0]
