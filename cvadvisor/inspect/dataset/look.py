"""One image, from its bytes: read once, decoded once, and everything that the facts need of it measured."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from cvadvisor.inspect.dataset import jpeg, measure, pixels
from cvadvisor.inspect.printable import printable

LARGE_PIXELS = 32_000_000
"""From this size on, images are decoded one at a time, so that memory does not grow with the number of cores."""
# A progressive JPEG keeps all of its coefficients until its last scan, whatever size it is decoded at.
_LARGE_PROGRESSIVE_PIXELS = 8_000_000

THUMBNAIL_QUALITY = 90
DETAIL_SIDE_PX, DETAIL_QUALITY = 128, 95
# More than this in a reduced picture comes from a shape like 30000x50: its longer side is reduced on.
_LONGEST = 16 * jpeg.SHORT_SIDE_PX

_EXTENSIONS = {
    "JPEG": frozenset({".jpg", ".jpeg", ".jpe", ".jfif"}),
    "PNG": frozenset({".png"}),
    "GIF": frozenset({".gif"}),
    "BMP": frozenset({".bmp", ".dib"}),
    "WEBP": frozenset({".webp"}),
    "TIFF": frozenset({".tif", ".tiff"}),
    "AVIF": frozenset({".avif"}),
    "JPEG2000": frozenset({".jp2"}),
    "PPM": frozenset({".ppm", ".pgm", ".pnm"}),
}
_IMAGE_EXTENSIONS = frozenset().union(*_EXTENSIONS.values())

_DATE = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")
_EXIF_MODEL, _EXIF_IFD, _EXIF_TAKEN, _EXIF_CHANGED = 0x0110, 0x8769, 0x9003, 0x0132
_TIFF_BITS = 258

# A missing end marker and bytes left over before a marker change no pixel.
_HARMLESS = re.compile(r"premature end of jpeg file|extraneous bytes before marker", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Look:
    """What one read and one decode of an image showed: a row of the cache.

    Only ``error``, ``content_hash`` and what the header says are set where the image could not be decoded. Shares and
    levels are in 0…1 and measured on the image with a shorter side of 96 to 191 px (where it has as many), in which
    noise of single pixels has been averaged; levels and borders on the thumbnail.
    """

    error: str | None = None
    """Why it could not be read or decoded, in a few words; ``None`` where it decoded in full."""
    warning: str | None = None
    """What the decoder complained of, where it decoded all the same."""
    format: str | None = None
    """'JPEG', 'PNG' …, by its content."""
    misnamed: bool = False
    """Whether its extension names another format."""
    width: int = 0
    """In pixels, as the image is shown (after EXIF rotation)."""
    height: int = 0
    mode: str | None = None
    """Pillow's name of how its pixels are stored: 'RGB', 'L', 'P', 'CMYK', 'I;16' …"""
    bits: int = 8
    """Bits a channel."""
    frames: int = 1
    """More than one for an animation or a multi-page file."""
    orientation: int = 1
    """EXIF orientation, 1 to 8; 1 is upright."""
    camera: str | None = None
    """Camera model that EXIF data names, at most 80 characters."""
    taken: str | None = None
    """When it was taken by EXIF data, 'YYYY:MM:DD HH:MM:SS'."""
    transparent: bool = False
    """Whether any pixel is not fully opaque."""
    grayscale: bool = False
    """Whether almost every pixel is gray."""
    blank: bool = False
    """Whether almost every pixel has the same value."""
    quality: int | None = None
    """JPEG quality, 1 to 100, estimated from the quantisation tables."""
    red: float = 0.0
    """Mean of the channel over the pixels; ``green`` and ``blue`` likewise."""
    green: float = 0.0
    blue: float = 0.0
    red_square: float = 0.0
    """Mean of the channel's square; ``green_square`` and ``blue_square`` likewise."""
    green_square: float = 0.0
    blue_square: float = 0.0
    dark_level: float = 0.0
    """The gray level that 5 % of the pixels lie under."""
    middle_level: float = 0.0
    """The gray level that half of the pixels lie under."""
    bright_level: float = 0.0
    """The gray level that 95 % of the pixels lie under."""
    fine_detail: float = 0.0
    """Share of the gray-level variance at a shorter side of 96 px that is lost on halving the image; 0 where blank."""
    sharpness: float = 0.0
    """Variance in the finest octave of detail over that in the next, less the quarter that a smooth gradient has.

    About 0.4 in photos at any size, near 0 where blurred or enlarged, 3.75 in noise; 0 where the image is blank.
    """
    noise: float = 0.0
    """Standard deviation of the noise, from diagonal differences between neighbouring pixels in the quietest blocks."""
    border: float = 0.0
    """Share of the area in borders of one gray level along two opposite sides, beside which content begins abruptly."""
    content_hash: bytes | None = None
    """128-bit hash of the file's bytes; ``None`` where it could not be read."""
    look_hash: bytes | None = None
    """128-bit hash of size and small picture: equal for files with equal pixels, and for few others."""
    thumbnail: bytes | None = None
    """The image squeezed to 64x64 gray pixels, as a JPEG of about 1.5 KB: what finding near-duplicates needs."""


