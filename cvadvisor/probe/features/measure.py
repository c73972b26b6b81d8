"""The probe: passes of the frozen backbone, the head that they give, and the analyses that the time allows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from cvadvisor.facts.features import FeatureFacts, StatisticsFacts
from cvadvisor.facts.seen import Curve
from cvadvisor.probe import regression
from cvadvisor.probe.declaration import Cost, Measured, NotChecked, Probe
from cvadvisor.probe.features import scaling, statistics
from cvadvisor.probe.features.class_value import class_value
from cvadvisor.probe.features.confusion import confusion
from cvadvisor.probe.features.forward import Features, features_of
from cvadvisor.probe.features.head import as_head, fit_head
from cvadvisor.probe.features.label_issues import (
    MOST_CLASSES,
    FoldPredictions,
    label_suspects,
    predict_out_of_fold,
)
from cvadvisor.probe.features.label_noise import ROUNDS, label_noise
from cvadvisor.probe.features.leak_candidates import leak_candidates
from cvadvisor.probe.features.outliers import outliers
from cvadvisor.probe.features.split_shift import split_shift

if TYPE_CHECKING:
    import numpy as np

    from cvadvisor.probe.session import Sample, Session

TRAIN_LADDER = (4000, 2000, 1000, 500, 250)
"""Training images to use, the largest that fits the time; held-out images are at most half as many."""
PASSES_SHARE = 0.6
"""Part of the time that decoding and the first pass may take: the rest is for what the features can tell."""
SUSPECTS_SHOWN = 24


def run(session: "Session") -> Measured:
    """Measure what frozen features can do.

    Raises:
        NotChecked: the backbone has no pretrained weights, or there are too few images.
    """
    from threadpoolctl import threadpool_limits

    assert session.facts is not None
    if not session.facts.pretrained:
        raise NotChecked("frozen features say nothing without pretrained weights", "--weights default or a FILE")
    session.seed_everything()
    train, held_out = _plan(session)
    model = session.fresh_model().eval()
    seen = _Seen(
        features_of(session, train, model),
        features_of(session, held_out, model),
        {sample.path: sample for sample in (*train, *held_out)},
    )
    if len(set(seen.train.labels.tolist())) < 2 or len(seen.held_out.labels) < 2:
        raise NotChecked("too few readable images to learn from and to test on")
    # matrix libraries that wait for each other's threads made these small fits fifty times slower
    with threadpool_limits(limits=1):
        return _measured(session, seen)


def cost(session: "Session") -> Cost:
    """Nominal seconds of the smallest and of the largest plan."""
    return Cost(*(_seconds(session, rung) for rung in (TRAIN_LADDER[-1], TRAIN_LADDER[0])))


PROBE = Probe("features", "Frozen features: what the backbone knows before training", "probe.features", run, cost)


@dataclass
class _Seen:
    """The features, and what the analyses make of them for each other."""

    train: Features
    held_out: Features
    samples: "dict[str, Sample]"
    predictions: FoldPredictions | None = None
    draws: scaling.ScalingDraws | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)

    @property
    def leaked(self) -> "np.ndarray":
        """Whether training holds each held-out image too."""
        import numpy as np

        return np.array([self.samples[path].leaked for path in self.held_out.paths])


@dataclass(frozen=True)
class _Analysis:
    """One of the things that features can tell: its name, its nominal seconds, and what does it."""

    name: str
    seconds: float
    run: "Callable[[Session, _Seen], None]"


def _measured(session: "Session", seen: _Seen) -> Measured:
    """Fit the head, then do every analysis that fits the time, the most valuable first."""
    facts = fit_head(session, seen.train, seen.held_out, seen.leaked)
    left = session.allowance - _passes_seconds(session, len(seen.train.labels), len(seen.held_out.labels))
    left -= _head_seconds(session, len(seen.train.labels))
    left_out: list[str] = []
    stopped = False
    for analysis in _analyses(session, len(seen.train.labels), len(seen.held_out.labels)):
        if stopped or analysis.seconds > left:
            left_out.append(analysis.name)
            continue
        left -= analysis.seconds
        try:
            analysis.run(session, seen)
        except NotChecked:  # the clock ran out: what is known stays known
            left_out.append(analysis.name)
            stopped = True
    return Measured(FeatureFacts(**facts, **seen.facts, left_out=tuple(left_out)), tuple(seen.curves))


def _analyses(session: "Session", images: int, held_out: int) -> list[_Analysis]:
    """What can be done, with nominal seconds for so many images, the most valuable first."""
    assert session.facts is not None
    classes = len(session.job.classes)
    components, checked = min(regression.COMPONENTS, images), min(classes, MOST_CLASSES)
    fit = partial(regression.fit_seconds, features=components)
    folds, penalties = regression.FOLDS, len(regression.PENALTIES)
    parts = sum((draws + penalties) / divisor for divisor, draws in scaling.PARTS)
    whole = regression.fit_seconds(images, session.facts.feature_dim, classes)
    again = _forward_seconds(session, min(images, statistics.MOST_IMAGES) + images + held_out)
    both = again + 2 * (whole + (penalties + folds) * fit(images, classes=classes))
    found = [
        _Analysis("label suspects", 2 * (penalties + folds) * fit(images, classes=checked), _labels),
        _Analysis("batch-norm statistics", both, _statistics),
        _Analysis("data scaling", parts * fit(images, classes=classes), _scaling),
        _Analysis("label noise", ROUNDS * folds * fit(images, classes=checked) + 1e-5 * images * checked, _noise),
        _Analysis("split shift", folds * regression.fit_seconds(3 * held_out, components, 2), _shift),
        _Analysis("confused classes", 0.1, _confusion),
        _Analysis("outliers", 1e-7 * images**2, _outliers),
        _Analysis("value of more images by class", 0.1, _class_value),
        _Analysis("leak candidates", 4.0 + 1e-7 * images * held_out, _leaks),
    ]
    if not session.facts.batch_norm_layers:
        found = [one for one in found if one.name != "batch-norm statistics"]
    if session.job.held_out_from != "validation":
        found = [one for one in found if one.name not in ("split shift", "leak candidates")]
    return found


def _labels(session: "Session", seen: _Seen) -> None:
    train = seen.train
    found = predict_out_of_fold([train.pooled, train.grid], train.labels, session.job.seed, session.tick)
    if found is None:
        return
    seen.predictions = found
    suspects = label_suspects(found, train.paths, session.job.classes)
    seen.facts |= {
        "label_check_images": len(found.rows),
        "label_check_classes": len(found.classes),
        "label_check_accuracy": found.accuracy,
        "label_suspects": len(suspects),
        "label_suspect_share": len(suspects) / len(found.rows),
        "label_suspect_examples": suspects[:SUSPECTS_SHOWN],
    }


def _noise(session: "Session", seen: _Seen) -> None:
    if seen.predictions is not None:
        seen.facts["label_noise"] = label_noise(seen.predictions, session.tick)


def _confusion(session: "Session", seen: _Seen) -> None:
    if seen.predictions is not None:
        seen.facts["confusion"] = confusion(seen.predictions, seen.train.paths, session.job.classes)


def _statistics(session: "Session", seen: _Seen) -> None:
    """Compare the two kinds of statistics; where the dataset's win, the session keeps them and their head."""
    train, held_out = ([seen.samples[path] for path in one.paths] for one in (seen.train, seen.held_out))
    pixels, _, _ = session.images(session.image_size, train)
    model = session.fresh_model()
    if not statistics.normalisations(model):
        return
    images = statistics.adapt(session, model, pixels)
    source = session.fresh_model()
    seen.facts["source_distance"] = statistics.divergence(source, model)
    try:
        adapted = tuple(features_of(session, samples, model) for samples in (train, held_out))
    except FloatingPointError:
        return
    labels, classes, seed = (seen.train.labels, seen.held_out.labels), len(session.job.classes), session.job.seed
    found: StatisticsFacts = statistics.compare(
        (seen.train.pooled, seen.held_out.pooled),
        (adapted[0].pooled, adapted[1].pooled),
        labels,
        classes,
        seed,
        images,
        session.tick,
    )
    seen.facts["statistics"] = found
    if found.best == "adapted":
        z, mean, std = regression.standardise(adapted[0].pooled)
        penalty = regression.choose_penalty(regression.compress(z), labels[0], classes, seed)
        session.features = {"x": adapted[0].pooled, "y": labels[0]}
        session.fitted_head = as_head(regression.fit(z, labels[0], penalty), mean, std, classes)
        session.statistics = statistics.state(model)


