"""Facts of a run, from the series of its log."""

import math
import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from cvadvisor.facts.run import CurveFacts, GradientFacts, RunFacts, ScheduleFacts
from cvadvisor.inspect.logs import curves
from cvadvisor.inspect.logs.columns import quantities
from cvadvisor.inspect.logs.curves import MOST_IN_NOISE, Curve
from cvadvisor.inspect.logs.log import Array, Run, Series
from cvadvisor.inspect.printable import printable

# What a run is judged by: the first of these that it has on validation images.
_METRICS = (
    *("map", "dice", "iou", "f1", "auc", "accuracy", "map50", "r2", "error", "mae", "rmse", "mse"),
    *("precision", "recall", "top5_accuracy", "perplexity"),
)
_COUNTED = {"accuracy", "top5_accuracy"}
_ADAPTIVE = ("adam", "lamb", "lion", "adafactor", "adan")
_FINDS_ITS_RATE = ("dadapt", "prodigy")
_ROUNDED_RATE = 1e-4
_TINY = 1e-3
_PATIENCE = 5
_TIMED = ("step_seconds", "seconds")


def measure(run: Run, classes: int | None = None, largest_share: float | None = None) -> RunFacts:
    """What the run's log shows.

    Args:
        run: as a reader made it.
        classes: how many there are, where the dataset is known; else the run's configuration may say.
        largest_share: share of the largest class, where the dataset is known.
    """
    classes = classes or _whole(run.config.get("num_classes"))
    train_loss, validation_loss = _find(run, "train", "loss"), _find(run, "validation", "loss")
    name = _metric(run)
    metric = _find(run, "validation", name) if name else None
    train_metric = _find(run, "train", name) if name else None
    losses = [series for series in run.series if series.quantity == "loss"]
    losses = [series for series in losses if not series.part] or losses
    bad = [where for series in losses if (where := _first_not_finite(run, series)) is not None]
    train, validation = _curve_facts(run, train_loss), _curve_facts(run, validation_loss)
    judged, judged_train = _curve_facts(run, metric), _curve_facts(run, train_metric)
    schedule, optimizer = _schedule(run), _text(run.config.get("optimizer"))
    rates = _schedule_facts(run, schedule, train_loss or validation_loss) if schedule else None
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
        starts_anew=not _is_known(run.epoch) or bool(run.epoch.min() <= 1),
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
        metric_is_share=quantities()[name].share and not _is_lower_better(name) if name else None,
        metric_gap=_gap(judged, judged_train, lower_is_better=_is_lower_better(name)),
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
        gradient=_gradient_facts(run),
        slowdown=_slowdown(run),
        data_share=_data_share(run),
    )


def positions(run: Run, series: Series) -> Array:
    """Where each value of a series lies: at its epoch, else its step, else its row."""
    return axis(run)[series.rows]


def axis(run: Run) -> Array:
    """What the run counts in, for every row: epochs, with their rows spread over each, else steps, else rows."""
    if unit(run) == "epoch":
        return run.epoch
    return run.step if _is_known(run.step) else np.arange(run.rows, dtype=np.float64)


def unit(run: Run) -> Literal["epoch", "step", "row"]:
    """What :func:`axis` counts: 'epoch', 'step' or 'row'."""
    if _is_known(run.epoch) and run.epoch.min() < run.epoch.max():
        return "epoch"
    return "step" if _is_known(run.step) else "row"


