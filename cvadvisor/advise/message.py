"""A rule's message: a text with facts in it, as ``"{dataset.imbalance_ratio:.1f} times the images"``.

Only paths of facts and thresholds may stand in braces: no attribute, index or conversion of Python's format language
reaches a value. ``(s)`` and ``(is|are)`` follow the last number before them, so that one image is not "1 images".
"""

import re
import string
from collections.abc import Iterator, Mapping
from typing import Any

from cvadvisor.advise.words import PARAM, Lookup, MissingFact, Word, nearest

UNKNOWN = "(unknown)"
"""What stands for a fact that is not known: the finding matters more than one of its numbers."""

_SPEC = re.compile(r"|,|\.[0-3]?[0-9][feg%]|,\.[0-9]f|\.[0-9]%|g|bytes")
_NUMERUS = re.compile(r"\(s\)|\(([^()|]+)\|([^()|]+)\)")
_LISTED = 5


def check_message(text: str, words: Mapping[str, Word]) -> tuple[str, ...]:
    """The paths that ``text`` names, once each.

    Raises:
        ValueError: a path is unknown, or its format is not one that messages allow.
    """
    paths = []
    for _, path, spec in _pieces(text):
        if path is None:
            continue
        word = words.get(path)
        if word is None:
            raise ValueError(f"unknown fact {path!r}{nearest(path, words)}")
        if word.kind == "list" and word.items is None:
            raise ValueError(f"{path} is a list of records: name its number here, and the list under 'show'")
        if spec and word.kind != "number":
            raise ValueError(f"{path} is no number and takes no format, found {spec!r}")
        if not _SPEC.fullmatch(spec):
            raise ValueError(f"the format {spec!r} of {path} is not allowed: use ',' '.1f' '.3g' '.1%' or 'bytes'")
        paths.append(path)
    return tuple(dict.fromkeys(paths))


def render_message(text: str, lookup: Lookup) -> str:
    """``text`` with every path replaced by its value. Values are never read for braces of their own."""
    made, one = [], False
    for literal, path, spec in _pieces(text):
        made.append(_NUMERUS.sub(lambda found, one=one: _form(found, one), literal))  # type: ignore[misc]
        if path is None:
            continue
        try:
            value = lookup(path)
        except MissingFact:
            made.append(UNKNOWN)
            continue
        made.append(_shown(value, spec))
        if isinstance(value, int) and not isinstance(value, bool):
            one = value == 1
    return "".join(made)


def readable(text: str, params: Mapping[str, Any]) -> str:
    """``text`` for a reader of the rule, not of one dataset: facts as «their.path», thresholds by their values."""
    own = {f"{PARAM}.{name}": value for name, value in params.items()}
    made = []
    for literal, path, spec in _pieces(text):
        made.append(_NUMERUS.sub(lambda found: _form(found, one=False), literal))
        if path is not None:
            made.append(_shown(own[path], spec) if path in own else f"«{path}»")
    return "".join(made)


def listed(items: tuple[Any, ...], most: int = _LISTED) -> str:
    """The first items of a list fact, and how many more there are."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(str(item) for item in items[:most]) + more


def _pieces(text: str) -> Iterator[tuple[str, str | None, str]]:
    """Literal text, the path after it (``None`` at the end) and its format."""
    for literal, path, spec, conversion in string.Formatter().parse(text):
        if conversion:
            raise ValueError(f"conversions such as '!{conversion}' are not allowed")
        if spec and ("{" in spec or "}" in spec):
            raise ValueError(f"the format {spec!r} of {path} may not hold braces")
        if path is not None and not re.fullmatch(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+", path):
            raise ValueError(f"{path!r} is not the path of a fact")
        yield literal, path, spec or ""


def _form(found: re.Match[str], one: bool) -> str:
    if found.group() == "(s)":
        return "" if one else "s"
    return found.group(1 if one else 2)


def _shown(value: Any, spec: str) -> str:
    if isinstance(value, tuple):
        return listed(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if spec == "bytes":
        return f"{value / 1e9:.1f} GB"
    if spec:
        return format(value, spec)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
