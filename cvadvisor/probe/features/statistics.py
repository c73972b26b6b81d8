"""Batch-norm statistics: those of pretraining, or those of the training images, without labels.

Re-estimating them is the simplest adaptation to another domain (Li et al., 2016). Whether it pays is measured: the same
regression on the features that either gives, chosen by folds of the training images and confirmed on held-out ones.
"""

from typing import TYPE_CHECKING, Any

from cvadvisor.facts import Estimate
from cvadvisor.facts.features import StatisticsFacts
from cvadvisor.probe import regression
from cvadvisor.probe.accuracy import Z95, accuracy
from cvadvisor.probe.features.forward import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from cvadvisor.probe.session import Session

MOST_IMAGES = 1024
"""Images to measure statistics on: each gives a value a position, so that more hardly move them."""
MOST_DIVERGENCE = 20.0
"""A channel that was constant in pretraining has no variance to compare with: more than this counts as this."""
POINTS = 100.0


def normalisations(model: Any) -> list[Any]:
    """The batch-norm layers of ``model`` that keep statistics."""
    from torch import nn

    layers = (module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))
    return [layer for layer in layers if layer.running_mean is not None]


def adapt(session: "Session", model: Any, pixels: "np.ndarray") -> int:
    """Give ``model`` the statistics of ``pixels`` (images, size, size, 3), and return how many it used.

    Each batch counts alike; all else of the model stays in evaluation mode.
    """
    import torch

    layers = normalisations(model.eval())
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over batches
        layer.train()
    size = min(BATCH, len(pixels))
    used = min(len(pixels), MOST_IMAGES) // size * size
    with torch.no_grad():
        for start in range(0, used, size):
            session.tick(start, used)
            model(session.batch(pixels[start : start + size]))
    model.eval()
    return used


def state(model: Any) -> dict[str, Any]:
    """The statistics of ``model`` by the names that they have in its state."""
    kinds = ("running_mean", "running_var")
    return {name: value.detach().cpu() for name, value in model.state_dict().items() if name.endswith(kinds)}


def divergence(source: Any, adapted: Any) -> float | None:
    """Kullback-Leibler divergence (nats) of channels' Gaussians, ``adapted`` from ``source``: mean over all layers."""
    import numpy as np

    layers = []
    for one, other in zip(normalisations(source), normalisations(adapted), strict=True):
        variance, new_variance = one.running_var.double() + one.eps, other.running_var.double() + other.eps
        shift = (other.running_mean - one.running_mean).double() ** 2
        nats = 0.5 * ((new_variance + shift) / variance - 1 - (new_variance / variance).log())
        layers.append(float(nats.clamp(0, MOST_DIVERGENCE).mean()))
    mean = float(np.mean(layers)) if layers else float("nan")
    return mean if np.isfinite(mean) else None


def compare(
    source: "tuple[np.ndarray, np.ndarray]",
    adapted: "tuple[np.ndarray, np.ndarray]",
    labels: "tuple[np.ndarray, np.ndarray]",
    classes: int,
    seed: int,
    images: int,
    tick: "Callable[[int, int], None]",
) -> StatisticsFacts:
    """Which of two sets of features predicts better.

    Args:
        source: features of the training and of the held-out images (images, features), with the source's statistics.
        adapted: the same with those of the dataset.
        labels: classes of the training and of the held-out images.
        classes: how many classes there are.
        seed: of the folds.
        images: that the statistics were measured on.
        tick: told how far it is.
    """
    import numpy as np

    y, y_held = labels
    folds = regression.split_folds(y, seed)
    log_losses, hits = [], []
    for x, x_held in (source, adapted):
        z, mean, std = regression.standardise(x)
        compressed = regression.compress(z)
        penalty = regression.choose_penalty(compressed, y, classes, seed)
        probability = regression.out_of_fold(compressed, y, classes, folds, penalty, tick=tick)
        log_losses.append(-np.log(np.clip(probability[np.arange(len(y)), y], 1e-7, 1)))
        hits.append(regression.fit(z, y, penalty).predict((x_held - mean) / std) == y_held)
    fold_gain = _paired(log_losses[0] - log_losses[1])
    gain = _paired(POINTS * (hits[1].astype(float) - hits[0]))
    return StatisticsFacts(
        images=images,
        source_accuracy=accuracy(hits[0]),
        adapted_accuracy=accuracy(hits[1]),
        adapted_gain=gain,
        fold_log_loss_gain=fold_gain,
        best="adapted" if fold_gain.low > 0 and gain.low > 0 else "source",
    )


def _paired(differences: "np.ndarray") -> Estimate:
    """Mean of ``differences`` (images,), with its 95 % interval."""
    mean, error = float(differences.mean()), float(differences.std() / len(differences) ** 0.5)
    return Estimate(value=mean, low=mean - Z95 * error, high=mean + Z95 * error, n=len(differences))
