import contextlib
import io
import os
import stat
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.archives import REST, members
from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.reading import DatasetError
from cvadvisor.inspect.dataset.places import Place, read_bytes
from cvadvisor.inspect.dataset.store import Store


def make_tar(file: Path, names: list[Any], **options: Any) -> Path:
    """A tar of members: each a name, or a ``TarInfo`` of its own; the content of each is its name."""
    with tarfile.open(file, "w", encoding="utf-8", errors="surrogateescape", **options) as archive:
        for name in names:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = member.name.encode("utf-8", "surrogateescape")
            if member.isreg():
                member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file


def make_zip(file: Path, names: list[Any]) -> Path:
    """A zip of members: each a name, or a ``ZipInfo`` of its own; the content of each is its name."""
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, name if isinstance(name, str) else name.filename)
    return file


def make(file: Path, names: list[Any]) -> Path:
    return make_zip(file, names) if file.suffix == ".zip" else make_tar(file, names)


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def listed(file: Path) -> dict[str, str | None]:
    """The members' paths, and why each is skipped."""
    return {place.path: problem for place, problem in members(file, "", "")}


def bytes_of(file: Path) -> dict[str, bytes]:
    return {place.path: read_bytes(file, place) for place, problem in members(file, "", "") if not problem}


def refusal(file: Path) -> str:
    with pytest.raises(DatasetError) as stop:
        list(members(file, "", ""))
    assert "\n" not in str(stop.value)
    return str(stop.value)


BOTH = pytest.mark.parametrize("name", ["a.zip", "a.tar"])


@BOTH
def test_members_are_listed_and_read(tmp_path: Path, name: str) -> None:
    names = ["train/cat/1.jpg", "train/cat/2.jpg", "labels.csv"]
    assert bytes_of(make(tmp_path / name, names)) == {path: path.encode() for path in names}


@BOTH
def test_paths_are_relative_and_below_the_prefix(tmp_path: Path, name: str) -> None:
    make(tmp_path / name, ["./a//b.jpg"])
    assert [(place.path, place.container) for place, _ in members(tmp_path / name, name, f"{name}/")] == [
        (f"{name}/a/b.jpg", name)
    ]


@BOTH
@pytest.mark.parametrize("outside", ["../a.jpg", "b/../../a.jpg", "/etc/a.jpg", "C:\\a.jpg", "C:/a.jpg", "..\\a.jpg"])
def test_a_member_that_points_outside_is_shown_harmlessly_and_skipped(tmp_path: Path, name: str, outside: str) -> None:
    ((path, problem),) = listed(make(tmp_path / name, [outside])).items()
    assert problem == "its path leads outside"
    assert ".." not in path
    assert not path.startswith("/")
    assert path.endswith("a.jpg")


@BOTH
def test_a_path_too_deep_or_too_long_is_skipped(tmp_path: Path, name: str) -> None:
    found = listed(make(tmp_path / name, ["d/" * 500 + "a.jpg", "n" * 9000 + ".jpg"]))
    assert list(found.values()) == ["more than 64 folders deep", "a name of more than 4,096 characters"]
    assert all(len(path) < 100 for path in found)


def test_links_devices_and_pipes_are_skipped(tmp_path: Path) -> None:
    kinds = {
        "soft.jpg": special("soft.jpg", tarfile.SYMTYPE, "/etc/passwd"),
        "hard.jpg": special("hard.jpg", tarfile.LNKTYPE, "a.jpg"),
        "device.jpg": special("device.jpg", tarfile.CHRTYPE),
        "pipe.jpg": special("pipe.jpg", tarfile.FIFOTYPE),
        "folder": special("folder", tarfile.DIRTYPE),
    }
    assert listed(make_tar(tmp_path / "a.tar", ["a.jpg", *kinds.values()])) == {
        "a.jpg": None,
        "soft.jpg": "a link in an archive",
        "hard.jpg": "a link in an archive",
        "device.jpg": "not a regular file",
        "pipe.jpg": "not a regular file",
    }


