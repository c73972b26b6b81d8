"""Worker processes for the scan: fed, listened to, and killed where an image takes too long or crashes its decoder."""

import contextlib
import importlib.util
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self, cast

from cvadvisor.errors import UserError
from cvadvisor.inspect.dataset.places import Place
from cvadvisor.inspect.dataset.scan_worker import read_frame, write_frame

TOOK_TOO_LONG = "took longer than {0:.0f} s"
CRASHED = "crashed the decoder"

_START_LIMIT_S = 120.0
_STARTS = 3
_WATCH_EVERY_S = 0.2
_REQUESTS_A_WORKER = 3  # one is worked on and the others wait, so that no worker does

# The worker's start. It gets the folders of the packages it needs and nothing else, so that no code comes from the
# current folder or the user's own paths. What it imports has to stay light: every worker pays for it.
_NEEDED = ("numpy", "PIL", "simplejpeg", "cvadvisor")
_START = """
import sys
sys.path += sys.argv[1:]
from cvadvisor.inspect.dataset.scan_worker import main
main()
"""
# One thread a worker; and freed memory is kept, since giving it back after each image and faulting it in again for the
# next costs as much as measuring it.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(32 << 20),
    "MALLOC_TOP_PAD_": str(4 << 20),
}


class WorkerError(UserError):
    """The worker processes cannot be started; the message is one line."""


class File(NamedTuple):
    """A file to look at."""

    path: bytes
    size: int
    mtime_ns: int
    place: Place


Result = tuple[File, list[Any] | str | None]
"""A file and the values of its look's fields; or why it could not be looked at; ``None`` if it has to be alone."""


