"""What may end a process, in a process of its own: ``python -m cvadvisor.probe.batch.alone``.

It reads one command from standard input, a JSON object on a line, and answers with a JSON object a line on what was its
standard output, each as soon as it is known: if it is killed, what it said stays. It ends when its input does.

``{"do": "memory", …}`` tries larger and larger batches: ``{"batch": 8, "fits": true, "peak_bytes": …}``.
``{"do": "compile", …}`` times torch.compile: ``{"seconds": …, "plain": […], "compiled": […]}`` or ``{"problem": …}``.
"""

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from cvadvisor.probe.batch.training_step import give_back, make_batch, make_step, ran_out, seconds, synchronise
from cvadvisor.probe.session import Job, Session

PRECISE = 16
"""Bisection stops when the largest batch is known within this part of it: memory differs by more between runs."""
COMPARED = 5
"""Pairs of steps that compilation is judged by."""
ENOUGH_BYTES = 256_000_000
"""Memory that a doubled batch adds where it can be told from an allocator's whims; main memory is tried no further."""
STATUS = Path("/proc/self/status")
"""Where Linux says what this process held. What getrusage says there starts at what its parent held."""
FEWEST = 2
"""Images of the first batch: batch-norm has nothing to average over in one image shrunk to a single pixel."""
STEADY = 2
"""A batch is trained on twice: the second step meets the first one's gradients and the optimiser's state."""


def main() -> None:
    """Do what the one command says."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    command = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    do = {"memory": memory, "compile": compile_time}[command["do"]]
    for answer in do(command):
        answers.write(json.dumps(answer) + "\n")
    os._exit(0)  # compilers leave processes and threads behind that would hold it up


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)  # whoever asked is gone


def memory(command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Train on larger and larger batches, and say what memory each took at its peak.

    Doubles until one does not fit, then bisects. Where memory is shared with everything else (a processor, Apple's
    GPUs), it stops once a batch added enough to be measured, and before one that would use more than ``most_bytes``.
    """
    import torch

    session = _session(command)
    device = session.job.device
    own_memory = device.startswith("cuda")
    free = torch.cuda.mem_get_info()[0] if own_memory else command["most_bytes"]
    yield {"available_bytes": free}
    step = make_step(session.fresh_model(), command["precision"], frozen_statistics=command["frozen_statistics"])

    def fits(batch: int) -> int | None:
        """Peak in bytes of a step of ``batch`` images, or ``None`` if memory ran out."""
        if own_memory:
            torch.cuda.reset_peak_memory_stats()
        try:
            x, y = make_batch(session, batch)
            for _ in range(STEADY):
                step(x, y)
            synchronise(device)
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
            return None
        return torch.cuda.max_memory_allocated() if own_memory else _used(device)

    most = command["most_images"]
    batch, best = min(FEWEST, most), 0
    if not own_memory:
        fits(batch)  # the first step brings what stays, such as the optimiser's state: no part of what a batch adds
    start = last = _used(device)
    while True:
        used = fits(batch)
        give_back(device)
        yield {"batch": batch, "fits": used is not None, "peak_bytes": used}
        if used is None:
            break
        best = batch
        added = max(used - last, 0)
        # the next batch adds about twice what this one added
        too_much = used + 2 * added > start + command["most_bytes"] if not own_memory else False
        if best == most or too_much or (not own_memory and added >= ENOUGH_BYTES):
            return
        batch, last = min(2 * batch, most), used
    least, beyond = best, batch
    while beyond - least > max(1, least // PRECISE):
        batch = (least + beyond) // 2
        used = fits(batch)
        give_back(device)
        yield {"batch": batch, "fits": used is not None, "peak_bytes": used}
        least, beyond = (least, batch) if used is None else (batch, beyond)


def compile_time(command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Train with and without torch.compile, one step of each in turn."""
    import torch

    session = _session(command)
    device = session.job.device
    x, y = make_batch(session, command["batch"])
    settings = {"precision": command["precision"], "frozen_statistics": command["frozen_statistics"]}
    plain = make_step(session.fresh_model(), **settings)
    model = session.fresh_model()
    once = seconds(lambda: plain(x, y), device)
    try:
        model.compile()
        step = make_step(model, **settings)
        took = seconds(lambda: step(x, y), device)
        step(x, y)
    except Exception as error:  # compilers fail in many ways, and each is a fact of this machine
        lines = [line for line in str(error).strip().splitlines() if line.strip()]
        yield {"problem": f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")[:200]}
        return
    pairs = [(seconds(lambda: plain(x, y), device), seconds(lambda: step(x, y), device)) for _ in range(COMPARED)]
    torch.compiler.reset()
    yield {"seconds": max(0.0, took - once), "plain": [a for a, _ in pairs], "compiled": [b for _, b in pairs]}


def _session(command: dict[str, Any]) -> Session:
    """A session with the model, with random weights: what is in them costs neither time nor memory."""
    import torch

    job = TypeAdapter(Job).validate_python(command["job"])
    torch.set_num_threads(job.cores)
    session = Session(job, lambda done, total: None, image_size=command["image_size"])
    session.load_model()
    return session


def _used(device: str) -> int:
    """Memory in bytes that training holds now, or on a processor the most that it ever held."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.memory_allocated()
    if device == "mps":
        return torch.mps.driver_allocated_memory()
    if STATUS.exists():
        line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
