"""Compare two audits: which findings came and went, and which facts differ."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cvadvisor.comparison import AuditComparison, AuditFinding, Difference
from cvadvisor.diagnosis import Diagnosis, from_json
from cvadvisor.inspect.printable import printable

_MOST_FACTS = 500


def compare_audits(a: Path, b: Path) -> AuditComparison:
    """What differs between two ``audit.json``.

    Raises:
        DiagnosisError: one cannot be read.
    """
    before, after = from_json(a), from_json(b)
    return AuditComparison(
        a=printable(a),
        b=printable(b),
        gained=_only(after, before),
        lost=_only(before, after),
        facts=tuple(_differences(dict(_leaves(before.facts, "")), dict(_leaves(after.facts, ""))))[:_MOST_FACTS],
    )


def _only(this: Diagnosis, other: Diagnosis) -> tuple[AuditFinding, ...]:
    known = {finding.code for finding in other.findings}
    return tuple(
        AuditFinding(one.code, one.name, one.severity, one.message) for one in this.findings if one.code not in known
    )


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every fact that is one value; of a list, how many it holds."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _leaves(getattr(value, field.name), f"{path}.{field.name}" if path else field.name)
    elif isinstance(value, tuple | list | dict):
        yield path, f"{len(value)} items"
    elif value is not None:
        yield path, f"{value:.6g}" if isinstance(value, float) else str(value)[:200]


def _differences(a: dict[str, str], b: dict[str, str]) -> Iterator[Difference]:
    for name in dict.fromkeys((*a, *b)):
        if a.get(name) != b.get(name):
            yield Difference(name, _shown(a.get(name)), _shown(b.get(name)))


def _shown(text: str | None) -> str | None:
    return None if text is None else printable(text)
