"""Lay one small gray picture over another: where in the second does the first lie?

Inverse compositional image alignment (Baker and Matthews, 2004) of many pairs at once, with the gain and offset of the
brightness taken out.

Coordinates run from -1 to 1 over a picture, x to the right and y down. A map is a matrix (3, 3) that takes homogeneous
coordinates of the first picture to the second's.
"""

from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_AFFINE, _HOMOGRAPHY = 6, 8
_LARGEST_STEP = 0.15
# Keeps the equations solvable where a picture has no texture in some direction.
_DAMPING = 1e-3
_FLAT = 1e-3
# A map that turns a corner to infinity is none.
_NEAREST = 0.05


def halve(pictures: Array) -> Array:
    """Pictures (n, side, side), float32, at half their side."""
    rows = pictures[:, ::2] + pictures[:, 1::2]
    halved = rows[:, :, ::2] + rows[:, :, 1::2]
    halved *= np.float32(0.25)
    return halved


def smooth(pictures: Array) -> Array:
    """Pictures (n, side, side) with the weights 1 2 1 over neighbours in both directions; edges are repeated."""
    down = pictures * np.float32(0.5)
    quarter = pictures * np.float32(0.25)
    down[:, 1:] += quarter[:, :-1]
    down[:, :-1] += quarter[:, 1:]
    down[:, [0, -1]] += quarter[:, [0, -1]]
    both = down * np.float32(0.5)
    down *= np.float32(0.25)
    both[:, :, 1:] += down[:, :, :-1]
    both[:, :, :-1] += down[:, :, 1:]
    both[:, :, [0, -1]] += down[:, :, [0, -1]]
    return both


def follow_affine(first: Array, second: Array, maps: Array, steps: int) -> Array:
    """Improve affine ``maps`` (n, 3, 3) of pictures (n, side, side), so that the first fits the second."""
    return _follow(first, second, maps, steps, _AFFINE)


def follow_homography(first: Array, second: Array, maps: Array, steps: int) -> Array:
    """Improve ``maps`` (n, 3, 3) of pictures (n, side, side), perspective included."""
    return _follow(first, second, maps, steps, _HOMOGRAPHY)


def lay_over(second: Array, maps: Array, side: int) -> tuple[Array, Array]:
    """What ``second`` (n, any side, the same side) shows at each pixel of the first picture.

    Returns:
        Gray levels (n, side, side), and whether that place is in the second picture at all.
    """
    u, v = _mapped(maps, side)
    n = second.shape[-1]
    x, y = (u + 1) * np.float32(n / 2) - np.float32(0.5), (v + 1) * np.float32(n / 2) - np.float32(0.5)
    inside = (np.abs(u) <= 1) & (np.abs(v) <= 1)
    shape = (len(second), side, side)
    return _sampled(second, x, y).reshape(shape), inside.reshape(shape)


@lru_cache(8)
def _grid(side: int) -> Array:
    """Homogeneous coordinates (3, side * side) of a picture's pixels."""
    line = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), np.ones(side * side, np.float32)])


@lru_cache(8)
def _within(side: int) -> Array:
    """1 for a picture's pixels, 0 along its edges: slopes cannot be told there, nor what lies beyond."""
    line = np.ones(side, np.float32)
    line[[0, -1]] = 0
    return np.outer(line, line).ravel()


def _mapped(maps: Array, side: int) -> tuple[Array, Array]:
    maps = maps.astype(np.float32)
    if not maps[:, 2, :2].any():  # affine
        places = np.matmul(maps[:, :2] / maps[:, 2:, 2:], _grid(side))
        return places[:, 0], places[:, 1]
    places = np.matmul(maps, _grid(side))
    depth = np.where(np.abs(places[:, 2]) < _NEAREST, np.float32(_NEAREST), places[:, 2])
    return places[:, 0] / depth, places[:, 1] / depth