def _scaling(session: "Session", seen: _Seen) -> None:
    import numpy as np

    z, mean, std = regression.standardise(seen.train.pooled)
    z_held = (seen.held_out.pooled - mean) / std
    # one projection for both, of the training images alone
    basis = regression.components(z)
    if basis is not None:
        z, z_held = z @ basis, z_held @ basis
    clean = np.flatnonzero(~seen.leaked)
    if len(clean) < 2:
        return
    seen.draws = scaling.draw_parts(
        z,
        seen.train.labels,
        z_held[clean],
        seen.held_out.labels[clean],
        len(session.job.classes),
        session.job.seed,
        session.tick,
    )
    if seen.draws is not None:
        facts = scaling.scaling_facts(seen.draws, session.job.seed)
        seen.facts["scaling"] = facts
        seen.curves.append(scaling.scaling_curve(facts))


def _shift(session: "Session", seen: _Seen) -> None:
    import numpy as np

    clean = np.flatnonzero(~seen.leaked)
    held_out = seen.held_out
    seen.facts["shift"] = split_shift(
        (seen.train.pooled, seen.train.labels),
        (held_out.pooled[clean], held_out.labels[clean], [held_out.paths[i] for i in clean]),
        session.job.classes,
        session.job.seed,
        session.tick,
    )


