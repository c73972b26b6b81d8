"""Do held-out images differ from training ones? A classifier that is asked which is which, within classes.

Classes of other sizes in the two splits are no shift of the images: the classifier sees each class with as much weight
on either side, and only pairs of one class count.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cvadvisor.facts import Estimate
from cvadvisor.facts.features import ShiftFacts, ShiftSuspect
from cvadvisor.inspect.printable import printable
from cvadvisor.probe import regression

if TYPE_CHECKING:
    import numpy as np

MOST_TRAIN_TIMES, MOST_HELD_OUT = 2, 1500
"""Training images for each held-out one, and held-out ones: more make the interval no narrower that matters."""
LEAST_HELD_OUT, LEAST_OF_CLASS = 30, 2
PENALTY = 0.1
"""Strong: a few hundred images and 256 features, of which most do not tell."""
RESAMPLES = 200
SHOWN = 12


def split_shift(
    train: "tuple[np.ndarray, np.ndarray]",
    held_out: "tuple[np.ndarray, np.ndarray, list[str]]",
    names: list[str],
    seed: int,
    tick: Callable[[int, int], None],
) -> ShiftFacts | None:
    """Tell held-out from training images.

    Args:
        train: features (images, features) and classes of the training images.
        held_out: those of the held-out images, without leaked ones, and their paths.
        names: of the classes.
        seed: of the folds and the resampling.
        tick: told how far it is.

    Returns:
        ``None`` where the splits share too few images of a class.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    (x, y), (x_held, y_held, paths) = train, held_out
    generator = np.random.default_rng((seed, 2))
    shared = [
        label for label in np.unique(y_held) if min((y == label).sum(), (y_held == label).sum()) >= LEAST_OF_CLASS
    ]
    held = np.flatnonzero(np.isin(y_held, shared))[:MOST_HELD_OUT]
    if len(held) < LEAST_HELD_OUT:
        return None
    kept = []
    for label in shared:
        members = generator.permutation(np.flatnonzero(y == label))
        kept.append(members[: max(LEAST_OF_CLASS, MOST_TRAIN_TIMES * int((y_held[held] == label).sum()))])
    own = np.concatenate(kept)
    z = regression.compress(regression.standardise(np.concatenate([x[own], x_held[held]]))[0])
    is_held = np.concatenate([np.zeros(len(own), int), np.ones(len(held), int)])
    of = np.concatenate([y[own], y_held[held]])
    folds = regression.split_folds(of * 2 + is_held, seed)
    score = np.zeros(len(of))
    for fold in range(regression.FOLDS):
        tick(fold, regression.FOLDS)
        test = folds == fold
        if not test.any():  # every class has fewer images than there are folds
            continue
        fitted = LogisticRegression(C=1 / (PENALTY * (~test).sum()), max_iter=200, tol=1e-3)
        fitted.fit(z[~test], is_held[~test], sample_weight=_weights(of[~test], is_held[~test]))
        score[test] = fitted.decision_function(z[test])
    auc = _within_classes(score, is_held, of, generator)
    order = np.argsort(-score[is_held == 1], kind="stable")[:SHOWN]
    return ShiftFacts(
        train_images=len(own),
        held_out_images=len(held),
        auc=auc,
        examples=tuple(
            ShiftSuspect(
                path=printable(paths[held[place]]),
                label=printable(names[y_held[held[place]]]),
                held_out_score=float(1 / (1 + np.exp(-np.clip(score[is_held == 1][place], -50, 50)))),
            )
            for place in order
        ),
    )


def _weights(of: "np.ndarray", is_held: "np.ndarray") -> "np.ndarray":
    """Weights (images,) with which in each class both sides weigh the same, and the class what it has of images.

    They are of the images that a fold trains on: where the whole class's were used, an image that is tested would be
    missing from its own side alone, and small classes would look less alike than chance.
    """
    import numpy as np

    pairs, place, count = np.unique(of * 2 + is_held, return_inverse=True, return_counts=True)
    of_class = np.array([count[pairs // 2 == pair // 2].sum() for pair in pairs])
    weights: np.ndarray = (of_class / 2 / count)[place]
    return weights


def _within_classes(
    score: "np.ndarray", is_held: "np.ndarray", of: "np.ndarray", generator: "np.random.Generator"
) -> Estimate:
    """Chance that a held-out image scores above a training image of its class; the interval by resampling images."""
    import numpy as np

    groups = [(score[(of == one) & (is_held == 1)], score[(of == one) & (is_held == 0)]) for one in np.unique(of)]

    def auc(pairs: "list[tuple[np.ndarray, np.ndarray]]") -> float:
        above = sum(
            (np.searchsorted(np.sort(b), a, "left") + np.searchsorted(np.sort(b), a, "right")).mean()
            / (2 * len(b))
            * len(a)
            for a, b in pairs
        )
        return float(above / sum(len(a) for a, _ in pairs))

    resampled = [
        auc([(generator.choice(a, len(a)), generator.choice(b, len(b))) for a, b in groups]) for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(resampled, [0.025, 0.975])
    value = auc(groups)
    return Estimate(value=value, low=min(value, float(low)), high=max(value, float(high)), n=int(is_held.sum()))
