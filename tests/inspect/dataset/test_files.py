import os
from pathlib import Path

import pytest

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.reading import DatasetError
from tests.inspect.dataset.making import listed, make, name_or_skip

PATHS = ["cat/1.png", "dog/1.png"]


def images(root: Path) -> list[str]:
    with listed(root) as files:
        return list(files.images())


def skipped(files: Files) -> list[tuple[str, str]]:
    rows = files.store.rows("SELECT path, problem FROM temp.file WHERE kind = 'skipped' ORDER BY path")
    return [(path.decode(), problem) for path, problem in rows]


def refused(root: Path) -> str:
    with pytest.raises(DatasetError) as caught, listed(root):
        pass
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_images_come_sorted_by_the_bytes_of_their_path(tmp_path):
    assert images(make(tmp_path, ["b/1.png", "a/10.png", "a/2.png", "Z.png"])) == [
        "Z.png",
        "a/10.png",
        "a/2.png",
        "b/1.png",
    ]


def test_images_of_a_folder_come_with_or_without_what_is_below(tmp_path):
    make(tmp_path, ["a/1.png", "a/b/2.png", "a0/3.png", "a-b/4.png"])
    with listed(tmp_path) as files:
        assert list(files.images("a")) == ["a/1.png", "a/b/2.png"]
        assert list(files.images("a", below=False)) == ["a/1.png"]
        assert list(files.images("", below=False)) == []


def test_other_files_are_found_by_suffix_in_any_case(tmp_path):
    make(tmp_path, ["a.csv", "b/c.CSV", "b/d.txt", ".hidden.csv"])
    with listed(tmp_path) as files:
        assert list(files.others(suffixes=(".csv",))) == ["a.csv", "b/c.CSV"]


@pytest.mark.parametrize("name", ["1.jpg", "1.JPG", "1.jpeg", "1.JPEG", "1.bmp", "1.gif", "1.webp", "1.tif", "1.TIFF"])
def test_images_are_found_by_extension_in_any_case(tmp_path, name):
    assert images(make(tmp_path, [name, "1.txt"])) == [name]


@pytest.mark.parametrize(
    "litter",
    [
        ".hidden.png",
        ".cache/1.png",
        "__MACOSX/1.png",
        "Thumbs.db",
        ".DS_Store",
        "@eaDir/1.png",
        ".ipynb_checkpoints/1.png",
    ],
)
def test_what_systems_leave_behind_is_no_image_but_is_counted(tmp_path, litter):
    make(tmp_path, [*PATHS, litter, f"cat/{litter}"])
    with listed(tmp_path) as files:
        assert list(files.images()) == PATHS
        assert files.files == 4
        assert len(skipped(files)) == 2


def test_folders_count_the_images_in_and_below_them(tmp_path):
    make(tmp_path, ["a/1.png", "a/b/2.png", "a/b/3.png", "notes.txt"])
    with listed(tmp_path) as files:
        folder = files.folder("a")
        assert folder is not None
        assert (folder.images, folder.images_below, files.top.images_below) == (1, 3, 3)
        assert files.top.others == {".txt": 1}
        assert files.folder("a/b") is folder.child("b")
        assert files.folder("nowhere/else") is None


def test_a_file_is_found_by_path_and_by_name(tmp_path):
    make(tmp_path, ["a/1.png", "b/1.png", "b/1.txt"])
    with listed(tmp_path) as files:
        assert files.has("b/1.txt")
        assert not files.has("b/2.png")
        assert files.named("1.png") == ["a/1.png", "b/1.png"]
        assert files.named("1.txt", kind="other") == ["b/1.txt"]


def test_a_listed_file_is_read(tmp_path):
    with listed(make(tmp_path, ["a/notes.txt"])) as files:
        assert files.read("a/notes.txt") == b"text"
        with pytest.raises(KeyError):
            files.place("a/../a/notes.txt")


def test_names_that_are_not_utf8_are_listed_as_they_are(tmp_path):
    make(name_or_skip(tmp_path, b"caf\xe9"), ["1.png"])
    assert images(tmp_path) == ["caf\udce9/1.png"]


