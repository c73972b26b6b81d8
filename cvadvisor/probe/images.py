"""Decode the images that probes use, once, at the size that probes use."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from cvadvisor.inspect.dataset.places import Place
    from cvadvisor.probe.session import Sample
    from cvadvisor.probe.training import TrainingImages


def load(
    root: Path, samples: "list[Sample]", size: int, tick: Callable[[int, int], None]
) -> "tuple[np.ndarray, np.ndarray, list[str]]":
    """Decode ``samples``: shorter side to ``size``, then a centre crop, as the generated script evaluates.

    Returns:
        Pixels (images, size, size, 3) as uint8, labels (images,) as int64, and paths. A file that cannot be read any
        more is left out.
    """
    kept, pixels, _ = _decoded(samples, size, lambda sample: (decode(root, sample.place, size), 1.0), tick)
    return pixels, _labels(samples, kept), [samples[index].path for index in kept]


def load_whole(root: Path, samples: "list[Sample]", side: int, tick: Callable[[int, int], None]) -> "TrainingImages":
    """Decode ``samples`` whole, each squeezed into a square of ``side`` px; what cannot be read is left out."""
    from cvadvisor.probe.training import TrainingImages

    kept, pixels, aspects = _decoded(samples, side, lambda sample: decode_whole(root, sample.place, side), tick)
    return TrainingImages(pixels, aspects, _labels(samples, kept))


def decode(root: Path, place: "Place", size: int) -> "np.ndarray | None":
    """Pixels (size, size, 3) as uint8 of one file of the dataset at ``root``, or ``None`` if it cannot be read."""
    import numpy as np
    from PIL import Image

    with _readable(root, place, size) as rgb:
        if rgb is not None:
            scale = size / min(rgb.size)
            width, height = (max(size, round(side * scale)) for side in rgb.size)
            left, top = (width - size) // 2, (height - size) // 2
            right, bottom = min(rgb.width, (left + size) / scale), min(rgb.height, (top + size) / scale)
            box = (left / scale, top / scale, right, bottom)
            return np.asarray(rgb.resize((size, size), Image.Resampling.BILINEAR, box=box))
    return None


def decode_whole(root: Path, place: "Place", side: int) -> "tuple[np.ndarray | None, float]":
    """Pixels (side, side, 3) as uint8 of one whole file, and its width over its height (``None`` if unreadable)."""
    import numpy as np
    from PIL import Image

    with _readable(root, place, side) as rgb:
        if rgb is not None:
            return np.asarray(rgb.resize((side, side), Image.Resampling.BILINEAR)), rgb.width / rgb.height
    return None, 1.0


@contextmanager
def _readable(root: Path, place: "Place", size: int) -> "Iterator[Image | None]":
    """The image as RGB, a JPEG scaled down while it is decoded, never below ``size`` (``None`` if unreadable)."""
    from PIL import Image

    from cvadvisor.inspect.dataset.pixels import open_image, to_rgb
    from cvadvisor.inspect.dataset.places import Unreadable, read_bytes

    rgb = None
    try:
        with open_image(read_bytes(root, place)) as image:
            image.draft("RGB", (size, size))
            rgb = to_rgb(image)
    except (Unreadable, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        pass
    yield rgb


def _decoded(
    samples: "list[Sample]",
    side: int,
    decoder: "Callable[[Sample], tuple[np.ndarray | None, float]]",
    tick: Callable[[int, int], None],
) -> "tuple[list[int], np.ndarray, np.ndarray]":
    """Which of ``samples`` could be read, their pixels (images, side, side, 3) and their aspect ratios (images,)."""
    import numpy as np

    pixels, aspects = np.empty((len(samples), side, side, 3), np.uint8), np.ones(len(samples))
    kept: list[int] = []
    with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)) as pool:
        for index, (image, aspect) in enumerate(pool.map(decoder, samples)):
            if image is not None:
                pixels[len(kept)], aspects[len(kept)] = image, aspect
                kept.append(index)
            if index % 32 == 0:
                tick(index, len(samples))
    return kept, pixels[: len(kept)], aspects[: len(kept)]


def _labels(samples: "list[Sample]", kept: list[int]) -> "np.ndarray":
    import numpy as np

    return np.array([samples[index].label for index in kept], np.int64)
