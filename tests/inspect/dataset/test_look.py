import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from cvadvisor.inspect.dataset import jpeg, measure
from cvadvisor.inspect.dataset.look import LARGE_PIXELS, Look, look, pixels_claimed
from tests.inspect.dataset.disk import encoded, looked, picture, scanned

FORMATS = ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"]


def seen(image: Image.Image, extension: str = "PNG", **options: object) -> Look:
    found = look(encoded(image, extension, **options), f"image.{extension.lower()}")
    assert found is not None
    assert found.error is None
    return found


def photo(size: tuple[int, int] = (400, 300), seed: int = 0) -> Image.Image:
    """Something with the spectrum of a photo: as much contrast in each octave."""
    rng = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0], 3))
    for octave in range(2, 10):
        small = rng.integers(0, 256, (2**octave * size[1] // size[0] + 1, 2**octave, 3), dtype=np.uint8)
        total += np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC), np.float64)
    total = (total - total.min()) / (total.max() - total.min()) * 255
    return Image.fromarray(total.astype(np.uint8))


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("extension", FORMATS)
def test_every_format_is_read(extension):
    found = seen(picture(size=(30, 20)), extension)
    assert (found.format, found.width, found.height, found.warning) == (extension, 30, 20, None)


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("extension", FORMATS)
def test_a_truncated_file_is_found(tmp_path, extension, share):
    data = encoded(picture(size=(90, 80)), extension)
    found = scanned(tmp_path, data[: int(len(data) * share)])
    assert found.error == "truncated"
    assert found.content_hash is not None


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_progressive_jpeg_is_found(tmp_path, share):
    data = encoded(photo(), "JPEG", progressive=True)
    assert scanned(tmp_path, data[: int(len(data) * share)]).error == "truncated"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"hello", "not an image"),
        (b"<!DOCTYPE html><html>404</html>", "not an image: a web page or SVG"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "not an image: a Git LFS pointer"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "not an image Pillow can read: HEIC"),
        (b"\x89PNG\r\n", "damaged header"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "truncated"),
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


def test_flipped_bits_in_a_png_are_an_error(tmp_path):
    data = bytearray(encoded(photo(), "PNG"))
    data[len(data) // 2] ^= 0x10
    assert scanned(tmp_path, bytes(data)).error is not None


def test_a_jpeg_with_a_hole_in_its_data_is_a_warning(tmp_path):
    data = bytearray(encoded(photo(), "JPEG", restart_marker_blocks=10))
    at = len(data) // 2
    data[at : at + 200] = b"\xff\xd3" * 100
    found = scanned(tmp_path, bytes(data))
    assert (found.error, found.width) == (None, 400)
    assert found.warning is not None


def test_a_missing_end_marker_alone_is_no_complaint(tmp_path):
    data = encoded(photo(), "JPEG", restart_marker_blocks=1)
    found = scanned(tmp_path, data + b"left over")
    assert (found.error, found.warning) == (None, None)


def test_a_jpeg_that_is_only_a_header_is_an_error(tmp_path):
    data = encoded(photo(), "JPEG")
    assert scanned(tmp_path, data[: data.index(b"\xff\xda")]).error is not None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_to_a_file_raises(data):
    extension = data.draw(st.sampled_from(FORMATS))
    damaged = bytearray(encoded(picture(size=(24, 18)), extension))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = look(bytes(damaged), "image.png")
    assert found is None or found.error is not None or found.width > 0


@given(st.binary(max_size=300))
def test_no_header_makes_the_walk_over_its_markers_raise(data):
    header = jpeg.read_header(b"\xff\xd8\xff" + data)
    assert header.quality is None or 1 <= header.quality <= 100


def test_a_png_named_jpg_is_read_and_its_name_is_noted(tmp_path):
    found = scanned(tmp_path, encoded(picture()), "image.jpg")
    assert (found.error, found.format, found.misnamed) == (None, "PNG", True)


@pytest.mark.parametrize("name", ["image.JPG", "image.jpeg", "image", "image.backup"])
def test_a_name_that_says_the_format_or_none_is_no_lie(tmp_path, name):
    assert not scanned(tmp_path, encoded(picture(), "JPEG"), name).misnamed


@pytest.mark.parametrize("extension", ["GIF", "WEBP"])
def test_the_first_frame_of_an_animation_is_read_and_frames_are_counted(extension):
    frames = [picture(str(number), (40, 30)) for number in range(3)]
    found = seen(frames[0], extension, save_all=True, append_images=frames[1:])
    assert (found.width, found.frames) == (40, 3)


def test_a_palette_with_transparency_is_transparent():
    found = seen(picture().quantize(16), transparency=bytes(range(16)))
    assert (found.mode, found.transparent) == ("P", True)


def test_an_alpha_channel_that_is_opaque_everywhere_is_not_transparent():
    assert not seen(picture().convert("RGBA")).transparent


def test_a_cmyk_jpeg_is_read(tmp_path):
    found = scanned(tmp_path, encoded(picture().convert("CMYK"), "JPEG"))
    assert (found.error, found.mode, found.format) == (None, "CMYK", "JPEG")


@pytest.mark.parametrize("extension", ["PNG", "TIFF"])
def test_sixteen_bits_are_noted_and_not_clipped_to_white(extension):
    ramp = Image.fromarray((np.arange(64 * 64).reshape(64, 64) * 16).astype(np.uint16))
    found = seen(ramp, extension)
    assert (found.bits, found.grayscale, found.blank) == (16, True, False)
    assert found.middle_level == pytest.approx(0.5, abs=0.02)


def test_a_single_pixel_is_readable_and_blank():
    found = seen(picture(size=(1, 1)))
    assert (found.width, found.height, found.blank) == (1, 1, True)


@pytest.mark.parametrize("extension", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(30_000, 40), (40, 30_000), (3_000, 3)])
def test_a_very_long_image_is_read(extension, size):
    found = seen(Image.effect_noise(size, 80).convert("RGB"), extension)
    assert (found.width, found.height) == size


