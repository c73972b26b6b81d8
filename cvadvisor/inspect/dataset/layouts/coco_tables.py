"""COCO JSON files, put into tables of their own: each file is parsed once, however often its samples are asked for.

What is kept of an image or an object goes to the store, which holds it on disk; the text is parsed an item at a time.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cvadvisor.inspect.dataset.layouts.json_parts import NotJson, items
from cvadvisor.inspect.dataset.layouts.lookup import split_in, split_word, stem_of, text_of
from cvadvisor.inspect.dataset.layouts.reading import DatasetError, Split
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.dataset.store import Store, to_bytes
from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files

Find = Callable[[str, Split | None], str | None]
Bounds = tuple[float, float, float, float]

_TABLES = """
CREATE TABLE temp.coco_image (
    json INTEGER NOT NULL, key TEXT NOT NULL, path BLOB NOT NULL, found INTEGER NOT NULL, split TEXT NOT NULL,
    PRIMARY KEY (json, key)
);
CREATE TABLE temp.coco_object (
    json INTEGER NOT NULL, image TEXT NOT NULL, category TEXT NOT NULL, position INTEGER NOT NULL,
    x REAL, y REAL, width REAL, height REAL
);
CREATE TABLE temp.coco_fault (json INTEGER NOT NULL, problem TEXT NOT NULL);
"""
_NEEDED = (b'"images"', b'"annotations"', b'"categories"')
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@dataclass
class CocoFile:
    """What one JSON file holds."""

    number: int
    """Its number in the tables' column ``json``."""
    path: str
    split: Split | None
    """The split that its name or folder speaks of."""
    categories: dict[str, str] = field(default_factory=dict)
    """Names by id."""
    supercategories: set[str] = field(default_factory=set)
    images: int = 0
    """Images that it lists."""
    found: int = 0
    """Those that are on disk."""
    objects: int = 0
    """Annotations that name a category."""
    boxes: int = 0
    """Those of them that have a box."""
    crowds: int = 0
    """Regions that stand for many objects at once, which are left out."""
    panoptic: bool = False
    """Whether its objects are segments of a panoptic annotation."""
    example: str = ""
    """An image that is not on disk."""


def make_tables(store: Store) -> None:
    """Make the tables, empty."""
    for table in ("coco_image", "coco_object", "coco_fault"):
        store.run(f"DROP TABLE IF EXISTS temp.{table}")
    store.connection.executescript(_TABLES)


def load(files: "Files", path: str, number: int, find: Find) -> CocoFile | None:
    """Put the JSON file at ``path`` into the tables; ``None`` where it is no COCO, or cannot be read.

    Args:
        files: the listing.
        path: the file, as the listing has it.
        number: the file's number in the tables.
        find: finds an image by the name that an annotation gives it.

    Raises:
        DatasetError: it is COCO up to where it stops being JSON.
    """
    try:
        data = files.read(path)
    except Unreadable:
        return None
    coding = _MARKS.get(data[:2])
    if not all((key.decode().encode(coding) if coding else key) in data for key in _NEEDED):
        if b'"images"' in data and b'"file_name"' in data and not data.rstrip().endswith(b"}"):
            raise DatasetError(f"{printable(path)} looks like COCO JSON that breaks off: download or export it again.")
        return None
    text = text_of(data)
    del data
    if text[:1_000].lstrip()[:1] != "{":
        return None
    split = split_word(stem_of(path)) or split_in(path)
    loader = _Loader(files.store, CocoFile(number, path, split), find)
    try:
        loader.load(text)
    except NotJson as error:
        raise DatasetError(
            f"{printable(path)} is COCO JSON that breaks off: {error}: download or export it again."
        ) from None
    return loader.file if loader.file.images and loader.file.categories else None


