"""What the parts of an expression mean: each gives a value of one kind, and refuses parts whose kinds do not fit.

A mistake of kinds would stay silent for ever: an ``and`` of numbers, a text that is compared with a number, an ``in``
that looks for what its list cannot hold. All of them are refused while a rule is compiled, and so is a constant part
that has no value.

Arithmetic means what a person would compute: 1 - 0.9 is 0.1. It is done in decimals of 28 digits and rounded to a float
where it ends, so that neither binary fractions (0.1 + 0.2) nor decimal ones (1 / 3 * 3) move a threshold.
"""

import decimal
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cvadvisor.advise.words import SPOKEN, Lookup, Word

LARGEST_EXPONENT = 100
"""The largest exponent, in size: a power beyond it is no threshold that anybody means."""

ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
EQUALITIES: dict[str, Callable[[Any, Any], bool]] = {"==": operator.eq, "!=": operator.ne}

_DIGITS = decimal.Context(prec=28, traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow])


class Part(NamedTuple):
    """A part of an expression.

    Attributes:
        kind: number, text, truth, record, or 'list of …'.
        value: its value for some facts; raises ``MissingFact`` where it reaches a fact that is not known, and
            ``ArithmeticError`` where it has none.
        constant: whether it reads no facts.
    """

    kind: str
    value: Callable[[Lookup], Any]
    constant: bool = False


def spoken(kind: str) -> str:
    """``kind`` with its article."""
    return SPOKEN.get(kind, f"a {kind}")


def constant(kind: str, value: Any) -> Part:
    """A value that no fact changes."""
    return Part(kind, lambda _: value, constant=True)


def _made(kind: str, value: Callable[[Lookup], Any], *parts: Part) -> Part:
    """A part made of others; of constants it is computed now, so that a rule without a value does not load."""
    return constant(kind, value(_no_facts)) if all(part.constant for part in parts) else Part(kind, value)


def _no_facts(path: str) -> Any:
    raise AssertionError(f"{path} was asked for by a constant")


