"""One SQLite file a dataset: what the scan saw of each image (kept), and what lies on disk today (temporary).

The kept tables are the cache: a row an image, valid while the file's size and modification time are what they were.
They are ``look``, ``mask_look``, ``pixel_look`` and ``detail_look`` (``path``, ``size``, ``mtime_ns``, then the fields
of the dataclass of that name in their order) and ``thumbnail`` (``path``, ``jpeg``), which stands alone so that the
others stay small.
The temporary tables are this audit's working state; SQLite keeps them in a file of its own that vanishes with the
connection, so memory does not grow with the dataset. Without a cache the whole database is such a file.

Names come from disks and may be no text: paths, labels and groups are stored as bytes (see :func:`to_bytes`).
"""

import dataclasses
import sqlite3
import time
import types
import typing
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cvadvisor.errors import UserError
from cvadvisor.inspect.dataset.look import DetailLook, Look, PixelLook
from cvadvisor.inspect.dataset.mask_look import MaskLook

_BUSY_S = 60.0
_TRY_AGAIN_S = 0.02
_CACHE_KIB = 8_000
# Thumbnails fill these better than SQLite's usual 4,096: a quarter less work to write. Larger ones take more memory.
_PAGE_BYTES = 8_192
_BATCH = 2_000

# Raise it when the scan measures something differently: rows of another version are thrown away.
_SCAN_VERSION = 1
KEPT: dict[str, type] = {
    "look": Look,
    "mask_look": MaskLook,
    "pixel_look": PixelLook,
    "detail_look": DetailLook,
}
"""The kept tables that are filled by scans, and what their rows hold."""
THUMBNAIL = "thumbnail"
"""The field of ``look`` that has a kept table of its own instead of a column."""
_SQL_TYPES: dict[Any, str] = {bytes: "BLOB", str: "TEXT", int: "INTEGER", bool: "INTEGER", float: "REAL"}

# What the search for near-duplicates compared, and what it found: pictures that did not change, and are in the same
# split, are not compared with each other again.
_SEARCHED = """
CREATE TABLE main.compared (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, split TEXT) WITHOUT ROWID;
CREATE TABLE main.near_pair (path_a BLOB, path_b BLOB, tier TEXT, transform TEXT, score REAL,
    PRIMARY KEY (path_a, path_b)) WITHOUT ROWID;
"""
# Raise it when the search finds something else: its pairs are thrown away.
_SEARCH_VERSION = 3

_WORKING = """
CREATE TABLE temp.file (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL,        -- POSIX, relative to the dataset; members of an archive below the archive's own path
    folder BLOB NOT NULL,      -- path without the name; empty at the top
    name BLOB NOT NULL,        -- last part of the path
    kind TEXT NOT NULL,        -- 'image' by its extension, 'other', or 'skipped' with a problem
    size INTEGER NOT NULL,     -- bytes once decompressed
    mtime_ns INTEGER NOT NULL, -- of the file, or of the archive it is in
    container BLOB,            -- path of the archive it is in ('' where the dataset is one); NULL for a file of its own
    start INTEGER,             -- byte in the container at which its data (zip: its local header) starts
    stored INTEGER,            -- bytes it takes in the container
    method INTEGER,            -- 0 stored, 8 deflated
    problem TEXT               -- why it was skipped
);
CREATE TABLE temp.sample (
    file INTEGER PRIMARY KEY,  -- the image's id in file
    split TEXT NOT NULL,       -- 'train', 'validation' or 'test'
    proposed TEXT,             -- the split proposed by us, where the dataset brings no validation split
    grouping BLOB,             -- images of one group belong in one split; NULL where none is known
    mask INTEGER               -- id of its mask in file
);
CREATE TABLE temp.label (file INTEGER NOT NULL, name BLOB NOT NULL);
CREATE TABLE temp.box (
    id INTEGER PRIMARY KEY, file INTEGER NOT NULL, name BLOB NOT NULL,
    x REAL NOT NULL, y REAL NOT NULL, width REAL NOT NULL, height REAL NOT NULL,
    relative INTEGER NOT NULL  -- 1 where the numbers are shares of the image's sides, 0 where they are pixels
);
CREATE TABLE temp.missing (path BLOB NOT NULL, split TEXT NOT NULL);
CREATE TABLE temp.fault (path BLOB NOT NULL, problem TEXT NOT NULL);
CREATE TABLE temp.pair (       -- files that show the same or something alike
    a INTEGER NOT NULL,        -- by split (train, validation, test) and then path, a comes before b
    b INTEGER NOT NULL,
    tier TEXT NOT NULL,        -- one of cvadvisor.facts.leaks.TIERS
    transform TEXT NOT NULL,   -- what makes b of a; may be empty
    score REAL NOT NULL,       -- how far they agree, 0 to 1
    PRIMARY KEY (a, b)
) WITHOUT ROWID;
-- Exact copies, and the first file of the image; held-out files, and a training file of the image.
CREATE TABLE temp.copy (file INTEGER PRIMARY KEY, original INTEGER NOT NULL);
CREATE TABLE temp.leaked (file INTEGER PRIMARY KEY, source INTEGER NOT NULL);
"""


