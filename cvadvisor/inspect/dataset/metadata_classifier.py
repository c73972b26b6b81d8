"""A small cross-validated classifier on a few coded features: naive Bayes over bins.

It is there to say how much of the labels a feature gives away, so what counts is that it promises nothing that is not
there: every image is judged by counts of other folds, copies share a fold, and what a class lacks is filled from all
classes alike, so that a feature without information leads to chance.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Codes = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

FOLDS = 5
_MOST_BINS = 32
# A name that fewer images have names images rather than a kind of them.
_FEWEST_NAMED = 5
# How many images' worth of the mixture of all classes each class gets: a bin that it lacks is evidence, not proof.
_PRIOR_IMAGES = 2.0


@dataclass(frozen=True)
class Scores:
    """How a classifier did on images that it was not fitted on.

    Attributes:
        correct: share of the images whose class it names, knowing how frequent each class is; classes count by that.
        recalls: (classes,) share of each class that it names where it takes classes for equally frequent.
        told: (classes,) share of each class that it holds for that class rather than any other.
        mistaken: (classes,) share of all other images that it holds for that class.
        apart: (classes, classes) ``[a, b]`` share of the images of a that it holds for a rather than b; ties half.
        images: (classes,) images of each class.
        units: (classes,) independent images of each class: copies, and members of a group, count once.
    """

    correct: float
    recalls: Floats
    told: Floats
    mistaken: Floats
    apart: Floats
    images: Floats
    units: Floats


def number_codes(values: Floats) -> Codes:
    """Numbers as bins: a bin each where there are few, else bins of about equally many images; NaN has its own."""
    known = values[~np.isnan(values)]
    if not known.size:
        return np.zeros(len(values), np.int64)
    distinct = np.unique(known)
    if len(distinct) > _MOST_BINS:
        distinct = np.unique(np.quantile(known, np.linspace(0, 1, _MOST_BINS + 1)[:-1], method="lower"))
    return np.where(np.isnan(values), len(distinct), np.searchsorted(distinct, values, side="right") - 1)


def name_codes(numbers: Codes) -> Codes:
    """Numbered names as bins: one each for the most frequent, one for all that are rare or have a name of their own."""
    _, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    rank[counts < _FEWEST_NAMED] = _MOST_BINS
    return np.minimum(rank[inverse], _MOST_BINS)


def folds_of(labels: Codes, units: Codes, seed: int = 0) -> Codes:
    """A fold for each image, stratified by class; the images of one class and unit share one.

    Args:
        labels: (images,) class of each image.
        units: (images,) what belongs together: copies, or members of a group.
        seed: decides which unit goes where.
    """
    folds = np.zeros(len(labels), np.int64)
    random = np.random.default_rng(seed)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        _, unit, sizes = np.unique(units[rows], return_inverse=True, return_counts=True)
        order = random.permutation(len(sizes))
        fold = np.empty(len(sizes), np.int64)
        middle = np.cumsum(sizes[order]) - sizes[order] / 2
        # Small classes begin at different folds, so that no fold gets the odd ones of all.
        fold[order] = ((middle * FOLDS / len(rows)).astype(np.int64) + label) % FOLDS
        folds[rows] = fold[unit]
    return folds


def held_out(features: Sequence[Codes], labels: Codes, folds: Codes) -> Floats:
    """Log-likelihood of each image under each class, from the images of other folds: (images, classes)."""
    classes = int(labels.max()) + 1
    total = np.zeros((len(labels), classes), np.float64)
    for codes in features:
        bins = int(codes.max()) + 1
        if bins == 1:
            continue
        place = (folds * bins + codes) * classes + labels
        counts = np.bincount(place, minlength=FOLDS * bins * classes).reshape(FOLDS, bins, classes)
        total += _log_shares(counts.sum(axis=0) - counts)[folds, codes]
    return total


def fitted(features: Sequence[Codes], labels: Codes, others: Sequence[Codes]) -> Floats:
    """Log-likelihood of other images, coded alike, under each class: (others, classes)."""
    classes = int(labels.max()) + 1
    total = np.zeros((len(others[0]), classes), np.float64)
    for codes, other in zip(features, others, strict=True):
        bins = int(max(codes.max(), other.max(initial=0))) + 1
        counts = np.bincount(codes * classes + labels, minlength=bins * classes).reshape(bins, classes)
        total += _log_shares(counts)[other]
    return total


def _log_shares(counts: Codes) -> Floats:
    """Logarithm of each bin's share of each class, from counts (..., bins, classes)."""
    seen = counts.sum(axis=-1, keepdims=True)
    mixture = (seen + 1.0) / (seen + 1.0).sum(axis=-2, keepdims=True)
    shares = (counts + _PRIOR_IMAGES * mixture) / (counts.sum(axis=-2, keepdims=True) + _PRIOR_IMAGES)
    # What was never seen says nothing; smoothing alone would give it to the class with fewest images.
    return np.asarray(np.where(seen > 0, np.log(shares), 0.0))


def score(likelihood: Floats, labels: Codes, units: Codes, frequency: Floats) -> Scores:
    """How well ``likelihood`` (images, classes) tells the classes.

    Args:
        likelihood: logarithms, up to a constant an image.
        labels: (images,) true classes.
        units: (images,) what belongs together.
        frequency: (classes,) share of each class, positive: what is expected of a new image, and how much its images
            count in what is said of all, whatever their number here.
    """
    classes = likelihood.shape[1]
    posterior = likelihood + np.log(frequency)
    named, best = posterior.argmax(axis=1), likelihood.argmax(axis=1)
    posterior = np.exp(posterior - posterior.max(axis=1, keepdims=True))
    posterior /= posterior.sum(axis=1, keepdims=True)
    # A class against all others as if both were equally frequent: more probable than before the image was seen.
    held = posterior > frequency * (1 + 1e-9)
    apart, held_for = np.full((classes, classes), np.nan), np.zeros((classes, classes))
    correct, recalls = np.zeros(classes), np.full(classes, np.nan)
    images, independent = np.zeros(classes), np.zeros(classes)
    for label, rows in _rows(labels):
        own = likelihood[rows]
        mine = own[:, label : label + 1]
        apart[label] = (mine > own).mean(axis=0) + (mine == own).mean(axis=0) / 2
        held_for[label] = held[rows].mean(axis=0)
        correct[label] = (named[rows] == label).mean()
        recalls[label] = (best[rows] == label).mean()
        images[label], independent[label] = len(rows), len(np.unique(units[rows]))
    weights = np.where(images > 0, frequency, 0.0)
    told = np.where(images > 0, held_for.diagonal(), np.nan)
    others = np.maximum(weights.sum() - weights, 1e-12)
    mistaken = np.maximum(weights @ held_for - weights * held_for.diagonal(), 0.0) / others
    return Scores(float(weights @ correct / weights.sum()), recalls, told, mistaken, apart, images, independent)


def _rows(labels: Codes) -> Iterator[tuple[int, Codes]]:
    order = np.argsort(labels, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        yield int(labels[rows[0]]), rows
