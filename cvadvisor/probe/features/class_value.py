"""Which classes gain most from more images: the slope of each class's recall over the scaling draws."""

from statistics import NormalDist
from typing import TYPE_CHECKING

from cvadvisor.facts import Estimate
from cvadvisor.facts.features import ClassValue, ClassValueFacts
from cvadvisor.inspect.printable import printable
from cvadvisor.probe.accuracy import accuracy
from cvadvisor.probe.features.scaling import ScalingDraws

if TYPE_CHECKING:
    import numpy as np

LEAST_HELD_OUT = 8
"""With fewer held-out images of a class, its recall says next to nothing."""
RESAMPLES = 500
SHOWN = 20
POINTS = 100.0


def class_value(draws: ScalingDraws, names: list[str], seed: int) -> ClassValueFacts | None:
    """The gain of each class a doubling of all training images, with an interval that holds for all classes at once.

    Args:
        draws: which held-out images were right with which part of the training images.
        names: of the classes.
        seed: of the resampling.

    Returns:
        ``None`` where fewer than two classes have enough held-out images.
    """
    import numpy as np

    labels, held = np.unique(draws.labels, return_counts=True)
    labels = labels[held >= LEAST_HELD_OUT]
    if len(labels) < 2:
        return None
    weights = _slope_weights(draws.images)
    largest = draws.hits[draws.images == draws.images.max()].mean(0)
    errors = max(1e-12, float((1 - largest).sum()))
    generator = np.random.default_rng((seed, 3))
    slopes, spread = [], []
    for label in labels:
        # an image's own slope over the draws; their mean is the class's
        own = POINTS * weights @ draws.hits[:, draws.labels == label]
        slopes.append(float(own.mean()))
        spread.append(float(generator.choice(own, (RESAMPLES, len(own))).mean(1).std()))
    # one of many classes will stand out by chance: its interval is as wide as the best of so many can be
    deviations = float(NormalDist().inv_cdf(1 - 0.025 / len(labels)))
    mean = float(np.mean(slopes))
    values = []
    for label, slope, error in zip(labels.tolist(), slopes, spread, strict=True):
        hits = largest[draws.labels == label]
        half = deviations * max(error, POINTS / len(hits) / 8)
        values.append(
            ClassValue(
                label=printable(names[label]),
                images=int((draws.train_labels == label).sum()),
                recall=accuracy(hits > 0.5),
                error_share=float((1 - hits).sum() / errors),
                gain=Estimate(value=slope, low=slope - half, high=slope + half, n=len(hits)),
            )
        )
    values.sort(key=lambda one: (-one.gain.low, one.label))
    best = values[0] if values[0].gain.low > max(0.0, mean) else None
    return ClassValueFacts(classes=tuple(values[:SHOWN]), mean_gain=mean, best=best)


def _slope_weights(images: "np.ndarray") -> "np.ndarray":
    """Weights of each draw (draws,) whose sum with accuracies is the slope over log2(images); sizes count alike."""
    import numpy as np

    sizes, place, count = np.unique(images, return_inverse=True, return_counts=True)
    x = np.log2(sizes)
    x = x - x.mean()
    weights: np.ndarray = (x / (x**2).sum())[place] / count[place]
    return weights
