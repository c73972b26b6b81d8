"""The head that frozen features give: a logistic regression, and how good it and the nearest neighbours are."""

from typing import TYPE_CHECKING, Any

from cvadvisor.probe import regression
from cvadvisor.probe.accuracy import accuracy
from cvadvisor.probe.features.forward import Features
from cvadvisor.probe.leak_effect import leak_effect

if TYPE_CHECKING:
    import numpy as np

    from cvadvisor.probe.session import Session


def fit_head(session: "Session", train: Features, held_out: Features, leaked: "np.ndarray") -> dict[str, Any]:
    """Fit on the training images, judge on the held-out ones; the session keeps the head and the features.

    Args:
        session: for the classes, the seed and the place of what is kept.
        train: the training images.
        held_out: the held-out images.
        leaked: which of them training holds too (held-out images,).

    Returns:
        The facts that every run of the probe has, by their names.
    """
    import numpy as np

    x, y = train.pooled, train.labels
    y_held, classes, seed = held_out.labels, len(session.job.classes), session.job.seed
    z, mean, std = regression.standardise(x)
    z_held = (held_out.pooled - mean) / std
    penalty = regression.choose_penalty(regression.compress(z), y, classes, seed)
    fitted = regression.fit(z, y, penalty)
    session.features = {"x": x, "y": y}
    session.fitted_head = as_head(fitted, mean, std, classes)
    probability = regression.probabilities(fitted, z_held, classes)
    predicted = probability.argmax(1)
    linear_hits = predicted == y_held
    knn_hits = regression.neighbours(z, y, z_held) == y_held
    return {
        "train_images": len(y),
        "validation_images": len(y_held),
        "image_size_px": session.image_size,
        "held_out_from": session.job.held_out_from,
        "majority_accuracy": float((y_held == np.bincount(y).argmax()).mean()),
        "knn_accuracy": accuracy(knn_hits),
        "linear_accuracy": accuracy(linear_hits),
        "linear_macro_f1": _macro_f1(y_held, predicted),
        "linear_train_accuracy": float((fitted.predict(z) == y).mean()),
        "linear_log_loss": regression.log_loss(probability, y_held),
        "linear_l2": penalty,
        "leak": leak_effect(leaked, linear_hits, knn_hits),
    }


def as_head(fitted: Any, mean: "np.ndarray", std: "np.ndarray", classes: int) -> "tuple[np.ndarray, np.ndarray]":
    """The regression as a head's weight (classes, features) and bias (classes,) on raw features."""
    import numpy as np

    coefficient, intercept = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:  # one row that tells the second class from the first
        coefficient, intercept = np.stack([-coefficient[0], coefficient[0]]) / 2, np.array([-1, 1]) * intercept[0] / 2
    weight, bias = np.zeros((classes, coefficient.shape[1])), np.full(classes, -10.0)
    weight[fitted.classes_] = coefficient / std
    bias[fitted.classes_] = intercept - (coefficient * (mean / std)).sum(1)
    return weight, bias


def _macro_f1(truth: "np.ndarray", predicted: "np.ndarray") -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(truth, predicted, average="macro", zero_division=0))
