"""Pictures drawn by a seed, with about as much structure as photos, and stand-ins for those of a store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from cvadvisor.inspect.dataset.near.pictures import Pictures

Array = np.ndarray[Any, np.dtype[Any]]

TURNS: tuple[Callable[[Array], Array], ...] = (
    lambda picture: picture,
    lambda picture: picture[:, ::-1],
    lambda picture: picture[::-1],
    lambda picture: picture[::-1, ::-1],
    lambda picture: picture.swapaxes(0, 1),
    lambda picture: np.rot90(picture),
    lambda picture: np.rot90(picture, 3),
    lambda picture: np.rot90(picture, 2).swapaxes(0, 1),
)
"""Every way to turn and mirror a picture (height, width, …) by right angles."""


def scene(seed: int, size: tuple[int, int] = (240, 180)) -> Image.Image:
    """Coloured shapes and lines over a ground with contrast in several octaves, and a little noise."""
    rng = np.random.default_rng(seed)
    (width, height), short = size, min(size)
    ground = np.zeros((height, width, 3))
    for octave in range(2, 6):
        coarse = 0.8 * rng.normal(size=(2**octave, 2**octave, 1)) + 0.4 * rng.normal(size=(2**octave, 2**octave, 3))
        small = Image.fromarray((128 + 40 * coarse).clip(0, 255).astype(np.uint8))
        ground += np.asarray(small.resize(size, Image.Resampling.BICUBIC), float) / 2 ** (octave - 2)
    ground = (ground - ground.min()) / (ground.max() - ground.min()) * 255
    image = Image.fromarray(ground.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        across, down = rng.uniform(0.01, 0.12, 2) * short
        colour = tuple(int(level) for level in rng.integers(0, 256, 3))
        kind = rng.integers(3)
        if kind == 0:
            draw.ellipse((x - across, y - down, x + across, y + down), fill=colour)
        elif kind == 1:
            corners = rng.uniform(-0.2, 0.2, (2, 2)) * short
            draw.polygon([(x, y), *((x + right, y + below) for right, below in corners)], fill=colour)
        else:
            end = (x + 3 * across, y + rng.uniform(-0.3, 0.3) * short)
            draw.line((x, y, *end), fill=colour, width=max(1, round(0.02 * short)))
    noise = rng.normal(0, 2, (height, width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def cropped(share: float) -> Callable[[Image.Image], Image.Image]:
    """What cuts a picture down to that share of each side, off its middle."""

    def change(image: Image.Image) -> Image.Image:
        kept = [round(side * share) for side in image.size]
        left, top = ((side - keep) * 3 // 4 for side, keep in zip(image.size, kept, strict=True))
        return image.crop((left, top, left + kept[0], top + kept[1]))

    return change


def squares(seeds: Sequence[int], side: int = 64) -> Array:
    """Gray scenes, uint8 (n, side, side)."""
    return np.stack([np.asarray(scene(seed, (128, 128)).convert("L").resize((side, side))) for seed in seeds])


@dataclass(eq=False)
class Drawn(Pictures):
    """Pictures that come from an array instead of a store, and whether they were asked for."""

    rgb: Array
    """uint8 (n, 128, 128, 3)."""
    asked: list[int]
    """How many thumbnails were asked for each time."""

    def thumbnails(self, numbers: Array) -> Array:
        self.asked.append(len(numbers))
        gray = self.rgb[numbers].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        return gray.reshape(len(numbers), 64, 2, 64, 2).mean((2, 4)).round().astype(np.uint8)

    def details(self, numbers: Array) -> Array:
        return self.rgb[numbers]

    def want_details(self, numbers: Array, scan: Callable[[], None]) -> None:
        scan()


def drawn(rgb: Sequence[Any] | Array, splits: Sequence[int] | None = None, size: int = 128) -> Drawn:
    """Stand-ins for square pictures of ``size`` px, all of them for training where no splits are given."""
    pixels = np.stack([np.asarray(one) for one in rgb])
    if pixels.ndim == 3:
        pixels = np.repeat(pixels[..., None], 3, axis=3)
    count = len(pixels)
    gray = (pixels.max(3).astype(int) - pixels.min(3)).max((1, 2)) == 0
    return Drawn(
        store=None,  # type: ignore[arg-type]
        files=np.arange(count),
        splits=np.array(splits or [0] * count, np.int8),
        sizes=np.full((count, 2), size, np.float32),
        gray=gray,
        fresh=np.ones(count, bool),
        rgb=pixels.astype(np.uint8),
        asked=[],
    )


def nothing(*_: object) -> None:
    """What is told goes nowhere."""
