"""Overfit one batch: a model that can't memorise a handful of images won't learn a dataset (Karpathy 2019).

The first loss is compared with ln(classes) twice: with the head as the model library makes it, and with a head that
starts at zero, which is what the generated script uses.
"""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cvadvisor.facts.overfit import OverfitFacts
from cvadvisor.facts.seen import Curve, Mark, Series
from cvadvisor.probe import gradients, modes
from cvadvisor.probe.dead_units import dead_units
from cvadvisor.probe.declaration import Cost, Measured, NotChecked, Probe
from cvadvisor.probe.dependence import dependence

if TYPE_CHECKING:
    import torch

    from cvadvisor.probe.session import Sample, Session

IMAGES = 16
MAX_STEPS = 80
MIN_STEPS = 20
LEARNING_RATES = {True: 1e-3, False: 3e-4}
"""AdamW's rate for pretrained and for random weights: low enough for any architecture, high enough for a batch."""
SECOND_TRY = 10
"""A model that has not memorised the batch is tried once more at this multiple: slow is not broken."""
EARLY_STEPS = 5
"""Steps whose gradients count as the first: later ones are small because the batch is learned."""
CHECKS = 12
"""What the checks beside the training cost, in steps of it: measured."""


def cost(session: "Session") -> Cost:
    """Two trainings and the checks, which cost about :data:`CHECKS` steps: at the smallest size, and at full size."""
    least = session.step_seconds(session.sizes()[-1], IMAGES) * (2 * MIN_STEPS + CHECKS)
    return Cost(least, max(least, session.step_seconds(session.image_size, IMAGES) * (2 * MAX_STEPS + CHECKS)))


def run(session: "Session") -> Measured:
    """Train on one batch until every image is memorised; a model that only learns slowly gets a second, faster try.

    Raises:
        NotChecked: fewer than two images can be read.
    """
    import torch

    from cvadvisor.task import classification

    assert session.facts is not None
    size, max_steps = _plan(session)
    samples = _spread(session.job.train, IMAGES)
    pixels, labels, _ = session.images(size, samples)
    if len(pixels) < 2:
        raise NotChecked("fewer than two training images can be read")
    x, y = session.batch(pixels), torch.from_numpy(labels).to(session.job.device)
    session.seed_everything()
    library_loss = _library_loss(session, x, y)
    rate = LEARNING_RATES[session.facts.pretrained]
    attempt = _memorise(session, x, y, rate, max_steps)
    if attempt.fitted_at is None and attempt.finite:
        faster = _memorise(session, x, y, SECOND_TRY * rate, max_steps)
        if faster.finite and faster.losses and faster.losses[-1] < attempt.losses[-1]:
            attempt, rate = faster, SECOND_TRY * rate
    chance = classification.chance_loss(len(session.job.classes))
    broken = gradients.nonfinite_parameters(session.fresh_model())
    facts = OverfitFacts(
        batch_images=len(y),
        image_size_px=size,
        learning_rate=rate,
        max_steps=max_steps,
        chance_loss=chance,
        library_head_is_finite=library_loss is not None,
        library_head_loss=library_loss,
        library_head_loss_ratio=None if library_loss is None or chance == 0 else library_loss / chance,
        initial_loss=attempt.losses[0] if attempt.losses else None,
        final_loss=attempt.losses[-1] if attempt.losses else None,
        final_accuracy=attempt.share,
        fitted=attempt.fitted_at is not None,
        steps_to_fit=attempt.fitted_at,
        gradients_are_finite=attempt.finite,
        nonfinite_parameters=len(broken),
        nonfinite_parameter_examples=tuple(broken[: gradients.SHOWN]),
        dead_parameters=len(attempt.dead),
        dead_parameter_examples=tuple(attempt.dead[: gradients.SHOWN]),
        **_largest(attempt),
        **_evaluated(attempt),
        **_frozen(session),
        **_checks(session, x, y, max_steps),
    )
    return Measured(facts, (_curve(attempt.losses, facts),) if attempt.losses else ())


@dataclass
class _Attempt:
    """One training on the batch: its losses, the share memorised, what its gradients did, and what evaluation gives."""

    losses: list[float]
    share: float
    finite: bool
    fitted_at: int | None
    dead: list[str]
    largest: dict[str, float]
    evaluated: modes.Evaluated | None


def _memorise(session: "Session", x: "torch.Tensor", y: "torch.Tensor", rate: float, max_steps: int) -> _Attempt:
    """Train a fresh model on one batch at ``rate`` until every image is memorised, at most ``max_steps`` steps."""
    import torch

    from cvadvisor.task import classification, network

    assert session.facts is not None
    session.seed_everything()
    model = session.fresh_model()
    train_mode(model, frozen_statistics=session.facts.pretrained)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    seen, early = gradients.Gradients(), gradients.Gradients()
    result = _Attempt([], 0.0, True, None, [], {}, None)
    for step in range(max_steps):
        session.tick(step, max_steps)
        outputs = network.logits(model, x)
        loss = classification.loss(outputs, y)
        result.finite = math.isfinite(loss.item())
        if not result.finite:
            break
        result.losses.append(loss.item())
        result.share = classification.correct(outputs.detach(), y)
        if result.share == 1.0 and result.losses[-1] < 0.1 * classification.chance_loss(len(session.job.classes)):
            result.fitted_at = step
            break
        optimizer.zero_grad()
        if not loss.requires_grad:  # nothing in the model reaches the output
            break
        loss.backward()
        result.finite = seen.note(model) and (step >= EARLY_STEPS or early.note(model))
        if not result.finite:
            break
        optimizer.step()
    result.largest = early.largest
    if not result.finite:
        return result
    # a zero head passes no gradient back at the first step, so one step alone judges nothing
    if len(result.losses) > 2 or not loss.requires_grad:
        elsewhere = gradients.reached_by_other_outputs(model, x)
        result.dead = [name for name in seen.dead(model) if name not in elsewhere]
    result.evaluated = modes.evaluate(model, x, y)
    return result


