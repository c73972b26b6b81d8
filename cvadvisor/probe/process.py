"""The process that probes run in, seen from the audit: started when it is first asked, and anew after it failed.

Nothing here imports torch, and nothing that the process prints, reads or does can break what is said between the two.
"""

import collections
import contextlib
import dataclasses
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, Any, Self

from pydantic import TypeAdapter, ValidationError

from cvadvisor.facts.seen import Curve
from cvadvisor.probe.child_process import THREADS, how_it_ended, queue_lines
from cvadvisor.probe.session import Job

WORKER = ("-m", "cvadvisor.probe.worker")
MODEL_LIMIT_S = 1800.0
"""Longest that loading a model may take: a download on a slow line."""
LOCAL_MODEL_LIMIT_S = 300.0
"""The same where nothing is downloaded."""
DEATH_S = 5.0
"""Longest wait for a process that closed its output to end."""
SAID_LINES, SAID_CHARACTERS = 20, 4096
"""What is kept of what the process prints: its last lines, each up to so many characters."""


@dataclasses.dataclass
class Answer:
    """What the worker said of one command, or what became of the worker."""

    event: str
    facts: dict[str, Any] | None = None
    curves: tuple[Curve, ...] = ()
    reason: str | None = None
    enable: str | None = None
    seconds: float = 0.0
    device: str | None = None
    converted: bool = False
    fetching_s: float = 0.0


class Worker:
    """A worker process.

    Attributes:
        job: what it is told before it loads the model.
        spent_s: seconds spent waiting for it so far, without those in which it fetched weights.
        deaths: how often it had to be thrown away, and with it what probes had left there.
    """

    def __init__(self, job: Job | None = None, program: Sequence[str] = WORKER) -> None:
        self.job = job
        self.spent_s = 0.0
        self.deaths = 0
        self._program = program
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._said: collections.deque[str] = collections.deque(maxlen=SAID_LINES)
        self._listener: threading.Thread | None = None
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether there is a process; one that died while nobody asked it anything is thrown away."""
        if self._process is not None and self._process.poll() is not None:
            self._throw_away()
        return self._process is not None

    def ask(self, command: dict[str, Any], limit_s: float, progress: Callable[[int, int], None]) -> Answer:
        """Send ``command`` and wait for its answer, at most ``limit_s`` seconds.

        A worker that dies, hangs or reports a failure is thrown away: its state can't be trusted.
        """
        began = time.monotonic()
        try:
            if not self.running:
                self._start()
                if command["do"] not in ("check", "model"):
                    loaded = self._load(lambda done, total: None)
                    if loaded.event != "done":
                        self._throw_away()
                        return dataclasses.replace(loaded, event="failed")
            answer = self._load(progress) if command["do"] == "model" else self._exchange(command, limit_s, progress)
            if answer.event == "failed":
                self._throw_away()
            return answer
        finally:
            self.spent_s += time.monotonic() - began

    def stop(self) -> None:
        """Kill the worker and what it started, if there is one."""
        if self._process is not None:
            if hasattr(os, "killpg"):
                with contextlib.suppress(OSError):  # nothing is left of it
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError, ValueError):  # what was not read yet can't be flushed
                        stream.close()
        self._process = None

    def _throw_away(self) -> None:
        self.deaths += 1
        self.stop()

    def _start(self) -> None:
        self._lines, self._said = queue.Queue(), collections.deque(maxlen=SAID_LINES)
        self._process = subprocess.Popen(
            [sys.executable, "-P", *self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**THREADS, **os.environ},
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C is the audit's to handle
        )
        threading.Thread(target=queue_lines, args=(self._process.stdout, self._lines), daemon=True).start()
        self._listener = threading.Thread(target=_listen, args=(self._process.stderr, self._said), daemon=True)
        self._listener.start()

    def _load(self, progress: Callable[[int, int], None]) -> Answer:
        assert self.job is not None, "a worker needs its job before it loads the model"
        may_download = self.job.weights == "default"
        answer = self._exchange(
            model_command(self.job), MODEL_LIMIT_S if may_download else LOCAL_MODEL_LIMIT_S, progress
        )
        self.spent_s -= answer.fetching_s
        return answer

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it died; the wait for its answer says how

    def _exchange(self, command: dict[str, Any], limit_s: float, progress: Callable[[int, int], None]) -> Answer:
        started = time.monotonic()
        self._asked += 1
        self._send({"id": self._asked, **command})
        while True:
            left = started + limit_s - time.monotonic()
            try:
                line = self._lines.get(timeout=max(0.0, left))
            except queue.Empty:
                return Answer("failed", reason=f"did not answer within {limit_s:.0f} s", seconds=limit_s)
            if line is None:
                return Answer("failed", reason=self._death(), seconds=time.monotonic() - started)
            message = _message(line)
            if message.get("event") == "progress":
                progress(message["done"], message["total"])
            elif message.pop("id", None) == self._asked:
                return _answer(message)

    def _death(self) -> str:
        """How the worker died, in a line."""
        assert self._process is not None
        assert self._listener is not None
        try:
            code = self._process.wait(DEATH_S)
        except subprocess.TimeoutExpired:
            return "its process closed its output"
        self._listener.join(1.0)
        return how_it_ended(code, list(self._said))


def model_command(job: Job) -> dict[str, Any]:
    """The command to load the model. What is at its default is left out: only images in archives say where in them."""
    return {"do": "model", "job": TypeAdapter(Job).dump_python(job, exclude_defaults=True)}


def _message(line: str) -> dict[str, Any]:
    """A line of the worker's; empty where it is none of ours."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(message, dict):
        return {}
    counts = (message.get("done"), message.get("total"))
    if message.get("event") == "progress" and not all(isinstance(count, int) for count in counts):
        return {}
    return message


def _answer(message: dict[str, Any]) -> Answer:
    seconds = message.get("seconds", 0.0)
    try:
        message["curves"] = TypeAdapter(tuple[Curve, ...]).validate_python(message.get("curves", ()))
        return Answer(**message)
    except (ValidationError, TypeError):
        return Answer("failed", reason="what it measured could not be read", seconds=seconds)


def _listen(stream: IO[str] | None, said: "collections.deque[str]") -> None:
    """Keep the last of what is printed: a worker that goes on printing fills neither a pipe nor a disk."""
    assert stream is not None
    with contextlib.suppress(ValueError):  # closed while it was read
        while line := stream.readline(SAID_CHARACTERS):
            said.append(line)
