"""What makes one picture of the other, in words: from the map that lays them over each other, and their gray levels."""

import math

import numpy as np

from cvadvisor.inspect.dataset.near.pictures import Array, Pictures
from cvadvisor.inspect.dataset.near.verify import SAME, Matches

_TURNED = {0: "", 90: "turned left", 180: "upside down", 270: "turned right"}
_TILTED_DEG = 1.5
_CROPPED = 0.97
_PERSPECTIVE = 0.04
_STRETCHED = 1.06
_RESIZED = 0.97


def name_transforms(pictures: Pictures, matches: Matches) -> list[str]:
    """A few words for each match that is the same image: what the second of its files, by number, is of the first."""
    return [
        _named(
            matches.maps[row],
            pictures.sizes[matches.first[row]],
            pictures.sizes[matches.second[row]],
            matches.first[row] < matches.second[row],
        )
        if matches.tier[row] == SAME
        else ""
        for row in range(len(matches.tier))
    ]


def _named(placed: Array, size: Array, other: Array, forward: bool) -> str:
    """How the picture that comes second by number differs from the other.

    Args:
        placed: the map (3, 3) of the picture of ``size`` into the one of ``other``.
        size: width and height in px.
        other: those of the picture it lies in.
        forward: whether the picture of ``size`` is the one that comes first.
    """
    linear: Array = placed[:2, :2].astype(float)
    # In pixels: the picture may have been squeezed to a square.
    pixels: Array = linear * (other / 2)[:, None] / (size / 2)[None, :]
    if not forward:  # the second lies in the first
        linear, pixels = np.linalg.inv(linear), np.linalg.inv(pixels)
    words = _orientation(pixels)
    across, down = np.linalg.norm(linear, axis=0)
    scale = math.sqrt(abs(np.linalg.det(linear)))
    if scale < _CROPPED:
        words.append(f"shrunk to {scale:.0%} inside a border")
    elif scale > 1 / _CROPPED:
        words.append(f"cropped to {1 / scale:.0%}")
    if max(across, down) / min(across, down) > _STRETCHED and not words:
        words.append("stretched")
    if np.abs(placed[2, :2]).max() > _PERSPECTIVE:
        words.append("seen at another angle")
    resized = math.sqrt(abs(np.linalg.det(pixels)))
    if not words and (resized < _RESIZED or resized > 1 / _RESIZED):
        words.append(f"resized to {resized:.0%}")
    return ", ".join(words) or "saved again or edited"


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
