"""Classifiers on frozen features: logistic regression and nearest neighbours."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

NEIGHBOURS = 5
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""L2 penalties to choose from, for standardised features and the mean loss an image."""
FOLDS = 5
COMPONENTS = 256
"""Principal components kept where many fits are needed: they hold what a regression uses, and save most of its time."""
MOST_ITERATIONS, LEAST_ITERATIONS, MOST_WORK = 200, 15, 3e10
"""A fit ends after so many iterations, and fewer where images x features x classes x iterations would be more work."""
TOLERANCE, FEW_CLASSES = 1e-2, 10
"""A fit has converged when no entry of its gradient is above the first over the number of classes, or over the second
where there are fewer: entries shrink as classes grow, and a bound for ten of them cost 300 classes 12 points."""
USUAL_ITERATIONS, MULTIPLICATIONS_PER_S = 60, 1.5e9
"""What a fit usually takes, and how many of these products one core does in a second: to plan with."""


def standardise(x: "np.ndarray") -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Features (images, features) with mean 0 and deviation 1, and the mean and deviation they had."""
    mean, std = x.mean(0), x.std(0) + 1e-6
    return (x - mean) / std, mean, std


def compress(z: "np.ndarray") -> "np.ndarray":
    """Standardised features (images, features) on their first principal components."""
    basis = components(z)
    return z if basis is None else z @ basis


def components(z: "np.ndarray") -> "np.ndarray | None":
    """The first principal components (features, components) of standardised features; ``None`` where few suffice."""
    import numpy as np

    if min(z.shape) <= COMPONENTS:
        return None
    if z.shape[1] <= len(z):
        _, vectors = np.linalg.eigh(z.T @ z)
        return vectors[:, -COMPONENTS:]
    # fewer images than features: the same from the smaller matrix of the images' inner products
    values, vectors = np.linalg.eigh(z @ z.T)
    return (z.T @ vectors[:, -COMPONENTS:]) / np.sqrt(np.maximum(values[-COMPONENTS:], 1e-12))


def fit(z: "np.ndarray", y: "np.ndarray", penalty: float) -> Any:
    """A multinomial logistic regression whose objective is the mean loss plus penalty / 2 · |w|².

    With thousands of classes it stops before it has converged: with a penalty, the first iterations bring most.
    """
    import warnings

    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    classes = len(np.unique(y))
    tolerance = TOLERANCE / max(FEW_CLASSES, classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # one image a class is allowed
        return LogisticRegression(
            C=1 / (penalty * len(y)), max_iter=_most_iterations(z.size * classes), tol=tolerance
        ).fit(z, y)


def fit_seconds(images: int, features: int, classes: int) -> float:
    """Nominal seconds of one fit; of more classes than images, not all can be there."""
    size = images * features * max(2, min(classes, images))
    return min(USUAL_ITERATIONS, _most_iterations(size)) * size / MULTIPLICATIONS_PER_S + 0.01


def _most_iterations(size: int) -> int:
    """Iterations after which a fit of ``size`` images x features x classes ends."""
    return min(MOST_ITERATIONS, max(LEAST_ITERATIONS, int(MOST_WORK / max(1, size))))


def out_of_fold(
    z: "np.ndarray",
    y: "np.ndarray",
    classes: int,
    folds: "np.ndarray",
    penalty: float,
    keep: "np.ndarray | None" = None,
    tick: "Callable[[int, int], None]" = lambda done, total: None,
) -> "np.ndarray":
    """Class probabilities (images, classes) of each image by a fit on the other folds.

    Args:
        z: standardised features (images, features).
        y: class indices (images,).
        classes: how many classes there are.
        folds: fold number of each image; fold numbers start at 0.
        penalty: of the fits.
        keep: whether each image may be fitted to; all may, where left out.
        tick: told how far it is.
    """
    import numpy as np

    probability, count = np.zeros((len(y), classes)), int(folds.max()) + 1
    for fold in range(count):
        tick(fold, count)
        held = folds == fold
        used = ~held if keep is None else ~held & keep
        if len(np.unique(y[used])) < 2:
            probability[held] = 1 / classes
        elif held.any():
            probability[held] = probabilities(fit(z[used], y[used], penalty), z[held], classes)
    return probability


def probabilities(fitted: Any, z: "np.ndarray", classes: int) -> "np.ndarray":
    """Class probabilities (images, classes); zero for classes that were not fitted."""
    import numpy as np

    full = np.zeros((len(z), classes))
    full[:, fitted.classes_] = fitted.predict_proba(z)
    return full


def log_loss(probability: "np.ndarray", y: "np.ndarray") -> float:
    """Mean negative log-likelihood in nats of ``y`` under ``probability`` (images, classes)."""
    import numpy as np

    return float(-np.log(np.clip(probability[np.arange(len(y)), y], 1e-7, 1)).mean())


def choose_penalty(z: "np.ndarray", y: "np.ndarray", classes: int, seed: int) -> float:
    """The penalty with the lowest log loss on a stratified fifth of the images; ties go to the stronger."""
    import numpy as np

    counts = np.bincount(y)
    held = (split_folds(y, seed) == 0) & (counts[y] >= 2)
    if not held.any() or len(np.unique(y[~held])) < 2:
        return PENALTIES[-1]
    scores = [
        (round(log_loss(probabilities(fit(z[~held], y[~held], penalty), z[held], classes), y[held]), 4), -penalty)
        for penalty in PENALTIES
    ]
    return -min(scores)[1]


def split_folds(y: "np.ndarray", seed: int) -> "np.ndarray":
    """A fold number for each image, spread evenly within every class."""
    import numpy as np

    generator = np.random.default_rng(seed)
    folds = np.empty(len(y), int)
    for label in np.unique(y):
        members = generator.permutation(np.flatnonzero(y == label))
        folds[members] = np.arange(len(members)) % FOLDS
    return folds


def neighbours(z: "np.ndarray", y: "np.ndarray", queries: "np.ndarray") -> "np.ndarray":
    """Class of each query by a vote of its nearest neighbours by cosine, weighted by similarity."""
    import numpy as np

    unit = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    k = min(NEIGHBOURS, len(unit))
    answers = []
    for start in range(0, len(queries), 1024):
        block = queries[start : start + 1024]
        similarity = (block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-12)) @ unit.T
        nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        votes = np.zeros((len(block), int(y.max()) + 1))
        weights = np.maximum(np.take_along_axis(similarity, nearest, 1), 0) + 1e-6
        np.add.at(votes, (np.arange(len(block))[:, None], y[nearest]), weights)
        answers.append(votes.argmax(1))
    return np.concatenate(answers)
