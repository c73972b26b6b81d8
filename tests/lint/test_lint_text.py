"""The linter on a terminal."""

import re

from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.outputs import lint_text
from cvadvisor.outputs.scales import cells
from cvadvisor.outputs.sparkline import ASCII, BLOCKS, sparkline
from tests.lint.making import faulty, finding, linted, report, sketch


def test_the_worst_run_comes_first_and_healthy_ones_last_in_a_line() -> None:
    text = lint_text.render(faulty())
    places = [text.index(path) for path in ("runs/exp7/results.csv", "runs/exp8/log.csv", "runs/healthy.csv")]
    assert places == sorted(places)
    assert "ok  runs/healthy.csv (Ultralytics results.csv, 30 epochs)" in text


def test_a_finding_says_what_where_and_what_to_do_and_what_it_explains() -> None:
    text = " ".join(lint_text.render(faulty()).split())
    assert "error RUN003 loss-diverged (epoch 12) Training loss rose" in text
    assert "Fix: Lower the learning rate from 0.1 to 0.01" in text
    assert "Likely: 1. The learning rate is too high." in text
    assert "Explains: overfitting" in text


def test_the_last_lines_count() -> None:
    last = " ".join(lint_text.render(faulty()).splitlines()[-2:])
    assert last == "3 runs: 1 error and 1 warning; 1 ignored; 3 rules not checked; 1 file unreadable."


def test_no_line_is_wider_than_the_terminal() -> None:
    for width in (60, 80, 100):
        text = lint_text.render(faulty(), width=width, verbose=True)
        assert max(map(cells, text.splitlines())) <= width


def test_a_long_path_is_never_broken() -> None:
    path = "/".join(["a-long-folder-name"] * 9) + "/log.csv"
    assert path in lint_text.render(report(linted(finding(), path=path))).splitlines()


def test_without_colour_there_is_no_escape_and_with_it_the_words_are_the_same() -> None:
    plain, painted = lint_text.render(faulty()), lint_text.render(faulty(), color=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", painted) == plain


def test_ascii_only_is_ascii() -> None:
    assert lint_text.render(faulty(), ascii_only=True, verbose=True).isascii()


def test_verbose_says_what_columns_were_taken_for_and_what_is_missing() -> None:
    text = lint_text.render(faulty(), verbose=True)
    assert "metrics/mAP50-95(B)  validation/map" in text
    assert "RUN027 gradient-exploding: needs gradient norm" in text
    assert "RUN034 noisy-validation: 40 images by design" in text


def test_a_run_on_which_nothing_could_be_judged_is_not_called_ok() -> None:
    run = linted(passed=())
    assert lint_text.render(report(run)).startswith("not judged  runs/")


def test_a_known_finding_is_marked_and_not_counted() -> None:
    text = lint_text.render(report(linted(finding(known_before=True))))
    assert "known from the baseline" in text
    assert "1 run: nothing found; 1 known from the baseline" in text


def test_control_characters_of_a_log_reach_no_terminal() -> None:
    evil = "a\x1b[2Jb\n::error::c\u202e"
    run = linted(finding(message=evil, fix=evil), path=evil, columns={evil: evil}, sketches=(sketch(evil, [1.0, 2.0]),))
    text = lint_text.render(report(run), verbose=True)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not any(line.startswith("::") for line in text.splitlines())


def test_a_value_that_is_no_number_shows_in_the_sparkline() -> None:
    assert sparkline([1.0, None, 2.0], 10) == "▁×█"
    assert sparkline([1.0, None, 2.0], 10, ASCII) == "_x#"


def test_a_spike_shows_where_many_values_share_a_character() -> None:
    values = [1.0] * 500 + [9.0] + [1.0] * 499
    assert sparkline(values, 20).count("█") == 1


@given(st.lists(st.none() | st.floats(), max_size=300), st.integers(1, 60))
def test_a_sparkline_takes_any_values(values: list[float | None], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == min(width, len(values))
    assert set(line) <= {*BLOCKS, "×"}
