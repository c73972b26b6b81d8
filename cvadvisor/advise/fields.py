"""What each field of the recipe accepts, from the recipe's own annotations."""

import dataclasses
import math
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from cvadvisor.advise.recipe import Recipe, Value
from cvadvisor.advise.words import SPOKEN, Kind, nearest

INPUTS = ("model", "weights", "image_size", "seed")
"""Fields that the user chooses; rules leave them alone."""

_DIGITS = 3
"""Significant digits of a computed number: more would claim a precision that no probe has."""


@cache
def field_types() -> dict[str, Any]:
    """Each field's annotation, in the recipe's order."""
    hints = get_type_hints(Recipe)
    return {field.name: hints[field.name] for field in dataclasses.fields(Recipe)}


def check_field(field: str) -> None:
    """Make sure that a rule may advise on ``field``.

    Raises:
        ValueError: the recipe has no such field, or the user chooses it.
    """
    if field not in field_types():
        raise ValueError(f"the recipe has no field {field!r}{nearest(field, field_types())}")
    if field in INPUTS:
        raise ValueError(f"{field} is what the user asked for; no rule may change it")


def field_kind(field: str) -> Kind:
    """What kind of value ``field`` takes."""
    kinds: dict[Any, Kind] = {bool: "truth", int: "number", float: "number"}
    return kinds.get(field_types()[field], "text")


def fit(field: str, value: Any, *, computed: bool = False) -> Value:
    """``value`` as ``field``'s type: whole for a whole number; three significant digits where it was computed.

    Raises:
        ValueError: the field does not take it.
    """
    kind = field_types()[field]
    if kind is bool and isinstance(value, bool):
        return value
    if kind in (int, float) and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ValueError(f"{field} takes a finite number, not {value}")
        if kind is float:
            return float(f"{value:.{_DIGITS}g}") if computed else float(value)
        if not computed and value != int(value):
            raise ValueError(f"{field} takes a whole number, not {value}")
        return round(value)
    if get_origin(kind) is Literal and isinstance(value, str):
        if value in get_args(kind):
            return value
        options = ", ".join(repr(option) for option in get_args(kind))
        raise ValueError(f"{field} is one of {options}, not {value!r}{nearest(value, get_args(kind))}")
    hint = f"; YAML reads {value} as a text: write {float(value):.1e}" if is_number_text(value) else ""
    raise ValueError(f"{field} takes {SPOKEN[field_kind(field)]}, not {value!r}{hint}")


def shown(value: Value) -> str:
    """``value`` as the recipe's history writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.{_DIGITS + 1}g}" if isinstance(value, float) else str(value)


def is_number_text(value: Any) -> bool:
    """Whether ``value`` is a number that YAML 1.1 took for a text, as it does with ``1e-3``."""
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False
