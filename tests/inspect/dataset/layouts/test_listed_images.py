import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.layouts.listed_images import Finder, text_of
from cvadvisor.inspect.dataset.layouts.reading import Split
from tests.inspect.dataset.making import listed, make

PATHS = [
    "a/1.png",
    "b/1.png",
    "b/2.PNG",
    "b/c/3.png",
    "b/x.y.png",
    "train/5.png",
    "val/5.png",
    "images/6.png",
    "masks/6.png",
]


@pytest.mark.parametrize(
    ("name", "folder", "split", "found"),
    [
        ("b/2.PNG", "", None, "b/2.PNG"),
        ("b/2.png", "", None, "b/2.PNG"),
        ("b/2", "", None, "b/2.PNG"),
        ("2", "", None, "b/2.PNG"),
        ("2.jpg", "", None, None),
        ("b\\2.png", "", None, "b/2.PNG"),
        ("./b/../b//2.PNG", "", None, "b/2.PNG"),
        ("/home/someone/data/b/2.PNG", "", None, "b/2.PNG"),
        ("../b/1.png", "a", None, "b/1.png"),
        ("1.png", "a", None, "a/1.png"),
        ("1.png", "", None, None),
        ("data/b/1.png", "", None, "b/1.png"),
        ("3.png", "a", None, "b/c/3.png"),
        ("x.y", "", None, "b/x.y.png"),
        ("x", "", None, None),
        ("5.png", "", "train", "train/5.png"),
        ("5", "", "validation", "val/5.png"),
        ("6.png", "", None, "images/6.png"),
        ("", "", None, None),
        ("..", "", None, None),
        ("../../../../etc/passwd", "", None, None),
        ("a\0b", "", None, None),
        ("x" * 100_000, "", None, None),
        ("\ud800.png", "", None, None),
    ],
)
def test_a_name_means_the_image_that_fits_it_best(tmp_path, name, folder, split, found):
    with listed(make(tmp_path, PATHS)) as files:
        assert Finder(files, folder).find(name, split) == found


def test_a_name_that_fits_several_images_means_all_of_them(tmp_path):
    with listed(make(tmp_path, PATHS)) as files:
        assert Finder(files).meant("1") == ["a/1.png", "b/1.png"]


@pytest.mark.parametrize(
    ("name", "loosely", "found"),
    [
        ("2.jpg", "extension", "b/2.PNG"),
        ("B/2.jpg", "extension", "b/2.PNG"),
        ("X.Y.jpg", "extension", None),
        ("X.Y.jpg", "case", "b/x.y.png"),
        ("B/C/3.gif", "case", "b/c/3.png"),
        ("B/1.jpg", "case", "b/1.png"),
        ("1.jpg", "case", None),
        ("../../../../etc/passwd", "case", None),
    ],
)
def test_a_name_may_differ_as_far_as_is_allowed(tmp_path, name, loosely, found):
    with listed(make(tmp_path, PATHS)) as files:
        assert Finder(files, "", loosely).find(name) == found


def test_an_image_that_is_called_so_exactly_is_meant_before_all_others(tmp_path):
    with listed(make(tmp_path, ["a.png", "A.png", "a.jpg"])) as files:
        assert Finder(files, "", "case").meant("A.png") == ["A.png"]


def test_a_name_is_found_in_either_unicode_form(tmp_path):
    name = unicodedata.normalize("NFD", "é.png")
    with listed(make(tmp_path, [name])) as files:
        assert Finder(files).find("é.png") == name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(("", None), (" a ", "a"), (1, "1"), (1.0, "1"), (1.5, "1.5"), (True, "true"), (None, None), ([1], None)),
        *((float("nan"), None), (float("inf"), "inf"), (1e300, f"{1e300:.0f}")),
    ],
)
def test_a_cell_is_text_as_it_would_be_written(value, text):
    assert text_of(value) == text


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(codec=None), max_size=30), split=st.sampled_from(["train", "test", None]))
def test_any_name_means_listed_images_only(tmp_path, name: str, split: Split | None):
    with listed(make(tmp_path, PATHS)) as files:
        assert set(Finder(files, "b", "case").meant(name, split)) <= set(PATHS)


def test_a_number_of_thousands_of_digits_is_no_text():
    assert text_of(10**5000) is None