class _Loader:
    """Rows of one file on their way into the tables."""

    def __init__(self, store: Store, file: CocoFile, find: Find) -> None:
        self.store, self.file, self.find = store, file, find

    def load(self, text: str) -> None:
        self.store.insert("temp.coco_object", self._objects(text))

    def _objects(self, text: str) -> Iterator[tuple[Any, ...]]:
        """Rows of the annotations; the other parts are dealt with as they come."""
        positions = {"annotations": -1, "images": -1, "categories": -1}
        for key, item in items(text):
            if key not in positions:
                continue
            positions[key] += 1
            if not isinstance(item, dict):
                self._fault(f"{key}[{positions[key]}] is no object")
            elif key == "annotations":
                yield from self._annotation(item, positions[key])
            elif key == "images":
                self._image(item, positions[key])
            else:
                self._category(item, positions[key])

    def _category(self, item: dict[str, Any], position: int) -> None:
        key, name = _key(item.get("id")), item.get("name")
        if key is None:
            self._fault(f"categories[{position}] has no id")
        elif key in self.file.categories:
            self._fault(f"categories[{position}]: the id {key} occurs twice")
        else:
            self.file.categories[key] = name.strip() if isinstance(name, str) and name.strip() else key
            if isinstance(item.get("supercategory"), str):
                self.file.supercategories.add(item["supercategory"].strip())

    def _image(self, item: dict[str, Any], position: int) -> None:
        key, name = _key(item.get("id")), item.get("file_name")
        if key is None or not isinstance(name, str) or not name:
            self._fault(f"images[{position}] has no {'id' if key is None else 'file_name'}")
            return
        path = self.find(name, self.file.split)
        split = self.file.split or split_in(path or name) or "train"
        row = (self.file.number, key, to_bytes(path or name), path is not None, split)
        added = self.store.connection.execute("INSERT OR IGNORE INTO temp.coco_image VALUES (?, ?, ?, ?, ?)", row)
        if not added.rowcount:
            self._fault(f"images[{position}]: the id {key} occurs twice")
            return
        self.file.images += 1
        self.file.found += path is not None
        if path is None:
            self.file.example = self.file.example or name

    def _annotation(self, item: dict[str, Any], position: int) -> Iterator[tuple[Any, ...]]:
        image = _key(item.get("image_id"))
        if image is None:
            self._fault(f"annotations[{position}] has no image_id")
            return
        segments = item.get("segments_info")
        if not isinstance(segments, list):
            yield from self._object(item, image, position)
            return
        self.file.panoptic = True
        for segment in segments:
            if isinstance(segment, dict):
                yield from self._object(segment, image, position)
            else:
                self._fault(f"annotations[{position}] has a segment that is no object")

    def _object(self, item: dict[str, Any], image: str, position: int) -> Iterator[tuple[Any, ...]]:
        category = _key(item.get("category_id"))
        if category is None:
            self._fault(f"annotations[{position}] has no category_id")
            return
        bounds: Bounds | None = None
        if item.get("bbox") is not None:
            bounds = _bounds(item["bbox"])
            if bounds is None:
                self._fault(f"annotations[{position}]: its bbox is not four numbers")
                return
        if item.get("iscrowd") in (1, True):
            self.file.crowds += 1
            return
        self.file.objects += 1
        self.file.boxes += bounds is not None
        yield (self.file.number, image, category, position, *(bounds or (None,) * 4))

    def _fault(self, problem: str) -> None:
        self.store.run("INSERT INTO temp.coco_fault VALUES (?, ?)", self.file.number, problem)


def _key(value: object) -> str | None:
    """An id as text: files spell the same one as 7, 7.0 and '7'."""
    if isinstance(value, str) and value:
        return value[:200].encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    return None


def _bounds(value: object) -> Bounds | None:
    """Left, top, width and height; ``None`` unless they are four finite numbers."""
    if not isinstance(value, list) or len(value) != 4:
        return None
    numbers = [number(one) for one in value]
    if any(one is None for one in numbers):
        return None
    x, y, width, height = (one for one in numbers if one is not None)
    return x, y, width, height


def number(value: object) -> float | None:
    """``value`` as a finite float of a size that pixels can have; ``None`` where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) and abs(result) < 1e12 else None
