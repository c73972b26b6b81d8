"""What outputs depend on: on the inputs at all, on the right image of the batch, on the head (Karpathy 2019)."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from cvadvisor.probe.session import Session

SAME_IMAGES = 1e-3
"""Batches whose images differ by less than this share of their size say nothing of the model."""


@dataclass(frozen=True)
class Dependence:
    """As in :class:`cvadvisor.facts.overfit.OverfitFacts`, where each field is described."""

    output_variation: float | None
    foreign_share: float | None
    head_reaches_output: bool | None


def dependence(session: "Session", x: "torch.Tensor") -> Dependence:
    """What the logits of the batch ``x`` (images, 3, size, size) depend on, in evaluation mode."""
    import torch

    from cvadvisor.probe.gradients import random_head
    from cvadvisor.task import network

    model = random_head(session, x)
    with torch.no_grad():
        logits = network.logits(model, x).float()
        if not torch.isfinite(logits).all():
            return Dependence(None, None, None)
        for head in network.logit_heads(model):
            head.weight.copy_(torch.randn(head.weight.shape) * (head.weight.std() + 1e-6))
            head.bias.add_(1.0)  # where features are zero, weights alone change nothing
        changed = network.logits(model, x).float()
    moved = torch.isfinite(changed).all() and not torch.equal(changed, logits)
    varied = _variation(logits) if _variation(x.flatten(1).float()) > SAME_IMAGES else None
    return Dependence(varied, _foreign_share(model, x), bool(moved))


def _variation(values: "torch.Tensor") -> float:
    """Standard deviation over images of ``values`` (images, …) over their root mean square; 0 where all are zero."""
    size = float(values.square().mean().sqrt())
    return float((values - values.mean(0)).square().mean().sqrt()) / size if size > 0 else 0.0


def _foreign_share(model: Any, x: "torch.Tensor") -> float | None:
    """The largest share of one image's outputs' gradient on other images, of the first, a middle and the last image."""
    import torch

    from cvadvisor.task import network

    x = x.detach().clone().requires_grad_()
    logits = network.logits(model, x).float()
    if not logits.requires_grad or len(logits) != len(x) or len(x) < 2:
        return None
    weights = torch.randn(logits.shape[1:]).to(logits.device)
    shares = []
    for image in sorted({0, len(x) // 2, len(x) - 1}):
        (gradient,) = torch.autograd.grad((logits[image] * weights).sum(), x, retain_graph=True, allow_unused=True)
        if gradient is None:
            continue
        sizes = gradient.flatten(1).double().norm(dim=1)
        total = float(sizes.sum())
        if math.isfinite(total) and total > 0:
            shares.append(1 - float(sizes[image]) / total)
    return max(shares, default=None)
