"""Descriptors of small gray pictures: alike for a picture and its copy, also where that was turned, mirrored or cut.

A descriptor holds the lowest frequencies of a square piece of a thumbnail (a cosine transform without its mean), each
divided by its usual size, so that fine structure counts as much as coarse, and scaled to length 1: changes of
brightness and contrast, compression and size hardly matter to it.

A picture that was turned by 90 degrees or mirrored has the same coefficients but for their signs and order. So each
descriptor is brought into one canonical orientation: mirrored until it is brighter on the left and at the top, and
transposed where more changes down it than across. Where that is nearly a tie, a whole picture gets a descriptor for
either side of it.

A copy that was cut shows a part of its original: every picture is described whole and in parts, and wholes are compared
with parts. That finds a border too: the original is a part of the copy.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cvadvisor.inspect.dataset.near.alignment import Array, lay_over

SIDE_PX = 64
_FREQUENCIES = 8
_TIE = 0.1
"""Where the difference that decides on an orientation is smaller, both are kept."""

# Parts by their side and how many of them lie along each axis; of two or more, the outer ones are inset a little, since
# a descriptor tolerates about a thirtieth of the side. 0.83 is the picture inside a border of a tenth.
_FEW = ((0.9, 1), (0.83, 1))
_SOME = ((0.9, 1), (0.83, 1), (0.8, 2), (0.7, 1))
_MANY = ((0.9, 2), (0.83, 1), (0.8, 3), (0.7, 4))
_TILTS = (-4.5, 4.5)
_MOST = ((0.9, 3), (0.83, 1), (0.8, 4), (0.7, 5))


@dataclass(frozen=True)
class Part:
    """A square part of a picture, in coordinates from 0 to 1, perhaps tilted about its middle."""

    left: float
    top: float
    side: float
    tilt: float = 0.0
    """In degrees."""

    def map(self) -> Array:
        """The map (3, 3) from coordinates of the part, -1 to 1, to those of the picture."""
        x, y = 2 * self.left + self.side - 1, 2 * self.top + self.side - 1
        across, down = self.side * np.cos(np.radians(self.tilt)), self.side * np.sin(np.radians(self.tilt))
        return np.array([[across, -down, x], [down, across, y], [0, 0, 1]], np.float32)


@dataclass(frozen=True)
class Descriptors:
    """Descriptors (n, :data:`LENGTH`), and for each its picture, its part and its orientation."""

    vectors: Array
    pictures: Array
    parts: Array
    orientations: Array
    """Bits: 1 mirrored left to right, 2 upside down, then 4 transposed."""


def _parts(*sizes: tuple[float, int], tilts: tuple[float, ...] = ()) -> tuple[Part, ...]:
    parts = [Part(0.0, 0.0, 1.0), *(Part(0.0, 0.0, 1.0, tilt) for tilt in tilts)]
    for side, count in sizes:
        free = 1 - side
        inset = free / (2 * count)
        places = np.linspace(inset, free - inset, count) if count > 1 else np.array([free / 2])
        parts += [Part(float(left), float(top), side) for top in places for left in places]
    return tuple(parts)


FEW, SOME = _parts(*_FEW), _parts(*_SOME)
MANY, MOST = _parts(*_MANY, tilts=_TILTS), _parts(*_MOST, tilts=_TILTS)
"""Parts that pictures are described in: the fewer, the more pictures can be searched. The first is the whole."""

_ROWS, _COLUMNS = (grid.ravel()[1:] for grid in np.indices((_FREQUENCIES, _FREQUENCIES)))
_KEPT = _ROWS**2 + _COLUMNS**2 < _FREQUENCIES**2
LENGTH = int(_KEPT.sum())
# For coefficients in the order of _ROWS and _COLUMNS: signs after mirroring, places after transposing.
_MIRRORED = (1 - 2 * (_COLUMNS % 2)).astype(np.float32)
_UPSIDE_DOWN = (1 - 2 * (_ROWS % 2)).astype(np.float32)
_TRANSPOSED = np.arange(_FREQUENCIES**2).reshape(_FREQUENCIES, _FREQUENCIES).T.ravel()[1:] - 1
_RIGHTWARD, _DOWNWARD = 0, _FREQUENCIES - 1
_ACROSS = ((_COLUMNS > _ROWS).astype(np.float32) - (_ROWS > _COLUMNS).astype(np.float32))[:, None]


def turn(orientation: int) -> Array:
    """The matrix (2, 2) that takes coordinates of the oriented picture to those of the picture."""
    matrix = np.diag([-1.0 if orientation & 1 else 1.0, -1.0 if orientation & 2 else 1.0])
    return (matrix[:, ::-1] if orientation & 4 else matrix).astype(np.float32)


def scales(thumbnails: Array) -> Array:
    """What each coefficient is multiplied by, from a sample of the thumbnails (n, 64, 64): one over its usual size."""
    sample = _coefficients(thumbnails, FEW[:1])[:, 0]
    size = np.sqrt((sample**2).mean(axis=0))
    size = np.sqrt((size**2 + size[_TRANSPOSED] ** 2) / 2)
    return (1 / np.maximum(size, 1e-3)).astype(np.float32)


def describe(thumbnails: Array, scale: Array, parts: tuple[Part, ...]) -> Descriptors:
    """Descriptors of ``parts`` of thumbnails (n, 64, 64), one each."""
    coefficients = _normalised(_coefficients(thumbnails, parts).reshape(-1, len(_KEPT)), scale)
    oriented, orientations = _canonical(coefficients)
    pictures, numbers = np.divmod(np.arange(len(oriented), dtype=np.int32), len(parts))
    return Descriptors(_kept(oriented), pictures, numbers, orientations)


def describe_whole(thumbnails: Array, scale: Array) -> Descriptors:
    """Descriptors of whole thumbnails (n, 64, 64), one for each orientation that it may have by a nose."""
    coefficients = _normalised(_coefficients(thumbnails, FEW[:1])[:, 0], scale)
    vectors, orientations = _canonical(coefficients)
    pictures = np.arange(len(vectors), dtype=np.int32)
    for bit, change in ((1, _mirror), (2, _turn_over), (4, _transpose)):
        tied = np.abs(_difference(vectors, bit)) < _TIE
        vectors = np.concatenate([vectors, change(vectors[tied])])
        orientations = np.concatenate([orientations, _combined(orientations[tied], bit)])
        pictures = np.concatenate([pictures, pictures[tied]])
    return Descriptors(_kept(vectors), pictures, np.zeros(len(vectors), np.int32), orientations)


def _kept(vectors: Array) -> Array:
    vectors = vectors[:, _KEPT]
    return np.ascontiguousarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6))


def _normalised(coefficients: Array, scale: Array) -> Array:
    scaled = coefficients * scale
    return scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), np.float32(1e-6))


def _coefficients(thumbnails: Array, parts: tuple[Part, ...]) -> Array:
    """The lowest frequencies (n, parts, 63) of each part, without the mean."""
    upright = [part for part in parts if not part.tilt]
    spans = sorted({(start, part.side) for part in upright for start in (part.left, part.top)})
    place = {span: slice(i * _FREQUENCIES, (i + 1) * _FREQUENCIES) for i, span in enumerate(spans)}
    lines = np.concatenate([_line(*span) for span in spans])
    across = np.matmul(thumbnails.astype(np.float32) - np.float32(128), lines.T)  # (n, 64, spans * frequencies)
    found = np.empty((len(thumbnails), len(parts), _FREQUENCIES, _FREQUENCIES), np.float32)
    for number, part in enumerate(parts):
        if part.tilt:
            tilted = lay_over(
                thumbnails.astype(np.float32), np.repeat(part.map()[None], len(thumbnails), axis=0), SIDE_PX
            )[0]
            np.matmul(_line(0.0, 1.0) @ tilted, _line(0.0, 1.0).T, out=found[:, number])
            continue
        rows, columns = place[part.top, part.side], place[part.left, part.side]
        np.matmul(lines[rows], across[:, :, columns], out=found[:, number])
    return found.reshape(len(thumbnails), len(parts), -1)[:, :, 1:]


@lru_cache(256)
def _line(start: float, side: float) -> Array:
    """The matrix (frequencies, 64) that takes a line of pixels to the cosine transform of one part of it."""
    points = np.arange(SIDE_PX)
    waves = np.cos(np.pi * np.outer(np.arange(_FREQUENCIES), points + 0.5) / SIDE_PX) * np.sqrt(2 / SIDE_PX)
    edges = (start + side * np.arange(SIDE_PX + 1) / SIDE_PX) * SIDE_PX
    shares = np.minimum(edges[1:, None], points + 1) - np.maximum(edges[:-1, None], points)
    shares = np.maximum(shares, 0)
    return (waves @ (shares / shares.sum(axis=1, keepdims=True))).astype(np.float32)


def _canonical(vectors: Array) -> tuple[Array, Array]:
    """Each vector in its canonical orientation, and which that is."""
    orientations = np.zeros(len(vectors), np.uint8)
    for bit, change in ((1, _mirror), (2, _turn_over), (4, _transpose)):
        wrong = _difference(vectors, bit) < 0
        vectors = np.where(wrong[:, None], change(vectors), vectors)
        orientations[wrong] |= bit
    return vectors, orientations


def _difference(vectors: Array, bit: int) -> Array:
    """What decides whether to mirror (1), turn over (2) or transpose (4): it is to be positive."""
    if bit == 4:
        return np.matmul(vectors**2, _ACROSS)[:, 0]
    return vectors[:, _RIGHTWARD if bit == 1 else _DOWNWARD]


def _mirror(vectors: Array) -> Array:
    return vectors * _MIRRORED


def _turn_over(vectors: Array) -> Array:
    return vectors * _UPSIDE_DOWN


def _transpose(vectors: Array) -> Array:
    return vectors[:, _TRANSPOSED]


def _combined(orientations: Array, bit: int) -> Array:
    """Orientations of pictures that are changed once more: of a transposed one, left and right are above and below."""
    swapped = np.uint8({1: 2, 2: 1, 4: 4}[bit])
    return np.where(orientations & 4, orientations ^ swapped, orientations ^ np.uint8(bit))
