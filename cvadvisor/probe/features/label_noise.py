"""The share of wrong labels: what out-of-fold predictions and given labels say together.

Every image has a true class, of which the classifier knows ``q``, its out-of-fold probabilities at a temperature; and a
given one, which a matrix of flips makes of the true one whatever the image looks like. The matrix is found by
expectation maximisation, and the temperature by the likelihood of the given labels. So an error that is more likely the
nearer an image lies to another class counts as the classifier's, and one that befalls sure images as the label's, which
counting confident contradictions (Northcutt et al., 2021) does not tell apart.

Two matrices are tried. Even flips have one rate, and lead to all other classes alike. Free ones have a rate for each
class and a share for each pair, so they find mistakes that people repeat, but also take pairs of classes that the
classifier confuses for such: on 500 photos of ten kinds they said 6 points too much. How far they are believed is how
much better they explain the labels, beyond what they would where flips are even, which is known by drawing such labels.

A classifier that was trained on flips to certain classes believes in them: for the free ones, and to compare the two,
it is trained again without the images whose labels are more likely wrong than right. Even flips teach it nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cvadvisor.facts import Estimate
from cvadvisor.probe import regression
from cvadvisor.probe.accuracy import Z95
from cvadvisor.probe.features.label_issues import FoldPredictions

if TYPE_CHECKING:
    import numpy as np

TEMPERATURES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3)
"""Below 1 a classifier is surer than it says, as one that saw wrong labels or a strong penalty is."""
ITERATIONS, FIRST_SHARE = 30, 0.05
"""Of expectation maximisation, and the share of flipped labels that it starts from."""
UNIFORM_FLIPS, COMMON_FLIPS = 4.0, 20.0
"""Images by which a class's free flips are drawn to all other classes alike, and their share to that of all classes."""
DRAWS = 4
"""Times that labels are drawn with even flips; the gain of free ones then varies by 2 to 6 nats, its mean by half."""
SURE_GAIN = 0.1
"""Nats an image by which free flips explain labels better where they are wholly believed, and below it in proportion.
Of 0.06, 0.1, 0.15 and 0.22, tried on 500 images of CIFAR-10, MNIST and Fashion-MNIST: less says too much of even flips,
more says too little of flips to one class."""
ROUNDS, SURE_ERROR = 3, 0.23
"""Times the classifier is trained again; once only where it errs on more of the images whose labels it believes, as
repeating takes its own errors for the labels' there."""
MODEL_ERROR = 0.25
"""Share of the classifier's own errors that may be taken for the labels', or the other way: two standard errors."""


@dataclass(frozen=True)
class Flips:
    """Which labels are flipped, as one model of them has it.

    Attributes:
        likelihood: mean log-likelihood of the labels in nats.
        share: of flipped labels.
        right: probability that each label is right (images,).
        truth: probability of each true class by the image alone (images, classes).
        matrix: probability of each given class by the true one (true, given).
    """

    likelihood: float
    share: float
    right: "np.ndarray"
    truth: "np.ndarray"
    matrix: "np.ndarray"


def label_noise(predictions: FoldPredictions, tick: Callable[[int, int], None]) -> Estimate:
    """The share of wrong labels among the images that ``predictions`` are of, with its 95 % interval.

    The interval holds the sampling of images and, mostly, the part of the classifier's own errors that cannot be told
    from the labels'. It reaches as far above what free flips say, believed or not.
    """
    import numpy as np

    y, count = predictions.labels, len(predictions.classes)
    probability = predictions.probability
    for number in range(ROUNDS + 1):
        free = flips(probability, y, free=True)
        keep = free.right > 0.5
        own_error = float((probability.argmax(1) != y)[keep].mean()) if keep.any() else 1.0
        if number == ROUNDS or (number == 1 and own_error > SURE_ERROR) or keep.all():
            break
        probability = regression.out_of_fold(
            predictions.z, y, count, predictions.folds, predictions.penalty, keep, lambda done, total: tick(done, total)
        )
    free_part = belief_in_free_flips(flips(probability, y, free=False), free, probability, tick)
    even = flips(predictions.probability, y, free=False)
    share = float((1 - free_part) * even.share + free_part * free.share)
    sampling = Z95 * np.sqrt(share * (1 - share) / len(y))
    half = float(np.hypot(sampling, MODEL_ERROR * own_error)) + 1 / len(y)
    high = min(1.0, max(share, free.share) + half)
    return Estimate(value=share, low=max(0.0, share - half), high=high, n=len(y))


