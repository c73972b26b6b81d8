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
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bars:
        tasks: dict[str, int] = {}

        def show(title: str, done: int, total: int) -> None:
            for other, task in tasks.items():
                if other != title and not bars.tasks[task].finished:
                    whole = bars.tasks[task].total or 1
                    bars.update(task, total=whole, completed=whole)  # type: ignore[arg-type]
            if title not in tasks:
                tasks[title] = bars.add_task(title, total=total or None)
            bars.update(tasks[title], completed=done, total=total or None)  # type: ignore[arg-type]

        yield show


def _lines() -> Progress:
    started = time.monotonic()
    seen: set[str] = set()

    def show(title: str, done: int, total: int) -> None:
        if title not in seen:
            seen.add(title)
            print(f"[{time.monotonic() - started:5.0f} s] {title} …", file=sys.stderr, flush=True)

    return show
