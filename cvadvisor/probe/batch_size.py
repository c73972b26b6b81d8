"""Batch size, memory and speed: what a step costs here, and what an epoch and a run will take.

The parts run in the order of what they are worth to a reader: on a processor the time of an epoch first and memory
last, which is seldom short; on a GPU memory first, as a batch that does not fit ends a run.
"""

import os
import time
from typing import TYPE_CHECKING, Any

from cvadvisor.facts.batch import BatchFacts
from cvadvisor.facts.seen import Curve
from cvadvisor.inspect.gpu_watch import watching
from cvadvisor.probe.batch import epoch, loading, memory, noise_scale, speed
from cvadvisor.probe.batch.asking import Died, TooSlow, ask
from cvadvisor.probe.batch.interval import duration_interval, ratio_interval, scaled
from cvadvisor.probe.batch.plan import NO_TIME, LeftOut, Part, run_parts
from cvadvisor.probe.batch.training_step import give_back, half_precision, script_precision
from cvadvisor.probe.declaration import Cost, Measured, NotChecked, Probe

if TYPE_CHECKING:
    from cvadvisor.probe.session import Session

BATCH = 32
"""Images a step where no recipe is known yet."""
KEPT_BACK_S = 1.0
"""The allowance's last second, to put the facts together."""
MOST_S = 300.0
"""What every part together takes at most, however much time there is."""
NOISE_SHARE = 0.25
"""Share of the allowance for the noise scale, in nominal time: its images, and so its value, depend on no clock."""
START_S = 12.0
"""Least time in which a process of its own loads torch and the model and does something worth reading."""
COMPILE_S, COMPILE_ON_PROCESSOR_S = 45.0, 240.0
"""Time below which torch.compile is not tried: it takes most of a minute, on a processor minutes."""


def run(session: "Session") -> Measured:
    """Measure speed, memory and the gradient noise scale.

    Raises:
        NotChecked: the time was up before anything was known, or no training image can be read.
    """
    device = session.job.device
    give_back(device)
    with watching(device) as gpu:
        found = run_parts(_parts(session), min(session.allowance, MOST_S) - KEPT_BACK_S)
    give_back(device)
    facts = BatchFacts(
        device=device.partition(":")[0],
        image_size_px=session.image_size,
        batch_images=_batch(session),
        precision=_precision(session),
        epochs=session.plan.epochs if session.plan else None,
        gpu=gpu.facts(),
        left_out=tuple(found.left_out),
        **found.facts,
    )
    return Measured(facts, _curves(facts))


def cost(session: "Session") -> Cost:
    """From the time of an epoch alone to every part."""
    step = session.step_seconds(session.image_size, _batch(session))
    least = (speed.WARM_UP + speed.LEAST_STEPS) * 1.5 * step + 2 * loading.LEAST_IMAGES * 0.02
    noise = noise_scale.MOST_EACH * noise_scale.GROUPS * noise_scale.SMALL / _batch(session) * step
    own_process = START_S * (2 if session.job.device == "cpu" else 3)
    return Cost(least, min(MOST_S, 60 * step + noise + own_process + 2 * loading.MOST_IMAGES * 0.02))


PROBE = Probe("batch", "Batch size, memory and speed", "probe.batch", run, cost, uses=("features",))


def _parts(session: "Session") -> list[Part]:
    """The parts, what matters most first; each may take a share of the time that is left by then."""
    epoch_part = Part("time of an epoch", 0.3, lambda until: _epoch(session, until))
    memory_part = Part("memory", 0.5, lambda until: _memory(session, until))
    others = [
        Part("noise scale", 1.0, lambda until: _noise_scale(session)),
        Part("speed by batch size", 0.35, lambda until: _throughput(session, until)),
        Part("mixed precision", 0.25, lambda until: _half_precision(session, until)),
        Part("channels-last memory", 0.25, lambda until: _channels_last(session, until)),
    ]
    compiling = Part("torch.compile", 1.0, lambda until: _compiling(session, until))
    if session.job.device == "cpu":
        return [epoch_part, *others, Part("memory", 0.9, memory_part.measure), compiling]
    return [memory_part, epoch_part, *others, compiling]


def _batch(session: "Session") -> int:
    batch = session.plan.batch_size if session.plan else BATCH
    return max(1, min(batch, session.script_train_images))


def _precision(session: "Session") -> str:
    if session.plan and session.plan.precision == "float32":
        return "float32"
    return script_precision(session.job.device)


