"""Which listed image a name in an annotation means: a path, a bare name, or one without its extension."""

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, Literal

from cvadvisor.inspect.dataset.files import IMAGE_EXTENSIONS, Files
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, Split
from cvadvisor.inspect.dataset.store import to_bytes, to_text

LONGEST_NAME = 4_096
"""Characters of the longest path that systems take; anything longer names no file."""

Loosely = Literal["extension", "case"]
"""How much of a name may differ: its extension; or that and which letters are capitals."""

_MOST_OF_A_NAME = 100
# Of the names that are looked up, the part that has to be found; more where they are not written as on disk.
_FOUND_SHARE = 0.1
_FOUND_LOOSELY_SHARE = 0.5
_JPEG = frozenset({".jpg", ".jpeg"})
# Where two files share a name, the one in such a folder is the annotation of the other.
_NOT_IMAGES = frozenset({"mask", "masks", "label", "labels", "annotation", "annotations", "gt", "thumbnails", "thumbs"})


def encodable(text: str) -> str:
    """``text`` as the store gives it back: a lone surrogate that stands for no byte becomes its escape."""
    return text if text.isascii() else to_text(to_bytes(text))


def text_of(value: Any) -> str | None:
    """A cell as text: numbers as they would be written, ``None`` where it holds nothing or is no plain value."""
    if isinstance(value, str):
        return encodable(value.strip()) or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, float) and value != value:
        return None
    try:
        return str(value) if isinstance(value, int | float) else None
    except ValueError:  # an integer of thousands of digits
        return None


def has_image_extension(name: str) -> bool:
    """Whether ``name`` ends like an image's."""
    return PurePosixPath(name.lower()).suffix in IMAGE_EXTENSIONS


def split_of_folders(path: str) -> Split | None:
    """The split that a folder of ``path`` is called after; of several the first."""
    folders = path.lower().split("/")[:-1]
    return next((SPLIT_NAMES[name] for name in folders if name in SPLIT_NAMES), None)


class Finder:
    """Finds the images that one annotation file names."""

    def __init__(self, files: Files, folder: str = "", loosely: Loosely | None = None) -> None:
        """Names are taken as relative to ``folder`` (the annotation's), then to the dataset, then by their end.

        Args:
            files: the listing.
            folder: folder of the annotation.
            loosely: how much of a name may differ where no image is called so.
        """
        self._files, self._loosely = files, loosely
        self._bases = (folder, "") if folder else ("",)
        self._look_ups: list[Callable[[str, str], list[str]]] = [self._written, self._respelt]
        if loosely:
            self._look_ups.append(self._with_any_extension)
        if loosely == "case":
            self._look_ups.append(self._in_any_case)
        self.least_share = _FOUND_LOOSELY_SHARE if loosely else _FOUND_SHARE
        """The part of the names in an annotation that has to be found, or they name other things than images."""

    def find(self, name: str, split: Split | None = None) -> str | None:
        """Path of the image meant, as listed; ``None`` where there is none, or several (see ``meant``).

        Args:
            name: as the annotation gives it; nothing is ever looked up outside the listing.
            split: of images with the same name, the one in this split's folder is meant.
        """
        found = self.meant(name, split)
        return found[0] if len(found) == 1 else None

    def meant(self, name: str, split: Split | None = None) -> list[str]:
        """Paths of the images that ``name`` fits equally well, at most a hundred."""
        if not name or len(name) > LONGEST_NAME or "\0" in name:
            return []
        several: list[str] = []
        for look_up in self._look_ups:
            for spelling in _spellings(name):
                if (parts := _parts(spelling)) and (candidates := look_up("name", parts[-1])):
                    fitting = self._fitting(look_up, candidates, spelling, parts, split)
                    if len(fitting) == 1:
                        return fitting
                    several = several or fitting
                    break
            if several and not self._loosely:  # written loosely, a name's folders may still tell them apart
                break
        return several

    def _fitting(
        self,
        look_up: Callable[[str, str], list[str]],
        candidates: list[str],
        name: str,
        parts: list[str],
        split: Split | None,
    ) -> list[str]:
        """Of images with the right name, the one at the right path, or else those whose folders fit best."""
        if len(candidates) == 1:
            return candidates
        for base in self._bases:
            if (path := "/".join(_parts(f"{base}/{name}"))) and (exact := look_up("path", path)):
                return exact
        return _nearest(candidates, parts, split, self._bases[0])

    def _written(self, column: str, text: str) -> list[str]:
        """Images whose path or name is exactly ``text``."""
        query = f"SELECT path FROM temp.file WHERE {column} = ? AND kind = 'image' ORDER BY path LIMIT ?"
        return [to_text(path) for (path,) in self._files.store.rows(query, to_bytes(text), _MOST_OF_A_NAME)]

    def _respelt(self, column: str, text: str) -> list[str]:
        """Images whose path or name is ``text`` with its extension in another case, or with one added."""
        stem, wanted = _stem(text), PurePosixPath(text.lower()).suffix
        last = stem.rpartition("/")[2]
        return [path for path in self._of_stem(column, stem) if _is_spelling(path, last, wanted)]

    def _with_any_extension(self, column: str, text: str) -> list[str]:
        """Images whose path or name is ``text`` but for its extension."""
        stem = _stem(text)
        return [path for path in self._of_stem(column, stem) if _is_spelling(path, stem.rpartition("/")[2], "")]

    def _in_any_case(self, column: str, text: str) -> list[str]:
        """Images whose path or name is ``text`` but for its extension and its capitals."""
        store, wanted = self._files.store, _folded(text)
        if store.one("SELECT 1 FROM temp.sqlite_master WHERE name = 'folded'") is None:
            store.run("CREATE TABLE temp.folded (stem BLOB NOT NULL, path BLOB NOT NULL)")
            store.insert(
                "temp.folded", ((_folded(path.rpartition("/")[2]), to_bytes(path)) for path in self._files.images())
            )
            store.run("CREATE INDEX temp.folded_stem ON folded (stem)")
        query = "SELECT path FROM temp.folded WHERE stem = ? ORDER BY path LIMIT ?"
        found = store.rows(query, wanted.rpartition(b"/")[2], _MOST_OF_A_NAME)
        paths = [to_text(path) for (path,) in found]
        return paths if column == "name" else [path for path in paths if _folded(path) == wanted]

    def _of_stem(self, column: str, stem: str) -> list[str]:
        """Images whose path or name goes on with a dot after ``stem``."""
        # '/' follows '.', so these are the names that begin with the stem and a dot.
        rows = self._files.store.rows(
            f"SELECT path FROM temp.file WHERE {column} > ? AND {column} < ? AND kind = 'image' ORDER BY path LIMIT ?",
            to_bytes(f"{stem}."),
            to_bytes(f"{stem}/"),
            _MOST_OF_A_NAME,
        )
        return [to_text(path) for (path,) in rows]


