from pathlib import Path

import numpy as np
from PIL import Image

from cvadvisor.probe.images import decode


def test_a_wide_photo_is_cropped_in_the_middle(tmp_path: Path) -> None:
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 100:200] = 255
    for name in ("a.png", "a.jpg"):
        Image.fromarray(pixels).save(tmp_path / name)
        decoded = decode(tmp_path / name, 50)
        assert decoded is not None
        assert decoded.shape == (50, 50, 3)
        assert decoded.mean() > 240


def test_a_photo_lying_on_its_side_is_turned(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 32))
    image.paste("white", (0, 0, 32, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees, so that left becomes top
    image.save(tmp_path / "a.jpg", exif=exif)
    decoded = decode(tmp_path / "a.jpg", 32)
    assert decoded is not None
    assert decoded[:12].mean() > 200
    assert decoded[-12:].mean() < 50


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    decoded = decode(tmp_path / "a.png", 8)
    assert decoded is not None
    assert decoded.min() == 255


def test_a_file_that_is_no_image_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("<html>")
    assert decode(tmp_path / "a.jpg", 8) is None
