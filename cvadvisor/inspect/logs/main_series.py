"""Which of a run's series is what it is judged by, and where the values of a series lie."""

from typing import Literal

import numpy as np

from cvadvisor.inspect.logs import curves
from cvadvisor.inspect.logs.columns import quantities
from cvadvisor.inspect.logs.curves import Curve
from cvadvisor.inspect.logs.log import Array, Run, Series

# What a run is judged by: the first of these that it has on validation images.
_METRICS = (
    *("map", "dice", "iou", "f1", "auc", "accuracy", "map50", "r2", "error", "mae", "rmse", "mse"),
    *("precision", "recall", "top5_accuracy", "perplexity"),
)


def positions(run: Run, series: Series) -> Array:
    """Where each value of a series lies: at its epoch, else its step, else its row."""
    return axis(run)[series.rows]


def axis(run: Run) -> Array:
    """What the run counts in, for every row: epochs, with their rows spread over each, else steps, else rows."""
    if unit(run) == "epoch":
        return run.epoch
    return run.step if is_known(run.step) else np.arange(run.rows, dtype=np.float64)


def unit(run: Run) -> Literal["epoch", "step", "row"]:
    """What :func:`axis` counts: 'epoch', 'step' or 'row'."""
    if is_known(run.epoch) and run.epoch.min() < run.epoch.max():
        return "epoch"
    return "step" if is_known(run.step) else "row"


def curve_of(run: Run, series: Series) -> Curve:
    """The series as a curve."""
    lower = is_lower_better(series.quantity)
    x, y = positions(run, series), series.values
    if (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return curves.curve(x, y, lower_is_better=lower)


def main_series(run: Run) -> list[Series]:
    """The series that a reader of the report wants to see: losses, the metric, the learning rate."""
    name = metric_of(run)
    wanted = [("train", "loss"), ("validation", "loss")]
    wanted += [("train", name), ("validation", name)] if name else []
    found = [series for split, quantity in wanted if (series := find_series(run, split, quantity))]
    rate = learning_rate_of(run)
    return [*found, *([rate] if rate else [])]


def metric_of(run: Run) -> str | None:
    """What the run is judged by: the first of the usual metrics, or else of any, that it has on validation images."""
    others = (name for name, one in quantities().items() if one.better and name not in ("loss", *_METRICS))
    return next((name for name in (*_METRICS, *others) if find_series(run, "validation", name)), None)


def is_lower_better(quantity: str | None) -> bool:
    """Whether less of a quantity is better."""
    return quantity is not None and quantity in quantities() and quantities()[quantity].better == "lower"


def is_known(counter: Array) -> bool:
    """Whether every row has its epoch or step."""
    return bool(len(counter)) and bool(np.isfinite(counter).all())


def find_series(run: Run, split: str, quantity: str) -> Series | None:
    """The whole of a quantity, as a split has it; the longest of several."""
    found = [one for one in run.series if one.split == split and one.quantity == quantity and not one.part and len(one)]
    return max(found, key=len, default=None)


def learning_rate_of(run: Run) -> Series | None:
    """The learning rate; of several groups of parameters, the one with the highest."""
    rates = [one for one in run.series if one.quantity == "learning_rate" and np.isfinite(one.values).any()]
    return max(rates, key=lambda one: float(np.nanmax(one.values)), default=None)
