"""A few noisy timings as one estimate."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from cvadvisor.facts import Estimate

_T975 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)


def mean_interval(values: Sequence[float]) -> Estimate:
    """The mean of at least one of ``values`` with its 95 % interval by Student's t; one value is its own interval."""
    mean, half = fmean(values), 0.0
    if len(values) > 1:
        half = student(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Estimate(value=mean, low=mean - half, high=mean + half, n=len(values))


def duration_interval(values: Sequence[float]) -> Estimate:
    """As :func:`mean_interval`, of durations, which are never below zero."""
    estimate = mean_interval(values)
    return Estimate(value=estimate.value, low=max(0.0, estimate.low), high=estimate.high, n=estimate.n)


def ratio_interval(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """The ratio of paired positive timings: their geometric mean ratio with its 95 % interval."""
    logs = [math.log(a / b) for a, b in zip(numerators, denominators, strict=True)]
    estimate = mean_interval(logs)
    low, high = (math.exp(max(-50.0, min(50.0, end))) for end in (estimate.low, estimate.high))
    return Estimate(value=math.exp(estimate.value), low=low, high=high, n=estimate.n)


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """``estimate`` in another unit."""
    return Estimate(value=estimate.value * factor, low=estimate.low * factor, high=estimate.high * factor, n=estimate.n)


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t with ``freedom`` degrees of freedom, within 1 %."""
    return _T975[freedom - 1] if freedom <= len(_T975) else 1.96 + 2.5 / freedom
