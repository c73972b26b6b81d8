"""One pass of frozen features, which serves many facts: what the backbone knows before any training.

:mod:`.measure` is the probe; :mod:`.forward` makes the features; every other file is one analysis of them.
"""

from cvadvisor.probe.features.measure import PROBE, run

__all__ = ["PROBE", "run"]
