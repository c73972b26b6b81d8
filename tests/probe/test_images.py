import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cvadvisor.inspect.dataset.archives import members
from cvadvisor.inspect.dataset.places import Place
from cvadvisor.probe import images
from cvadvisor.probe.images import Images, decode
from cvadvisor.probe.session import Sample

DARK = np.zeros((4, 4, 3), np.uint8)


def ignore(done: int, total: int) -> None: ...


def test_a_wide_photo_is_cropped_in_the_middle(tmp_path: Path) -> None:
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 100:200] = 255
    for name in ("a.png", "a.jpg"):
        Image.fromarray(pixels).save(tmp_path / name)
        decoded = decode(tmp_path, Place(name), 50)
        assert decoded is not None
        assert decoded.shape == (50, 50, 3)
        assert decoded.mean() > 240


def test_a_photo_lying_on_its_side_is_turned(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 32))
    image.paste("white", (0, 0, 32, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees, so that left becomes top
    image.save(tmp_path / "a.jpg", exif=exif)
    decoded = decode(tmp_path, Place("a.jpg"), 32)
    assert decoded is not None
    assert decoded[:12].mean() > 200
    assert decoded[-12:].mean() < 50


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    decoded = decode(tmp_path, Place("a.png"), 8)
    assert decoded is not None
    assert decoded.min() == 255


def test_a_file_that_is_no_image_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("<html>")
    assert decode(tmp_path, Place("a.jpg"), 8) is None


def test_a_file_that_is_gone_is_none(tmp_path: Path) -> None:
    assert decode(tmp_path, Place("a.jpg"), 8) is None


def test_images_in_archives_are_the_same_as_in_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "a.png"
    file.parent.mkdir()
    Image.effect_noise((40, 30), 50).save(file)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(file, "a.png")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(file, "a.png")
    expected, *_ = Images(file.parent).load([Sample(Place("a.png"), 1)], 16, ignore)
    for name in ("a.zip", "a.tar"):
        ((place, _),) = members(tmp_path / name, "", "")
        pixels, labels, paths = Images(tmp_path / name).load([Sample(place, 1)], 16, ignore)
        assert (pixels == expected).all()
        assert (labels.tolist(), paths) == ([1], ["a.png"])


def test_each_image_is_decoded_once_at_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    monkeypatch.setattr(images, "decode", lambda root, place, size: decoded.append((place.path, size)) or DARK)
    monkeypatch.setattr(
        images, "decode_whole", lambda root, place, side: decoded.append(("whole", side)) or (DARK, 2.0)
    )
    kept = Images(tmp_path)
    first, second = [Sample(Place("a"), 0), Sample(Place("b"), 1)], [Sample(Place("b"), 1), Sample(Place("c"), 2)]
    kept.load(first, 4, ignore)
    assert kept.load(second, 4, ignore)[1].tolist() == [1, 2]
    assert sorted(decoded) == [("a", 4), ("b", 4), ("c", 4)]
    assert kept.load_whole(first[:1], 4, ignore).aspects.tolist() == [2.0]
    assert decoded[-1] == ("whole", 4)


def test_images_beyond_the_memory_for_them_replace_those_of_another_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    monkeypatch.setattr(images, "decode", lambda root, place, size: decoded.append(place.path) or DARK)
    whole = DARK, 2.0
    monkeypatch.setattr(images, "decode_whole", lambda root, place, side: decoded.append(place.path.upper()) or whole)
    kept = Images(tmp_path, most_bytes=2 * DARK.nbytes)
    samples = [Sample(Place(name), 0) for name in "abc"]
    for load in (kept.load, kept.load, kept.load_whole, kept.load_whole, kept.load):
        load(samples, 4, ignore)
        assert kept.bytes <= 2 * DARK.nbytes
    rounds = [sum(name.isupper() for name in decoded), sum(name.islower() for name in decoded)]
    assert rounds == [3 + 1, 3 + 1 + 3]  # one of three finds no place, however often all are gone through


def test_a_file_that_cannot_be_read_is_left_out_each_time(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")
    kept = Images(tmp_path)
    for _ in range(2):
        pixels, labels, paths = kept.load([Sample(Place("a.png"), 0), Sample(Place("b.png"), 1)], 4, ignore)
        assert (len(pixels), labels.tolist(), paths) == (1, [1], ["b.png"])
