"""The probes, in the order in which they run: later ones use what earlier ones left."""

from cvadvisor.probe import batch_size, features, lr_choice, lr_range, overfit_batch, race
from cvadvisor.probe.declaration import Probe

PROBES: tuple[Probe, ...] = (
    features.PROBE,
    lr_range.HEAD,
    overfit_batch.PROBE,
    lr_range.FULL,
    batch_size.PROBE,  # before those that can use any time, and that train with its batch
    race.PROBE,
    lr_choice.PROBE,  # of the strategy that won
)