def _sampled(pictures: Array, x: Array, y: Array) -> Array:
    """Gray levels at pixel coordinates, between pixels linearly; beyond the edge, the edge's."""
    n = pictures.shape[-1]
    x, y = np.clip(x, 0, n - 1.001), np.clip(y, 0, n - 1.001)
    left, top = x.astype(np.int32), y.astype(np.int32)
    across, down = x - left, y - top
    flat = pictures.reshape(-1)
    at = left + top * n + (np.arange(len(pictures), dtype=np.int32) * (n * n))[:, None]
    upper = flat.take(at)
    upper += (flat[1:].take(at) - upper) * across
    at += n
    lower = flat.take(at)
    lower += (flat[1:].take(at) - lower) * across
    lower -= upper
    lower *= down
    return upper + lower


def _follow(first: Array, second: Array, maps: Array, steps: int, unknowns: int) -> Array:
    """Gauss-Newton steps on the map's unknowns, for pictures (n, side, side)."""
    n, side, _ = first.shape
    template, solve = _prepared(first, unknowns)
    maps = maps.astype(np.float32)
    half = np.float32(side / 2)
    for _ in range(steps):
        u, v = _mapped(maps, side)
        seen = _sampled(second, (u + 1) * half - np.float32(0.5), (v + 1) * half - np.float32(0.5))
        seen -= seen.mean(axis=1, keepdims=True)
        seen /= np.linalg.norm(seen, axis=1, keepdims=True) + np.float32(_FLAT)
        seen -= template
        seen[(np.abs(u) > 1) | (np.abs(v) > 1)] = 0
        step = np.clip(np.matmul(solve, seen[:, :, None])[:, :, 0], -_LARGEST_STEP, _LARGEST_STEP)
        change = np.zeros((n, 9), np.float32)
        change[:, :unknowns] = step
        change = change.reshape(n, 3, 3) + np.eye(3, dtype=np.float32)
        maps = np.matmul(maps, np.linalg.inv(change))
        maps /= np.where(np.abs(maps[:, 2:, 2:]) < _NEAREST, np.float32(_NEAREST), maps[:, 2:, 2:])
    return maps


def _prepared(first: Array, unknowns: int) -> tuple[Array, Array]:
    """The first pictures without their mean and of length 1, and the matrix that turns an error into a step."""
    n, side, _ = first.shape
    x, y, _one = _grid(side)
    across, down = np.zeros_like(first), np.zeros_like(first)
    np.subtract(first[:, :, 2:], first[:, :, :-2], out=across[:, :, 1:-1])
    np.subtract(first[:, 2:], first[:, :-2], out=down[:, 1:-1])
    template = first.reshape(n, -1) - first.mean((1, 2))[:, None]
    length = np.linalg.norm(template, axis=1, keepdims=True) + np.float32(_FLAT)
    template = template / length
    dx = across.reshape(n, -1) * np.float32(side / 4) / length
    dy = down.reshape(n, -1) * np.float32(side / 4) / length
    columns = [dx * x, dx * y, dx, dy * x, dy * y, dy]
    if unknowns == _HOMOGRAPHY:
        outward = -(dx * x + dy * y)
        columns += [outward * x, outward * y]
    slopes = np.stack(columns, axis=1)  # (n, unknowns, pixels)
    # What a change of offset or gain explains is not for the map to explain.
    flat = np.full((n, side * side, 1), 1 / side, np.float32)
    constant = np.concatenate([flat, template[:, :, None]], axis=2)
    slopes -= np.matmul(np.matmul(slopes, constant), constant.transpose(0, 2, 1))
    slopes *= _within(side)
    square = np.matmul(slopes, slopes.transpose(0, 2, 1))
    scale = np.trace(square, axis1=1, axis2=2)[:, None, None] / unknowns
    square += np.eye(unknowns, dtype=np.float32) * (_DAMPING * scale + 1e-9)
    return template, np.matmul(np.linalg.inv(square), slopes)
