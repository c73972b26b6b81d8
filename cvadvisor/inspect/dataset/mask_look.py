"""One mask of a segmentation dataset, from its bytes: which values it holds, and how many pixels of each."""

import json
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from cvadvisor.inspect.dataset.pixels import formats
from cvadvisor.inspect.printable import printable

MAX_PIXELS = 178_956_970
"""What Pillow opens by default; a header that claims more is not believed."""

MAX_VALUES = 1_024
"""Distinct values that are kept; more are no classes, but what a photograph or a lossy format holds."""

_SIXTEEN_BITS = 65_536


@dataclass(frozen=True, slots=True)
class MaskLook:
    """What one decode of a mask showed: a row of the cache."""

    error: str | None = None
    """Why it could not be decoded, in a few words; ``None`` where it decoded in full."""
    format: str | None = None
    """'PNG', 'JPEG' …, by its content."""
    mode: str | None = None
    """Pillow's name of how its pixels are stored: 'L', 'P', 'RGB' …"""
    width: int = 0
    """In pixels, as stored: masks are not turned."""
    height: int = 0
    counts: str = "{}"
    """JSON of pixels by value, most first: ``{"7": 912}`` for indices, ``{"128,0,0": 912}`` for colours."""
    palette: str = "{}"
    """JSON of the colour of each index that occurs, ``{"7": "128,0,0"}``, where the file has a palette."""
    truncated_values: bool = False
    """Whether there are more than 1,024 distinct values, so that ``counts`` holds only the most frequent."""


def look_at_mask(data: bytes, name: str) -> MaskLook:
    """Decode the mask in ``data`` in full and count its values.

    A palette gives indices, one bit gives 0 and 1, transparency is left out of account; whatever is neither gray nor a
    palette gives colours.

    Args:
        data: bytes of the file.
        name: its path, which decides nothing: the content does.
    """
    try:
        image = Image.open(BytesIO(data), formats=formats())
        if image.width * image.height > MAX_PIXELS:
            return MaskLook(error=f"too large: {image.width}x{image.height} pixels")
        image.load()
        values = _values(image)
    except Exception as error:  # decoders raise whatever they like on damaged files
        return MaskLook(error=_reason(error))
    if values is None:
        return MaskLook(error="its values are no whole numbers", format=image.format, mode=image.mode)
    kept = sorted(values.items(), key=lambda pair: -pair[1])[:MAX_VALUES]
    return MaskLook(
        format=image.format,
        mode=image.mode,
        width=image.width,
        height=image.height,
        counts=json.dumps(dict(kept), separators=(",", ":")),
        palette=json.dumps(_palette(image, [value for value, _ in kept]), separators=(",", ":")),
        truncated_values=len(values) > MAX_VALUES,
    )


def _values(image: Image.Image) -> dict[str, int] | None:
    """Pixels by value, for every value that occurs; ``None`` for fractions."""
    if image.mode == "F":
        return None
    if image.mode in ("LA", "La", "PA"):
        image = image.getchannel(0)
    if image.mode in ("L", "P", "1"):
        scale = 255 if image.mode == "1" else 1
        return {str(value // scale): pixels for value, pixels in enumerate(image.histogram()) if pixels}
    if image.mode.startswith("I"):
        return _deep(np.asarray(image.convert("I")))
    if image.mode != "RGB":
        # Not convert(): it would blend or drop colours that lie under transparency.
        image = Image.merge("RGB", image.split()[:3]) if image.mode in ("RGBA", "RGBX") else image.convert("RGB")
    # Pillow counts a few colours in a fifth of the time that sorting all pixels takes.
    few: Any = image.getcolors(MAX_VALUES)
    if few is not None:
        return {",".join(map(str, colour)): pixels for pixels, colour in few}
    return _colours(np.asarray(image))


def _deep(pixels: np.ndarray) -> dict[str, int]:
    """Values of more than 8 bits."""
    if pixels.min() >= 0 and pixels.max() < _SIXTEEN_BITS:
        counts = np.bincount(pixels.ravel())
        return {str(value): int(counts[value]) for value in np.flatnonzero(counts)}
    return {str(value): int(count) for value, count in zip(*np.unique(pixels, return_counts=True), strict=True)}


def _colours(pixels: np.ndarray) -> dict[str, int]:
    """More colours than classes: the most frequent, and one more to say that there are others."""
    packed = pixels[..., 0].astype(np.uint32) << 16
    packed |= pixels[..., 1].astype(np.uint32) << 8
    packed |= pixels[..., 2]
    values, counts = np.unique(packed.ravel(), return_counts=True)
    most = np.argsort(-counts, kind="stable")[: MAX_VALUES + 1]
    return {
        f"{v >> 16},{v >> 8 & 255},{v & 255}": int(n) for v, n in zip(values[most].tolist(), counts[most], strict=True)
    }


def _palette(image: Image.Image, values: list[str]) -> dict[str, str]:
    """Colours of the indices that occur."""
    palette = image.getpalette("RGB") if image.mode == "P" else None
    if not palette:
        return {}
    inside = (value for value in values if 3 * int(value) + 2 < len(palette))
    return {value: ",".join(map(str, palette[3 * int(value) : 3 * int(value) + 3])) for value in inside}


def _reason(error: Exception) -> str:
    """A decoder's error in a few words."""
    text = str(error)
    if isinstance(error, MemoryError | Image.DecompressionBombError):
        return "too large"
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or a damaged header"
    if "truncated" in text.lower():
        return "truncated"
    return f"damaged: {printable(text)[:80]}" if text else "damaged"
