"""How far two aligned pictures agree, part by part and scale by scale.

What is compared is detail: what a picture shows beyond its own much smoothed copy. Two photos of similar things have
the same light and dark areas, and hardly the same detail. It is compared in 8x8 blocks, so that text, a watermark or
a border that covers some of them leaves the others their say.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cvadvisor.inspect.dataset.near.alignment import Array, halve, lay_over, smooth

SCALES_PX = (128, 64, 32)
_BLOCKS = 8
# Blocks whose detail has a smaller variance (in squared gray levels) are flat: they agree with anything.
_FLAT = 2.0
_MOST_OF_USUAL = 8.0
_SEEN_SHARE = 0.8
_COUNTED_SHARE = 0.6
_FEWEST_BLOCKS = 6
_TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32).T
_MOST_SMOOTHINGS = 4
_AS_SHARP = 1.25


@dataclass(frozen=True)
class Agreement:
    """Of n pairs, by scale (n, scales): each half the one before, down to 32 px; -1 where too little is to be seen."""

    whole: Array
    """Correlation of the detail over everything that both show."""
    blocks: Array
    """Mean correlation of the detail over the three in five textured blocks that agree best."""
    textured: Array
    """How many blocks have detail."""
    spread: Array
    """How many blocks the detail would fill if all had the same: few where one edge or one shape has it all."""
    overlap: Array
    """Share of the first picture that lies in the second (n,)."""
    brightness: Array
    """Mean gray level of the second over that of the first, of what both show (n,)."""


def agreement(first: Array, second: Array, maps: Array) -> Agreement:
    """Compare pictures (n, side, side) of 128, 64 or 32 px; ``maps`` (n, 3, 3) lays the first over the second."""
    laid, inside = lay_over(second, maps, first.shape[1])
    seen = inside.astype(np.float32)
    brightness = ((laid * seen).sum((1, 2)) + 1) / ((first * seen).sum((1, 2)) + 1)
    first, laid = _equally_sharp(first, laid, seen)
    scales: list[tuple[Array, Array, Array, Array]] = []
    overlap = seen.mean((1, 2))
    while first.shape[1] >= SCALES_PX[-1]:
        scales.append(_compared(first - _much_smoothed(first), laid - _much_smoothed(laid), seen))
        first, laid, seen = halve(first), halve(laid), halve(seen)
    whole, blocks, textured, spread = (np.stack(values, 1) for values in zip(*scales, strict=True))
    return Agreement(whole, blocks, textured, spread, overlap, brightness)


def colour_difference(first: Array, second: Array, maps: Array) -> tuple[Array, Array]:
    """How far the colours of two pictures are apart, brightness aside, in levels of 255.

    Args:
        first: blue and red differences (n, 2, side, side) from gray; see :func:`in_gray_and_colour`.
        second: likewise.
        maps: where the first lies in the second (n, 3, 3).

    Returns:
        The mean difference over what both show, and how far the less colourful one is from gray, on average.
    """
    apart, strong = [], []
    for channel in (0, 1):
        laid, inside = lay_over(second[:, channel], maps, first.shape[-1])
        count = np.maximum(inside.sum((1, 2)), 1)
        apart.append((np.abs(first[:, channel] - laid) * inside).sum((1, 2)) / count)
        strong.append([(np.abs(one) * inside).sum((1, 2)) / count for one in (first[:, channel], laid)])
    return (apart[0] + apart[1]) / 2, np.min(np.sum(strong, axis=0), axis=0) / 2


def in_gray_and_colour(rgb: Array) -> tuple[Array, Array]:
    """Gray levels (n, 128, 128), and blue and red differences (n, 2, 32, 32), of RGB pictures, uint8 (n, 128, 128, 3).

    As in JPEG (ITU-T T.871), the differences at a quarter of the resolution.
    """
    n, side, _, _ = rgb.shape
    gray, blue, red = np.matmul(rgb.reshape(n, -1, 3).astype(np.float32), _TO_YCBCR).transpose(2, 0, 1)
    colour = np.stack([blue, red], axis=1).reshape(n, 2, side // 4, 4, side // 4, 4).mean((3, 5))
    return np.ascontiguousarray(gray).reshape(n, side, side), colour


def detail(pictures: Array) -> Array:
    """What pictures (n, side, side) show beyond themselves much smoothed."""
    return pictures - _much_smoothed(pictures)


def correlation(first: Array, second: Array, seen: Array) -> Array:
    """Correlation of pictures (n, side, side) where ``seen`` is 1."""
    n = len(first)
    a, b, w = (array.reshape(n, -1) for array in (first, second, seen))
    count = np.maximum(w.sum(1, keepdims=True), 1)
    a = (a - (a * w).sum(1, keepdims=True) / count) * w
    b = (b - (b * w).sum(1, keepdims=True) / count) * w
    return np.asarray((a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1) + 1e-3))


def _equally_sharp(first: Array, second: Array, seen: Array) -> tuple[Array, Array]:
    """Both pictures, the sharper one smoothed until its finest detail is as strong as the other's."""
    first, second = first.copy(), second.copy()
    rows = np.arange(len(first))
    for _ in range(_MOST_SMOOTHINGS):
        ratio = _sharpness(first[rows], seen[rows]) / _sharpness(second[rows], seen[rows])
        for pictures, softer in ((first, rows[ratio > _AS_SHARP]), (second, rows[ratio < 1 / _AS_SHARP])):
            pictures[softer] = smooth(pictures[softer])
        rows = rows[(ratio > _AS_SHARP) | (ratio < 1 / _AS_SHARP)]
        if not len(rows):
            break
    return first, second


