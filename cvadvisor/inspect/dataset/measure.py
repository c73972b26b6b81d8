"""What can be measured on a small picture: its colours, levels, detail, noise and borders.

These run once an image, where each call on an array costs as much as its arithmetic: hence few calls, and tests that
are cheap and nearly always decide come before the exact ones.
"""

from functools import lru_cache
from math import gcd
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

THUMBNAIL_PX = 64
DETAIL_PX = 96
"""Fine detail is what is lost between pictures of this shorter side and of half of it."""

_ALMOST_ALL = 0.999
_SAME_VALUE = 4  # levels of 255 that a flat area spans: what JPEG does to it
_NO_COLOUR = 4  # levels of 255 between channels: what saving a gray image as colour can add
_SAMPLE = 61  # every so many pixels are tested for colour first; a prime, so as not to follow columns
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
_MANY_ROWS = 96
_LEVELS = (0.05, 0.5, 0.95)

_NOISE_BLOCK = 4
_QUIET_SHARE = 0.1
# Mean of the absolute value of a normal variable, in standard deviations.
_MEAN_ABSOLUTE = 0.798

_BORDER_LEVELS = 8  # gray levels that a border of one colour may span: JPEG rings beside its edge
_CONTENT_LEVELS = 16  # gray levels by which pixels beside a border differ from it
_ABRUPT_SHARE = 0.7


def measure(rgb: Array) -> tuple[dict[str, Any], Array]:
    """Everything that is measured on a picture, by the names of the fields of ``Look``, and its thumbnail.

    Args:
        rgb: the upright picture, uint8 (height, width, 3), its shorter side 96 to 191 px where it has that many.

    Returns:
        The measurements, and the thumbnail: gray as uint8 (64, 64).
    """
    height, width = rgb.shape[:2]
    floats = rgb.reshape(-1, 3).astype(np.float32)
    gray = (floats @ _LUMINANCE).reshape(height, width)
    small = thumbnail(gray)
    dark, middle, bright = _levels(small)
    means, squares = _channels(floats, width)
    blank = bright - dark <= 2 * _SAME_VALUE and _is_blank(rgb)
    detail, sharpness, noise = (0.0, 0.0, 0.0) if blank else _detail(gray, float(np.dot(_LUMINANCE, means)) * 255)
    return {
        "grayscale": _is_grayscale(rgb, means),
        "blank": blank,
        "red": means[0],
        "green": means[1],
        "blue": means[2],
        "red_square": squares[0],
        "green_square": squares[1],
        "blue_square": squares[2],
        "dark_level": round(dark / 255, 4),
        "middle_level": round(middle / 255, 4),
        "bright_level": round(bright / 255, 4),
        "fine_detail": detail,
        "sharpness": sharpness,
        "noise": noise,
        "border": 0.0 if blank else _border(small),
    }, small


