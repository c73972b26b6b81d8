"""What columns are called: their names made comparable, and those that say what several images have in common."""

import re
from collections.abc import Collection, Sequence
from typing import Any

from cvadvisor.inspect.dataset.layouts.label_values import is_flag
from cvadvisor.inspect.dataset.layouts.listed_images import text_of
from cvadvisor.inspect.dataset.layouts.table_rows import SNIFFED_ROWS

_PEOPLE = (
    *("patient", "subject", "person", "user", "sender", "group", "individual", "participant", "identity", "client"),
    *("session", "recording", "video", "scene", "sequence", "clip", "series", "study", "case", "lesion", "specimen"),
    *("slide", "scan", "donor", "volunteer", "uploader", "burst", "track", "visit", "exam", "household"),
)
_GROUPS = (
    *_PEOPLE,
    *("site", "location", "hospital", "place", "author", "photographer", "owner", "device", "camera", "clinic"),
    *("farm", "station"),
)
_GROUP_ENDS = ("", "_id", "id", "_name", "_no", "_number", "_uid", "_index", "_code", "s")


def normalised(name: str) -> str:
    """A column's name in lower case, its words joined by underscores: 'FileName' and 'file name' are 'file_name'."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name.strip()[:200])
    return re.sub(r"[^0-9a-z]+", "_", spaced.lower()).strip("_")


def names_people(column: str) -> bool:
    """Whether a column is called after persons, recordings or the like, rather than after places or devices."""
    return normalised(column) in {f"{group}{end}" for group in _PEOPLE for end in _GROUP_ENDS}


def group_columns(
    names: Sequence[str], columns: Sequence[Sequence[Any]], images: int, taken: Collection[int | None] = ()
) -> list[int]:
    """The columns of what several images have in common other than their class, by their names: the surest first.

    Args:
        names: the columns' names, normalised.
        columns: the cells of each column in the first rows.
        images: different images in those rows.
        taken: columns that are something else.
    """
    forms = {f"{group}{end}": rank for rank, group in reversed(list(enumerate(_GROUPS))) for end in _GROUP_ENDS}
    candidates = []
    for index, cells in enumerate(columns):
        if index in taken or names[index] not in forms:
            continue
        values = {text_of(cell) for cell in cells} - {None}
        # In the first rows of a long table each may be new; they come back later.
        repeated = len(values) < images or len(cells) >= SNIFFED_ROWS
        if len(values) > 1 and repeated and not all(map(is_flag, cells)):
            candidates.append((forms[names[index]], index))
    return [index for _, index in sorted(candidates)]
