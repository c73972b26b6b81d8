"""The list of every pair of files that show the same or something alike, as a CSV file."""

import csv
from pathlib import Path

from cvadvisor.facts.leaks import SIMILAR
from cvadvisor.inspect.dataset.families import TIER_RANK, labels_of, rank_of
from cvadvisor.inspect.dataset.store import Store, to_text

COLUMNS = ("split_a", "path_a", "label_a", "split_b", "path_b", "label_b", "tier", "transform", "score")

# What a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PAIRS = f"""
SELECT one.split, first.path, {labels_of("a", "|")}, other.split, second.path, {labels_of("b", "|")},
    tier, transform, score
FROM temp.pair
JOIN temp.sample AS one ON one.file = a JOIN temp.file AS first ON first.id = a
JOIN temp.sample AS other ON other.file = b JOIN temp.file AS second ON second.id = b
ORDER BY tier = '{SIMILAR}', one.split = other.split, {rank_of("other.split")}, {TIER_RANK}, second.path, first.path
"""


def write_leakage(store: Store, path: Path) -> None:
    """Write every pair that was found: those between splits first, then by tier and path; 'similar' ones last.

    Columns are :data:`COLUMNS`; several labels are separated by '|'. There is a header, and no row where nothing was
    found. UTF-8; bytes of names that are none are kept. A path that a spreadsheet would take for a formula is written
    with './' before it, which names the same file; such a label, which is for reading here, with an apostrophe.
    """
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for split_a, path_a, label_a, split_b, path_b, label_b, tier, transform, score in store.rows(_PAIRS):
            a, b = (split_a, shown_path(path_a), _label(label_a)), (split_b, shown_path(path_b), _label(label_b))
            writer.writerow([*a, *b, tier, transform, f"{score:.4g}"])


def shown_path(stored: bytes) -> str:
    """A path for a cell that programs read and spreadsheets show."""
    path = to_text(stored)
    return f"./{path}" if path.startswith(_FORMULA) else path


def _label(label: str | None) -> str:
    return f"'{label}" if label and label.startswith(_FORMULA) else label or ""
