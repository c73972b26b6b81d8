"""What a probe declares of itself, and the signals it may give while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cvadvisor.facts.seen import Curve

if TYPE_CHECKING:
    from cvadvisor.probe.session import Session


class NotChecked(Exception):
    """The probe can't run here. ``enable`` says what would let it."""

    def __init__(self, reason: str, enable: str | None = None) -> None:
        super().__init__(reason)
        self.enable = enable


@dataclass(frozen=True)
class Measured:
    """What a probe found.

    Attributes:
        facts: an instance of the facts class that the probe provides.
        curves: charts of what it saw.
    """

    facts: Any
    curves: tuple[Curve, ...] = field(default=())


@dataclass(frozen=True)
class Probe:
    """A probe: what it measures, which fact it provides, the share of the budget it may plan with, and its code."""

    name: str
    title: str
    provides: str
    share: float
    run: "Callable[[Session], Measured]"
