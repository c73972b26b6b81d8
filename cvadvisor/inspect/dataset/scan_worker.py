"""The process that images are decoded in, so that a decoder that hangs or crashes takes nothing else with it.

It reads requests from standard input and writes answers to what was its standard output, as frames (see
:func:`read_frame`): a request names some files, and the answer has a row for each, in order. It ends when its input
ends.
"""

import contextlib
import dataclasses
import gc
import json
import os
import signal
import stat
import struct
import sys
import time
import warnings
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO

_LENGTHS = struct.Struct("<II")
# An answer under way is sent on this often, so that silence means that one image takes long.
_SEND_EVERY_S = 1.0
# Half a gigabyte of RGB takes a few times as much while it is converted. Beyond, a decoder is out of hand.
_MOST_MEMORY_BYTES = 4 << 30

_NOT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a file may have become a pipe

Worker = Callable[[bytes, str, bool], Any]


def read_frame(stream: BinaryIO) -> tuple[Any, memoryview] | None:
    """One message: JSON, and bytes that go with it. ``None`` at the end of the stream."""
    head = stream.read(_LENGTHS.size)
    if len(head) < _LENGTHS.size:
        return None
    text_size, blob_size = _LENGTHS.unpack(head)
    body = stream.read(text_size + blob_size)
    if len(body) < text_size + blob_size:
        return None
    return json.loads(body[:text_size]), memoryview(body)[text_size:]


def write_frame(stream: BinaryIO, message: Any, blobs: list[bytes] | tuple[()] = ()) -> None:
    """Send one message."""
    text = json.dumps(message, separators=(",", ":")).encode()
    blob = b"".join(blobs)
    stream.write(b"".join((_LENGTHS.pack(len(text), len(blob)), text, blob)))
    stream.flush()


def main() -> None:
    """Answer requests until standard input ends: first one of kind, dataset and limit in seconds, then files."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    requests = sys.stdin.buffer
    _bound_memory()
    first = read_frame(requests)
    if first is None:
        return
    kind, root, limit_s = first[0]
    work, fields = _work(kind)
    gc.freeze()
    gc.set_threshold(50_000)  # what an image leaves behind are no cycles
    write_frame(answers, "ready")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders write there what nobody can place
    while (request := read_frame(requests)) is not None:
        _answer(answers, root, request[0], work, fields, limit_s)


def _bound_memory() -> None:
    with contextlib.suppress(Exception):  # there is no such module on Windows, and a lower limit may be set already
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _work(kind: str) -> tuple[Worker, list[str]]:
    """What is done to each file of this kind of scan, and the names of what it gives."""
    from cvadvisor.inspect.dataset import look as looking

    if kind == "mask":
        from cvadvisor.inspect.dataset.mask_look import MaskLook, look_at_mask

        def mask(data: bytes, name: str, large: bool) -> Any:
            if not large and looking.pixels_claimed(data) > looking.LARGE_PIXELS:
                return None
            return look_at_mask(data, name)

        return mask, _fields(MaskLook)
    if kind == "pixels":

        def digest(data: bytes, name: str, large: bool) -> Any:
            if not large and looking.pixels_claimed(data) > looking.LARGE_PIXELS:
                return None
            return looking.PixelLook(looking.pixel_digest(data))

        return digest, _fields(looking.PixelLook)
    if kind == "detail":
        return lambda data, name, large: looking.detail(data, large=large), _fields(looking.DetailLook)
    return lambda data, name, large: looking.look(data, name, large=large), _fields(looking.Look)


def _fields(kind: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _answer(
    answers: BinaryIO, root: str, request: dict[str, Any], work: Worker, fields: list[str], limit_s: float
) -> None:
    """Work through the files of one request; rows are lists of the fields' values, ``null`` for one that must wait.

    Bytes stand in a row as their number, and follow the JSON in order.
    """
    from cvadvisor.inspect.dataset.places import Unreadable

    get = attrgetter(*fields) if len(fields) > 1 else lambda seen: (getattr(seen, fields[0]),)
    large, files = request["large"], request["files"]
    rows: list[list[Any] | str | None] = []
    blobs: list[bytes] = []
    sent = time.monotonic()
    _alarm(limit_s)
    for number, file in enumerate(files):
        try:
            seen = work(_read(root, file), file[0], large)
            if seen is None:
                rows.append(None)
            else:
                row = list(get(seen))
                for column, value in enumerate(row):
                    if type(value) is bytes:
                        blobs.append(value)
                        row[column] = [len(value)]
                rows.append(row)
        except Unreadable as error:
            rows.append(str(error))
        except MemoryError:
            rows.append("too large")
        if (now := time.monotonic()) - sent > _SEND_EVERY_S and number + 1 < len(files):
            write_frame(answers, rows, blobs)
            rows, blobs, sent = [], [], now
            _alarm(limit_s)
    write_frame(answers, rows, blobs)


def _read(root: str, file: list[Any]) -> bytes:
    """The bytes of a file: in few calls where it is an ordinary one, and as every other part reads it where not."""
    from cvadvisor.inspect.dataset.places import MAX_FILE_BYTES, Place, read_bytes

    if len(file) == 1:
        with contextlib.suppress(OSError, ValueError):
            handle = os.open(f"{root}/{file[0]}", os.O_RDONLY | _NOT_WAITING)
            try:
                status = os.fstat(handle)
                if stat.S_ISREG(status.st_mode) and 0 < status.st_size <= MAX_FILE_BYTES:
                    data = os.read(handle, status.st_size)
                    if len(data) == status.st_size:
                        return data
            finally:
                os.close(handle)
    return read_bytes(Path(root), Place(*file))


def _alarm(limit_s: float) -> None:
    """End this process some time after the parent should have: the parent may be gone, and a decoder hang for ever."""
    if hasattr(signal, "alarm"):
        signal.alarm(int(limit_s * 2) + 10)
