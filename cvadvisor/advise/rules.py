"""Load, validate and compile ``rules/*.yaml``. This is the only file that imports ``rule_engine``, and it does so late.

Loading checks everything that can be checked without parsing an expression, and is quick; compiling checks the types
of every expression against the facts' models and makes it callable.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from cvadvisor.advise.expression import is_expression, names_in
from cvadvisor.advise.fields import field_kind, fit
from cvadvisor.advise.message import check_message
from cvadvisor.advise.recipe import Value
from cvadvisor.advise.rule_file import Advice, Default, Rule, RuleError
from cvadvisor.advise.rule_load import facts_among, load_defaults, load_rules, words_of
from cvadvisor.advise.words import PARAM, SPOKEN, Kind, Lookup, Word, fact_words, with_params

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


# ---------------------------------------------------------------------------------------------------- rule_engine


def _engine() -> Any:
    """rule_engine, which takes a third of a second to import: a command that judges nothing never pays for it."""
    import rule_engine  # type: ignore[import-untyped]

    return rule_engine


@dataclass(frozen=True)
class _At:
    """What an expression finds under a name that groups facts: where it is, and how facts are looked up."""

    lookup: Lookup
    path: str


def _parse(text: str, words: Mapping[str, Word], expected: Kind, where: str) -> Callable[[Lookup], Any]:
    """The function that evaluates ``text``, which must be of the expected kind.

    Raises:
        RuleError: it does not parse, or its types do not fit.
    """
    rule_engine = _engine()
    try:
        rule = rule_engine.Rule(text, context=_context(words))
        found = _kind(rule.statement.expression)
    except rule_engine.errors.EngineError as error:
        kinds = ", ".join(f"{name} is {SPOKEN[words[name].kind]}" for name in names_in(text, words))
        raise RuleError(f"{where}: {error.message} in {text!r} ({kinds}).") from None
    except (ArithmeticError, TypeError, ValueError) as error:
        raise RuleError(f"{where}: {error} in {text!r}.") from None
    if found != expected:
        raise RuleError(f"{where}: expected {SPOKEN[expected]}, but {text!r} is {SPOKEN.get(found, 'a ' + found)}.")
    return lambda lookup: _python(rule.evaluate(lookup))


def _context(words: Mapping[str, Word]) -> Any:
    """How rule_engine resolves names and their types: a nested object for each dot, a lookup for each leaf."""
    types = {**_fact_types(), PARAM: _typed(f"{PARAM}.", words)}
    return _engine().Context(type_resolver=types, resolver=_At, default_timezone="utc")


@cache
def _fact_types() -> dict[str, Any]:
    subjects = {path.split(".")[0] for path in fact_words()}
    return {subject: _typed(f"{subject}.", fact_words()) for subject in subjects}


def _typed(prefix: str, words: Mapping[str, Word]) -> Any:
    """rule_engine's type of the group at ``prefix``, whose attributes come from a lookup and from nowhere else."""
    types = _engine().DataType
    scalars = {"number": types.FLOAT, "text": types.STRING, "truth": types.BOOLEAN}

    def attribute(at: _At, name: str) -> Any:
        path = f"{at.path}.{name}"
        return at.lookup(path) if path in words else _At(at.lookup, path)

    attributes = {}
    for name in dict.fromkeys(path[len(prefix) :].split(".")[0] for path in words if path.startswith(prefix)):
        word = words.get(f"{prefix}{name}")
        if word is None:
            attributes[name] = _typed(f"{prefix}{name}.", words)
        elif word.kind == "list":
            attributes[name] = types.ARRAY(scalars.get(word.items or "", types.UNDEFINED))
        else:
            attributes[name] = scalars[word.kind]
    return types.OBJECT(prefix.rstrip("."), attributes, accessor=attribute)


def _kind(node: Any) -> str:
    """What kind of value a parsed expression gives: number, text, truth, or 'list of …'.

    rule_engine lets ``==`` compare anything, ``and`` join anything and ``in`` look for anything; a rule that says so is
    a mistake that would stay silent for ever, so it is refused.
    """
    ast, types = _engine().ast, _engine().DataType
    match node:
        case ast.FloatExpression():
            return "number"
        case ast.StringExpression():
            return "text"
        case ast.BooleanExpression():
            return "truth"
        case ast.ArrayExpression():
            return f"list of {_same([_kind(member) for member in node.value], 'the items of a list')}"
        case ast.GetAttributeExpression():
            if types.is_type(node.result_type, types.ARRAY):
                return f"list of {_kind_of_type(node.result_type.value_type)}"
            return _kind_of_type(node.result_type)
        case ast.LogicExpression():
            return _all(node, "truth", f"'{node.type}' joins")
        case ast.ArithmeticComparisonExpression():
            _all(node, "number", "an ordering compares")
            return "truth"
        case ast.ComparisonExpression():
            compared = _same([_kind(node.left), _kind(node.right)], "the sides of a comparison")
            if compared.startswith("list"):
                raise TypeError("lists cannot be compared: use 'in'")
            return "truth"
        case ast.AddExpression() | ast.SubtractExpression() | ast.ArithmeticExpression():
            return _all(node, "number", "arithmetic takes")
        case ast.UnaryExpression():
            wanted = "truth" if node.type == "not" else "number"
            return _same([_kind(node.right), wanted], f"'{'not' if wanted == 'truth' else '-'}' and its operand")
        case ast.TernaryExpression():
            _same([_kind(node.condition), "truth"], "the condition before '?' and true or false")
            return _same([_kind(node.case_true), _kind(node.case_false)], "the branches of '? :'")
        case ast.ContainsExpression():
            wanted = f"list of {_kind(node.member)}"
            _same([_kind(node.container), wanted], "the list after 'in' and what is looked for")
            return "truth"
        case ast.FunctionCallExpression():
            return _call_kind(node)
    raise TypeError(f"{type(node).__name__.removesuffix('Expression')} is not part of the language")


def _call_kind(node: Any) -> str:
    """What a function gives. rule_engine would take a list of anything where it asks for numbers."""
    name, arguments = node.function.name, [_kind(argument) for argument in node.arguments]
    wanted = ["number"] if name == "abs" else ["list of number"]
    if arguments != wanted:
        raise TypeError(f"${name} takes {'one number' if name == 'abs' else 'one list of numbers'}")
    return "number"


def _kind_of_type(definition: Any) -> str:
    types = _engine().DataType
    kinds = ((types.FLOAT, "number"), (types.STRING, "text"), (types.BOOLEAN, "truth"))
    return next((kind for known, kind in kinds if definition == known), "record")


def _all(node: Any, wanted: str, what: str) -> str:
    for side in (node.left, node.right):
        found = _kind(side)
        if found != wanted:
            raise TypeError(f"{what} {SPOKEN[wanted]}, found {SPOKEN.get(found, 'a ' + found)}")
    return wanted


def _same(kinds: list[str], what: str) -> str:
    if len(set(kinds)) != 1:
        found = " and ".join(SPOKEN.get(kind, f"a {kind}") for kind in dict.fromkeys(kinds))
        raise TypeError(f"{what} differ: {found}")
    return kinds[0]


def _python(value: Any) -> Any:
    """rule_engine's result as Python's: its numbers are decimals."""
    return float(value) if isinstance(value, Decimal) else value
