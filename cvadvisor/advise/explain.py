"""Rules as text for the terminal: all of them in a table, or one in full."""

import textwrap
from collections.abc import Sequence
from itertools import groupby

from cvadvisor.advise.explanation import TOPICS, Item, Part, explanation
from cvadvisor.advise.guidance import guidance_texts
from cvadvisor.advise.rule_file import Rule
from cvadvisor.advise.words import nearest
from cvadvisor.errors import UserError

WIDTH = 88


def overview(rules: Sequence[Rule]) -> str:
    """Every rule by topic, a line each: code, severity and name."""
    blocks = []
    for prefix, members in groupby(sorted(rules, key=lambda rule: rule.code), key=lambda rule: rule.code[:3]):
        lines = [f"  {rule.code}  {rule.severity:<7}  {rule.name}" for rule in members]
        blocks.append("\n".join([TOPICS.get(prefix, prefix), *lines]))
    return "\n\n".join([*blocks, f"{len(rules)} rules. Explain one: cvadvisor rule DAT001"])


def explain(rules: Sequence[Rule], wanted: str) -> str:
    """One rule in full, by its code (in any case) or its name.

    Raises:
        UserError: there is no such rule; the nearest names are in the message.
    """
    for rule in rules:
        if wanted.upper() == rule.code or wanted.lower() == rule.name:
            parts = explanation(rule, guidance_texts())
            return "\n\n".join([f"{rule.code}  {rule.name}  ({rule.severity})", *map(_part, parts)])
    near = nearest(wanted.lower(), [name for rule in rules for name in (rule.name, rule.code.lower())])
    raise UserError(f"There is no rule {wanted!r}{near or ''} (all of them: cvadvisor rules)")


def _part(part: Part) -> str:
    indent = "  " if part.title else ""
    lines = [part.title] if part.title else []
    if part.text:
        lines.append(_filled(part.text, indent))
    if part.expression:
        lines.append(f"{indent}{part.expression}")  # in one line, to be copied
    return "\n".join([*lines, *map(_item, part.items)])


def _item(item: Item) -> str:
    if item.is_code:
        lines = [f"  {item.head}", *([_filled(item.text, "    ")] if item.text else [])]
    else:
        lines = [_filled(f"{item.head}: {item.text}", "  ", "    ")]
    return "\n".join([*lines, *([f"    {item.url}"] if item.url else [])])


def _filled(text: str, first: str = "", rest: str | None = None) -> str:
    indent = first if rest is None else rest
    words = " ".join(text.split())
    return textwrap.fill(words, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)