def test_a_header_that_claims_a_huge_image_is_refused_before_it_is_decoded(tmp_path):
    assert scanned(tmp_path, png_header(50_000, 50_000)).error == "too large: 50000x50000 pixels"


def test_a_header_just_over_the_limit_is_refused(tmp_path):
    assert scanned(tmp_path, png_header(13_400, 13_400)).error == "too large: 13400x13400 pixels"


def test_a_jpeg_header_that_claims_a_huge_image_is_refused(tmp_path):
    data = bytearray(encoded(photo(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 60_000, 60_000)
    assert scanned(tmp_path, bytes(data)).error == "too large: 60000x60000 pixels"


def test_a_large_image_waits_until_it_is_alone():
    side = int(LARGE_PIXELS**0.5) + 10
    data = encoded(Image.new("1", (side, side), 1))
    assert look(data, "image.png") is None
    found = look(data, "image.png", large=True)
    assert found is not None
    assert (found.error, found.width) == (None, side)


def test_the_size_that_a_header_claims_is_found_in_any_format():
    for extension in FORMATS:
        assert pixels_claimed(encoded(picture(size=(30, 20)), extension)) == 600
    assert pixels_claimed(b"hello") == 0


def test_a_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "image.jpg").open("wb") as file:
        file.truncate(600_000_000)
    assert looked(tmp_path, "image.jpg").error == "too large: 600 MB"


def test_a_file_that_vanished_says_so(tmp_path):
    assert looked(tmp_path, "gone.png").error == "vanished"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    assert looked(tmp_path, "1.png").error == "not a regular file"


@pytest.mark.parametrize("extension", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_turns_width_and_height(extension):
    exif = Image.Exif()
    exif[0x0112] = 6
    found = seen(picture(size=(30, 20)), extension, exif=exif)
    assert (found.width, found.height, found.orientation) == (20, 30, 6)


def test_camera_and_time_come_from_exif():
    exif = Image.Exif()
    exif[0x0110] = "Box\n1"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    found = seen(picture(), "JPEG", exif=exif)
    assert (found.camera, found.taken) == ("Box\\n1", "2024:05:06 07:08:09")


def test_a_date_that_is_none_is_left_out():
    exif = Image.Exif()
    exif[0x0132] = "yesterday"
    assert seen(picture(), "JPEG", exif=exif).taken is None


def test_damaged_exif_does_not_make_an_image_unreadable(tmp_path):
    data = encoded(picture(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert scanned(tmp_path, data).error is None


@pytest.mark.parametrize("quality", [5, 25, 50, 75, 92])
def test_the_quality_of_a_jpeg_is_estimated(quality):
    assert seen(photo(), "JPEG", quality=quality).quality == pytest.approx(quality, abs=1)


def test_equal_pixels_look_the_same_in_lossless_formats():
    image = photo()
    first, second = seen(image, "PNG"), seen(image, "BMP")
    assert first.look_hash == second.look_hash
    assert first.content_hash != second.content_hash


def test_a_jpeg_with_other_metadata_looks_the_same():
    exif = Image.Exif()
    exif[0x0110] = "camera"
    first, second = seen(photo(), "JPEG"), seen(photo(), "JPEG", exif=exif)
    assert first.look_hash == second.look_hash
    assert first.content_hash != second.content_hash


def test_another_image_looks_different():
    assert seen(photo()).look_hash != seen(photo(seed=1)).look_hash


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200))
def test_each_value_of_the_thumbnail_is_the_mean_over_its_area(height, width):
    gray = np.random.default_rng(0).integers(0, 256, (height, width)).astype(np.float32)
    # Repeated so often, each side falls into 64 equal parts of whole pixels.
    parts = gray.astype(np.float64).repeat(64, axis=0).reshape(64, height, width).mean(axis=1)
    parts = parts.repeat(64, axis=1).reshape(64, 64, width).mean(axis=2)
    assert np.abs(measure.thumbnail(gray) - parts).max() < 0.501


def test_the_thumbnail_is_the_upright_picture_in_small():
    half = Image.new("L", (200, 200), 0)
    half.paste(255, (0, 0, 200, 100))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    found = seen(half, "JPEG", exif=exif)
    assert found.thumbnail is not None
    small = Image.open(io.BytesIO(found.thumbnail))
    assert small.size == (64, 64)
    assert small.getpixel((60, 32)) > 250
    assert small.getpixel((3, 32)) < 5


def test_without_its_fast_decoder_jpeg_looks_about_the_same(monkeypatch):
    image = photo((800, 600))
    fast = seen(image, "JPEG")
    monkeypatch.setattr(jpeg, "simplejpeg", None)
    slow = seen(image, "JPEG")
    for name in ("red", "blue_square", "dark_level", "bright_level"):
        assert getattr(slow, name) == pytest.approx(getattr(fast, name), abs=0.02)
    assert (slow.width, slow.format, slow.quality) == (fast.width, "JPEG", fast.quality)


def test_means_are_those_of_the_pixels():
    image = photo()
    values = np.asarray(image, np.float64) / 255
    found = seen(image)
    assert (found.red, found.green, found.blue) == pytest.approx(tuple(values.mean((0, 1))), abs=2e-3)
    assert found.red_square == pytest.approx((values[..., 0] ** 2).mean(), abs=1e-2)


def test_a_gray_jpeg_in_colour_is_grayscale_and_a_coloured_one_is_not():
    assert seen(photo().convert("L").convert("RGB"), "JPEG").grayscale
    assert not seen(photo(), "JPEG").grayscale


def test_a_gray_image_with_one_coloured_corner_is_not_grayscale():
    image = photo().convert("L").convert("RGB")
    image.paste((255, 0, 0), (0, 0, 40, 40))
    assert not seen(image, "PNG").grayscale


def test_one_colour_is_blank_and_has_no_detail():
    found = seen(Image.new("RGB", (50, 40), (200, 30, 30)), "JPEG")
    assert (found.blank, found.fine_detail, found.noise, found.border) == (True, 0.0, 0.0, 0.0)


def test_a_thin_line_on_white_is_not_blank():
    page = Image.new("L", (128, 128), 255)
    page.paste(0, (60, 0, 61, 128))
    assert not seen(page).blank


def test_two_colours_of_one_gray_level_are_not_blank():
    image = Image.new("RGB", (100, 100), (120, 0, 0))
    image.paste((0, 61, 0), (0, 0, 50, 100))
    assert not seen(image).blank


def test_a_shape_drawn_in_transparency_is_not_blank():
    drawing = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (10, 10, 40, 40))
    assert not seen(drawing).blank


def test_stripes_of_one_pixel_lose_all_detail_and_a_ramp_almost_none():
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (128, 64)))
    ramp = Image.fromarray(np.tile(np.arange(128, dtype=np.uint8) * 2, (128, 1)))
    assert seen(stripes).fine_detail == pytest.approx(1.0)
    assert seen(ramp).fine_detail < 0.001


