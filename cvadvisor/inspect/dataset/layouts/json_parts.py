"""A large JSON object, part by part: in memory are the text and one item, not the tree that json.loads would make."""

import json
import re
from collections.abc import Iterator
from typing import Any

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class NotJson(ValueError):
    """Text that is no JSON object; the message says where it goes wrong."""


def items(text: str) -> Iterator[tuple[str, Any]]:
    """Key and value of each member of the object in ``text``; of a member that is a list, key and each item.

    A list of 10 items gives 10 pairs and an empty one gives none.

    Raises:
        NotJson: the text is no JSON object, or stops being one; what came before has been given.
    """
    try:
        yield from _items(text)
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"line {error.lineno:,}, column {error.colno:,}: {error.msg}") from None
    except ValueError:  # a number with more digits than Python reads
        raise NotJson("it holds a number that is too long") from None


def _items(text: str) -> Iterator[tuple[str, Any]]:
    at = _expect(text, _skip(text, 0), "{")
    if text[at : at + 1] == "}":
        return
    while True:
        key, at = _DECODER.raw_decode(text, at)
        if not isinstance(key, str):
            raise json.JSONDecodeError("a key was expected", text, at)
        at = _expect(text, _skip(text, at), ":")
        if text[at : at + 1] == "[":
            at = _skip(text, at + 1)
            while text[at : at + 1] != "]":
                value, at = _DECODER.raw_decode(text, at)
                yield key, value
                at = _skip(text, at)
                if text[at : at + 1] != "]":
                    at = _expect(text, at, ",")
            at += 1
        else:
            value, at = _DECODER.raw_decode(text, at)
            yield key, value
        at = _skip(text, at)
        if text[at : at + 1] == "}":
            return
        at = _expect(text, at, ",")


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, character: str) -> int:
    """Where the next thing begins, after ``character``."""
    if text[at : at + 1] != character:
        raise json.JSONDecodeError(f"{character!r} was expected", text, at)
    return _skip(text, at + 1)
