"""Progress on standard error: the stage, how far it is, and the time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]
"""Called with a stage's title, what is done and what there is to do (0 where that is not known)."""


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
    """How far a stage is, and about how long it will still take."""
    if not total:
        return ""
    left = (time.monotonic() - began) / done * (total - done) if done else None
    return f"{done:,} of {total:,}" + ("" if left is None else f", about {left:.0f} s left")


def _lines() -> Progress:
    started = time.monotonic()
    seen: set[str] = set()

    def show(title: str, done: int, total: int) -> None:
        if title not in seen:
            seen.add(title)
            print(f"[{time.monotonic() - started:5.0f} s] {title} …", file=sys.stderr, flush=True)

    return show
