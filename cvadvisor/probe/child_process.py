"""What a process of ours says, and how it ended."""

import queue
from collections.abc import Iterable
from typing import IO

THREADS = {"GOMP_SPINCOUNT": "1000"}
"""Environment of processes that compute: how often a thread looks for more work before it sleeps.

On two cores, a step of EfficientNet-Lite0 at 64 px took 180 ms on a free machine where threads never looked, 126 with
this and 120 with twenty times as much; on a busy one 270, 315 and 390 to 620.
"""
MOST_SAID = 200
KILLED = -9


def queue_lines(stream: IO[str] | None, lines: "queue.Queue[str | None]") -> None:
    """Put each line of ``stream`` into ``lines`` as it comes, and ``None`` after the last."""
    try:
        for line in stream or ():
            lines.put(line)
    except ValueError:
        pass  # closed while it was read
    lines.put(None)


def how_it_ended(code: int, said: Iterable[str]) -> str:
    """How a process with the exit code ``code`` ended, with the last line of what it ``said`` on standard error."""
    if code == KILLED:
        return "its process was killed, most likely because memory ran out"
    how = f"its process was ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"
    lines = [line.strip() for line in said if line.strip()]
    return f"{how}: {lines[-1][:MOST_SAID]}" if lines else how
