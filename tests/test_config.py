from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor import config
from cvadvisor.config import SettingsError, parse_duration, parse_weights, prepare_out
from cvadvisor.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600), ("1.5h", 5400), ("300", 300), (" 2 M ", 120)]
)
def test_a_duration_is_read_in_seconds_minutes_or_hours(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "0", "0.5s", "8d", "1e9", "inf", "nan", "5 m 3 s", "200h", "٣s1"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match="such as 90s, 5m or 1h"):
        parse_duration(text)


@given(st.text())
def test_any_text_is_a_duration_within_a_week_or_a_users_error(text: str) -> None:
    with suppress(UserError):
        assert 1 <= parse_duration(text) <= 7 * 24 * 3600


def test_the_words_for_weights_are_understood() -> None:
    assert parse_weights("default") == ("default", None)
    assert parse_weights("none") == ("none", None)


def test_any_other_weights_are_a_file(tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    file.touch()
    assert parse_weights(str(file)) == ("file", file)


@pytest.mark.parametrize("text", ["", "Default", "nope.pth", ".", "x" * 5000], ids=lambda text: text[:8] or "empty")
def test_weights_that_are_no_file_are_refused_with_the_choices(text: str) -> None:
    with pytest.raises(SettingsError, match="'default' or 'none'"):
        parse_weights(text)


def test_the_folder_for_results_is_not_made_before_there_are_any(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    assert prepare_out(out, "unused", force=False) == out
    assert not out.exists()


def test_without_a_name_the_first_free_default_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = []
    for _ in range(3):
        folder = prepare_out(None, "out", force=False)
        folder.mkdir()
        made.append(folder.name)
    assert made == ["out", "out-2", "out-3"]


def test_a_folder_that_holds_other_files_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    assert prepare_out(tmp_path, "unused", force=False) == tmp_path


@pytest.mark.parametrize("name", [*config.RESULT_FILES, config.CONVERTED_WEIGHTS])
def test_results_are_never_replaced_without_force(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(SettingsError, match=rf"{name}.*--force"):
        prepare_out(tmp_path, "unused", force=False)
    assert prepare_out(tmp_path, "unused", force=True) == tmp_path
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_is_no_folder_for_results(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="is a file: name a folder"):
        prepare_out(tmp_path / "file", "unused", force=True)


@pytest.mark.parametrize("name", ["file/below", "x" * 300], ids=["below a file", "too long"])
def test_a_folder_that_cannot_be_made_is_a_users_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be written"):
        prepare_out(tmp_path / name, "unused", force=False)
