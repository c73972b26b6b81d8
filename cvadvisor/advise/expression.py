"""What may stand in a rule's expression: its tokens and its names, checked before anything parses it.

The language is small: facts, thresholds, numbers, texts, ``and or not``, comparisons, arithmetic,
``condition ? a : b``, ``in [...]`` and ``$min $max $sum $abs``. What is left out is left out for a reason: a regular
expression can take for ever, a shift can fill the memory, and ``null`` would let a rule judge what is not known.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from cvadvisor.advise.words import PARAM, Word, fact_groups, nearest

FUNCTIONS = ("min", "max", "sum", "abs")
LONGEST = 800
"""Characters in an expression: enough to say anything, too few to nest deeply."""

_KEYWORDS = ("true", "false", "and", "or", "not", "in")
_REFUSED_WORDS = {
    "null": "a fact that is not known is not judged: the rule counts as not checked by itself",
    "nan": "facts are finite numbers",
    "inf": "facts are finite numbers",
    "for": "a comprehension is not part of the language: measure a fact instead",
    "if": "write 'condition ? a : b'",
    "elif": "write 'condition ? a : b'",
    "else": "write 'condition ? a : b'",
    "while": "a loop is not part of the language",
}
_REFUSED_SIGNS = {
    "=~": "regular expressions can be made to run for ever",
    "!~": "regular expressions can be made to run for ever",
    "??": "a fact that is not known is not judged: there is nothing to replace",
    "<<": "bit operations are not part of the language",
    ">>": "bit operations are not part of the language",
    "&": "write 'and'",
    "|": "write 'or'",
    "=": "write '==' to compare",
    "!": "write 'not'",
}
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<refused>=~+|!~+|\?\?|<<|>>)
      | (?P<text>"[^"\\\n]*"|'[^'\\\n]*')
      | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])
      | (?P<function>\$[A-Za-z_]\w*)
      | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<sign>\*\*|//|<=|>=|==|!=|[-+*/%<>?:,()\[\]])
      | (?P<other>[=!&|]|.)""",
    re.VERBOSE | re.ASCII,
)


class Token(NamedTuple):
    """A piece of an expression.

    Attributes:
        kind: number, text, name, function, keyword, sign, or end.
        text: as it is written.
        at: its first character, counted from 1.
    """

    kind: str
    text: str
    at: int


def names_in(expression: str, words: Mapping[str, Word]) -> tuple[str, ...]:
    """The facts and thresholds that ``expression`` reads, once each, in order.

    Raises:
        ValueError: it names something that is not there, or uses what the language leaves out.
    """
    return tuple(dict.fromkeys(token.text for token in tokens_of(expression, words) if token.kind == "name"))


def tokens_of(expression: str, words: Mapping[str, Word]) -> tuple[Token, ...]:
    """The pieces of ``expression``, and its end.

    Raises:
        ValueError: as :func:`names_in`.
    """
    if len(expression) > LONGEST:
        raise ValueError(f"an expression has at most {LONGEST} characters, this one has {len(expression)}")
    tokens = []
    for token in _TOKEN.finditer(expression):
        kind, text = str(token.lastgroup), token.group()
        if kind == "space":
            continue
        if kind in ("refused", "other"):
            why = _REFUSED_SIGNS.get(text) or _REFUSED_SIGNS.get(text[:2]) or "it is not part of the language"
            raise ValueError(f"{text!r} at character {token.start() + 1} is not allowed: {why}")
        if kind == "function" and text[1:] not in FUNCTIONS:
            raise ValueError(f"{text} is not allowed: the functions are {', '.join('$' + name for name in FUNCTIONS)}")
        if kind == "name" and text in _KEYWORDS:
            kind = "keyword"
        elif kind == "name":
            _check_name(text, words)
        tokens.append(Token(kind, text, token.start() + 1))
    return (*tokens, Token("end", "", len(expression) + 1))


def is_expression(value: object) -> bool:
    """Whether an advice's value is an expression: a text that starts with ``=``."""
    return isinstance(value, str) and value.startswith("=")


def _check_name(name: str, words: Mapping[str, Word]) -> None:
    if name in _REFUSED_WORDS:
        raise ValueError(f"{name!r} is not allowed: {_REFUSED_WORDS[name]}")
    if name in words:
        return
    if name in fact_groups():
        raise ValueError(f"{name} is a group of facts: name one of them")
    if name.split(".")[0] == PARAM:
        own = sorted(path for path in words if path.startswith(f"{PARAM}."))
        raise ValueError(f"{name} is not among the rule's params{nearest(name, own)}")
    raise ValueError(f"unknown fact {name!r}{nearest(name, words)}")
