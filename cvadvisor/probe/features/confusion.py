"""Classes that are taken for each other, by out-of-fold predictions of the training images."""

from math import exp, lgamma, log, log1p

from cvadvisor.facts.features import ConfusedImage, ConfusedPair, ConfusionFacts
from cvadvisor.inspect.printable import printable
from cvadvisor.probe.accuracy import accuracy
from cvadvisor.probe.features.label_issues import FoldPredictions

PAIRS_SHOWN, SHOWN = 10, 12


def confusion(predictions: FoldPredictions, paths: list[str], names: list[str]) -> ConfusionFacts:
    """Count who is taken for whom; pairs are compared with the mean of all other pairs.

    Args:
        predictions: of the training images.
        paths: of all images that the predictions' rows number.
        names: of all classes.
    """
    import numpy as np

    y, predicted, count = predictions.labels, predictions.predicted, len(predictions.classes)
    taken = np.zeros((count, count), int)
    np.add.at(taken, (y, predicted), 1)
    images = np.bincount(y, minlength=count)
    errors = taken - np.diag(taken.diagonal())
    both = errors + errors.T
    pairs_of_classes = count * (count - 1) // 2
    # an image of a class can be taken for each of the others: of all those chances, one in how many is
    chances = int(len(y) * (count - 1))
    total = int(errors.sum())
    pairs = []
    first, second = np.nonzero(np.triu(both, 1))
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        n, wrong = int(images[a] + images[b]), int(both[a, b])
        usual = (total - wrong + 1) / max(1, chances - n) if pairs_of_classes > 1 else None
        share = accuracy(np.arange(n) < wrong)
        pairs.append(
            ConfusedPair(
                first=printable(names[predictions.classes[a]]),
                second=printable(names[predictions.classes[b]]),
                first_as_second=int(errors[a, b]),
                second_as_first=int(errors[b, a]),
                images=n,
                share=share,
                times_usual=share.value / usual if usual else 1.0,
                p=min(1.0, _at_least(wrong, n, min(0.5, usual)) * pairs_of_classes) if usual else 1.0,
            )
        )
    order = sorted(range(len(pairs)), key=lambda i: (-pairs[i].share.low, pairs[i].first, pairs[i].second))
    if not order:
        return ConfusionFacts()
    a, b = int(first[order[0]]), int(second[order[0]])
    return ConfusionFacts(
        pairs=tuple(pairs[i] for i in order[:PAIRS_SHOWN]),
        worst=pairs[order[0]],
        error_share=float(both[a, b] / total),
        examples=_examples(predictions, (a, b), paths, names),
    )


def _at_least(wrong: int, n: int, share: float) -> float:
    """Chance of ``wrong`` or more among ``n``, each with the chance ``share``: the tail of a binomial distribution."""
    terms = (
        lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(share) + (n - k) * log1p(-share)
        for k in range(wrong, n + 1)
    )
    return min(1.0, sum(exp(term) for term in terms))


def _examples(
    predictions: FoldPredictions, pair: tuple[int, int], paths: list[str], names: list[str]
) -> tuple[ConfusedImage, ...]:
    """Images of the ``pair`` that are taken for the other class, those nearest to a tie last."""
    import numpy as np

    y, predicted, probability = predictions.labels, predictions.predicted, predictions.probability
    a, b = pair
    wrong = np.flatnonzero(((y == a) & (predicted == b)) | ((y == b) & (predicted == a)))
    order: np.ndarray = wrong[np.argsort(probability[wrong, y[wrong]], kind="stable")][:SHOWN]
    return tuple(
        ConfusedImage(
            path=printable(paths[predictions.rows[i]]),
            label=printable(names[predictions.classes[y[i]]]),
            predicted=printable(names[predictions.classes[predicted[i]]]),
        )
        for i in order
    )
