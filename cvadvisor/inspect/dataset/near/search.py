"""Find pictures that are changed copies of others, or show the same scene."""

from collections.abc import Callable, Iterator
from pathlib import Path

from cvadvisor.inspect.dataset.near.candidates import find_candidates
from cvadvisor.inspect.dataset.near.pictures import Pictures, load_pictures
from cvadvisor.inspect.dataset.near.transforms import name_transforms
from cvadvisor.inspect.dataset.near.verify import verify
from cvadvisor.inspect.dataset.scan import scan
from cvadvisor.inspect.dataset.store import Store

SEARCH_TITLE, COMPARE_TITLE = "Looking for changed copies", "Comparing what looks alike"


# With more new pictures than this, all are compared anew: that is hardly more work.
_MOSTLY_NEW = 0.5

_FORGET = """
DELETE FROM main.near_pair WHERE path_a IN (SELECT path FROM temp.fresh) OR path_b IN (SELECT path FROM temp.fresh)
"""
_REMEMBER = """
INSERT OR REPLACE INTO main.compared SELECT seen.path, seen.size, seen.mtime_ns, seen.split
FROM temp.fresh JOIN temp.seen ON seen.file = fresh.file
WHERE seen.path NOT IN (SELECT path FROM main.detail_look WHERE jpeg IS NULL)
"""
# Pictures of today's dataset only; one that has become a copy of another is that one's pair, not a pair of its own.
_RECALL = """
INSERT INTO temp.pair SELECT a.file, b.file, tier, transform, score FROM main.near_pair
JOIN temp.searched AS a ON a.path = path_a JOIN temp.searched AS b ON b.path = path_b
"""


def find_near(root: Path, store: Store, progress: Callable[[str, int, int], None], *, known_only: bool = False) -> None:
    """Add near-duplicates among the dataset's images to the table ``pair``.

    Where pictures were only added since the last time, those are compared with all others, and the others no more.

    Args:
        root: the dataset.
        store: its store, with the view ``seen`` and the tables ``copy`` and ``pair``.
        progress: told how far each stage is.
        known_only: whether to compare nothing, and add what earlier searches found.
    """
    pictures = load_pictures(store)
    # Where pictures went or changed sides, what was found beside them is not what would be found today.
    only_more = store.one("SELECT count(*) FROM main.compared") == (~pictures.fresh).sum()
    if not known_only and (not only_more or pictures.fresh.sum() > _MOSTLY_NEW * len(pictures)):
        pictures.fresh[:] = True
        store.run("DELETE FROM main.compared")
        store.run("DELETE FROM main.near_pair")
    for table, files in (("searched", pictures.files), ("fresh", pictures.files[pictures.fresh])):
        store.run(f"CREATE TEMP TABLE {table} (file INTEGER PRIMARY KEY, path BLOB)")
        store.insert(f"temp.{table}", ((int(file), None) for file in files))
        store.run(f"UPDATE temp.{table} SET path = (SELECT path FROM temp.file WHERE id = {table}.file)")
    store.run("CREATE INDEX temp.searched_path ON searched (path)")
    if not known_only and pictures.fresh.any() and len(pictures) > 1:
        rows = list(_search(root, store, pictures, progress))
        store.run(_FORGET)
        store.insert("main.near_pair", rows)
        store.run(_REMEMBER)
    store.run(_RECALL)
    store.run("DROP TABLE temp.searched")
    store.run("DROP TABLE temp.fresh")
    store.commit()


def _search(
    root: Path, store: Store, pictures: Pictures, progress: Callable[[str, int, int], None]
) -> Iterator[tuple[bytes, bytes, str, str, float]]:
    """Rows of ``near_pair`` with at least one fresh picture."""
    guesses = find_candidates(pictures, lambda done, total: progress(SEARCH_TITLE, done, total))

    def details() -> None:
        scan(root, store, "detail", lambda done, total: progress(COMPARE_TITLE, done, total))

    matches = verify(pictures, guesses, details, lambda done, total: progress(COMPARE_TITLE, done, total))
    transforms = name_transforms(pictures, matches)
    for first, second, tier, transform, score in zip(
        matches.first, matches.second, matches.tier, transforms, matches.score, strict=True
    ):
        a, b = sorted((int(first), int(second)))  # numbers go by split, then path
        yield pictures.path(a), pictures.path(b), tier, transform, round(float(score), 3)
