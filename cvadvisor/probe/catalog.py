"""The probes, in the order in which they run: later ones use what earlier ones left."""

from cvadvisor.probe import features, lr_range, overfit_batch
from cvadvisor.probe.declaration import Probe

PROBES: tuple[Probe, ...] = (features.PROBE, lr_range.HEAD, overfit_batch.PROBE, lr_range.FULL)


def probe_named(name: str) -> Probe:
    """The probe called ``name``."""
    return next(probe for probe in PROBES if probe.name == name)
