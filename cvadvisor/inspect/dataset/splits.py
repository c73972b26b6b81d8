"""A validation split for a dataset that brings none: stratified by class, whole groups, the same on every machine."""

import zlib
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from cvadvisor.inspect.dataset.store import Store

HELD_OUT_SHARE = 0.2

Group = tuple[Hashable, Mapping[bytes, int]]


@dataclass(frozen=True)
class Proposal:
    """A validation split that the dataset does not bring."""

    images: int
    """Training images set aside."""


def propose_validation(store: Store) -> Proposal:
    """Mark about a fifth of the readable training images as proposed validation images.

    Images that belong together stay so: those of one image, one scene or one group, directly or through others, as
    :func:`cvadvisor.inspect.dataset.components.store_components` wrote them. These components are taken in the order of
    the CRC-32 of their first path, each if it brings the classes nearer to their fifth: so the choice needs no seed, is
    the same on every machine, and an image more or less moves few others. A class keeps at least one training image;
    one of two images or more in several components gets at least one validation image. An image with several labels
    counts for the rarest.
    """
    store.connection.create_function("crc", 1, zlib.crc32, deterministic=True)
    store.connection.executescript(_STRATA)
    totals = Counter(dict(store.rows("SELECT class, count(*) FROM temp.stratum GROUP BY class")))
    store.run("CREATE TEMP TABLE held_out (key INTEGER PRIMARY KEY)")
    store.insert("temp.held_out", ((key,) for key in hold_out(_groups(store), totals)))
    store.run(
        "UPDATE temp.sample SET proposed = 'validation' WHERE file IN "
        "(SELECT file FROM temp.stratum WHERE key IN (SELECT key FROM temp.held_out))"
    )
    number = store.one("SELECT count(*) FROM temp.sample WHERE proposed = 'validation'")
    for table in ("held_out", "first", "stratum"):
        store.run(f"DROP TABLE temp.{table}")
    return Proposal(int(number))


FREQUENCY = "CREATE TEMP TABLE frequency AS SELECT name, count(*) AS images FROM temp.label GROUP BY name"


def rarest_label(file: str) -> str:
    """SQL for the class that the image in the column ``file`` counts for, where there is the table ``frequency``.

    It is the rarest of the image's labels, so that rare labels are spread too; empty where it has none.
    """
    return (
        "coalesce((SELECT label.name FROM temp.label JOIN temp.frequency ON frequency.name = label.name "
        f"WHERE label.file = {file} ORDER BY images, label.name LIMIT 1), x'')"
    )


_STRATA = f"""
{FREQUENCY};
CREATE TEMP TABLE stratum AS
    SELECT seen.file AS file, seen.path AS path, coalesce(component, seen.file) AS key,
        {rarest_label("seen.file")} AS class
    FROM temp.seen LEFT JOIN temp.component ON component.file = seen.file
    WHERE seen.error IS NULL AND seen.split = 'train';
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


def hold_out(
    groups: Iterable[Group],
    totals: Mapping[bytes, int],
    wanted: Mapping[bytes, int] | None = None,
    gain: float = 1,
) -> Iterator[Hashable]:
    """The groups to hold out, of ``groups`` in the order in which they are offered.

    Args:
        groups: each group's key, and its images of each class.
        totals: images of each class.
        wanted: images of each class to hold out; about a fifth, and one at least of two or more, where not given.
        gain: how many wanted images a group has to bring for each one too many.
    """
    if wanted is None:
        wanted = {name: max(1, round(HELD_OUT_SHARE * total)) if total > 1 else 0 for name, total in totals.items()}
    missing, left = Counter(wanted), dict(totals)
    for key, counts in groups:
        gained = sum(min(count, missing[name]) for name, count in counts.items())
        overshot = sum(max(0, count - missing[name]) for name, count in counts.items())
        if gained > gain * overshot and all(left[name] > count for name, count in counts.items()):
            for name, count in counts.items():
                missing[name] = max(0, missing[name] - count)
                left[name] -= count
            yield key
