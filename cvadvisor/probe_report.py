"""What one probe alone gave: the one result that every output of ``cvadvisor probe`` renders."""

from dataclasses import dataclass

from cvadvisor.facts import Facts
from cvadvisor.facts.seen import Check, Curve


@dataclass(frozen=True)
class ProbeReport:
    """What a probe gave.

    Attributes:
        check: what became of it.
        before: what became of the model, and of the probes that it needs.
        facts: all that was measured.
        curves: what the probe saw.
        about: on what it was measured, in a line.
        seconds: time that it all took, the starting of the process and what it needs included.
    """

    check: Check
    before: tuple[Check, ...]
    facts: Facts
    curves: tuple[Curve, ...]
    about: str
    seconds: float

    @property
    def is_done(self) -> bool:
        """Whether it measured anything."""
        return self.check.status == "done"
