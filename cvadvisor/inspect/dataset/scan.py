"""Look at every image of a dataset that the kept tables do not know yet, in worker processes over all cores."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from cvadvisor.inspect.dataset.files import place_of
from cvadvisor.inspect.dataset.scan_pool import File, Pool, Result
from cvadvisor.inspect.dataset.store import KEPT, THUMBNAIL, Store, kept_columns

Kind = Literal["image", "mask", "pixels", "detail"]

IMAGE_LIMIT_S = 30.0
"""Longest that one image may take."""
_FILES_A_PROCESS = 32  # fewer take less time than starting it
_MOST_REQUESTED = 64  # files a request: small images take less time than handing one over
_REQUESTS = 4  # that each process gets at least, so that they end at about the same time
_PAGE = 1_024  # files that are read from the store at once
_WRITE_EVERY_S = 1.0
_TELL_EVERY_S = 0.1
_MOST_WAITING = 1_000  # results that wait to be written: about 2 KB each

_TABLES: dict[Kind, str] = {"image": "look", "mask": "mask_look", "pixels": "pixel_look", "detail": "detail_look"}
_FILES: dict[Kind, str] = {
    "image": "SELECT file FROM temp.sample",
    "mask": "SELECT mask AS file FROM temp.sample WHERE mask IS NOT NULL",
    "pixels": "SELECT file FROM temp.candidate",
    "detail": "SELECT file FROM temp.wanted",
}
# What could not even be read, took too long or ran out of memory is tried again: permission may have been given, or the
# machine may have been busy, without any change of the file.
_UNREAD = {
    "look": "known.error IS NOT NULL AND known.content_hash IS NULL",
    "mask_look": "known.error IS NOT NULL AND known.format IS NULL",
    "pixel_look": "0",
    "detail_look": "known.jpeg IS NULL",
}


def scan(
    root: Path,
    store: Store,
    kind: Kind,
    progress: Callable[[int, int], None] | None = None,
    *,
    workers: int | None = None,
) -> None:
    """Fill the kept table of ``kind`` for every file that it lacks, or has of another size or modification time.

    What is done is kept about once a second, so a scan that was stopped goes on where it was.

    Args:
        root: the dataset.
        store: its store; ``temp.file`` and ``temp.sample`` are filled.
        kind: 'image' fills ``look`` and ``thumbnail`` for every sample, 'mask' fills ``mask_look`` for every mask, and
            'pixels' fills ``pixel_look`` for the ids in the table ``candidate``, 'detail' ``detail_look`` for those in
            ``wanted``.
        progress: called in this thread with (files done, files to do), a few times a second.
        workers: how many processes; one a core where not given.

    Raises:
        WorkerError: the processes cannot be started.
    """
    store.commit()  # a transaction that was begun before would hold on to what the kept tables were then
    with _Work(store, kind) as work:
        if not work.total:
            return
        tell = _seldom(progress, work.total)
        processes = min(workers or cores(), -(-work.total // _FILES_A_PROCESS))
        with Pool(root, kind, processes, IMAGE_LIMIT_S) as pool:
            files = min(_MOST_REQUESTED, -(-work.total // (processes * _REQUESTS)))
            done = _run(pool, work, work.batches("todo", files), tell, large=False)
        if done < work.total:  # the rest one at a time: each may take half a gigabyte and more
            with Pool(root, kind, 1, IMAGE_LIMIT_S) as pool:
                _run(pool, work, work.batches("large", 1), lambda more: tell(done + more), large=True)


def _run(pool: Pool, work: "_Work", batches: Iterator[list[File]], tell: Callable[[int], None], *, large: bool) -> int:
    """Put ``batches`` through the pool, few of them at a time; returns how many files are done with."""
    done = 0
    while True:
        while pool.under_way < pool.most_under_way and (batch := next(batches, None)):
            pool.put(batch, large)
        if not pool.under_way:
            return done
        done += work.add(pool.take())
        tell(done)


class _Work:
    """The files that are to be scanned, read from the store in pages, and what was found, written back in parts.

    No query stays open between pages: one would keep SQLite from writing while another audit does.
    """

    def __init__(self, store: Store, kind: Kind) -> None:
        self.store, self.kind, self.table = store, kind, _TABLES[kind]
        self._columns = list(kept_columns(self.table))
        self._rows: list[tuple[Any, ...]] = []
        self._thumbnails: list[tuple[bytes, bytes | None]] = []
        self._written = time.monotonic()
        self.total = 0

    def __enter__(self) -> "_Work":
        """List the files that the kept table lacks, in the order of their paths: SQLite writes them fastest so."""
        store, known = self.store, self.table
        store.run("CREATE TEMP TABLE todo (number INTEGER PRIMARY KEY, file INTEGER)")
        store.run("CREATE TEMP TABLE large (number INTEGER PRIMARY KEY, file INTEGER)")
        store.connection.execute(
            f"""
            INSERT INTO temp.todo SELECT NULL, id FROM (
                SELECT DISTINCT file.id AS id, file.path AS path
                FROM ({_FILES[self.kind]}) AS wanted JOIN temp.file ON file.id = wanted.file
                LEFT JOIN main.{known} AS known ON known.path = file.path
                WHERE known.path IS NULL OR known.size != file.size OR known.mtime_ns != file.mtime_ns
                OR ({_UNREAD[known]})
                ORDER BY file.path)
            """
        )
        store.commit()
        self.total = store.one("SELECT count(*) FROM temp.todo")
        return self

    def __exit__(self, *_: object) -> None:
        """Keep what is done, also after an interrupt."""
        self.write()
        for table in ("todo", "large"):
            self.store.run(f"DROP TABLE temp.{table}")
        self.store.commit()

    def batches(self, table: Literal["todo", "large"], files: int) -> Iterator[list[File]]:
        """The files in one of the working tables, so many at a time."""
        query = f"""
        SELECT number, path, container, start, stored, method, size, mtime_ns
        FROM temp.{table} JOIN temp.file ON file.id = {table}.file WHERE number > ? ORDER BY number LIMIT {_PAGE}
        """
        last = 0
        while page := self.store.connection.execute(query, (last,)).fetchall():
            last = page[-1][0]
            listed = [File(row[1], row[6], row[7], place_of(row[1:7])) for row in page]
            for start in range(0, len(listed), files):
                yield listed[start : start + files]

    def add(self, results: list[Result]) -> int:
        """Take in results; they are written about once a second. Returns how many files are done with."""
        waiting = 0
        for file, values in results:
            if values is None:
                self.store.run("INSERT INTO temp.large SELECT NULL, id FROM temp.file WHERE path = ?", file.path)
                waiting += 1
                continue
            if isinstance(values, str):
                values = self._failed(values)
            if self.kind == "image":
                self._thumbnails.append((file.path, values.pop()))
            self._rows.append((file.path, file.size, file.mtime_ns, *values))
        if len(self._rows) >= _MOST_WAITING or time.monotonic() - self._written > _WRITE_EVERY_S:
            self.write()
        return len(results) - waiting

    def write(self) -> None:
        """Keep the results that wait."""
        if self._rows:
            self.store.insert(f"main.{self.table}", self._rows)
        if self._thumbnails:
            self.store.insert(f"main.{THUMBNAIL}", self._thumbnails)
        self.store.commit()
        self._rows, self._thumbnails = [], []
        self._written = time.monotonic()

    def _failed(self, error: str) -> list[Any]:
        """The values of a file that could not be looked at."""
        kept = KEPT[self.table]
        names = [field.name for field in dataclasses.fields(kept)]
        look = kept(error=error) if "error" in names else kept()
        return [getattr(look, name) for name in names]


def _seldom(progress: Callable[[int, int], None] | None, total: int) -> Callable[[int], None]:
    """``progress`` for ``total`` files, called a few times a second and at the end."""
    told = 0.0

    def tell(done: int) -> None:
        nonlocal told
        now = time.monotonic()
        if progress and (done == total or now - told > _TELL_EVERY_S):
            told = now
            progress(done, total)

    return tell


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
