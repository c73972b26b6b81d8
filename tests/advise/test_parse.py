"""An expression means what the same expression means in Python, on numbers as they are written."""

import contextlib
import math
import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.advise.parse import DEEPEST, parse
from cvadvisor.advise.words import MissingFact, Word, paths_lookup

FACTS: dict[str, Any] = {
    "a": 7,
    "b": -3,
    "x": 0.1,
    "y": 2.5,
    "yes": True,
    "no": False,
    "text": "adam",
    "names": ("adam", "sgd"),
    "sizes": (3, 1, 2),
    "none": (),
}
WORDS = {
    f"t.{name}": Word(f"t.{name}", kind, items=items)  # type: ignore[arg-type]
    for name, kind, items in [
        ("a", "number", None),
        ("b", "number", None),
        ("x", "number", None),
        ("y", "number", None),
        ("yes", "truth", None),
        ("no", "truth", None),
        ("unknown", "truth", None),
        ("text", "text", None),
        ("names", "list", "text"),
        ("sizes", "list", "number"),
        ("none", "list", "number"),
        ("records", "list", None),
    ]
}


def value(text: str, **changes: Any) -> Any:
    facts = {f"t.{name}": value for name, value in {**FACTS, **changes}.items()}
    return parse(text, WORDS).value(paths_lookup(facts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("10 - 3 - 2", 5),
        ("64 / 4 / 2", 8),
        ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("2 ** 3 ** 2", 512),
        ("0 ** 0", 1),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("7 % -3", -2),
        (".5 + 1. + 1e2", 101.5),
        ("t.a * -t.b", 21),
        ("$min([t.a, t.b, 0]) + $max(t.sizes) + $sum(t.sizes) + $abs(t.b)", 9),
        ("$sum(t.none)", 0),
        ("t.yes ? t.a : t.b", 7),
        ("t.no ? 1 : t.yes ? 2 : 3", 2),
        ("not t.no and t.yes", True),
        ("t.yes or t.yes and t.no", True),
        ("not t.a == 7", False),
        ("t.text == 'adam' and t.text != \"sgd\"", True),
        ("t.text in t.names and not t.text in ['sgd']", True),
        ("t.text not in ['sgd']", True),
        ("t.yes == true", True),
        ("2 in t.sizes and t.a in [6 + 1]", True),
        ("t.text in (t.no ? t.names : ['sgd'])", False),
    ],
)
def test_an_expression_has_its_value(text: str, expected: Any) -> None:
    found = value(text)
    assert found == expected
    assert isinstance(found, bool) == isinstance(expected, bool)


@pytest.mark.parametrize(
    "text",
    ["t.x + 0.2 == 0.3", "1 - 0.9 == t.x", "3 * t.x == 0.3", "1 / 3 * 3 == 1", "0.3 // t.x == 3", "1.1 ** 2 == 1.21"],
)
def test_fractions_do_not_move_a_threshold(text: str) -> None:
    assert value(text) is True


@pytest.mark.parametrize(
    "text",
    ["t.no and t.unknown", "not (t.yes or t.unknown)", "t.yes ? false : t.unknown", "t.no and 1 / (t.a - 7) > 0"],
)
def test_what_decides_nothing_is_not_reached(text: str) -> None:
    assert value(text) is False


@pytest.mark.parametrize("text", ["t.unknown", "t.yes and t.unknown", "t.unknown and t.no", "not t.unknown"])
def test_a_fact_that_is_reached_and_not_known_is_missing(text: str) -> None:
    with pytest.raises(MissingFact) as caught:
        value(text)
    assert caught.value.path == "t.unknown"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t.a / (t.b + 3)", "division by zero"),
        ("t.a // 0.0", "division by zero"),
        ("t.a % 0", "division by zero"),
        ("0 ** t.b", "division by zero"),
        ("t.b ** 0.5", "no real number"),
        ("2 ** (t.a * 100)", "at most 100 in size"),
        ("(((t.a ** 100) ** 100) ** 100) ** 100", "too large a number"),
        ("t.a * 1e308 * 1e308", "too large a number"),
        ("1e300 % t.a", "too large a number"),
        ("$min(t.none)", "an empty list"),
    ],
)
def test_a_number_that_does_not_exist_is_an_arithmetic_error(text: str, expected: str) -> None:
    with pytest.raises(ArithmeticError, match=expected):
        value(text)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_not_finite_is_not_judged(number: float) -> None:
    with pytest.raises(ArithmeticError, match="finite"):
        value("t.a < 3", a=number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a value, found the end"),
        ("1 +", "syntax error at character 4: expected a value, found the end"),
        ("1 2", "syntax error at character 3: expected an operator, found '2'"),
        ("(1", "expected ')', found the end"),
        ("[1", "expected ',', found the end"),
        ("t.yes ? 1", "expected ':'"),
        ("$min", "expected '('"),
        ("t.a(1)", "expected an operator, found '('"),
        ("t.yes not t.no", "expected an operator, found 'not'"),
        ("1 + not t.yes", "expected a value, found 'not'"),
        ("+1", "expected a value, found '+'"),
        ("t.names['adam']", "an index"),
        ("1 < t.a < 3", "after another comparison"),
        ("t.a in []", "at least one item"),
        ("(" * 60 + "1" + ")" * 60, f"at most {DEEPEST} deep"),
        ("-" * 300 + "1", f"at most {DEEPEST} deep"),
        ("t.a > 1 # 2", "'#' at character 9 is not allowed"),
        ("t.a > \u0663", "is not allowed"),
        ("1 > 3x", "is not allowed"),
        ("'open", "is not allowed"),
    ],
)
def test_what_is_not_of_the_language_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text, WORDS)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t.a and t.yes", "'and' joins true or false, found a number"),
        ("not t.a", "'not' takes true or false, found a number"),
        ("-t.text", "'-' takes a number, found a text"),
        ("t.text < 'b'", "an ordering compares a number, found a text"),
        ("t.text == 1", "the sides of a comparison differ: a text and a number"),
        ("t.names == t.names", "lists cannot be compared"),
        ("t.records == t.records", "lists cannot be compared"),
        ("t.text in t.sizes", "the list after 'in'"),
        ("t.text in t.text", "the list after 'in'"),
        ("t.a ? 1 : 2", "what stands before '?' is true or false, found a number"),
        ("t.yes ? 1 : 'a'", "the branches of '? :' differ: a number and a text"),
        ("[1, 'a']", "the items of a list differ: a number and a text"),
        ("$min(1, 2)", "$min takes one list of numbers, found a number and a number"),
        ("$abs([1])", "$abs takes one number, found a list of number"),
        ("$sum()", "$sum takes one list of numbers, found nothing"),
    ],
)
def test_kinds_that_do_not_fit_are_refused(text: str, expected: str) -> None:
    with pytest.raises(TypeError) as caught:
        parse(text, WORDS)
    assert expected in str(caught.value)


