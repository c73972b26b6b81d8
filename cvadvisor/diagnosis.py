"""The Diagnosis: the one versioned result. Every output is a pure function of it.

``audit.json`` is this model as JSON; its JSON Schema is in ``docs/audit.schema.json`` (see :func:`json_schema`).
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from cvadvisor.advise.recipe import RecipeWithHistory
from cvadvisor.errors import UserError
from cvadvisor.facts import Facts
from cvadvisor.facts.base import facts, known, listed, optional
from cvadvisor.facts.seen import Check, Curve, Mark, Series, Thumbnail

__all__ = ["Check", "Curve", "Diagnosis", "Mark", "Series", "Thumbnail", "from_json", "json_schema", "to_json"]

SCHEMA_VERSION = "1"

Severity = Literal["error", "warning", "info"]
Status = Literal["fired", "passed", "not checked", "ignored", "failed"]


@facts
class Inputs:
    """What the audit was given. Paths are relative to the folder of ``audit.json``."""

    data: str = known("The dataset.")
    data_name: str = known("The dataset's folder name.")
    model: str = known("The model that was asked for; a user's own by its file's path and the function that builds it.")
    weights: str = known("'default', 'none' or 'file'.")
    weights_file: str | None = optional("File that the script loads weights from.")
    log: str | None = optional("Training log.")
    command: str = known("The command that makes this audit again.")


@facts
class Outcome:
    """What became of one rule."""

    code: str = known("The rule's code.")
    name: str = known("The rule's name.")
    severity: Severity = known("How bad it is when it fires.")
    status: Status = known(
        "'fired', 'passed', 'not checked' (facts are missing), 'ignored' (by the configuration) or 'failed' (a bug in "
        "the rule)."
    )
    missing: tuple[str, ...] = listed("Facts that were missing.")
    reason: str | None = optional("Why it was not checked, was ignored or failed, and what would enable it.")


@facts
class Evidence:
    """A fact that a finding rests on."""

    fact: str = known("The fact's path.")
    value: bool | int | float | str = known("Its value.")
    description: str = known("What the fact is.")


@facts
class Source:
    """Where a rule's knowledge comes from."""

    id: str = known("Short name.")
    title: str = known("Title.")
    note: str = known("What it says about this.")
    url: str | None = optional("Link.")


@facts
class Finding:
    """A rule that fired, with everything a reader needs to act on it."""

    code: str = known("The rule's code.")
    name: str = known("The rule's name.")
    severity: Severity = known("How bad it is.")
    message: str = known("What was found, with its numbers.")
    why: str = known("What goes wrong, and when it does not matter.")
    fix: str = known("What to do, in the imperative.")
    strength: Literal["measured", "paper", "practice"] = known("What the rule rests on.")
    evidence: tuple[Evidence, ...] = listed("The facts it read.")
    params: dict[str, bool | int | float | str] = known("Its thresholds.")
    sources: tuple[Source, ...] = listed("Where the knowledge comes from.")
    advice: tuple[str, ...] = listed("What it did to the recipe, a line each.")
    show: str | None = optional("Path of a fact that lists examples.")


@facts
class Diagnosis:
    """The result of an audit."""

    schema_version: Literal["1"] = known("Version of this format.")
    tool_version: str = known("Version of cvadvisor.")
    created: str = known("When the audit began: ISO 8601, UTC.")
    interrupted: bool = known("Whether the audit was stopped before its end.")
    inputs: Inputs = known("What it was given.")
    facts: Facts = known("Everything that was measured.")
    outcomes: tuple[Outcome, ...] = known("What became of every rule that applies to the task, by code.")
    findings: tuple[Finding, ...] = known("The rules that fired, the most important first.")
    checks: tuple[Check, ...] = known("Every measurement, and what became of it.")
    advice: RecipeWithHistory | None = optional("The recipe, where there is enough to make one.")
    curves: tuple[Curve, ...] = listed("What the probes saw.")
    thumbnails: tuple[Thumbnail, ...] = listed("Pictures of images that findings show.")
    timings_s: dict[str, float] = known("Seconds each stage took.")
    environment: dict[str, str] = known("Versions and machine.")

    @property
    def worst(self) -> Severity | None:
        """Severity of the worst finding."""
        order: tuple[Severity, ...] = ("error", "warning", "info")
        return next((s for s in order if any(f.severity == s for f in self.findings)), None)


class DiagnosisError(UserError):
    """A file that is no diagnosis of ours; the message is one line for the user."""


@cache
def _adapter() -> TypeAdapter[Diagnosis]:
    return TypeAdapter(Diagnosis)


def to_json(diagnosis: Diagnosis) -> str:
    """The diagnosis as the text of ``audit.json``."""
    return _adapter().dump_json(diagnosis, indent=2).decode() + "\n"


def from_json(path: Path) -> Diagnosis:
    """Read an ``audit.json``.

    Raises:
        DiagnosisError: it cannot be read, is no diagnosis, or has another schema version.
    """
    try:
        text = path.read_text(encoding="utf-8")
        version = json.loads(text)["schema_version"]
    except OSError as error:
        raise DiagnosisError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DiagnosisError(f"{path} is not an audit.json of cvadvisor.") from error
    if version != SCHEMA_VERSION:
        raise DiagnosisError(
            f"{path} has schema version {version!r}; this cvadvisor reads {SCHEMA_VERSION!r}: run the audit again."
        )
    try:
        return _adapter().validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DiagnosisError(f"{path} is not a valid audit.json: {where}: {first['msg']}.") from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ``audit.json``, draft 2020-12."""
    schema = _adapter().json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "cvadvisor audit", **schema}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
