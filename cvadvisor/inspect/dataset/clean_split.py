"""A split without leakage, proposed where images of one component lie in several splits.

Few images change. Copies outside their image's home are dropped. Other components go whole into one split: into test or
validation where that keeps the classes' numbers there, the fewest changes first, and else into training.
"""

import csv
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from cvadvisor.config import LEFT_OUT
from cvadvisor.inspect.dataset.families import labels_of
from cvadvisor.inspect.dataset.leakage_list import shown_path
from cvadvisor.inspect.dataset.splits import FREQUENCY, Group, hold_out, rarest_label
from cvadvisor.inspect.dataset.store import Store

COLUMNS = ("path", "label", "split", "was")

# A class that keeps under this part of its held-out images gets others from training.
_LEAST_KEPT = 0.5
# Wanted images for each one too many: with 1, classes of large groups came out a third too large.
_GAIN = 3

_TORN = """
SELECT 1 FROM temp.component JOIN temp.seen ON seen.file = component.file WHERE error IS NULL
GROUP BY component HAVING count(DISTINCT used_as) > 1 LIMIT 1
"""
_CLEAN = f"""
{FREQUENCY};
CREATE TEMP TABLE clean AS
    SELECT seen.file AS file, used_as AS was, used_as AS split, coalesce(component, seen.file) AS key,
        {rarest_label("seen.file")} AS class
    FROM temp.seen LEFT JOIN temp.component ON component.file = seen.file WHERE error IS NULL;
DROP TABLE temp.frequency;
CREATE UNIQUE INDEX temp.clean_file ON clean (file);
CREATE INDEX temp.clean_key ON clean (key);
"""
# The home of an image in several splits: test, or else validation unless that holds fewer of its copies than training,
# or the only ones of a class in training are among them.
_HOMES = """
CREATE TEMP TABLE home AS
    SELECT family, CASE WHEN sum(clean.split = 'test') THEN 'test'
        WHEN sum(clean.split = 'validation') >= sum(clean.split = 'train') THEN 'validation' ELSE 'train' END AS split
    FROM temp.family JOIN temp.clean ON clean.file = family.file
    GROUP BY family HAVING count(DISTINCT clean.split) > 1;
CREATE TEMP TABLE lost AS
    SELECT clean.file AS file, clean.class AS class, home.family AS family
    FROM temp.home JOIN temp.family ON family.family = home.family JOIN temp.clean ON clean.file = family.file
    WHERE clean.split = 'train' AND home.split = 'validation';
UPDATE temp.home SET split = 'train' WHERE split = 'validation' AND family IN (
    SELECT family FROM temp.lost WHERE class NOT IN (
        SELECT class FROM temp.clean WHERE split = 'train' AND file NOT IN (SELECT file FROM temp.lost)));
"""
_DROP_COPIES = f"""
UPDATE temp.clean SET split = '{LEFT_OUT}' WHERE file IN (
    SELECT clean.file FROM temp.home JOIN temp.family ON family.family = home.family
    JOIN temp.clean ON clean.file = family.file WHERE clean.split <> home.split)
"""
# What shares a group or a scene with test images, and is not more than they are, makes room for them.
_DROP_BEFORE_TEST = f"""
UPDATE temp.clean SET split = '{LEFT_OUT}' WHERE split <> 'test' AND key IN (
    SELECT key FROM temp.clean WHERE split <> '{LEFT_OUT}' GROUP BY key HAVING sum(split = 'test') * 2 >= count(*))
"""
_PARTS = f"""
CREATE TEMP TABLE part AS
    SELECT key, count(*) AS images, sum(split = 'train') AS train, sum(split = 'validation') AS validation,
        sum(split = 'test') AS test, min(path) AS path
    FROM temp.clean JOIN temp.file ON file.id = clean.file WHERE split <> '{LEFT_OUT}' GROUP BY key;
CREATE UNIQUE INDEX temp.part_key ON part (key);
"""
_OFFERED = f"""
SELECT part.key, class, count(*) FROM temp.part JOIN temp.clean ON clean.key = part.key
WHERE clean.split <> '{LEFT_OUT}' AND {{which}}
GROUP BY part.key, class ORDER BY -{{split}} * 1.0 / part.images, crc(part.path), part.path, class
"""
_HELD_BEFORE = "SELECT class, count(*) FROM temp.clean WHERE was = ? GROUP BY class"
_SETTLED = """
SELECT class, count(*) FROM temp.clean JOIN temp.part USING (key) WHERE part.{split} = images AND split = ? GROUP BY 1
"""
_MOVABLE = f"""
SELECT class, count(*) FROM temp.clean JOIN temp.part USING (key)
WHERE split <> '{LEFT_OUT}' AND test < images AND validation < images GROUP BY class
"""
_CHANGES = f"SELECT sum(split <> was AND split <> '{LEFT_OUT}'), sum(split = '{LEFT_OUT}') FROM temp.clean"
_ROWS = f"""
SELECT path, {labels_of("clean.file", "|")} AS label, clean.split, sample.split
FROM temp.clean JOIN temp.file ON file.id = clean.file JOIN temp.sample ON sample.file = clean.file
ORDER BY CASE clean.split WHEN 'train' THEN 0 WHEN 'validation' THEN 1 WHEN 'test' THEN 2 ELSE 3 END, label, path
"""


