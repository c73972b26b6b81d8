import contextlib
import dataclasses
import os
import struct
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.archives import members
from cvadvisor.inspect.dataset.places import Place, Unreadable, read_bytes


def zipped(file: Path, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> Place:
    """A zip with one member, ``a.jpg``; gives its place, for a dataset that is the zip."""
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("a.jpg", data)
    ((place, problem),) = members(file, "", "")
    assert problem is None
    return place


def reason(root: Path, place: Place, **limit: int) -> str:
    with pytest.raises(Unreadable) as stop:
        read_bytes(root, place, **limit)
    return str(stop.value)


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"pixels" * 9999)
    assert read_bytes(tmp_path, Place("a.jpg")) == b"pixels" * 9999


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@given(data=st.binary(min_size=1, max_size=3000))
def test_a_member_of_a_zip_is_what_was_put_in(
    tmp_path_factory: pytest.TempPathFactory, method: int, data: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.zip"
    assert read_bytes(file, zipped(file, data, method)) == data


def test_a_member_of_an_archive_in_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"pixels")
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        archive.add(tmp_path / "a.jpg", "a.jpg")
    ((place, _),) = members(tmp_path / "shard.tar", "shard.tar", "shard.tar/")
    assert place.path == "shard.tar/a.jpg"
    assert read_bytes(tmp_path, place) == b"pixels"


def test_what_is_no_file_to_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to("nothing")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    (tmp_path / "large.jpg").write_bytes(b"x" * 2_000_000)
    assert reason(tmp_path, Place("empty.jpg")) == "empty file"
    assert reason(tmp_path, Place("folder.jpg")) == "not a regular file"
    assert reason(tmp_path, Place("link.jpg")) == "a link to nothing"
    assert "too many levels" in reason(tmp_path, Place("circle.jpg"))
    assert reason(tmp_path, Place("gone.jpg")) == "vanished"
    assert reason(tmp_path, Place("a\0.jpg")) == "its path cannot be one of a file"
    assert reason(tmp_path, Place("large.jpg"), most=1_999_999) == "too large: 2 MB"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert reason(tmp_path, Place("pipe.jpg")) == "not a regular file"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "a.jpg").chmod(0)
    assert reason(tmp_path, Place("a.jpg")) == "no permission"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file descriptors are counted in /proc")
def test_no_file_stays_open(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        reason(tmp_path, Place("folder.jpg"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    "claims",
    [
        {"start": 10**18},
        {"start": -1},
        {"start": 7},
        {"stored": 400_000_000},
        {"stored": 5},
        {"size": 1},
        {"size": 499_000_000},
        {"method": 0},
    ],
)
def test_false_claims_about_a_zipped_member_are_damage(tmp_path: Path, claims: dict[str, int]) -> None:
    place = zipped(tmp_path / "a.zip", b"pixels" * 9999)
    assert reason(tmp_path / "a.zip", dataclasses.replace(place, **claims)).startswith("damaged")


def test_sizes_beyond_the_limit_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    place = zipped(tmp_path / "a.zip", b"pixels" * 9999)
    for claims in ({"size": 10**18}, {"stored": 10**18}):
        assert reason(tmp_path / "a.zip", dataclasses.replace(place, **claims)).startswith("too large")


def test_a_member_that_unpacks_to_more_than_it_claims_is_damage(tmp_path: Path) -> None:
    data = bytearray((zipped(tmp_path / "a.zip", bytes(50_000_000)), (tmp_path / "a.zip").read_bytes())[1])
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", 1000)
    (tmp_path / "a.zip").write_bytes(data)
    ((place, problem),) = members(tmp_path / "a.zip", "", "")
    assert problem is None
    assert reason(tmp_path / "a.zip", place) == "damaged in its archive"


def test_an_empty_member_is_an_empty_file(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert reason(tmp_path / "a.zip", zipped(tmp_path / "a.zip", b"", method)) == "empty file"


@given(flipped=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_changed_byte_gives_data_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, flipped: int, value: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "changed.zip"
    place = zipped(file, zlib.compress(bytes(range(256)) * 4))
    data = bytearray(file.read_bytes())
    data[flipped % len(data)] = value
    file.write_bytes(data)
    with contextlib.suppress(Unreadable):
        assert len(read_bytes(file, place)) == place.size
