"""Files that give class numbers their names: a name a line, or a number and a name."""

import re
from collections.abc import Iterable, Mapping

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.places import Unreadable

NAMES_FILES = (
    *("classes.txt", "class_names.txt", "classnames.txt", "labels.txt", "label_names.txt", "synsets.txt"),
    *("synset_words.txt", "categories.txt", "names.txt", "label_map.txt", "labelmap.txt", "synset.txt"),
)
"""What such files are called, the likeliest first; compare in lower case."""

_MOST_BYTES = 20_000_000
_MOST_CLASSES = 100_000
_LONGEST_NAME = 500


def declared_names(files: Files, folders: Iterable[str]) -> tuple[str, Mapping[int, str]] | None:
    """The names of class numbers and the file that gives them; ``None`` where no folder of ``folders`` has one."""
    for folder in dict.fromkeys(folders):
        paths = list(files.others(folder, suffixes=NAMES_FILES, below=False))
        for wanted in NAMES_FILES:
            for path in paths:
                if path.rpartition("/")[2].lower() == wanted and (names := _names(files, path)):
                    return path, names
    return None


def numbered(lines: Iterable[str]) -> dict[int, str]:
    """Names by number: by the number that every line begins or ends with, or else by place, from 0."""
    kept = [line.strip()[:_LONGEST_NAME] for line in lines if line.strip()]
    for pattern in (
        r"(?P<number>\d{1,9})\s*[\s,:;]\s*(?P<name>\S.*)",
        r"(?P<name>.*\S)\s*[\s,:;]\s*(?P<number>\d{1,9})",
    ):
        found = [re.fullmatch(pattern, line) for line in kept]
        pairs = [(int(one["number"]), one["name"].strip()) for one in found if one]
        if kept and len(pairs) == len(kept) == len(dict(pairs)) and max(dict(pairs)) <= len(kept):
            return dict(pairs)
    return dict(enumerate(kept))


def _names(files: Files, path: str) -> Mapping[int, str] | None:
    try:
        data = files.read(path, _MOST_BYTES)
    except Unreadable:
        return None
    lines = data.decode("utf-8-sig", "surrogateescape").splitlines()
    return numbered(lines) if len(lines) <= _MOST_CLASSES and "\0" not in lines[0] else None