@dataclass(frozen=True)
class CleanSplit:
    """What the proposed split changes."""

    moved_images: int
    """Images that go from one split to another."""
    dropped_images: int
    """Images that are in no split any more: copies, and what makes room for test images."""


def propose_clean_split(store: Store) -> CleanSplit | None:
    """Write a split without leakage into ``temp.clean`` (file, was, split); ``None`` where there is nothing to clean.

    Every component of ``temp.component`` comes to lie in one split. A validation split that the audit proposed counts
    as the dataset's own.
    """
    if store.one(_TORN) is None:
        return None
    store.connection.create_function("crc", 1, zlib.crc32, deterministic=True)
    store.connection.executescript(_CLEAN)
    store.connection.executescript(_HOMES)
    store.run(_DROP_COPIES)
    store.run(_DROP_BEFORE_TEST)
    for split in ("test", "validation"):
        _settle(store, split)
    for table in ("home", "lost"):
        store.run(f"DROP TABLE temp.{table}")
    return CleanSplit(*next(store.rows(_CHANGES)))


def write_clean_split(store: Store, path: Path) -> None:
    """Write the proposed split as CSV, where there is one: every readable image, those of training first.

    Columns are path, label (several separated by '|'), split ('train', 'validation', 'test', or 'drop' for an image
    that is better left out) and was, its split now. It can be read as a table of labels, so labels stand there as they
    are; a path that a spreadsheet would take for a formula has './' before it, which names the same file.
    """
    if store.one("SELECT 1 FROM temp.sqlite_master WHERE name = 'clean'") is None:
        return
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, label, split, was in store.rows(_ROWS):
            writer.writerow([shown_path(name), label or "", split, was])


def _settle(store: Store, split: str) -> None:
    """Make every component lie wholly in ``split`` or wholly outside it."""
    before = Counter(dict(store.rows(_HELD_BEFORE, split)))
    _choose(store, split, f"{split} > 0 AND {split} < part.images", before, 0.0)
    store.run(
        "UPDATE temp.clean SET split = 'train' WHERE split = ? AND key IN (SELECT key FROM temp.clean GROUP BY key "
        f"HAVING sum(split = ?) < sum(split <> '{LEFT_OUT}'))",
        split,
        split,
    )
    _choose(store, split, "train = part.images", before, 1 - _LEAST_KEPT)


def _choose(store: Store, split: str, which: str, before: Counter[bytes], least_missing: float) -> None:
    """Move components into ``split``, of those that ``which`` says, as the classes lack images there.

    Args:
        store: the store, with ``temp.clean``.
        split: 'test' or 'validation'.
        which: a condition on the table ``part``.
        before: images that each class had in the split.
        least_missing: share of them above which a class lacks images.
    """
    store.connection.executescript(_PARTS)
    settled = dict(store.rows(_SETTLED.format(split=split), split))
    missing = {name: images - settled.get(name, 0) for name, images in before.items()}
    wanted = {name: count for name, count in missing.items() if count > least_missing * before[name]}
    if wanted:
        totals = dict(store.rows(_MOVABLE))
        offered = _offered(store, _OFFERED.format(split=split, which=which))
        store.run("CREATE TEMP TABLE chosen (key INTEGER PRIMARY KEY)")
        store.insert("temp.chosen", ((key,) for key in hold_out(offered, totals, wanted, _GAIN)))
        store.run(
            f"UPDATE temp.clean SET split = ? WHERE split <> '{LEFT_OUT}' AND key IN (SELECT key FROM temp.chosen)",
            split,
        )
        store.run("DROP TABLE temp.chosen")
    store.run("DROP TABLE temp.part")


def _offered(store: Store, query: str) -> Iterator[Group]:
    for key, rows in groupby(store.rows(query), key=lambda row: row[0]):
        yield key, {name: count for _, name, count in rows}