class _Slot:
    """One worker process at a time, and the thread that talks to it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.deadline: float | None = None
        self.overdue = False


class Pool:
    """Processes that look at files. Use it as a context manager, from one thread."""

    def __init__(self, root: Path, kind: str, processes: int, limit_s: float) -> None:
        """A pool for scans of ``kind`` in the dataset at ``root``; an image may take ``limit_s`` seconds."""
        self.most_under_way = processes * _REQUESTS_A_WORKER
        self.under_way = 0
        """Requests that were put and are not done."""
        self._first = (kind, str(root.absolute()), limit_s)
        self._limit_s = limit_s
        self._slots = [_Slot() for _ in range(processes)]
        self._requests: queue.SimpleQueue[tuple[Sequence[File], bool] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[list[Result] | BaseException | None] = queue.SimpleQueue()
        self._stopping = False
        self._starting = threading.Lock()
        self._watched = time.monotonic()
        self._threads = [
            threading.Thread(target=self._serve, args=(slot,), name="scan", daemon=True) for slot in self._slots
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every process at once, whatever it is doing."""
        with self._starting:
            self._stopping = True
            for slot in self._slots:
                _kill(slot.process)
        for _thread in self._threads:
            self._requests.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def processes(self) -> list[int]:
        """Process ids of the workers that run now."""
        return [slot.process.pid for slot in self._slots if slot.process is not None]

    def put(self, files: Sequence[File], large: bool) -> None:
        """Have ``files`` looked at; ``large`` says that they may take much memory."""
        self.under_way += 1
        self._requests.put((files, large))

    def take(self) -> list[Result]:
        """Results of some files, as soon as there are any; none where a request is done.

        Raises:
            WorkerError: a process cannot be started.
        """
        while True:
            if time.monotonic() - self._watched > _WATCH_EVERY_S:
                self._kill_overdue()
            try:
                answer = self._answers.get(timeout=_WATCH_EVERY_S)
            except queue.Empty:
                continue
            if isinstance(answer, BaseException):
                raise answer
            if answer is None:
                self.under_way -= 1
                return []
            return answer

    def _kill_overdue(self) -> None:
        now = self._watched = time.monotonic()
        for slot in self._slots:
            if slot.deadline is not None and now > slot.deadline:
                slot.overdue, slot.deadline = True, None
                _kill(slot.process)

    def _serve(self, slot: _Slot) -> None:
        """A thread: put requests through one worker until there are no more."""
        try:
            while not self._stopping and (request := self._requests.get()) is not None:
                self._request(slot, *request)
                self._answers.put(None)
        except BaseException as error:
            self._answers.put(error)
        finally:
            _end(slot)

    def _request(self, slot: _Slot, files: Sequence[File], large: bool) -> None:
        """Have ``files`` looked at; where the worker dies of it, those that are left one by one, to find out which."""
        left = self._ask(slot, files, large)
        for file in left:
            if self._stopping:
                return
            if len(files) == 1 or self._ask(slot, [file], large):
                reason = TOOK_TOO_LONG.format(self._limit_s) if slot.overdue else CRASHED
                self._answers.put([(file, reason)])

    def _ask(self, slot: _Slot, files: Sequence[File], large: bool) -> Sequence[File]:
        """Send one request and hand on its results; returns the files that the worker died over."""
        slot.overdue = False
        if slot.process is None:
            self._start(slot)
        process = slot.process
        if process is None:
            return files
        asked = [_described(file.place) for file in files]
        slot.deadline = time.monotonic() + self._limit_s
        with contextlib.suppress(OSError):  # a dead worker is noticed when its answer is read
            write_frame(cast(BinaryIO, process.stdin), {"large": large, "files": asked})
        while files:
            frame = read_frame(cast(BinaryIO, process.stdout))
            if frame is None:
                slot.deadline = None
                _end(slot)
                return files
            rows, blobs = frame
            slot.deadline = time.monotonic() + self._limit_s if len(rows) < len(files) else None
            self._answers.put(_results(files, rows, blobs))
            files = files[len(rows) :]
        return ()

    def _start(self, slot: _Slot) -> None:
        """Start a worker. One that dies before it is ready, as where memory is short, gets other chances.

        Raises:
            WorkerError: none started.
        """
        for _ in range(_STARTS):
            said = self._launch(slot)
            if said is None or self._stopping:
                return
            _end(slot)
        raise WorkerError(f"The scan's worker processes do not start ({said}): free some memory and try again.")

    def _launch(self, slot: _Slot) -> str | None:
        """Start a process and wait until it is ready; what it said last where it died, ``None`` where it runs."""
        command = [sys.executable, "-I", "-S", "-c", _START, *_folders()]
        with tempfile.TemporaryFile() as errors:
            with self._starting:
                if self._stopping:
                    return None
                slot.process = process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env={**os.environ, **_ENVIRONMENT},
                    start_new_session=True,  # Ctrl-C is for this process to handle
                )
            slot.deadline = time.monotonic() + _START_LIMIT_S
            with contextlib.suppress(OSError):
                write_frame(cast(BinaryIO, process.stdin), self._first)
            ready = read_frame(cast(BinaryIO, process.stdout))
            slot.deadline = None
            if ready is not None:
                return None
            errors.seek(0)
            said = errors.read()[-2000:].decode(errors="replace").strip().splitlines()
            return said[-1] if said else "it said nothing"


def _results(files: Sequence[File], rows: list[Any], blobs: memoryview) -> list[Result]:
    """The rows of a frame with their bytes put in, beside their files."""
    at = 0
    for row in rows:
        if type(row) is list:
            for column, value in enumerate(row):
                if type(value) is list:
                    row[column] = bytes(blobs[at : at + value[0]])
                    at += value[0]
    return list(zip(files, rows, strict=False))


def _described(place: Place) -> list[Any]:
    """A place as the worker is told it: short where it is a plain file."""
    if place.container is None:
        return [place.path]
    return [place.path, place.container, place.start, place.stored, place.method, place.size]


def _folders() -> list[str]:
    """The folders that the packages lie in which the worker imports."""
    specs = (importlib.util.find_spec(name) for name in _NEEDED)
    found = (str(Path(spec.origin).parent.parent) for spec in specs if spec is not None and spec.origin)
    return list(dict.fromkeys(found))


def _kill(process: "subprocess.Popen[bytes] | None") -> None:
    if process is not None:
        process.kill()


def _end(slot: _Slot) -> None:
    """Let go of the slot's process, which is dead or has nothing left to do."""
    process, slot.process = slot.process, None
    if process is None:
        return
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):  # what was not sent yet cannot be
                stream.close()