class CacheError(UserError):
    """A cache that cannot be used where it was asked for; the message is one line."""


def to_bytes(name: str) -> bytes:
    """A path or label as the store holds it: the file system's own bytes.

    A lone surrogate that stands for no byte (JSON can spell one) is written as its escape.
    """
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace")


def to_text(stored: bytes) -> str:
    """A path or label that was stored, as Python has it; bytes that are no UTF-8 become lone surrogates."""
    return stored.decode("utf-8", "surrogateescape")


def kept_columns(table: str) -> dict[str, str]:
    """SQL type of each column of a kept table after path, size and mtime_ns."""
    hints = typing.get_type_hints(KEPT[table])
    return {
        field.name: _SQL_TYPES[_without_none(hints[field.name])]
        for field in dataclasses.fields(KEPT[table])
        if field.name != THUMBNAIL
    }


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    return hint


class Store:
    """The database of one dataset. Use it as a context manager; its connection belongs to the thread that made it."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the database at ``path``; ``None`` keeps everything in a temporary file.

        Raises:
            sqlite3.DatabaseError: the file is no such database, or is damaged.
        """
        self.path = path
        self.connection = sqlite3.connect("" if path is None else path, timeout=_BUSY_S)
        self.connection.text_factory = to_text  # SQL joins names too, and they may be no UTF-8
        try:
            self.connection.executescript(f"PRAGMA temp_store = FILE; PRAGMA cache_size = -{_CACHE_KIB};")
            self.connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # of a new file; an old one keeps its own
            self._use_wal()
            self.connection.execute("PRAGMA synchronous = NORMAL")
            self.connection.executescript(_WORKING)
            self._make_kept()
        except BaseException:
            self.connection.close()
            raise

    def _use_wal(self) -> None:
        """Write ahead. SQLite does not wait where two set that up at once in a new file, so this does."""
        until = time.monotonic() + _BUSY_S
        while True:
            try:
                self.connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(_TRY_AGAIN_S)

    def _make_kept(self) -> None:
        """Make the kept tables, anew where another version of the scan made them."""
        kept = [(table, kept_columns(table)) for table in KEPT]
        version = zlib.crc32(f"{_SCAN_VERSION} {_SEARCH_VERSION} {kept}".encode()) & 0x7FFFFFFF
        if self.one("PRAGMA user_version") == version:
            return
        self.run("BEGIN IMMEDIATE")  # of two that open a new file at once, one waits
        if self.one("PRAGMA user_version") != version:
            for table in (*KEPT, THUMBNAIL, "compared", "near_pair"):
                self.run(f"DROP TABLE IF EXISTS main.{table}")
            for table in KEPT:
                columns = "".join(f", {name} {kind}" for name, kind in kept_columns(table).items())
                self.run(
                    f"CREATE TABLE main.{table} (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER{columns}) "
                    "WITHOUT ROWID"
                )
            self.run(f"CREATE TABLE main.{THUMBNAIL} (path BLOB PRIMARY KEY, jpeg BLOB)")
            for statement in _SEARCHED.split(";")[:-1]:
                self.run(statement)
            self.run(f"PRAGMA user_version = {version}")
        self.commit()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def rows(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of ``query``, one at a time."""
        cursor = self.connection.execute(query, values)
        while part := cursor.fetchmany(_BATCH):
            yield from part

    def one(self, query: str, *values: Any) -> Any:
        """The first column of the first row of ``query``; ``None`` where there is no row."""
        row = self.connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    def run(self, statement: str, *values: Any) -> None:
        """Carry out one statement."""
        self.connection.execute(statement, values)

    def insert(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add ``rows`` of all columns of ``table``, as they come."""
        columns = len(self.connection.execute(f"SELECT * FROM {table} LIMIT 0").description)
        statement = f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * columns)})"
        self.connection.executemany(statement, rows)

    def commit(self) -> None:
        """Keep what was added until now."""
        self.connection.commit()
