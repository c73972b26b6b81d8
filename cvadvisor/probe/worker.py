"""The process that probes run in: ``python -m cvadvisor.probe.worker``.

It reads commands from what was its standard input, a JSON object a line, and answers likewise on what was its standard
output:

- ``{"do": "check", "model": "resnet50"}``: is there such a model?
- ``{"do": "model", "job": {...}}``: load it.
- ``{"do": "cost", "image_size": 224, "recipe": {...}}``: what each probe costs.
- ``{"do": "<probe>", "image_size": 224, "recipe": {...}, "seconds": 60, "deadline": 90}``: run it; it may plan with
  ``seconds``, and is stopped after ``deadline`` seconds.

Each answer carries the ``id`` of its command. The process ends when its input ends, so that it never outlives the
audit. Whatever libraries and models print goes to standard error, and what they read is empty.
"""

import contextlib
import dataclasses
import json
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from pydantic import TypeAdapter

from cvadvisor.facts import ModelFacts
from cvadvisor.facts.seen import Curve
from cvadvisor.inspect.model import ModelError, check_name
from cvadvisor.probe import calibration
from cvadvisor.probe.catalog import PROBES
from cvadvisor.probe.declaration import Measured, NotChecked, Probe
from cvadvisor.probe.session import Job, Session
from cvadvisor.probe.training_plan import TrainingPlan

REPORT_EVERY_S = 0.2
FIRST_TO_GO = "800"
"""Of 1000: where memory runs out, Linux kills this process rather than the audit."""


def load(session: Session) -> ModelFacts:
    """Choose the device, load the model, and see how fast it is there.

    Raises:
        ModelError: the model, its weights or the device that was asked for can't be used.
    """
    _settle(session.job)
    facts = session.load_model()
    session.slowdown = calibration.slowdown(session)
    return facts


def main(probes: Sequence[Probe] = PROBES, load: Callable[[Session], ModelFacts] = load) -> None:
    """Serve commands until standard input ends.

    Args:
        probes: those that may be asked for.
        load: makes a session ready for them.
    """
    answers, orders = _private_streams()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    commands: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_commands, args=(orders, commands), daemon=True).start()
    session: Session | None = None
    while True:
        command = commands.get()
        started = time.monotonic()
        if command["do"] == "model":
            session = Session(TypeAdapter(Job).validate_python(command["job"]), _reporter(answers))
        answer = _answer(session, command, probes, load)
        answer |= {"id": command["id"], "seconds": time.monotonic() - started}
        answers.write(json.dumps(answer) + "\n")


def _private_streams() -> tuple[TextIO, TextIO]:
    """Where answers go and commands come from; nothing else that runs here can print to the one or read the other."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    orders = os.fdopen(os.dup(0), "r", encoding="utf-8")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return answers, orders


def _read_commands(orders: TextIO, commands: "queue.Queue[dict[str, Any]]") -> None:
    for line in orders:
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
            answers.write(json.dumps({"event": "progress", "done": int(done), "total": int(total)}) + "\n")

    return report


def _answer(
    session: Session | None,
    command: dict[str, Any],
    probes: Sequence[Probe],
    load: Callable[[Session], ModelFacts],
) -> dict[str, Any]:
    """What one command gives: facts, or why there are none."""
    try:
        answer = _done(session, command, probes, load)
        if not _is_finite(answer):
            return {"event": "failed", "reason": "it measured a number that is not finite"}
        return answer
    except ModelError as error:
        return {"event": "input error", "reason": str(error)}
    except NotChecked as stop:
        return {"event": "not checked", "reason": str(stop), "enable": stop.enable}
    except MemoryError:
        return {"event": "failed", "reason": "ran out of memory"}
    except SystemExit as leaving:  # a model's own code may do this
        return {"event": "failed", "reason": f"the model's code called sys.exit({leaving.code!r})"[:300]}
    except (Exception, KeyboardInterrupt) as error:
        return {"event": "failed", "reason": _reason(error)}


def _done(
    session: Session | None,
    command: dict[str, Any],
    probes: Sequence[Probe],
    load: Callable[[Session], ModelFacts],
) -> dict[str, Any]:
    if command["do"] == "check":
        check_name(command["model"])
        return {"event": "done"}
    assert session is not None
    if command["do"] == "model":
        facts = dataclasses.asdict(load(session))
        return {
            "event": "done",
            "facts": facts,
            "device": session.job.device,
            "converted": session.converted,
            "fetching_s": session.fetching_s,
        }
    session.image_size = command["image_size"]
    session.plan = TrainingPlan.of(command["recipe"]) if command.get("recipe") else None
    if command["do"] == "cost":
        return {"event": "done", "facts": {probe.name: _cost(session, probe) for probe in probes}}
    probe = next(probe for probe in probes if probe.name == command["do"])
    session.allowance = command["seconds"]
    session.deadline = time.monotonic() + command.get("deadline", command["seconds"])
    calibrated = session.slowdown
    try:
        measured: Measured = probe.run(session)
    finally:
        session.slowdown = calibrated  # a probe may have found the machine busy
    facts = dataclasses.asdict(measured.facts)
    return {"event": "done", "facts": facts, "curves": TypeAdapter(tuple[Curve, ...]).dump_python(measured.curves)}


def _cost(session: Session, probe: Probe) -> dict[str, Any]:
    """Seconds of a probe's smallest and largest plan, or why it can't run; nothing where that could not be counted."""
    session.allowance = session.deadline = float("inf")
    try:
        cost = probe.cost(session)
    except NotChecked as stop:
        return {"reason": str(stop), "enable": stop.enable}
    except Exception:
        traceback.print_exc()  # it is planned without; what is wrong will show when it runs
        return {}
    return {"least_s": float(cost.least_s), "most_s": float(cost.most_s)}


def _is_finite(answer: dict[str, Any]) -> bool:
    try:
        json.dumps(answer, allow_nan=False)
    except ValueError:
        return False
    return True


def _reason(error: BaseException) -> str:
    if type(error).__name__ == "OutOfMemoryError":
        return "ran out of GPU memory"
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {str(error).strip()}".rstrip(": ").splitlines()[0][:300]
    return f"{said} ({Path(where.filename).name}, line {where.lineno})"


if __name__ == "__main__":
    main()
