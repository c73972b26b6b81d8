import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.group_pattern import LONGEST_TEXT, group_finder, repeats_a_repeat
from cvadvisor.inspect.dataset.layouts.reading import DatasetError


def test_the_first_group_or_else_the_whole_match_is_the_name():
    assert group_finder(r"/(p\d+)_")("train/p07_1.jpg") == "p07"
    assert group_finder(r"p\d+")("train/p07_1.jpg") == "p07"
    assert group_finder("(x)?p")("p") is None
    assert group_finder("q")("p") is None


def test_of_alternatives_the_group_of_the_one_that_matches_is_the_name():
    find = group_finder(r"person(\d+)_|/(p\d+)_")
    assert (find("a/person07_1.jpg"), find("a/p8_1.jpg")) == ("07", "p8")


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "(a*)*$", "(a|a)*", "((a+)b)*", r"(\w+\s?)*x", "(?:a{2,})+", r"(a)(\1)*", "(a+){10}", "([)]+)+"],
)
def test_patterns_that_can_take_forever_are_refused(pattern):
    with pytest.raises(DatasetError, match="which can take forever"):
        group_finder(pattern)


@pytest.mark.parametrize(
    "pattern", [r"([^_/]+)_\d+", r"(?P<who>p\d{2,4})", r"(a+)b", r"\(a+\)+", "[(a+)]+", "(ab)+", "(a|b)_", r"([\]+]a)*"]
)
def test_sound_patterns_are_taken(pattern):
    group_finder(pattern)


@pytest.mark.parametrize("pattern", ["(", "[", "*", "(?P<1>a)", "a{3,1}"])
def test_what_is_no_pattern_is_refused_in_one_line(pattern):
    with pytest.raises(DatasetError, match="is no regular expression") as refused:
        group_finder(pattern)
    assert "\n" not in str(refused.value)


def test_a_very_long_pattern_is_refused():
    with pytest.raises(DatasetError, match="longer than"):
        group_finder("a" * 501)


def test_only_the_end_of_a_very_long_path_is_looked_at():
    assert group_finder("x")("x" + "a" * LONGEST_TEXT) is None


@given(st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused(pattern):
    repeats_a_repeat(pattern)
    try:
        find = group_finder(pattern)
    except DatasetError:
        return
    assert find("train/a_1.jpg") is None or isinstance(find("train/a_1.jpg"), str)
