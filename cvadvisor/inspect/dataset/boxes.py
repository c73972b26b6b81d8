"""What is true of a detection dataset's boxes, and which of them cannot be right."""

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from cvadvisor.facts.dataset import BoxesFound, BoxExample, BoxFacts, ClassSize, Found, ImageExample
from cvadvisor.inspect.dataset.extremes import MOST_EXAMPLES, Extremes
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable

CROWDED_BOXES = 100
"""Objects an image that detectors commonly give at most."""

DUPLICATE_IOU = 0.95
_TINY_SHARE, _TINY_PX = 0.01, 4.0
_HUGE_SHARE = 0.95
# Annotations are rounded, and written one pixel off by formats that count from one.
_OUTSIDE_SHARE, _OUTSIDE_PX = 0.01, 1.0
# Six decimals of a share, as YOLO has them, are off by up to a hundredth of a pixel.
_ROUNDING_PX = 0.01
# Larger numbers are nonsense whose area may be no number.
_LARGEST_PX = 1e12
# Boxes that one box is compared with: those that begin at about the same place, the nearest first.
_MOST_COMPARED = 200
_LABELS_SHOWN = 3

_KINDS = ("outside", "degenerate", "duplicate", "tiny", "huge")

# The boxes in pixels of the images that decode, image by image: made once, since the join takes longer than the rest.
_PIXELS = """
CREATE TABLE temp.pixel_box AS SELECT box.file AS file, box.name AS name, look.width AS across, look.height AS down,
    box.x * (CASE relative WHEN 1 THEN look.width ELSE 1 END) AS x,
    box.y * (CASE relative WHEN 1 THEN look.height ELSE 1 END) AS y,
    box.width * (CASE relative WHEN 1 THEN look.width ELSE 1 END) AS width,
    box.height * (CASE relative WHEN 1 THEN look.height ELSE 1 END) AS height
FROM temp.sample JOIN temp.file AS image ON image.id = sample.file JOIN main.look ON look.path = image.path
    JOIN temp.box ON box.file = sample.file
WHERE look.error IS NULL AND look.width > 0 AND look.height > 0 ORDER BY box.file, box.id
"""


@dataclass(frozen=True, slots=True)
class _Box:
    """A box in pixels."""

    label: bytes
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Image:
    """An image with boxes."""

    file: int
    """Its id in the store."""
    width: int
    height: int


_Kind = Extremes[tuple[_Image, _Box]]


def box_facts(store: Store) -> BoxFacts:
    """The facts of the boxes in ``store``, whose images have been looked at.

    Boxes of images that cannot be read are counted; their geometry is not judged.
    """
    store.run("CREATE INDEX IF NOT EXISTS temp.box_file ON box (file)")
    store.run("DROP TABLE IF EXISTS temp.pixel_box")
    store.run(_PIXELS)
    kinds = {name: _Kind() for name in _KINDS}
    for image, boxes in _images(store):
        _judge(image, boxes, kinds)
    total = store.one("SELECT count(*) FROM temp.box")
    readable, without = _readable(store), _without(store)
    classes = _classes(store)
    trained = [size for size in classes if size.train]
    per_image = Counter(count for (count,) in store.rows("SELECT count(*) FROM temp.box GROUP BY file"))
    return BoxFacts(
        boxes=total,
        class_boxes=classes,
        imbalance_ratio=trained[0].train / trained[-1].train if trained else None,
        largest_class=trained[0].name if trained else None,
        smallest_class=trained[-1].name if trained else None,
        images_without=without,
        images_without_share=without / readable if readable else 0.0,
        median_per_image=_median_of_counts(per_image),
        most_per_image=max(per_image, default=None),
        median_area_share=_median(store, "width * height / (across * down)"),
        median_side_px=_median(store, "sqrt(width * height)"),
        crowded=_crowded(store, readable),
        **{name: _found(store, kind, total) for name, kind in kinds.items()},
    )


