import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.class_names import junk, twins


def pairs(*names: str) -> set[tuple[frozenset[str], str]]:
    return {(frozenset((pair.a, pair.b)), pair.why) for pair in twins(dict.fromkeys(names, 1))}


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ("T-shirt", "t shirt", "case"),
        ("long_sleeve", "Longsleeve", "case"),
        ("dog", "dogs", "plural"),
        ("Hat", "hats", "plural"),
        ("accessory", "acessory", "spelling"),
        ("umbrella", "umbrela", "spelling"),
        ("receipt", "reciept", "spelling"),
        ("labrador", "labradar", "spelling"),
    ],
)
def test_names_that_mean_the_same_are_twins(a, b, why):
    assert pairs(a, b, "something else") == {(frozenset((a, b)), why)}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("cat", "bat"),
        ("shirt", "skirt"),  # short words
        ("glass", "glasses"),
        ("class_001", "class_002"),  # codes
        ("speed limit 30", "speed limit 80"),
        ("matting", "batting"),  # another first letter
        ("bus", "business"),
    ],
)
def test_names_that_differ_on_purpose_are_no_twins(a, b):
    assert not pairs(a, b)


def test_the_larger_class_comes_first():
    (pair,) = twins({"Dogs": 3, "dogs": 40})
    assert (pair.a, pair.b) == ("dogs", "Dogs")


@given(st.lists(st.text(max_size=12), max_size=30, unique=True))
def test_any_names_can_be_compared(names):
    for pair in twins(dict.fromkeys(names, 0)):
        assert pair.a != pair.b or pair.why == "case"


@pytest.mark.parametrize("name", ["Other", "misc", "Not sure", "not_sure", "SKIP", "unknown", "Don't know", "N/A"])
def test_a_rest_is_recognised_by_its_whole_name(name):
    assert junk([name, "dress"]) == (name,)


@pytest.mark.parametrize("name", ["brother", "other animals", "unknown soldier", "skipper", "restaurant"])
def test_a_name_that_holds_such_a_word_is_a_class(name):
    assert junk([name]) == ()
