"""A regular expression of the user's that finds a group's name in a path: checked, and bounded in time."""

import re
import time
from collections.abc import Callable

from cvadvisor.inspect.dataset.layouts.reading import DatasetError
from cvadvisor.inspect.printable import printable

LONGEST_TEXT = 1_000
"""Characters of a path that a pattern is matched against: its last ones."""
_LONGEST_PATTERN = 500
# One match of a sound pattern takes microseconds.
_SLOWEST_S = 1.0
_SLOW_MATCHES = 3
_REPEATS = re.compile(r"[*+]|\{\d*,\d*\}|\{\d{2,}\}")


def group_finder(pattern: str) -> Callable[[str], str | None]:
    """What finds the group in a path: the first of the pattern's groups that is there; without any, the whole match.

    It finds ``None`` where the pattern does not match.

    Raises:
        DatasetError: the pattern is none, or may take forever; or, from the function, it did take long on a path.
    """
    shown = f"--group-pattern {printable(pattern[:100])}"
    if len(pattern) > _LONGEST_PATTERN:
        raise DatasetError(f"{shown}…: it is longer than {_LONGEST_PATTERN} characters: shorten it.")
    if repeats_a_repeat(pattern):
        raise DatasetError(
            f"{shown}: it repeats a part that holds a repeat, an alternative or a back-reference, which can take "
            "forever: write it without, as in '([^_/]+)_[0-9]+'."
        )
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise DatasetError(f"{shown}: it is no regular expression: {error}.") from error
    slow = 0

    def find(path: str) -> str | None:
        nonlocal slow
        started = time.monotonic()
        match = compiled.search(path[-LONGEST_TEXT:])
        if time.monotonic() - started > _SLOWEST_S:
            slow += 1
            if slow >= _SLOW_MATCHES:
                raise DatasetError(f"{shown}: it takes seconds a path: use fewer '*' and '+'.")
        if match is None:
            return None
        return next(filter(None, match.groups()), None) if compiled.groups else match[0] or None

    return find


def repeats_a_repeat(pattern: str) -> bool:
    """Whether a repeated group itself holds a repeat, an alternative or a back-reference.

    Those are the patterns that take exponential time. Some sound ones are among them.
    """
    opened: list[bool] = [False]
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            if pattern[at + 1 : at + 2].isdigit():
                opened[-1] = True
            at += 2
            continue
        if character == "[":
            at = _end_of_set(pattern, at)
            continue
        if character == "(":
            opened.append(False)
            if pattern.startswith("(?P=", at):
                opened[-1] = True
        elif character == ")":
            inner = opened.pop() if len(opened) > 1 else False
            repeated = _REPEATS.match(pattern, at + 1)
            if repeated and inner:
                return True
            opened[-1] |= inner or bool(repeated)
        elif character == "|" or _REPEATS.match(pattern, at):
            opened[-1] = True
        at += 1
    return False


def _end_of_set(pattern: str, at: int) -> int:
    """The position after the set of characters that begins at ``at``."""
    at += 1
    if pattern.startswith("^", at):
        at += 1
    if pattern.startswith("]", at):
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
