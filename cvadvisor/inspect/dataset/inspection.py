"""Look at every image of a dataset once."""

import csv
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from cvadvisor.facts.dataset import DatasetFacts
from cvadvisor.inspect.dataset.cache import with_store
from cvadvisor.inspect.dataset.clean_split import propose_clean_split, write_clean_split
from cvadvisor.inspect.dataset.components import store_components
from cvadvisor.inspect.dataset.drawing import LabelledImage, draw
from cvadvisor.inspect.dataset.duplicates import find_copies
from cvadvisor.inspect.dataset.families import find_families
from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.group_pattern import group_finder
from cvadvisor.inspect.dataset.groups import find_groups
from cvadvisor.inspect.dataset.layouts import choose
from cvadvisor.inspect.dataset.layouts.reading import DatasetError, Reading, Wishes
from cvadvisor.inspect.dataset.leakage_list import write_leakage
from cvadvisor.inspect.dataset.near.search import find_near
from cvadvisor.inspect.dataset.places import Place
from cvadvisor.inspect.dataset.samples import store_samples
from cvadvisor.inspect.dataset.scan import scan
from cvadvisor.inspect.dataset.splits import propose_validation
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.dataset.summary import summarise
from cvadvisor.inspect.printable import printable

__all__ = ["Dataset", "DatasetError", "Wishes", "inspect_dataset"]

LISTING_TITLE, SCAN_TITLE, MASKS_TITLE = "Finding files", "Every image, once", "Every mask, once"
LABELS_TITLE, COPIES_TITLE = "Reading labels", "Looking for copies"

_Proposed = TypeVar("_Proposed")
Progress = Callable[[str, int, int], None]
"""Called with a stage's title, what is done and what there is to do (0 where that is not known)."""

# Every sample with what the scan saw of it. ``proposed`` stands where the dataset brings no validation split.
_SEEN = """
CREATE TEMP VIEW seen AS
    SELECT sample.file AS file, sample.split AS split, coalesce(sample.proposed, sample.split) AS used_as,
        sample.grouping AS grouping, look.*
    FROM temp.sample JOIN temp.file ON file.id = sample.file JOIN main.look ON look.path = file.path
"""
_KNOWN = """
SELECT count(*) FROM temp.sample JOIN temp.file ON file.id = sample.file
JOIN main.look ON look.path = file.path AND look.size = file.size AND look.mtime_ns = file.mtime_ns
"""
# Images that a classifier can be trained or judged on: readable, and of one class that training has.
_USABLE = """
CREATE TEMP TABLE usable (file INTEGER PRIMARY KEY, path BLOB, split TEXT, label BLOB);
INSERT INTO usable
    SELECT seen.file, seen.path, used_as, min(label.name)
    FROM temp.seen JOIN temp.label ON label.file = seen.file
    WHERE error IS NULL GROUP BY seen.file HAVING count(*) = 1
"""
_SAMPLES = """
SELECT usable.split, label, usable.path, container, start, stored, method, size
FROM temp.usable JOIN temp.file ON file.id = usable.file
"""
_ALL_SAMPLES = """
SELECT used_as, (SELECT group_concat(name, '|') FROM (SELECT CAST(name AS TEXT) AS name FROM temp.label
    WHERE label.file = seen.file ORDER BY 1)), seen.path, container, start, stored, method, file.size
FROM temp.seen JOIN temp.file ON file.id = seen.file WHERE error IS NULL ORDER BY seen.path
"""
_WHERE = ["container", "start", "stored", "method", "size"]
_SPLIT_ORDER = "CASE usable.split WHEN 'train' THEN 0 WHEN 'validation' THEN 1 ELSE 2 END"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that was looked at: what is known about it, and access to its images. Close it when done."""

    files: Files
    reading: Reading
    facts: DatasetFacts
    classes: tuple[str, ...]
    """Classification: classes with at least one readable training image, sorted: a class's index is its place here."""
    notes: tuple[str, ...] = ()
    """What has to be said about the cache, a sentence each."""

    def close(self) -> None:
        """Let go of the store."""
        self.files.store.connection.close()

    def draw(
        self, split: Literal["train", "validation"], most: int, seed: int, beside: Sequence[LabelledImage] = ()
    ) -> list[LabelledImage]:
        """At most ``most`` usable images of ``split`` in a random order that only ``seed`` decides.

        Where the dataset brings no validation split, both come from training, as the proposed split has it. Validation
        images of classes that training lacks are left out.

        With ``beside``, held-out images that were drawn before, training images that these are the same image as come
        early enough that any first n of ``beside`` have theirs among the first 2 n drawn: on a sample of both sides a
        leak then has the effect that it has on all of the data.
        """
        return draw(self.files.store, split, most, seed, beside)

    def held_out_from(self) -> Literal["validation", "train"]:
        """Which of the dataset's own splits the images come from that are held out of probes' training."""
        return "train" if self.facts.proposed_validation_images is not None else "validation"

    def places(self, paths: Iterable[str]) -> dict[str, Place]:
        """Where the files are that facts name, by the name that facts have for them."""
        return {path: self.files.place(path) for path in paths if self.files.has(path)}

    def share_smaller(self, side_px: int) -> float:
        """Share of the readable images whose shorter side is under ``side_px``."""
        query = "SELECT avg(min(width, height) < ?) FROM temp.seen WHERE error IS NULL"
        return float(self.files.store.one(query, side_px) or 0.0)

    def median_cropped_share(self) -> float:
        """Median share of an image that a centred square crop of its shorter side cuts away."""
        query = (
            "SELECT 1 - min(width, height) * 1.0 / max(width, height) AS cut FROM temp.seen WHERE error IS NULL "
            "ORDER BY cut LIMIT 1 OFFSET (SELECT count(*) / 2 FROM temp.seen WHERE error IS NULL)"
        )
        return float(self.files.store.one(query) or 0.0)

    def write_samples(self, path: Path) -> None:
        """Write every readable image with its label and split as CSV: what the training script reads.

        Columns are path, label (several separated by '|'; empty in detection and segmentation where there is none) and
        split, which includes a proposed validation split; for images in archives also container, start, stored, method
        and size (see :class:`cvadvisor.inspect.dataset.places.Place`). UTF-8; bytes of names that are none are kept.
        """
        archived = self.files.store.one("SELECT 1 FROM temp.file WHERE container IS NOT NULL") is not None
        single = self.reading.task == "classification"
        query = f"{_SAMPLES} ORDER BY {_SPLIT_ORDER}, label, usable.path" if single else _ALL_SAMPLES
        with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["path", "label", "split", *(_WHERE * archived)])
            for split, label, name, container, *rest in self.files.store.rows(query):
                text = to_text(label) if isinstance(label, bytes) else label or ""
                where = ["" if container is None else to_text(container), *rest] if archived else []
                writer.writerow([to_text(name), text, split, *where])

    def write_leakage(self, path: Path) -> None:
        """Write every pair of files that show the same or something alike as CSV; see :func:`write_leakage`."""
        write_leakage(self.files.store, path)

    def write_clean_split(self, path: Path) -> None:
        """Write a split without leakage as CSV, where this one leaks; see :func:`write_clean_split`."""
        write_clean_split(self.files.store, path)


