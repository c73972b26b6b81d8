"""Rules as text for the terminal: all of them in a table, or one in full."""

import textwrap
from collections.abc import Sequence
from itertools import groupby

from cvadvisor.advise.rule_file import Rule
from cvadvisor.advise.words import nearest
from cvadvisor.errors import UserError

WIDTH = 88
TOPICS = {
    "BAT": "Batch size, memory and speed",
    "BOX": "Boxes",
    "DAT": "Dataset",
    "FEA": "Frozen features",
    "HRD": "Hardware",
    "LRN": "Learning rate",
    "MOD": "Model",
    "MSK": "Masks",
    "PRB": "Probes",
    "RAC": "Race of strategies",
    "REG": "Regularisation and augmentation",
    "RUN": "Training logs",
    "TRF": "Transfer and unfreezing",
}


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
            return _explain(rule)
    near = nearest(wanted.lower(), [name for rule in rules for name in (rule.name, rule.code.lower())])
    raise UserError(f"There is no rule {wanted!r}{near or ''} (all of them: cvadvisor rules)")


def _explain(rule: Rule) -> str:
    parts = [
        f"{rule.code}  {rule.name}  ({rule.severity})",
        _filled(rule.message),
        _filled(rule.why),
        "Fires when\n" + textwrap.indent(" ".join(rule.when.split()), "  "),
    ]
    if rule.tasks:
        parts.append(_filled(f"Applies to {', '.join(rule.tasks)}."))
    if rule.params:
        parts.append("Thresholds\n" + "\n".join(f"  {name} = {value}" for name, value in rule.params.items()))
    parts.append("What to do\n" + _filled(rule.fix, "  "))
    if rule.advice:
        lines = [f"  {a.field}: {a.operation.replace('_', ' ')} {a.value}" for a in rule.advice]
        parts.append("In the recipe\n" + "\n".join(lines))
    sources = "\n".join(_filled(f"{source.title}: {source.note}", "  ", "    ") for source in rule.sources)
    parts.append(f"Sources ({rule.strength})\n{sources}")
    return "\n\n".join(parts)


def _filled(text: str, first: str = "", rest: str | None = None) -> str:
    indent = first if rest is None else rest
    words = " ".join(text.split())
    return textwrap.fill(words, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)
