"""A race of strategies: the same images, steps and seeds; held-out images judge.

:mod:`.strategies` says who races, :mod:`.running` is the probe, and :mod:`.outcome` compares what came of it.
"""

from cvadvisor.probe.race.running import PROBE, run

__all__ = ["PROBE", "run"]
