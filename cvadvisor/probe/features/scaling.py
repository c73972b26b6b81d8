"""How accuracy grows with the number of training images: nested draws, a fitted curve, and what doubling brings.

The error is taken to fall as a power of the number of images, error = b · n^-c with 0 <= c <= 1. A third parameter, the
error that no data removes, did not pay: on clothes, digits, MNIST and CIFAR-10 twice 600 images were predicted 1.2
points off without it and 1.9 with it, twice 200 images 1.6 and 1.4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cvadvisor.facts import Estimate
from cvadvisor.facts.features import ScalingFacts, ScalingPoint
from cvadvisor.facts.seen import Curve, Series
from cvadvisor.probe import regression

if TYPE_CHECKING:
    import numpy as np

PARTS = ((8, 5), (4, 4), (2, 3), (1, 1))
"""The training images are divided by the first number, in as many draws as the second says."""
LEAST_IMAGES, LEAST_A_CLASS = 40, 8
"""With fewer training images in all, or a class on average, an eighth of them says nothing."""
RESAMPLES = 200
MOST_EXPONENT = 1.0
MODEL_ERROR = 0.25
"""Standard deviation of a gain that came over the one predicted, beside what draws and held-out images add; both
were set on photos of clothes, digits and CIFAR-10."""
SINGLE_DRAWS = 0.6
"""How much of the difference between two single draws is chance, as a part of its standard error."""
POINTS = 100.0


@dataclass(frozen=True)
class ScalingDraws:
    """Which held-out images were right with which part of the training images.

    Attributes:
        images: training images of each draw (draws,), rising.
        hits: whether each held-out image was right (draws, held-out images).
        labels: class of each held-out image (held-out images,).
        train_labels: class of each training image (images,).
    """

    images: "np.ndarray"
    hits: "np.ndarray"
    labels: "np.ndarray"
    train_labels: "np.ndarray"


def draw_parts(
    z: "np.ndarray",
    y: "np.ndarray",
    z_held: "np.ndarray",
    y_held: "np.ndarray",
    classes: int,
    seed: int,
    tick: Callable[[int, int], None],
    parts: tuple[tuple[int, int], ...] = PARTS,
) -> ScalingDraws | None:
    """Fit on nested, stratified draws of the training images, each with a penalty of its own.

    Args:
        z: features of the training images (images, features), standardised and compressed as ``z_held``.
        y: their classes.
        z_held: features of the held-out images.
        y_held: their classes.
        classes: how many classes there are.
        seed: of the draws.
        tick: told how far it is.
        parts: what the images are divided by, and in how many draws.

    Returns:
        ``None`` where there are too few training images.
    """
    import numpy as np

    if len(y) < max(LEAST_IMAGES, LEAST_A_CLASS * len(np.unique(y))):
        return None
    sizes: list[int] = []
    hits = []
    total = sum(draws for _, draws in parts)
    penalties: dict[int, float] = {}
    for draw in range(max(draws for _, draws in parts)):
        order = _stratified(y, np.random.default_rng((seed, draw)))
        for divisor, draws in parts:
            if draw >= draws:
                continue
            tick(len(sizes), total)
            chosen = order[: len(y) // divisor]
            sizes.append(len(chosen))
            if len(np.unique(y[chosen])) < 2:  # rare classes are not among so few: there is one answer to give
                hits.append(y_held == y[chosen[0]])
                continue
            if divisor not in penalties:
                penalties[divisor] = regression.choose_penalty(z[chosen], y[chosen], classes, seed)
            fitted = regression.fit(z[chosen], y[chosen], penalties[divisor])
            hits.append(fitted.predict(z_held) == y_held)
    order = np.argsort(sizes, kind="stable")
    return ScalingDraws(np.array(sizes)[order], np.array(hits)[order], y_held, y)


def scaling_facts(draws: ScalingDraws, seed: int) -> ScalingFacts:
    """The curve through the draws, and what it gives for twice the images; intervals by resampling."""
    import numpy as np

    sizes = np.unique(draws.images)
    twice = int(2 * sizes[-1])
    accuracy = np.array([draws.hits[draws.images == size].mean() for size in sizes])
    generator = np.random.default_rng((seed, 1))
    resampled = np.array([_resampled(draws, sizes, generator) for _ in range(RESAMPLES)])
    slopes = np.array([fit_power_law(sizes, 1 - row)[1] for row in resampled])
    c = fit_power_law(sizes, 1 - accuracy)[1]
    held = draws.hits.shape[1]
    # what doubling brings starts from the accuracy that was measured, and follows the curve's slope
    gain = (1 - accuracy[-1]) * (1 - 2.0**-c)
    gains = (1 - resampled[:, -1]) * (1 - 2.0**-slopes)
    gains = gains * (1 + MODEL_ERROR * generator.normal(size=RESAMPLES))
    gains = gains + SINGLE_DRAWS * _paired_error(draws, sizes) * generator.normal(size=RESAMPLES)
    predictions = np.clip(resampled[:, -1] + gains, 0.0, 1.0)
    return ScalingFacts(
        points=tuple(
            ScalingPoint(
                images=int(size),
                draws=int((draws.images == size).sum()),
                accuracy=_estimate(accuracy[place], resampled[:, place], held),
            )
            for place, size in enumerate(sizes)
        ),
        exponent=c,
        predicted_images=twice,
        predicted_accuracy=_estimate(accuracy[-1] + gain, predictions, held),
        doubling_gain=_estimate(POINTS * gain, POINTS * gains, held),
    )


def fit_power_law(images: "np.ndarray", errors: "np.ndarray") -> tuple[float, float]:
    """b and c of errors = b · images^-c, by least squares of the logarithms; larger draws are surer and weigh more."""
    import numpy as np

    x, y = np.log(images), np.log(np.maximum(errors, 1e-4))
    weight = np.arange(1, len(x) + 1, dtype=float)
    x_mean, y_mean = np.average(x, weights=weight), np.average(y, weights=weight)
    slope = float((weight * (x - x_mean) * (y - y_mean)).sum() / (weight * (x - x_mean) ** 2).sum())
    c = float(np.clip(-slope, 0.0, MOST_EXPONENT))
    return float(np.exp(y_mean + c * x_mean)), c


def scaling_curve(facts: ScalingFacts) -> Curve:
    """Accuracy by number of training images, with the value predicted for twice as many."""
    sizes = tuple(float(point.images) for point in facts.points)
    bounds = ((*(p.accuracy for p in facts.points), facts.predicted_accuracy), (*sizes, float(facts.predicted_images)))
    estimates, all_sizes = bounds
    return Curve(
        name="scaling",
        title="Accuracy of frozen features by number of training images",
        x_label="training images",
        y_label="held-out accuracy",
        x_log=True,
        series=(
            Series(name="measured", x=sizes, y=tuple(point.accuracy.value for point in facts.points)),
            Series(name="fitted", x=all_sizes[-2:], y=tuple(one.value for one in estimates[-2:])),
            Series(name="lower", x=all_sizes, y=tuple(one.low for one in estimates)),
            Series(name="upper", x=all_sizes, y=tuple(one.high for one in estimates)),
        ),
        note="The last point is what the fitted curve gives for twice the images; the interval holds 95 %.",
    )


def _stratified(y: "np.ndarray", generator: "np.random.Generator") -> "np.ndarray":
    """An order of the images of which every beginning has the classes in proportion, and soon one of each."""
    import numpy as np

    position = np.empty(len(y))
    for label in np.unique(y):
        members = generator.permutation(np.flatnonzero(y == label))
        position[members] = (np.arange(len(members)) + generator.random() * 0.5) / len(members)
    return np.argsort(position, kind="stable")


def _resampled(draws: ScalingDraws, sizes: "np.ndarray", generator: "np.random.Generator") -> "np.ndarray":
    """Accuracy at each of ``sizes``, over held-out images and draws taken with replacement."""
    import numpy as np

    columns = generator.integers(0, draws.hits.shape[1], draws.hits.shape[1])
    rows = [np.flatnonzero(draws.images == size) for size in sizes]
    spread = np.mean([draws.hits[r].mean(1).std(ddof=1) for r in rows if len(r) > 1])
    values = [draws.hits[np.ix_(generator.choice(r, len(r)), columns)].mean() for r in rows]
    # draws of which there is one vary like those of which there are several, and less where they take most images
    noise = [generator.normal() * spread / 2 if len(r) == 1 else 0.0 for r in rows]
    return np.clip(np.array(values) + np.array(noise), 0.0, 1.0)


def _paired_error(draws: ScalingDraws, sizes: "np.ndarray") -> float:
    """Standard error of the difference of two neighbouring sizes on the same held-out images, for single draws."""
    import numpy as np

    last, before = (draws.hits[draws.images == size] for size in (sizes[-1], sizes[-2]))
    differences = (last[:1].astype(float) - before.astype(float)).var(axis=1)
    return float(np.sqrt(differences.mean() / draws.hits.shape[1]))


def _estimate(value: float, resampled: "np.ndarray", n: int) -> Estimate:
    import numpy as np

    low, high = np.quantile(resampled, [0.025, 0.975])
    value = float(value)
    return Estimate(value=value, low=min(value, float(low)), high=max(value, float(high)), n=n)
