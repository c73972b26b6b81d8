"""From a decoded image to the RGB pixels that a model sees, and what can be said of those at a glance."""

from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageChops

# No format whose reader starts another program (EPS), whatever the file is called.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "AVIF", "JPEG2000", "PPM")

# Half of what models commonly see: noise of single pixels has been averaged away there.
STATISTICS_SIZE = (128, 128)
_ALMOST_ALL = 0.999
_SAME_VALUE = 2  # levels of 255 to either side: what JPEG does to a flat area
_NO_COLOUR = 4  # levels of 255 between channels: what saving a gray image as colour can add

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@cache
def formats() -> tuple[str, ...]:
    """The formats that ``Image.open`` may use on a dataset's files."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def to_rgb(image: Image.Image) -> Image.Image:
    """``image`` decoded, upright and as RGB: transparency over white, deep gray as 8 bits, as the script reads it.

    Pillow's ``convert("RGB")`` alone would show what lies hidden under transparency, and clip 16 bits to white.
    """
    image.load()
    turn = _turn(image)
    if image.mode == "F" or image.mode.startswith("I"):
        image = _eight_bits(image)
    if "transparency" in image.info or "A" in image.getbands():
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    return image if turn is None else image.transpose(turn)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Deep gray as 8 bits: floats from their own range, integers of 10, 12 or 16 bits from the range they need."""
    if image.mode == "F":
        low, high = (float(value) for value in image.getextrema())  # type: ignore[arg-type]
        scale = 255 / (high - low) if high > low else 0.0
        return image.point(lambda value: value * scale + -low * scale).convert("L")
    image = image.convert("I")
    extrema: Any = image.getextrema()
    step = next((step for limit, step in ((256, 1), (1024, 4), (4096, 16)) if extrema[1] < limit), 256)
    return image.point(lambda value: value * (1 / step) + 0).convert("L")


def is_blank(sample: Image.Image) -> bool:
    """Whether almost every pixel of an RGB image has the same value."""
    histogram = sample.histogram()
    needed = _ALMOST_ALL * sample.width * sample.height
    levels = 2 * _SAME_VALUE + 1
    for channel in (histogram[:256], histogram[256:512], histogram[512:]):
        # Few images get past the first test, which is much the cheaper one.
        if max(channel) * levels < needed or max(sum(channel[i : i + levels]) for i in range(256)) < needed:
            return False
    return True


def is_grayscale(sample: Image.Image) -> bool:
    """Whether almost every pixel of an RGB image is gray."""
    red, green, blue = sample.split()
    spread = ImageChops.lighter(ImageChops.difference(red, green), ImageChops.difference(green, blue)).histogram()
    return sum(spread[: _NO_COLOUR + 1]) >= _ALMOST_ALL * sample.width * sample.height


def fine_detail(pixels: Image.Image) -> float:
    """Share, 0 to 1, of the gray-level variance at 128x128 px that is lost when the image is halved and enlarged again.

    Halving keeps the means of blocks of 2x2 pixels and enlarging adds nothing, so it is the variance within them.
    """
    gray = pixels.convert("L").resize(STATISTICS_SIZE, Image.Resampling.BILINEAR, reducing_gap=1.0)
    rows = np.frombuffer(gray.tobytes(), dtype=np.uint8).reshape(gray.height, gray.width).astype(np.float32)
    total = float(rows.var())
    if total == 0:
        return 0.0
    pairs = rows[::2] + rows[1::2]
    means = (pairs[:, ::2] + pairs[:, 1::2]) / 4
    return min(max(1 - float(means.var()) / total, 0.0), 1.0)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How EXIF says the image is to be turned; damaged EXIF data does not make an image unreadable."""
    try:
        return _UPRIGHT.get(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:
        return None