@pytest.mark.parametrize("text", ["t.a > 1 / 0", "t.a ** 101", "t.a > 10 ** -101", "1e999", "t.no and 2 ** 1000 > 1"])
def test_a_constant_without_a_value_does_not_load(text: str) -> None:
    with pytest.raises(ArithmeticError):
        parse(text, WORDS)


# ------------------------------------------------------------------------------------------- the same as in Python

NAMES = {"t.a": "7", "t.b": "(-3)", "t.x": "0.1", "t.y": "2.5", "t.yes": "True", "t.no": "False"}


def in_python(text: str) -> Any:
    """The expression's value in Python, on exact fractions."""
    for name, meaning in {**NAMES, "true": "True", "false": "False"}.items():
        text = re.sub(rf"\b{re.escape(name)}\b", meaning, text)
    exact = re.sub(r"\d+(\.\d+)?", r"Fraction('\g<0>')", text.replace("$", ""))
    return eval(exact, {"Fraction": Fraction, "min": min, "max": max, "sum": sum, "abs": abs})


numbers = st.recursive(
    st.sampled_from(["t.a", "t.b", "t.x", "t.y", "0", "1", "2", "10", "0.1", "2.5", "0.75"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", " * ", "*-", " // ", " % "]), inner).map("".join),
        st.tuples(inner, st.sampled_from([" ** 2", " ** 0", " / 2", " / 5"])).map("".join),
        inner.map("-{}".format),
        inner.map("({})".format),
        st.tuples(st.sampled_from(["$min", "$max", "$sum"]), inner, inner).map(
            lambda of: f"{of[0]}([{of[1]}, {of[2]}])"
        ),
        inner.map("$abs({})".format),
    ),
    max_leaves=8,
)
truths = st.recursive(
    st.one_of(
        st.sampled_from(["t.yes", "t.no", "true", "false"]),
        st.tuples(numbers, st.sampled_from([" < ", " <= ", " > ", " >= ", " == ", " != "]), numbers).map("".join),
        st.tuples(numbers, st.sampled_from([" in ", " not in "]), numbers, numbers).map(
            lambda of: f"{of[0]}{of[1]}[{of[2]}, {of[3]}]"
        ),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map("".join),
        inner.map("not {}".format),
        inner.map("({})".format),
    ),
    max_leaves=6,
)


def same(text: str) -> None:
    try:
        expected = in_python(text)
    except ZeroDivisionError:
        # A constant division by zero is refused even where it would not be reached.
        with pytest.raises(ArithmeticError):
            value(text)
        return
    try:
        found = value(text)
    except ArithmeticError:
        assert "/" in text or "%" in text
        return
    if isinstance(expected, bool):
        assert found is expected
    else:
        assert found == pytest.approx(float(expected), rel=1e-15, abs=0)


@given(numbers)
def test_numbers_are_those_of_python(text: str) -> None:
    same(text)


@given(truths)
def test_truths_are_those_of_python(text: str) -> None:
    same(text)


@given(truths, numbers, numbers)
def test_a_choice_takes_one_branch(condition: str, a: str, b: str) -> None:
    try:
        chosen = a if in_python(condition) else b
        expected = value(chosen)
        found = value(f"{condition} ? {a} : {b}")
    except ArithmeticError:
        return
    assert found == expected


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from([*WORDS, *"()[],?:+-*/%<>.'$", "**", "and", "not", "in", "1", "$min", "=="]), max_size=30
    ).map(" ".join)
)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError, TypeError, ArithmeticError):
        assert parse(text, WORDS).kind