def inspect_dataset(
    root: Path,
    wishes: Wishes | None = None,
    *,
    cache: Path | None = None,
    use_cache: bool = True,
    understood: Callable[[Reading], None] | None = None,
    progress: Progress | None = None,
    changed_copies: bool = True,
) -> Dataset:
    """Read and decode every image of the dataset at ``root`` once, and gather the dataset's facts.

    Args:
        root: a folder, or a .zip or .tar, in one of the layouts of :mod:`cvadvisor.inspect.dataset.layouts`.
        wishes: what the user said of the layout.
        cache: folder for what the scan saw of each image; the user's cache folder where not given.
        use_cache: whether to keep and use it.
        understood: told how the dataset is read before any image is opened; may raise to stop.
        progress: told how far each stage is.
        changed_copies: whether to look for changed copies and scenes, which takes the longest; without, those that an
            earlier look found are known.

    Raises:
        DatasetError: it is no such dataset, ``wishes`` cannot be granted, or fewer than two classes have a readable
            training image.
    """
    tell: Progress = progress or (lambda title, done, total: None)
    if wishes is not None and wishes.group_pattern is not None:
        group_finder(wishes.group_pattern)  # before anything takes long: it may be refused

    def work(store: Store) -> Dataset:
        files = Files(root, store, lambda found: tell(LISTING_TITLE, found, 0))
        reading, alternatives = choose(files, wishes or Wishes())
        if understood:
            understood(reading)
        return _inspect(files, reading, alternatives, wishes or Wishes(), tell, changed_copies)

    dataset, notes = with_store(root, cache, use_cache, work)
    return replace(dataset, notes=(*dataset.notes, *notes))


