"""Small datasets of scenes: frames of one scene look alike, and other scenes look otherwise."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.inspect.dataset.making import encoded


def frame(scene: str, number: int, exif: Image.Exif | None = None) -> bytes:
    """A JPEG of a smooth scene that only the name decides, shifted and brightened a little by the frame's number."""
    seed = int.from_bytes(hashlib.blake2b(scene.encode(), digest_size=8).digest())
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    whole = Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC)
    shift = number % 5
    cut = whole.crop((shift, shift, 56 + shift, 56 + shift)).point(
        lambda level: min(255, int(level * (1 + number / 99)))
    )
    return encoded(cut, "JPEG", quality=90, exif=exif or Image.Exif())


def write_frames(
    root: Path,
    name: Callable[[int, int], str],
    *,
    scenes: int = 16,
    frames: int = 6,
    alike: bool = True,
    exif: Callable[[int, int], Image.Exif] | None = None,
) -> Path:
    """Write frames of scenes at the paths that ``name`` gives for scene and frame; not alike, each is its own scene."""
    for scene in range(scenes):
        for number in range(frames):
            path = root / name(scene, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            shown = f"scene {scene}" if alike else f"scene {scene} {number}"
            path.write_bytes(frame(shown, number, exif(scene, number) if exif else None))
    return root


def split_of(number: int) -> str:
    """A split that has nothing to do with the scene."""
    return "val" if number % 3 == 1 else "train"


def class_of(scene: int) -> str:
    """The class of a scene."""
    return "ab"[scene % 2]


def letters(*numbers: int) -> str:
    """A name that says nothing, the same for the same numbers."""
    return (
        hashlib.blake2b(repr(numbers).encode(), digest_size=6)
        .hexdigest()
        .translate(str.maketrans("0123456789", "ghijklmnop"))
    )
