"""Facts of a run, from the series of its log."""

import math
import re
from collections.abc import Sequence

import numpy as np

from cvadvisor.facts.run import CurveFacts, RunFacts
from cvadvisor.inspect.logs import curves
from cvadvisor.inspect.logs.columns import quantities
from cvadvisor.inspect.logs.curves import ratio_of
from cvadvisor.inspect.logs.log import Array, Run, Series
from cvadvisor.inspect.logs.main_series import (
    curve_of,
    find_series,
    is_known,
    is_lower_better,
    learning_rate_of,
    metric_of,
    positions,
    unit,
)
from cvadvisor.inspect.logs.progress import data_share, gradient_facts, schedule_facts, slowdown
from cvadvisor.inspect.printable import printable

_COUNTED = {"accuracy", "top5_accuracy"}
_ADAPTIVE = ("adam", "lamb", "lion", "adafactor", "adan")
_FINDS_ITS_RATE = ("dadapt", "prodigy")
_PATIENCE = 5


def measure(run: Run, classes: int | None = None, largest_share: float | None = None) -> RunFacts:
    """What the run's log shows.

    Args:
        run: as a reader made it.
        classes: how many there are, where the dataset is known; else the run's configuration may say.
        largest_share: share of the largest class, where the dataset is known.
    """
    classes = classes or _whole(run.config.get("num_classes"))
    train_loss, validation_loss = find_series(run, "train", "loss"), find_series(run, "validation", "loss")
    name = metric_of(run)
    metric = find_series(run, "validation", name) if name else None
    train_metric = find_series(run, "train", name) if name else None
    losses = [series for series in run.series if series.quantity == "loss"]
    losses = [series for series in losses if not series.part] or losses
    bad = [where for series in losses if (where := _first_not_finite(run, series)) is not None]
    train, validation = _curve_facts(run, train_loss), _curve_facts(run, validation_loss)
    judged, judged_train = _curve_facts(run, metric), _curve_facts(run, train_metric)
    schedule, optimizer = learning_rate_of(run), _text(run.config.get("optimizer"))
    rates = schedule_facts(run, schedule, train_loss or validation_loss) if schedule else None
    return RunFacts(
        path=printable(run.path.name),
        format=run.format,
        number=run.number,
        of=run.of,
        rows=run.rows,
        epochs=_epochs(run),
        planned_epochs=run.planned_epochs,
        planned_share=None if _is_checkpoint(run) else _ratio(_last_epoch(run), run.planned_epochs),
        is_cut=bool(run.cut),
        cut=run.cut or None,
        stopped_early=_stopped_early(run, judged, validation, train),
        disordered_rows=run.disordered_rows if unit(run) != "row" else None,
        unit=unit(run),
        starts_anew=not is_known(run.epoch) or bool(run.epoch.min() <= 1),
        has_validation=any(series.split == "validation" and len(series) for series in run.series),
        losses_are_finite=not bad if losses else None,
        not_finite_epoch=min(bad, default=None),
        train_loss=train,
        validation_loss=validation,
        metric=judged,
        train_metric=judged_train,
        has_train_metric=judged_train is not None and judged_train.points > 0,
        has_validation_loss=validation is not None and validation.points > 0,
        metric_step=1 / (curves.image_count(metric.values) or math.inf) if metric and name in _COUNTED else 0.0,
        has_metric=judged is not None and judged.points > 0,
        judged=judged or validation,
        judged_name=_in_words(name) if judged else "validation loss" if validation else None,
        spike_ratio=max((one.spike_ratio or 0.0 for one in (train, validation) if one), default=None),
        spike_epoch=_largest_spike(train, validation),
        metric_name=name,
        metric_is_share=quantities()[name].share and not is_lower_better(name) if name else None,
        metric_gap=_gap(judged, judged_train, lower_is_better=is_lower_better(name)),
        loss_gap=_ratio(validation.last if validation else None, train.last if train else None),
        loss_gap_growth=_gap_growth(run, train_loss, validation_loss),
        equal_share=_equal_share(run, ((train_loss, validation_loss), (train_metric, metric))),
        classes=classes,
        loss_over_chance=_loss_over_chance(validation or train, classes),
        metric_over_chance=_metric_over_chance(name, judged, classes, largest_share),
        optimizer=optimizer,
        is_adaptive=_is_adaptive(optimizer),
        learning_rate=rates,
        peak_learning_rate=rates.highest if rates else _number(run.config.get("lr")),
        gradient=gradient_facts(run),
        slowdown=slowdown(run),
        data_share=data_share(run),
    )


def _epochs(run: Run) -> int:
    if unit(run) == "epoch":
        if (run.epoch % 1 != 0).any():  # the share of the data seen so far: 3.0 is the end of the third
            return max(1, math.ceil(float(run.epoch.max())) - math.floor(float(run.epoch.min())))
        return int(np.unique(run.epoch).size)
    return max((len(series) for series in run.series), default=0)


def _last_epoch(run: Run) -> float:
    """Epochs up to the end of the log; a run that was resumed does not begin with the first."""
    last = float(run.epoch.max())
    counts_parts = bool((run.epoch % 1 != 0).any())
    return last if counts_parts or run.epoch.min() > 0 else last + 1


def _first_not_finite(run: Run, series: Series) -> float | None:
    bad = np.flatnonzero(~np.isfinite(series.values))
    return float(positions(run, series)[bad[0]]) if len(bad) else None