@dataclass(frozen=True, slots=True)
class PixelLook:
    """What a full decode of an image showed: a row of the cache."""

    digest: bytes | None = None
    """128-bit hash of size and pixels as the script reads them; ``None`` where it could not be decoded."""


@dataclass(frozen=True, slots=True)
class DetailLook:
    """A larger picture of an image, for comparing it with others: a row of the cache."""

    jpeg: bytes | None = None
    """The image squeezed to 128x128 pixels, as a JPEG of about 10 KB; ``None`` where it could not be decoded."""


def look(data: bytes, name: str, *, large: bool = False) -> Look | None:
    """Decode the image in ``data`` in full and measure it; whatever is wrong with it ends up in ``error``.

    Args:
        data: the file's bytes.
        name: its name or path, for the extension.
        large: whether images above :data:`LARGE_PIXELS` may be decoded now.

    Returns:
        ``None`` for an image that is too large to be decoded beside others: look at it again, alone.
    """
    seen: dict[str, Any] = {"content_hash": hashlib.sha256(data).digest()[:16]}
    try:
        small = _jpeg(data, seen, large) if data.startswith(jpeg.SIGNATURE) else None
        if small is None:
            small = _any_format(data, seen, large)
        if small is None:
            return None
        _measure(small, seen)
    except Exception as error:  # whatever a decoder raises on damaged data, one file must not end the scan
        seen["error"] = pixels.reason(error, data)
    if seen.get("format"):
        seen["misnamed"] = _misnamed(name, seen["format"])
    return Look(**seen)


def pixel_digest(data: bytes) -> bytes | None:
    """128-bit hash of the pixels after a full decode: equal for a copy saved in another lossless format.

    ``None`` where the image cannot be decoded.
    """
    try:
        with pixels.open_image(data) as image:
            rgb = pixels.to_rgb(image)
    except Exception:
        return None
    digest = hashlib.sha256(b"%dx%d" % rgb.size)  # SHA-256: processors have instructions for it
    digest.update(rgb.tobytes())
    return digest.digest()[:16]


def detail(data: bytes, *, large: bool = False) -> DetailLook | None:
    """A larger picture of the image in ``data``; ``None`` where it is too large to be decoded beside others."""
    try:
        small = _jpeg(data, {}, large) if data.startswith(jpeg.SIGNATURE) else None
        if small is None:
            small = _any_format(data, {}, large)
        if small is None:
            return None
        square = Image.fromarray(small).resize((DETAIL_SIDE_PX,) * 2, Image.Resampling.BILINEAR)
        return DetailLook(jpeg.encode_rgb(np.asarray(square), DETAIL_QUALITY))
    except Exception:  # whatever a decoder raises on damaged data
        return DetailLook()


def pixels_claimed(data: bytes) -> int:
    """How many pixels the header claims; 0 where it cannot be read."""
    if data.startswith(jpeg.SIGNATURE) and (header := jpeg.read_header(data)).width:
        return header.width * header.height
    try:
        with pixels.open_image(data) as image:
            return image.width * image.height
    except Exception:
        return 0


def _jpeg(data: bytes, seen: dict[str, Any], large: bool) -> "measure.Array | None":
    """The small upright picture of a JPEG; ``None`` leaves it to Pillow, with the complaint in ``seen``."""
    header = jpeg.read_header(data)
    size = header.width * header.height
    if not size or size > (_LARGE_PROGRESSIVE_PIXELS if header.progressive else LARGE_PIXELS):
        return None
    try:
        small = jpeg.decode(data, header)
    except (NotImplementedError, MemoryError):
        return None
    except ValueError as complaint:
        if not _HARMLESS.search(str(complaint)):
            seen["warning"] = printable(str(complaint))[:80]
        return None
    seen |= {"format": "JPEG", "mode": "L" if header.channels == 1 else "RGB", "quality": header.quality}
    if header.exif:
        seen |= _exif_fields(_load_exif(header.exif))
    return _upright(_shorten(small), seen, header.width, header.height)


