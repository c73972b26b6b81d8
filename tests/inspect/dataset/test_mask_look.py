import json

import numpy as np
import pytest
from PIL import Image

from cvadvisor.inspect.dataset.mask_look import MAX_VALUES, MaskLook, look_at_mask
from tests.inspect.dataset.making import encoded, picture


def look(image: Image.Image, extension: str = "PNG") -> MaskLook:
    return look_at_mask(encoded(image, extension), "mask.png")


def counts(image: Image.Image) -> dict[str, int]:
    return dict(json.loads(look(image).counts))


def halves(mode: str, left: object, right: object) -> Image.Image:
    """4 x 2 pixels: three columns of one value, one of another."""
    image = Image.new(mode, (4, 2), left)  # type: ignore[arg-type]
    image.paste(right, (3, 0, 4, 2))  # type: ignore[arg-type]
    return image


def test_indices_are_counted_most_frequent_first():
    assert look(halves("L", 7, 200)) == MaskLook(format="PNG", mode="L", width=4, height=2, counts='{"7":6,"200":2}')


def test_colours_are_counted():
    assert counts(halves("RGB", (1, 2, 3), (255, 0, 9))) == {"1,2,3": 6, "255,0,9": 2}


def test_a_palette_gives_indices_and_their_colours():
    image = halves("P", 0, 5)
    image.putpalette([value for index in range(6) for value in (index, 10 * index, 100)])
    assert json.loads(look(image).counts) == {"0": 6, "5": 2}
    assert json.loads(look(image).palette) == {"0": "0,0,100", "5": "5,50,100"}


def test_one_bit_gives_zero_and_one():
    assert counts(halves("1", 0, 1)) == {"0": 6, "1": 2}


def test_sixteen_bits_are_kept():
    assert counts(Image.fromarray(np.array([[3, 24_001], [3, 3]], dtype=np.uint16))) == {"3": 3, "24001": 1}


def test_transparency_is_left_out_of_account():
    assert counts(halves("RGBA", (9, 8, 7, 0), (9, 8, 7, 255))) == {"9,8,7": 8}
    assert counts(halves("LA", (4, 0), (4, 255))) == {"4": 8}


def test_more_values_than_classes_are_cut_off():
    colours = np.arange(60 * 60, dtype=np.uint32).reshape(60, 60)
    pixels = np.stack([colours >> 8, colours & 255, np.zeros_like(colours)], axis=-1).astype(np.uint8)
    pixels[:5] = (255, 255, 255)
    found = look(Image.fromarray(pixels))
    kept = json.loads(found.counts)
    assert found.truncated_values
    assert len(kept) == MAX_VALUES
    assert next(iter(kept.items())) == ("255,255,255", 300)


def test_a_jpeg_is_named_as_one():
    assert look(picture(), "JPEG").format == "JPEG"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "not an image"),
        (b"<html>", "not an image"),
        (encoded(picture())[:200], "truncated"),
        (encoded(picture(), "JPEG")[:300], "truncated"),
        (encoded(Image.new("F", (2, 2), 0.5), "TIFF"), "no whole numbers"),
    ],
)
def test_what_cannot_be_counted_says_why(data, error):
    found = look_at_mask(data, "mask.png")
    assert found.error is not None
    assert error in found.error
    assert found.counts == "{}"


def test_a_header_that_claims_too_much_is_refused_with_its_size():
    header = bytearray(encoded(Image.new("1", (8, 8))))
    header[16:24] = (20_000).to_bytes(4, "big") * 2
    crc = __import__("zlib").crc32(header[12:29])
    header[29:33] = crc.to_bytes(4, "big")
    error = look_at_mask(bytes(header), "mask.png").error
    assert error is not None
    assert error.startswith("too large")