def test_progress_is_called_with_the_number_of_files(tmp_path):
    (tmp_path / "many").mkdir()
    for number in range(5_001):
        (tmp_path / "many" / f"{number}.txt").touch()
    from cvadvisor.inspect.dataset.store import Store

    seen: list[int] = []
    with Store(None) as store:
        Files(tmp_path, store, seen.append)
    assert seen == [5_000]


def test_a_missing_folder_is_refused(tmp_path):
    assert "nowhere does not exist: give the folder" in refused(tmp_path / "nowhere")


def test_a_file_is_refused(tmp_path):
    file = make(tmp_path, ["notes.txt"]) / "notes.txt"
    assert refused(file) == f"{file} is a file: give the folder that holds the images, or a .zip or .tar of it."


def test_a_compressed_archive_is_refused_with_the_advice_to_unpack_it(tmp_path):
    assert "unpack it" in refused(make(tmp_path, ["data.tar.gz"]) / "data.tar.gz")


def test_a_name_with_a_null_byte_is_refused(tmp_path):
    assert "a\\x00b does not exist" in refused(tmp_path / "a\0b")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may list everything")
def test_a_dataset_that_may_not_be_listed_is_refused(tmp_path):
    folder = make(tmp_path / "data", PATHS)
    folder.chmod(0)
    try:
        assert "may not be listed (no permission)" in refused(folder)
    finally:
        folder.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may list everything")
def test_a_folder_inside_that_may_not_be_listed_is_skipped_and_said(tmp_path):
    folder = make(tmp_path, PATHS) / "cat"
    folder.chmod(0)
    try:
        with listed(tmp_path) as files:
            assert list(files.images()) == ["dog/1.png"]
            assert skipped(files) == [("cat", "a folder that cannot be listed: no permission")]
    finally:
        folder.chmod(0o755)


def test_a_linked_folder_is_followed(tmp_path):
    make(tmp_path / "store", ["1.png"])
    root = make(tmp_path / "data", ["dog/1.png"])
    (root / "cat").symlink_to(tmp_path / "store", target_is_directory=True)
    assert images(root) == ["cat/1.png", "dog/1.png"]


@pytest.mark.parametrize("target", [".", "..", "../..", "/"])
def test_a_link_to_where_the_walk_came_from_is_not_followed(tmp_path, target):
    root = make(tmp_path / "data", PATHS)
    (root / "cat" / "loop").symlink_to(target, target_is_directory=True)
    with listed(root) as files:
        assert list(files.images()) == PATHS
        assert skipped(files) == [("cat/loop", "a link to a folder that leads back or too far")]


def test_links_between_folders_end(tmp_path):
    root = make(tmp_path, PATHS)
    (root / "cat" / "to_dog").symlink_to("../dog", target_is_directory=True)
    (root / "dog" / "to_cat").symlink_to("../cat", target_is_directory=True)
    assert len(images(root)) == 4


def test_many_folders_that_link_to_each_other_end(tmp_path):
    names = [f"class{number}" for number in range(8)]
    root = make(tmp_path, [f"{name}/1.png" for name in names])
    for name in names:
        for other in set(names) - {name}:
            (root / name / other).symlink_to(f"../{other}", target_is_directory=True)
    assert len(images(root)) < 1000


def test_a_link_to_itself_is_an_image_that_is_gone(tmp_path):
    root = make(tmp_path, PATHS)
    (root / "cat" / "2.png").symlink_to("2.png")
    assert images(root) == ["cat/1.png", "cat/2.png", "dog/1.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_no_image_and_is_said(tmp_path):
    root = make(tmp_path, PATHS)
    os.mkfifo(root / "cat" / "2.png")
    with listed(root) as files:
        assert list(files.images()) == PATHS
        assert skipped(files) == [("cat/2.png", "not a regular file")]


def test_folders_nested_without_end_are_refused(tmp_path):
    assert "more than 64 folders deep" in refused(make(tmp_path, ["/".join(["d"] * 70) + "/1.png"]))
