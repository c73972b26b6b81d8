import os
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL import ImageFile as PillowFile

from cvadvisor.inspect.dataset import scan as scanning
from cvadvisor.inspect.dataset.layouts import ImageFile, find_layout
from cvadvisor.inspect.dataset.scan import scan, scan_image
from tests.inspect.dataset.disk import encoded, make, picture, scanned


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("extension", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_every_format_is_read(tmp_path, extension):
    image = scanned(tmp_path, encoded(picture(size=(30, 20)), extension))
    assert (image.error, image.width, image.height) == (None, 30, 20)


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("extension", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_a_truncated_file_is_found(tmp_path, extension, share):
    data = encoded(picture(size=(90, 80)), extension)
    assert scanned(tmp_path, data[: int(len(data) * share)]).error == "truncated"


def test_a_truncated_file_is_found_where_pillow_was_told_to_tolerate_it(tmp_path, monkeypatch):
    monkeypatch.setattr(PillowFile, "LOAD_TRUNCATED_IMAGES", True)
    root = make(tmp_path, ["a/1.png", "b/1.png"])
    data = encoded(picture(size=(90, 80)), "JPEG")
    (root / "a/2.jpg").write_bytes(data[: len(data) // 2])
    assert [image.error for image in scan(find_layout(root))] == [None, "truncated", None]
    assert PillowFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"hello", "not an image"),
        (b"<!DOCTYPE html><html>404</html>", "not an image: a web page or SVG"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "not an image: a Git LFS pointer"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "not an image Pillow can read: HEIC"),
        (b"\x89PNG\r\n", "damaged header"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    ],
)
def test_a_file_that_is_no_image_says_what_it_is(tmp_path, data, reason):
    assert scanned(tmp_path, data).error == reason


def test_a_damaged_file_has_a_short_reason_in_one_line(tmp_path):
    data = bytearray(encoded(picture(size=(90, 80)), "PNG"))
    data[60:90] = bytes(30)
    error = scanned(tmp_path, bytes(data)).error
    assert error is not None
    assert len(error) < 100
    assert "\n" not in error


def test_a_png_named_jpg_is_readable(tmp_path):
    assert scanned(tmp_path, encoded(picture()), "image.jpg").error is None


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [picture(str(number)) for number in range(3)]
    image = scanned(tmp_path, encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert (image.error, image.width) == (None, 12)


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path):
    data = encoded(picture().quantize(16), "PNG", transparency=bytes(range(16)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scanned(tmp_path, data).error is None


def test_a_cmyk_jpeg_is_read(tmp_path):
    assert scanned(tmp_path, encoded(picture().convert("CMYK"), "JPEG")).error is None


def test_sixteen_bits_are_scaled_and_not_clipped_to_white(tmp_path):
    ramp = Image.fromarray((np.arange(64 * 64).reshape(64, 64) * 16).astype(np.uint16))
    image = scanned(tmp_path, encoded(ramp))
    assert (image.error, image.grayscale, image.blank) == (None, True, False)


def test_a_shape_drawn_in_transparency_is_not_blank(tmp_path):
    drawing = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (10, 10, 40, 40))
    assert not scanned(tmp_path, encoded(drawing)).blank


def test_a_single_pixel_is_readable_and_blank(tmp_path):
    image = scanned(tmp_path, encoded(picture(size=(1, 1))))
    assert (image.error, image.width, image.height, image.blank) == (None, 1, 1, True)


def test_a_header_that_claims_a_huge_image_is_refused_before_it_is_decoded(tmp_path):
    assert scanned(tmp_path, png_header(60000, 60000)).error == "too large: 60000x60000 pixels"


def test_a_header_just_over_the_limit_is_refused(tmp_path):
    assert scanned(tmp_path, png_header(13400, 13400)).error == "too large: 13400x13400 pixels"


def test_a_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "image.jpg").open("wb") as file:
        file.truncate(600_000_000)
    assert scan_image(tmp_path, ImageFile("image.jpg", "train", "a")).error == "too large: 600 MB"


def test_a_file_that_vanished_says_so(tmp_path):
    assert scan_image(tmp_path, ImageFile("gone.png", "train", "a")).error == "vanished"


def test_a_dangling_link_says_so(tmp_path):
    (tmp_path / "1.png").symlink_to("nowhere.png")
    assert scan_image(tmp_path, ImageFile("1.png", "train", "a")).error == "a link to nothing"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    assert scan_image(tmp_path, ImageFile("1.png", "train", "a")).error == "not a regular file"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    (tmp_path / "1.png").write_bytes(encoded(picture()))
    (tmp_path / "1.png").chmod(0)
    assert scan_image(tmp_path, ImageFile("1.png", "train", "a")).error == "no permission"


def test_exif_rotation_turns_width_and_height(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = scanned(tmp_path, encoded(picture(size=(30, 20)), "JPEG", exif=exif))
    assert (image.width, image.height) == (20, 30)


def test_pixels_are_equal_however_exif_turns_them(tmp_path):
    upright = picture(size=(30, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    assert scanned(tmp_path, turned, "a.png").pixel_hash == scanned(tmp_path, encoded(upright), "b.png").pixel_hash


def test_damaged_exif_does_not_make_an_image_unreadable(tmp_path):
    root = make(tmp_path, ["a/1.png", "b/1.png"])
    (root / "a/1.png").write_bytes(encoded(picture(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    assert scan(find_layout(root))[0].error is None


def test_a_copy_in_another_lossless_format_has_the_same_pixels(tmp_path):
    first = scanned(tmp_path, encoded(picture(), "PNG"), "a.png")
    second = scanned(tmp_path, encoded(picture(), "BMP"), "b.bmp")
    assert first.pixel_hash == second.pixel_hash
    assert first.content_hash != second.content_hash


def test_the_same_values_in_another_shape_are_other_pixels(tmp_path):
    values = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    wide, tall = (encoded(Image.fromarray(values.reshape(shape))) for shape in ((20, 30, 3), (30, 20, 3)))
    assert scanned(tmp_path, wide, "a.png").pixel_hash != scanned(tmp_path, tall, "b.png").pixel_hash


def test_one_other_pixel_is_another_image(tmp_path):
    image = picture(size=(300, 200))
    other = image.copy()
    other.putpixel((299, 199), (1, 2, 3))
    assert (
        scanned(tmp_path, encoded(image), "a.png").pixel_hash != scanned(tmp_path, encoded(other), "b.png").pixel_hash
    )


def test_a_gray_jpeg_in_colour_is_grayscale_and_a_coloured_one_is_not(tmp_path):
    gray = picture(size=(60, 60)).convert("L").convert("RGB")
    assert scanned(tmp_path, encoded(gray, "JPEG")).grayscale
    assert not scanned(tmp_path, encoded(picture(size=(60, 60)), "JPEG")).grayscale


def test_one_colour_is_blank_and_has_no_detail(tmp_path):
    image = scanned(tmp_path, encoded(Image.new("RGB", (50, 40), (200, 30, 30)), "JPEG"))
    assert (image.blank, image.fine_detail) == (True, 0.0)


def test_a_thin_line_on_white_is_not_blank(tmp_path):
    page = Image.new("L", (128, 128), 255)
    page.paste(0, (60, 0, 61, 128))
    assert not scanned(tmp_path, encoded(page)).blank


def test_stripes_of_one_pixel_lose_all_detail_and_a_ramp_almost_none(tmp_path):
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (128, 64)))
    ramp = Image.fromarray(np.tile(np.arange(128, dtype=np.uint8) * 2, (128, 1)))
    assert scanned(tmp_path, encoded(stripes)).fine_detail == pytest.approx(1.0)
    assert scanned(tmp_path, encoded(ramp)).fine_detail < 0.001


def test_noise_loses_three_quarters_of_its_variance(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8))
    assert scanned(tmp_path, encoded(noise)).fine_detail == pytest.approx(0.75, abs=0.02)


def test_results_keep_the_layouts_order_and_progress_ends_at_all(tmp_path):
    root = make(tmp_path, [f"{label}/{number}.png" for label in "ab" for number in range(60)])
    layout = find_layout(root)
    seen: list[tuple[int, int]] = []
    result = scan(layout, lambda done, total: seen.append((done, total)))
    assert [image.file for image in result] == list(layout.images)
    assert seen[-1] == (120, 120)
    assert seen == sorted(seen)


def test_an_interrupt_stops_the_scan_before_most_images(tmp_path, monkeypatch):
    root = make(tmp_path, [f"{label}/{number}.png" for label in "ab" for number in range(400)])
    scanned_files = []
    monkeypatch.setattr(scanning, "scan_image", lambda root, file: scanned_files.append(file))

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(find_layout(root), interrupt)
    assert len(scanned_files) <= 16 * (4 + 2) * scanning._cores()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scan")]
