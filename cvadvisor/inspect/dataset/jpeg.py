"""JPEG: what the header says, and a scaled decode that complains of every flaw."""

from bisect import bisect_left
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

try:
    import simplejpeg
except ImportError:  # no wheel for this platform: Pillow decodes JPEG too, only slower
    simplejpeg = None

SIGNATURE = b"\xff\xd8\xff"
SHORT_SIDE_PX = 96
"""The shorter side keeps at least as many pixels in a scaled decode, where it has them."""

# The start-of-frame markers. DHT, JPG and DAC lie among them and are none.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# Baseline, extended and progressive with Huffman coding: what every decoder reads.
_COMMON = frozenset({0xC0, 0xC1, 0xC2})
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_TABLES, _SCAN, _END, _EXIF = 0xDB, 0xDA, 0xD9, 0xE1
_EXIF_START = b"Exif\0\0"

# The luminance table that the JPEG standard gives as an example; encoders scale it by their quality.
_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip


def _table_sum(quality: int) -> int:
    """Sum of the luminance table as libjpeg scales it."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(max((value * scale + 50) // 100, 1), 255) for value in _LUMINANCE)


_SUMS = [-_table_sum(quality) for quality in range(1, 101)]  # negated, to rise with the quality


@dataclass(slots=True)
class Header:
    """What the markers before the first scan say."""

    width: int = 0
    """In pixels, as stored; 0 where no frame was found."""
    height: int = 0
    channels: int = 0
    bits: int = 8
    progressive: bool = False
    common: bool = False
    """Whether it is of a kind that every decoder reads."""
    quality: int | None = None
    """1 to 100, of the standard luminance table that is nearest in sum."""
    exif: bytes = field(default=b"", repr=False)
    """The EXIF block, from 'Exif' on."""


def read_header(data: bytes) -> Header:
    """Walk the markers of a JPEG; stops without complaint where they make no sense."""
    header = Header()
    at, end = 2, len(data) - 3
    while at < end and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:  # padding, or a marker without a segment
            at += 1 if marker == 0xFF else 2
            continue
        if marker in (_SCAN, _END):
            break
        size = data[at + 2] << 8 | data[at + 3]
        if marker == _TABLES:
            header.quality = header.quality or _quality(data, at + 4, at + 2 + size)
        elif marker in _FRAMES:
            _read_frame(header, marker, data[at + 4 : at + 10])
        elif marker == _EXIF and not header.exif and data.startswith(_EXIF_START, at + 4):
            header.exif = data[at + 4 : at + 2 + size]
        at += 2 + size
    return header


def reduction(width: int, height: int) -> int:
    """The largest of 1, 2, 4 and 8 that leaves the shorter side :data:`SHORT_SIDE_PX`: those have fast decoders."""
    short = min(width, height)
    return next((factor for factor in (8, 4, 2) if short >= factor * SHORT_SIDE_PX), 1)


def decode(data: bytes, header: Header) -> Any:
    """The picture as stored, reduced by :func:`reduction`: RGB as uint8 (height, width, 3).

    Raises:
        ValueError: the decoder complains of anything, however small, or cannot decode it.
        NotImplementedError: this decoder does not do that kind of JPEG; Pillow's does.
    """
    if simplejpeg is None or header.channels not in (1, 3) or not header.common or header.bits != 8:
        raise NotImplementedError
    factor = reduction(header.width, header.height)
    return simplejpeg.decode_jpeg(
        data,
        "RGB",
        min_height=-(-header.height // factor),
        min_width=-(-header.width // factor),
        min_factor=factor,
    )


def encode_gray(gray: Any, quality: int) -> bytes:
    """Gray levels, uint8 (height, width), as a JPEG."""
    if simplejpeg is None:
        buffer = BytesIO()
        Image.fromarray(gray).save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()
    return bytes(simplejpeg.encode_jpeg(gray[:, :, None], quality, "GRAY", "Gray"))


def encode_rgb(rgb: Any, quality: int) -> bytes:
    """RGB pixels, uint8 (height, width, 3), as a JPEG that keeps the resolution of the colours."""
    if simplejpeg is None:
        buffer = BytesIO()
        Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, subsampling=0)
        return buffer.getvalue()
    return bytes(simplejpeg.encode_jpeg(rgb, quality, "RGB", "444"))


def decode_small(data: bytes, mode: str) -> Any:
    """The pixels, uint8 (height, width) for mode 'L' or (height, width, 3) for 'RGB', of a JPEG that was made here."""
    if simplejpeg is None:
        with Image.open(BytesIO(data)) as image:
            return np.asarray(image.convert(mode))
    return simplejpeg.decode_jpeg(data, "GRAY")[:, :, 0] if mode == "L" else simplejpeg.decode_jpeg(data, "RGB")


def _quality(data: bytes, at: int, end: int) -> int | None:
    """The quality by table 0 of one segment of quantisation tables."""
    while at < min(end, len(data)):
        wide = data[at] >> 4
        bytes_ = 128 if wide else 64
        if data[at] & 15 == 0:
            table = data[at + 1 : at + 1 + bytes_]
            total = sum(table[1::2]) + 256 * sum(table[::2]) if wide else sum(table)
            place = bisect_left(_SUMS, -total)
            if place and (place == len(_SUMS) or _SUMS[place] + total > -total - _SUMS[place - 1]):
                place -= 1
            return place + 1
        at += 1 + bytes_
    return None


def _read_frame(header: Header, marker: int, frame: bytes) -> None:
    if len(frame) == 6 and not header.width:
        header.bits, header.channels = frame[0], frame[5]
        header.height, header.width = frame[1] << 8 | frame[2], frame[3] << 8 | frame[4]
        header.progressive, header.common = marker in _PROGRESSIVE, marker in _COMMON
