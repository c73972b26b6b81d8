"""Decode the images that probes use, once, at the size that probes use."""

import collections
import os
import threading
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


MOST_BYTES = 1_000_000_000
"""Memory for images that are kept, 6,500 of them at 224 px; those that a probe works with are in memory once more."""

Decoded = tuple["np.ndarray | None", float]
"""Pixels (side, side, 3) as uint8, ``None`` where the file could not be read, and the width over the height."""


class Images:
    """Images of the dataset at ``root``, each decoded once at one size as long as memory for that lasts."""

    def __init__(self, root: Path, most_bytes: int = MOST_BYTES) -> None:
        self.root, self.most_bytes = root, most_bytes
        self.bytes = 0
        self._kept: collections.OrderedDict[tuple[Place, int, bool], Decoded] = collections.OrderedDict()
        self._lock = threading.Lock()

    def load(
        self, samples: "list[Sample]", size: int, tick: Callable[[int, int], None]
    ) -> "tuple[np.ndarray, np.ndarray, list[str]]":
        """``samples`` with the shorter side at ``size``, cropped in the middle, as the generated script evaluates.

        Returns:
            Pixels (images, size, size, 3) as uint8, labels (images,) as int64, and paths. A file that cannot be read
            any more is left out.
        """
        kept, pixels, _ = self._all(samples, size, False, tick)
        return pixels, _labels(samples, kept), [samples[index].path for index in kept]

    def load_whole(self, samples: "list[Sample]", side: int, tick: Callable[[int, int], None]) -> "TrainingImages":
        """``samples`` whole, each squeezed into a square of ``side`` px; what cannot be read is left out."""
        from cvadvisor.probe.training import TrainingImages

        kept, pixels, aspects = self._all(samples, side, True, tick)
        return TrainingImages(pixels, aspects, _labels(samples, kept))

    def _all(
        self, samples: "list[Sample]", side: int, whole: bool, tick: Callable[[int, int], None]
    ) -> "tuple[list[int], np.ndarray, np.ndarray]":
        """Which of ``samples`` could be read, their pixels (images, side, side, 3) and aspect ratios (images,)."""
        import numpy as np

        pixels, aspects = np.empty((len(samples), side, side, 3), np.uint8), np.ones(len(samples))
        kept: list[int] = []
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4
        with ThreadPoolExecutor(max(1, cores)) as pool:
            decoded = pool.map(lambda sample: self._one(sample.place, side, whole), samples)
            for index, (image, aspect) in enumerate(decoded):
                if image is not None:
                    pixels[len(kept)], aspects[len(kept)] = image, aspect
                    kept.append(index)
                if index % 32 == 0:
                    tick(index, len(samples))
        return kept, pixels[: len(kept)], aspects[: len(kept)]

    def _one(self, place: "Place", side: int, whole: bool) -> Decoded:
        """One image. Where memory for them is full, it takes the place of those of another size, used longest ago.

        Not of its own size: those are gone through in order again and again, and each would be gone when it is needed.
        """
        key = (place, side, whole)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        one = decode_whole(self.root, place, side) if whole else (decode(self.root, place, side), 1.0)
        with self._lock:
            while self._kept and self.bytes + _size(one) > self.most_bytes:
                oldest = next(iter(self._kept))
                if oldest[1:] == key[1:]:
                    return one
                self.bytes -= _size(self._kept.pop(oldest))
            if key not in self._kept and _size(one) <= self.most_bytes:
                self._kept[key] = one
                self.bytes += _size(one)
        return one


def _size(one: Decoded) -> int:
    return 0 if one[0] is None else int(one[0].nbytes)


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


def decode_whole(root: Path, place: "Place", side: int) -> Decoded:
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


def _labels(samples: "list[Sample]", kept: list[int]) -> "np.ndarray":
    import numpy as np

    return np.array([samples[index].label for index in kept], np.int64)
