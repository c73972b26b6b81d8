"""Follow a log that grows: judge it again whenever it did, and say each finding once, when it is certain."""

import os
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

from cvadvisor.errors import UserError
from cvadvisor.inspect.printable import printable
from cvadvisor.lint_report import LintReport
from cvadvisor.outputs.lint_words import unread

Stamp = tuple[int, int, int]
Key = tuple[str, int, str]

# While a run goes on it has always "stopped too early": these judge how a run ended.
ABOUT_THE_END = frozenset(
    {
        "run-truncated",
        "still-improving-at-end",
        "too-few-epochs-to-judge",
        "no-validation",
        "underfitting",
        "best-checkpoint-lost",
        "learning-rate-never-decayed",
    }
)
# A log that has stood still for so many looks says no more: what its last state shows is certain.
_SETTLED_LOOKS = 30
# Judging takes a share of the time at most, however long the log has become.
_REST_PER_JUDGEMENT = 4.0
_MOST_FILES, _MOST_DEPTH = 2_000, 6


def follow(
    path: Path,
    judge: Callable[[], LintReport],
    say: Callable[[LintReport, int, int], None],
    *,
    interval_s: float = 1.0,
    stop_on: Collection[str] = (),
    once_idle_s: float | None = None,
) -> bool:
    """Follow ``path`` until a finding stops it, or until it has not grown for ``once_idle_s`` seconds.

    A finding is certain when two judgements of different states of the log have it, or when the log stands still.

    Args:
        path: a log, or a folder; it may not exist yet.
        judge: judges what is there now.
        say: is given a report, and the places of the run and of the finding in it that became certain.
        interval_s: seconds between two looks.
        stop_on: severities of findings that stop it.
        once_idle_s: seconds without growth that end it; never where ``None``.

    Returns:
        Whether a finding stopped it.

    Raises:
        UserError: ``judge`` raised it for something else than the log.
    """
    said: set[Key] = set()
    before: set[Key] = set()
    last: LintReport | None = None
    stamp = stamp_of(path)
    judged: Stamp | None = None
    still_since, looks, complained = time.monotonic(), 0, ""
    if stamp is None:
        print(f"cvadvisor: waiting for {printable(path)}.", file=sys.stderr)
    while True:
        pause = interval_s
        if stamp is not None and stamp != judged:
            started = time.monotonic()
            judged, last = stamp, judge()
            complained = _complain(last, complained)
            now = _found(last, with_end=False)
            if _say_new(last, now & before, said, say, stop_on):
                return True
            before = now
            pause = max(pause, _REST_PER_JUDGEMENT * (time.monotonic() - started))
        idle = once_idle_s is not None and time.monotonic() - still_since >= once_idle_s
        if last is not None and (idle or looks == _SETTLED_LOOKS):
            stopped = _say_new(last, _found(last, with_end=idle), said, say, stop_on)
            if stopped:
                return True
        if idle:
            return False
        time.sleep(pause)
        seen = stamp_of(path)
        grown = seen != stamp
        stamp = seen
        looks = 0 if grown else looks + 1
        still_since = time.monotonic() if grown else still_since


def stamp_of(path: Path) -> Stamp | None:
    """What changes when the log grows: files, bytes and the latest change; ``None`` where there is nothing yet."""
    try:
        if not path.is_dir():
            status = path.stat()
            return 1, status.st_size, status.st_mtime_ns
        return _folder_stamp(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{printable(path)} cannot be watched: {error.strerror}.") from error


def _folder_stamp(folder: Path) -> Stamp | None:
    files, size, latest = 0, 0, 0
    waiting = [(folder, 0)]
    while waiting and files < _MOST_FILES:
        place, depth = waiting.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if depth < _MOST_DEPTH:
                        waiting.append((Path(entry.path), depth + 1))
                    continue
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    files, size, latest = files + 1, size + status.st_size, max(latest, status.st_mtime_ns)
    return (files, size, latest) if files else None


def _complain(report: LintReport, before: str) -> str:
    """Say what cannot be read, once for each reason: a log that has only just begun may hold nothing yet."""
    reasons = "\n".join(f"cvadvisor: {unread(one)}" for one in report.unreadable)
    if reasons and reasons != before:
        print(reasons, file=sys.stderr, flush=True)
    return reasons or before


def _found(report: LintReport, *, with_end: bool) -> set[Key]:
    return {
        (run.path, run.number, finding.code)
        for run in report.runs
        for finding in run.findings
        if with_end or finding.name not in ABOUT_THE_END
    }


def _say_new(
    report: LintReport,
    certain: set[Key],
    said: set[Key],
    say: Callable[[LintReport, int, int], None],
    stop_on: Collection[str],
) -> bool:
    """Say what is certain and was not said yet; whether something of it stops the watch."""
    stopped = False
    for run_index, run in enumerate(report.runs):
        for finding_index, finding in enumerate(run.findings):
            key = (run.path, run.number, finding.code)
            if key in certain and key not in said:
                said.add(key)
                say(report, run_index, finding_index)
                stopped |= finding.severity in stop_on
    return stopped