def curve_of(run: Run, series: Series) -> Curve:
    """The series as a curve."""
    lower = _is_lower_better(series.quantity)
    x, y = positions(run, series), series.values
    if (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return curves.curve(x, y, lower_is_better=lower)


def main_series(run: Run) -> list[Series]:
    """The series that a reader of the report wants to see: losses, the metric, the learning rate."""
    name = _metric(run)
    wanted = [("train", "loss"), ("validation", "loss")]
    wanted += [("train", name), ("validation", name)] if name else []
    found = [series for split, quantity in wanted if (series := _find(run, split, quantity))]
    rate = _schedule(run)
    return [*found, *([rate] if rate else [])]


def _metric(run: Run) -> str | None:
    """What the run is judged by: the first of the usual metrics, or else of any, that it has on validation images."""
    others = (name for name, one in quantities().items() if one.better and name not in ("loss", *_METRICS))
    return next((name for name in (*_METRICS, *others) if _find(run, "validation", name)), None)


def _is_lower_better(quantity: str | None) -> bool:
    return quantity is not None and quantity in quantities() and quantities()[quantity].better == "lower"


def _is_known(counter: Array) -> bool:
    return bool(len(counter)) and bool(np.isfinite(counter).all())


def _find(run: Run, split: str, quantity: str) -> Series | None:
    found = [one for one in run.series if one.split == split and one.quantity == quantity and not one.part and len(one)]
    return max(found, key=len, default=None)


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
        return CurveFacts(column=printable(series.column), points=0, is_finite=bad is None, not_finite_epoch=bad)
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
        is_finite=bad is None,
        not_finite_epoch=bad,
        first=first,
        last=last,
        best=best,
        best_epoch=float(one.x[best_at]),
        last_epoch=float(one.x[-1]),
        points_after_best=len(one) - 1 - best_at,
        noise=spread,
        gain=gain,
        relative_gain=_over(gain, abs(first)),
        gain_in_noise=_in_noise(gain, spread),
        fallback=fallback,
        relative_fallback=_over(fallback, abs(best)),
        fallback_in_noise=_in_noise(fallback, spread),
        fallback_sureness=curves.fallback_sureness(one, best_at),
        late_gain=curves.late_gain(one),
        start_ratio=_ratio(first, float(np.median(one.y[1:]))) if len(one) >= 3 else None,
        constant_share=_constant_share(one.y),
        zeros=0 if curves.is_rounded_to_zero(series.values) else int((series.values == 0).sum()),
        next_gain=None if trend is None else trend[0] * quarter,
        relative_next_gain=None if trend is None else _over(trend[0] * quarter, abs(last)),
        slope_sureness=None if trend is None else trend[1],
        spikes=len(found) if spread is not None else None,
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


def _over(value: float, size: float) -> float | None:
    return value / size if size > 1e-12 else None


def _in_noise(value: float, spread: float | None) -> float | None:
    if spread is None:
        return None
    return min(MOST_IN_NOISE, value / spread) if spread > 0 else (MOST_IN_NOISE if value > 0 else 0.0)


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


def _schedule(run: Run) -> Series | None:
    rates = [one for one in run.series if one.quantity == "learning_rate" and np.isfinite(one.values).any()]
    return max(rates, key=lambda one: float(np.nanmax(one.values)), default=None)


def _schedule_facts(run: Run, series: Series, loss: Series | None) -> ScheduleFacts | None:
    finite = np.isfinite(series.values)
    x, y = positions(run, series)[finite], series.values[finite]
    highest, peak = float(y.max()), int(np.argmax(y))
    end = max(1, len(y) // 10)
    inner = y[end:-end]
    positive = y[y > 0]
    rounded = len(positive) > 0 and float(positive.min()) <= _ROUNDED_RATE and curves.is_rounded_to_zero(y)
    tiny_from, fall, start = 1.0, None, 0
    small = y < _TINY * highest
    if highest > 0 and small[-1] and peak < len(y) - 1:
        start = len(y) - int(np.argmin(small[::-1])) if not small.all() else 0
        span = float(x[-1] - x[0])
        if span > 0 and start < len(x):
            tiny_from = float((x[start] - x[0]) / span)
        if loss is not None and start < len(x):
            fall = _fall_after(curve_of(run, loss), float(x[start]))
    return ScheduleFacts(
        column=printable(series.column),
        first=float(y[0]),
        highest=highest,
        highest_epoch=float(x[peak]),
        last=float(y[-1]),
        decay=_over(float(y[-1]), highest),
        zero_share=float((inner == 0).mean()) if len(inner) and not rounded else 0.0,
        tiny_after=_over(float(y[max(0, start - max(1, len(y) // 10))]), float(y[start])) if tiny_from < 1 else None,
        tiny_from=tiny_from,
        loss_fall_while_tiny=fall,
        rises_when_loss_rises=None if loss is None else _rises_together(x, y, curve_of(run, loss)),
    )


def _fall_after(loss: Curve, start: float) -> float | None:
    after = loss.y[loss.x >= start]
    return _over(float(after[0] - np.median(after[-3:])), abs(float(after[0]))) if len(after) >= 3 else None


def _rises_together(x: Array, rate: Array, loss: Curve) -> bool | None:
    """Whether the loss climbed well beyond its noise in the stretch in which the rate climbed to its highest."""
    spread = curves.noise(loss.y)
    if spread is None or len(loss) < 5:
        return None
    if rate[0] >= 0.9 * rate.max():
        return False
    peak = float(x[int(np.argmax(rate))])
    rising = np.flatnonzero(loss.x <= peak + 0.1 * float(loss.x[-1] - loss.x[0]) + 1e-9)
    if len(rising) < 2:
        return False
    during = curves.smooth(loss.y)[rising]
    lowest = int(np.argmin(during))
    climbed = float(during[lowest:].max() - during[lowest])
    return bool(climbed > 5 * spread and climbed > 0.3 * abs(float(during[lowest])))


def _gradient_facts(run: Run) -> GradientFacts | None:
    norms = [one for one in run.series if one.quantity == "gradient_norm" and len(one)]
    if not norms:
        return None
    series = max(norms, key=len)
    x = positions(run, series)
    finite = np.isfinite(series.values)
    bad, y = np.flatnonzero(~finite), series.values[finite]
    share = len(bad) / len(series)
    made: dict[str, Any] = {"column": printable(series.column), "not_finite_share": share}
    if len(bad):
        made["not_finite_epoch"] = float(x[bad[0]])
    if len(y):
        fifth = max(1, len(y) // 5)
        early = max(1, len(y) // 20) if len(y) >= 4 else 0  # the first steps of a new head are large
        largest = early + int(np.argmax(y[early:]))
        middle = float(np.median(y))
        made |= {"start": float(np.median(y[:fifth])), "end": float(np.median(y[-fifth:]))}
        made |= {"largest": min(float(y[largest]), 1e30), "largest_epoch": float(x[finite][largest])}
        made["growth"] = min(float(y[largest]) / middle, 1e9) if middle > 0 else None
    return GradientFacts(**made)


def _slowdown(run: Run) -> float | None:
    for name in _TIMED:
        for series in run.series:
            if series.quantity == name and len(series) >= 6:
                third = len(series) // 3
                # The first value often holds the start-up.
                early, late = np.median(series.values[1 : 1 + third]), np.median(series.values[-third:])
                return float(min(late / early, 1e6)) if early > 0 and math.isfinite(late) else None
    return None


def _data_share(run: Run) -> float | None:
    data, step = (
        next((s for s in run.series if s.quantity == name and len(s)), None)
        for name in ("data_seconds", "step_seconds")
    )
    if data is None or step is None:
        return None
    whole = float(np.nanmedian(step.values))
    return float(np.clip(np.nanmedian(data.values) / whole, 0, 1)) if whole > 0 else None


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
