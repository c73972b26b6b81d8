"""The members of zip and tar archives, listed without extracting anything.

An archive is listed as it is read, so that one of a million members takes no more memory than one of ten. (Python's
``zipfile`` holds every member: 400 MB for 600,000.) The format of zip is PKWARE's APPNOTE.TXT, 4.3 and 4.5.
"""

import re
import stat
import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cvadvisor.inspect.dataset.layouts.reading import DatasetError
from cvadvisor.inspect.dataset.places import DEFLATED, STORED, Place, Unreadable, opened
from cvadvisor.inspect.printable import printable

__all__ = ["members"]

REST = "(the rest of the archive)"
"""Path of the row that stands for what a damaged archive holds and does not show."""

_DEEPEST = 64
_LONGEST_NAME = 4096
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s2B5H3L5H2L")
_LONGEST_COMMENT = 0xFFFF
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED, _UTF8 = 0x1, 0x800
_ZIP64_FIELD, _UNICODE_PATH_FIELD = 0x0001, 0x7075
_UNIX = 3
_MOST_DEFLATED = 1033  # times smaller, at best
_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstandard", 95: "xz", 99: "AES"}

_FORGET_EVERY = 1_000
# A header that a tar writer makes is a few hundred bytes; one of gigabytes is an attack on memory.
_LARGEST_TAR_HEADER = 1_000_000
_COMPRESSED_TARS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


def members(file: Path, container: str, prefix: str) -> Iterator[tuple[Place, str | None]]:
    """Each file in the archive ``file``, and why it is skipped, or ``None``; folders are left out.

    Args:
        file: the archive: a zip where its name ends with .zip, otherwise a tar.
        container: path of the archive relative to the dataset, '' where the dataset is the archive.
        prefix: what to put before the path of each member: '' or ``container`` and a slash.

    Yields:
        The member's place and, where it is not to be read, the reason in a few words. The path of one that is not to
        be read is for showing: it leads nowhere. Where the archive is damaged after its first members, the last row
        says so and stands for the rest.

    Raises:
        DatasetError: nothing can be listed: it is no such archive, or is damaged, or may not be read. Its cause says
            why in a few words.
    """
    listed = 0
    listing = _zip_members if file.suffix.lower() == ".zip" else _tar_members
    try:
        with opened(file) as (opened_file, length):
            for place, problem in listing(opened_file, length, container, prefix):
                listed += 1
                yield place, problem
    except (_Damaged, Unreadable) as reason:
        if not listed:
            hint = "give a complete .zip or .tar, or the folder that it was made of"
            raise DatasetError(f"{printable(file)} cannot be read as an archive ({reason}): {hint}.") from reason
        yield Place(prefix + REST, container), f"the archive is damaged: {reason}"


class _Damaged(Exception):
    """An archive that cannot be listed any further; the message is the reason, in a few words."""


def _named(prefix: str, name: str) -> tuple[str, str | None]:
    """The path of a member, and why it is skipped: a name that could lead out of the dataset is made harmless."""
    parts = name.split("/")
    if len(name) > _LONGEST_NAME:
        return f"{prefix}{printable(name[:80])}…", "a name of more than 4,096 characters"
    if name.startswith(("/", "\\")) or _DRIVE.match(name) or ".." in re.split(r"[/\\]", name):
        harmless = printable(name).replace("..", "%2E%2E").replace("\\", "%5C").removeprefix("/")
        return f"{prefix}%2F{harmless}" if name.startswith("/") else prefix + harmless, "its path leads outside"
    kept = [part for part in parts if part not in ("", ".")]
    if not kept or "\0" in name:
        return prefix + (printable(name) or "(no name)"), "it has no usable name"
    if len(kept) > _DEEPEST:
        return f"{prefix}{printable('/'.join(kept[:3]))}/…/{printable(kept[-1])}", f"more than {_DEEPEST} folders deep"
    return prefix + "/".join(kept), None


class _Entry(NamedTuple):
    """What a zip's directory says of a member, as far as it matters here."""

    name: str
    system: int
    flags: int
    method: int
    stored: int
    size: int
    disk: int
    mode: int
    start: int


