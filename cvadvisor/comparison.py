"""What comparing two runs, or two audits, gives."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["A", "B", "neither", "unknown"]


@dataclass(frozen=True)
class Difference:
    """Something that A and B say differently; ``None`` where one does not say it."""

    name: str
    a: str | None
    b: str | None


@dataclass(frozen=True)
class Side:
    """One run of a comparison. ``best`` is of running medians of three, ``noise`` of a single value."""

    path: str
    about: str
    best: float | None = None
    best_at: float | None = None
    last: float | None = None
    noise: float | None = None


@dataclass(frozen=True)
class LogComparison:
    """Two runs by the best value of one series.

    Attributes:
        a: the first run.
        b: the second run.
        title: what they are compared by: 'validation accuracy'; empty where they share nothing.
        lower_is_better: whether a lower value of that is better.
        better: which is better beyond noise; 'unknown' where there are too few values to know the noise.
        band: difference that noise alone may make.
        part_at: first epoch from which they differ by more than that to the end of the shorter one.
        unit: what ``part_at`` counts in: 'epoch', 'step' or 'row'.
        config: what was set differently.
        notes: what else a reader has to know, a sentence each.
    """

    a: Side
    b: Side
    title: str = ""
    lower_is_better: bool = False
    better: Better = "unknown"
    band: float | None = None
    part_at: float | None = None
    unit: str = "epoch"
    config: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_regression(self) -> bool:
        """Whether B is worse beyond noise."""
        return self.better == "A"


@dataclass(frozen=True)
class AuditFinding:
    """A finding that only one of two audits has."""

    code: str
    name: str
    severity: str
    message: str


@dataclass(frozen=True)
class AuditComparison:
    """Two audits: what B found that A had not, what is gone, and which facts differ."""

    a: str
    b: str
    gained: tuple[AuditFinding, ...] = ()
    lost: tuple[AuditFinding, ...] = ()
    facts: tuple[Difference, ...] = ()

    @property
    def is_regression(self) -> bool:
        """Whether B has an error or a warning that A had not."""
        return any(finding.severity != "info" for finding in self.gained)
