"""Datasets in which a test says which images are near-duplicates, in place of the search."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from cvadvisor.inspect.dataset import inspection
from cvadvisor.inspect.dataset.store import Store, to_bytes

CHANGED, SCENE, SIMILAR = "same image, transformed", "same scene", "similar"

Pair = tuple[str, str, str] | tuple[str, str, str, str] | tuple[str, str, str, str, float]


def found_near(monkeypatch: pytest.MonkeyPatch, *pairs: Pair) -> None:
    """Let the search find these: path, path, tier, and transform and score where they matter."""

    def find_near(root: Path, store: Store, progress: object, *, known_only: bool = False) -> None:
        store.insert("temp.pair", [_row(store, *pair) for pair in pairs])

    monkeypatch.setattr(inspection, "find_near", find_near)


def _row(store: Store, a: str, b: str, tier: str, transform: str = "", score: float = 0.9) -> Sequence[object]:
    query = "SELECT id FROM temp.file WHERE path = ?"
    return store.one(query, to_bytes(a)), store.one(query, to_bytes(b)), tier, transform, score


def copy(root: Path, source: str, target: str) -> None:
    """Write the bytes of one file of the dataset to another place in it."""
    (root / target).parent.mkdir(parents=True, exist_ok=True)
    (root / target).write_bytes((root / source).read_bytes())