def _images(store: Store) -> Iterator[tuple[_Image, list[_Box]]]:
    """Every readable image with its boxes."""
    query = "SELECT file, across, down, name, x, y, width, height FROM temp.pixel_box ORDER BY rowid"
    for image, rows in groupby(store.rows(query), key=lambda row: row[:3]):
        yield _Image(*image), [_Box(*row[3:]) for row in rows]


def _judge(image: _Image, boxes: Sequence[_Box], kinds: dict[str, _Kind]) -> None:
    """Count the boxes of one image under every kind that they are of."""
    sound = []
    for box in boxes:
        if beyond := _beyond(image, box):
            kinds["outside"].add(beyond, (image, box))
        shorter, longer = sorted((box.width, box.height))
        if shorter < 1 - _ROUNDING_PX:
            kinds["degenerate"].add(-shorter, (image, box))
            continue
        sound.append(box)
        if longer < max(_TINY_SHARE * max(image.width, image.height), _TINY_PX) - _ROUNDING_PX:
            kinds["tiny"].add(-longer, (image, box))
        share = _covered(image, box)
        if share >= _HUGE_SHARE:
            kinds["huge"].add(share, (image, box))
    for overlap, box in _duplicates(sound):
        kinds["duplicate"].add(overlap, (image, box))


def _beyond(image: _Image, box: _Box) -> float:
    """How far a box reaches out of its image, as a share of the side; 0 where that is within what rounding does."""
    most = 0.0
    for start, length, side in ((box.x, box.width, image.width), (box.y, box.height, image.height)):
        first, last = min(start, start + length), max(start, start + length)
        beyond = max(-first, last - side)
        if beyond > max(_OUTSIDE_PX, _OUTSIDE_SHARE * side) + _ROUNDING_PX:
            most = max(most, beyond / side)
    return most


def _covered(image: _Image, box: _Box) -> float:
    """Share of the image that lies in the box."""
    across = min(box.x + box.width, image.width) - max(box.x, 0)
    down = min(box.y + box.height, image.height) - max(box.y, 0)
    return max(across, 0) * max(down, 0) / (image.width * image.height)


def _duplicates(boxes: Sequence[_Box]) -> Iterator[tuple[float, _Box]]:
    """Boxes that repeat an earlier one of their class, with the overlap (IoU).

    Boxes that overlap that much begin at almost the same place, so a list sorted by the left edge has them together.
    """
    kept: dict[bytes, list[tuple[float, int, _Box]]] = defaultdict(list)
    for number, box in enumerate(boxes):
        # The wider of two such boxes is at most 1/IoU times as wide, and the shift at most the part that is not shared.
        reach = box.width * (1 / DUPLICATE_IOU - 1)
        near = kept[box.label]
        best = max((_overlap(box, other) for other in _around(near, box.x, reach)), default=0.0)
        if best >= DUPLICATE_IOU:
            yield best, box
        else:
            insort(near, (box.x, number, box), key=lambda entry: entry[:2])


def _around(boxes: Sequence[tuple[float, int, _Box]], x: float, reach: float) -> Iterator[_Box]:
    """The boxes whose left edge lies within ``reach`` of ``x``, nearest first to both sides, and not too many."""
    start, end = 0, len(boxes)
    while start < end:
        middle = (start + end) // 2
        if boxes[middle][0] < x:
            start = middle + 1
        else:
            end = middle
    below, above = start - 1, start
    for _ in range(_MOST_COMPARED):
        down = x - boxes[below][0] if below >= 0 else reach + 1
        up = boxes[above][0] - x if above < len(boxes) else reach + 1
        if min(down, up) > reach:
            return
        if down < up:
            yield boxes[below][2]
            below -= 1
        else:
            yield boxes[above][2]
            above += 1


