"""What one cell of a label column says: a class, several, or whether a class is present."""

import json
from collections import Counter
from contextlib import suppress
from typing import Any

from cvadvisor.inspect.dataset.layouts.listed_images import text_of

LIST = "list"
"""The 'separator' of cells that hold a list, as JSON or as Python writes it."""

LONGEST_LABEL = 500
"""Characters of a class name; anything longer is a text about the image."""

_PLURALS = frozenset({"labels", "tags", "classes", "categories", "attributes", "findings", "genres", "targets"})
_LONGEST_LIST = 100_000


def is_flag(cell: Any) -> bool:
    """Whether a cell is 0 or 1 (or -1, for 0), however written."""
    return text_of(cell) in ("0", "1", "-1", "0.0", "1.0", "-1.0", "true", "false", "True", "False")


def is_set(cell: Any) -> bool:
    """Whether a 0/1 cell is 1."""
    return text_of(cell) in ("1", "1.0", "true", "True")


def labels_in(cell: Any, separator: str | None) -> list[str]:
    """The labels in a cell, each once, in their order; none where it is empty."""
    if isinstance(cell, list):
        labels = [text for text in map(text_of, cell) if text]
    elif not (text := text_of(cell)):
        return []
    elif separator is None:
        return [text]
    elif separator == LIST:
        labels = _listed(text)
    else:
        labels = [part.strip() for part in text.split(None if separator == " " else separator)]
    return list(dict.fromkeys(filter(None, labels)))


def separator_of(name: str, cells: list[Any]) -> str | None:
    """What separates several labels in the cells of a column; ``None`` where a cell holds one.

    Args:
        name: the column's normalised name; a plural says that there may be several.
        cells: some of the column's cells.
    """
    filled = [cell for cell in cells if isinstance(cell, list) or text_of(cell)]
    if not filled:
        return None
    if sum(map(_is_list, filled)) > len(filled) / 2:
        return LIST
    texts = {text for text in map(text_of, filled) if text}
    plural = name.rpartition("_")[2] in _PLURALS
    for separator in "|;, ":
        if separator in ", " and not plural:
            continue
        parts = [labels_in(text, separator) for text in texts]
        counts = Counter(part for some in parts for part in some)
        # The parts of a single class's name ("lion; king of beasts") do not come back in other classes.
        if any(len(some) > 1 for some in parts) and (counts.total() > len(counts) or (plural and separator in "|;")):
            return separator
    return None


def _is_list(cell: Any) -> bool:
    text = text_of(cell)
    return isinstance(cell, list) or (text is not None and text.startswith("[") and text.endswith("]"))


def _listed(text: str) -> list[str]:
    if not (text.startswith("[") and text.endswith("]")):
        return [text]
    if len(text) <= _LONGEST_LIST:
        with suppress(ValueError, RecursionError):
            values = json.loads(text)
            return [one for one in map(text_of, values) if one]
    # As Python writes a list: ['a', 'b'].
    return [part.strip().strip("'\"").strip() for part in text[1:-1].split(",")]