def _epoch(session: "Session", until: float) -> dict[str, Any]:
    """A step, a forward pass, loading an image, and what follows."""
    batch, precision, tick = _batch(session), _precision(session), session.tick

    def by(share: float) -> float:
        """When ``share`` of the time that is left now is over."""
        now = time.monotonic()
        return now + share * (until - now)

    train = scaled(speed.train_seconds(session, batch, precision, by(0.5), tick), 1 / batch)
    evaluate = scaled(speed.evaluate_seconds(session, batch, precision, by(0.3), tick), 1 / batch)
    loads = [
        loading.load_seconds(session, samples, by(share), augment=augment, tick=tick)
        for samples, share, augment in ((session.job.train, 0.6, True), (session.job.held_out, 1.0, False))
    ]
    facts: dict[str, Any] = {"train_ms": scaled(train, 1000), "evaluate_ms": scaled(evaluate, 1000)}
    if not loads[0]:
        raise NotChecked("no training image can be read")
    load = duration_interval(loads[0])
    costs = epoch.Costs(train, evaluate, load, duration_interval(loads[1]) if loads[1] else load)
    train_images = session.script_train_images
    work = epoch.Work(
        train_images=train_images,
        validation_images=session.script_validation_images,
        batch=batch,
        workers=loading.default_workers(session.job.device, train_images),
        cores=os.cpu_count() or 1,
        on_processor=session.job.device == "cpu",
    )
    facts |= {
        "decode_ms": scaled(load, 1000),
        "workers": work.workers,
        "loading_share": epoch.loading_share(costs, work),
        "workers_needed": loading.workers_needed(load.value, train.value),
        "epoch_train_images": train_images,
        "epoch_validation_images": work.validation_images,
        "epoch_seconds": epoch.epoch_seconds(costs, work),
        "head_epoch_seconds": epoch.epoch_seconds(costs, work, head_only=True),
    }
    if session.plan is not None:
        facts["strategy"] = session.plan.strategy
        facts["run_seconds"] = epoch.run_seconds(
            costs,
            work,
            strategy=session.plan.strategy,
            starts_from_probe=session.plan.head_start == "probe",
            epochs=session.plan.epochs,
            head_epochs=session.plan.head_epochs,
        )
    return facts


def _noise_scale(session: "Session") -> dict[str, Any]:
    if sum(parameter.numel() for parameter in session.fresh_model().parameters()) > noise_scale.MOST_PARAMETERS:
        raise LeftOut("the model's gradients are too large to keep several of them")
    each = noise_scale.plan(session, NOISE_SHARE * min(session.allowance, MOST_S))
    if not each:
        images = noise_scale.LEAST_EACH * noise_scale.GROUPS * noise_scale.SMALL
        raise LeftOut(NO_TIME if len(session.job.train) >= images else f"it takes {images} training images")
    found = noise_scale.measure(session, each, session.tick)
    return {"noise_scale": found.scale, "noise_scale_images": found.images}


def _throughput(session: "Session", until: float) -> dict[str, Any]:
    largest = max(1, min(speed.MOST_BATCH, session.job.train_images))
    before = memory.free_memory_bytes(session.job.device)

    def has_room() -> bool:
        """Whether a batch of twice the size surely fits: less than the tried share of what was free is used."""
        left = memory.free_memory_bytes(session.job.device)
        if before is None or left is None:
            return True
        return before - left < (memory.MARGIN if session.job.device != "cpu" else memory.MOST_OF_FREE) * before / 2

    rungs = speed.ladder(session, _precision(session), largest, until, has_room, session.tick)
    return {"throughput": rungs, "knee_batch": speed.knee(rungs)}


def _half_precision(session: "Session", until: float) -> dict[str, Any]:
    half = half_precision(session.job.device)
    if half is None:
        raise LeftOut("this processor does not compute in half precision")
    try:
        speedup = speed.half_precision_speedup(session, _batch(session), half, until, session.tick)
    except RuntimeError as error:
        raise LeftOut(f"{half} gave an error ({_first_line(error)})") from error
    if speedup is None:
        raise LeftOut(NO_TIME)
    return {"mixed_precision": half, "mixed_precision_speedup": speedup}


def _channels_last(session: "Session", until: float) -> dict[str, Any]:
    if not session.channels_last or session.job.device == "mps":
        raise LeftOut("the script does not use it here")
    speedup = speed.channels_last_speedup(session, _batch(session), _precision(session), until, session.tick)
    if speedup is None:
        raise LeftOut(NO_TIME)
    return {"channels_last_speedup": speedup}


def _compiling(session: "Session", until: float) -> dict[str, Any]:
    device = session.job.device
    least = COMPILE_S if device.startswith("cuda") else COMPILE_ON_PROCESSOR_S
    if device == "mps":
        raise LeftOut("it is not tried on Apple's GPUs")
    if until - time.monotonic() < least:
        raise LeftOut(f"{NO_TIME}: it is tried with {least:.0f} s left")
    command = {"do": "compile", "batch": _batch(session), "precision": _precision(session)}
    give_back(device)
    try:
        answers = list(ask(session, command, until))
    except (Died, TooSlow) as stop:
        raise LeftOut("it took too long" if isinstance(stop, TooSlow) else str(stop)) from stop
    answer = answers[-1]
    if "problem" in answer:
        return {"compile_failed": True, "compile_problem": answer["problem"]}
    return {
        "compile_failed": False,
        "compile_seconds": answer["seconds"],
        "compile_speedup": ratio_interval(answer["plain"], answer["compiled"]),
    }


def _memory(session: "Session", until: float) -> dict[str, Any]:
    if until - time.monotonic() < START_S:
        raise LeftOut(f"{NO_TIME}: it takes a process of its own, and {START_S:.0f} s")
    give_back(session.job.device)
    found = memory.measure(session, _precision(session), until)
    if found.largest_tried is None and found.unfinished:
        raise LeftOut(found.unfinished)
    return {
        "memory_available_bytes": found.available_bytes,
        "memory_base_bytes": found.base_bytes,
        "memory_per_image_bytes": found.per_image_bytes,
        "largest_tried": found.largest_tried,
        "largest": found.largest,
        "recommended": found.recommended,
    }


def _curves(facts: BatchFacts) -> tuple[Curve, ...]:
    return (speed.curve(facts.throughput, facts.batch_images),) if len(facts.throughput) > 1 else ()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
