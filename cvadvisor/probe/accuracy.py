"""An accuracy with its uncertainty."""

from math import sqrt
from typing import TYPE_CHECKING

from cvadvisor.facts import Estimate

if TYPE_CHECKING:
    import numpy as np

Z95 = 1.96
"""Standard errors on each side of a value that make a 95 % interval."""


def accuracy(hits: "np.ndarray") -> Estimate:
    """The share of true ``hits`` (images,), of which there is at least one, with its 95 % Wilson interval."""
    n, p, z = len(hits), float(hits.mean()), Z95
    centre, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Estimate(value=p, low=max(0.0, (centre - half) / scale), high=min(1.0, (centre + half) / scale), n=n)
