"""Shortcuts: metadata that gives the class away, so that a model may learn how files were made, not what they show.

One small classifier (:mod:`cvadvisor.inspect.dataset.metadata_classifier`) is cross-validated on each kind of metadata
alone and on all together. The shape of an image may follow from what is shown (trousers are tall), so it is a kind of
its own, and of the size counts only what it adds to the shape.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cvadvisor.facts.base import Estimate
from cvadvisor.facts.shortcuts import GivenAway, MetadataKind, PairsApart, ShortcutFacts
from cvadvisor.inspect.dataset.metadata_classifier import Codes, Floats, Scores, fitted, folds_of, held_out, score
from cvadvisor.inspect.dataset.metadata_evidence import Evidence, evidence_of
from cvadvisor.inspect.dataset.metadata_rows import FEWEST_IMAGES, SPLITS, Rows, read_rows
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable

MOST_LISTED = 12
_LISTED_FROM = 0.5
_WORTH_NAMING = 0.1
_ALMOST_NO_ERROR = 0.95
_TWO_SIDED_95 = 1.96


@dataclass(frozen=True)
class _Kind:
    name: str
    what: str
    features: tuple[str, ...]


# What a model could see of how a file was made: the first of those that tell alike is the one that is named.
_MADE = (
    _Kind("size", "width and height", ("longer", "shorter")),
    _Kind("format", "file format", ("format", "bits", "frames")),
    _Kind("compression", "JPEG quality", ("quality",)),
    _Kind("camera", "camera and orientation in EXIF data", ("camera", "orientation", "dated")),
    _Kind("border", "border", ("border",)),
    _Kind("colour", "colour mode", ("mode", "grayscale", "transparent")),
)
_SHAPE = _Kind("shape", "ratio of width to height", ("aspect",))
_TOGETHER = _Kind("together", "metadata", tuple(feature for kind in (*_MADE, _SHAPE) for feature in kind.features))
# What no model sees, but a loader that does not shuffle, or a split that was cut by number, does.
_ORDER = (
    _Kind("name", "wording of the file name", ("stem", "length")),
    _Kind("number", "number in the file name", ("number",)),
    _Kind("time", "time in EXIF data", ("taken",)),
)


@dataclass(frozen=True)
class _Judged:
    """One kind, with its scores on one split and, learnt from it, on validation."""

    kind: _Kind
    facts: MetadataKind
    told: Floats
    told_error: Floats
    apart: Floats
    evidence: tuple[Evidence, ...]
    """Of each class."""
    validation: Floats | None
    """What of each class is told apart in validation."""


def shortcut_facts(store: Store) -> ShortcutFacts | None:
    """What metadata gives away; ``None`` where fewer than two classes have ten training images.

    Args:
        store: a store with the view ``seen`` and the table ``usable``.
    """
    rows = read_rows(store)
    if rows is None:
        return None
    shape = _judge(rows, _SHAPE, "train")
    made = [_beyond(one, shape) if one.kind.name == "size" else one for one in _judged(rows, _MADE, "train")]
    ordered = [one for split in ("train", "test") for one in _judged(rows, _ORDER, split)]
    given = _given_away(rows, made)
    return ShortcutFacts(
        images=int((rows.split == 0).sum()),
        classes=len(rows.classes),
        together=_judge(rows, _TOGETHER, "train").facts,
        strongest=_most(made).facts,
        shape=shape.facts,
        order=_most(ordered).facts,
        pairs=max((_pairs_apart(one, shape) for one in made), key=lambda pairs: pairs.share),
        most_given_away=given[0],
        most_given_away_by_shape=_given_away(rows, [shape])[0],
        kinds=tuple(one.facts for one in sorted([*made, shape], key=_closed, reverse=True)),
        given_away=tuple(one for one in given if one.told_apart.low >= _LISTED_FROM)[:MOST_LISTED],
    )


def _closed(one: _Judged) -> tuple[float, float]:
    return one.facts.closed_share, one.facts.balanced_accuracy.value


def _most(kinds: Iterable[_Judged]) -> _Judged:
    """The kind that tells most; the first of those that tell alike."""
    return max(kinds, key=_closed)


def _judged(rows: Rows, kinds: Sequence[_Kind], split: str) -> list[_Judged]:
    labels = rows.labels[rows.split == SPLITS.index(split)]
    present = np.bincount(labels, minlength=len(rows.classes))
    # Of fewer images, in training as in test, nothing can be said; and a class alone has nothing to be told from.
    if split != "train" and (present >= FEWEST_IMAGES).sum() < 2:
        return []
    return [_judge(rows, kind, split) for kind in kinds]


def _judge(rows: Rows, kind: _Kind, split: str) -> _Judged:
    """Cross-validate ``kind`` on the images of ``split``, and see whether validation bears out what training showed."""
    inside = rows.split == SPLITS.index(split)
    codes = [rows.codes(feature) for feature in kind.features]
    labels, units = rows.labels[inside], rows.units[inside]
    own = [code[inside] for code in codes]
    # In test a class may be missing; it then counts for nothing.
    frequency = np.maximum(rows.frequency[SPLITS.index(split)], 1e-12)
    likelihood = held_out(own, labels, folds_of(labels, units))
    scores = score(likelihood, labels, units, frequency)
    evidence = evidence_of(rows, kind.features, own, inside, frequency)
    validation = _validated(rows, codes, frequency) if split == "train" else None
    return _Judged(
        kind,
        _kind_facts(kind, split, scores, frequency, _best(rows, evidence), validation),
        scores.told - scores.mistaken,
        _told_error(scores),
        (scores.apart + scores.apart.T) / 2,
        evidence,
        None if validation is None else validation.told - validation.mistaken,
    )


def _validated(rows: Rows, codes: list[Codes], frequency: Floats) -> Scores | None:
    """How well validation images are told by what training showed."""
    train, validation = rows.split == 0, rows.split == 1
    labels = rows.labels[validation]
    if len(np.unique(labels)) < 2:
        return None
    likelihood = fitted([code[train] for code in codes], rows.labels[train], [code[validation] for code in codes])
    return score(likelihood, labels, rows.units[validation], frequency)


def _kind_facts(
    kind: _Kind, split: str, scores: Scores, frequency: Floats, evidence: str, validation: Scores | None
) -> MetadataKind:
    units = int(scores.units.sum())
    present = int((scores.images > 0).sum())
    majority, chance = float(frequency.max()), 1 / present
    accuracy, balanced = _share(scores.correct, units), _mean_recall(scores)
    closed = max((accuracy.low - majority) / (1 - majority), (balanced.low - chance) / (1 - chance), 0.0)
    excess = (scores.correct - majority) / math.sqrt(majority * (1 - majority) / units)
    validated = None
    if validation is not None:
        validated = (float(np.nanmean(validation.recalls)) - chance) / (1 - chance)
    return MetadataKind(
        name=kind.name,
        what=kind.what,
        split=split,
        accuracy=accuracy,
        majority_share=majority,
        balanced_accuracy=balanced,
        chance_share=chance,
        closed_share=closed,
        chance_probability=math.erfc(excess / math.sqrt(2)) / 2,
        evidence=evidence,
        validation_closed_share=validated,
    )


def _share(share: float, n: int) -> Estimate:
    """A share of ``n`` images with its 95 % Wilson interval."""
    z2 = _TWO_SIDED_95**2
    centre, scale = share + z2 / (2 * n), 1 + z2 / n
    half = _TWO_SIDED_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Estimate(value=share, low=max(0.0, (centre - half) / scale), high=min(1.0, (centre + half) / scale), n=n)


def _mean_recall(scores: Scores) -> Estimate:
    there = scores.images > 0
    value = float(scores.recalls[there].mean())
    error = float(np.sqrt(_variance(scores.recalls[there], scores.units[there]).sum()) / there.sum())
    return _estimate(value, error, int(scores.units.sum()), 0.0)


def _variance(share: Floats, n: Floats) -> Floats:
    """Variance of a share of ``n``, drawn towards a half: ten of ten are not proof of always."""
    drawn = (share * n + 1) / (n + 2)
    return drawn * (1 - drawn) / n


def _told_error(scores: Scores) -> Floats:
    """Standard error of the share told less the share mistaken, of each class."""
    units = np.maximum(scores.units, 1)
    others = np.maximum(scores.units.sum() - scores.units, 1)
    return np.sqrt(_variance(scores.told, units) + _variance(scores.mistaken, others))


def _estimate(value: float, error: float, n: int, lowest: float) -> Estimate:
    reach = _TWO_SIDED_95 * error
    return Estimate(value=value, low=max(lowest, value - reach), high=min(1.0, value + reach), n=n)


def _beyond(size: _Judged, shape: _Judged) -> _Judged:
    """What the size tells of what the shape leaves."""
    told = np.clip(shape.told, 0.0, 0.999)
    closed = min(shape.facts.closed_share, 0.999)
    facts = dataclasses.replace(size.facts, closed_share=max(0.0, (size.facts.closed_share - closed) / (1 - closed)))
    return dataclasses.replace(
        size, facts=facts, told=(size.told - told) / (1 - told), told_error=size.told_error / (1 - told)
    )


def _pairs_apart(one: _Judged, shape: _Judged) -> PairsApart:
    upper = np.triu_indices(len(one.apart), 1)
    apart = one.apart[upper] >= _ALMOST_NO_ERROR
    if one.kind.name == "size":
        apart &= shape.apart[upper] < _ALMOST_NO_ERROR
    return PairsApart(
        what=one.kind.what, pairs=int(apart.sum()), share=float(apart.mean()), evidence=one.facts.evidence
    )


def _given_away(rows: Rows, made: Sequence[_Judged]) -> list[GivenAway]:
    """Each class with the kind that sets it apart most, those set apart most first."""
    lows = np.stack([one.told - _TWO_SIDED_95 * one.told_error for one in made])
    sizes = np.bincount(rows.labels[rows.split == 0], minlength=len(rows.classes))

    def key(label: int) -> tuple[float, ...]:
        seen = made[int(lows[:, label].argmax())].evidence[label]
        # Of two classes both are set apart; the one that has a value of its own is the one to name.
        return -round(float(lows[:, label].max()), 2), -round(seen.gain, 2), int(sizes[label])

    given = []
    for label in sorted(range(len(rows.classes)), key=key):
        one = made[int(lows[:, label].argmax())]
        seen = one.evidence[label]
        validated = None if one.validation is None else float(one.validation[label])
        given.append(
            GivenAway(
                label=printable(to_text(rows.classes[label])),
                kind=one.kind.name,
                what=one.kind.what,
                value=seen.value,
                class_share=seen.inside,
                others_share=seen.outside,
                told_apart=_estimate(float(one.told[label]), float(one.told_error[label]), int(sizes[label]), -1.0),
                validation_told_apart=None if validated is None or math.isnan(validated) else validated,
            )
        )
    return given


def _best(rows: Rows, evidence: Sequence[Evidence]) -> str:
    """The value that sets a class apart most, as words."""
    # Of two classes that differ alike, the smaller one is the exception.
    label = max(range(len(evidence)), key=lambda label: (round(evidence[label].gain, 2), label))
    seen = evidence[label]
    if seen.gain < _WORTH_NAMING:
        return "about the same in every class"
    name = printable(to_text(rows.classes[label]))
    return f"{seen.value} in {seen.inside:.0%} of {name} and {seen.outside:.0%} of the others"
