"""Which groups lie in two splits, and images that show it."""

from typing import Any

from cvadvisor.facts.groups import GroupPair
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable

_EXAMPLES, _LABELS = 12, 5
_GROUPS = """
SELECT count(DISTINCT grouping), count(DISTINCT CASE split WHEN 'train' THEN grouping END),
    count(DISTINCT CASE split WHEN 'validation' THEN grouping END),
    count(DISTINCT CASE split WHEN 'test' THEN grouping END)
FROM temp.seen WHERE error IS NULL
"""
_BEFORE = {"validation": "('train')", "test": "('train', 'validation')"}
_SHARED = """
SELECT count(*), coalesce(sum(grouping IN (
    SELECT grouping FROM temp.seen WHERE split IN {before} AND grouping IS NOT NULL AND error IS NULL)), 0)
FROM temp.seen WHERE split = ? AND error IS NULL
"""
# The first image of each group in the split, and the first one of the group in a split before it.
_PAIRS = """
SELECT late.grouping, early.split, early.path, late.path FROM
    (SELECT grouping, min(path) AS path FROM temp.seen
        WHERE split = ? AND error IS NULL AND grouping IS NOT NULL GROUP BY grouping) AS late
    JOIN (SELECT grouping, split, min(path) AS path FROM temp.seen
        WHERE split IN {before} AND error IS NULL AND grouping IS NOT NULL GROUP BY grouping) AS early
    ON early.grouping = late.grouping
ORDER BY late.path LIMIT ?
"""


def sharing_facts(store: Store) -> dict[str, Any]:
    """Facts of the groups in ``temp.sample.grouping``: how many, and which of them lie in two splits."""
    whole, *of_split = next(store.rows(_GROUPS))
    facts: dict[str, Any] = {"groups": whole}
    for split, groups in zip(("train", "validation", "test"), of_split, strict=True):
        if store.one("SELECT 1 FROM temp.sample WHERE split = ?", split):
            facts[f"{split}_groups"] = groups
    for split, before in _BEFORE.items():
        images, shared = next(store.rows(_SHARED.format(before=before), split))
        if images:
            pairs = store.rows(_PAIRS.format(before=before), split, _EXAMPLES)
            facts |= {
                f"shared_{split}_images": shared,
                f"shared_{split}_share": shared / images,
                f"{split}_pairs": tuple(_pair(store, split, *row) for row in pairs),
            }
    return facts


def _pair(store: Store, split: str, group: bytes, early_split: str, early: bytes, late: bytes) -> GroupPair:
    return GroupPair(
        group=printable(to_text(group)),
        split_a=split,
        path_a=printable(to_text(late)),
        label_a=_labels(store, late),
        split_b=early_split,
        path_b=printable(to_text(early)),
        label_b=_labels(store, early),
    )


def _labels(store: Store, path: bytes) -> str:
    query = (
        "SELECT label.name FROM temp.label JOIN temp.file ON file.id = label.file WHERE path = ? ORDER BY label.name "
        "LIMIT ?"
    )
    return ", ".join(printable(to_text(name)) for (name,) in store.rows(query, path, _LABELS))
