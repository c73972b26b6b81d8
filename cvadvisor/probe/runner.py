"""Run probes in a process of their own, within a budget of time.

A crash, an out-of-memory kill or a hang in the worker becomes a *failed* check; a new worker then takes the probes that
are left. Nothing here imports torch.
"""

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
from collections.abc import Callable
from typing import IO, Any, Self

from pydantic import TypeAdapter

from cvadvisor.facts import ModelFacts, ProbeFacts
from cvadvisor.facts.seen import Check, Curve
from cvadvisor.inspect.model import ModelError
from cvadvisor.probe.catalog import PROBES
from cvadvisor.probe.declaration import Probe
from cvadvisor.probe.session import Job
from cvadvisor.progress import Progress

CHECK_TITLE = "Starting torch and timm"
CHECK_LIMIT_S = 120.0
MODEL_TITLE = "Model and weights"
MODEL_LIMIT_S = 1800.0
"""Longest that loading a model may take: a download on a slow line."""
OVERRUN = 1.5
LEAST_S = 10.0
"""What a probe may take of the budget: one and a half times the share it plans with, and never under ten seconds."""
GRACE_S = 30.0
"""How long past its deadline a probe may take to stop by itself before it is killed."""


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


class Worker:
    """A worker process, started when it is first asked, and started afresh after it failed."""

    def __init__(self, job: Job | None = None) -> None:
        self.job = job
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._errors: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ask(self, command: dict[str, Any], limit_s: float, progress: Callable[[int, int], None]) -> Answer:
        """Send ``command`` and wait for its answer, at most ``limit_s`` seconds.

        A worker that dies, hangs or reports a failure is thrown away: its state can't be trusted.
        """
        fresh = self._process is None
        if fresh:
            self._start()
            if command["do"] not in ("check", "model"):
                loaded = self._exchange(self._model_command(), MODEL_LIMIT_S, lambda done, total: None)
                if loaded.event != "done":
                    self.stop()
                    return loaded
        if command["do"] == "model":
            command = self._model_command()
        answer = self._exchange(command, limit_s, progress)
        if answer.event == "failed":
            self.stop()
        return answer

    def stop(self) -> None:
        """Kill the worker, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout, self._errors):
                if stream is not None:
                    with contextlib.suppress(OSError):  # what was not read yet can't be flushed
                        stream.close()
        self._process = None

    def _start(self) -> None:
        self._lines = queue.Queue()
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - it lives as long as the worker
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cvadvisor.probe.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={"OMP_WAIT_POLICY": "passive", **os.environ},  # on a busy machine, spinning threads cost several times
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is the audit's to handle
        )
        threading.Thread(target=_read_lines, args=(self._process.stdout, self._lines), daemon=True).start()

    def _model_command(self) -> dict[str, Any]:
        assert self.job is not None, "a worker needs its job before it loads the model"
        # Without what is at its default, so that only images in archives say where they are in them.
        return {"do": "model", "job": TypeAdapter(Job).dump_python(self.job, exclude_defaults=True)}

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
        self._send(command)
        while True:
            left = started + limit_s - time.monotonic()
            try:
                line = self._lines.get(timeout=max(0.0, left))
            except queue.Empty:
                return Answer("failed", reason=f"did not answer within {limit_s:.0f} s", seconds=limit_s)
            if line is None:
                return Answer("failed", reason=self._death(), seconds=time.monotonic() - started)
            message = json.loads(line)
            if message["event"] == "progress":
                progress(message["done"], message["total"])
                continue
            message["curves"] = TypeAdapter(tuple[Curve, ...]).validate_python(message.get("curves", ()))
            return Answer(**message)

    def _death(self) -> str:
        """How the worker died, in a line."""
        assert self._process is not None
        assert self._errors is not None
        code = self._process.wait()
        self._errors.seek(0)
        said = [line.strip() for line in self._errors.read()[-4000:].splitlines() if line.strip()]
        if code == -9:
            return "its process was killed, most likely because memory ran out"
        how = f"its process was ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"
        return f"{how}: {said[-1][:200]}" if said else how


def _read_lines(stream: IO[str] | None, lines: "queue.Queue[str | None]") -> None:
    try:
        for line in stream or ():
            lines.put(line)
    except ValueError:
        pass  # closed while it was read
    lines.put(None)


def check_model_name(worker: Worker, name: str, progress: Progress) -> None:
    """Make sure that timm knows ``name``, before any work is done.

    Raises:
        ModelError: it does not.
    """
    progress(CHECK_TITLE, 0, 0)
    answer = worker.ask({"do": "check", "model": name}, CHECK_LIMIT_S, lambda done, total: None)
    if answer.event == "input error":
        raise ModelError(answer.reason)


@dataclasses.dataclass(frozen=True)
class Loaded:
    """The model that the worker loaded: its facts, its device, and whether converted weights were written."""

    facts: ModelFacts
    device: str
    converted: bool


def load_model(run: "ProbeRun", worker: Worker, progress: Progress) -> Loaded | None:
    """Load the model in the worker; ``None`` if that failed, and ``run`` says why.

    Raises:
        ModelError: the user named a model, a weights file or a device that can't be used.
    """
    progress(MODEL_TITLE, 0, 0)
    answer = worker.ask({"do": "model"}, MODEL_LIMIT_S, lambda done, total: progress(MODEL_TITLE, done, total))
    if answer.event == "input error":
        raise ModelError(answer.reason)
    run.checks.append(_check("model", MODEL_TITLE, "model", answer))
    if answer.facts is None or answer.device is None:
        run.skip_rest(f"the model could not be loaded: {answer.reason}")
        return None
    return Loaded(TypeAdapter(ModelFacts).validate_python(answer.facts), answer.device, answer.converted)


def run_probes(
    run: "ProbeRun",
    worker: Worker,
    image_size: int,
    budget_s: float,
    recipe: Callable[[], dict[str, Any] | None],
    progress: Progress,
) -> None:
    """Run every probe that fits into ``budget_s`` seconds, at ``image_size`` px; ``run`` keeps what each gave.

    ``recipe`` gives the recipe that follows from what is known so far: probes try what the script would run.
    """
    deadline = time.monotonic() + budget_s
    for probe in PROBES:
        left = deadline - time.monotonic()
        if left <= 0:
            minutes = max(1, round(budget_s * 2 / 60))
            used_up = Answer("not checked", reason="the time budget was used up", enable=f"--budget {minutes}m")
            run.add(probe, used_up)
            continue
        progress(probe.title, 0, 0)
        # a probe that overruns its share must leave time to the others
        seconds = min(left, max(probe.share * OVERRUN * budget_s, LEAST_S))
        command = {"do": probe.name, "image_size": image_size, "seconds": seconds, "recipe": recipe()}
        run.add(probe, worker.ask(command, seconds + GRACE_S, _titled(probe.title, progress)))


@dataclasses.dataclass
class ProbeRun:
    """What the probes gave so far."""

    measured: dict[str, Any] = dataclasses.field(default_factory=dict)
    checks: list[Check] = dataclasses.field(default_factory=list)
    curves: list[Curve] = dataclasses.field(default_factory=list)

    def add(self, probe: Probe, answer: Answer) -> None:
        """Keep what became of ``probe``."""
        if answer.event == "done":
            self.measured[probe.provides.removeprefix("probe.")] = answer.facts
            self.curves.extend(answer.curves)
        self.checks.append(_check(probe.name, probe.title, probe.provides, answer))

    def skip_rest(self, reason: str, enable: str | None = None) -> None:
        """The model and every probe that has not run yet are *not checked*, for one reason."""
        done = {check.name for check in self.checks}
        answer = Answer("not checked", reason=reason, enable=enable)
        if "model" not in done:
            self.checks.append(_check("model", MODEL_TITLE, "model", answer))
        for probe in PROBES:
            if probe.name not in done:
                self.add(probe, answer)

    @property
    def facts(self) -> ProbeFacts:
        """The facts of the probes that are done."""
        return TypeAdapter(ProbeFacts).validate_python(self.measured)


def _titled(title: str, progress: Progress) -> Callable[[int, int], None]:
    return lambda done, total: progress(title, done, total)


def _check(name: str, title: str, provides: str, answer: Answer) -> Check:
    status = answer.event if answer.event in ("done", "not checked") else "failed"
    return Check(
        name=name,
        title=title,
        status=status,  # type: ignore[arg-type]
        reason=answer.reason,
        enable=answer.enable,
        seconds=answer.seconds if status != "not checked" else None,
        provides=(provides,),
    )
