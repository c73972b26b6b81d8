"""Where a dataset's store is kept between audits, and what happens when it cannot be.

A cache is a convenience: whatever is wrong with it becomes a note, never the end of an audit.
"""

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cvadvisor.inspect.dataset.store import KEPT, THUMBNAIL, CacheError, Store
from cvadvisor.inspect.printable import printable

T = TypeVar("T")

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
# What a file system, its permissions or another process does to a healthy file.
_UNUSABLE = _FULL | {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_PROTOCOL,
}
# Rows of files that are gone are dropped where they are the larger part, and enough to matter.
_GONE_ROWS = 1_000


def with_store(root: Path, folder: Path | None, use: bool, work: Callable[[Store], T]) -> tuple[T, list[str]]:
    """Do ``work`` with the store of the dataset at ``root``; again with a new one where the kept one is damaged.

    Args:
        root: the dataset.
        folder: where caches are kept; the user's cache folder where not given.
        use: whether to use and keep one; a temporary store is used otherwise.
        work: may be called up to three times, each time with a store whose working tables are empty.

    Returns:
        What ``work`` returned, and what has to be said of the cache, a sentence each. The store stays open: it is for
        whoever gets the former to close.

    Raises:
        CacheError: there is no room for a temporary store either.
        Exception: what ``work`` raises.
    """
    notes: list[str] = []
    path = _place(root, folder, notes) if use else None
    rebuilt = False
    while path is not None:
        try:
            return _attempt(path, work), notes
        except sqlite3.DatabaseError as error:
            if not rebuilt and _is_damaged(path, error):
                rebuilt = True
                notes.append(f"The cache {printable(path)} was damaged and was built anew.")
                path = path if _remove(path) else None
            elif _code(error) in _UNUSABLE:
                notes.append(
                    f"The cache {printable(path)} cannot be used ({error}): nothing was kept for the next audit."
                )
                path = None
            else:
                raise
    try:
        return _attempt(None, work), notes
    except sqlite3.OperationalError as error:
        if _code(error) in _FULL:
            raise CacheError(
                f"The temporary folder cannot hold what is known of the images ({error}): free some space, or set "
                "SQLITE_TMPDIR to a folder that has more."
            ) from error
        raise


def cache_path(root: Path, folder: Path | None) -> Path:
    """The file that keeps what scans saw of the dataset at ``root``."""
    if folder is None:
        import platformdirs

        folder = Path(platformdirs.user_cache_dir("cvadvisor", appauthor=False)) / "scans"
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:24]
    return folder / f"{name}.sqlite"


def _place(root: Path, folder: Path | None, notes: list[str]) -> Path | None:
    """The cache's file in a folder that is there; ``None`` and a note where that cannot be made."""
    path = cache_path(root, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds small pictures of the user's images
    except OSError as error:
        why = error.strerror or str(error)
        notes.append(
            f"The cache folder {printable(path.parent)} cannot be made ({why}): nothing was kept for the next audit."
        )
        return None
    return path


def _attempt(path: Path | None, work: Callable[[Store], T]) -> T:
    store = Store(path)
    try:
        result = work(store)
        if path is not None:
            _drop_gone(store)
    except BaseException:
        store.connection.close()
        raise
    return result


def _drop_gone(store: Store) -> None:
    """Drop the rows of files that are no longer there, where they are most of the cache."""
    store.commit()
    live = store.one("SELECT count(*) FROM temp.file")
    if store.one("SELECT count(*) FROM main.look") <= 2 * live + _GONE_ROWS:
        return
    for table in (*KEPT, THUMBNAIL):
        store.run(f"DELETE FROM main.{table} WHERE path NOT IN (SELECT path FROM temp.file)")
        store.commit()


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where there is none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _is_damaged(path: Path, error: sqlite3.DatabaseError) -> bool:
    """Whether an error comes from a damaged file. Damage can look like a missing table or a value of a wrong type."""
    if _code(error) in _DAMAGED:
        return True
    if _code(error) in _UNUSABLE:
        return False
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as checked:
        return _code(checked) in _DAMAGED


def _remove(path: Path) -> bool:
    """Remove a cache with its side files; whether that worked. Another audit that has it open keeps what it has."""
    try:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError:
        return False
    return True
