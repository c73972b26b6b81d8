"""What makes one picture of the other, in words: from the map that lays them over each other, and their gray levels."""

import math

import numpy as np

from cvadvisor.facts.leaks import CHANGED
from cvadvisor.inspect.dataset.near.alignment import Array
from cvadvisor.inspect.dataset.near.pictures import Pictures
from cvadvisor.inspect.dataset.near.verify import Matches

_TURNED = {0: "", 90: "turned left", 180: "upside down", 270: "turned right"}
_TILTED_DEG = 1.5
_CROPPED = 0.97
_PERSPECTIVE = 0.04
_STRETCHED = 1.06
_RESIZED = 0.97
_SAME_BRIGHTNESS = 1.08


def name_transforms(pictures: Pictures, matches: Matches) -> list[str]:
    """A few words for each match that is the same image: what the second of its files, by number, is of the first."""
    return [_in_words(pictures, matches, row) if tier == CHANGED else "" for row, tier in enumerate(matches.tier)]


def _in_words(pictures: Pictures, matches: Matches, row: int) -> str:
    first, second = matches.first[row], matches.second[row]
    forward = bool(first < second)
    original, copy = (first, second) if forward else (second, first)
    words = _placed(matches.maps[row], pictures.sizes[first], pictures.sizes[second], forward)
    if pictures.gray[original] != pictures.gray[copy]:
        words.append("in gray" if pictures.gray[copy] else "in colour")
    elif matches.recoloured[row]:
        words.append("in other colours")
    brighter = matches.brightness[row] if forward else 1 / matches.brightness[row]
    if max(brighter, 1 / brighter) >= _SAME_BRIGHTNESS:
        words.append("brighter" if brighter > 1 else "darker")
    if matches.partly[row]:
        words.append("with something added or covered")
    return ", ".join(words) or _resized(matches.maps[row], pictures.sizes[first], pictures.sizes[second], forward)


def _placed(placed: Array, size: Array, other: Array, forward: bool) -> list[str]:
    """How the picture that comes second by number differs from the other.

    Args:
        placed: the map (3, 3) of the picture of ``size`` into the one of ``other``.
        size: width and height in px.
        other: those of the picture it lies in.
        forward: whether the picture of ``size`` is the one that comes first.
    """
    linear, pixels = _linear(placed, size, other, forward)
    words = _orientation(pixels)
    across, down = np.linalg.norm(linear, axis=0)
    scale = math.sqrt(abs(np.linalg.det(linear)))
    if scale < _CROPPED:
        words.append(f"at {scale:.0%} inside a border or a wider view")
    elif scale > 1 / _CROPPED:
        words.append(f"cropped to {1 / scale:.0%}")
    if max(across, down) / min(across, down) > _STRETCHED and not words:
        words.append("stretched")
    if np.abs(placed[2, :2]).max() > _PERSPECTIVE:
        words.append("seen at another angle")
    return words


def _resized(placed: Array, size: Array, other: Array, forward: bool) -> str:
    """What is left to say of a copy that shows the same in the same way."""
    scale = math.sqrt(abs(np.linalg.det(_linear(placed, size, other, forward)[1])))
    return f"resized to {scale:.0%}" if scale < _RESIZED or scale > 1 / _RESIZED else "saved again"


def _linear(placed: Array, size: Array, other: Array, forward: bool) -> tuple[Array, Array]:
    """The linear part of the map from the first file to the second, and the same in pixels.

    The pictures that were compared are squares, whatever shape the images have.
    """
    linear: Array = placed[:2, :2].astype(float)
    pixels: Array = linear * (other / 2)[:, None] / (size / 2)[None, :]
    return (linear, pixels) if forward else (np.linalg.inv(linear), np.linalg.inv(pixels))


def _orientation(pixels: Array) -> list[str]:
    """Mirroring and turning, from the linear part of the map in pixels."""
    words = []
    if np.linalg.det(pixels) < 0:
        words.append("mirrored")
        pixels = pixels @ np.diag([-1.0, 1.0])
    angle = math.degrees(math.atan2(pixels[0, 1] - pixels[1, 0], pixels[0, 0] + pixels[1, 1])) % 360
    quarter = round(angle / 90) * 90 % 360
    if _TURNED[quarter]:
        words.append(_TURNED[quarter])
    tilt = (angle - quarter + 180) % 360 - 180
    if abs(tilt) > _TILTED_DEG:
        words.append(f"tilted by {abs(tilt):.0f}°")
    return words