def test_noise_loses_three_quarters_of_its_variance():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8))
    assert seen(noise).fine_detail == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("extension", ["PNG", "JPEG"])
def test_fine_detail_hardly_depends_on_the_size_of_the_file(extension):
    image = photo((1600, 1200))
    details = [
        seen(image.resize(size, Image.Resampling.BOX), extension).fine_detail for size in ((800, 600), (272, 204))
    ]
    assert details[0] == pytest.approx(details[1], rel=0.35)


def test_blur_lowers_sharpness_at_any_size():
    for size in ((150, 120), (400, 300)):
        image = photo(size)
        blurred = image.filter(ImageFilter.GaussianBlur(min(size) / 60))
        assert seen(blurred).sharpness < 0.4 * seen(image).sharpness


def test_noise_is_measured_in_shares_of_the_gray_range():
    rng = np.random.default_rng(0)
    flat = np.clip(128 + rng.normal(0, 12, (150, 150)), 0, 255).astype(np.uint8)
    assert seen(Image.fromarray(flat)).noise == pytest.approx(12 / 255, rel=0.25)
    assert seen(photo().filter(ImageFilter.GaussianBlur(3))).noise < 0.01


def test_a_letterbox_is_a_border_and_its_share_is_known():
    image = Image.new("RGB", (400, 400))
    image.paste(photo((400, 200)), (0, 100))
    assert seen(image, "JPEG").border == pytest.approx(0.5, abs=0.04)


def test_a_thing_on_a_plain_background_has_no_border():
    image = Image.new("RGB", (400, 400), "white")
    image.paste(photo((40, 200)), (180, 100))
    assert seen(image, "JPEG").border == 0.0


def test_a_photo_has_no_border():
    assert seen(photo(), "JPEG").border == 0.0
