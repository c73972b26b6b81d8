import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from cvadvisor.inspect.dataset.archives import members
from cvadvisor.inspect.dataset.places import Place
from cvadvisor.probe.images import decode, load
from cvadvisor.probe.session import Sample


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
    expected, *_ = load(file.parent, [Sample(Place("a.png"), 1)], 16, lambda done, total: None)
    for name in ("a.zip", "a.tar"):
        ((place, _),) = members(tmp_path / name, "", "")
        pixels, labels, paths = load(tmp_path / name, [Sample(place, 1)], 16, lambda done, total: None)
        assert (pixels == expected).all()
        assert (labels.tolist(), paths) == ([1], ["a.png"])
