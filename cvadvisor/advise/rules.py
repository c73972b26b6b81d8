"""Load, validate and compile ``rules/*.yaml``.

Loading checks everything that can be checked without parsing an expression, and is quick; compiling checks the types
of every expression against the facts' models and makes it callable.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from cvadvisor.advise.expression import is_expression, names_in
from cvadvisor.advise.fields import field_kind, fit
from cvadvisor.advise.meaning import spoken
from cvadvisor.advise.message import check_message
from cvadvisor.advise.parse import parse
from cvadvisor.advise.recipe import Value
from cvadvisor.advise.rule_file import Advice, Default, Rule, RuleError
from cvadvisor.advise.rule_load import facts_among, load_defaults, load_log_rules, load_rules, words_of
from cvadvisor.advise.words import SPOKEN, Kind, Lookup, Word, fact_words, with_params

__all__ = [
    "Advice",
    "CompiledAdvice",
    "CompiledDefault",
    "CompiledRule",
    "Default",
    "Rule",
    "RuleError",
    "compile_rules",
    "load_defaults",
    "load_log_rules",
    "load_rules",
    "shipped_defaults",
]


@dataclass(frozen=True)
class CompiledAdvice:
    """An advice and the function that gives its value for some facts.

    ``value`` raises :class:`MissingFact` where its expression reads a fact that is not known.
    """

    advice: Advice
    value: Callable[[Lookup], Value]


@dataclass(frozen=True)
class CompiledRule:
    """A rule whose expressions can be called.

    Attributes:
        rule: its text.
        reads: the facts that its ``when`` may read, in order.
        mentions: the facts in its message.
        fires: whether it fires; raises :class:`MissingFact` where it reaches a fact that is not known.
        advice: what it does to the recipe.
    """

    rule: Rule
    reads: tuple[str, ...]
    mentions: tuple[str, ...]
    fires: Callable[[Lookup], bool]
    advice: tuple[CompiledAdvice, ...]


@dataclass(frozen=True)
class CompiledDefault:
    """A default and the function that gives its value; as with advice, a fact may be missing."""

    default: Default
    value: Callable[[Lookup], Value]


def compile_rules(rules: Sequence[Rule]) -> tuple[CompiledRule, ...]:
    """Parse the rules' expressions and check their types.

    Raises:
        RuleError: an expression is not valid, or is of the wrong type.
    """
    return tuple(_compile(rule) for rule in rules)


@cache
def shipped_defaults() -> tuple[CompiledDefault, ...]:
    """The shipped defaults, compiled.

    Raises:
        RuleError: as :func:`load_defaults` and :func:`compile_rules`.
    """
    made = []
    for default in load_defaults():
        where = f"{default.file}:{default.line}: default of {default.field}: value"
        made.append(CompiledDefault(default, _field_value(default.field, default.value, fact_words(), where)))
    return tuple(made)


def _compile(rule: Rule) -> CompiledRule:
    words = words_of(rule)
    where = f"{rule.file}:{rule.line}: {rule.code} {rule.name}"
    when = _parse(rule.when, words, "truth", f"{where}: when")
    advice = []
    for index, item in enumerate(rule.advice):
        part = f"{where}: advice.{index}.{item.operation}"
        value = _scale(item.value, words, part) if item.operation == "scale" else None
        value = value or _field_value(item.field, item.value, words, part)
        advice.append(CompiledAdvice(item, _bind(value, rule)))
    return CompiledRule(
        rule=rule,
        reads=facts_among(names_in(rule.when, words)),
        mentions=facts_among(check_message(rule.message, words)),
        fires=_bind(when, rule),
        advice=tuple(advice),
    )


def _bind(call: Callable[[Lookup], Any], rule: Rule) -> Callable[[Lookup], Any]:
    """``call`` with the rule's own thresholds among the facts."""
    return lambda lookup: call(with_params(lookup, rule.params))


def _scale(value: Any, words: Mapping[str, Word], where: str) -> Callable[[Lookup], Value]:
    return _parse(value[1:], words, "number", where) if is_expression(value) else lambda _: float(value)


def _field_value(field: str, value: Any, words: Mapping[str, Word], where: str) -> Callable[[Lookup], Value]:
    if not is_expression(value):
        return lambda _: fit(field, value)
    call = _parse(value[1:], words, field_kind(field), where)
    return lambda lookup: fit(field, call(lookup), computed=True)


def _parse(text: str, words: Mapping[str, Word], expected: Kind, where: str) -> Callable[[Lookup], Any]:
    """The function that evaluates ``text``, which must be of the expected kind; numbers come as floats.

    Raises:
        RuleError: it does not parse, or its types do not fit.
    """
    try:
        parsed = parse(text, words)
    except TypeError as error:
        kinds = ", ".join(f"{name} is {SPOKEN[words[name].kind]}" for name in names_in(text, words))
        raise RuleError(f"{where}: {error} in {text!r}{f' ({kinds})' if kinds else ''}.") from None
    except (ArithmeticError, ValueError) as error:
        raise RuleError(f"{where}: {error} in {text!r}.") from None
    if parsed.kind != expected:
        raise RuleError(f"{where}: expected {SPOKEN[expected]}, but {text!r} is {spoken(parsed.kind)}.")
    value = parsed.value
    return (lambda lookup: float(value(lookup))) if expected == "number" else value