def thumbnail(gray: Array) -> Array:
    """Gray levels (height, width) squeezed to uint8 (64, 64); each value is the mean over the area it covers."""
    height, width = gray.shape
    # Lines fall into equal groups that no value straddles; each squeezed by itself, that many times fewer products.
    across, down = gcd(width, THUMBNAIL_PX), gcd(height, THUMBNAIL_PX)
    narrow = np.dot(gray.reshape(-1, width // across), _squeeze_across(width // across, THUMBNAIL_PX // across))
    groups = narrow.reshape(down, height // down, THUMBNAIL_PX)
    small = np.matmul(_squeeze(height // down, THUMBNAIL_PX // down), groups)
    small += np.float32(0.5)
    return small.reshape(THUMBNAIL_PX, THUMBNAIL_PX).astype(np.uint8)


@lru_cache(256)
def _squeeze(pixels: int, parts: int) -> Array:
    """The matrix (parts, pixels) that takes means over equal parts of a line."""
    edges = np.arange(parts + 1) * (pixels / parts)
    starts = np.maximum(edges[:-1, None], np.arange(pixels))
    ends = np.minimum(edges[1:, None], np.arange(1, pixels + 1))
    shares = np.maximum(ends - starts, 0)
    return np.ascontiguousarray(shares / shares.sum(axis=1, keepdims=True), np.float32)


@lru_cache(256)
def _squeeze_across(pixels: int, parts: int) -> Array:
    return np.ascontiguousarray(_squeeze(pixels, parts).T)


def _levels(small: Array) -> list[int]:
    """The gray levels that 5, 50 and 95 % of the thumbnail's pixels lie under."""
    ordered = np.sort(small, axis=None, kind="stable")  # for bytes, the stable sort is a radix sort
    return [ordered.item(int(share * ordered.size)) for share in _LEVELS]


def _channels(floats: Array, width: int) -> list[list[float]]:
    """Means of the channels, and of their squares, for pixels in 0…1. Of many rows, half are enough."""
    rows = floats.reshape(-1, 3 * width)
    rows = rows[::2] if len(rows) >= _MANY_ROWS else rows
    sums = np.empty((2, 3 * width), np.float32)
    ones = _ones(len(rows))
    np.dot(ones, rows, out=sums[0])  # sums of whole rows first: long runs are fast
    np.dot(ones, np.square(rows), out=sums[1])
    means, squares = np.dot(sums, _by_channel(width)).tolist()
    pixels = len(rows) * width * 255
    return [
        [round(value / pixels, 5) for value in means],
        [round(value / (pixels * 255), 5) for value in squares],
    ]


@lru_cache(256)
def _ones(count: int) -> Array:
    return np.ones(count, np.float32)


@lru_cache(256)
def _by_channel(width: int) -> Array:
    """The matrix (3 * width, 3) that adds up the channels of a row."""
    return np.tile(np.eye(3, dtype=np.float32), (width, 1))


def _is_blank(rgb: Array) -> bool:
    """Whether almost every pixel has the same value: each channel has nearly all of its values within a few levels."""
    needed = _ALMOST_ALL * rgb.shape[0] * rgb.shape[1]
    for channel in range(3):
        counts = np.bincount(rgb[:, :, channel].ravel(), minlength=256)
        if np.convolve(counts, np.ones(_SAME_VALUE + 1, np.int64)).max() < needed:
            return False
    return True


def _is_grayscale(rgb: Array, means: list[float]) -> bool:
    """Whether almost every pixel is gray. Of an image in colour, the means of the channels mostly say so already."""
    if max(means) - min(means) > 2 * (_NO_COLOUR / 255 + 1 - _ALMOST_ALL):
        return False
    allowed = (1 - _ALMOST_ALL) * rgb.shape[0] * rgb.shape[1]
    pixels = rgb.reshape(-1, 3)
    return _coloured(pixels[::_SAMPLE]) <= allowed and _coloured(pixels) <= allowed


def _coloured(pixels: Array) -> int:
    """How many pixels are not gray."""
    signed = pixels.astype(np.int16)
    apart = np.abs(signed[:, :2] - signed[:, 1:])
    return int(np.count_nonzero(apart.max(axis=1) > _NO_COLOUR))


def _detail(gray: Array, mean: float) -> tuple[float, float, float]:
    """Fine detail, sharpness and noise of gray levels around ``mean``, as ``Look`` defines them.

    All three come from one step of the Haar transform: means of blocks of 2x2 pixels, which is the picture halved, and
    the differences along their diagonals, which hold little but noise.
    """
    height, width = gray.shape
    short = min(height, width)
    if short < 4:
        return 0.0, 0.0, 0.0
    whole = gray[: height & ~3, : width & ~3] - np.float32(mean)  # centred, so that sums of squares stay exact
    upper, lower = whole[::2], whole[1::2]
    halved = upper + lower
    halved = halved[:, ::2] + halved[:, 1::2]
    quartered = halved[::2] + halved[1::2]
    quartered = quartered[:, ::2] + quartered[:, 1::2]
    full, half, quarter = (
        float(np.vdot(one, one)) / (one.size * area**2) for one, area in ((whole, 1), (halved, 4), (quartered, 16))
    )
    if full <= 1e-3:
        return 0.0, 0.0, 0.0
    fine, coarse = max(full - half, 0.0), max(half - quarter, 0.0)
    # Of a smooth gradient, each octave has a quarter of the variance of the next: that is no detail.
    sharpness = max(fine - coarse / 4, 0.0) / coarse if coarse > 1e-3 * full else 0.0
    at = _variance_at(DETAIL_PX, short, full, half, quarter)
    kept = _variance_at(DETAIL_PX / 2, short, full, half, quarter)
    detail = min(max(1 - kept / at, 0.0), 1.0) if at > 0 else 0.0
    return round(detail, 5), round(min(sharpness, 100.0), 4), _noise(upper - lower)


def _variance_at(side: float, short: int, full: float, half: float, quarter: float) -> float:
    """Variance of the picture at a shorter side of ``side`` px, between those at ``short``, its half and its quarter.

    Linear in the length of a pixel: in natural images, each octave of detail has about the same variance.
    """
    length = short / side
    if length <= 1:
        return full
    if length <= 2:
        return full + (half - full) * (length - 1)
    return half + (quarter - half) * min(length / 2 - 1, 1.0)


def _noise(rows: Array) -> float:
    """Standard deviation of the noise in 0…1, from the differences of neighbouring rows: from the quietest blocks."""
    diagonal = np.abs(rows[:, ::2] - rows[:, 1::2])
    height, width = diagonal.shape[0] // _NOISE_BLOCK, diagonal.shape[1] // _NOISE_BLOCK
    if height * width < 16:
        return 0.0
    blocks = _blocks(height).T @ diagonal[: height * _NOISE_BLOCK, : width * _NOISE_BLOCK] @ _blocks(width)
    quiet = int(height * width * _QUIET_SHARE)
    # A diagonal difference sums four pixels' noise, which doubles its deviation.
    scale = 2 * _MEAN_ABSOLUTE * _NOISE_BLOCK**2 * 255
    return round(float(np.partition(blocks.ravel(), quiet)[quiet]) / scale, 5)


@lru_cache(256)
def _blocks(count: int) -> Array:
    """The matrix (count * 4, count) that adds up runs of four."""
    return np.kron(np.eye(count, dtype=np.float32), np.ones((_NOISE_BLOCK, 1), np.float32))


def _border(small: Array) -> float:
    """Share of the thumbnail in borders of one colour along two opposite sides, beside which content begins abruptly.

    Content that begins abruptly tells a border from the plain background of a product photo.
    """
    rows, columns = _opposite(small), _opposite(small.T)
    return round(1 - (1 - rows) * (1 - columns), 4) if rows or columns else 0.0


def _opposite(small: Array) -> float:
    """Share of the rows that are a border at the top and at the bottom; 0 unless both are there."""
    first, last = small[0].tobytes(), small[-1].tobytes()
    low, high = min(first), max(first)
    if high - low > _BORDER_LEVELS or max(last) - low > _BORDER_LEVELS or high - min(last) > _BORDER_LEVELS:
        return 0.0
    away = np.abs(small.astype(np.int16) - first[THUMBNAIL_PX // 2])
    flat = (away.max(axis=1) <= _BORDER_LEVELS).tolist()
    if all(flat):
        return 0.0
    top, bottom = flat.index(False), flat[::-1].index(False)
    # The row where border and content meet may hold both; the one after it is content.
    inner = away[[min(top + 1, THUMBNAIL_PX - 1), max(THUMBNAIL_PX - 2 - bottom, 0)]] > _CONTENT_LEVELS
    return (top + bottom) / THUMBNAIL_PX if (inner.mean(axis=1) >= _ABRUPT_SHARE).all() else 0.0
