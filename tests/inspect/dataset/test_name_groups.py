import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.name_groups import (
    NAME_SCHEMES,
    first_part,
    first_two_parts,
    hash_family,
    last_part,
    parts_of,
    series,
)

UUID = "0142c777-baf8-4500-add9-6641b95b90ec"
HASH = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("scan12_slice003", "scan12"),
        ("P07-0004", "P07"),
        ("p07s012", "p07"),
        ("clip.frame.12", "clip"),
        ("clip_a_view3", "clip_a"),
        ("IMG_20240101_120000", "IMG_20240101"),
        ("holiday (3)", "holiday"),
        ("photo", None),
        ("12", None),
        ("_12", None),
        ("a_12345678", None),
        (UUID, None),
    ],
)
def test_a_series_is_the_name_up_to_its_last_number(stem, expected):
    assert series("", stem) == (None if expected is None else f"/{expected}")


def test_parts_of_names_end_at_separators():
    assert (first_part("", "P07-left.4"), first_two_parts("", "cat-P07-4")) == ("/P07", "/cat-P07")
    assert (last_part("", "0004_P07"), last_part("", "P07"), first_part("", "P07")) == ("/P07", None, None)


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        (f"{UUID}_2", UUID),
        (f"{HASH.upper()}-crop", HASH),
        (f"cat_12_jpg.rf.{HASH}", "cat_12_jpg"),
        (f"cat-{UUID}", "cat"),
        (UUID, None),
        (HASH, None),
        ("cafe-12", None),
    ],
)
def test_a_family_is_the_hash_before_more_or_what_stands_before_a_hash(stem, expected):
    assert hash_family("", stem) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("train/cat/p1/img.a.jpg", ("p1", "img.a")),
        ("images/val2017/1.jpg", ("images", "1")),
        ("Test_set/cat/1.jpg", ("", "1")),
        ("validated/1.jpg", ("validated", "1")),
        ("1.jpg", ("", "1")),
        (".hidden", ("", ".hidden")),
    ],
)
def test_folders_of_splits_and_of_the_class_say_nothing_of_groups(path, expected):
    assert parts_of(path, "cat") == expected


@given(st.text(max_size=300), st.text(max_size=20))
def test_any_path_has_parts_and_any_name_a_group_or_none(path, label):
    folders, stem = parts_of(path, label)
    for scheme in NAME_SCHEMES.values():
        assert scheme(folders, stem) is None or isinstance(scheme(folders, stem), str)


@pytest.mark.parametrize("stem", ["a" * 250, "a-" * 125, "0" * 250, "_" * 250 + "1", "a_" * 120 + HASH[:31]])
def test_no_name_takes_long(stem):
    for scheme in NAME_SCHEMES.values():
        scheme("", stem)
