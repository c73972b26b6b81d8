"""Image classification: one label an image, a linear head, cross-entropy.

This is the interface that a task offers to probes; they never ask which task it is.
"""

import math
from typing import TYPE_CHECKING, Any

from cvadvisor.task import network

if TYPE_CHECKING:
    import numpy as np
    import torch


def chance_loss(classes: int) -> float:
    """Loss in nats of a model that knows nothing: ln(classes)."""
    return math.log(classes)


def loss(outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
    """Mean cross-entropy in nats of ``outputs`` (images, classes) against class indices ``targets`` (images,)."""
    from torch.nn import functional

    return functional.cross_entropy(outputs.float(), targets)


def correct(outputs: "torch.Tensor", targets: "torch.Tensor") -> float:
    """Share of ``targets`` (images,) that ``outputs`` (images, classes) rank first."""
    return float((outputs.argmax(1) == targets).float().mean())


def start_head(model: Any, weight: "np.ndarray | None" = None, bias: "np.ndarray | None" = None) -> None:
    """Set the heads that make the logits to ``weight`` (classes, features) and ``bias`` (classes,), all others to zero.

    A head at zero predicts all classes alike, so that the first loss is :func:`chance_loss`. Heads as model libraries
    make them can start several times higher and cost accuracy that short runs do not win back.
    """
    import torch

    with torch.no_grad():
        for head in network.heads(model):
            logits = head in network.logit_heads(model)
            for parameter, value in ((head.weight, weight), (head.bias, bias)):
                if value is None or not logits:
                    parameter.zero_()
                else:
                    parameter.copy_(torch.as_tensor(value, dtype=parameter.dtype))
