"""What the names of classes say by themselves: guesses from words, each stated as such."""

import re
from collections.abc import Callable, Iterable, Mapping

from cvadvisor.facts.dataset import NamePair
from cvadvisor.inspect.printable import printable

# Words that a mirror image makes wrong, and the shapes that such classes are made of.
_DIRECTIONS = frozenset(
    {"left", "leftward", "leftwards", "right", "rightward", "rightwards", "turn", "turns", "uturn", "arrow", "arrows"}
    | {"clockwise", "counterclockwise", "anticlockwise", "cw", "ccw", "mirror", "mirrored", "flipped"}
)
# Written numbers are drawn digits only where they are the whole name: "one piece" is a dress.
_NUMBERS = frozenset({"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"})
# What the folder of a character is often called in full: "letter_a", "digit 3".
_CHARACTER_PREFIXES = frozenset({"letter", "digit", "number", "character", "char"})
_DIGITS = frozenset("0123456789")
# Fewer single letters are kinds A and B; more classes than digits and letters are numbered things.
_ALPHABET = 10
_MOST_CHARACTERS = 62
# Whole names of classes that hold what fits nowhere else, or nothing that a model should learn.
_REST = frozenset(
    {"other", "others", "misc", "miscellaneous", "unknown", "unk", "skip", "skipped", "unsure", "unclear", "ambiguous"}
    | {"unlabeled", "unlabelled", "unclassified", "uncategorized", "undefined", "none", "na", "null", "nan", "todo"}
    | {"junk", "trashbin", "notsure", "dontknow", "various", "rest", "tbd", "newfolder", "untitledfolder", "temp"}
)
_SHORTEST_SPELLING = 6
_MOST_COMPARED = 2_000


def count_mirror_sensitive(labels: Iterable[str]) -> int:
    """How many class names say that the class is another one, or none, in a mirror.

    A direction (left, clockwise, arrow, turn) or a character: a digit's name, 'letter_b', or a single letter or digit
    where the classes are an alphabet or the ten digits; elsewhere a number stands for anything. A guess from names:
    "right whale" counts and need not, a sign known by its number does not and might.
    """
    names = list(labels)
    single = {name.lower() for name in names if len(name) == 1 and name.isascii()}
    characters = {name for name in single if name.isalpha()} if sum(map(str.isalpha, single)) >= _ALPHABET else set()
    if single >= _DIGITS and len(names) <= _MOST_CHARACTERS:
        characters |= _DIGITS
    return sum(name.lower() in characters or _is_mirror_sensitive(name) for name in names)


def junk(labels: Iterable[str]) -> tuple[str, ...]:
    """The names that stand for a rest (other, misc, unknown, skip …), as they can be shown."""
    return tuple(printable(label) for label in sorted(labels) if _folded(label) in _REST)


def twins(sizes: Mapping[str, int]) -> tuple[NamePair, ...]:
    """Pairs of classes whose names differ by case and punctuation, by a plural, or by one letter.

    One letter counts only in words of six letters or more that hold no digit; names of digits and codes differ by one
    character and mean it. At most 2,000 classes are compared, the largest first.

    Args:
        sizes: images of each class.
    """
    names = sorted(sizes, key=lambda name: (-sizes[name], name))[:_MOST_COMPARED]
    found = [(a, b, "case") for a, b in _equal(names, _folded)]
    found += [(a, b, "plural") for a, b in _equal(names, _singular) if _folded(a) != _folded(b)]
    known = {frozenset(pair[:2]) for pair in found}
    found += [(a, b, "spelling") for a, b in _one_letter_apart(names) if frozenset((a, b)) not in known]
    return tuple(NamePair(a=printable(a), b=printable(b), why=why) for a, b, why in found)


def _words(label: str) -> list[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", label)  # turnLeft
    return [word for word in re.split(r"[\W_]+", spaced.lower()) if word]


def _is_mirror_sensitive(label: str) -> bool:
    words = _words(label)
    if _DIRECTIONS.intersection(words):
        return True
    if len(words) == 2 and words[0] in _CHARACTER_PREFIXES:
        return len(words[1]) == 1 or words[1] in _NUMBERS
    return len(words) == 1 and words[0] in _NUMBERS


def _folded(label: str) -> str:
    return re.sub(r"[\W_]+", "", label.casefold())


def _singular(label: str) -> str:
    folded = _folded(label)
    return folded.removesuffix("s") if len(folded) > 3 and not folded.endswith("ss") else folded


def _equal(names: list[str], key: Callable[[str], str]) -> list[tuple[str, str]]:
    """Each name that has the same key as one before it, behind that one."""
    first: dict[str, str] = {}
    pairs = ((first.setdefault(key(name), name), name) for name in names if key(name))
    return [(other, name) for other, name in pairs if other is not name]


def _one_letter_apart(names: list[str]) -> list[tuple[str, str]]:
    """Pairs of long words of which one becomes the other by dropping, adding, changing or swapping one letter."""
    keys: dict[str, list[str]] = {}
    pairs: dict[tuple[str, str], None] = {}
    for name in names:
        folded = _folded(name)
        if len(folded) < _SHORTEST_SPELLING or not folded.isalpha():
            continue
        for key in {folded, *(folded[:i] + folded[i + 1 :] for i in range(len(folded)))}:
            for other in keys.get(key, ()):
                if _distance_one(_folded(other), folded):
                    pairs.setdefault((other, name))
            keys.setdefault(key, []).append(name)
    return list(pairs)


def _distance_one(a: str, b: str) -> bool:
    """Whether one edit turns ``a`` into ``b``; the first letter has to agree, or cat and bat would be twins."""
    if a == b or a[0] != b[0]:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    swapped = rest_a[:2] == rest_b[:2][::-1] and rest_a[2:] == rest_b[2:]
    return swapped or rest_a[1:] == rest_b[1:] or rest_a[1:] == rest_b or rest_a == rest_b[1:]