def _stem(name: str) -> str:
    """``name`` without the extension of an image."""
    extension = PurePosixPath(name.lower()).suffix
    return name[: -len(extension)] if extension in IMAGE_EXTENSIONS else name


def _folded(name: str) -> bytes:
    """``name`` without extension, alike for names that differ by case alone, as the store holds it."""
    return to_bytes(unicodedata.normalize("NFC", _stem(name)).casefold())


def _is_spelling(path: str, stem: str, wanted: str) -> bool:
    name = path.rpartition("/")[2]
    extension = PurePosixPath(name).suffix
    if name[: -len(extension)] != stem:
        return False
    same = extension.lower() == wanted or {extension.lower(), wanted} <= _JPEG
    return wanted not in IMAGE_EXTENSIONS or same


def _parts(name: str) -> list[str]:
    """The parts of a path, with '..' taken back; empty where it leads out of the dataset."""
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return []
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _spellings(name: str) -> Iterator[str]:
    """``name``, and how else its characters may have been written on disk."""
    name = encodable(name)
    yield name
    if "\\" in name:
        name = name.replace("\\", "/")
        yield name
    if "../" in name:
        yield name.replace("../", "")
    if name.isascii():
        return
    for form in ("NFC", "NFD"):
        if (other := unicodedata.normalize(form, name)) != name:
            yield other
    try:  # a table that is no UTF-8 was read as Latin-1; its bytes are what the disk has
        yield to_text(name.encode("latin-1"))
    except UnicodeEncodeError:
        return


def _nearest(candidates: list[str], parts: list[str], split: Split | None, folder: str) -> list[str]:
    """Of images with the right name, those whose folders fit best."""

    def fit(path: str) -> tuple[int, ...]:
        folders = path.split("/")[:-1]
        same = 0
        for one, other in zip(reversed(folders), reversed(parts[:-1]), strict=False):
            if one != other:
                break
            same += 1
        is_split = split is not None and split_of_folders(path) == split
        is_image = not any(name.lower() in _NOT_IMAGES for name in folders)
        return same, is_split, is_image, bool(folder) and path.startswith(f"{folder}/")

    best = max(map(fit, candidates))
    return [path for path in candidates if fit(path) == best]
