"""What one series does: its noise, its best, its trend at the end, spikes and collapses. Plain numbers in and out.

Nothing rests on a single value: the best is the best of running medians, and a difference counts by the noise that
neighbouring values show.
"""

from dataclasses import dataclass

import numpy as np

from cvadvisor.inspect.logs.log import Array

MOST_IN_NOISE = 1_000.0
_MOST_POINTS = 400
_FEWEST_FOR_NOISE = 4
_SPIKE_IN_NOISE, _SPIKE_RATIO, _SPIKE_LENGTH = 8.0, 1.5, 3
_TURN_IN_NOISE = 1.0
_MOST_COUNTED = 5_000


@dataclass(frozen=True, eq=False)
class Curve:
    """One value a point: ``x`` (n,) ascending epochs, steps or rows; ``y`` (n,) finite. Lower is better or not."""

    x: Array
    y: Array
    lower_is_better: bool

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Spike:
    """An isolated rise of a loss: where, and how many times what was usual around it."""

    x: float
    ratio: float


def curve(x: Array, y: Array, *, lower_is_better: bool) -> Curve:
    """A curve of the finite values: those of one epoch become their mean, and of very many, neighbours theirs.

    ``x`` (n,) ascends.
    """
    finite = np.isfinite(y) & np.isfinite(x)
    x, y = x[finite], y[finite].clip(-1e30, 1e30)
    if not len(x):
        return Curve(x, y, lower_is_better)
    new = np.diff(np.floor(x), prepend=-np.inf) > 0
    epochs = int(new.sum())
    if epochs >= 3 and len(x) >= 1.5 * epochs:
        x, y = _mean_by(np.flatnonzero(new), x, y)
    if len(x) > _MOST_POINTS:
        x, y = _mean_by(np.arange(_MOST_POINTS) * len(x) // _MOST_POINTS, x, y)
    return Curve(x, y, lower_is_better)


def _mean_by(starts: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Last ``x`` and mean ``y`` of each stretch, given where each starts."""
    ends = np.append(starts[1:], len(x))
    return x[ends - 1], np.add.reduceat(y, starts) / (ends - starts)


def noise(y: Array) -> float | None:
    """Standard deviation of single values around a smooth curve, from second differences; robust against jumps."""
    if len(y) < _FEWEST_FOR_NOISE:
        return None
    bends = y[1:-1] - (y[:-2] + y[2:]) / 2
    return float(1.4826 * np.median(np.abs(bends)) / np.sqrt(1.5))


def smooth(y: Array) -> Array:
    """Running medians of three; each end is the median of itself, its neighbour and what their line foretells.

    Fewer than five values are left as they are.
    """
    if len(y) < 5:
        return y
    middle = np.median(np.stack([y[:-2], y[1:-1], y[2:]]), axis=0)
    start = np.median([y[0], middle[0], 3 * middle[0] - 2 * middle[min(1, len(middle) - 1)]])
    end = np.median([y[-1], middle[-1], 3 * middle[-1] - 2 * middle[max(-2, -len(middle))]])
    return np.concatenate([[start], middle, [end]])


def best_of(one: Curve) -> int:
    """Where the smoothed curve is best: the first place of equals."""
    smoothed = smooth(one.y)
    return int(np.argmin(smoothed) if one.lower_is_better else np.argmax(smoothed))


def last_of(one: Curve) -> float:
    """Its last value: of five or more, the median of the last three."""
    return float(np.median(one.y[-3:]) if len(one) >= 5 else one.y[-1])


def end_trend(one: Curve) -> tuple[float, float] | None:
    """Slope of the last third (at least four points) an x, positive where it gets better, and it over its error."""
    count = max(4, len(one) // 3)
    if len(one) < count or one.x[-1] == one.x[-count]:
        return None
    x, y = one.x[-count:] - one.x[-count:].mean(), one.y[-count:]
    spread = float((x**2).sum())
    slope = float((x * y).sum() / spread)
    rest = y - y.mean() - slope * x
    deviation = max(float(np.sqrt((rest**2).sum() / (count - 2))), noise(one.y) or 0.0, 1e-9 * float(np.abs(y).max()))
    error = deviation / np.sqrt(spread)
    better = -slope if one.lower_is_better else slope
    return better, float(np.clip(better / error, -MOST_IN_NOISE, MOST_IN_NOISE)) if error > 0 else 0.0


def fallback_sureness(one: Curve, best: int) -> float | None:
    """How much worse the second half of what follows the best is than what lies around it, in standard errors."""
    spread = noise(one.y)
    after = one.y[best + 1 :]
    if spread is None or len(after) < 3:
        return None
    late, around = after[len(after) // 2 :], one.y[max(0, best - 2) : best + 3]
    worse = float(late.mean() - around.mean()) * (1 if one.lower_is_better else -1)
    error = spread * np.sqrt(1 / len(late) + 1 / len(around))
    if error <= 0:
        return MOST_IN_NOISE if worse > 0 else 0.0
    return float(np.clip(worse / error, -MOST_IN_NOISE, MOST_IN_NOISE))


def late_gain(one: Curve) -> float | None:
    """How much better it gets after its first fifth (at least two points), over the best value in that."""
    start = max(2, len(one) // 5)
    if len(one) < start + 2:
        return None
    sign = 1 if one.lower_is_better else -1
    early, late = float((sign * one.y[:start]).min()), float((sign * smooth(one.y)[start:]).min())
    return max(0.0, early - late) / abs(early) if abs(early) > 1e-12 else None


def image_count(shares: Array) -> int | None:
    """How many images shares were counted over, where few enough that their steps show: 20 for 0.85, 0.9, 0.75.

    The shares are taken to be rounded to four digits or more. ``None`` where no number below 500 explains all of them
    better than chance would.
    """
    distinct = np.unique(shares[(shares > 0) & (shares < 1)]) if len(shares) <= _MOST_COUNTED else shares[:0]
    if len(distinct) < 3:
        return None
    for images in range(2, 500):
        off = np.abs(distinct * images - np.round(distinct * images)).max()
        tolerance = 6e-5 * images + 1e-9
        if off <= tolerance and images * (2 * tolerance) ** len(distinct) < 1e-4:
            return images
    return None


def is_rounded_to_zero(values: Array) -> bool:
    """Whether zeros among them may be small numbers that were printed with few digits: the least other is 0.01, say."""
    positive = values[values > 0]
    if not len(positive):
        return False
    digits = -np.log10(positive.min())
    return bool(digits > 0.5 and abs(digits - np.round(digits)) < 1e-6)


def spikes(one: Curve) -> list[Spike]:
    """Short rises of a loss far above both sides of it, of at most three values that come back."""
    spread = noise(one.y)
    if spread is None or len(one) < 6:
        return []
    found, index = [], 1
    while index < len(one):
        before = float(np.median(one.y[max(0, index - 4) : index]))
        height = one.y[index] - before
        if height > _SPIKE_IN_NOISE * spread and one.y[index] > _SPIKE_RATIO * before > 0:
            back = np.flatnonzero(one.y[index + 1 : index + 1 + _SPIKE_LENGTH] < before + 0.3 * height)
            if len(back):
                found.append(Spike(float(one.x[index]), min(float(one.y[index] / before), 1e9)))
                index += int(back[0]) + 1
                continue
        index += 1
    return found


def collapse(one: Curve) -> tuple[float, float] | None:
    """Deepest fall of a metric below its best so far, as a share of its best of all, and where.

    It counts what at least two values in a row share, and in long runs one value in thirty.
    """
    length = max(2, len(one) // 30)
    if len(one) < length + 2 or one.lower_is_better:
        return None
    so_far = np.maximum.accumulate(smooth(one.y))[:-length]
    fallen = np.lib.stride_tricks.sliding_window_view(one.y[1:], length).max(1)
    highest = float(smooth(one.y).max())
    depth = (so_far - fallen) / highest if highest > 1e-9 else np.zeros(len(so_far))
    worst = int(np.argmax(depth))
    return max(0.0, float(depth[worst])), float(one.x[1 + worst])


def turning_share(one: Curve) -> float | None:
    """Share of the inner points that are peaks or troughs, higher or lower than both neighbours beyond noise."""
    spread = noise(one.y)
    if spread is None or len(one) < 6:
        return None
    left, right = one.y[1:-1] - one.y[:-2], one.y[1:-1] - one.y[2:]
    clear = np.minimum(np.abs(left), np.abs(right)) > max(_TURN_IN_NOISE * spread / 2, 1e-12)
    return float((clear & (np.sign(left) == np.sign(right))).mean())


def ratio_of(value: float, size: float) -> float | None:
    """``value`` over ``size``, where that is not as good as nothing."""
    return value / size if size > 1e-12 else None


def in_noise(value: float, spread: float) -> float:
    """A difference over the noise of a single value, 1,000 at most."""
    return min(MOST_IN_NOISE, value / spread) if spread > 0 else (MOST_IN_NOISE if value > 0 else 0.0)
