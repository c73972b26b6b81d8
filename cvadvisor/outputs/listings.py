"""Facts that are lists of things, as small tables of text."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from cvadvisor.facts import Estimate, Facts
from cvadvisor.facts.features import ConfusedPair
from cvadvisor.facts.race import RaceEntry
from cvadvisor.outputs.figures import shown, visible
from cvadvisor.outputs.scales import cells, shortened
from cvadvisor.outputs.vocabulary import described, unit

MOST_ROWS = 10
"""Rows that a person reads; the JSON has them all."""
_LEAST_CELLS = 8
_GAP = 2
# What a reader of a small table can do without.
_LEFT_OUT: dict[type, frozenset[str]] = {
    RaceEntry: frozenset(
        {"name", "strategy", "head_start", "head_epochs", "optimizer", "layer_decay", "steps", "seeds", "loss_behind"}
    ),
    ConfusedPair: frozenset({"images", "p"}),
}


@dataclasses.dataclass(frozen=True)
class Listing:
    """A fact that is a list: its path, what it is, the names of its columns, and its rows."""

    path: str
    description: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    """Whether a column holds numbers, which stand on the right."""
    more: int


def listings(facts: Facts, below: tuple[str, ...]) -> list[Listing]:
    """The lists of things below the paths ``below``, in the order of the vocabulary; empty ones are left out."""
    found = []
    for path in below:
        owner: Any = facts
        for name in path.split("."):
            owner = getattr(owner, name, None)
        if owner is not None:
            found += list(_listings(owner, f"{path}."))
    return found


def _listings(owner: Any, prefix: str) -> Iterator[Listing]:
    for name, field in described(type(owner)).items():
        value = getattr(owner, name)
        if isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            yield _listing(f"{prefix}{name}", field.description or "", value)
        elif dataclasses.is_dataclass(value) and not isinstance(value, Estimate):
            yield from _listings(value, f"{prefix}{name}.")


def _listing(path: str, description: str, items: tuple[Any, ...]) -> Listing:
    kind = type(items[0])
    fields = {name: field for name, field in described(kind).items() if name not in _LEFT_OUT.get(kind, ())}
    first = [getattr(items[0], name) for name in fields]
    return Listing(
        path=path,
        description=description,
        columns=tuple(name.replace("_", " ") for name in fields),
        rows=tuple(
            tuple(visible(shown(getattr(item, name), name, unit(field))) for name, field in fields.items())
            for item in items[:MOST_ROWS]
        ),
        numeric=tuple(isinstance(value, int | float | Estimate) and not isinstance(value, bool) for value in first),
        more=max(0, len(items) - MOST_ROWS),
    )


def table(listing: Listing, width: int) -> list[str]:
    """The lines of a table of at most ``width`` characters, its widest columns shortened where they do not fit."""
    columns = list(zip(listing.columns, *listing.rows, strict=True))
    rooms = [max(map(cells, column)) for column in columns]
    while sum(rooms) + _GAP * len(rooms) > width and max(rooms) > _LEAST_CELLS:
        rooms[rooms.index(max(rooms))] -= 1
    lines = []
    for row in (listing.columns, *listing.rows):
        line = ""
        for text, room, number in zip(row, rooms, listing.numeric, strict=True):
            text = shortened(text, room)
            air = " " * (room - cells(text))
            line += f"{' ' * _GAP}{air}{text}" if number else f"{' ' * _GAP}{text}{air}"
        lines.append(line.rstrip())
    return [shortened(line, width) if cells(line) > width else line for line in lines]
