"""How a run was driven: its learning rate, its gradients, and its pace."""

import math
from typing import Any

import numpy as np

from cvadvisor.facts.run import GradientFacts, ScheduleFacts
from cvadvisor.inspect.logs import curves
from cvadvisor.inspect.logs.curves import Curve, ratio_of
from cvadvisor.inspect.logs.log import Array, Run, Series
from cvadvisor.inspect.logs.main_series import curve_of, positions
from cvadvisor.inspect.printable import printable

_ROUNDED_RATE = 1e-4
_TINY = 1e-3
_TIMED = ("step_seconds", "seconds")


def schedule_facts(run: Run, series: Series, loss: Series | None) -> ScheduleFacts | None:
    """What the learning rate does, and what the loss did while it climbed."""
    finite = np.isfinite(series.values)
    x, y = positions(run, series)[finite], series.values[finite]
    highest, peak = float(y.max()), int(np.argmax(y))
    end = max(1, len(y) // 10)
    inner = y[end:-end]
    positive = y[y > 0]
    rounded = len(positive) > 0 and float(positive.min()) <= _ROUNDED_RATE and curves.is_rounded_to_zero(y)
    tiny_from, start = 1.0, 0
    small = y < _TINY * highest
    if highest > 0 and small[-1] and peak < len(y) - 1:
        start = len(y) - int(np.argmin(small[::-1])) if not small.all() else 0
        span = float(x[-1] - x[0])
        if span > 0 and start < len(x):
            tiny_from = float((x[start] - x[0]) / span)
    climb = _climb(x, y, curve_of(run, loss)) if loss is not None else None
    return ScheduleFacts(
        column=printable(series.column),
        first=float(y[0]),
        highest=highest,
        last=float(y[-1]),
        decay=ratio_of(float(y[-1]), highest),
        zero_share=float((inner == 0).mean()) if len(inner) and not rounded else 0.0,
        tiny_after=ratio_of(float(y[max(0, start - max(1, len(y) // 10))]), float(y[start])) if tiny_from < 1 else None,
        tiny_from=tiny_from,
        climb=climb[0] if climb else None,
        climb_in_noise=climb[1] if climb else None,
    )


def _climb(x: Array, rate: Array, loss: Curve) -> tuple[float, float] | None:
    """How far the loss climbed while the rate did, or in the tenth of the run after: relatively, and in noise."""
    spread = curves.noise(loss.y)
    if spread is None or len(loss) < 5:
        return None
    peak = float(x[int(np.argmax(rate))])
    rising = np.flatnonzero(loss.x <= peak + 0.1 * float(loss.x[-1] - loss.x[0]) + 1e-9)
    if rate[0] >= 0.9 * rate.max() or len(rising) < 2:
        return 0.0, 0.0
    during = curves.smooth(loss.y)[rising]
    lowest = int(np.argmin(during))
    climbed = float(during[lowest:].max() - during[lowest])
    return min(climbed / max(abs(float(during[lowest])), 1e-12), 1e9), curves.in_noise(climbed, spread)


def gradient_facts(run: Run) -> GradientFacts | None:
    """What the norm of the gradient does."""
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


def slowdown(run: Run) -> float | None:
    """Median seconds an epoch or step of the last third over those of the first."""
    for name in _TIMED:
        for series in run.series:
            if series.quantity == name and len(series) >= 6:
                third = len(series) // 3
                # The first value often holds the start-up.
                early, late = np.median(series.values[1 : 1 + third]), np.median(series.values[-third:])
                return float(min(late / early, 1e6)) if early > 0 and math.isfinite(late) else None
    return None


def data_share(run: Run) -> float | None:
    """Share of a step's time that goes into waiting for data."""
    data, step = (
        next((s for s in run.series if s.quantity == name and len(s)), None)
        for name in ("data_seconds", "step_seconds")
    )
    if data is None or step is None:
        return None
    whole = float(np.nanmedian(step.values))
    return float(np.clip(np.nanmedian(data.values) / whole, 0, 1)) if whole > 0 else None