def belief_in_free_flips(
    even: Flips, free: Flips, probability: "np.ndarray", tick: Callable[[int, int], None]
) -> float:
    """How far free flips are to be believed, from 0 (flips are even) to 1.

    Args:
        even: even flips that explain the labels.
        free: free ones that do.
        probability: of each class out of fold (images, classes), that both were found with.
        tick: told how far it is.
    """
    import numpy as np

    generator = np.random.default_rng(0)
    by_chance = []
    for number in range(DRAWS):
        tick(number, DRAWS)
        y = _draw(even.matrix[_draw(even.truth, generator)], generator)
        by_chance.append(flips(probability, y, free=True).likelihood - flips(probability, y, free=False).likelihood)
    return float(np.clip((free.likelihood - even.likelihood - np.mean(by_chance)) / SURE_GAIN, 0, 1))


def flips(probability: "np.ndarray", y: "np.ndarray", *, free: bool) -> Flips:
    """The flips that explain the labels ``y`` (images,) best, given out-of-fold probabilities (images, classes)."""
    import numpy as np

    logits = np.log(np.clip(probability, 1e-7, 1)).astype(np.float32)
    logits -= logits.max(1, keepdims=True)
    explain = _free_flips if free else _even_flips
    found = (explain(_softmax(logits / temperature), y) for temperature in TEMPERATURES)
    return max(found, key=lambda one: one.likelihood)


def _softmax(logits: "np.ndarray") -> "np.ndarray":
    """Probabilities (images, classes) of logits whose largest in each row is 0."""
    import numpy as np

    exponential = np.exp(logits)
    probability: np.ndarray = exponential / exponential.sum(1, keepdims=True)
    return probability


def _draw(probability: "np.ndarray", generator: "np.random.Generator") -> "np.ndarray":
    """A class for each row of ``probability`` (images, classes)."""
    import numpy as np

    cumulative = np.cumsum(probability, axis=1)
    drawn: np.ndarray = (cumulative > generator.random((len(cumulative), 1)) * cumulative[:, -1:]).argmax(1)
    return drawn


def _even_flips(truth: "np.ndarray", y: "np.ndarray") -> Flips:
    """Even flips by expectation maximisation, given probabilities of the true class (images, classes)."""
    import numpy as np

    images, classes = truth.shape
    given = truth[np.arange(images), y].astype(float)
    likelihood, share, right = 0.0, FIRST_SHARE, np.ones(images)
    for _ in range(ITERATIONS):
        total = np.maximum((1 - share) * given + share / (classes - 1) * (1 - given), 1e-12)
        right = (1 - share) * given / total
        likelihood, share = float(np.log(total).mean()), float(np.clip(1 - right.mean(), 1e-6, 1))
    return Flips(likelihood, share, right, truth, _even_matrix(classes, share))


def _free_flips(truth: "np.ndarray", y: "np.ndarray") -> Flips:
    """Free flips by expectation maximisation, given probabilities of the true class (images, classes)."""
    import numpy as np

    images, classes = truth.shape
    matrix = _even_matrix(classes, FIRST_SHARE)
    order = np.argsort(y, kind="stable")
    present, starts = np.unique(y[order], return_index=True)
    q, labels = truth[order], y[order]
    likelihood, share, right = 0.0, 0.0, np.ones(images)
    for _ in range(ITERATIONS):
        joint = q * matrix.T.astype(np.float32)[labels]
        total = np.maximum(joint.sum(1), 1e-12)
        true = joint / total[:, None]
        counts = np.zeros((classes, classes))
        counts[:, present] = np.add.reduceat(true, starts, axis=0).T
        likelihood, right = float(np.log(total).mean(dtype=float)), true[np.arange(images), labels]
        share = float(np.clip(1 - right.mean(dtype=float), 0, 1))
        off = counts + UNIFORM_FLIPS / (classes - 1)
        np.fill_diagonal(off, 0)
        of_class = counts.sum(1)
        rate = (of_class - counts.diagonal() + COMMON_FLIPS * share) / (of_class + COMMON_FLIPS)
        matrix = off / np.maximum(off.sum(1, keepdims=True), 1e-12) * rate[:, None]
        np.fill_diagonal(matrix, 1 - rate)
        matrix = np.clip(matrix, 1e-6, 1)
    believed = np.empty(images)
    believed[order] = right
    return Flips(likelihood, share, believed, truth, matrix)


def _even_matrix(classes: int, share: float) -> "np.ndarray":
    """Flips (true, given) of ``share`` of the labels of each class, to all other classes alike."""
    import numpy as np

    matrix = np.full((classes, classes), share / (classes - 1))
    np.fill_diagonal(matrix, 1 - share)
    return matrix
