"""Decode the images that probes use, once, at the size that probes use."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from cvadvisor.inspect.dataset.places import Place
    from cvadvisor.probe.session import Sample


def load(
    root: Path, samples: "list[Sample]", size: int, tick: Callable[[int, int], None]
) -> "tuple[np.ndarray, np.ndarray, list[str]]":
    """Decode ``samples``: shorter side to ``size``, then a centre crop, as the generated script evaluates.

    Returns:
        Pixels (images, size, size, 3) as uint8, labels (images,) as int64, and paths. A file that cannot be read any
        more is left out.
    """
    import numpy as np

    pixels = np.empty((len(samples), size, size, 3), np.uint8)
    kept: list[int] = []
    with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)) as pool:
        decoded = pool.map(lambda sample: decode(root, sample.place, size), samples)
        for index, image in enumerate(decoded):
            if image is not None:
                pixels[len(kept)] = image
                kept.append(index)
            if index % 32 == 0:
                tick(index, len(samples))
    labels = np.array([samples[index].label for index in kept], np.int64)
    return pixels[: len(kept)], labels, [samples[index].path for index in kept]


def decode(root: Path, place: "Place", size: int) -> "np.ndarray | None":
    """Pixels (size, size, 3) as uint8 of one file of the dataset at ``root``, or ``None`` if it cannot be read."""
    import numpy as np
    from PIL import Image

    from cvadvisor.inspect.dataset.pixels import open_image, to_rgb
    from cvadvisor.inspect.dataset.places import Unreadable, read_bytes

    try:
        with open_image(read_bytes(root, place)) as image:
            image.draft("RGB", (size, size))  # a JPEG decoder that scales down while it decodes, never below size
            rgb = to_rgb(image)
            scale = size / min(rgb.size)
            width, height = (max(size, round(side * scale)) for side in rgb.size)
            left, top = (width - size) // 2, (height - size) // 2
            right, bottom = min(rgb.width, (left + size) / scale), min(rgb.height, (top + size) / scale)
            box = (left / scale, top / scale, right, bottom)
            return np.asarray(rgb.resize((size, size), Image.Resampling.BILINEAR, box=box))
    except (Unreadable, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
