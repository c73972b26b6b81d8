"""The members of a dataset's archives as rows of the listing, beside or instead of what lies in its folders."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cvadvisor.inspect.dataset.archives import members
from cvadvisor.inspect.dataset.files import IMAGE_EXTENSIONS, Folder, Row, file_row, is_litter
from cvadvisor.inspect.dataset.layouts.reading import DatasetError
from cvadvisor.inspect.dataset.places import Place
from cvadvisor.inspect.dataset.store import Store, to_bytes, to_text

_TWIN = "a later member of the archive has the same name"
_TWINS = "id NOT IN (SELECT max(id) FROM temp.file GROUP BY path)"


def list_archives(
    store: Store, archives: Sequence[tuple[Path, str, str]], top: Folder, tick: Callable[[], None]
) -> Folder:
    """Add the members of ``archives`` to the store's table ``file`` (and index it by path), and to the folders.

    Args:
        store: an open store.
        archives: each archive's file, its path as a container, and what to put before the paths of its members.
        top: the folder that the members are to be below.
        tick: called for each member.

    Returns:
        ``top``. An archive in which nothing can be listed becomes a skipped file, if another can be listed.

    Raises:
        DatasetError: there is none in which anything can be listed.
    """
    folders = {folder.path: folder for folder in top.below()}
    refused: list[tuple[str, DatasetError]] = []

    def rows() -> Iterator[Row]:
        for file, container, prefix in archives:
            try:
                mtime_ns = _changed_ns(file)
                for place, problem in members(file, container, prefix):
                    tick()
                    yield _row(place, problem, mtime_ns, folders)
            except DatasetError as error:
                refused.append((container, error))

    store.insert("temp.file", rows())
    if len(refused) == len(archives):
        raise refused[0][1]
    for container, error in refused:
        skip = "UPDATE temp.file SET kind = 'skipped', problem = ? WHERE path = ?"
        store.run(skip, f"an archive that cannot be read: {error.__cause__}", to_bytes(container))
    _tell_twins_apart(store, folders)
    for folder in top.below():
        folder.folders.sort(key=lambda one: one.name)
    _add_up(top)
    return top


def _row(place: Place, problem: str | None, mtime_ns: int, folders: dict[str, Folder]) -> Row:
    """The row of a member, counted in its folder; what is ignored or skipped makes no folder of its own."""
    above, _, name = place.path.rpartition("/")
    extension = Path(name).suffix.lower()
    if any(map(is_litter, place.path.split("/"))):
        problem = problem or "a hidden or system file"
    if problem:
        while above and above not in folders:
            above = above.rpartition("/")[0]
        folders[above].others[extension] += 1
        return file_row(place.path, "skipped", place.size, mtime_ns, place, problem)
    folder = _folder_of(above, folders)
    if extension in IMAGE_EXTENSIONS:
        folder.images += 1
        return file_row(place.path, "image", place.size, mtime_ns, place)
    folder.others[extension] += 1
    return file_row(place.path, "other", place.size, mtime_ns, place)


def _folder_of(path: str, folders: dict[str, Folder]) -> Folder:
    """The folder at ``path``, made with those above it where they are new."""
    if path not in folders:
        folders[path] = Folder(path)
        _folder_of(path.rpartition("/")[0], folders).folders.append(folders[path])
    return folders[path]


def _tell_twins_apart(store: Store, folders: dict[str, Folder]) -> None:
    """Of members that have the same path, keep the last, as unpacking would; the others are skipped and renamed."""
    while True:
        try:
            store.run("CREATE UNIQUE INDEX temp.file_path ON file (path)")
            return
        except sqlite3.IntegrityError:
            for above, name in store.rows(f"SELECT folder, name FROM temp.file WHERE kind = 'image' AND {_TWINS}"):
                folder = folders[to_text(above)]
                folder.images -= 1
                folder.others[Path(to_text(name)).suffix.lower()] += 1
            names = [f"{part} = CAST({part} || ' (member ' || id || ')' AS BLOB)" for part in ("path", "name")]
            values = ", ".join([*names, "kind = 'skipped'", "problem = coalesce(problem, ?)"])
            store.run(f"UPDATE temp.file SET {values} WHERE {_TWINS}", _TWIN)


def _add_up(folder: Folder) -> int:
    """The images in a folder and below, counted anew."""
    folder.images_below = folder.images + sum(map(_add_up, folder.folders))
    return folder.images_below


def _changed_ns(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0  # opening it will say why