def _curve_facts(run: Run, series: Series | None) -> CurveFacts | None:
    if series is None:
        return None
    one = curve_of(run, series)
    bad = _first_not_finite(run, series)
    if not len(one):
        return CurveFacts(column=printable(series.column), points=0, not_finite_epoch=bad)
    sign = 1.0 if one.lower_is_better else -1.0
    best_at = curves.best_of(one)
    first, last = float(one.y[0]), curves.last_of(one)
    best = float(curves.smooth(one.y)[best_at])
    spread = curves.noise(one.y)
    gain, fallback = max(0.0, sign * (first - best)), max(0.0, sign * (last - best))
    trend = curves.end_trend(one)
    quarter = 0.25 * float(one.x[-1] - one.x[0])
    found, fallen = curves.spikes(one) if series.quantity == "loss" else [], curves.collapse(one)
    largest = max(found, key=lambda spike: spike.ratio, default=None)
    span = float(one.y.max() - one.y.min())
    return CurveFacts(
        column=printable(series.column),
        points=len(one),
        not_finite_epoch=bad,
        first=first,
        last=last,
        best=best,
        best_epoch=float(one.x[best_at]),
        last_epoch=float(one.x[-1]),
        points_after_best=len(one) - 1 - best_at,
        noise=spread,
        gain=gain,
        relative_gain=ratio_of(gain, abs(first)),
        fallback=fallback,
        relative_fallback=ratio_of(fallback, abs(best)),
        fallback_in_noise=None if spread is None else curves.in_noise(fallback, spread),
        fallback_sureness=curves.fallback_sureness(one, best_at),
        late_gain=curves.late_gain(one),
        start_ratio=_ratio(first, float(np.median(one.y[1:]))) if len(one) >= 3 else None,
        constant_share=_constant_share(one.y),
        zeros=0 if curves.is_rounded_to_zero(series.values) else int((series.values == 0).sum()),
        next_gain=None if trend is None else trend[0] * quarter,
        relative_next_gain=None if trend is None else ratio_of(trend[0] * quarter, abs(last)),
        slope_sureness=None if trend is None else trend[1],
        spike_epoch=largest.x if largest else None,
        spike_ratio=largest.ratio if largest else None,
        collapse=fallen[0] if fallen else None,
        collapse_epoch=fallen[1] if fallen else None,
        turning_share=curves.turning_share(one),
        relative_noise=None if spread is None or span <= 0 else spread / span,
    )


def _in_words(name: str | None) -> str:
    return f"validation {name.replace('_', ' ')}" if name else ""


def _largest_spike(*losses: CurveFacts | None) -> float | None:
    largest = max((one for one in losses if one), key=lambda one: one.spike_ratio or 0.0, default=None)
    return largest.spike_epoch if largest else None


def _is_adaptive(optimizer: str | None) -> bool | None:
    if optimizer is None:
        return None
    return any(word in optimizer for word in _ADAPTIVE) and not any(word in optimizer for word in _FINDS_ITS_RATE)


def _is_checkpoint(run: Run) -> bool:
    """Whether the log is the part that a checkpoint in the middle of the run keeps, or counts no epochs."""
    return unit(run) != "epoch" or re.search(r"checkpoint-\d+", str(run.path)) is not None


def _stopped_early(run: Run, *watched: CurveFacts | None) -> bool:
    """Whether it went on for as many epochs after the best of what may have been watched as its patience allows."""
    patience = _number(run.config.get("patience"))
    # What was watched was compared value by value, and the best is that of running medians: they differ a little.
    enough = 0.6 * patience if patience and patience > 0 else _PATIENCE
    return any(one.points_after_best is not None and one.points_after_best >= enough for one in watched if one)


def _constant_share(y: Array) -> float | None:
    if len(y) < 3:
        return None
    return float(np.unique(y, return_counts=True)[1].max() / len(y))


def _gap(validation: CurveFacts | None, train: CurveFacts | None, *, lower_is_better: bool) -> float | None:
    if validation is None or train is None or validation.last is None or train.last is None:
        return None
    return (train.last - validation.last) * (-1 if lower_is_better else 1)


def _ratio(upper: float | None, lower: float | None) -> float | None:
    if upper is None or lower is None or lower <= 1e-9:
        return None
    return float(min(upper / lower, 1e9))


def _gap_growth(run: Run, train: Series | None, validation: Series | None) -> float | None:
    if train is None or validation is None:
        return None
    one, other = curve_of(run, train), curve_of(run, validation)
    if min(len(one), len(other)) < 6:
        return None
    early, late = (
        _ratio(float(np.median(part(other))), float(np.median(part(one))))
        for part in (lambda c: c.y[: len(c) // 3], lambda c: c.y[-(len(c) // 3) :])
    )
    return _ratio(late, early)


def _equal_share(run: Run, pairs: Sequence[tuple[Series | None, Series | None]]) -> float | None:
    shares = []
    for train, validation in pairs:
        if train is None or validation is None:
            continue
        one, other = curve_of(run, train), curve_of(run, validation)
        shared, at, other_at = np.intersect1d(np.floor(one.x), np.floor(other.x), return_indices=True)
        # A value that comes again, such as an accuracy of 1, may be equal for other reasons.
        _, first = np.unique(one.y[at], return_index=True)
        if len(shared) >= 3 and len(first) >= 3:
            shares.append(float((one.y[at] == other.y[other_at])[first].mean()))
    return max(shares, default=None)


def _loss_over_chance(loss: CurveFacts | None, classes: int | None) -> float | None:
    if loss is None or loss.best is None or not classes or classes < 2 or loss.column.startswith("sum of "):
        return None
    return loss.best / math.log(classes)


def _metric_over_chance(
    name: str | None, metric: CurveFacts | None, classes: int | None, largest: float | None
) -> float | None:
    if name != "accuracy" or metric is None or metric.best is None or not (largest or classes):
        return None
    return metric.best - (largest or 1 / max(1, classes or 1))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 2 <= number <= 1e6 else None


def _text(value: object) -> str | None:
    return printable(value)[:40].lower() if isinstance(value, str) and value.strip() else None
