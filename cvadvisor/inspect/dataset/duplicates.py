"""Exact copies: files that hold the same bytes, or that decode to the same pixels."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from cvadvisor.facts.leaks import BYTES, PIXELS
from cvadvisor.inspect.dataset.families import rank_of
from cvadvisor.inspect.dataset.store import Store

_BATCH = 2_000

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
    near AS (
        SELECT a.file AS jpeg, o.file AS other FROM temp.grid AS o
        CROSS JOIN step AS x CROSS JOIN step AS y CROSS JOIN step AS z
        JOIN temp.grid AS a ON a.jpeg AND a.width = o.width AND a.height = o.height
            AND a.r = o.r + x.by AND a.g = o.g + y.by AND a.b = o.b + z.by
        WHERE NOT o.jpeg AND abs(a.red - o.red) < 0.01 AND abs(a.green - o.green) < 0.01 AND abs(a.blue - o.blue) < 0.01
            AND abs(a.dark_level - o.dark_level) < 0.02 AND abs(a.middle_level - o.middle_level) < 0.02
            AND abs(a.bright_level - o.bright_level) < 0.02
            AND abs(a.fine_detail - o.fine_detail) < 0.02 + 0.2 * o.fine_detail)
    SELECT jpeg AS file FROM near UNION SELECT other FROM near
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
_COPIES = f"""
SELECT image, same.file, {rank_of("seen.split")} AS rank, content_hash
FROM temp.same JOIN temp.seen ON seen.file = same.file
WHERE image IN (SELECT image FROM temp.same GROUP BY image HAVING count(*) > 1)
ORDER BY image, rank, seen.path
"""


def find_copies(store: Store, decode: Callable[[], None]) -> None:
    """Compare every readable image with every other, by the hashes that the scan took.

    Fills ``temp.copy``, and ``temp.pair`` with one pair for each copy: beside the first file of the same bytes in the
    image's first split, or else beside the image's first file, which is its original. Images that were resized,
    re-compressed or cropped are not seen here.

    Args:
        store: a store with the view ``seen``.
        decode: called once the table ``candidate`` holds the files that have to be decoded in full; fills
            ``pixel_look`` for them.
    """
    for statement in (_ALIKE, "CREATE INDEX temp.alike_look ON alike (look)", _CANDIDATES):
        store.run(statement)
    _add_crossed(store)
    decode()
    store.run(_SAME)
    copies: list[tuple[Any, ...]] = []
    pairs: list[tuple[Any, ...]] = []
    for file, original, twin, tier in _beside_each_other(store):
        copies.append((file, original))
        pairs.append((twin, file, tier, "", 1.0))
        if len(copies) >= _BATCH:
            _flush(store, copies, pairs)
    _flush(store, copies, pairs)
    for table in ("alike", "candidate", "same"):
        store.run(f"DROP TABLE temp.{table}")


def _flush(store: Store, copies: list[tuple[Any, ...]], pairs: list[tuple[Any, ...]]) -> None:
    for table, rows in (("copy", copies), ("pair", pairs)):
        store.insert(f"temp.{table}", rows)
        rows.clear()


def _beside_each_other(store: Store) -> Iterator[tuple[int, int, int, str]]:
    """Each copy: its file, its original, the file it is shown beside, and how it is the same as that."""
    for _, rows in groupby(store.rows(_COPIES), key=lambda row: row[0]):
        first: tuple[int, int] | None = None
        twins: dict[bytes, int] = {}
        for _, file, rank, content in rows:
            if first is None:
                first = file, rank
            elif (twin := twins.get(content)) is not None:
                yield file, first[0], twin, BYTES
            else:
                yield file, first[0], first[0], PIXELS
            if rank == first[1]:
                twins.setdefault(content, file)


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
