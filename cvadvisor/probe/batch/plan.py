"""Which parts of the probe fit its allowance, and in which order they run."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cvadvisor.probe.declaration import NotChecked

NO_TIME = "there was no time"


class LeftOut(Exception):
    """A part was not measured; the message says why, in a few words."""


@dataclass(frozen=True)
class Part:
    """A part of the probe.

    Attributes:
        name: as a user reads it.
        share: share of the time left when it starts that it may take.
        measure: given when to stop, by the monotonic clock, the facts that it found; it may raise :class:`LeftOut`.
    """

    name: str
    share: float
    measure: Callable[[float], dict[str, Any]]


@dataclass
class Found:
    """The facts so far, and what was left out of them and why."""

    facts: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def run_parts(parts: list[Part], seconds: float) -> Found:
    """Run ``parts`` in their order within ``seconds``.

    Raises:
        NotChecked: the time was up within the first of them, so that nothing is known.
    """
    found, end = Found(), time.monotonic() + seconds
    for number, part in enumerate(parts):
        now = time.monotonic()
        try:
            if now >= end:
                raise LeftOut(NO_TIME)
            found.facts |= part.measure(now + part.share * (end - now))
        except LeftOut as reason:
            found.left_out.append(f"{part.name}: {reason}")
        except NotChecked:
            if number == 0 and not found.facts:
                raise
            found.left_out.append(f"{part.name}: {NO_TIME}")
    return found
