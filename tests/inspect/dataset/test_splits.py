import random

from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.splits import held_out

PATHS = {label: [f"train/{label}/{number}.jpg" for number in range(10)] for label in ("hat", "shoe")}


def test_the_choice_never_changes():
    assert held_out(PATHS) == ("train/hat/5.jpg", "train/hat/4.jpg", "train/shoe/6.jpg", "train/shoe/7.jpg")


def test_the_choice_does_not_depend_on_the_order_of_paths_or_classes():
    shuffled = {label: random.Random(0).sample(paths, len(paths)) for label, paths in reversed(PATHS.items())}
    assert held_out(shuffled) == held_out(PATHS)


def test_a_class_of_one_gives_none_and_a_class_of_two_gives_one():
    assert held_out({"a": ["a/1.jpg"]}) == ()
    assert len(held_out({"b": ["b/1.jpg", "b/2.jpg"]})) == 1


def test_names_that_are_not_utf8_can_be_ranked():
    assert len(held_out({"a": ["a/\udcff.jpg", "a/ü.jpg", "a/1.jpg"]})) == 1


@given(st.integers(2, 300))
def test_about_a_fifth_is_held_out_of_any_class(n):
    assert len(held_out({"a": [f"a/{number}.jpg" for number in range(n)]})) == max(1, round(n / 5))


@given(st.lists(st.text(min_size=1), min_size=2, max_size=40, unique=True), st.data())
def test_removing_an_image_moves_at_most_one_other_into_the_held_out(paths, data):
    removed = data.draw(st.sampled_from(paths))
    before, after = set(held_out({"a": paths})), set(held_out({"a": [path for path in paths if path != removed]}))
    assert len(after - before) <= 1
