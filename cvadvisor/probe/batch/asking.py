"""Ask a process of its own to try what may end it, and keep what it said."""

import contextlib
import dataclasses
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

from cvadvisor.probe.child_process import THREADS, how_it_ended, queue_lines

if TYPE_CHECKING:
    from cvadvisor.probe.session import Session

LOOK_EVERY_S = 0.5
SAID_CHARACTERS = 4000


class Died(Exception):
    """The process ended by itself before it had said everything; the message says how, in a few words."""


class TooSlow(Exception):
    """The process had not said everything when the time was up."""


def ask(session: "Session", command: dict[str, Any], until: float) -> Iterator[Any]:
    """What a process of its own answers to ``command``, one by one, as they come.

    Args:
        session: whose model, device and image size it is to use.
        command: see :mod:`cvadvisor.probe.batch.alone`; what the session knows is added.
        until: when it is killed, by the monotonic clock.

    Raises:
        Died: it was killed or crashed.
        TooSlow: it was not done in time.
        NotChecked: the probe's time is up.
    """
    from cvadvisor.probe.batch.speed import keeps_statistics

    # without images, and with random weights: neither matters to time or memory
    job = dataclasses.replace(session.job, train=[], held_out=[], weights="none", weights_file=None, save_weights=None)
    everything = {
        "job": dataclasses.asdict(job),
        "image_size": session.image_size,
        "frozen_statistics": keeps_statistics(session),
        **command,
    }
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cvadvisor.probe.batch.alone"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**THREADS, **os.environ},
            text=True,
            encoding="utf-8",
        )
        try:
            assert process.stdin is not None
            with contextlib.suppress(OSError):  # it died already: the wait for its answers says how
                process.stdin.write(json.dumps(everything) + "\n")
                process.stdin.flush()
            yield from _answers(process, errors, until, session.beat)
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):  # what was not read yet can't be flushed
                    assert stream is not None
                    stream.close()


def _answers(
    process: "subprocess.Popen[str]", errors: IO[str], until: float, beat: Callable[[], None]
) -> Iterator[Any]:
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=queue_lines, args=(process.stdout, lines), daemon=True).start()
    while True:
        beat()
        left = until - time.monotonic()
        if left <= 0:
            raise TooSlow
        try:
            line = lines.get(timeout=min(left, LOOK_EVERY_S))
        except queue.Empty:
            continue
        if line is None:
            break
        yield json.loads(line)
    if process.wait() != 0:
        errors.seek(0)
        raise Died(how_it_ended(process.returncode, errors.read()[-SAID_CHARACTERS:].splitlines()))
