"""The pictures that are compared: which there are, and their gray pixels, from the store."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cvadvisor.inspect.dataset import jpeg
from cvadvisor.inspect.dataset.look import DETAIL_SIDE_PX
from cvadvisor.inspect.dataset.near.alignment import Array
from cvadvisor.inspect.dataset.near.descriptors import SIDE_PX
from cvadvisor.inspect.dataset.store import Store

TRAIN = 0
_SPLITS = {"train": TRAIN, "validation": 1, "test": 2}

_KEPT = 65_536
"""Pictures whose thumbnails are kept once they were decoded: 256 MB. Those of others are decoded each time."""

# Blank pictures look like any other blank one, and copies like their originals.
_SEARCHED = """
SELECT seen.file, seen.split, seen.width, seen.height, seen.grayscale, compared.path IS NULL FROM temp.seen
LEFT JOIN main.compared ON compared.path = seen.path AND compared.size = seen.size
    AND compared.mtime_ns = seen.mtime_ns AND compared.split = seen.split
WHERE error IS NULL AND NOT blank AND seen.file NOT IN (SELECT file FROM temp.copy)
ORDER BY CASE seen.split WHEN 'train' THEN 0 WHEN 'validation' THEN 1 ELSE 2 END, seen.path
"""


@dataclass(eq=False)
class Pictures:
    """The pictures of a dataset; their number is their place here: training first, then by path."""

    store: Store
    files: Array
    """Ids in ``temp.file``."""
    splits: Array
    """0 for training, 1 for validation, 2 for test."""
    sizes: Array
    """Width and height in px (n, 2)."""
    gray: Array
    """Whether each has no colour."""
    fresh: Array
    """Whether each was not compared with the others when they were last searched."""
    _thumbnails: Array = field(init=False, repr=False)
    _decoded: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        count = min(len(self), _KEPT)
        self._thumbnails = np.empty((count, SIDE_PX, SIDE_PX), np.uint8)
        self._decoded = np.zeros(count, bool)

    def __len__(self) -> int:
        return len(self.files)

    def path(self, number: int) -> bytes:
        """The picture's path, as the store holds it."""
        path: bytes = self.store.one("SELECT path FROM temp.file WHERE id = ?", int(self.files[number]))
        return path

    def thumbnails(self, numbers: Array) -> Array:
        """Gray pictures, uint8 (n, 64, 64)."""
        kept = numbers < len(self._decoded)
        missing = np.unique(numbers[kept])
        missing = missing[~self._decoded[missing]]
        self._thumbnails[missing] = self._load("thumbnail", "L", missing, (SIDE_PX, SIDE_PX))
        self._decoded[missing] = True
        if kept.all():
            return self._thumbnails[numbers]
        found = np.empty((len(numbers), SIDE_PX, SIDE_PX), np.uint8)
        found[kept] = self._thumbnails[numbers[kept]]
        found[~kept] = self._load("thumbnail", "L", numbers[~kept], (SIDE_PX, SIDE_PX))
        return found

    def details(self, numbers: Array) -> Array:
        """RGB pictures, uint8 (n, 128, 128, 3), of pictures for which :meth:`want_details` was called."""
        return self._load("detail_look", "RGB", numbers, (DETAIL_SIDE_PX, DETAIL_SIDE_PX, 3))

    def want_details(self, numbers: Array, scan: Callable[[], None]) -> None:
        """Have ``scan`` look at pictures again, for their details."""
        self.store.run("CREATE TEMP TABLE wanted (file INTEGER PRIMARY KEY)")
        self.store.insert("temp.wanted", ((int(self.files[number]),) for number in np.unique(numbers)))
        try:
            scan()
        finally:
            self.store.run("DROP TABLE temp.wanted")

    def _load(self, table: str, mode: str, numbers: Array, shape: tuple[int, ...]) -> Array:
        """Each picture is read and decoded once, however often its number occurs; what cannot be is black."""
        distinct, place = np.unique(numbers, return_inverse=True)
        loaded = np.zeros((len(distinct), *shape), np.uint8)
        query = f"SELECT jpeg FROM main.{table} JOIN temp.file ON file.path = {table}.path WHERE file.id = ?"
        for row, number in enumerate(distinct):
            data = self.store.one(query, int(self.files[number]))
            if data is not None:
                loaded[row] = jpeg.decode_small(data, mode)
        return loaded[place]


def load_pictures(store: Store) -> Pictures:
    """The pictures that are worth comparing: readable, not blank, and no exact copies of others."""
    count = store.one(f"SELECT count(*) FROM ({_SEARCHED})")
    files, splits = np.empty(count, np.int64), np.empty(count, np.int8)
    sizes, gray, fresh = np.empty((count, 2), np.float32), np.empty(count, bool), np.empty(count, bool)
    for row, (file, split, width, height, without_colour, is_fresh) in enumerate(store.rows(_SEARCHED)):
        files[row], splits[row], sizes[row] = file, _SPLITS[split], (width, height)
        gray[row], fresh[row] = without_colour, is_fresh
    return Pictures(store, files, splits, sizes, gray, fresh)