def _overlap(one: _Box, other: _Box) -> float:
    """Intersection over union."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(across, 0.0) * max(down, 0.0)
    union = one.width * one.height + other.width * other.height - shared
    return shared / union if union > 0 else 0.0


def _found(store: Store, kind: _Kind, total: int) -> BoxesFound:
    share = kind.count / total if total else 0.0
    return BoxesFound(boxes=kind.count, share=share, examples=tuple(_example(store, *one) for one in kind.most()))


def _example(store: Store, image: _Image, box: _Box) -> BoxExample:
    query = "SELECT path, split FROM temp.file JOIN temp.sample ON sample.file = file.id WHERE file.id = ?"
    path, split = next(store.rows(query, image.file))
    return BoxExample(
        path=printable(to_text(path)),
        split=split,
        label=printable(to_text(box.label)),
        box=f"{box.x:.5g}, {box.y:.5g}, {box.width:.5g} x {box.height:.5g} px in {image.width} x {image.height} px",
    )


def _classes(store: Store) -> tuple[ClassSize, ...]:
    """Boxes of each class in each split, most in training first."""
    counts: dict[bytes, Counter[str]] = defaultdict(Counter)
    query = "SELECT name, split, count(*) FROM temp.box JOIN temp.sample ON sample.file = box.file GROUP BY name, split"
    for name, split, boxes in store.rows(query):
        counts[name][split] = boxes
    sizes = [
        ClassSize(name=printable(to_text(name)), train=of["train"], validation=of["validation"], test=of["test"])
        for name, of in counts.items()
    ]
    return tuple(sorted(sizes, key=lambda size: (-size.train, -size.validation, -size.test, size.name)))


_SAMPLES = """
SELECT count(*) FROM temp.sample JOIN temp.file ON file.id = sample.file JOIN main.look ON look.path = file.path
WHERE look.error IS NULL
"""


def _readable(store: Store) -> int:
    return int(store.one(_SAMPLES))


def _without(store: Store) -> int:
    """Readable images without a box."""
    return int(store.one(f"{_SAMPLES} AND NOT EXISTS (SELECT 1 FROM temp.box WHERE box.file = sample.file)"))


def _median_of_counts(counts: Counter[int]) -> float | None:
    """The median of numbers, given how often each occurs."""
    total = counts.total()
    if not total:
        return None
    middle, seen = [], 0
    for value in sorted(counts):
        before, seen = seen, seen + counts[value]
        middle += [value for place in ((total - 1) // 2, total // 2) if before <= place < seen]
    return sum(middle) / 2


def _median(store: Store, expression: str) -> float | None:
    """The median over the sound boxes; SQLite sorts on disk where they are many."""
    sound = f"FROM temp.pixel_box WHERE width > 0 AND height > 0 AND width < {_LARGEST_PX} AND height < {_LARGEST_PX}"
    total = store.one(f"SELECT count(*) {sound}")
    if not total:
        return None
    query = f"SELECT {expression} {sound} ORDER BY 1 LIMIT {2 - total % 2} OFFSET {(total - 1) // 2}"
    middle = [float(value) for (value,) in store.rows(query)]
    return sum(middle) / len(middle)


def _crowded(store: Store, readable: int) -> Found:
    """Readable images with more boxes than detectors give."""
    crowded = f"SELECT file, count(*) AS boxes FROM temp.pixel_box GROUP BY file HAVING boxes > {CROWDED_BOXES}"
    images = int(store.one(f"SELECT count(*) FROM ({crowded})"))
    query = (
        f"SELECT crowded.file, path, split, boxes FROM ({crowded}) AS crowded JOIN temp.file ON file.id = crowded.file "
        f"JOIN temp.sample ON sample.file = crowded.file ORDER BY boxes DESC, path LIMIT {MOST_EXAMPLES}"
    )
    examples = tuple(
        ImageExample(
            path=printable(to_text(path)), split=split, label=_labels(store, file), measured=f"{boxes:,} boxes"
        )
        for file, path, split, boxes in store.rows(query)
    )
    return Found(images=images, share=images / readable if readable else 0.0, examples=examples)


def _labels(store: Store, file: int) -> str:
    """The classes that an image has most boxes of."""
    query = "SELECT name FROM temp.box WHERE file = ? GROUP BY name ORDER BY count(*) DESC, name LIMIT ?"
    return ", ".join(printable(to_text(name)) for (name,) in store.rows(query, file, _LABELS_SHOWN))
