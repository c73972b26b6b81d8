"""Overfit one batch: a model that can't memorise a handful of images won't learn a dataset (Karpathy 2019).

The first loss is compared with ln(classes) twice: with the head as the model library makes it, and with a head that
starts at zero, which is what the generated script uses.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cvadvisor.facts.probe import OverfitFacts
from cvadvisor.facts.seen import Curve, Mark, Series
from cvadvisor.probe.declaration import Measured, Probe

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


def run(session: "Session") -> Measured:
    """Train on one batch until every image is memorised; a model that only learns slowly gets a second, faster try."""
    import torch

    from cvadvisor.task import classification

    assert session.facts is not None
    size, max_steps = _plan(session)
    samples = _spread(session.job.train, IMAGES)
    pixels, labels, _ = session.images("overfit", size, samples)
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
    facts = OverfitFacts(
        batch_images=len(y),
        image_size_px=size,
        learning_rate=rate,
        max_steps=max_steps,
        chance_loss=chance,
        library_head_is_finite=library_loss is not None,
        library_head_loss=library_loss,
        library_head_loss_ratio=None if library_loss is None else library_loss / chance,
        initial_loss=attempt.losses[0] if attempt.losses else None,
        final_loss=attempt.losses[-1] if attempt.losses else None,
        final_accuracy=attempt.share,
        fitted=attempt.fitted_at is not None,
        steps_to_fit=attempt.fitted_at,
        gradients_are_finite=attempt.finite,
        dead_parameters=len(attempt.dead),
        dead_parameter_examples=tuple(attempt.dead[:8]),
    )
    return Measured(facts, (_curve(attempt.losses, facts),) if attempt.losses else ())


@dataclass
class _Attempt:
    """One training on the batch: its losses, the share memorised, and what its gradients did."""

    losses: list[float]
    share: float
    finite: bool
    fitted_at: int | None
    dead: list[str]


def _memorise(session: "Session", x: "torch.Tensor", y: "torch.Tensor", rate: float, max_steps: int) -> _Attempt:
    """Train a fresh model on one batch at ``rate`` until every image is memorised, at most ``max_steps`` steps."""
    import torch

    from cvadvisor.task import classification, network

    assert session.facts is not None
    session.seed_everything()
    model = session.fresh_model()
    train_mode(model, frozen_statistics=session.facts.pretrained)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    alive: set[str] = set()
    result = _Attempt([], 0.0, True, None, [])
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
        loss.backward()
        result.finite = _note_gradients(model, alive)
        if not result.finite:
            break
        optimizer.step()
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    # a zero head passes no gradient back at the first step, so one step alone judges nothing
    result.dead = [name for name in names if name not in alive] if result.finite and len(result.losses) > 2 else []
    return result


PROBE = Probe("overfit", "Overfit one batch: can it learn at all", "probe.overfit", 0.2, run)


def _plan(session: "Session") -> tuple[int, int]:
    """Input size and steps that nominally fit this probe's share of the budget: full size first, then fewer steps."""
    allowance = PROBE.share * session.job.budget_s
    for size in session.sizes():
        steps = int(allowance / session.step_seconds(size, IMAGES))
        if steps >= MIN_STEPS * 2:
            return size, min(MAX_STEPS, steps)
    return session.sizes()[-1], max(MIN_STEPS, min(MAX_STEPS, steps))


def _spread(samples: "list[Sample]", count: int) -> "list[Sample]":
    """``count`` samples, as many classes as possible: one of each class, then a second, and so on."""
    seen: dict[int, int] = {}
    ranked = []
    for sample in samples:
        seen[sample.label] = seen.get(sample.label, 0) + 1
        ranked.append((seen[sample.label], sample))
    return [sample for _, sample in sorted(ranked, key=lambda pair: pair[0])[:count]]


def _library_loss(session: "Session", x: "torch.Tensor", y: "torch.Tensor") -> float | None:
    """First training loss with the head that timm makes, as in training; ``None`` if it is not finite."""
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
        if isinstance(module, nn.Dropout) or type(module).__name__ == "DropPath":
            module.eval()
        if frozen_statistics and isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def _note_gradients(model: Any, alive: set[str]) -> bool:
    """Add parameters with a gradient to ``alive``; whether all gradients are finite."""
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            continue
        largest = float(parameter.grad.detach().abs().max())
        if not math.isfinite(largest):
            return False
        if largest > 0:
            alive.add(name)
    return True


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
