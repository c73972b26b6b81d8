"""What every fact is made of: a frozen, validated dataclass whose fields say what they are and in which unit.

``None`` always means *not known*, never zero. Numbers are finite; that something was not finite is a boolean fact.
"""

from typing import Any, dataclass_transform

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

# A model is built when it is first made: a command pays for the facts that it meets.
_CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False, use_attribute_docstrings=False, defer_build=True)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(Field,))
def facts(cls: type) -> Any:
    """Make ``cls`` a frozen, keyword-only pydantic dataclass that refuses unknown fields and non-finite numbers."""
    return dataclass(frozen=True, kw_only=True, config=_CONFIG)(cls)


def known(description: str, *, unit: str | None = None) -> Any:
    """A field that is always known once its subject was inspected."""
    return Field(description=description, json_schema_extra={"unit": unit} if unit else None)


def optional(description: str, *, unit: str | None = None) -> Any:
    """A field that may be unknown; it starts as ``None``."""
    return Field(default=None, description=description, json_schema_extra={"unit": unit} if unit else None)


def listed(description: str) -> Any:
    """A field that holds a tuple; it starts empty."""
    return Field(default=(), description=description)


@facts
class Estimate:
    """A measured quantity with its uncertainty: the 95 % interval of a share of images, or the range over runs."""

    value: float = known("The measured value.")
    low: float = known("Lower end.")
    high: float = known("Upper end.")
    n: int = known("How many observations it rests on: images for an interval, runs for a range.")