def _zip_members(file: BinaryIO, length: int, container: str, prefix: str) -> Iterator[tuple[Place, str | None]]:
    """The members of a zip archive, from the directory at its end."""
    begin, end, before = _find_directory(file, length)
    for entry in _entries(file, begin, end):
        if entry.name.endswith("/"):
            continue
        start = entry.start + before
        path, problem = _named(prefix, entry.name)
        if problem is None:
            problem = _zip_problem(entry)
        if problem is None and start + _LOCAL_HEADER_BYTES + entry.stored > begin:
            problem = "damaged in its archive: its data would lie outside"
        if problem is None:
            yield Place(path, container, start, entry.stored, entry.method, entry.size), None
        else:
            yield Place(path, container), problem


def _zip_problem(entry: _Entry) -> str | None:
    """Why a member of a zip cannot be read, or ``None``."""
    kind = stat.S_IFMT(entry.mode) if entry.system == _UNIX else 0
    if kind == stat.S_IFLNK:
        return "a link in an archive"
    if kind not in (0, stat.S_IFREG):
        return "not a regular file"
    if entry.flags & _ENCRYPTED:
        return "encrypted"
    if entry.method not in (STORED, DEFLATED):
        return f"compressed by {_METHODS.get(entry.method, f'method {entry.method}')}, which is not supported"
    if entry.disk:
        return "in another part of a split archive"
    if entry.size > (entry.stored if entry.method == STORED else _MOST_DEFLATED * entry.stored):
        return "damaged in its archive: it cannot have the size that is claimed"
    return None


def _find_directory(file: BinaryIO, length: int) -> tuple[int, int, int]:
    """First byte of a zip's directory, the byte after it, and how many bytes were put before the archive."""
    tail_start = max(0, length - _END.size - _LONGEST_COMMENT - _END64_LOCATOR.size)
    file.seek(tail_start)
    tail = file.read(length - tail_start)
    at = tail.rfind(b"PK\x05\x06", 0, len(tail) - _END.size + 4)
    if at < 0:
        raise _Damaged("it has no directory at its end, so it is no zip or is cut short")
    _, _, _, _, _, size, offset, _ = _END.unpack_from(tail, at)
    end = tail_start + at
    locator = at - _END64_LOCATOR.size
    if locator >= 0 and tail.startswith(b"PK\x06\x07", locator):
        end = tail_start + locator - _END64.size
        file.seek(max(0, end))
        record = file.read(_END64.size)
        if end < 0 or not record.startswith(b"PK\x06\x06"):
            raise _Damaged("its zip64 directory is not where it should be")
        *_, size, offset = _END64.unpack(record)
    begin = end - size
    if begin < 0 or offset > begin:
        raise _Damaged("its directory is not where it should be")
    return begin, end, begin - offset


def _entries(file: BinaryIO, begin: int, end: int) -> Iterator[_Entry]:
    """The entries of a zip's directory, which takes the bytes from ``begin`` to ``end``."""
    file.seek(begin)
    left = end - begin
    while left:
        head = file.read(_ENTRY.size)
        if len(head) < _ENTRY.size or not head.startswith(b"PK\x01\x02"):
            raise _Damaged(f"its directory is broken {left:,} bytes before its end")
        _, _, system, _, flags, method, _, _, _, stored, size, *lengths, disk, _, mode, start = _ENTRY.unpack(head)
        rest = file.read(sum(lengths))
        left -= len(head) + len(rest)
        if len(rest) < sum(lengths) or left < 0:
            raise _Damaged("its directory is cut short")
        raw, extra = rest[: lengths[0]], rest[lengths[0] : lengths[0] + lengths[1]]
        fields = _extra_fields(extra)
        if _ZIP64_FIELD in fields:
            size, stored, start, disk = _wide(fields[_ZIP64_FIELD], size, stored, start, disk)
        name = _decoded(raw, flags, fields.get(_UNICODE_PATH_FIELD, b""))
        yield _Entry(name, system, flags, method, stored, size, disk, mode >> 16, start)


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    """The extra fields of a directory entry, by their number; what is broken is left out."""
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        number, size = struct.unpack_from("<2H", extra, at)
        fields.setdefault(number, extra[at + 4 : at + 4 + size])
        at += 4 + size
    return fields


