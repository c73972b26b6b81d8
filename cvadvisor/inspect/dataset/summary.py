"""The facts of a dataset, from its reading and its store."""

from collections.abc import Mapping
from typing import Any

from cvadvisor.facts.dataset import DatasetFacts, FileProblem
from cvadvisor.facts.groups import GroupFacts
from cvadvisor.inspect.dataset.appearance import look_facts, shift_facts, size_facts
from cvadvisor.inspect.dataset.boxes import box_facts
from cvadvisor.inspect.dataset.class_sizes import class_counts, class_facts, split_facts
from cvadvisor.inspect.dataset.clean_split import CleanSplit
from cvadvisor.inspect.dataset.files import UNREAD_IMAGE_EXTENSIONS, Files
from cvadvisor.inspect.dataset.layouts.reading import Reading
from cvadvisor.inspect.dataset.leaks import MOST_EXAMPLES, leak_facts
from cvadvisor.inspect.dataset.masks import mask_facts
from cvadvisor.inspect.dataset.oddities import find_oddities
from cvadvisor.inspect.dataset.shortcuts import shortcut_facts
from cvadvisor.inspect.dataset.splits import Proposal
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable

_UNLABELLED = """
FROM temp.file WHERE kind = 'image' AND id NOT IN (SELECT file FROM temp.sample)
AND id NOT IN (SELECT mask FROM temp.sample WHERE mask IS NOT NULL)
"""
# Hidden and system files are expected, and count as other files.
_SKIPPED = "kind = 'skipped' AND problem NOT LIKE 'a hidden or system f%'"
_USE = f"CASE WHEN {_SKIPPED} THEN 'skipped' WHEN kind = 'image' THEN kind ELSE 'other' END"


def summarise(
    files: Files,
    reading: Reading,
    alternatives: tuple[str, ...],
    groups: GroupFacts,
    repeats: Mapping[str, int],
    proposal: Proposal | None,
    clean: CleanSplit | None,
) -> DatasetFacts:
    """Every fact of a dataset whose samples were scanned.

    Args:
        files: the listing; its store has the view ``seen``.
        reading: how the dataset was understood.
        alternatives: other readings, a sentence each.
        groups: what belongs together.
        repeats: training images that repeat another, by tier.
        proposal: the validation split that was proposed, where there is none.
        clean: the split that was proposed instead of one that leaks.
    """
    store = files.store
    counts = class_counts(store)
    facts: dict[str, Any] = {
        "task": reading.task,
        "layout": reading.layout,
        "layout_reason": printable(reading.why),
        "layout_notes": tuple(map(printable, reading.notes)),
        "layout_alternatives": tuple(map(printable, alternatives)),
        "group": groups,
        **_file_facts(files),
        **class_facts(reading, counts),
        **split_facts(store, counts),
        **size_facts(store),
        **look_facts(store),
        **shift_facts(store),
        **find_oddities(store),
        "leak": leak_facts(store, repeats, clean, labelled="classification" in reading.task),
    }
    if reading.task == "classification":
        facts["shortcuts"] = shortcut_facts(store)
    if reading.task == "multi-label classification":
        facts["labels_per_image"] = store.one("SELECT count(*) * 1.0 / count(DISTINCT file) FROM temp.label")
    if proposal is not None:
        facts["proposed_validation_images"] = proposal.images
    if reading.task == "detection":
        facts["box"] = box_facts(store)
    if reading.task == "segmentation":
        facts["mask"] = (masks := mask_facts(store, reading))
        facts["classes"] = len(masks.class_pixels)
    return DatasetFacts(**facts)


def _file_facts(files: Files) -> dict[str, Any]:
    """What became of every file that was found."""
    store = files.store
    unread = 0
    shown: list[str] = []
    for path in files.others(suffixes=tuple(UNREAD_IMAGE_EXTENSIONS)):
        unread += 1
        if len(shown) < MOST_EXAMPLES:
            shown.append(path)
    images, readable, total_bytes = next(
        store.rows(
            "SELECT count(*), coalesce(sum(error IS NULL), 0), coalesce(sum(file.size), 0) FROM temp.seen "
            "JOIN temp.file ON file.id = seen.file"
        )
    )
    kinds = dict(store.rows(f"SELECT {_USE}, count(*) FROM temp.file GROUP BY 1"))
    return {
        "files": sum(kinds.values()),
        "images": images,
        "readable_images": readable,
        "unreadable_images": images - readable,
        "unlabelled_images": store.one(f"SELECT count(*) {_UNLABELLED}"),
        "missing_images": store.one("SELECT count(*) FROM temp.missing"),
        "mask_files": store.one("SELECT count(DISTINCT mask) FROM temp.sample WHERE mask IS NOT NULL"),
        "other_files": kinds.get("other", 0),
        "unread_image_files": unread,
        "unread_image_examples": tuple(map(printable, shown)),
        "skipped_files": kinds.get("skipped", 0),
        "annotation_faults": store.one("SELECT count(*) FROM temp.fault"),
        "total_bytes": total_bytes,
        "unreadable_examples": _problems(store, "SELECT path, error FROM temp.seen WHERE error IS NOT NULL"),
        "unlabelled_examples": _paths(store, f"SELECT path {_UNLABELLED}"),
        "missing_examples": _paths(store, "SELECT path FROM temp.missing"),
        "skipped_examples": _problems(store, f"SELECT path, problem FROM temp.file WHERE {_SKIPPED}"),
        "annotation_fault_examples": _problems(store, "SELECT path, problem FROM temp.fault"),
    }


def _problems(store: Store, query: str) -> tuple[FileProblem, ...]:
    rows = store.rows(f"{query} ORDER BY path LIMIT {MOST_EXAMPLES}")
    return tuple(FileProblem(path=printable(to_text(path)), reason=printable(problem)) for path, problem in rows)


def _paths(store: Store, query: str) -> tuple[str, ...]:
    rows = store.rows(f"{query} ORDER BY path LIMIT {MOST_EXAMPLES}")
    return tuple(printable(to_text(path)) for (path,) in rows)
