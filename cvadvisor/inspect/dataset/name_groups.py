"""What a file's path says of the images that it may belong with: series, numbered persons, hash families, folders."""

import re
from collections.abc import Callable

from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES

Scheme = Callable[[str, str], str | None]
"""From a file's folders (without those that name splits) and its name without extension to the group it says."""

_SEPARATORS = " _.-"
_TOKENS = re.compile(r"[ _.\-]+")
_LETTERS = re.compile(r"[A-Za-z]*\Z")
# What numbers one of several pictures; after anything else, a word before the number is part of what is numbered.
_COUNTERS = frozenset({"frame", "img", "image", "slice", "crop", "patch", "tile", "view", "shot", "f", "s"})
_MOST_DIGITS = 7
_HASH = r"(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32,64})"
_HASH_FIRST = re.compile(rf"({_HASH})[^0-9a-z].*", re.IGNORECASE | re.DOTALL)
_HASH_LAST = re.compile(rf"(.*)[ _.\-]{_HASH}", re.IGNORECASE | re.DOTALL)
_SPLIT_FOLDER = re.compile(rf"(?:{'|'.join(SPLIT_NAMES)})(?:[\W\d_].*)?", re.IGNORECASE | re.DOTALL)


def series(folders: str, stem: str) -> str | None:
    """The name up to its last number: 'scan12' of scan12_slice003, 'P07' of P07-0004; ``None`` where it has none."""
    counted = stem.rstrip(") ")
    before = counted.rstrip("0123456789")
    if not before or not 0 < len(counted) - len(before) <= _MOST_DIGITS:
        return None
    before = before.rstrip(f"{_SEPARATORS}(")
    word = _LETTERS.search(before)
    shorter = before[: word.start()].rstrip(_SEPARATORS) if word and word[0] else ""
    counts_something = word is not None and word[0].lower() in _COUNTERS
    if shorter and (counts_something or any(map(str.isdigit, shorter))):
        before = shorter
    return f"{folders}/{before}" if before.strip(_SEPARATORS) else None


def first_part(folders: str, stem: str) -> str | None:
    """The name up to its first separator: 'P07' of P07-left-0004."""
    tokens = _TOKENS.split(stem, 1)
    return f"{folders}/{tokens[0]}" if len(tokens) > 1 and tokens[0] else None


def first_two_parts(folders: str, stem: str) -> str | None:
    """The name up to its second separator: 'cat-P07' of cat-P07-0004."""
    tokens = _TOKENS.split(stem, 2)
    return f"{folders}/{tokens[0]}-{tokens[1]}" if len(tokens) > 2 and tokens[0] else None


def last_part(folders: str, stem: str) -> str | None:
    """What follows the last separator: 'P07' of 0004_P07."""
    tokens = _TOKENS.split(stem)
    return f"{folders}/{tokens[-1]}" if len(tokens) > 1 and tokens[-1] else None


def hash_family(folders: str, stem: str) -> str | None:
    """The hash or UUID that a longer name begins with, or what stands before the one that it ends with."""
    match = _HASH_FIRST.fullmatch(stem) or _HASH_LAST.fullmatch(stem)
    # Roboflow writes 'name_jpg.rf.<hash>' for every augmented copy of one image.
    family = match[1].removesuffix(".rf").rstrip(_SEPARATORS).lower() if match else ""
    return family or None


def folder(folders: str, stem: str) -> str | None:
    """The folder."""
    return folders or None


NAME_SCHEMES: dict[str, Scheme] = {
    "file names up to their last number": series,
    "file names up to their first separator": first_part,
    "file names up to their second separator": first_two_parts,
    "what file names end in": last_part,
    "hashes in file names": hash_family,
}
FOLDERS = "folders that name neither a split nor a class"


def parts_of(path: str, label: str) -> tuple[str, str]:
    """The folders of ``path`` that name neither a split nor its class, and its name without extension."""
    *folders, name = path.split("/")
    kept = [one for one in folders if one != label and not _SPLIT_FOLDER.fullmatch(one)]
    return "/".join(kept), name.rpartition(".")[0] or name
