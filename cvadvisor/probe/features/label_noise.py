"""The share of wrong labels: what out-of-fold predictions and given labels say together.

Every image has a true class, of which the classifier knows ``q``, its out-of-fold probabilities at a temperature; and a
given one, which a matrix of flips makes of the true one whatever the image looks like. The matrix is found by
expectation maximisation, and the temperature by the likelihood of the given labels. So an error that is more likely the
nearer an image lies to another class counts as the classifier's, and one that befalls sure images as the label's, which
counting confident contradictions (Northcutt et al., 2021) does not tell apart: on clean photos of ten kinds of clothes
that finds 5 % wrong labels, and this 1 %.

A classifier that was trained on flipped labels believes in them: it is trained again without the images whose labels
are more likely wrong than right.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cvadvisor.facts import Estimate
from cvadvisor.probe import regression
from cvadvisor.probe.accuracy import Z95
from cvadvisor.probe.features.label_issues import FoldPredictions

if TYPE_CHECKING:
    import numpy as np

TEMPERATURES = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)
"""Below 1 a classifier is surer than it says, as one that saw wrong labels or a strong penalty is."""
ITERATIONS = 30
UNIFORM_FLIPS, COMMON_FLIPS = 4.0, 20.0
"""Images by which a class's flips are drawn to all other classes alike, and their share to that of all classes."""
ROUNDS, SURE_ERROR = 3, 0.23
"""Times the classifier is trained again; once only where it errs on more of the images whose labels it believes, as
repeating takes its own errors for the labels' there: on CIFAR-10 that added 4 points, elsewhere it won up to 9."""
MODEL_ERROR = 0.25
"""Share of the classifier's own errors that may be taken for the labels', or the other way: two standard errors."""


def label_noise(predictions: FoldPredictions, tick: Callable[[int, int], None]) -> Estimate:
    """The share of wrong labels among the images that ``predictions`` are of, with its 95 % interval.

    The interval holds the sampling of images and, mostly, the part of the classifier's own errors that cannot be told
    from the labels'.
    """
    import numpy as np

    y, count = predictions.labels, len(predictions.classes)
    probability = predictions.probability
    own_error = 1.0
    for number in range(ROUNDS + 1):
        share, believed = flipped_share(probability, y)
        keep = believed > 0.5
        own_error = float((probability.argmax(1) != y)[keep].mean()) if keep.any() else 1.0
        if number == ROUNDS or (number == 1 and own_error > SURE_ERROR) or keep.all():
            break
        probability = regression.out_of_fold(
            predictions.z, y, count, predictions.folds, predictions.penalty, keep, lambda done, total: tick(done, total)
        )
    sampling = Z95 * np.sqrt(share * (1 - share) / len(y))
    half = float(np.hypot(sampling, MODEL_ERROR * own_error)) + 1 / len(y)
    return Estimate(value=share, low=max(0.0, share - half), high=min(1.0, share + half), n=len(y))


def flipped_share(probability: "np.ndarray", y: "np.ndarray") -> "tuple[float, np.ndarray]":
    """The share of flipped labels, and of each image the probability that its label is right.

    Args:
        probability: of each class out of fold (images, classes).
        y: given classes (images,).
    """
    import numpy as np

    logits = np.log(np.clip(probability, 1e-7, 1)).astype(np.float32)
    logits -= logits.max(1, keepdims=True)
    best: tuple[float, float, np.ndarray] | None = None
    for temperature in TEMPERATURES:
        likelihood, share, believed = _expectation_maximisation(logits / temperature, y)
        if best is None or likelihood > best[0]:
            best = likelihood, share, believed
    assert best is not None
    return best[1], best[2]


def _expectation_maximisation(logits: "np.ndarray", y: "np.ndarray") -> "tuple[float, float, np.ndarray]":
    """Mean log-likelihood of the labels, the share of flipped ones, and the probability that each is right."""
    import numpy as np

    images, classes = logits.shape
    q = np.exp(logits)
    q /= q.sum(1, keepdims=True)
    flips = np.full((classes, classes), 0.05 / max(1, classes - 1))  # (true, given)
    np.fill_diagonal(flips, 0.95)
    order = np.argsort(y, kind="stable")
    present, starts = np.unique(y[order], return_index=True)
    q, labels = q[order], y[order]
    likelihood, share, right = 0.0, 0.0, np.ones(images)
    for _ in range(ITERATIONS):
        joint = q * flips[:, labels].T
        total = np.maximum(joint.sum(1), 1e-12)
        true = joint / total[:, None]
        counts = np.zeros((classes, classes))
        counts[:, present] = np.add.reduceat(true, starts, axis=0).T
        likelihood, right = float(np.log(total).mean()), true[np.arange(images), labels]
        share = float(np.clip(1 - right.mean(), 0, 1))
        off = counts + UNIFORM_FLIPS / max(1, classes - 1)
        np.fill_diagonal(off, 0)
        of_class = counts.sum(1)
        rate = (of_class - counts.diagonal() + COMMON_FLIPS * share) / (of_class + COMMON_FLIPS)
        flips = off / np.maximum(off.sum(1, keepdims=True), 1e-12) * rate[:, None]
        np.fill_diagonal(flips, 1 - rate)
        flips = np.clip(flips, 1e-6, 1)
    believed = np.empty(images)
    believed[order] = right
    return likelihood, share, believed
