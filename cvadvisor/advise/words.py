"""The words that rules may use: every fact by its path, taken from the facts' own models.

Nothing here knows how an expression or a message is written. A lookup answers a path with a plain Python value, or
raises :class:`MissingFact`; facts and the examples in rules are both read through one, so that both are judged alike.
"""

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from cvadvisor.facts import Estimate, Facts
from cvadvisor.facts.dataset import BoxesFound, Found

Kind = Literal["number", "text", "truth", "list"]
Scalar = bool | int | float | str
Lookup = Callable[[str], Any]

PARAM = "param"
"""The name under which an expression or a message finds the rule's own thresholds."""

SPOKEN: dict[str, str] = {"number": "a number", "text": "a text", "truth": "true or false", "list": "a list"}


_DETAILED = (Estimate, Found, BoxesFound)
"""Models that are one fact with its details: "how many there are" says nothing without what they are."""


class MissingFact(Exception):
    """A fact that was asked for and is not known."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclasses.dataclass(frozen=True)
class Word:
    """A fact or a threshold that a rule may name.

    Attributes:
        path: dotted, as a rule writes it.
        kind: what its value is.
        whole: whether a number is an integer.
        items: what a list holds; ``None`` for records, which can be shown and not be judged.
        description: what it is.
    """

    path: str
    kind: Kind
    whole: bool = False
    items: Kind | None = None
    description: str = ""


@cache
def fact_words() -> dict[str, Word]:
    """Every fact, by its path."""
    return {word.path: word for word in _words(Facts, "")}


@cache
def fact_groups() -> frozenset[str]:
    """Paths that hold facts and are none themselves: ``dataset``, ``probe.lr_full`` …"""
    return frozenset(path.rsplit(".", depth)[0] for path in fact_words() for depth in range(1, path.count(".") + 1))


def kind_of(value: Any) -> Kind | None:
    """The kind of a value from a rule's file; ``None`` for a kind that rules do not know."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list | tuple) else None


def param_words(params: Mapping[str, Scalar]) -> dict[str, Word]:
    """A rule's thresholds as words."""
    made = {}
    for name, value in params.items():
        kind = kind_of(value)
        assert kind is not None
        path = f"{PARAM}.{name}"
        made[path] = Word(path, kind, whole=kind == "number" and isinstance(value, int), description="Threshold.")
    return made


def nearest(name: str, names: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` with the nearest of ``names``, or nothing where none is near."""
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def facts_lookup(facts: Facts) -> Lookup:
    """Answer paths from ``facts``. What is ``None``, or lies below something that is, is missing."""

    def lookup(path: str) -> Any:
        value: Any = facts
        for name in path.split("."):
            value = getattr(value, name, None)
            if value is None:
                raise MissingFact(path)
        return _plain(value)

    return lookup


def paths_lookup(values: Mapping[str, Any]) -> Lookup:
    """Answer paths from a mapping of paths to values, as examples give them; all others are missing."""

    def lookup(path: str) -> Any:
        if path not in values:
            raise MissingFact(path)
        return _plain(values[path])

    return lookup


def with_params(lookup: Lookup, params: Mapping[str, Scalar]) -> Lookup:
    """``lookup`` that answers ``param.*`` as well."""
    own = {f"{PARAM}.{name}": value for name, value in params.items()}
    return lambda path: own[path] if path in own else lookup(path)


def _words(model: Any, prefix: str) -> Iterable[Word]:
    hints = get_type_hints(model)
    for field in dataclasses.fields(model):
        kinds = [kind for kind in get_args(hints[field.name]) if kind is not NoneType]
        annotation = kinds[0] if len(kinds) == 1 and get_origin(hints[field.name]) is not tuple else hints[field.name]
        path = f"{prefix}{field.name}"
        description = model.__pydantic_fields__[field.name].description or ""
        if dataclasses.is_dataclass(annotation):
            whole = f"{description.rstrip('.')}: " if annotation in _DETAILED else ""
            for word in _words(annotation, f"{path}."):
                yield dataclasses.replace(word, description=_continued(whole, word.description))
        else:
            yield _word(path, annotation, description)


def _continued(whole: str, part: str) -> str:
    return f"{whole}{part[:1].lower()}{part[1:]}" if whole else part


def _word(path: str, annotation: Any, description: str) -> Word:
    if get_origin(annotation) is tuple:
        item = get_args(annotation)[0]
        items = None if dataclasses.is_dataclass(item) else _kind_of_type(path, item)
        return Word(path, "list", items=items, description=description)
    kind = _kind_of_type(path, annotation)
    return Word(path, kind, whole=annotation is int, description=description)


def _kind_of_type(path: str, annotation: Any) -> Kind:
    if get_origin(annotation) is Literal:
        annotation = type(get_args(annotation)[0])
    kinds: dict[Any, Kind] = {bool: "truth", int: "number", float: "number", str: "text"}
    if annotation not in kinds:
        raise TypeError(f"The fact {path} has a type that rules cannot read: {annotation!r}.")
    return kinds[annotation]


def _plain(value: Any) -> Any:
    """``value`` without numpy's subclasses of float: a number that is shown is a plain one."""
    if isinstance(value, float):
        return float(value)
    return tuple(_plain(item) for item in value) if isinstance(value, list | tuple) else value