def _outliers(session: "Session", seen: _Seen) -> None:
    train = seen.train
    seen.facts["outliers"] = outliers(train.grid, train.labels, train.paths, session.job.classes)


def _class_value(session: "Session", seen: _Seen) -> None:
    if seen.draws is not None:
        seen.facts["class_value"] = class_value(seen.draws, session.job.classes, session.job.seed)


def _leaks(session: "Session", seen: _Seen) -> None:
    seen.facts["leak_search"] = leak_candidates(session, seen.train, seen.held_out, seen.leaked, seen.samples)


def _plan(session: "Session") -> "tuple[list[Sample], list[Sample]]":
    """As many images as nominally fit this probe's time; at least the lowest rung."""
    for rung in TRAIN_LADDER:
        train, held_out = session.job.train[:rung], session.job.held_out[: rung // 2]
        passes = _passes_seconds(session, len(train), len(held_out))
        head = _head_seconds(session, len(train))  # with thousands of classes it costs more than the passes
        if passes <= PASSES_SHARE * session.allowance and passes + head <= session.allowance:
            break
    return train, held_out


def _seconds(session: "Session", rung: int) -> float:
    """Nominal seconds of everything with ``rung`` training images."""
    images, held_out = min(rung, len(session.job.train)), min(rung // 2, len(session.job.held_out))
    analyses = sum(analysis.seconds for analysis in _analyses(session, images, held_out))
    return _passes_seconds(session, images, held_out) + _head_seconds(session, images) + analyses


def _passes_seconds(session: "Session", images: int, held_out: int) -> float:
    """Decoding and one pass."""
    from cvadvisor.probe.session import DECODE_S

    return _forward_seconds(session, images + held_out) + DECODE_S * (images + held_out)


def _forward_seconds(session: "Session", images: int) -> float:
    return images * session.forward_seconds(session.image_size)


def _head_seconds(session: "Session", images: int) -> float:
    assert session.facts is not None
    classes = len(session.job.classes)
    choice = len(regression.PENALTIES) * regression.fit_seconds(images, regression.COMPONENTS, classes)
    return choice + regression.fit_seconds(images, session.facts.feature_dim, classes)
