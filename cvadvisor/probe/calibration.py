"""How fast this machine really is beside the nominal speeds that plans rest on."""

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cvadvisor.probe.session import Session

BATCH = 8
LONGEST_S = 1.0
"""Time that measuring may take, as far as single passes allow."""
MOST_PASSES = 5
MOST_SIDE_PX = 128
"""Speeds a pixel hardly change beyond this, and the passes are quick."""
MOST_BUSY = 4.0
"""A pass may seem so many times slower because other programs take the processor, and no more: they come and go."""


def slowdown(session: "Session") -> float:
    """The real time of a forward pass over its nominal time, as a power of two; 1 where they are alike.

    The quickest of a few passes counts, since other programs only ever delay one. Rounded so coarsely, it is the same
    at every start of one machine unless that is really slower or faster by half, and plans stay the same.
    """
    import torch

    assert session.facts is not None
    planned = session.facts.input_size_px
    side = planned if session.facts.fixed_input_size else min(planned, MOST_SIDE_PX)
    nominal = BATCH * session.forward_seconds(side)
    model = session.fresh_model().eval()
    x = torch.zeros(BATCH, 3, side, side, device=session.job.device).contiguous(memory_format=session.memory_format)
    kind = torch.device(session.job.device).type
    wait = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(kind, lambda: None)
    started = time.monotonic()
    passes: list[float] = []
    with torch.inference_mode():
        while len(passes) <= MOST_PASSES and (len(passes) < 2 or time.monotonic() - started < LONGEST_S):
            began, worked = time.monotonic(), time.process_time()
            model(x)
            wait()
            seconds, work = time.monotonic() - began, (time.process_time() - worked) / session.job.cores
            passes.append(min(seconds, MOST_BUSY * max(work, 1e-4)) if kind == "cpu" else seconds)
    return _power_of_two(min(passes[1:]) / nominal)  # the first pass also sets up


def _power_of_two(ratio: float) -> float:
    """The power of two that is nearest to ``ratio`` in its logarithm."""
    return float(2.0 ** round(math.log2(max(1e-9, ratio))))
