"""From a file's bytes to the RGB pixels that a model sees, by Pillow."""

from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.printable import printable

# Pillow's own limit (twice its MAX_IMAGE_PIXELS): half a gigabyte of RGB. A header that claims more is not believed.
MAX_PIXELS = 178_956_970

# No format whose reader starts another program (EPS), whatever the file is called.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "AVIF", "JPEG2000", "PPM")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")

_EXIF_ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How an image is to be turned, by its EXIF orientation."""


@cache
def formats() -> tuple[str, ...]:
    """The formats that ``Image.open`` may use on a dataset's files."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def open_image(data: bytes) -> Image.Image:
    """The image in ``data``, its header read and its pixels not.

    Raises:
        Unreadable: it claims more than :data:`MAX_PIXELS` pixels.
        Exception: whatever a decoder raises on damaged data; see :func:`reason`.
    """
    try:
        image = Image.open(BytesIO(data), formats=formats())
        width, height = image.size
    except Image.DecompressionBombError:
        width, height = _claimed_size(data)
    if width * height > MAX_PIXELS:
        raise too_large(width, height)
    return image


def too_large(width: int, height: int) -> Unreadable:
    """The error of an image that has more pixels than are decoded."""
    return Unreadable(f"too large: {width}x{height} pixels")


def reason(error: Exception, data: bytes) -> str:
    """A decoder's error over ``data`` in a few plain words."""
    text = str(error)
    if isinstance(error, Unreadable):
        return text
    if isinstance(error, MemoryError | Image.DecompressionBombError):  # a bomb: in a frame or tile, past the header
        return "too large"
    declared = int.from_bytes(data[4:8], "little") + 8 if data.startswith(b"RIFF") else 0
    if "truncated" in text.lower() or declared > len(data):
        return "truncated"
    if isinstance(error, UnidentifiedImageError):
        return "damaged header" if data.startswith(_SIGNATURES) else f"not an image{_what_it_is(data)}"
    return f"damaged: {printable(text)[:80]}" if text else "damaged"


def to_rgb(image: Image.Image) -> Image.Image:
    """``image`` decoded, upright and as RGB: transparency over white, deep gray as 8 bits, as the script reads it.

    Pillow's ``convert("RGB")`` alone would show what lies hidden under transparency, and clip 16 bits to white.
    """
    image.load()
    turn = UPRIGHT.get(orientation(image))
    if image.mode == "F" or image.mode.startswith("I"):
        image = _eight_bits(image)
    if may_be_transparent(image):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    return image if turn is None else image.transpose(turn)


def is_transparent(image: Image.Image) -> bool:
    """Whether any pixel of a decoded image is not fully opaque."""
    if not may_be_transparent(image):
        return False
    if image.mode != "LA" and "A" not in image.getbands():
        image = image.convert("RGBA")
    lowest: Any = image.getchannel("A").getextrema()[0]
    return bool(lowest < 255)


def may_be_transparent(image: Image.Image) -> bool:
    """Whether the image has an alpha channel, or names a colour that stands for transparency."""
    return "transparency" in image.info or "A" in image.getbands()


def orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; damaged EXIF data does not make an image unreadable."""
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
        return int(value) if value in UPRIGHT else 1
    except Exception:
        return 1


def _claimed_size(data: bytes) -> tuple[int, int]:
    """The size in the header, from the decoder itself: ``Image.open`` refuses a large one without naming it."""
    for name in formats():
        factory, accept = Image.OPEN[name]
        if accept and accept(data[:16]) is True:
            return factory(BytesIO(data), "").size
    raise Unreadable("too large")


def _what_it_is(data: bytes) -> str:
    """What is often found under an image's name, after a download or checkout that went wrong."""
    start = data[:200].lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return ": a Git LFS pointer"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<svg")):
        return ": a web page or SVG"
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return " Pillow can read: HEIC"
    return ""


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