def test_a_link_in_a_zip_is_skipped_and_folders_are_left_out(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.jpg")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    assert listed(make_zip(tmp_path / "a.zip", ["a.jpg", "folder/", link])) == {
        "a.jpg": None,
        "link.jpg": "a link in an archive",
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_cannot_be_read_is_named(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a.jpg", b"x" * 100)
    problem = listed(tmp_path / "a.zip")["a.jpg"]
    assert problem in ("compressed by bzip2, which is not supported", "compressed by lzma, which is not supported")


def test_an_encrypted_member_is_skipped(tmp_path: Path) -> None:
    data = bytearray(make_zip(tmp_path / "a.zip", ["a.jpg"]).read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    assert listed(tmp_path / "a.zip") == {"a.jpg": "encrypted"}


@pytest.mark.parametrize(("field", "value"), [(20, 10**9), (24, 10**9), (42, 10**9), (24, 7)])
def test_impossible_numbers_in_a_zip_are_a_problem_of_their_member(tmp_path: Path, field: int, value: int) -> None:
    data = bytearray(make_zip(tmp_path / "a.zip", ["a.jpg", "bcd.jpg"]).read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + field : at + field + 4] = struct.pack("<L", value)
    (tmp_path / "a.zip").write_bytes(data)
    found = list(members(tmp_path / "a.zip", "", ""))
    assert found[0][1] is None
    assert found[1][0].size <= 7
    assert found[1][1] is not None or value == 7


def test_a_zip_with_something_before_it_is_read(tmp_path: Path) -> None:
    make_zip(tmp_path / "a.zip", ["a.jpg"])
    (tmp_path / "a.zip").write_bytes(b"#!/bin/sh\nexit\n" + (tmp_path / "a.zip").read_bytes())
    assert bytes_of(tmp_path / "a.zip") == {"a.jpg": b"a.jpg"}


def test_a_zip64_archive_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 20)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    names = [f"{number}/an image with a name.jpg" for number in range(5)]
    data = make_zip(tmp_path / "a.zip", names).read_bytes()
    assert b"PK\x06\x06" in data
    assert bytes_of(tmp_path / "a.zip") == {name: name.encode() for name in names}


def test_a_comment_that_looks_like_an_end_does_no_harm(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", b"a.jpg")
        archive.comment = b"a comment at the end"
    assert bytes_of(tmp_path / "a.zip") == {"a.jpg": b"a.jpg"}


@pytest.mark.parametrize(
    ("raw", "utf8", "expected"),
    [
        (b"caf\xc3\xa9.jpg", True, "café.jpg"),
        (b"caf\xc3\xa9.jpg", False, "café.jpg"),
        (b"caf\x82.jpg", False, "café.jpg"),
        (b"caf\xff.jpg", True, "caf\udcff.jpg"),
        (b"cats\\1.jpg", False, "cats/1.jpg"),
    ],
)
def test_names_in_a_zip_are_decoded_as_their_writer_meant(
    tmp_path: Path, raw: bytes, utf8: bool, expected: str
) -> None:
    data = bytearray(make_zip(tmp_path / "a.zip", ["n" * len(raw)]).read_bytes().replace(b"n" * len(raw), raw))
    data[data.rfind(b"PK\x01\x02") + 9] = 8 if utf8 else 0
    (tmp_path / "a.zip").write_bytes(data)
    assert listed(tmp_path / "a.zip") == {expected: None}


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_in_a_tar_need_not_be_text(tmp_path: Path, layout: int) -> None:
    names = ["caf\udcff.jpg", "x" * 70 + "/" + "café" * 10 + ".jpg"]
    make_tar(tmp_path / "a.tar", names, format=layout)
    assert bytes_of(tmp_path / "a.tar") == {name: name.encode("utf-8", "surrogateescape") for name in names}


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x1f\x8b\x08" + bytes(600), b"PK\x03\x04" * 99])
def test_what_is_no_archive_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert f"{name} cannot be read as an archive (" in refusal(tmp_path / name)


def test_a_compressed_tar_says_so(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.jpg"))
    assert "it is compressed" in refusal(tmp_path / "a.tar")


def test_a_zip_cut_short_is_refused(tmp_path: Path) -> None:
    file = make_zip(tmp_path / "a.zip", [f"{n}.jpg" for n in range(50)])
    file.write_bytes(file.read_bytes()[:-30])
    assert "cut short" in refusal(file)


@pytest.mark.parametrize("kept", [512 * 7, 512 * 7 + 3, 512 * 6 + 1, 512 * 6 + 100])
def test_a_tar_cut_short_lists_what_is_there_and_says_so(tmp_path: Path, kept: int) -> None:
    file = make_tar(tmp_path / "a.tar", [f"{n}.jpg" for n in range(5)])  # a header and a block of data each
    file.write_bytes(file.read_bytes()[:kept])
    found = listed(file)
    assert found["0.jpg"] is found["1.jpg"] is found["2.jpg"] is None
    assert "the archive is damaged" in str(found[REST])
    assert found.get("3.jpg", "cut short").startswith("cut short")


def test_broken_headers_inside_a_tar_are_not_taken_for_its_end(tmp_path: Path) -> None:
    file = make_tar(tmp_path / "a.tar", [f"{n}.jpg" for n in range(5)])
    data = bytearray(file.read_bytes())
    data[4 * 512 : 5 * 512] = b"garbage!" * 64
    file.write_bytes(data)
    found = listed(file)
    assert list(found) == ["0.jpg", "1.jpg", REST]
    assert "its headers are broken after 2 members" in str(found[REST])


def test_a_header_of_absurd_length_costs_no_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("./PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 8_000_000_000
    with (tmp_path / "a.tar").open("wb") as file:
        make_tar(tmp_path / "b.tar", ["a.jpg"])
        file.write((tmp_path / "b.tar").read_bytes()[:1024] + header.tobuf(tarfile.GNU_FORMAT))
        file.truncate(10_000_000_000)  # sparse: it takes no room
    found = listed(tmp_path / "a.tar")
    assert "absurd" in str(found[REST])


def test_a_negative_size_does_not_lead_in_a_circle(tmp_path: Path) -> None:
    back = tarfile.TarInfo("back.jpg")
    back.size = -1024
    data = make_tar(tmp_path / "a.tar", ["a.jpg"]).read_bytes()[:1024] + back.tobuf(tarfile.GNU_FORMAT) + bytes(1024)
    (tmp_path / "a.tar").write_bytes(data)
    assert "lead back" in str(listed(tmp_path / "a.tar")[REST])


@BOTH
@given(cut=st.integers(0, 6000), value=st.integers(0, 255), length=st.integers(1, 600))
def test_any_damage_is_listed_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, cut: int, value: int, length: int
) -> None:
    file = make(tmp_path_factory.getbasetemp() / name, [f"{n}/{n}.jpg" for n in range(4)])
    data = bytearray(file.read_bytes())
    cut %= len(data)
    data[cut : cut + length] = bytes([value]) * len(data[cut : cut + length])
    file.write_bytes(data)
    with contextlib.suppress(DatasetError):
        for place, _ in members(file, "", ""):
            assert 0 <= place.start + place.stored <= len(data)
            assert 0 <= place.size < 2**40


# --- in the listing of a dataset ---


def kinds(files: Files) -> dict[bytes, tuple[str, str | None]]:
    return {path: (kind, why) for path, kind, why in files.store.rows("SELECT path, kind, problem FROM temp.file")}


@BOTH
def test_an_archive_is_a_dataset(tmp_path: Path, name: str) -> None:
    make(tmp_path / name, ["train/cat/1.jpg", "train/dog/2.jpg", "labels.csv", "__MACOSX/._1.jpg"])
    with Store(None) as store:
        files = Files(tmp_path / name, store)
        assert list(files.images()) == ["train/cat/1.jpg", "train/dog/2.jpg"]
        assert list(files.others()) == ["labels.csv"]
        assert files.read("labels.csv") == b"labels.csv"
        assert [folder.path for folder in files.top.below()] == ["", "train", "train/cat", "train/dog"]
        assert files.top.images_below == 2
        assert files.files == 4


def test_archives_in_a_folder_are_listed_below_their_names_with_what_lies_beside_them(tmp_path: Path) -> None:
    make_tar(tmp_path / "a.tar", ["1.jpg"])
    make_zip(tmp_path / "b.zip", ["2.jpg"])
    (tmp_path / "classes.txt").write_text("cat")
    with Store(None) as store:
        files = Files(tmp_path, store)
        assert list(files.images()) == ["a.tar/1.jpg", "b.zip/2.jpg"]
        assert files.place("a.tar/1.jpg") == Place("a.tar/1.jpg", "a.tar", 512, 5, None, 5)
        assert read_bytes(tmp_path, files.place("b.zip/2.jpg")) == b"2.jpg"
        assert files.top.others == {".tar": 1, ".zip": 1, ".txt": 1}
        assert [folder.path for folder in files.top.folders] == ["a.tar", "b.zip"]


def test_one_damaged_archive_of_several_is_a_skipped_file(tmp_path: Path) -> None:
    make_tar(tmp_path / "a.tar", ["1.jpg"])
    (tmp_path / "b.tar").write_bytes(b"<html>")
    with Store(None) as store:
        files = Files(tmp_path, store)
        assert list(files.images()) == ["a.tar/1.jpg"]
        kind, problem = kinds(files)[b"b.tar"]
    assert kind == "skipped"
    assert str(problem).startswith("an archive that cannot be read: it is no tar")


def test_where_no_archive_can_be_read_the_first_says_why(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        (tmp_path / name).write_bytes(b"<html>")
    with Store(None) as store, pytest.raises(DatasetError, match=r"a\.tar cannot be read as an archive"):
        Files(tmp_path, store)


def test_of_members_with_one_name_the_last_counts_and_none_is_lost(tmp_path: Path) -> None:
    make_tar(tmp_path / "a.tar", ["c/1.jpg", "c/1.jpg (member 1)", "c/1.jpg", "c/2.jpg"])
    with Store(None) as store:
        files = Files(tmp_path / "a.tar", store)
        assert list(files.images()) == ["c/1.jpg", "c/2.jpg"]
        assert files.place("c/1.jpg").start == 512 * 5
        assert files.files == 4
        assert files.top.images_below == 2
        assert [why for _, why in kinds(files).values() if why] == ["a later member of the archive has the same name"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_named_like_an_archive_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.tar")
    assert "not a regular file" in refusal(tmp_path / "a.tar")
