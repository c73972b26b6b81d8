"""The gradient noise scale: how large a batch still pays (McCandlish et al. 2018, arXiv 1812.06162).

B_simple = tr(S) / |G|^2, where G is the gradient over all images and S the covariance of single images' gradients. From
K gradients of small batches g_i, each over b images, and their sum g,

    |G|^2 = (|g|^2 - sum |g_i|^2) / (K (K - 1))      the mean product of two gradients that share no image
    tr(S) = b (sum |g_i|^2 / K - |G|^2)

are unbiased; it is their estimator with batches of b and K b images. The interval is a jackknife over groups.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from cvadvisor.facts import Estimate
from cvadvisor.probe.batch.interval import student

if TYPE_CHECKING:
    import numpy as np
    import torch

    from cvadvisor.probe.session import Session

SMALL = 8
"""Images of a small batch: the fewer the more certain, and fewer than 8 waste the device."""
GROUPS = 6
MOST_EACH, LEAST_EACH = 12, 2
"""Groups that are left out in turn, and small batches of each: 96 to 576 images."""
MOST_PARAMETERS = 150_000_000
"""Larger gradients are not kept once for each group: that would take gigabytes."""


@dataclass(frozen=True)
class NoiseScale:
    """What the gradients say.

    Attributes:
        scale: B_simple in images; ``None`` where the noise hides the gradient.
        images: training images used.
    """

    scale: Estimate | None
    images: int


def plan(session: "Session", seconds: float) -> int:
    """Small batches of each group that fit ``seconds``; 0 if too few do, or there are too few images."""
    one = SMALL * session.step_seconds(session.image_size, 1)
    fitting = min(int(seconds / (one * GROUPS)), len(session.job.train) // (SMALL * GROUPS), MOST_EACH)
    return fitting if fitting >= LEAST_EACH else 0


def measure(session: "Session", each: int, tick: Callable[[int, int], None]) -> NoiseScale:
    """Measure it with ``each`` small batches a group, at the fitted head where there is one, else at a head of zero.

    Batch normalisation keeps its statistics, so that an image's gradient does not depend on its batch.
    """
    import numpy as np
    import torch

    from cvadvisor.task import classification, network

    size = session.image_size
    pixels, labels, _ = session.images(size, session.job.train[: each * GROUPS * SMALL])
    each = min(each, len(labels) // (SMALL * GROUPS))
    if each < LEAST_EACH:
        return NoiseScale(None, len(labels))
    session.seed_everything()
    model = session.fresh_model()
    if session.fitted_head is not None:
        classification.start_head(model, *session.fitted_head)
    model.eval()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    sums: list[list[torch.Tensor]] = []
    squares: list[list[float]] = []
    order = np.random.default_rng(session.job.seed).permutation(len(labels))[: each * GROUPS * SMALL]
    for number, chosen in enumerate(np.split(np.asarray(order), each * GROUPS)):
        tick(number, each * GROUPS)
        loss = classification.loss(
            network.logits(model, session.batch(pixels[chosen])),
            torch.from_numpy(labels[chosen]).to(session.job.device),
        )
        found = torch.autograd.grad(loss, parameters, allow_unused=True)
        gradient = [part for part in found if part is not None]
        if number % each == 0:
            sums.append([torch.zeros_like(part) for part in gradient])
            squares.append([])
        torch._foreach_add_(sums[-1], gradient)
        squares[-1].append(_product(gradient, gradient))
    products = np.array([[_product(a, b) for b in sums] for a in sums])
    return NoiseScale(estimate(products, np.array(squares), SMALL), len(order))


def _product(a: "list[torch.Tensor]", b: "list[torch.Tensor]") -> float:
    """Inner product of two gradients."""
    return sum(float((left.flatten() @ right.flatten()).double()) for left, right in zip(a, b, strict=True))


def estimate(products: "np.ndarray", squares: "np.ndarray", small: int) -> Estimate | None:
    """B_simple in images, with its 95 % jackknife interval over groups.

    Args:
        products: (groups, groups): inner products of the groups' sums of gradients.
        squares: (groups, batches): squared norm of each small batch's gradient.
        small: images of a small batch.

    Returns:
        ``None`` where the squared gradient is not told from zero, with all groups or without one of them.
    """
    import numpy as np

    groups = len(products)
    everything = _scale(products, squares, small)
    without = [
        _scale(np.delete(np.delete(products, left, 0), left, 1), np.delete(squares, left, 0), small)
        for left in range(groups)
    ]
    known = [math.log(scale) for scale in without if scale is not None]
    if everything is None or len(known) < groups:
        return None
    # in logarithms, as the scale is a ratio and its errors are too
    centre = fmean(known)
    error = math.sqrt((groups - 1) / groups * sum((value - centre) ** 2 for value in known))
    half = min(student(groups - 1) * error, 50.0)
    return Estimate(value=everything, low=everything * math.exp(-half), high=everything * math.exp(half), n=groups)


def _scale(products: "np.ndarray", squares: "np.ndarray", small: int) -> float | None:
    count = squares.size
    whole, alone = float(products.sum()), float(squares.sum())
    signal = (whole - alone) / (count * (count - 1))
    noise = small * (alone / count - signal)
    if not (math.isfinite(signal) and math.isfinite(noise) and signal > 0 and noise > 0):
        return None
    return noise / signal
