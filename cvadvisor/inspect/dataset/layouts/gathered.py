"""What several rows say of one image, put together on disk: a table of any length in bounded memory."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from typing import Any

from cvadvisor.inspect.dataset.store import to_bytes, to_text

_CACHE_KIB = 4_000
_BATCH = 2_000


class Gathered:
    """Things said of images, by path. Use it as a context manager; it lies in a temporary file of its own."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("")
        self._connection.executescript(
            f"PRAGMA cache_size = -{_CACHE_KIB}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE said (id INTEGER PRIMARY KEY, path BLOB NOT NULL, what TEXT NOT NULL);"
        )
        self._waiting: list[tuple[bytes, str]] = []

    def __enter__(self) -> "Gathered":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, path: str, what: Any) -> None:
        """Note ``what``, any value that JSON can hold, of the image at ``path``."""
        self._waiting.append((to_bytes(path), json.dumps(what)))
        if len(self._waiting) >= _BATCH:
            self._write()

    def by_image(self) -> Iterator[tuple[str, list[Any]]]:
        """Each path with everything that was noted of it, in the order it was noted."""
        self._write()
        self._connection.execute("CREATE INDEX IF NOT EXISTS said_path ON said (path)")
        with closing(self._connection.execute("SELECT path, what FROM said ORDER BY path, id")) as rows:
            for path, group in groupby(rows, itemgetter(0)):
                yield to_text(path), [json.loads(what) for _, what in group]

    def _write(self) -> None:
        self._connection.executemany("INSERT INTO said (path, what) VALUES (?, ?)", self._waiting)
        self._waiting.clear()
