"""Where values land in a chart: ranges, round ticks, and the width of text. No drawing."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from cvadvisor.outputs.figures import number, rate, visible

# Text is 12 units high on a wide page and 15 on a phone; this is enough for a character of either.
CHARACTER = 9.0

# Beyond these a coordinate is noise, and differences of it could overflow.
_HUGE = 1e15
_TINY = 1e-15


@dataclass(frozen=True)
class Frame:
    """The plotting area in the drawing, and the ranges of the values that it shows."""

    left: float
    right: float
    top: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_log: bool
    y_log: bool = False

    def x(self, value: float) -> float:
        """Where ``value`` lies across."""
        return self.left + _share(value, self.x_range, self.x_log) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Where ``value`` lies from the top."""
        return self.bottom - _share(value, self.y_range, self.y_log) * (self.bottom - self.top)


def _share(value: float, ends: tuple[float, float], log: bool) -> float:
    """How far ``value`` lies along the range: 0 at its low end, 1 at its high one."""
    low, high = map(math.log10, ends) if log else ends
    return ((math.log10(value) if log else value) - low) / (high - low)


def drawable(value: float, *, log: bool = False) -> float:
    """``value``, held within what a chart can draw."""
    return max(_TINY if log else -_HUGE, min(_HUGE, value))


def vertical_range(lines: Sequence[Sequence[float]], x_log: bool) -> tuple[tuple[float, float], bool]:
    """The range to show, and whether higher values are cut off.

    A range test ends where the loss explodes. Where a line first falls and later rises to far above its start, the
    range stops a little above the start, so that the fall is what one sees.
    """
    values = sorted(itertools.chain.from_iterable(lines))
    low, high, first = values[0], values[-1], max(line[0] for line in lines)
    fall = max(line[0] - min(line) for line in lines)
    mostly_low = x_log or values[len(values) // 2] <= first
    if fall > 0.02 * abs(first) and mostly_low and high > first + fall:
        return padded(low, first + 0.4 * fall), True
    return padded(low, high), False


def padded(low: float, high: float, *, exact: bool = False) -> tuple[float, float]:
    """A range with air at its ends, and never empty; ``exact`` leaves a range that is wide enough as it is."""
    if high - low <= max(1e-12 * abs(high), _TINY):
        margin = abs(low) * 0.1 or 0.5
        return low - margin, high + margin
    margin = 0.0 if exact else (high - low) * 0.06
    # A loss, a share or a count that stays above zero has no axis below it.
    return (max(low - margin, 0.0) if low >= 0 else low - margin), high + margin


def padded_log(low: float, high: float) -> tuple[float, float]:
    """A logarithmic range, never empty."""
    return (low / 3, high * 3) if high / low < 1 + 1e-9 else (low, high)


def padded_octaves(low: float, high: float) -> tuple[float, float]:
    """A range of lengths with air at its ends, two octaves wide or more."""
    air = max(0.4, 1 - math.log2(high / low) / 2)
    return low / 2**air, high * 2**air


def ticks(low: float, high: float, *, whole: bool = False) -> dict[float, str]:
    """About five round values between ``low`` and ``high``, and how to write them; ``whole`` wants whole numbers."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    factors = (1, 2, 5, 10) if whole and power < 10 else (1, 2, 2.5, 5, 10)
    step = next(factor * power for factor in factors if factor * power >= rough * 0.999)
    step = max(step, 1.0) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [index * step for index in range(first, last + 1)] or [low]
    if max(map(abs, values)) >= 1e6 or step < 1e-4:
        return {value: number(value) for value in values}
    digits = next((digits for digits in range(7) if all(abs(round(v, digits) - v) < step / 1000 for v in values)), 7)
    return {value: f"{value:,.{digits}f}" for value in values}


def log_ticks(low: float, high: float) -> dict[float, str]:
    """Powers of ten, thinned where there are many; 1, 2 and 5 of each where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / 8))
    factors = (1, 2, 5) if math.log10(high / low) < 2 else (1,)
    values = [float(f"{factor}e{power}") for power in range(first, last + 1, every) for factor in factors]
    return {value: rate(value) for value in values if low * 0.999 <= value <= high * 1.001} or {low: rate(low)}


def octave_ticks(low: float, high: float, *, most: int) -> dict[float, str]:
    """Powers of two, as lengths in pixels tend to be, thinned where there are more than ``most``.

    Where they are three or fewer, the values halfway to the next stand among them.
    """
    first, last = math.ceil(math.log2(low)), math.floor(math.log2(high))
    every = max(1, math.ceil((last - first + 1) / most))
    values = [2.0**power for power in range(first + -first % every, last + 1, every)]
    if len(values) <= 3:
        halfway = [1.5 * 2.0**power for power in range(first - 1, last + 1)]
        values = sorted([*values, *(value for value in halfway if low <= value <= high)])
    return {value: f"{value:,.0f}" if value >= 1 else number(value) for value in values}


def cells(text: str) -> int:
    """How many narrow characters wide ``text`` is: an ideograph or an emoji takes two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)


def width(text: str) -> float:
    """About how wide ``text`` is drawn."""
    return CHARACTER * cells(text)


def shortened(text: str, most_cells: int) -> str:
    """``text`` on one line in at most ``most_cells``, its middle replaced by an ellipsis where it is longer.

    Names that are long often differ only at their ends: ``class_0001``, ``class_0002``.
    """
    text = visible(text)
    if cells(text) <= most_cells:
        return text
    kept = most_cells - 1
    start = _fitting(text, kept - kept // 3)
    end = _fitting(text[::-1], kept // 3)[::-1]
    return f"{start.rstrip()}…{end.lstrip()}"


def _fitting(text: str, most_cells: int) -> str:
    """As much of the beginning of ``text`` as fits."""
    ends = itertools.takewhile(lambda end: cells(text[:end]) <= most_cells, range(len(text) + 1))
    return text[: max(ends)]