def _any_format(data: bytes, seen: dict[str, Any], large: bool) -> "measure.Array | None":
    """The small upright picture of an image of any format, decoded in full; ``None`` where it has to wait."""
    with pixels.open_image(data) as image:
        size = image.width * image.height
        progressive = bool(image.info.get("progressive")) and size > _LARGE_PROGRESSIVE_PIXELS
        if not large and (size > LARGE_PIXELS or progressive):
            return None
        format_ = "JPEG" if image.format == "MPO" else image.format  # several pictures from a phone, and a JPEG
        seen |= {"format": format_, "mode": image.mode, "bits": _bits(image, data)}
        seen |= {"width": image.width, "height": image.height}
        if format_ == "JPEG":
            header = jpeg.read_header(data)
            seen |= {"quality": header.quality, "bits": header.bits}
        if format_ == "TIFF":  # Pillow turns it while it is decoded, and forgets that it did
            seen |= _exif_fields(_exif_of(image))
        image.load()  # before EXIF data is asked for: of a PNG that would decode it, and hide that it failed
        if format_ != "TIFF":
            seen |= _exif_fields(_exif_of(image))
        seen["transparent"] = pixels.is_transparent(image)
        rgb = pixels.to_rgb(image)
        seen |= {"width": rgb.width, "height": rgb.height} | _frames(image, format_)
    return _shorten(np.asarray(_reduced(rgb)))


def _measure(small: "measure.Array", seen: dict[str, Any]) -> None:
    """Put everything that pixels say of an image into ``seen``."""
    measured, thumbnail = measure.measure(small)
    seen |= measured
    size = b"%dx%d" % (seen["width"], seen["height"])
    seen["look_hash"] = hashlib.sha256(size + thumbnail.tobytes()).digest()[:16]
    seen["thumbnail"] = jpeg.encode_gray(thumbnail, THUMBNAIL_QUALITY)


def _upright(small: "measure.Array", seen: dict[str, Any], width: int, height: int) -> "measure.Array":
    """``small`` turned as EXIF says; sets the size as shown."""
    turn = pixels.UPRIGHT.get(seen.get("orientation", 1))
    if seen.get("orientation", 1) >= 5:
        width, height = height, width
    seen |= {"width": width, "height": height}
    return small if turn is None else np.asarray(Image.fromarray(small).transpose(turn))


def _reduced(rgb: Image.Image) -> Image.Image:
    """A picture that was decoded in full, reduced as a JPEG is while it is decoded."""
    factor = 1
    while min(rgb.size) >= 2 * factor * jpeg.SHORT_SIDE_PX:
        factor *= 2
    return rgb if factor == 1 else rgb.reduce(factor)


def _shorten(small: "measure.Array") -> "measure.Array":
    """Reduce what is still large: a shorter side over 191 px, or a very long longer side."""
    height, width = small.shape[:2]
    if min(height, width) < 2 * jpeg.SHORT_SIDE_PX and max(height, width) <= _LONGEST:
        return small
    picture = _reduced(Image.fromarray(small))
    if max(picture.size) > _LONGEST:
        across, down = (max(1, -(-side // _LONGEST)) for side in picture.size)
        picture = picture.reduce((across, down))
    return np.asarray(picture)


def _misnamed(name: str, format_: str) -> bool:
    """Whether the extension is that of another format. An unknown or missing one names none."""
    extension = "." + name.rpartition(".")[2].lower()
    return extension in _IMAGE_EXTENSIONS and extension not in _EXTENSIONS.get(format_, frozenset())


def _bits(image: Image.Image, data: bytes) -> int:
    """Bits a channel, as stored: Pillow gives deep colour as 8 bits."""
    if image.format == "PNG":
        return data[24]
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, 8)
        return int(max(bits) if isinstance(bits, tuple) else bits)
    return 32 if image.mode == "F" else 16 if image.mode.startswith("I") else 8


def _frames(image: Image.Image, format_: str | None) -> dict[str, Any]:
    """How many frames there are; a file that is damaged after its first frame still shows that one."""
    if format_ == "JPEG":
        return {}
    try:
        return {"frames": int(getattr(image, "n_frames", 1))}
    except Exception:
        return {"warning": "damaged after its first frame"}


def _load_exif(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    try:
        exif.load(block)
    except Exception:  # damaged EXIF data does not make an image unreadable
        return Image.Exif()
    return exif


def _exif_of(image: Image.Image) -> Image.Exif:
    try:
        return image.getexif()
    except Exception:
        return Image.Exif()


def _exif_fields(exif: Image.Exif) -> dict[str, Any]:
    """The fields that EXIF data determines; whatever is damaged in it is left out."""
    found: dict[str, Any] = {}
    try:
        if (turned := exif.get(0x0112, 1)) in pixels.UPRIGHT:
            found["orientation"] = int(turned)
        model = exif.get(_EXIF_MODEL)
        if isinstance(model, str) and (shown := printable(model.strip("\0 "))[:80]):
            found["camera"] = shown
        taken = exif.get_ifd(_EXIF_IFD).get(_EXIF_TAKEN) or exif.get(_EXIF_CHANGED)
        if isinstance(taken, str) and (date := _DATE.match(taken)):
            found["taken"] = date[0]
    except Exception:
        return found
    return found