def _largest(attempt: _Attempt) -> dict[str, Any]:
    """The largest gradients of the first steps, against the weights they move."""
    ranked = sorted(attempt.largest, key=lambda name: -attempt.largest[name])[: gradients.SHOWN]
    largest = attempt.largest[ranked[0]] if ranked else None
    return {"largest_relative_gradient": largest, "largest_gradient_examples": tuple(ranked)}


def _evaluated(attempt: _Attempt) -> dict[str, Any]:
    """What evaluation mode makes of the batch that was trained on."""
    if attempt.evaluated is None:
        return {}
    return {
        "evaluation_loss": attempt.evaluated.loss,
        "evaluation_is_finite": attempt.evaluated.loss is not None,
        "evaluation_is_repeatable": attempt.evaluated.repeatable,
    }


def _frozen(session: "Session") -> dict[str, Any]:
    """Parameters that the model itself keeps from training."""
    model = session.fresh_model()
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    numbers = sum(p.numel() for p in model.parameters())
    return {
        "frozen_parameters": len(frozen),
        "frozen_parameter_share": sum(p.numel() for p in model.parameters() if not p.requires_grad) / max(1, numbers),
        "frozen_parameter_examples": tuple(frozen[: gradients.SHOWN]),
    }


def _checks(session: "Session", x: "torch.Tensor", y: "torch.Tensor", max_steps: int) -> dict[str, Any]:
    """What the model does before any step: what outputs depend on, dead channels, gradients on the way to the start."""
    assert session.facts is not None
    session.tick(max_steps, max_steps)
    weak = gradients.first_layer(session, x, y)
    session.tick(max_steps, max_steps)
    model = session.fresh_model()
    train_mode(model, frozen_statistics=session.facts.pretrained)
    units = dead_units(model, x)
    session.tick(max_steps, max_steps)
    found: dict[str, Any] = {
        "first_layer_gradient": weak[0],
        "weakest_gradient_examples": tuple(weak[1]),
        **asdict(dependence(session, x)),
        "relu_units": units.units if units else 0,
    }
    if units is not None:
        found |= {
            "dead_unit_share": units.dead / units.units,
            "deadest_layer": units.deadest,
            "deadest_layer_share": units.deadest_share,
        }
    return found


PROBE = Probe("overfit", "Overfit one batch: can it learn at all", "probe.overfit", run, cost)


def _plan(session: "Session") -> tuple[int, int]:
    """Input size and steps of a training that nominally fit the allowance: full size first, then fewer steps."""
    for size in session.sizes():
        affordable = (session.allowance / session.step_seconds(size, IMAGES) - CHECKS) / 2
        steps = int(min(MAX_STEPS, affordable))
        if steps >= MIN_STEPS * 2:
            return size, steps
    return session.sizes()[-1], max(MIN_STEPS, steps)


def _spread(samples: "list[Sample]", count: int) -> "list[Sample]":
    """``count`` samples, as many classes as possible: one of each class, then a second, and so on."""
    seen: dict[int, int] = {}
    ranked = []
    for sample in samples:
        seen[sample.label] = seen.get(sample.label, 0) + 1
        ranked.append((seen[sample.label], sample))
    return [sample for _, sample in sorted(ranked, key=lambda pair: pair[0])[:count]]


def _library_loss(session: "Session", x: "torch.Tensor", y: "torch.Tensor") -> float | None:
    """First training loss with the head as it was made, as in training; ``None`` if it is not finite."""
    import torch

    from cvadvisor.task import classification, network

    model = session.fresh_model(library_head=True).train()
    with torch.no_grad():
        value = float(classification.loss(network.logits(model, x), y))
    return value if math.isfinite(value) else None


def train_mode(model: Any, *, frozen_statistics: bool) -> None:
    """Training mode without dropout; batch normalisation keeps pretrained statistics."""
    from torch import nn

    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd) or type(module).__name__ in (
            "DropPath",
            "StochasticDepth",
        ):
            module.eval()
        if frozen_statistics and isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def _curve(losses: list[float], facts: OverfitFacts) -> Curve:
    marks = () if facts.steps_to_fit is None else (Mark(label="memorised", x=facts.steps_to_fit),)
    return Curve(
        name="overfit",
        title=f"Overfitting one batch of {facts.batch_images} images",
        x_label="step",
        y_label="loss (nats)",
        x_log=False,
        series=(Series(name="loss", x=tuple(map(float, range(len(losses)))), y=tuple(losses)),),
        marks=marks,
        note=f"A model that knows nothing has a loss of {facts.chance_loss:.2f}; a healthy one falls to about zero.",
    )
