"""How fast training is: by batch size, in half precision, in channels-last memory."""

import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

from cvadvisor.facts import Estimate
from cvadvisor.facts.batch import Throughput
from cvadvisor.facts.seen import Curve, Mark, Series
from cvadvisor.probe.batch.interval import duration_interval, ratio_interval
from cvadvisor.probe.batch.training_step import give_back, make_batch, make_step, ran_out, seconds

if TYPE_CHECKING:
    from cvadvisor.probe.session import Session

    Tick = Callable[[int, int], None]

MOST_BATCH = 1024
"""No batch beyond it is tried: fine-tuning has no use for one."""
SMALLEST_BATCH = 4
WARM_UP, LEAST_STEPS, MOST_STEPS = 2, 4, 20
"""The first steps allocate memory and choose kernels; from four on a mean has an interval worth its name."""
LADDER_STEPS, ROUNDS = 3, 5
"""Steps at each batch size, of which the median counts; and pairs of steps that an option is compared by."""
GROWS_BY = 0.05
"""A speed this share below the highest counts as the same: steps scatter by about as much."""


def train_seconds(session: "Session", batch: int, precision: str, until: float, tick: "Tick") -> Estimate:
    """Seconds of a training step of ``batch`` images, of as many steps as fit until then."""
    step = _step(session, session.fresh_model(), precision)
    return _repeat(session, batch, step, until, tick)


def evaluate_seconds(session: "Session", batch: int, precision: str, until: float, tick: "Tick") -> Estimate:
    """Seconds of a forward pass without gradients of ``batch`` images."""
    import torch

    model = session.fresh_model().eval()
    dtype = getattr(torch, precision)

    def forward(x: Any, _: Any) -> None:
        with torch.no_grad(), torch.autocast(x.device.type, dtype, enabled=dtype is not torch.float32):
            model(x)

    return _repeat(session, batch, forward, until, tick)


def ladder(
    session: "Session", precision: str, largest: int, until: float, has_room: Callable[[], bool], tick: "Tick"
) -> tuple[Throughput, ...]:
    """Speed at 4, 8, 16 … images up to ``largest``, as far as time and memory allow.

    Args:
        session: the model and the device.
        precision: number format.
        largest: the largest batch to try.
        until: when to stop, by the monotonic clock: no batch is begun that would take longer.
        has_room: whether a batch of twice the size may be tried.
        tick: reports progress.
    """
    step = _step(session, session.fresh_model(), precision)
    rungs: list[Throughput] = []
    batch = min(SMALLEST_BATCH, largest)
    device = session.job.device
    while batch <= largest:
        expected = (LADDER_STEPS + 1) * batch / rungs[-1].images_per_s if rungs else 0.0
        if rungs and (time.monotonic() + expected > until or not has_room()):
            break
        try:
            x, y = make_batch(session, batch)
            step(x, y)
            taken = []
            for number in range(LADDER_STEPS):
                tick(number, LADDER_STEPS)
                taken.append(seconds(lambda x=x, y=y: step(x, y), device))  # type: ignore[misc]
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
            break
        rungs.append(Throughput(batch_images=batch, images_per_s=batch / median(taken)))
        batch *= 2
    give_back(device)
    return tuple(rungs)


def knee(rungs: tuple[Throughput, ...]) -> int | None:
    """The smallest batch about as fast as any; ``None`` where the largest one was still gaining."""
    if len(rungs) < 2:
        return None
    fastest = max(rung.images_per_s for rung in rungs)
    found = next(rung for rung in rungs if rung.images_per_s >= (1 - GROWS_BY) * fastest)
    return None if found is rungs[-1] else found.batch_images


def curve(rungs: tuple[Throughput, ...], planned: int) -> Curve:
    """A chart of speed by batch size."""
    found = knee(rungs)
    marks = [Mark(label="the recipe's batch", x=float(planned))]
    if found is not None and found != planned:
        marks.append(Mark(label="no faster beyond", x=float(found)))
    line = Series(
        name="speed",
        x=tuple(float(rung.batch_images) for rung in rungs),
        y=tuple(rung.images_per_s for rung in rungs),
    )
    return Curve(
        name="batch",
        title="Training speed by batch size",
        x_label="images a step",
        y_label="images a second",
        x_log=True,
        series=(line,),
        marks=tuple(marks),
        note="Without loading images. A larger batch than the one beyond which it grows no more gains no time.",
    )


def half_precision_speedup(session: "Session", batch: int, half: str, until: float, tick: "Tick") -> Estimate | None:
    """Speed of training in ``half`` precision over float32; ``None`` where the time is up too soon."""
    plain, mixed = (_step(session, session.fresh_model(), precision) for precision in ("float32", half))
    x, y = make_batch(session, batch)
    return _compare(session, lambda: plain(x, y), lambda: mixed(x, y), until, tick)


def channels_last_speedup(
    session: "Session", batch: int, precision: str, until: float, tick: "Tick"
) -> Estimate | None:
    """Speed of training in channels-last over contiguous memory; ``None`` where the time is up too soon."""
    import torch

    x, y = make_batch(session, batch)
    flat = x.contiguous()
    contiguous = session.fresh_model().to(memory_format=torch.contiguous_format)
    plain = _step(session, contiguous, precision)
    last = _step(session, session.fresh_model(), precision)
    return _compare(session, lambda: plain(flat, y), lambda: last(x, y), until, tick)


def _step(session: "Session", model: Any, precision: str) -> Any:
    return make_step(model, precision, frozen_statistics=keeps_statistics(session))


def keeps_statistics(session: "Session") -> bool:
    """Whether batch normalisation keeps its statistics in the recipe."""
    assert session.facts is not None
    return session.plan.batch_norm == "frozen" if session.plan else session.facts.pretrained


def _repeat(session: "Session", batch: int, work: Callable[[Any, Any], None], until: float, tick: "Tick") -> Estimate:
    """Seconds of ``work`` on ``batch`` images, after a warm-up."""
    device = session.job.device
    x, y = make_batch(session, batch)
    for number in range(WARM_UP):
        tick(number, MOST_STEPS)
        seconds(lambda: work(x, y), device)
    taken: list[float] = []
    while len(taken) < LEAST_STEPS or (len(taken) < MOST_STEPS and time.monotonic() < until):
        tick(len(taken), MOST_STEPS)
        taken.append(seconds(lambda: work(x, y), device))
    give_back(device)
    return duration_interval(taken)


def _compare(
    session: "Session", plain: Callable[[], None], other: Callable[[], None], until: float, tick: "Tick"
) -> Estimate | None:
    """Speed of ``other`` over ``plain``, one step of each in turn, so that both meet the same other load."""
    device = session.job.device
    for number in range(WARM_UP):
        tick(number, ROUNDS)
        plain()
        other()
    first: list[float] = []
    second: list[float] = []
    while len(first) < ROUNDS and time.monotonic() < until:
        tick(len(first), ROUNDS)
        first.append(seconds(plain, device))
        second.append(seconds(other, device))
    give_back(device)
    return ratio_interval(first, second) if len(first) > 1 else None
