"""One walk over a folder tree, that survives whatever a file system may hold."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cvadvisor.errors import UserError
from cvadvisor.inspect.printable import printable

IMAGE_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})

# What systems and tools leave behind; some (Synology's @eaDir) hold thumbnails that would pass for images.
_LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "lost+found", "@eadir", "$recycle.bin", "__pycache__"})
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"})
# A dataset is a few folders deep; the bound keeps recursion far from Python's own.
_DEEPEST = 64
# Linking a split and then a class elsewhere is common; each further level could multiply what is walked.
_MOST_LINKS = 2


class DatasetError(UserError):
    """A folder that is no dataset we can read; the message is one line: what was found, and what to do."""


@dataclass(slots=True)
class Folder:
    """A folder, and everything below it; hidden files and folders count as files that are no image."""

    path: str
    """POSIX path relative to the dataset; empty for the dataset itself."""
    folders: list["Folder"] = field(default_factory=list)
    """Folders in it, sorted by name."""
    images: list[str] = field(default_factory=list)
    """Names of files in it that have an image's extension."""
    others: Counter[str] = field(default_factory=Counter)
    """How many other files are in it or in ignored folders of it, by lower-case extension."""
    images_below: int = 0
    """Images in it and in every folder below."""

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.rpartition("/")[2]

    def below(self) -> Iterator["Folder"]:
        """The folder itself and every folder below it."""
        yield self
        for folder in self.folders:
            yield from folder.below()

    def image_paths(self) -> Iterator[str]:
        """POSIX paths of the images in it and below, relative to the dataset."""
        for folder in self.below():
            prefix = f"{folder.path}/" if folder.path else ""
            yield from (prefix + name for name in folder.images)


def read_folder(root: Path) -> Folder:
    """Walk ``root``. Opens no file, follows links to folders unless they lead back to where the walk came from.

    Raises:
        DatasetError: ``root`` is missing or no folder, or a folder may not be listed.
    """
    shown = printable(root)
    try:
        exists, is_folder = root.exists(), root.is_dir()
    except OSError as error:
        raise _unlistable(shown, error) from error
    if not exists:
        raise DatasetError(f"{shown} does not exist: give the folder that holds the images.")
    if not is_folder:
        advice = "unpack it and give the folder" if root.suffix.lower() in _ARCHIVES else "give the folder"
        raise DatasetError(f"{shown} is a file: {advice} that holds the images, a folder a class.")
    return _read(os.fspath(root), "", ())


def _read(path: str, relative: str, came_from: tuple[str, ...]) -> Folder:
    """Read one folder; ``came_from`` are the real folders in which the links that lead here lie."""
    folder = Folder(relative)
    if relative.count("/") >= _DEEPEST:
        raise DatasetError(
            f"{printable(path)} lies more than {_DEEPEST} folders deep: give a folder nearer to the images."
        )
    try:
        with os.scandir(path) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise _unlistable(printable(path), error) from error
    for entry in found:
        below = f"{relative}/{entry.name}" if relative else entry.name
        ignored = entry.name.startswith(".") or entry.name.lower() in _LITTER
        if not _is_folder(entry):
            extension = Path(entry.name).suffix.lower()
            if extension in IMAGE_EXTENSIONS and not ignored and _is_file_or_broken_link(entry):
                folder.images.append(entry.name)
            else:
                folder.others[extension] += 1
        elif ignored:
            folder.others[""] += _count_files(entry)
        elif not entry.is_symlink():
            folder.folders.append(_read(entry.path, below, came_from))
        elif _may_follow(entry, chain := (*came_from, os.path.realpath(path))):
            folder.folders.append(_read(entry.path, below, chain))
        else:
            folder.others[""] += 1
    folder.images_below = len(folder.images) + sum(child.images_below for child in folder.folders)
    return folder


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or into a folder that may not be entered
        return False


def _is_file_or_broken_link(entry: os.DirEntry[str]) -> bool:
    """Whether the scan should look at it: a dangling link is an image that is gone, a pipe or device is none."""
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:
        return True


def _may_follow(entry: os.DirEntry[str], chain: tuple[str, ...]) -> bool:
    """Whether a link leads neither to a folder that the walk is in the middle of, nor to one above it."""
    target = os.path.realpath(entry.path).rstrip(os.sep) + os.sep
    return len(chain) <= _MOST_LINKS and not any(f"{here}{os.sep}".startswith(target) for here in chain)


def _count_files(entry: os.DirEntry[str]) -> int:
    """Files in an ignored folder, however deep; what cannot be listed there does not matter."""
    if entry.is_symlink():
        return 1
    return sum(len(files) for _, _, files in os.walk(entry.path))


def _unlistable(shown: str, error: OSError) -> DatasetError:
    if isinstance(error, PermissionError):
        return DatasetError(f"{shown} may not be listed (no permission): allow this user to read it and what is in it.")
    return DatasetError(f"{shown} cannot be listed: {error.strerror or error}.")
