"""Files that hold exactly the same image: leaks between splits, repeats in training, one image under two classes."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from cvadvisor.facts.dataset import ImagePair
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable

MOST_EXAMPLES = 12


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Exact duplicates among readable images. Near-duplicates (resized, re-compressed, cropped) are not seen here."""

    leaked_validation_images: int
    """Validation images that training holds too."""
    leaked_test_images: int
    """Test images that training or validation holds too."""
    duplicate_training_images: int
    """Training images beyond the first of each image in each class."""
    conflicting_label_images: int
    """Different images that occur under two classes or more, in whichever splits; each counts once, not each file."""
    leak_examples: tuple[ImagePair, ...]
    conflict_examples: tuple[ImagePair, ...]


@dataclass(frozen=True, slots=True)
class _Copy:
    """One file of an image that occurs more than once."""

    split: str
    path: str
    label: str
    content_hash: bytes


# Images that look alike at 64 px are candidates. Any two blank images of one size do, which says nothing about where
# they come from: those are one image only where the files are the same byte for byte.
_ALIKE = """
CREATE TEMP TABLE alike AS
    SELECT file, content_hash, CASE blank WHEN 1 THEN content_hash ELSE look_hash END AS look FROM temp.seen
    WHERE error IS NULL AND CASE blank WHEN 1 THEN content_hash ELSE look_hash END IN (
        SELECT CASE blank WHEN 1 THEN content_hash ELSE look_hash END FROM temp.seen WHERE error IS NULL
        GROUP BY 1 HAVING count(*) > 1)
"""
# One file of each content has to be decoded in full, and only where an image occurs with several contents.
_CANDIDATES = """
CREATE TEMP TABLE candidate AS
    SELECT min(file) AS file, content_hash FROM temp.alike
    WHERE look IN (SELECT look FROM temp.alike GROUP BY look HAVING count(DISTINCT content_hash) > 1)
    GROUP BY content_hash
"""
# A JPEG and its copy in another format are reduced by different code, so their small pictures differ a little. They are
# candidates where everything that was measured on them nearly agrees: first by cells of the mean colour, for speed.
_CELLS = 64
_MIXED = "SELECT count(DISTINCT format = 'JPEG') FROM temp.seen WHERE error IS NULL AND NOT blank"
_GRID = f"""
CREATE TEMP TABLE grid AS
    SELECT file, format = 'JPEG' AS jpeg, width, height, CAST(red * {_CELLS} AS INTEGER) AS r,
        CAST(green * {_CELLS} AS INTEGER) AS g, CAST(blue * {_CELLS} AS INTEGER) AS b,
        red, green, blue, dark_level, middle_level, bright_level, fine_detail
    FROM temp.seen WHERE error IS NULL AND NOT blank
"""
_CROSSED = """
CREATE TEMP TABLE crossed AS
    WITH step (by) AS (VALUES (-1), (0), (1)),
    pair AS (
        SELECT a.file AS jpeg, o.file AS other FROM temp.grid AS o
        CROSS JOIN step AS x CROSS JOIN step AS y CROSS JOIN step AS z
        JOIN temp.grid AS a ON a.jpeg AND a.width = o.width AND a.height = o.height
            AND a.r = o.r + x.by AND a.g = o.g + y.by AND a.b = o.b + z.by
        WHERE NOT o.jpeg AND abs(a.red - o.red) < 0.01 AND abs(a.green - o.green) < 0.01 AND abs(a.blue - o.blue) < 0.01
            AND abs(a.dark_level - o.dark_level) < 0.02 AND abs(a.middle_level - o.middle_level) < 0.02
            AND abs(a.bright_level - o.bright_level) < 0.02
            AND abs(a.fine_detail - o.fine_detail) < 0.02 + 0.2 * o.fine_detail)
    SELECT jpeg AS file FROM pair UNION SELECT other FROM pair
"""
_ADD_CROSSED = (
    "INSERT INTO temp.alike SELECT file, content_hash, look_hash FROM temp.seen WHERE file IN (SELECT file FROM "
    "temp.crossed) AND file NOT IN (SELECT file FROM temp.alike)",
    "INSERT INTO temp.candidate SELECT min(file), content_hash FROM temp.alike WHERE file IN (SELECT file FROM "
    "temp.crossed) AND content_hash NOT IN (SELECT content_hash FROM temp.candidate) GROUP BY content_hash",
)
_SAME = """
CREATE TEMP TABLE same AS
    SELECT alike.file, coalesce(pixel_look.digest, alike.content_hash) AS image FROM temp.alike
    LEFT JOIN temp.candidate ON candidate.content_hash = alike.content_hash
    LEFT JOIN temp.file ON file.id = candidate.file
    LEFT JOIN main.pixel_look ON pixel_look.path = file.path
"""
_COPIES = """
SELECT image, seen.split, seen.path, seen.content_hash,
    (SELECT group_concat(name, ', ') FROM (SELECT CAST(name AS TEXT) AS name FROM temp.label
        WHERE label.file = same.file ORDER BY 1))
FROM temp.same JOIN temp.seen ON seen.file = same.file
WHERE image IN (SELECT image FROM temp.same GROUP BY image HAVING count(*) > 1)
ORDER BY image, CASE seen.split WHEN 'train' THEN 0 WHEN 'validation' THEN 1 ELSE 2 END, seen.path
"""


