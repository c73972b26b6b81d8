"""Facts of images that occur more than once: between the splits, within training, and under two classes."""

from collections.abc import Mapping
from typing import Any

from cvadvisor.facts.leaks import SAME_IMAGE, SCENE, TIERS, ImagePair, LeakFacts, LeakTier
from cvadvisor.inspect.dataset.clean_split import CleanSplit
from cvadvisor.inspect.dataset.families import KINDS, TIER_RANK, labels_of, names
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable

MOST_EXAMPLES = 12

_READABLE = "SELECT split, sum(error IS NULL) FROM temp.seen GROUP BY split"
_COUNTS = "SELECT split, tier, count(*) FROM temp.beside JOIN temp.sample ON sample.file = beside.file GROUP BY 1, 2"
_REPEATED = """
SELECT coalesce(sum(files - 1), 0) FROM (
    SELECT count(*) AS files FROM temp.family WHERE rank = 0 GROUP BY family, CASE WHEN ? THEN label END)
"""
_CONFLICTING = "SELECT count(*) FROM (SELECT 1 FROM temp.family GROUP BY family HAVING count(DISTINCT label) > 1)"
# Some of each tier, so that the transformed ones are not hidden behind the exact ones.
_MIXED = """
SELECT a, b, tier, transform, score FROM (
    SELECT chosen.*, path, row_number() OVER (PARTITION BY tier ORDER BY path) AS place
    FROM ({chosen}) AS chosen JOIN temp.file ON file.id = chosen.b
) ORDER BY place, path LIMIT {most}
"""
_HELD_OUT = """
SELECT source AS a, beside.file AS b, tier, transform, score FROM temp.beside
JOIN temp.sample ON sample.file = beside.file WHERE split = '{split}' AND tier IN ({tiers})
"""
_REPEATS = f"""
SELECT a, b, tier, transform, score FROM temp.pair JOIN temp.family AS one ON one.file = a
JOIN temp.family AS other ON other.file = b
WHERE one.rank = 0 AND other.rank = 0 AND tier IN ({names(SAME_IMAGE)}) AND ({{labels}} OR one.label = other.label)
"""
_CONFLICTS = f"""
SELECT a, b, tier, transform, score FROM (
    SELECT pair.*, row_number() OVER (PARTITION BY one.family ORDER BY {TIER_RANK}, score DESC, path) AS first
    FROM temp.pair JOIN temp.family AS one ON one.file = a JOIN temp.family AS other ON other.file = b
    JOIN temp.file ON file.id = b WHERE one.label <> other.label AND tier IN ({names(SAME_IMAGE)})
) WHERE first = 1
"""
_SHOWN = f"""
SELECT split, path, {labels_of("sample.file", ", ")} FROM temp.sample JOIN temp.file ON file.id = sample.file
WHERE sample.file = ?
"""


def leak_facts(store: Store, repeats: Mapping[str, int], clean: CleanSplit | None, *, labelled: bool) -> LeakFacts:
    """Facts of what :func:`cvadvisor.inspect.dataset.families.find_families` wrote into ``store``.

    Leaks are unknown, rather than none, where there is no readable image to leak into.

    Args:
        store: the store; it has the view ``seen``.
        repeats: what that function returned.
        clean: the split that was proposed instead of one that leaks.
        labelled: whether images have classes that can contradict each other.
    """
    readable: dict[str, int] = {split: images for split, images in store.rows(_READABLE) if images}
    counts = {(split, tier): images for split, tier, images in store.rows(_COUNTS)}
    facts: dict[str, Any] = {
        "repeated_train_images": store.one(_REPEATED, labelled),
        "conflicting_images": store.one(_CONFLICTING) if labelled else 0,
        "tiers": tuple(_tiers(readable, counts, repeats)),
        "repeats": _pairs(store, _REPEATS.format(labels=int(not labelled))),
        "conflicts": _pairs(store, _CONFLICTS) if labelled else (),
    }
    if clean is not None:
        facts |= {"clean_moved_images": clean.moved_images, "clean_dropped_images": clean.dropped_images}
    for split in ("validation", "test"):
        if split not in readable:
            continue
        kinds = {tier: counts.get((split, tier), 0) for tier in (*SAME_IMAGE, SCENE)}
        same, scene = sum(kinds[tier] for tier in SAME_IMAGE), kinds[SCENE]
        facts |= {
            f"{split}_images": same,
            f"{split}_share": same / readable[split],
            f"{split}_kinds": ", ".join(f"{kinds[tier]:,} {KINDS[tier]}" for tier in SAME_IMAGE if kinds[tier]) or None,
            f"{split}_pairs": _pairs(store, _HELD_OUT.format(split=split, tiers=names(SAME_IMAGE))),
            f"scene_{split}_images": scene,
            f"scene_{split}_share": scene / readable[split],
            f"{split}_scenes": _pairs(store, _HELD_OUT.format(split=split, tiers=names((SCENE,)))),
        }
    return LeakFacts(**facts)


def _tiers(
    readable: Mapping[str, int], counts: Mapping[tuple[str, str], int], repeats: Mapping[str, int]
) -> list[LeakTier]:
    made = []
    for tier in TIERS:
        facts: dict[str, Any] = {"tier": tier, "train_images": repeats.get(tier, 0)}
        for split in ("validation", "test"):
            if split in readable:
                images = counts.get((split, tier), 0)
                facts |= {f"{split}_images": images, f"{split}_share": images / readable[split]}
        if any(facts.get(f"{split}_images") for split in ("train", "validation", "test")):
            made.append(LeakTier(**facts))
    return made


def _pairs(store: Store, chosen: str) -> tuple[ImagePair, ...]:
    """Some of the pairs that the query ``chosen`` gives, those of the surest tier first."""
    found = list(store.rows(_MIXED.format(chosen=chosen, most=MOST_EXAMPLES)))
    return tuple(_pair(store, *row) for row in sorted(found, key=lambda row: TIERS.index(row[2])))


def _pair(store: Store, a: int, b: int, tier: str, transform: str, score: float) -> ImagePair:
    (split_a, path_a, label_a), (split_b, path_b, label_b) = (next(store.rows(_SHOWN, file)) for file in (a, b))
    return ImagePair(
        split_a=split_a,
        path_a=printable(to_text(path_a)),
        label_a=printable(label_a or ""),
        split_b=split_b,
        path_b=printable(to_text(path_b)),
        label_b=printable(label_b or ""),
        tier=tier,
        transform=printable(transform),
        score=score,
    )
