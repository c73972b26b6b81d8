"""Following a log that grows."""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cvadvisor.lint
from cvadvisor import watch
from cvadvisor.cli import app
from cvadvisor.errors import UserError
from cvadvisor.lint_report import LintReport
from tests.lint.making import faulty, finding, linted, report

NOTHING = report(linted())
DIVERGED = report(linted(finding()))


def followed(log: Path, *reports: LintReport, **options: object) -> tuple[bool, list[str], int]:
    """Follow a log that grows before each judgement but the last: whether it stopped, what was said, judgements."""
    given: Iterator[LintReport] = iter(reports)
    said: list[str] = []
    judged = 0
    log.write_text("x")

    def judge() -> LintReport:
        nonlocal judged
        judged += 1
        made = next(given)
        if judged < len(reports):
            log.write_text("x" * (judged + 1))
        return made

    def say(made: LintReport, run: int, place: int) -> None:
        said.append(f"{judged}:{made.runs[run].findings[place].name}")

    stopped = watch.follow(log, judge, say, interval_s=0.01, **{"once_idle_s": 0.1, **options})  # type: ignore[arg-type]
    return stopped, said, judged


def test_a_finding_is_said_once_and_only_when_a_second_judgement_has_it(tmp_path: Path) -> None:
    stopped, said, judged = followed(tmp_path / "log", NOTHING, DIVERGED, DIVERGED, DIVERGED)
    assert (stopped, said, judged) == (False, ["3:loss-diverged"], 4)


def test_a_finding_that_goes_away_is_never_said(tmp_path: Path) -> None:
    assert followed(tmp_path / "log", DIVERGED, NOTHING, DIVERGED, NOTHING)[1] == []


def test_the_last_judgement_is_certain_when_the_log_stands_still(tmp_path: Path) -> None:
    assert followed(tmp_path / "log", NOTHING, DIVERGED)[1] == ["2:loss-diverged"]


def test_a_certain_error_stops_and_a_warning_only_where_asked(tmp_path: Path) -> None:
    assert followed(tmp_path / "log", DIVERGED, DIVERGED, NOTHING, stop_on=("error",))[::2] == (True, 2)
    warned = report(linted(finding(severity="warning")))
    assert followed(tmp_path / "log", warned, warned, stop_on=("error",))[0] is False
    assert followed(tmp_path / "log", warned, warned, stop_on=("error", "warning"))[0] is True


def test_a_run_that_goes_on_is_not_said_to_have_ended_too_early(tmp_path: Path) -> None:
    cut = report(linted(finding("RUN035", "run-truncated")))
    assert followed(tmp_path / "log", cut, cut, cut)[1] == ["3:run-truncated"]  # only when it stands still


def test_a_log_that_does_not_grow_is_judged_once(tmp_path: Path) -> None:
    assert followed(tmp_path / "log", NOTHING)[2] == 1


def test_a_log_that_does_not_exist_yet_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stopped = watch.follow(tmp_path / "none", lambda: NOTHING, lambda *_: None, interval_s=0.01, once_idle_s=0.05)
    assert not stopped
    assert "waiting for" in capsys.readouterr().err


def test_what_cannot_be_read_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = report(unreadable=faulty().unreadable)
    followed(tmp_path / "log", broken, broken, broken)
    assert capsys.readouterr().err.count("nothing to read") == 1


def test_a_folder_grows_when_a_file_in_it_does(tmp_path: Path) -> None:
    assert watch.stamp_of(tmp_path) is None
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "log.csv").write_text("x")
    before = watch.stamp_of(tmp_path)
    (tmp_path / "a" / "log.csv").write_text("xx")
    assert before is not None
    assert watch.stamp_of(tmp_path) != before


def test_a_folder_that_may_not_be_read_is_an_error_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(UserError, match="cannot be watched"):
        watch.stamp_of(tmp_path)


# The command


def test_the_command_exits_with_one_where_a_finding_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cvadvisor.lint, "lint", lambda *_, **__: DIVERGED)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text("x")
    command = ["watch", "log.csv", "--interval", "0.05", "--once-idle", "0.1"]
    done = CliRunner().invoke(app, [*command, "--stop-on", "error"])
    assert done.exit_code == 1
    assert "RUN003 loss-diverged" in done.stdout
    assert CliRunner().invoke(app, command).exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_ends_it_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cvadvisor", "watch", "none.csv", "--interval", "0.05"]
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a job in the background inherits deafness
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path, preexec_fn=heed
    ) as running:
        assert running.stderr is not None
        assert "waiting for" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        _, rest = running.communicate(timeout=60)
    assert (running.returncode, rest) == (130, "cvadvisor: stopped watching.\n")
