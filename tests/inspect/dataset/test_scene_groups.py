from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.files import file_row
from cvadvisor.inspect.dataset.scene_groups import scene_groups
from cvadvisor.inspect.dataset.store import Store


def joined(pairs, tier="same scene", copies=()):
    with Store(None) as store:
        store.insert("temp.file", (file_row(f"{number}.png", "image") for number in range(31)))
        store.insert("temp.pair", ((a, b, tier, "", 1.0) for a, b in pairs))
        store.insert("temp.pair", ((a, b, "byte-identical", "", 1.0) for a, b in copies))
        return dict(scene_groups(store))


def test_nothing_is_joined_where_the_search_did_not_run():
    with Store(None) as store:
        assert list(scene_groups(store)) == []


def test_images_are_joined_through_pairs():
    assert joined([(5, 3), (3, 9), (7, 8)]) == {3: 3, 5: 3, 9: 3, 7: 7, 8: 7}


def test_copies_alone_are_no_scene_and_belong_to_that_of_another():
    assert joined([(1, 2)], copies=[(2, 7), (8, 9)]) == {1: 1, 2: 1, 7: 1}


def test_merely_similar_images_are_not_joined():
    assert joined([(1, 2)], "similar") == {}


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=60))
def test_both_images_of_every_pair_are_in_one_group_that_is_called_after_its_first(pairs):
    found = joined([(a, b) for a, b in pairs if a != b])
    assert all(found[a] == found[b] for a, b in pairs if a != b)
    assert all(first == min(one for one in found if found[one] == first) for first in found.values())
