"""Learning-rate range tests: the rate rises exponentially from batch to batch while the loss is watched.

The head starts at zero, so that the untrained loss is ln(classes) on every batch and the curve shows only what training
changed. The test bounds the rate from above better than it picks one, so facts
name where the loss still clearly fell and where it left its best for good; rules keep the margin.
"""

import math
from typing import TYPE_CHECKING, Any

from cvadvisor.facts import Estimate
from cvadvisor.facts.learning_rate import LearningRateFacts
from cvadvisor.facts.seen import Curve, Mark, Series
from cvadvisor.probe.declaration import Cost, Measured, NotChecked, Probe
from cvadvisor.probe.finders import finder_picks

if TYPE_CHECKING:
    import numpy as np
    import torch

    from cvadvisor.probe.session import Session

OPTIMIZER = "adamw"
LOWEST, HIGHEST = 1e-6, 1.0
HEAD_LOWEST, HEAD_HIGHEST = 1e-5, 100.0
HEAD_STEPS, HEAD_SEEDS = 100, 3
STEPS, MIN_STEPS = 50, 24
BATCH = 32
PLANS = ((3, STEPS, 0), (2, STEPS, 128), (2, MIN_STEPS * 3 // 2, 96), (1, MIN_STEPS, 64))
"""Seeds, steps and least input size in px, best first: a second seed is worth more than the last pixels."""
HEAD_SECONDS = 1.0
STOP_ABOVE = 3.0
"""Loss in nats above the start at which a run has diverged."""
DIVERGED = 0.5
"""The loss has left its best for good once it gave back this share of what it won."""
LEAST_FALL = 0.02
"""A smoothed loss that falls by less than this, in nats, has not fallen."""
CLEARLY = 0.15
"""A loss still clearly falls while its slope over log(rate) is at least this share of its steepest."""


def run_head(session: "Session") -> Measured:
    """Range test of the head alone, on features that are computed already: it costs almost nothing.

    Raises:
        NotChecked: there are no features.
    """
    import numpy as np
    import torch

    from cvadvisor.task import classification, network

    if not session.features:
        pretrained = session.facts is not None and session.facts.pretrained
        enable = "a larger --budget" if pretrained else "--weights default or a FILE"
        raise NotChecked("it needs the frozen features, and there are none", enable)
    x, y = torch.from_numpy(session.features["x"]), torch.from_numpy(session.features["y"])
    batch = min(BATCH, max(2, len(y) // 4))
    rates = np.geomspace(HEAD_LOWEST, HEAD_HIGHEST, HEAD_STEPS)
    runs = []
    for seed in range(HEAD_SEEDS):
        session.seed_everything(seed)
        head = network.head(session.fresh_model()).cpu()
        optimizer = torch.optim.AdamW(head.parameters(), lr=HEAD_LOWEST, weight_decay=0.0)
        order = np.random.default_rng(session.job.seed + seed)
        changes: list[float] = []
        chance = classification.chance_loss(len(session.job.classes))
        for step, rate in enumerate(rates):
            session.tick(seed * HEAD_STEPS + step, HEAD_SEEDS * HEAD_STEPS)
            chosen = torch.from_numpy(order.choice(len(y), batch, replace=False))
            loss = classification.loss(head(x[chosen]), y[chosen])
            if not _step(optimizer, loss, float(rate), loss.item() - chance, changes, head.parameters()):
                break
        runs.append(changes)
    return _measured("head", rates, runs, batch, session.image_size, "lr_head")


def run_full(session: "Session") -> Measured:
    """Range test of every layer, the head starting at zero and batch normalisation as the recipe keeps it.

    Raises:
        NotChecked: not even the smallest plan fits the budget.
    """
    import numpy as np
    import torch

    from cvadvisor.probe.batch.speed import keeps_statistics
    from cvadvisor.probe.overfit_batch import train_mode
    from cvadvisor.task import classification, network

    assert session.facts is not None
    size, seeds, steps = _plan(session)
    batch = _batch(session)
    samples = session.job.train[: batch * steps * seeds]
    pixels, labels, _ = session.images(size, samples)
    if len(labels) < batch:
        raise NotChecked("too few readable training images for one batch")
    rates = np.geomspace(LOWEST, HIGHEST, steps)
    chance = classification.chance_loss(len(session.job.classes))
    runs = []
    for seed in range(seeds):
        session.seed_everything(seed)
        model = session.fresh_model()
        train_mode(model, frozen_statistics=keeps_statistics(session))
        optimizer = torch.optim.AdamW(model.parameters(), lr=LOWEST, weight_decay=0.0)
        order = np.random.default_rng(session.job.seed + seed)
        changes: list[float] = []
        for step, rate in enumerate(rates):
            session.tick(seed * steps + step, seeds * steps)
            chosen = np.sort(order.choice(len(labels), batch, replace=False))
            loss = classification.loss(
                network.logits(model, session.batch(pixels[chosen])),
                torch.from_numpy(labels[chosen]).to(session.job.device),
            )
            # the head starts at zero, so the untrained model's loss is ln(classes) on every batch
            if not _step(optimizer, loss, float(rate), loss.item() - chance, changes, model.parameters()):
                break
        runs.append(changes)
    return _measured("full", rates, runs, batch, size, "lr_full")


def _step(
    optimizer: Any, loss: "torch.Tensor", rate: float, change: float, changes: list[float], parameters: Any
) -> bool:
    """Note the loss change and take one step at ``rate``; whether the run may go on."""
    import torch

    if not math.isfinite(change):
        return False
    changes.append(change)
    if change > STOP_ABOVE:
        return False
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    loss.backward()
    if not math.isfinite(float(torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))):
        return False
    optimizer.step()
    return True


def _plan(session: "Session") -> tuple[int, int, int]:
    """Input size, seeds and steps that nominally fit this probe's share of the budget.

    A second seed is worth more than the last pixels, and the size more than a fine grid.

    Raises:
        NotChecked: nothing fits.
    """
    batch = _batch(session)
    for seeds, steps, smallest in PLANS:
        for size in session.sizes():
            if size >= min(smallest or session.image_size, session.image_size) and (
                seeds * steps * session.step_seconds(size, batch) <= session.allowance
            ):
                return size, seeds, steps
    seconds = full_cost(session).least_s
    raise NotChecked(f"{MIN_STEPS} training steps need about {seconds:.0f} s here", "a larger --budget, or a GPU")


def _batch(session: "Session") -> int:
    """Images a step: the recipe's, and of few images a quarter."""
    planned = session.plan.batch_size if session.plan else BATCH
    return min(planned, max(2, len(session.job.train) // 4))


def full_cost(session: "Session") -> Cost:
    """Seconds of the smallest and of the largest test of every layer."""
    batch = _batch(session)
    return Cost(
        least_s=MIN_STEPS * session.step_seconds(session.sizes()[-1], batch),
        most_s=PLANS[0][0] * PLANS[0][1] * session.step_seconds(session.image_size, batch),
    )


def head_cost(session: "Session") -> Cost:
    """Seconds of the head's test, which is hardly more than its steps: the features are there."""
    return Cost(least_s=HEAD_SECONDS, most_s=HEAD_SECONDS)


def _smooth(changes: list[float], length: int) -> "np.ndarray":
    """The loss change over the whole grid, smoothed by a Gaussian of a quarter decade; capped where it diverged."""
    import numpy as np

    full = np.full(length, STOP_ABOVE)
    full[: len(changes)] = np.minimum(changes, STOP_ABOVE)
    sigma = 0.25 * (length - 1) / 6
    offsets = np.arange(length)
    weights = np.exp(-0.5 * ((offsets[:, None] - offsets[None, :]) / sigma) ** 2)
    return (weights @ full) / weights.sum(1)


def _picks(rates: "np.ndarray", curve: "np.ndarray") -> tuple[float, float, float | None]:
    """The steepest rate, the highest rate that still clearly improves, and the rate of divergence, of one curve."""
    import numpy as np

    slope = np.gradient(curve, np.log10(rates))
    best = int(curve.argmin())
    steepest = int(slope[: best + 1].argmin())
    clearly = np.flatnonzero(slope[: best + 1] <= CLEARLY * slope[steepest])
    highest = int(clearly[-1]) if len(clearly) else steepest
    rise = curve[best] + DIVERGED * max(-curve[best], 0.1)
    beyond = np.flatnonzero(curve[best:] > rise)
    return float(rates[steepest]), float(rates[highest]), float(rates[best + beyond[0]]) if len(beyond) else None


def _measured(phase: str, rates: "np.ndarray", runs: list[list[float]], batch: int, size: int, name: str) -> Measured:
    """Facts and chart of several runs over one grid of rates.

    Raises:
        NotChecked: the loss never fell.
    """
    import numpy as np

    smooth = [_smooth(run, len(rates)) for run in runs]
    mean = np.mean(smooth, axis=0)
    fell = bool(mean.min() < -LEAST_FALL)
    steepest, highest, diverges = _picks(rates, mean)
    each = [_picks(rates, curve) for curve in smooth]
    lowest_divergence = min([d for *_, d in each if d is not None], default=diverges)
    facts = LearningRateFacts(
        phase=phase,
        optimizer=OPTIMIZER,
        batch_images=batch,
        image_size_px=size,
        steps=len(rates),
        seeds=len(runs),
        lowest_tried=float(rates[0]),
        highest_tried=float(rates[max(map(len, runs)) - 1]),
        loss_fell=fell,
        steepest=_spread(steepest, [pick[0] for pick in each]) if fell else None,
        highest_improving=_spread(highest, [pick[1] for pick in each]) if fell else None,
        diverges_at=lowest_divergence if fell else None,
        finders=finder_picks(rates[: len(runs[0])], np.array(runs[0])),
    )
    series = tuple(
        Series(name=f"seed {seed}", x=tuple(map(float, rates[: len(run)])), y=tuple(min(c, 1.0) for c in run))
        for seed, run in enumerate(runs)
    )
    average = Series(name="smoothed mean", x=tuple(map(float, rates)), y=tuple(float(min(c, 1.0)) for c in mean))
    marks = [Mark(label="highest clear improvement", x=highest)] if fell else []
    if fell and lowest_divergence is not None:
        marks.append(Mark(label="diverges", x=lowest_divergence))
    title = "Learning-rate range test, " + ("head only" if phase == "head" else "every layer")
    note = "Change of the training loss against a model that knows nothing, on the same batch. Lower is better."
    axis = {"x_label": "learning rate", "y_label": "loss change (nats)"}
    curve = Curve(name=name, title=title, **axis, x_log=True, series=(*series, average), marks=tuple(marks), note=note)
    return Measured(facts, (curve,))


def _spread(value: float, each: list[float]) -> Estimate:
    """A pick from the mean curve, with the range of the picks of the single runs."""
    return Estimate(value=value, low=min(value, *each), high=max(value, *each), n=len(each))


HEAD = Probe(
    "lr_head", "Learning-rate range test of the head", "probe.lr_head", run_head, head_cost, needs=("features",)
)
FULL = Probe("lr_full", "Learning-rate range test of every layer", "probe.lr_full", run_full, full_cost)
