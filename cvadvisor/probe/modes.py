"""Training against evaluation: what a model has memorised in one mode it must know in the other."""

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

FOLLOWING_STEPS = 500
"""Training steps that running statistics are given to follow the weights: a short training run."""


@dataclass(frozen=True)
class Evaluated:
    """The loss in evaluation mode, ``None`` if not finite, and whether outputs are the same twice."""

    loss: float | None
    repeatable: bool


def evaluate(model: Any, x: "torch.Tensor", y: "torch.Tensor") -> Evaluated:
    """The loss of a trained ``model`` on ``x`` and ``y`` in evaluation mode; ``model`` stays as it is.

    Batch normalisation that was left training first sees the batch :data:`FOLLOWING_STEPS` times: as the weights rest,
    one pass with the momentum that all of these together have does the same.
    """
    import torch
    from torch import nn

    from cvadvisor.task import classification, network

    model = copy.deepcopy(model)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training and module.momentum is not None:
                module.momentum = 1 - (1 - module.momentum) ** FOLLOWING_STEPS
        network.logits(model, x)
        model.eval()
        first, second = network.logits(model, x).float(), network.logits(model, x).float()
        loss = float(classification.loss(first, y))
    repeatable = torch.allclose(first, second, rtol=1e-3, atol=1e-4, equal_nan=True)
    return Evaluated(loss if math.isfinite(loss) else None, repeatable)
