"""Classifiers on frozen features: logistic regression and nearest neighbours."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

NEIGHBOURS = 5
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""L2 penalties to choose from, for standardised features and the mean loss an image."""
FOLDS = 5
COMPONENTS = 256
"""Principal components kept where many fits are needed: they hold what a regression uses, and save most of its time."""


def standardise(x: "np.ndarray") -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Features (images, features) with mean 0 and deviation 1, and the mean and deviation they had."""
    mean, std = x.mean(0), x.std(0) + 1e-6
    return (x - mean) / std, mean, std


def compress(z: "np.ndarray") -> "np.ndarray":
    """Standardised features (images, features) on their first principal components."""
    import numpy as np

    if min(z.shape) <= COMPONENTS:
        return z
    if z.shape[1] <= len(z):
        _, vectors = np.linalg.eigh(z.T @ z)
        return z @ vectors[:, -COMPONENTS:]
    # fewer images than features: the same projection from the smaller matrix of the images' inner products
    values, vectors = np.linalg.eigh(z @ z.T)
    return vectors[:, -COMPONENTS:] * np.sqrt(np.maximum(values[-COMPONENTS:], 0))


def fit(z: "np.ndarray", y: "np.ndarray", penalty: float) -> Any:
    """A multinomial logistic regression whose objective is the mean loss plus penalty / 2 · |w|²."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1 / (penalty * len(y)), max_iter=200, tol=1e-3).fit(z, y)


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
