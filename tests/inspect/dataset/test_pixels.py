import io
import warnings

import numpy as np
from PIL import Image

from cvadvisor.inspect.dataset.look import pixel_digest
from cvadvisor.inspect.dataset.pixels import open_image, to_rgb
from tests.inspect.dataset.disk import encoded, picture


def rgb(image: Image.Image, extension: str = "PNG", **options: object) -> Image.Image:
    return to_rgb(open_image(encoded(image, extension, **options)))


def test_sixteen_bits_are_scaled_and_not_clipped_to_white():
    ramp = Image.fromarray((np.arange(64 * 64).reshape(64, 64) * 16).astype(np.uint16))
    for extension in ("PNG", "TIFF"):
        assert rgb(ramp, extension).getextrema() == ((0, 255), (0, 255), (0, 255))


def test_twelve_bits_in_sixteen_use_the_whole_range():
    ramp = Image.fromarray(np.arange(4096).reshape(64, 64).astype(np.uint16))
    assert rgb(ramp).getextrema()[0] == (0, 255)


def test_transparency_is_shown_over_white():
    assert rgb(Image.new("RGBA", (4, 4), (0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)


def test_a_palette_with_transparency_is_read_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rgb(picture().quantize(16), transparency=bytes(range(16))).mode == "RGB"


def test_the_image_is_turned_as_exif_says():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert rgb(picture(size=(30, 20)), exif=exif).size == (20, 30)


def test_pixels_are_equal_however_exif_turns_them():
    upright = picture(size=(30, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    assert pixel_digest(turned) == pixel_digest(encoded(upright))


def test_a_copy_in_another_lossless_format_has_the_same_digest():
    assert pixel_digest(encoded(picture(), "PNG")) == pixel_digest(encoded(picture(), "BMP"))


def test_the_same_values_in_another_shape_have_another_digest():
    values = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    wide, tall = (encoded(Image.fromarray(values.reshape(shape))) for shape in ((20, 30, 3), (30, 20, 3)))
    assert pixel_digest(wide) != pixel_digest(tall)


def test_one_other_pixel_is_another_digest():
    image = picture(size=(300, 200))
    other = image.copy()
    other.putpixel((299, 199), (1, 2, 3))
    assert pixel_digest(encoded(image)) != pixel_digest(encoded(other))


def test_what_cannot_be_decoded_has_no_digest():
    assert pixel_digest(b"hello") is None
    assert pixel_digest(encoded(picture(size=(90, 80)))[:500]) is None


def test_pillow_is_not_told_to_tolerate_truncated_files():
    buffer = io.BytesIO()
    picture(size=(90, 80)).save(buffer, "JPEG")
    assert pixel_digest(buffer.getvalue()[: len(buffer.getvalue()) // 2]) is None
