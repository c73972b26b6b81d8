"""From what an annotation calls an image to the image as the listing has it. Nothing else is ever looked at."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, Split
from cvadvisor.inspect.dataset.store import to_bytes, to_text

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files

IMAGE_FOLDERS = frozenset({"images", "image", "imgs", "img", "jpegimages", "leftimg8bit", "photos", "pictures"})
"""What folders of images are called, in lower case, where annotations lie in folders of their own."""

_LONGEST_NAME = 4_096
# '.' is followed by '/', so these are the paths that go on with a dot. The plus keeps SQLite from the index of folders,
# by which each call would look at every image of the folder.
_WITH_STEM = "SELECT path FROM temp.file WHERE path > ? AND path < ? AND +folder = ? AND kind = 'image' LIMIT 100"


def text_of(data: bytes) -> str:
    """Text of an annotation file: UTF-16 where a mark says so, else UTF-8; other bytes become lone surrogates."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def split_word(name: str) -> Split | None:
    """The split that a file's or folder's name speaks of: 'instances_train2017' or 'Valid', but not 'straining'."""
    words = re.split(r"[^a-z]+", name.lower())
    if "trainval" in words:
        return "train"
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def split_in(path: str) -> Split | None:
    """The split that the folders of ``path`` speak of, the innermost first."""
    return next((split for name in reversed(path.split("/")[:-1]) if (split := split_word(name))), None)


def inside(folder: str, path: str) -> str:
    """``path``, as something in ``folder`` names it, from the top of the dataset on; '..' never leads out of that."""
    parts = [part for part in folder.split("/") if part]
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def is_image(files: "Files", path: str) -> bool:
    """Whether the listing has an image at ``path``."""
    query = "SELECT 1 FROM temp.file WHERE path = ? AND kind = 'image'"
    return files.store.one(query, to_bytes(path)) is not None


def with_stem(files: "Files", folder: str, stem: str) -> list[str]:
    """Paths of the images in ``folder`` that are called ``stem`` with an extension, at most ten."""
    start = to_bytes(f"{folder}/{stem}" if folder else stem)
    found = (to_text(path) for (path,) in files.store.rows(_WITH_STEM, start + b".", start + b"/", to_bytes(folder)))
    return [path for path in found if path.rpartition("/")[2].rpartition(".")[0] == stem][:10]


def stem_of(path: str) -> str:
    """Name of the file at ``path`` without its extension."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def finder(files: "Files", folders: Sequence[str]) -> Callable[[str, Split | None], str | None]:
    """A function that finds the image an annotation names.

    It looks below each of ``folders``, then for the file name anywhere in the dataset; of several images of that name
    it takes the one that has most folders in common with the name, or lies in the wanted split. A name without
    extension may have any. What stays ambiguous is not found.
    """
    likely = list(dict.fromkeys(folders))

    def find(name: str, split: Split | None = None) -> str | None:
        if not name or len(name) > _LONGEST_NAME:
            return None
        for form in dict.fromkeys((name, name.replace("\\", "/"))):
            for folder in likely:
                if is_image(files, path := inside(folder, form)):
                    if folder != likely[0]:  # the next image most likely lies there too
                        likely.remove(folder)
                        likely.insert(0, folder)
                    return path
            parts = form.split("/")
            if found := _closest(files.named(parts[-1]) or _stems(files, parts[-1]), parts, split):
                return found
        return None

    return find


def _stems(files: "Files", stem: str) -> list[str]:
    """Paths of at most a hundred images that are called ``stem`` with an extension, wherever they are."""
    start = to_bytes(stem)
    query = "SELECT path FROM temp.file WHERE name > ? AND name < ? AND kind = 'image' LIMIT 100"
    found = (to_text(path) for (path,) in files.store.rows(query, start + b".", start + b"/"))
    return [path for path in found if stem_of(path) == stem]


def _closest(paths: Sequence[str], parts: Sequence[str], split: Split | None) -> str | None:
    """The one of ``paths`` that fits ``parts``, the folders and name that were asked for, better than any other."""

    def fit(path: str) -> tuple[int, bool]:
        common = 0
        for ours, theirs in zip(reversed(path.split("/")[:-1]), reversed(parts[:-1]), strict=False):
            if ours != theirs:
                break
            common += 1
        return common, split is not None and split_in(path) == split

    ranked = sorted(paths, key=fit, reverse=True)
    if len(ranked) > 1 and fit(ranked[0]) == fit(ranked[1]):
        return None
    return ranked[0] if ranked else None