def number(text: str) -> Part:
    """A number as it is written."""
    value = int(text) if text.isdigit() else float(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise OverflowError(f"{text} is too large a number")
    return constant("number", value)


def fact(word: Word) -> Part:
    """A fact or a threshold."""
    path = word.path
    if word.kind == "list":
        return Part(f"list of {word.items or 'record'}", lambda lookup: lookup(path))
    if word.kind != "number":
        return Part(word.kind, lambda lookup: lookup(path))

    def finite(lookup: Lookup) -> Any:
        value = lookup(path)
        if isinstance(value, float) and not math.isfinite(value):
            raise ArithmeticError(f"{path} is {value}, and facts are finite numbers")
        return value

    return Part("number", finite)


def rounded(part: Part) -> Part:
    """``part`` where its arithmetic ends: its number is an int, or a finite float."""
    if part.kind != "number":
        return part
    exact = part.value

    def value(lookup: Lookup) -> Any:
        found = exact(lookup)
        if isinstance(found, decimal.Decimal):
            found = float(found)
            if not math.isfinite(found):
                raise OverflowError("the result is too large a number")
        return found

    return _made("number", value, part)


def listed(items: Sequence[Part]) -> Part:
    """A list of its items."""
    if not items:
        raise ValueError("a list has at least one item")
    kind, values = _same(items, "the items of a list"), [rounded(item).value for item in items]
    return _made(f"list of {kind}", lambda lookup: tuple(value(lookup) for value in values), *items)


def call(name: str, arguments: Sequence[Part]) -> Part:
    """One of the functions, called."""
    wanted = "number" if name == "abs" else "list of number"
    if [argument.kind for argument in arguments] != [wanted]:
        found = " and ".join(spoken(argument.kind) for argument in arguments) or "nothing"
        raise TypeError(f"${name} takes one {'number' if name == 'abs' else 'list of numbers'}, found {found}")
    given = arguments[0].value
    functions: dict[str, Callable[[Any], Any]] = {"min": min, "max": max, "sum": _sum, "abs": abs}
    function = functions[name]

    def value(lookup: Lookup) -> Any:
        found = given(lookup)
        if name in ("min", "max") and not found:
            raise ArithmeticError(f"${name} of an empty list has no value")
        return function(found)

    return _made("number", value, *arguments)


def logic(sign: str, left: Part, right: Part) -> Part:
    """``and`` or ``or``: the right side is not reached where the left one decides."""
    _all("truth", (left, right), f"'{sign}' joins")
    a, b = left.value, right.value
    if sign == "and":
        return _made("truth", lambda lookup: a(lookup) and b(lookup), left, right)
    return _made("truth", lambda lookup: a(lookup) or b(lookup), left, right)


def negation(part: Part) -> Part:
    """``not``."""
    _all("truth", (part,), "'not' takes")
    value = part.value
    return _made("truth", lambda lookup: not value(lookup), part)


def minus(part: Part) -> Part:
    """A minus before a number."""
    _all("number", (part,), "'-' takes")
    value = part.value
    return _made("number", lambda lookup: -value(lookup), part)


def choice(condition: Part, chosen: Part, other: Part) -> Part:
    """``condition ? chosen : other``: only the branch that is chosen is reached."""
    _all("truth", (condition,), "what stands before '?' is")
    kind = _same((chosen, other), "the branches of '? :'")
    test, a, b = condition.value, chosen.value, other.value
    return _made(kind, lambda lookup: a(lookup) if test(lookup) else b(lookup), condition, chosen, other)


def comparison(sign: str, left: Part, right: Part) -> Part:
    """An ordering of numbers, or an equality of what is of one kind."""
    if sign in ORDERINGS:
        _all("number", (left, right), "an ordering compares")
    elif _same((left, right), "the sides of a comparison").startswith(("list", "record")):
        raise TypeError("lists cannot be compared: use 'in'")
    compare, a, b = {**ORDERINGS, **EQUALITIES}[sign], rounded(left).value, rounded(right).value
    return _made("truth", lambda lookup: compare(a(lookup), b(lookup)), left, right)


def membership(item: Part, container: Part) -> Part:
    """``item in container``."""
    if container.kind != f"list of {item.kind}":
        found = f"{spoken(container.kind)} and {spoken(item.kind)}"
        raise TypeError(f"the list after 'in' and what is looked for differ: {found}")
    wanted, among = rounded(item).value, container.value
    return _made("truth", lambda lookup: wanted(lookup) in among(lookup), item, container)


def arithmetic(sign: str, left: Part, right: Part) -> Part:
    """Two numbers joined by an operator."""
    _all("number", (left, right), "arithmetic takes")
    if sign == "**" and right.constant:
        _check_exponent(right.value(_no_facts))
    compute, a, b = _ARITHMETIC[sign], left.value, right.value

    def value(lookup: Lookup) -> Any:
        try:
            return compute(_exact(a(lookup)), _exact(b(lookup)))
        except decimal.DecimalException:
            raise OverflowError("the result is too large a number") from None

    return _made("number", value, left, right)


def _exact(value: Any) -> decimal.Decimal:
    """The number as it is written: 0.1 is a tenth."""
    return value if isinstance(value, decimal.Decimal) else decimal.Decimal(str(value))


def _sum(values: Sequence[Any]) -> decimal.Decimal:
    return sum(map(_exact, values), decimal.Decimal(0))


def _quotient(a: decimal.Decimal, b: decimal.Decimal) -> decimal.Decimal:
    _check_divisor(b)
    return _DIGITS.divide(a, b)


def _floor(a: decimal.Decimal, b: decimal.Decimal) -> decimal.Decimal:
    """Rounded down, as Python's ``//``; that of decimals rounds towards zero."""
    _check_divisor(b)
    whole, rest = _DIGITS.divmod(a, b)
    return _DIGITS.subtract(whole, decimal.Decimal(1)) if rest and (rest < 0) != (b < 0) else whole


def _rest(a: decimal.Decimal, b: decimal.Decimal) -> decimal.Decimal:
    """With the divisor's sign, as Python's ``%``."""
    _check_divisor(b)
    rest = _DIGITS.remainder(a, b)
    return _DIGITS.add(rest, b) if rest and (rest < 0) != (b < 0) else rest


def _power(base: decimal.Decimal, exponent: decimal.Decimal) -> decimal.Decimal:
    _check_exponent(exponent)
    if not exponent:
        return decimal.Decimal(1)
    if exponent < 0:
        _check_divisor(base)
    if base < 0 and exponent != int(exponent):
        raise ArithmeticError(f"{base:g} ** {exponent:g} is no real number")
    return _DIGITS.power(base, exponent)


def _check_divisor(value: decimal.Decimal) -> None:
    if not value:
        raise ZeroDivisionError("division by zero")


def _check_exponent(value: Any) -> None:
    if abs(value) > LARGEST_EXPONENT:
        raise ArithmeticError(f"an exponent is at most {LARGEST_EXPONENT} in size, not {value:.6g}")


_ARITHMETIC: dict[str, Callable[[decimal.Decimal, decimal.Decimal], decimal.Decimal]] = {
    "+": _DIGITS.add,
    "-": _DIGITS.subtract,
    "*": _DIGITS.multiply,
    "/": _quotient,
    "//": _floor,
    "%": _rest,
    "**": _power,
}


def _all(wanted: str, parts: Sequence[Part], what: str) -> None:
    for part in parts:
        if part.kind != wanted:
            raise TypeError(f"{what} {spoken(wanted)}, found {spoken(part.kind)}")


def _same(parts: Sequence[Part], what: str) -> str:
    kinds = list(dict.fromkeys(part.kind for part in parts))
    if len(kinds) != 1:
        raise TypeError(f"{what} differ: {' and '.join(map(spoken, kinds))}")
    return kinds[0]
