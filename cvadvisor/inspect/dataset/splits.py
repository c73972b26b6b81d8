"""A validation split for a dataset that brings none: stratified by class, whole groups, the same on every machine."""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from cvadvisor.inspect.dataset.store import Store, to_text

HELD_OUT_SHARE = 0.2

# A name that ends in a number after a separator may be one of a series: scan12_slice003, P07-0004, clip.frame.12.
_IN_SERIES = re.compile(
    r"(.*[^\W_].*?)[ _.\-]+(?:frame|img|image|slice|crop|patch|tile|view|shot|f|s)?[ _.\-]?\d{1,6}", re.I
)
# Series are taken for groups only where they cannot be what the classes are: several in each class, and none dominates.
_SERIES_A_CLASS = 5
_LARGEST_SERIES_SHARE = 0.3
_IN_SERIES_SHARE = 0.5

Group = tuple[bytes, Mapping[bytes, int]]


@dataclass(frozen=True)
class Grouping:
    """Which images belong together."""

    groups: int
    source: str
    """Where that was seen, in words."""


@dataclass(frozen=True)
class Proposal:
    """A validation split that the dataset does not bring."""

    images: int
    """Training images set aside."""
    grouping: Grouping | None
    """What was kept together, besides copies of one file."""


def find_groups(store: Store) -> Grouping | None:
    """The groups that the labels name, or else those that file names show; the latter are written into the samples.

    File names show groups where most of the training images belong to numbered series of two or more, most classes
    hold several series, and no series is a large part of its class. A guess: what the report says of it can be checked.
    """
    named = store.one("SELECT count(DISTINCT grouping) FROM temp.sample WHERE grouping IS NOT NULL")
    if named:
        return Grouping(int(named), "labels")
    store.connection.create_function("series", 1, series, deterministic=True)
    store.run(_SERIES)
    try:
        images, in_series = next(store.rows("SELECT sum(images), sum((images > 1) * images) FROM temp.series"))
        if not images or in_series < _IN_SERIES_SHARE * images:
            return None
        classes = list(store.rows(_SERIES_OF_CLASSES))
        ordinary = sum(
            number >= _SERIES_A_CLASS and largest <= _LARGEST_SERIES_SHARE * total for number, largest, total in classes
        )
        if ordinary < len(classes) / 2:
            return None
        store.run(
            "UPDATE temp.sample SET grouping = (SELECT series(path) FROM temp.file WHERE id = sample.file) "
            "WHERE split = 'train'"
        )
        return Grouping(int(store.one("SELECT count(DISTINCT grouping) FROM temp.sample")), "file names")
    finally:
        store.run("DROP TABLE temp.series")


# A class of an image with several labels is the first of them: series only have to be told from classes.
_SERIES = """
CREATE TEMP TABLE series AS
    SELECT series(file.path) AS name, (SELECT min(label.name) FROM temp.label WHERE label.file = file.id) AS class,
        count(*) AS images
    FROM temp.sample JOIN temp.file ON file.id = sample.file WHERE split = 'train' GROUP BY 1, 2
"""
_SERIES_OF_CLASSES = "SELECT count(*), max(images), sum(images) FROM temp.series GROUP BY class"


def series(path: bytes) -> bytes:
    """The series that a file's name says it is in: folder and name up to its last number; else the path itself."""
    folder, _, name = to_text(path).rpartition("/")
    match = _IN_SERIES.fullmatch(name.rpartition(".")[0] or name)
    return path if match is None else f"{folder}/{match[1]}".encode("utf-8", "surrogateescape")


def propose_validation(store: Store) -> Proposal:
    """Mark about a fifth of the readable training images as proposed validation images.

    Images of one group, and copies of one file, stay together. Groups are taken in the order of the CRC-32 of their
    first path, each if it brings the classes nearer to their fifth: so the choice needs no seed, is the same on every
    machine, and an image more or less moves few others. A class keeps at least one training image; one of two images
    or more in several groups gets at least one validation image. An image with several labels counts for the rarest.
    """
    grouping = find_groups(store)
    store.connection.create_function("crc", 1, zlib.crc32, deterministic=True)
    store.connection.executescript(_STRATA)
    totals = Counter(dict(store.rows("SELECT class, count(*) FROM temp.stratum GROUP BY class")))
    store.run("CREATE TEMP TABLE held_out (key BLOB PRIMARY KEY)")
    store.insert("temp.held_out", ((key,) for key in hold_out(_groups(store), totals)))
    store.run(
        "UPDATE temp.sample SET proposed = 'validation' WHERE file IN "
        "(SELECT file FROM temp.stratum WHERE key IN (SELECT key FROM temp.held_out))"
    )
    number = store.one("SELECT count(*) FROM temp.sample WHERE proposed = 'validation'")
    for table in ("held_out", "first", "stratum"):
        store.run(f"DROP TABLE temp.{table}")
    return Proposal(int(number), grouping)


# The stratum of an image is the rarest of its labels, so that rare labels are spread too.
_STRATA = """
CREATE TEMP TABLE frequency AS
    SELECT name, count(*) AS images FROM temp.label GROUP BY name;
CREATE TEMP TABLE stratum AS
    SELECT seen.file AS file, seen.path AS path, coalesce(seen.grouping, seen.content_hash) AS key,
        coalesce((SELECT label.name FROM temp.label JOIN temp.frequency ON frequency.name = label.name
            WHERE label.file = seen.file ORDER BY images, label.name LIMIT 1), x'') AS class
    FROM temp.seen WHERE seen.error IS NULL AND seen.split = 'train';
DROP TABLE temp.frequency;
"""

_FIRST = "CREATE TEMP TABLE first AS SELECT key, min(path) AS path FROM temp.stratum GROUP BY key"
_GROUPS = """
SELECT stratum.key, class, count(*) FROM temp.stratum JOIN temp.first ON first.key = stratum.key
GROUP BY stratum.key, class ORDER BY crc(first.path), first.path, class
"""


def _groups(store: Store) -> Iterator[Group]:
    """Each group with its images of each class, in the order of the CRC-32 of its first path."""
    store.run(_FIRST)
    store.run("CREATE INDEX temp.first_key ON first (key)")
    for key, rows in groupby(store.rows(_GROUPS), key=lambda row: row[0]):
        yield key, {name: count for _, name, count in rows}


def hold_out(groups: Iterable[Group], totals: Mapping[bytes, int]) -> Iterator[bytes]:
    """The groups to hold out, of ``groups`` in the order in which they are offered.

    Args:
        groups: each group's key, and its images of each class.
        totals: images of each class.
    """
    wanted = {name: max(1, round(HELD_OUT_SHARE * total)) if total > 1 else 0 for name, total in totals.items()}
    left = dict(totals)
    for key, counts in groups:
        gained = sum(min(count, wanted[name]) for name, count in counts.items())
        overshot = sum(max(0, count - wanted[name]) for name, count in counts.items())
        if gained > overshot and all(left[name] > count for name, count in counts.items()):
            for name, count in counts.items():
                wanted[name] = max(0, wanted[name] - count)
                left[name] -= count
            yield key
