"""Pictures for the dataset stage's verification, from files rather than from its store."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np

from cvadvisor.inspect.dataset import jpeg, look
from cvadvisor.inspect.dataset.near.alignment import Array
from cvadvisor.inspect.dataset.near.pictures import Pictures
from cvadvisor.inspect.dataset.places import Place, Unreadable, read_bytes


class DecodedPictures(Pictures):
    """The pictures of some files, read when they are made; their number is their place in the list."""

    readable: Array
    _content: list[str | bytes | None]
    _gray: Array
    _colour: Array

    @classmethod
    def of(cls, root: Path, places: list[Place], images: int, tick: Callable[[int, int], None]) -> Self:
        """Read the files at ``places`` in the dataset at ``root``, which has ``images`` images in all."""
        made = cls.__new__(cls)
        count = len(places)
        made.files = np.arange(max(images, count))  # verification asks how many pictures share a layout
        made.sizes = np.ones((count, 2), np.float32)
        made.gray, made.readable = np.zeros(count, bool), np.zeros(count, bool)
        made._content = [None] * count
        made._gray = np.zeros((count, 64, 64), np.uint8)
        made._colour = np.zeros((count, look.DETAIL_SIDE_PX, look.DETAIL_SIDE_PX, 3), np.uint8)
        for number, place in enumerate(places):
            tick(number, count)
            made._read(number, root, place)
        return made

    def _read(self, number: int, root: Path, place: Place) -> None:
        try:
            data = read_bytes(root, place)
        except (Unreadable, OSError):
            return
        seen, detail = look.look(data, place.path), look.detail(data)
        if (
            seen is None
            or seen.error is not None
            or seen.thumbnail is None
            or seen.blank
            or detail is None
            or detail.jpeg is None
        ):
            return
        self.sizes[number], self.gray[number] = (seen.width or 1, seen.height or 1), bool(seen.grayscale)
        self._gray[number] = jpeg.decode_small(seen.thumbnail, "L")
        self._colour[number] = jpeg.decode_small(detail.jpeg, "RGB")
        self._content[number], self.readable[number] = seen.content_hash, True

    def identical(self, one: int, other: int) -> bool:
        """Whether two files are byte-identical."""
        return self._content[one] is not None and self._content[one] == self._content[other]

    def thumbnails(self, numbers: Array) -> Array:
        """Gray pictures, uint8 (n, 64, 64)."""
        return np.asarray(self._gray[numbers])

    def details(self, numbers: Array) -> Array:
        """RGB pictures, uint8 (n, 128, 128, 3)."""
        return np.asarray(self._colour[numbers])

    def want_details(self, numbers: Array, scan: Callable[[], None]) -> None:
        """Nothing to do: all of them are there."""


def placements() -> Array:
    """Maps (n, 3, 3) to start from: in place, mirrored, and either a part of the other."""
    sides = [(1.0, 1.0), (-1.0, 1.0), (0.8, 0.8), (1.25, 1.25), (-0.8, 0.8), (-1.25, 1.25)]
    return np.array([np.diag([x, y, 1.0]) for x, y in sides], np.float32)
