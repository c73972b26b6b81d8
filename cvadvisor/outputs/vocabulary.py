"""What the facts' and the recipe's own models say of their fields: description, unit, and what lies at a path."""

import dataclasses
import types
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from cvadvisor.facts import Estimate, Facts
from cvadvisor.facts.dataset import BoxesFound, Found

MEASURED = (Estimate, Found, BoxesFound)
"""Models that are one fact with its details, not a subject of their own."""


def described(model: Any) -> dict[str, FieldInfo]:
    """The fields of a facts model, by name."""
    fields: dict[str, FieldInfo] = model.__pydantic_fields__
    return fields


def unit(field: FieldInfo) -> str | None:
    """The field's unit, where it has one."""
    extra = field.json_schema_extra
    named = extra.get("unit") if isinstance(extra, dict) else None
    return named if isinstance(named, str) else None


def subject(field: FieldInfo) -> Any:
    """The facts model that the field holds, where it holds facts of its own rather than being one."""
    model = _model(field)
    return None if model in MEASURED else model


def _model(field: FieldInfo) -> Any:
    """The dataclass that the field holds, if it holds one."""
    union = get_origin(field.annotation) in (Union, types.UnionType)
    kinds = get_args(field.annotation) if union else (field.annotation,)
    return next((kind for kind in kinds if dataclasses.is_dataclass(kind)), None)


def unit_of(path: str) -> str | None:
    """The unit of the fact at ``path``; ``None`` where it has none, or where there is no such fact."""
    model: Any = Facts
    field: FieldInfo | None = None
    for name in path.split("."):
        if model in (None, Estimate):  # a part of an estimate has the unit of the whole
            break
        field = described(model).get(name)
        model = _model(field) if field else None
    return unit(field) if field else None


def description_of(path: str) -> str:
    """What the fact at ``path`` is; empty where there is no such fact."""
    model: Any = Facts
    field: FieldInfo | None = None
    for name in path.split("."):
        field = described(model).get(name) if model else None
        model = _model(field) if field else None
    return (field.description or "") if field else ""


def fact_at(facts: Facts, path: str) -> Any:
    """The value at ``path``; ``None`` where it, or anything on the way to it, is not known."""
    value: Any = facts
    for name in path.split("."):
        value = getattr(value, name, None)
    return value
