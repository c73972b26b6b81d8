"""Labels that the other images contradict: out-of-fold predictions against given labels.

Two views of each image are tried, and the one that predicts better is used: the pooled features before the head, and
the second-to-last stage on a coarse grid. Far from ImageNet the second knows much more: on digits it is right out of
fold for 98.8 % of images, the pooled features for 93.2 %.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cvadvisor.facts.features import LabelSuspect
from cvadvisor.inspect.printable import printable
from cvadvisor.probe import regression

if TYPE_CHECKING:
    import numpy as np

MOST_GIVEN, LEAST_OTHER = 0.1, 0.5
"""A label is suspect below the first, if another class is above the second and the neighbours vote against it."""
MOST_CLASSES, MOST_IMAGES = 200, 4000
"""More are not checked, the largest classes first: ten fits over all of them have to end in a minute or so."""


@dataclass(frozen=True)
class FoldPredictions:
    """What classifiers say of images that they were not trained on.

    Attributes:
        rows: the images that were checked, as rows of what was given (images,).
        labels: their given classes as ``classes`` numbers them (images,).
        classes: index of each checked class among all.
        z: the view that predicts best, standardised and compressed (images, features).
        folds: fold of each image.
        penalty: that was chosen for that view.
        probability: by the regression (images, classes).
        votes: class by the nearest neighbours (images,).
    """

    rows: "np.ndarray"
    labels: "np.ndarray"
    classes: "np.ndarray"
    z: "np.ndarray"
    folds: "np.ndarray"
    penalty: float
    probability: "np.ndarray"
    votes: "np.ndarray"

    @property
    def predicted(self) -> "np.ndarray":
        """The class that the regression gives each image (images,)."""
        return self.probability.argmax(1)

    @property
    def accuracy(self) -> float:
        """Share of images whose given label is predicted."""
        return float((self.predicted == self.labels).mean())


def checkable(y: "np.ndarray") -> "np.ndarray":
    """Rows of the images of classes that are large enough to be folded, at most :data:`MOST_CLASSES` of them."""
    import numpy as np

    counts = np.bincount(y)
    large = np.flatnonzero(counts >= regression.FOLDS)
    large = large[np.argsort(-counts[large], kind="stable")][:MOST_CLASSES]
    return np.flatnonzero(np.isin(y, large))[:MOST_IMAGES]


def predict_out_of_fold(
    views: "list[np.ndarray]", y: "np.ndarray", seed: int, tick: Callable[[int, int], None]
) -> FoldPredictions | None:
    """Predict each image by the others, with the best of ``views``, each (images, features).

    Returns:
        ``None`` where fewer than two classes have an image for every fold.
    """
    import numpy as np

    rows = checkable(y)
    classes, labels = np.unique(y[rows], return_inverse=True)
    if len(classes) < 2:
        return None
    count = len(classes)
    folds = regression.split_folds(labels, seed)
    best: tuple[float, FoldPredictions] | None = None
    for view in views:
        z = regression.compress(regression.standardise(view[rows])[0])
        penalty = regression.choose_penalty(z, labels, count, seed)
        probability = regression.out_of_fold(z, labels, count, folds, penalty, tick=tick)
        votes = np.zeros(len(labels), int)
        for fold in range(regression.FOLDS):
            held = folds == fold
            if held.any():
                votes[held] = regression.neighbours(z[~held], labels[~held], z[held])
        loss = regression.log_loss(probability, labels)
        if best is None or loss < best[0]:
            best = loss, FoldPredictions(rows, labels, classes, z, folds, penalty, probability, votes)
    return best[1] if best else None


def label_suspects(predictions: FoldPredictions, paths: list[str], names: list[str]) -> tuple[LabelSuspect, ...]:
    """Images whose label looks wrong, worst first.

    Args:
        predictions: what the other images say.
        paths: of all images that the predictions' rows number.
        names: of all classes.
    """
    import numpy as np

    y, probability, other = predictions.labels, predictions.probability, predictions.predicted
    given, best = probability[np.arange(len(y)), y], probability.max(1)
    suspect = (other != y) & (predictions.votes != y) & (given < MOST_GIVEN) & (best > LEAST_OTHER)
    where = [paths[row] for row in predictions.rows]
    order = sorted(np.flatnonzero(suspect), key=lambda i: (given[i] - best[i], where[i]))
    return tuple(
        LabelSuspect(
            path=printable(where[i]),
            label=printable(names[predictions.classes[y[i]]]),
            suggested=printable(names[predictions.classes[other[i]]]),
            label_probability=float(given[i]),
            suggested_probability=float(best[i]),
        )
        for i in order
    )
