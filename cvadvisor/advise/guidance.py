"""The guidance that the rules carry out, G01 to G44, and where each row of it is felt."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from pydantic import Field

from cvadvisor.advise.rule_file import (
    Default,
    GuidanceRow,
    Rule,
    Strict,
    Words,
    build,
    check_source,
    read_list,
    read_sources,
)
from cvadvisor.shipped import shipped

DEFAULT = "default"
"""What stands for a field's default, beside the codes of the rules that change it."""


class ReportPart(Strict):
    """A part of the report: a template below ``reports/templates/report``, a heading in it, and what it shows."""

    template: Words
    heading: Words
    shows: Words


class ScriptFeature(Strict):
    """A function, class, constant or flag of the training script, and what it does."""

    name: Words
    does: Words


class Row(Strict):
    """A row of the guidance: its text in our words, the ids of its sources, and what carries it beside the rules."""

    id: GuidanceRow
    text: Words
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    report: tuple[ReportPart, ...] = ()
    script: tuple[ScriptFeature, ...] = ()


@dataclass(frozen=True)
class Felt:
    """Where a row is felt.

    Attributes:
        rules: those that carry it out.
        fields: fields of the recipe, each with :data:`DEFAULT` or the codes of the rules through which it acts.
        report: parts of the report.
        script: features of the training script.
    """

    rules: tuple[Rule, ...]
    fields: dict[str, tuple[str, ...]]
    report: tuple[ReportPart, ...]
    script: tuple[ScriptFeature, ...]

    @property
    def anywhere(self) -> bool:
        """Whether it is felt at all."""
        return bool(self.rules or self.fields or self.report or self.script)


def load_guidance() -> tuple[Row, ...]:
    """The rows of ``guidance.yaml``, in order.

    Raises:
        RuleError: a row is not valid, is there twice, or names a source that does not exist.
    """
    file = shipped("rules") / "guidance.yaml"
    known = read_sources(file.with_name("sources.yaml"))
    rows: dict[str, Row] = {}
    for entry in read_list(file):
        row = build(Row, entry, entry.value)
        if row.id in rows:
            raise entry.error("the row is there twice", "id")
        for index, name in enumerate(row.sources):
            check_source(entry, known, index, name)
        rows[row.id] = row
    return tuple(rows[name] for name in sorted(rows))


@cache
def guidance_texts() -> dict[str, str]:
    """The rows' texts by their ids."""
    return {row.id: row.text for row in load_guidance()}


def felt(row: Row, rules: Sequence[Rule], defaults: Sequence[Default]) -> Felt:
    """Where ``row`` is felt: what names it among ``rules`` and ``defaults``, and what it names itself."""
    carrying = tuple(rule for rule in rules if row.id in rule.guidance)
    fields: dict[str, list[str]] = {one.field: [DEFAULT] for one in defaults if row.id in one.guidance}
    for rule in carrying:
        for field in dict.fromkeys(advice.field for advice in rule.advice):
            fields.setdefault(field, []).append(rule.code)
    return Felt(carrying, {name: tuple(by) for name, by in fields.items()}, row.report, row.script)
