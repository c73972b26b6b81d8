"""Parse a rule's expression into a function of the facts. Precedence is Python's."""

from collections.abc import Mapping

from cvadvisor.advise import meaning
from cvadvisor.advise.expression import Token, tokens_of
from cvadvisor.advise.meaning import EQUALITIES, ORDERINGS, Part
from cvadvisor.advise.words import Word

DEEPEST = 50
"""How deeply an expression may nest."""

_TERNARY, _OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _MINUS, _POWER = range(1, 10)
_BINDING = {
    "?": _TERNARY,
    "or": _OR,
    "and": _AND,
    **dict.fromkeys((*ORDERINGS, *EQUALITIES, "in", "not"), _COMPARISON),
    **dict.fromkeys("+-", _SUM),
    **dict.fromkeys(("*", "/", "//", "%"), _PRODUCT),
    "**": _POWER,
}
"""How strongly an operator between two operands binds."""


def parse(text: str, words: Mapping[str, Word]) -> Part:
    """What the expression ``text`` means; ``words`` are the facts and thresholds that it may name.

    Raises:
        ValueError: it is not of the language.
        TypeError: its kinds do not fit.
        ArithmeticError: a constant part of it has no value.
    """
    return meaning.rounded(_Parser(tokens_of(text, words), words).whole())


class _Parser:
    """Precedence climbing: an operand, then every operator after it that binds at least as strongly as asked."""

    def __init__(self, tokens: tuple[Token, ...], words: Mapping[str, Word]) -> None:
        self.tokens, self.words = tokens, words
        self.position = self.depth = 0

    def whole(self) -> Part:
        made = self.expression(_TERNARY)
        if self.next.kind != "end":
            raise self.unexpected("an operator")
        return made

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        self.position += 1
        return self.tokens[self.position - 1]

    def accept(self, text: str) -> bool:
        found = self.next.text == text and self.next.kind in ("sign", "keyword")
        self.position += found
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.unexpected(f"'{text}'")

    def unexpected(self, wanted: str) -> ValueError:
        token = self.next
        if token.text == "[":
            return ValueError(f"an index, at character {token.at}, is not part of the language")
        found = "the end" if token.kind == "end" else repr(token.text)
        return ValueError(f"syntax error at character {token.at}: expected {wanted}, found {found}")

    def expression(self, weakest: int) -> Part:
        """An operand with all operators after it that bind at least as strongly as ``weakest``."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError(f"an expression nests at most {DEEPEST} deep, this one nests deeper")
        left = self.operand(weakest)
        compared = False
        while self.binding() >= weakest:
            binding, sign = self.binding(), self.take().text
            if binding == _COMPARISON and compared:
                raise ValueError(f"'{sign}' after another comparison: join the two by 'and'")
            compared = binding == _COMPARISON
            left = self.operation(left, sign, binding)
        self.depth -= 1
        return left

    def binding(self) -> int:
        """How strongly the next token binds as an operator between operands; 0 where it is none."""
        token = self.next
        if token.text == "not" and self.tokens[self.position + 1].text != "in":
            return 0
        return _BINDING.get(token.text, 0) if token.kind in ("sign", "keyword") else 0

    def operation(self, left: Part, sign: str, binding: int) -> Part:
        """``left`` joined by ``sign`` to the operand that follows."""
        if sign == "?":
            chosen = self.expression(_TERNARY)
            self.expect(":")
            return meaning.choice(left, chosen, self.expression(_TERNARY))
        if sign == "not":
            self.expect("in")
            return meaning.negation(meaning.membership(left, self.expression(binding + 1)))
        # A power binds from the right, and takes a minus before its exponent: 2 ** -3 ** 2.
        right = self.expression(_MINUS if sign == "**" else binding + 1)
        if sign in ("and", "or"):
            return meaning.logic(sign, left, right)
        if sign == "in":
            return meaning.membership(left, right)
        if binding == _COMPARISON:
            return meaning.comparison(sign, left, right)
        return meaning.arithmetic(sign, left, right)

    def operand(self, weakest: int) -> Part:
        token = self.next
        if token.kind == "end" or (token.text == "not" and weakest > _NOT):
            raise self.unexpected("a value")
        if token.text == "[":
            self.take()
            return meaning.listed(self.several("]"))
        self.take()
        match token.kind:
            case "number":
                return meaning.number(token.text)
            case "text":
                return meaning.constant("text", token.text[1:-1])
            case "name":
                return meaning.fact(self.words[token.text])
            case "function":
                self.expect("(")
                return meaning.call(token.text[1:], self.several(")"))
        match token.text:
            case "true" | "false":
                return meaning.constant("truth", token.text == "true")
            case "not":
                return meaning.negation(self.expression(_NOT))
            case "-":
                return meaning.minus(self.expression(_MINUS))
            case "(":
                inner = self.expression(_TERNARY)
                self.expect(")")
                return inner
        self.position -= 1
        raise self.unexpected("a value")

    def several(self, end: str) -> list[Part]:
        """Expressions between commas, up to ``end``."""
        made: list[Part] = []
        while not self.accept(end):
            if made:
                self.expect(",")
            made.append(self.expression(_TERNARY))
        return made
