import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.layouts.lookup import finder, inside, split_in, split_word, text_of, with_stem
from tests.inspect.dataset.making import listed, make


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("instances_train2017", "train"),
        ("Valid", "validation"),
        ("test-dev", "test"),
        ("trainval", "train"),
        ("straining", None),
        ("captions", None),
    ],
)
def test_a_split_is_a_word_of_a_name(name, split):
    assert split_word(name) == split


def test_the_innermost_folder_gives_the_split_and_the_files_name_does_not():
    assert split_in("train/val/test.png") == "validation"
    assert split_in("test.png") is None


@given(folder=st.text(alphabet="ab/.", max_size=8), path=st.text(alphabet="ab/.\\", max_size=12))
def test_no_path_leads_out_of_the_dataset(folder, path):
    parts = inside(inside("", folder), path).split("/")
    assert not {"..", "."} & set(parts)
    assert "" not in parts or parts == [""]


def test_text_is_read_in_the_coding_that_it_is_in():
    assert text_of("é".encode("utf-8-sig")) == "é"
    assert text_of("é".encode("utf-16")) == "é"
    assert text_of(b"a\xff") == "a\udcff"


def test_images_are_found_by_their_name_without_extension(tmp_path):
    with listed(make(tmp_path, ["x/a.png", "x/a.b.png", "x/a-b.png", "x/y/a.png", "x/a.txt"])) as files:
        assert with_stem(files, "x", "a") == ["x/a.png"]


def test_looking_for_a_name_without_extension_does_not_go_through_its_folder(tmp_path):
    with listed(make(tmp_path, ["x/a.png"])) as files:
        plans: list[str] = []
        files.store.connection.set_trace_callback(plans.append)
        with_stem(files, "x", "a")
        files.store.connection.set_trace_callback(None)
        (query,) = plans
        (plan,) = [row[3] for row in files.store.rows(f"EXPLAIN QUERY PLAN {query}")]
    assert "USING INDEX file_path (path>? AND path<?)" in plan


def test_a_name_that_several_images_have_is_told_apart_by_folder_or_split_or_not_at_all(tmp_path):
    with listed(make(tmp_path, ["one/train/a.png", "one/val/a.png"])) as files:
        find = finder(files, [""])
        assert find("C:\\data\\val\\a.png", None) == "one/val/a.png"
        assert find("a.png", "train") == "one/train/a.png"
        assert find("a.png", None) is None
        assert find("gone.png", "train") is None
        assert find("../../etc/passwd", None) is None
