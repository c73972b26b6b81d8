"""Progress on standard error: the stage, how far it is, and the time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]
"""Called with a stage's title, what is done and what there is to do (0 where that is not known)."""

_EVERY_S = 30.0
"""Between two lines of one stage where there is no terminal."""
_WORTH_A_RATE = 10.0
"""Things a second; slower ones are followed by their count."""


def silent(title: str, done: int, total: int) -> None:
    """Show nothing."""


@contextmanager
def on_stderr() -> Iterator[Progress]:
    """A progress display: a live bar a stage on a terminal, a line a stage elsewhere."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[note]}"))
    with Bars(*columns, console=Console(stderr=True), transient=False) as bars:
        tasks: dict[str, TaskID] = {}
        started: dict[tuple[str, int], float] = {}

        def finish(title: str) -> None:
            task = bars.tasks[tasks[title]]
            bars.update(task.id, total=1, completed=1, note=task.fields["took"] or f"{task.elapsed or 0:.0f} s")
            bars.update(task.id, took=task.fields["note"])

        def show(title: str, done: int, total: int) -> None:
            if title not in tasks:
                for other in tasks:
                    finish(other)
                tasks[title] = bars.add_task(title, total=None, note="", took="")
            began = started.setdefault((title, total), time.monotonic())
            bars.update(tasks[title], completed=done, total=total or None, note=_left(done, total, began))

        yield show
        for title in tasks:
            finish(title)


def _left(done: int, total: int, began: float) -> str:
    """How far a stage is, how fast it goes, and about how long it will still take."""
    if not total:
        return f"{done:,}" if done else ""
    spent = time.monotonic() - began
    rate = f", {done / spent:,.0f}/s" if spent and done / spent >= _WORTH_A_RATE else ""
    left = f", about {_duration(spent / done * (total - done))} left" if done else ""
    return f"{done:,} of {total:,}{rate}{left}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _lines() -> Progress:
    """A line when a stage begins, and one every half minute while it lasts."""
    started = time.monotonic()
    began: dict[str, float] = {}
    spoke: dict[str, float] = {}

    def show(title: str, done: int, total: int) -> None:
        now = time.monotonic()
        if title not in began:
            began[title] = now
            print(f"[{now - started:5.0f} s] {title} …", file=sys.stderr, flush=True)
        elif now - spoke.get(title, began[title]) >= _EVERY_S:
            print(f"[{now - started:5.0f} s] {title}: {_left(done, total, began[title])}", file=sys.stderr, flush=True)
        else:
            return
        spoke[title] = now

    return show
