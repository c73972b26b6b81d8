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
class Cost:
    """What a probe costs, in nominal seconds of this session's device.

    Attributes:
        least_s: its smallest plan that still says something.
        most_s: its largest plan that is worth its time.
    """

    least_s: float
    most_s: float


@dataclass(frozen=True)
class Probe:
    """A probe: what it measures and needs, what that costs, and its code.

    Attributes:
        name: what ``cvadvisor probe`` and the worker call it.
        title: what a user reads while it runs.
        provides: the fact it provides, such as 'probe.features'.
        run: measures. ``session.allowance`` holds the seconds that it may plan with.
        cost: what it costs for the session's model, image size, device and data; it may raise :class:`NotChecked`, as
            ``run`` would.
        needs: names of the probes whose results it starts from; without them it is not run.
        uses: names of the probes whose results it uses where there are any; they run before.
    """

    name: str
    title: str
    provides: str
    run: "Callable[[Session], Measured]"
    cost: "Callable[[Session], Cost]"
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
