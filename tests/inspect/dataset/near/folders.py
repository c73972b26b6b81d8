"""Folders of pictures, and what a search through them finds."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from cvadvisor.config import Wishes
from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.inspection import _SEEN, inspect_dataset
from cvadvisor.inspect.dataset.near.search import find_near
from cvadvisor.inspect.dataset.scan import scan
from cvadvisor.inspect.dataset.store import Store, to_text
from tests.inspect.dataset.near.scenes import nothing

_PAIRS = """
SELECT one.path, other.path, tier, transform, score FROM temp.pair
JOIN temp.file AS one ON one.id = a JOIN temp.file AS other ON other.id = b
"""


class Found(NamedTuple):
    """What the search says of a pair."""

    tier: str
    transform: str
    score: float


Pairs = dict[tuple[str, str], Found]


def write(root: Path, path: str, image: Image.Image, quality: int = 92) -> None:
    """Save a picture below ``root``, in the format of its extension."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    image.save(root / path, **({"quality": quality} if path.endswith("jpg") else {}))


def inspected_pairs(root: Path) -> Pairs:
    """Every pair that inspecting the dataset finds, exact copies included."""
    with closing(inspect_dataset(root, Wishes(), use_cache=False)) as dataset:
        return pairs_in(dataset.files.store)


def pairs_in(store: Store) -> Pairs:
    return {(to_text(row[0]), to_text(row[1])): Found(*row[2:]) for row in store.rows(_PAIRS)}


@contextmanager
def scanned(root: Path, cache: Path | None = None) -> Iterator[Store]:
    """A store with every image looked at, the folder ``val`` for validation and any other for training."""
    with Store(cache) as store:
        Files(root, store)
        store.run(
            "INSERT INTO temp.sample SELECT id, CASE WHEN substr(CAST(path AS TEXT), 1, 4) = 'val/' THEN 'validation' "
            "ELSE 'train' END, NULL, NULL, NULL FROM temp.file WHERE kind = 'image' ORDER BY path"
        )
        scan(root, store, "image")
        store.connection.executescript(_SEEN)
        yield store


def search(root: Path, store: Store) -> Pairs:
    """The pairs of a search alone."""
    find_near(root, store, nothing)
    return pairs_in(store)
