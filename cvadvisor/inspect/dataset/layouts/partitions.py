"""Tables that say which split an image is in, and nothing else: CelebA's list_eval_partition, a split.csv."""

import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.column_names import normalised
from cvadvisor.inspect.dataset.layouts.label_columns import Roles, guess
from cvadvisor.inspect.dataset.layouts.listed_images import Finder, text_of
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, Fault, Split, Wishes
from cvadvisor.inspect.dataset.layouts.table_rows import TABLE_SUFFIXES, Row, Table, open_table, sniff
from cvadvisor.inspect.dataset.layouts.table_samples import Source
from cvadvisor.inspect.dataset.places import Unreadable

LIST_SUFFIXES = (".txt", ".lst", ".list")

_MOST_FILES = 5
_COLUMNS = frozenset({"partition", "split"})
_UNNAMED = frozenset({"", "unnamed_0", "index"})
_NUMBERS = frozenset({"0", "1", "2"})
_CELEBA: Mapping[str, Split] = {"0": "train", "1": "validation", "2": "test"}
# In CUB-200's train_test_split.txt, 1 says that an image is for training.
_IS_TRAINING: Mapping[str, Split] = {"1": "train", "0": "test"}


def assigns_splits(path: str) -> bool:
    """Whether a file is called after splits in general: list_eval_partition or train_test_split, not train_split."""
    words = re.split(r"[^a-z]+", PurePosixPath(path.lower()).stem)
    if any(word.startswith("partition") for word in words):
        return True
    own = {SPLIT_NAMES.get(word, word) for word in words if word in SPLIT_NAMES or word == "trainval"}
    return not {"split", "splits"}.isdisjoint(words) and len(own) != 1


def split_codes(values: Iterable[str], *, called_so: bool, path: str) -> Mapping[str, Split] | None:
    """The splits that these values (in lower case) stand for; ``None`` where they are something else.

    Args:
        values: all that occur, looked at until one is no split.
        called_so: whether the file or the column is called after splits, so that numbers may be some.
        path: the file.

    Returns:
        A mapping; empty where the numbers are splits, and nothing says which.
    """
    seen = set()
    for value in values:
        if value not in SPLIT_NAMES and not (called_so and value in _NUMBERS):
            return None
        seen.add(value)
    if not seen:
        return None
    if seen <= SPLIT_NAMES.keys():
        return SPLIT_NAMES if called_so or len({SPLIT_NAMES[value] for value in seen}) > 1 else None
    if "2" in seen:
        return _CELEBA
    return _IS_TRAINING if {"train", "test"} <= set(re.split(r"[^a-z]+", path.lower())) else {}


def partition_in(files: Files, table: Table, rows: Sequence[Row]) -> Source | None:
    """The table as one of images and their splits alone; ``None`` where it is none. Its codes may be empty."""
    if len(table.columns) > 3:
        return None
    roles = guess(table, rows, Finder(files, table.folder), Wishes())
    if roles is None:
        return None
    others = [
        index for index, name in enumerate(table.columns) if index != roles.image and normalised(name) not in _UNNAMED
    ]
    if len(others) != 1:
        return None
    called_so = assigns_splits(table.path) or normalised(table.columns[others[0]]) in _COLUMNS
    cells = (row[1][others[0]] for row in table.rows() if not isinstance(row, Fault))
    codes = split_codes(
        (text.lower() for cell in cells if (text := text_of(cell))), called_so=called_so, path=table.path
    )
    return None if codes is None else Source(table, Roles(roles.image, split=others[0]), codes=codes)


def find_partitions(files: Files) -> list[Source]:
    """The tables that are called after splits and assign them, nearest to the top first."""
    paths = (path for path in files.others(suffixes=(*TABLE_SUFFIXES, *LIST_SUFFIXES)) if assigns_splits(path))
    found = []
    for path in heapq.nsmallest(_MOST_FILES, paths, key=lambda path: (path.count("/"), path)):
        try:
            table = open_table(path, lambda path=path: files.read(path))  # type: ignore[misc]
            partition = partition_in(files, table, sniff(table)) if table else None
        except Unreadable:
            continue
        if partition:
            found.append(partition)
    return found
