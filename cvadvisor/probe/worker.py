"""The process that probes run in: ``python -m cvadvisor.probe.worker``.

It reads commands from standard input, a JSON object a line, and answers likewise on what was its standard output:
``{"do": "check", "model": "resnet50"}``, ``{"do": "model", "job": {...}}``, then ``{"do": "<probe>", "image_size": 224,
"seconds": 60}``. It ends when its input ends, so that it never outlives the audit. Whatever libraries print goes to
standard error.
"""

import dataclasses
import json
import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from pydantic import TypeAdapter

from cvadvisor.facts.seen import Curve
from cvadvisor.inspect.model import ModelError, check_name
from cvadvisor.probe.catalog import probe_named
from cvadvisor.probe.declaration import Measured, NotChecked
from cvadvisor.probe.session import Job, Session
from cvadvisor.probe.training_plan import TrainingPlan

REPORT_EVERY_S = 0.2


def main() -> None:
    """Serve commands until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    commands: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_commands, args=(commands,), daemon=True).start()
    session: Session | None = None
    while True:
        command = commands.get()
        started = time.monotonic()
        if command["do"] == "model":
            session = Session(TypeAdapter(Job).validate_python(command["job"]), _reporter(answers))
        answer = _answer(session, command)
        answer["seconds"] = time.monotonic() - started
        answers.write(json.dumps(answer) + "\n")


def _read_commands(commands: "queue.Queue[dict[str, Any]]") -> None:
    for line in sys.stdin:
        commands.put(json.loads(line))
    os._exit(0)  # the audit is gone or done: stop at once, in the middle of a probe too


def _settle(job: Job) -> None:
    """Device, threads and determinism, before anything runs.

    Raises:
        ModelError: the device that was asked for is not there.
    """
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if job.device == "auto":
        job.device = next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[job.device]:
        raise ModelError(f"--device {job.device}: torch sees no such device here; use --device cpu.")
    torch.set_num_threads(job.cores)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def _reporter(answers: TextIO) -> Any:
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_EVERY_S:
            last = time.monotonic()
            answers.write(json.dumps({"event": "progress", "done": done, "total": total}) + "\n")

    return report


def _answer(session: Session | None, command: dict[str, Any]) -> dict[str, Any]:
    """What one command gives: facts, or why there are none."""
    try:
        if command["do"] == "check":
            check_name(command["model"])
            return {"event": "done"}
        assert session is not None
        if command["do"] == "model":
            _settle(session.job)
            facts = dataclasses.asdict(session.load_model())
            return {"event": "done", "facts": facts, "device": session.job.device, "converted": session.converted}
        session.image_size = command["image_size"]
        session.allowance = command["seconds"]
        session.deadline = time.monotonic() + command["seconds"]
        session.plan = TrainingPlan.of(command["recipe"]) if command.get("recipe") else None
        measured: Measured = probe_named(command["do"]).run(session)
        facts = dataclasses.asdict(measured.facts)
        return {"event": "done", "facts": facts, "curves": TypeAdapter(tuple[Curve, ...]).dump_python(measured.curves)}
    except ModelError as error:
        return {"event": "input error", "reason": str(error)}
    except NotChecked as stop:
        return {"event": "not checked", "reason": str(stop), "enable": stop.enable}
    except MemoryError:
        return {"event": "failed", "reason": "ran out of memory"}
    except Exception as error:
        return {"event": "failed", "reason": _reason(error)}


def _reason(error: Exception) -> str:
    if type(error).__name__ == "OutOfMemoryError":
        return "ran out of GPU memory"
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {str(error).strip()}".rstrip(": ").splitlines()[0][:300]
    return f"{said} ({Path(where.filename).name}, line {where.lineno})"


if __name__ == "__main__":
    main()
