"""What there is to say about a rule, part by part: the one text that the terminal and ``docs/rules/`` lay out."""

from collections.abc import Mapping
from typing import NamedTuple

from cvadvisor.advise.expression import is_expression
from cvadvisor.advise.message import readable
from cvadvisor.advise.rule_file import Advice, Rule

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
"""What a code's three letters stand for."""

GUIDANCE = "Guidance"
"""The title of the part that lists rows of the guidance."""

_STAGES = {
    "prior": "prior: a rule of thumb, which gives way to what is measured",
    "measured": "measured: replaces rules of thumb",
    "tried": "tried: short runs of the recipe showed it; replaces rules of thumb and other measurements",
    "adjusted": "adjusted: changes a rule of thumb, as a measured value includes it already",
    "bounded": "bounded: holds for measured values too",
}
_EVEN_IF_MEASURED = "adjusted: changes a measured value too, but none that short runs of the recipe showed"
_EVEN_IF_TRIED = "adjusted: changes whatever value there is, measured or not"
_NO_OTHER_REASON = "The reason is what was found."
_OPERATIONS = {"set": "set to", "scale": "scale by", "at_most": "at most", "at_least": "at least"}


class Item(NamedTuple):
    """An entry of a list.

    Attributes:
        head: what it is about.
        text: what is said of it; may be empty.
        url: where it leads.
        is_code: whether its head is a piece of a rule.
    """

    head: str
    text: str = ""
    url: str | None = None
    is_code: bool = False


class Part(NamedTuple):
    """A part of an explanation: a paragraph, an expression, or a list. The first ones have no title."""

    title: str = ""
    text: str = ""
    expression: str = ""
    items: tuple[Item, ...] = ()


def explanation(rule: Rule, guidance: Mapping[str, str]) -> tuple[Part, ...]:
    """Everything about ``rule``, in the order in which a person wants it; ``guidance`` has the rows' texts by id."""
    parts = [
        Part(text=readable(rule.message, rule.params)),
        Part(text=rule.why),
        Part("Fires when", expression=" ".join(rule.when.split())),
        Part(text=f"Applies to {', '.join(rule.tasks)}." if rule.tasks else ""),
        Part("Thresholds", items=tuple(Item(f"{name} = {value}", is_code=True) for name, value in rule.params.items())),
        Part("What to do", readable(rule.fix, rule.params)),
        Part(
            "Likely causes, and what each looks like",
            items=tuple(Item(one.cause.rstrip("."), one.looks_like) for one in rule.causes),
        ),
        Part("Explains, where they fire too", items=tuple(Item(name, is_code=True) for name in rule.explains)),
        Part("In the recipe", items=tuple(_effect(rule, advice) for advice in rule.advice)),
        Part(
            f"Sources ({rule.strength})",
            items=tuple(Item(source.title, source.note, source.url) for source in rule.sources),
        ),
        Part(GUIDANCE, items=tuple(Item(row, guidance[row]) for row in rule.guidance)),
    ]
    return tuple(part for part in parts if part.text or part.expression or part.items)


def _effect(rule: Rule, advice: Advice) -> Item:
    """What an advice does, in which stage, and why."""
    value = advice.value[1:] if isinstance(advice.value, str) and is_expression(advice.value) else str(advice.value)
    stage = _STAGES[advice.acts_in]
    if advice.even_if_tried:
        stage = _EVEN_IF_TRIED
    elif advice.even_if_measured:
        stage = _EVEN_IF_MEASURED
    reason = readable(advice.reason, rule.params) if advice.reason else _NO_OTHER_REASON
    head = f"{advice.field}: {_OPERATIONS[advice.operation]} {' '.join(value.split())}"
    return Item(head, f"{stage}. {reason}", is_code=True)
