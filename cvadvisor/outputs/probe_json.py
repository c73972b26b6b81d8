"""What one probe gave, as JSON: facts by their dotted names, curves, seconds."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from cvadvisor.facts import Facts
from cvadvisor.probe_report import ProbeReport

VERSION = "1"


def render(report: ProbeReport) -> str:
    """``version``, ``facts``, ``curves`` and ``seconds``, in ASCII.

    A fact that is not known is null; an estimate is four facts, ``.value``, ``.low``, ``.high`` and ``.n``; a list of
    records is a list of objects. Without facts the probe could not be checked.
    """
    said = {
        "version": VERSION,
        "facts": dict(dotted(report.facts, report.check.provides)),
        "curves": [dataclasses.asdict(curve) for curve in report.curves],
        "seconds": round(report.seconds, 3),
    }
    return json.dumps(said, indent=2, allow_nan=False) + "\n"


def dotted(facts: Facts, below: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Every fact below the paths ``below`` with its own path, such as 'probe.features.linear_accuracy.low'."""
    for path in below:
        owner: Any = facts
        for name in path.split("."):
            owner = getattr(owner, name, None)
        if owner is not None:
            yield from _dotted(owner, f"{path}.")


def _dotted(owner: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(owner):
        value, path = getattr(owner, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            yield from _dotted(value, f"{path}.")
        elif isinstance(value, tuple):
            yield (
                path,
                [
                    dataclasses.asdict(item) if dataclasses.is_dataclass(item) and not isinstance(item, type) else item
                    for item in value
                ],
            )
        else:
            yield path, value