def find_duplicates(store: Store, decode: Callable[[], None], *, labelled: bool) -> Duplicates:
    """Compare every readable image with every other, by the hashes that the scan took.

    Args:
        store: a store with the view ``seen``.
        decode: called once the table ``candidate`` holds the files that have to be decoded in full; fills
            ``pixel_look`` for them.
        labelled: whether images have classes that can contradict each other.
    """
    for statement in (_ALIKE, "CREATE INDEX temp.alike_look ON alike (look)", _CANDIDATES):
        store.run(statement)
    _add_crossed(store)
    decode()
    store.run(_SAME)
    validation: list[tuple[_Copy, _Copy]] = []
    test: list[tuple[_Copy, _Copy]] = []
    conflicts: list[tuple[_Copy, _Copy]] = []
    counts: Counter[str] = Counter()
    for group in _groups(store):
        counts["validation"] += _leaks(group, "validation", ("train",), validation)
        counts["test"] += _leaks(group, "test", ("train", "validation"), test)
        counts["repeats"] += _repeats(group, labelled=labelled)
        if labelled and (pair := _conflict(group)):
            counts["conflicts"] += 1
            _keep(pair, conflicts)
    for table in ("alike", "candidate", "same"):
        store.run(f"DROP TABLE temp.{table}")
    return Duplicates(
        leaked_validation_images=counts["validation"],
        leaked_test_images=counts["test"],
        duplicate_training_images=counts["repeats"],
        conflicting_label_images=counts["conflicts"],
        leak_examples=tuple(_pair(*pair) for pair in (_first(validation) + _first(test))[:MOST_EXAMPLES]),
        conflict_examples=tuple(_pair(*pair) for pair in _first(conflicts)),
    )


def _add_crossed(store: Store) -> None:
    """Add JPEG files and files of other formats that may be copies of each other to what is decoded in full."""
    if store.one(_MIXED) < 2:
        return
    store.run(_GRID)
    store.run("CREATE INDEX temp.grid_cell ON grid (width, height, r, g, b, jpeg)")
    store.run(_CROSSED)
    for statement in _ADD_CROSSED:
        store.run(statement)
    store.run("DROP TABLE temp.grid")
    store.run("DROP TABLE temp.crossed")


def _groups(store: Store) -> Iterator[list[_Copy]]:
    """Images that occur more than once, each as the list of its files: training first, then by path."""
    for _, rows in groupby(store.rows(_COPIES), key=lambda row: row[0]):
        yield [_Copy(split, to_text(path), label or "", content_hash) for _, split, path, content_hash, label in rows]


def _leaks(group: list[_Copy], split: str, into: tuple[str, ...], shown: list[tuple[_Copy, _Copy]]) -> int:
    """How many images of ``split`` one of the splits ``into`` holds too; the first few are added to ``shown``."""
    sources = [copy for copy in group if copy.split in into]
    leaked = [copy for copy in group if copy.split == split] if sources else []
    for copy in leaked:
        _keep((_closest(sources, copy), copy), shown)
    return len(leaked)


def _keep(pair: tuple[_Copy, _Copy], shown: list[tuple[_Copy, _Copy]]) -> None:
    """Keep the pairs whose second files come first by path."""
    shown.append(pair)
    if len(shown) > 2 * MOST_EXAMPLES:
        shown[:] = _first(shown)


def _first(pairs: list[tuple[_Copy, _Copy]]) -> list[tuple[_Copy, _Copy]]:
    return sorted(pairs, key=lambda pair: pair[1].path)[:MOST_EXAMPLES]


def _closest(sources: Sequence[_Copy], image: _Copy) -> _Copy:
    """The copy that explains a leak best: the same bytes before the same pixels."""
    return next((source for source in sources if source.content_hash == image.content_hash), sources[0])


def _repeats(group: list[_Copy], *, labelled: bool) -> int:
    counts = Counter(copy.label if labelled else "" for copy in group if copy.split == "train")
    return sum(count - 1 for count in counts.values())


def _conflict(group: list[_Copy]) -> tuple[_Copy, _Copy] | None:
    """The first file, and the first after it that has another class."""
    other = next((copy for copy in group if copy.label != group[0].label), None)
    return (group[0], other) if other else None


def _pair(a: _Copy, b: _Copy) -> ImagePair:
    return ImagePair(
        split_a=a.split,
        path_a=printable(a.path),
        label_a=printable(a.label),
        split_b=b.split,
        path_b=printable(b.path),
        label_b=printable(b.label),
        tier="byte-identical" if a.content_hash == b.content_hash else "same pixels",
    )
