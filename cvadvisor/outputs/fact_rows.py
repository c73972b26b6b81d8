"""The facts as rows to read: path, value with its unit, description."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from cvadvisor.facts import DatasetFacts, Estimate, Facts
from cvadvisor.outputs.figures import UNKNOWN, counted, has_own_unit, shown, singular
from cvadvisor.outputs.vocabulary import described, subject, unit

# Enough names to recognise a list by; audit.json has them all.
_LISTED = 4


@dataclasses.dataclass(frozen=True)
class Row:
    """One fact."""

    path: str
    value: str
    unit: str | None
    description: str

    @property
    def is_known(self) -> bool:
        """Whether it was measured."""
        return self.value != UNKNOWN


@dataclasses.dataclass(frozen=True)
class Subject:
    """The facts of one subject, or of one probe; without rows where nothing of it is known."""

    title: str
    rows: tuple[Row, ...]

    @property
    def unknown(self) -> int:
        """How many of its facts are not known."""
        return sum(not row.is_known for row in self.rows)


def subjects(facts: Facts) -> list[Subject]:
    """Every subject, in the order of the vocabulary; one with parts (the probes) is followed by its parts."""
    return list(_subjects(facts, ""))


def _subjects(owner: Any, prefix: str) -> Iterator[Subject]:
    for name, field in described(type(owner)).items():
        if subject(field) is None:
            continue
        value, title = getattr(owner, name), (field.description or name).rstrip(".")
        if value is None and isinstance(owner, DatasetFacts):
            continue  # boxes or masks, which belong to another task: nothing about them is unknown
        if value is None:
            yield Subject(title=title, rows=())
            continue
        if rows := _rows(value, f"{prefix}{name}."):
            yield Subject(title=title, rows=rows)
        yield from _subjects(value, f"{prefix}{name}.")


def _rows(owner: Any, prefix: str) -> tuple[Row, ...]:
    return tuple(
        Row(
            path=f"{prefix}{name}",
            value=_summary(value := getattr(owner, name), name, measure := unit(field)),
            unit=singular(measure, value)
            if measure and value is not None and not has_own_unit(name, measure) and not isinstance(value, Estimate)
            else None,
            description=field.description or "",
        )
        for name, field in described(type(owner)).items()
        if subject(field) is None
    )


def _summary(value: Any, name: str, measure: str | None) -> str:
    if isinstance(value, Estimate):
        text = shown(value, name, measure)
        if measure and not has_own_unit(name, measure):
            text = text.replace(" (", f" {measure} (", 1)
        return f"{text}, n = {value.n:,}"
    if not isinstance(value, tuple):
        return shown(value, name, measure)
    if not value:
        return "none"
    if dataclasses.is_dataclass(value[0]):
        return f"{len(value):,} listed"
    more = f" and {counted(len(value) - _LISTED, 'other')}" if len(value) > _LISTED else ""
    return shown(value[:_LISTED], name, measure) + more