def _inspect(
    files: Files,
    reading: Reading,
    alternatives: tuple[str, ...],
    wishes: Wishes,
    tell: Progress,
    changed_copies: bool,
) -> Dataset:
    root, store = files.root, files.store
    store_samples(store, reading, lambda done: tell(LABELS_TITLE, done, 0))
    if not store.one("SELECT count(*) FROM temp.sample"):
        raise DatasetError(_no_image(root, store, reading))
    known = store.one(_KNOWN)
    scan(root, store, "image", lambda done, total: tell(SCAN_TITLE, done, total))
    if reading.task == "segmentation":
        scan(root, store, "mask", lambda done, total: tell(MASKS_TITLE, done, total))
    store.connection.executescript(_SEEN)
    repeats = _find_leaks(root, store, tell, changed_copies)
    groups = find_groups(files, reading, wishes)
    store_components(store)
    proposal = _interruptible(propose_validation, store) if _needs_validation(store) else None
    store.connection.executescript(_USABLE)
    classes = _classes(store)
    if reading.task == "classification" and len(classes) < 2:
        raise DatasetError(_too_few(root, store, classes))

    clean = _interruptible(propose_clean_split, store)
    facts = summarise(files, reading, alternatives, groups, repeats, proposal, clean)
    store.commit()
    notes = (f"{known:,} of {facts.images:,} images are unchanged since they were last looked at.",) if known else ()
    return Dataset(files, reading, facts, classes, notes)


def _find_leaks(root: Path, store: Store, tell: Progress, changed_copies: bool) -> dict[str, int]:
    """Find files of one image or scene; returns how many training images repeat another, by tier."""

    def decode() -> None:
        scan(root, store, "pixels", lambda done, total: tell(COPIES_TITLE, done, total))

    find_copies(store, decode)
    find_near(root, store, tell, known_only=not changed_copies)
    return find_families(store)


def _interruptible(propose: Callable[[Store], _Proposed], store: Store) -> _Proposed:
    """What ``propose`` proposes. SQLite turns a Ctrl-C while it calls one of our functions into its own error."""
    try:
        return propose(store)
    except sqlite3.OperationalError as error:
        if "user-defined function" in str(error):
            raise KeyboardInterrupt from error
        raise


def _needs_validation(store: Store) -> bool:
    """Whether no readable validation image has a class that training has (or, without classes, none is readable)."""
    query = """
    SELECT 1 FROM temp.seen WHERE split = 'validation' AND error IS NULL AND (
        NOT EXISTS (SELECT 1 FROM temp.label WHERE label.file = seen.file) OR EXISTS (
            SELECT 1 FROM temp.label WHERE label.file = seen.file AND name IN (
                SELECT name FROM temp.label JOIN temp.seen AS other ON other.file = label.file
                WHERE other.split = 'train' AND other.error IS NULL)))
    LIMIT 1
    """
    return store.one(query) is None


def _classes(store: Store) -> tuple[str, ...]:
    query = "SELECT DISTINCT label FROM temp.usable WHERE split = 'train'"
    return tuple(sorted(to_text(label) for (label,) in store.rows(query)))


def _no_image(root: Path, store: Store, reading: Reading) -> str:
    """Why no image can be used, although a layout was found."""
    missing = store.one("SELECT count(*) FROM temp.missing")
    faults = store.one("SELECT count(*) FROM temp.fault")
    read_as = f"{printable(root)}: read as {reading.layout}, it has no image with a place in it"
    if not missing and faults:
        path, problem = next(store.rows("SELECT path, problem FROM temp.fault ORDER BY path LIMIT 1"))
        where = f"{printable(to_text(path))}: {printable(problem)}"
        return f"{read_as}; {faults:,} places in its labels cannot be used (the first: {where}): mend them."
    if not missing:
        return f"{read_as}: give another --layout, or look at its labels."
    first = printable(to_text(store.one("SELECT path FROM temp.missing ORDER BY path LIMIT 1")))
    return f"{read_as}; its labels name {missing:,} images that are not there (the first: {first}): add them."


def _too_few(root: Path, store: Store, classes: tuple[str, ...]) -> str:
    """Why fewer than two classes are left: files that cannot be read, or labels of one class only."""
    shown = printable(root)
    readable = f"only the class {printable(classes[0])} has" if classes else "no class has"
    images = store.one("SELECT count(*) FROM temp.seen")
    broken = store.one("SELECT count(*) FROM temp.seen WHERE error IS NOT NULL")
    if not broken:
        return f"{shown}: {readable} a training image: a classifier needs two classes or more."
    path, error = next(store.rows("SELECT path, error FROM temp.seen WHERE error IS NOT NULL ORDER BY path LIMIT 1"))
    return (
        f"{shown}: {readable} a readable training image; {broken:,} of {images:,} images cannot be read (the first: "
        f"{printable(to_text(path))}, {error}): replace or remove them."
    )