def _sharpness(pictures: Array, seen: Array) -> Array:
    """The strength of the finest detail over that of all detail, where ``seen`` is 1."""
    return _strength(pictures - smooth(pictures), seen) / _strength(detail(pictures), seen)


def _strength(pictures: Array, seen: Array) -> Array:
    n = len(pictures)
    return np.einsum("ij,ij,ij->i", *(one.reshape(n, -1) for one in (pictures, pictures, seen))) + 1e-3


def _much_smoothed(pictures: Array) -> Array:
    """Pictures without detail finer than about a quarter of their resolution."""
    reduce, enlarge = _quarter(pictures.shape[1])
    small = np.matmul(np.matmul(reduce, pictures), reduce.T)
    return np.matmul(np.matmul(enlarge, small), enlarge.T)


@lru_cache(8)
def _quarter(side: int) -> tuple[Array, Array]:
    """The matrices that reduce lines of pixels to a quarter, smoothing them before each halving, and enlarge them."""
    reduced, enlarged = np.eye(side, dtype=np.float32), np.eye(side // 4, dtype=np.float32)
    for length in (side, side // 2):
        reduced = (_smoothing(length) @ reduced).reshape(length // 2, 2, side).mean(1)
    for length in (side // 2, side):
        enlarged = _smoothing(length) @ np.repeat(enlarged, 2, axis=0)
    return reduced, enlarged


def _smoothing(side: int) -> Array:
    """The matrix (side, side) that gives a line's neighbours the weights 1 2 1; edges are repeated."""
    lines = np.pad(np.eye(side, dtype=np.float32), ((1, 1), (0, 0)), mode="edge")
    return (lines[:-2] + lines[2:]) * np.float32(0.25) + lines[1:-1] * np.float32(0.5)


def _compared(first: Array, second: Array, seen: Array) -> tuple[Array, Array, Array, Array]:
    a, b, w = _in_blocks(first), _in_blocks(second), _in_blocks(seen)
    count = np.maximum(w.sum(2, keepdims=True), 1)
    a, b = (a - (a * w).sum(2, keepdims=True) / count) * w, (b - (b * w).sum(2, keepdims=True) / count) * w
    count = count[:, :, 0]
    aa, bb, ab = (a * a).sum(2) / count, (b * b).sum(2) / count, (a * b).sum(2) / count
    shown = w.mean(2) > _SEEN_SHARE
    stronger = np.maximum(aa, bb)
    textured = shown & (stronger > _FLAT)
    energy = stronger * shown
    spread = energy.sum(1) ** 2 / np.maximum((energy**2).sum(1), 1e-6)
    # One strong edge must not outvote everything else.
    ordered = np.sort(np.where(textured, stronger, 0), axis=1)
    middle = ordered.shape[1] - 1 - textured.sum(1) // 2
    usual = np.maximum(np.take_along_axis(ordered, middle[:, None], axis=1), _FLAT)
    weight = shown / np.maximum(stronger, _MOST_OF_USUAL * usual)
    whole = (ab * weight).sum(1) / np.sqrt((aa * weight).sum(1) * (bb * weight).sum(1) + 1e-9)
    alike = np.where(textured, ab / np.sqrt((aa + _FLAT / 4) * (bb + _FLAT / 4)), -2)
    blocks = textured.sum(1)
    counted = np.maximum((blocks * _COUNTED_SHARE).astype(int), 1)
    best = np.cumsum(-np.sort(-alike, axis=1), axis=1)[np.arange(len(alike)), counted - 1] / counted
    enough = blocks >= _FEWEST_BLOCKS
    return np.where(enough, whole, -1), np.where(enough, best, -1), blocks, spread


def _in_blocks(pictures: Array) -> Array:
    n, side, _ = pictures.shape
    step = side // _BLOCKS
    return pictures.reshape(n, _BLOCKS, step, _BLOCKS, step).transpose(0, 1, 3, 2, 4).reshape(n, _BLOCKS**2, -1)
