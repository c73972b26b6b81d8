"""Find pictures that are changed copies of others, or show the same scene."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cvadvisor.inspect.dataset.near.candidates import find_candidates
from cvadvisor.inspect.dataset.near.pictures import load_pictures
from cvadvisor.inspect.dataset.near.transforms import name_transforms
from cvadvisor.inspect.dataset.near.verify import verify
from cvadvisor.inspect.dataset.scan import scan
from cvadvisor.inspect.dataset.store import Store

SEARCH_TITLE, COMPARE_TITLE = "Looking for changed copies", "Comparing what looks alike"


def find_near(root: Path, store: Store, progress: Callable[[str, int, int], None]) -> None:
    """Add near-duplicates among the dataset's images to the table ``pair``.

    Args:
        root: the dataset.
        store: its store, with the view ``seen`` and the tables ``copy`` and ``pair``.
        progress: told how far each stage is.
    """
    pictures = load_pictures(store)
    if len(pictures) < 2:
        return
    fresh = np.ones(len(pictures), bool)
    guesses = find_candidates(pictures, fresh, lambda done, total: progress(SEARCH_TITLE, done, total))

    def details() -> None:
        scan(root, store, "detail", lambda done, total: progress(COMPARE_TITLE, done, total))

    matches = verify(pictures, guesses, details, lambda done, total: progress(COMPARE_TITLE, done, total))
    transforms = name_transforms(pictures, matches)
    rows = []
    for first, second, tier, transform, score in zip(
        matches.first, matches.second, matches.tier, transforms, matches.score, strict=True
    ):
        a, b = sorted((int(first), int(second)))  # numbers go by split, then path
        rows.append((int(pictures.files[a]), int(pictures.files[b]), tier, transform, round(float(score), 3)))
    store.connection.executemany("INSERT INTO temp.pair VALUES (?, ?, ?, ?, ?)", rows)
