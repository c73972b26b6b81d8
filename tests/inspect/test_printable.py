from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.printable import printable


@pytest.mark.parametrize("name", ["train/hat/1.jpg", "with space", "日本語", "üö", "👩\u200d🎤", "back\\slash"])
def test_a_harmless_name_is_unchanged(name):
    assert printable(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("caf\udce9", "caf\\xe9"), ("\u202egpj", "\\u202egpj")],
)
def test_what_cannot_be_shown_is_escaped(name, shown):
    assert printable(name) == shown


def test_a_path_is_shown_with_forward_slashes():
    assert printable(Path("a") / "b") == "a/b"


@given(st.text(st.characters()))
def test_the_result_can_always_be_encoded_and_is_one_line(name):
    shown = printable(name)
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert len(shown.splitlines()) <= 1