def _wide(field: bytes, size: int, stored: int, start: int, disk: int) -> tuple[int, int, int, int]:
    """The four numbers of an entry; those that did not fit are all ones, and stand in its zip64 field instead."""
    given = [(size, 8, 0xFFFFFFFF), (stored, 8, 0xFFFFFFFF), (start, 8, 0xFFFFFFFF), (disk, 4, 0xFFFF)]
    numbers, at = [], 0
    for number, width, ones in given:
        if number == ones and at + width <= len(field):
            number = int.from_bytes(field[at : at + width], "little")
            at += width
        numbers.append(number)
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _decoded(raw: bytes, flags: int, unicode_path: bytes) -> str:
    """A zip member's name with slashes; bytes that are no text become lone surrogates, as in a name on disk."""
    if unicode_path[:1] == b"\x01" and unicode_path[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
        raw, flags = unicode_path[5:], flags | _UTF8
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = raw.decode("utf-8", "surrogateescape") if flags & _UTF8 else raw.decode("cp437")
    # Some tools on Windows write backslashes, against the standard.
    return name.replace("\\", "/") if "/" not in name else name


class _ModestReads:
    """A file for ``tarfile``, which reads headers of whatever length they claim: here an absurd one is an error."""

    def __init__(self, file: BinaryIO) -> None:
        self.tell, self.seek, self._read = file.tell, file.seek, file.read

    def read(self, size: int = -1) -> bytes:
        """At most a megabyte.

        Raises:
            tarfile.ReadError: more was asked for.
        """
        if not 0 <= size <= _LARGEST_TAR_HEADER:
            raise tarfile.ReadError("a header of absurd length")
        return self._read(size)


def _tar_members(file: BinaryIO, length: int, container: str, prefix: str) -> Iterator[tuple[Place, str | None]]:
    """The members of a tar archive, from the headers before each."""
    if file.read(4).startswith(_COMPRESSED_TARS):
        raise _Damaged("it is compressed: decompress it, and give the tar or the folder")
    file.seek(0)
    if not length:
        raise _Damaged("it is empty")
    count, before = 0, -1
    try:
        archive = tarfile.TarFile(fileobj=_ModestReads(file), encoding="utf-8", errors="surrogateescape")  # type: ignore[arg-type]
        while (member := archive.next()) is not None:
            if member.offset <= before or member.size < 0:
                raise _Damaged(f"its headers lead back after {count:,} members")
            before, count = member.offset, count + 1
            if count % _FORGET_EVERY == 0:
                archive.members.clear()  # type: ignore[attr-defined]  # it keeps them all
            if member.isdir():
                continue
            path, problem = _named(prefix, member.name)
            problem = problem or _tar_problem(member)
            if problem is not None:
                yield Place(path, container), problem
            elif member.offset_data + member.size > length:
                yield Place(path, container), "cut short: the archive ends before it does"
            else:
                yield Place(path, container, member.offset_data, member.size, None, member.size), None
    except (tarfile.TarError, EOFError, RecursionError, OverflowError, ValueError) as error:
        said = str(error).strip().partition("\n")[0]
        raise _Damaged(f"it is no tar, or is broken after {count:,} members ({printable(said)[:80]})") from None
    if why := _stopped_early(file, length, archive.offset):
        raise _Damaged(f"{why} after {count:,} members")


def _tar_problem(member: tarfile.TarInfo) -> str | None:
    """Why a member of a tar cannot be read, or ``None``."""
    if member.issym() or member.islnk():
        return "a link in an archive"
    if member.issparse():
        return "stored as a sparse file, which is not supported"
    return None if member.isreg() else "not a regular file"


def _stopped_early(file: BinaryIO, length: int, offset: int) -> str | None:
    """Why a tar's headers ended at ``offset``, unless it is because the archive did."""
    if offset > length:
        return "it is cut short"
    file.seek(offset)
    block = file.read(tarfile.BLOCKSIZE)
    if not block.strip(b"\0"):
        return None  # the end mark, or the end of the file, which some writers leave it at
    return "its headers are broken" if len(block) == tarfile.BLOCKSIZE else "it is cut short"
