"""Where an image's bytes lie: a file, or a part of an archive; and reading them, in bounded memory and time.

Whatever an archive says of its members is a claim: sizes are compared with what is there before anything is reserved
for them, and a member is decompressed no further than the size that it was listed with.
"""

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_FILE_BYTES = 500_000_000

STORED, DEFLATED = 0, 8
"""The methods of compression in zip archives that can be read."""

_LOCAL_HEADER = b"PK\x03\x04"
_LOCAL_HEADER_BYTES = 30


@dataclass(frozen=True, slots=True)
class Place:
    """Where one file of a dataset is."""

    path: str
    """POSIX path relative to the dataset, as the file system has it (not always encodable: see ``printable``)."""
    container: str | None = None
    """The archive it is in, relative to the dataset; '' where the dataset is the archive; ``None`` for a real file."""
    start: int = 0
    """Byte of the container at which its data starts (tar), or its local header (zip)."""
    stored: int = 0
    """Bytes that it takes there."""
    method: int | None = None
    """Zip: 0 for stored, 8 for deflated. ``None`` for tar."""
    size: int = 0
    """Its size in bytes, decompressed, when it was listed."""


class Unreadable(Exception):
    """A file that cannot be read or is no image for us; the message is the reason, in a few words."""


def read_bytes(root: Path, place: Place, most: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of one file of the dataset at ``root``; at most ``most`` of them are read or made.

    Raises:
        Unreadable: it vanished, is empty or too large, may not be read, is damaged in its archive, or is no regular
            file.
    """
    if place.container is None:
        with opened(root / place.path) as (file, size):
            return _part(file, size, 0, size, most)
    with opened(root / place.container if place.container else root) as (archive, length):
        if place.size > most:
            raise _too_large(place.size)
        if place.method is None:
            return _part(archive, length, place.start, place.size, most)
        return _unzipped(archive, length, place, most)


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file, opened to be read, and how many bytes it has now.

    Raises:
        Unreadable: it is not there, no regular file, or may not be opened; or reading it failed.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("not a regular file")
            yield file, status.st_size
    except IsADirectoryError:
        raise Unreadable("not a regular file") from None
    except FileNotFoundError:
        raise Unreadable("a link to nothing" if path.is_symlink() else "vanished") from None
    except PermissionError:
        raise Unreadable("no permission") from None
    except OSError as error:
        raise Unreadable((error.strerror or "cannot be read").lower()) from None
    except ValueError:  # a NUL byte or a surrogate that stands for no byte
        raise Unreadable("its path cannot be one of a file") from None


def _open_at_once(path: str, flags: int) -> int:
    """Not waiting for a writer: the file may have become a pipe since it was listed."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _part(file: BinaryIO, length: int, start: int, size: int, most: int) -> bytes:
    """``size`` bytes from ``start`` on, of a file of ``length`` bytes."""
    if size > most:
        raise _too_large(size)
    if start < 0 or size < 0 or start + size > length:
        raise Unreadable("damaged archive")
    if not size:
        raise Unreadable("empty file")
    file.seek(start)
    data = file.read(size)
    if not data:
        raise Unreadable("empty file")  # it was cut since it was opened
    return data


def _unzipped(archive: BinaryIO, length: int, place: Place, most: int) -> bytes:
    """One member of a zip archive of ``length`` bytes, from its local header on."""
    header = _part(archive, length, place.start, _LOCAL_HEADER_BYTES, most)
    if header[:4] != _LOCAL_HEADER:
        raise Unreadable("damaged archive")
    skipped = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    data = _part(archive, length, place.start + _LOCAL_HEADER_BYTES + skipped, place.stored, most)
    if place.method == DEFLATED:
        data = _inflated(data, place.size)
    elif place.method != STORED:
        raise Unreadable(f"compressed by method {place.method}, which is not supported")
    if len(data) != place.size:
        raise Unreadable("damaged in its archive")
    if not data:
        raise Unreadable("empty file")
    return data


def _inflated(data: bytes, size: int) -> bytes:
    """``data`` decompressed, where that gives ``size`` bytes; one more is made at most, to see that it ends there."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        whole = inflate.decompress(data, size + 1)
    except zlib.error:
        raise Unreadable("damaged in its archive") from None
    if not inflate.eof:
        raise Unreadable("damaged in its archive")
    return whole


def _too_large(size: int) -> Unreadable:
    return Unreadable(f"too large: {size / 1e6:,.0f} MB")
