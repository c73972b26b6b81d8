"""Every file of a dataset, listed once into the store: a walk over a folder tree, or the members of archives.

The walk survives whatever a file system may hold, opens nothing, and keeps no name in memory: of each folder it keeps
counts, and the names are in the store's table ``file``.
"""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cvadvisor.config import RESULT_FILES
from cvadvisor.inspect.dataset.layouts.reading import DatasetError
from cvadvisor.inspect.dataset.places import Place, read_bytes
from cvadvisor.inspect.dataset.store import Store, to_bytes, to_text
from cvadvisor.inspect.printable import printable

IMAGE_EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff"}
    | {".avif", ".jp2", ".ppm", ".pgm", ".pnm"}
)
UNREAD_IMAGE_EXTENSIONS = frozenset(
    {".heic", ".heif", ".jxl", ".psd", ".svg", ".eps", ".tga", ".exr", ".hdr", ".ico"}
    | {".dcm", ".nii", ".mha", ".svs", ".ndpi", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw"}
)
"""Extensions of images that are not read: what decodes them is no part of this program or would start another."""
ARCHIVE_EXTENSIONS = frozenset({".zip", ".tar"})

MOST_ANNOTATION_BYTES = 1_000_000_000

# What systems and tools leave behind; some (Synology's @eaDir) hold thumbnails that would pass for images.
_LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "lost+found", "@eadir", "$recycle.bin", "__pycache__"})
_COMPRESSED = frozenset({".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})
# A dataset is a few folders deep; the bound keeps recursion far from Python's own.
_DEEPEST = 64
# Linking a split and then a class elsewhere is common; each further level could multiply what is walked.
_MOST_LINKS = 2
_TICK = 5_000
_COLUMNS = "path, container, start, stored, method, size"

Row = tuple[Any, ...]


@dataclass(slots=True)
class Folder:
    """A folder, and what lies in it and below it, by numbers. Hidden files and litter count as other files."""

    path: str
    """POSIX path relative to the dataset; empty for the dataset itself."""
    folders: list["Folder"] = field(default_factory=list)
    """Folders in it, sorted by name; ignored ones are left out."""
    images: int = 0
    """Files in it that have an image's extension."""
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

    def child(self, *names: str) -> "Folder | None":
        """The folder in it that has one of these (lower-case) names, in any case; the first name that is there."""
        return next((one for name in names for one in self.folders if one.name.lower() == name), None)


class Files:
    """Every file of a dataset. Names come sorted, by their bytes, straight from the store."""

    def __init__(self, root: Path, store: Store, progress: Callable[[int], None] | None = None) -> None:
        """List the folder or archive at ``root`` into ``store``.

        Args:
            root: the dataset.
            store: an open store whose working tables are empty.
            progress: called with the number of files found so far, every few thousand.

        Raises:
            DatasetError: there is nothing there, it may not be read, or it is a file that is no archive we read.
        """
        from cvadvisor.inspect.dataset.archive_listing import list_archives

        self.root, self.store = root, store
        self._found, self._progress = 0, progress
        if _kind(root) == "archive":
            self.top = list_archives(self.store, [(root, "", "")], Folder(""), self._tick)
        else:
            self.top = Folder("")
            self.store.insert("temp.file", self._walk(os.fspath(root), self.top, ()))
            if not self.top.images_below and (archives := list(self.others(suffixes=tuple(ARCHIVE_EXTENSIONS)))):
                inside = [(root / path, path, f"{path}/") for path in archives]
                self.top = list_archives(self.store, inside, self.top, self._tick)
        self.store.run("CREATE UNIQUE INDEX IF NOT EXISTS temp.file_path ON file (path)")
        self.store.run("CREATE INDEX temp.file_name ON file (name)")
        self.store.run("CREATE INDEX temp.file_folder ON file (folder, kind)")

    @property
    def files(self) -> int:
        """How many files were found, of any kind."""
        return int(self.store.one("SELECT count(*) FROM temp.file"))

    def folder(self, path: str) -> Folder | None:
        """The folder at ``path`` ('' for the top), or ``None``."""
        here: Folder | None = self.top
        for name in filter(None, path.split("/")):
            here = next((one for one in here.folders if one.name == name), None) if here else None
        return here

    def images(self, folder: str = "", *, below: bool = True) -> Iterator[str]:
        """Paths of the images in ``folder``, and in the folders below it unless ``below`` is off."""
        return self._paths("image", folder, below, ())

    def others(self, folder: str = "", *, suffixes: tuple[str, ...] = (), below: bool = True) -> Iterator[str]:
        """Paths of the files that are no image, hidden ones left out; ``suffixes`` such as ('.csv', '.tsv')."""
        return self._paths("other", folder, below, suffixes)

    def has(self, path: str) -> bool:
        """Whether there is a file at ``path`` (compared exactly), of any kind."""
        return self.store.one("SELECT 1 FROM temp.file WHERE path = ?", to_bytes(path)) is not None

    def named(self, name: str, *, kind: str = "image") -> list[str]:
        """Paths of at most a hundred files whose name is ``name`` exactly, wherever they are."""
        query = "SELECT path FROM temp.file WHERE name = ? AND kind = ? ORDER BY path LIMIT 100"
        return [to_text(path) for (path,) in self.store.rows(query, to_bytes(name), kind)]

    def place(self, path: str) -> Place:
        """Where the file at ``path`` is.

        Raises:
            KeyError: no such file was listed.
        """
        row = next(self.store.rows(f"SELECT {_COLUMNS} FROM temp.file WHERE path = ?", to_bytes(path)), None)
        if row is None:
            raise KeyError(path)
        return place_of(row)

    def read(self, path: str, most: int = MOST_ANNOTATION_BYTES) -> bytes:
        """The bytes of a listed file, meant for annotations.

        Raises:
            Unreadable: as :func:`cvadvisor.inspect.dataset.places.read_bytes`.
        """
        return read_bytes(self.root, self.place(path), most)

    def _paths(self, kind: str, folder: str, below: bool, suffixes: tuple[str, ...]) -> Iterator[str]:
        query, values = "SELECT path FROM temp.file WHERE kind = ?", [kind, to_bytes(folder)]
        if not below:
            query += " AND folder = ?"
        elif folder:  # '0' follows '/', so these are the paths that begin with the folder and a slash
            query += " AND path > ? AND path < ?"
            values = [kind, to_bytes(f"{folder}/"), to_bytes(f"{folder}0")]
        else:
            values = [kind]
        for (path,) in self.store.rows(f"{query} ORDER BY path", *values):
            text = to_text(path)
            if not suffixes or text.lower().endswith(suffixes):
                yield text

    def _walk(self, path: str, folder: Folder, came_from: tuple[str, ...]) -> Iterator[Row]:
        """Rows of everything in one folder and below; ``came_from`` are the real folders that its links lie in."""
        if folder.path.count("/") >= _DEEPEST:
            raise DatasetError(
                f"{printable(path)} lies more than {_DEEPEST} folders deep: give a folder nearer to the images."
            )
        prefix = f"{folder.path}/" if folder.path else ""
        inside: list[tuple[str, tuple[str, ...]]] = []
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    row = self._entry(entry, prefix, folder, came_from, inside)
                    if row is not None:
                        yield row
        except OSError as error:
            if not folder.path:
                raise _unlistable(printable(path), error) from error
            yield file_row(folder.path, "skipped", problem=f"a folder that cannot be listed: {_plain(error)}")
        for name, chain in sorted(inside):
            if _is_result(Path(path, name)):
                folder.others[""] += 1
                yield file_row(prefix + name, "skipped", problem="a hidden or system folder: results of an audit")
                continue
            child = Folder(prefix + name)
            yield from self._walk(os.fspath(Path(path, name)), child, chain)
            folder.folders.append(child)
            folder.images_below += child.images_below
        folder.images_below += folder.images

    def _entry(
        self,
        entry: os.DirEntry[str],
        prefix: str,
        folder: Folder,
        came_from: tuple[str, ...],
        inside: list[tuple[str, tuple[str, ...]]],
    ) -> Row | None:
        """The row of one entry; a folder to walk is put into ``inside`` instead."""
        ignored = is_litter(entry.name) or (entry.name in RESULT_FILES and _is_result(Path(entry.path).parent))
        below = prefix + entry.name
        if _is_folder(entry):
            if ignored:
                folder.others[""] += (count := _count_files(entry))
                return file_row(below, "skipped", problem=f"a hidden or system folder, with {count:,} files")
            if not entry.is_symlink():
                inside.append((entry.name, came_from))
                return None
            chain = (*came_from, os.path.realpath(Path(entry.path).parent))
            if _may_follow(entry, chain):
                inside.append((entry.name, chain))
                return None
            folder.others[""] += 1
            return file_row(below, "skipped", problem="a link to a folder that leads back or too far")
        self._tick()
        extension = Path(entry.name).suffix.lower()
        try:
            status = entry.stat()
            regular, size, mtime_ns = stat.S_ISREG(status.st_mode), status.st_size, status.st_mtime_ns
            problem = None if regular else "not a regular file"
        except OSError as error:
            regular, size, mtime_ns = True, 0, 0  # a link to nothing is an image that is gone: the scan says so
            problem = "a link to nothing" if entry.is_symlink() else _plain(error)
        if extension in IMAGE_EXTENSIONS and not ignored and regular:
            folder.images += 1
            return file_row(below, "image", size, mtime_ns)
        folder.others[extension] += 1
        if ignored or problem:
            return file_row(below, "skipped", size, mtime_ns, problem=problem or "a hidden or system file")
        return file_row(below, "other", size, mtime_ns)

    def _tick(self) -> None:
        self._found += 1
        if self._progress and self._found % _TICK == 0:
            self._progress(self._found)


def place_of(row: Row) -> Place:
    """The place in a row of path, container, start, stored, method and size."""
    path, container, start, stored, method, size = row
    where = None if container is None else to_text(container)
    return Place(to_text(path), where, start or 0, stored or 0, method, size)


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or what a system or tool left behind."""
    return name.startswith(".") or name.lower() in _LITTER


def _is_result(folder: Path) -> bool:
    """Whether an audit wrote its results there: its list of samples would pass for the dataset's own labels."""
    return (folder / "audit.json").is_file() and (folder / "report.html").is_file()


def _kind(root: Path) -> str:
    """'folder' or 'archive'; anything else is refused."""
    shown = printable(root)
    try:
        exists, is_folder = root.exists(), root.is_dir()
    except OSError as error:
        raise _unlistable(shown, error) from error
    if not exists:
        raise DatasetError(f"{shown} does not exist: give the folder or archive that holds the images.")
    if is_folder:
        return "folder"
    suffix = root.suffix.lower()
    if suffix in ARCHIVE_EXTENSIONS:
        return "archive"
    if suffix in _COMPRESSED:
        raise DatasetError(
            f"{shown}: a compressed archive of this kind cannot be read in place: unpack it and give the folder, "
            "or give a .zip or an uncompressed .tar."
        )
    raise DatasetError(f"{shown} is a file: give the folder that holds the images, or a .zip or .tar of it.")


def file_row(
    path: str, kind: str, size: int = 0, mtime_ns: int = 0, place: Place | None = None, problem: str | None = None
) -> Row:
    """A row of the store's table ``file``."""
    folder, _, name = path.rpartition("/")
    where: Row = (None, None, None, None)
    if place is not None and place.container is not None:
        where = (to_bytes(place.container), place.start, place.stored, place.method)
    return (None, to_bytes(path), to_bytes(folder), to_bytes(name), kind, size, mtime_ns, *where, problem)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or into a folder that may not be entered
        return False


def _may_follow(entry: os.DirEntry[str], chain: tuple[str, ...]) -> bool:
    """Whether a link leads neither to a folder that the walk is in the middle of, nor to one above it."""
    target = os.path.realpath(entry.path).rstrip(os.sep) + os.sep
    return len(chain) <= _MOST_LINKS and not any(f"{here}{os.sep}".startswith(target) for here in chain)


def _count_files(entry: os.DirEntry[str]) -> int:
    """Files in an ignored folder, however deep; what cannot be listed there does not matter."""
    if entry.is_symlink():
        return 1
    return sum(len(files) for _, _, files in os.walk(entry.path))


def _plain(error: OSError) -> str:
    return "no permission" if isinstance(error, PermissionError) else (error.strerror or "cannot be read").lower()


def _unlistable(shown: str, error: OSError) -> DatasetError:
    if isinstance(error, PermissionError):
        return DatasetError(f"{shown} may not be listed (no permission): allow this user to read it and what is in it.")
    return DatasetError(f"{shown} cannot be listed: {error.strerror or error}.")
