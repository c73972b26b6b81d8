"""Put what a reading says into the store, so that every image found is in use, unlabelled, a mask or skipped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cvadvisor.inspect.dataset.layouts.reading import Fault, Reading, Sample
from cvadvisor.inspect.dataset.store import Store, to_bytes

_FILE = "SELECT id, kind FROM temp.file WHERE path = ?"
_BATCH = 2_000
_TICK = 5_000


@dataclass
class _Rows:
    """Rows that wait to be written."""

    labels: list[tuple[Any, ...]]
    boxes: list[tuple[Any, ...]]
    missing: list[tuple[Any, ...]]
    faults: list[tuple[Any, ...]]


def store_samples(store: Store, reading: Reading, progress: Callable[[int], None] | None = None) -> None:
    """Write every sample of ``reading`` into the working tables.

    An image that the listing lacks goes into ``missing``; a second sample of one image is a fault. In classification an
    image without a label is left unlabelled; in other tasks it is an image without objects or without a mask.
    """
    rows = _Rows([], [], [], [])
    for number, item in enumerate(_items(reading)):
        if isinstance(item, Fault):
            rows.faults.append((to_bytes(item.path), item.problem))
        else:
            _add(store, reading, item, rows)
        if number % _BATCH == 0:
            _flush(store, rows)
        if progress and number % _TICK == 0:
            progress(number)
    _flush(store, rows)
    store.run("CREATE INDEX temp.label_file ON label (file)")
    store.run("CREATE INDEX temp.box_file ON box (file)")
    store.run("CREATE INDEX temp.sample_mask ON sample (mask)")


def _items(reading: Reading) -> Iterator[Sample | Fault]:
    yield from reading.samples()


def _add(store: Store, reading: Reading, sample: Sample, rows: _Rows) -> None:
    path = to_bytes(sample.path)
    found = store.connection.execute(_FILE, (path,)).fetchone()
    if found is None or found[1] == "skipped":
        rows.missing.append((path, sample.split))
        return
    labels = sample.labels or tuple(dict.fromkeys(box.label for box in sample.boxes))
    if not labels and reading.task == "classification":
        return
    mask = None
    if sample.mask is not None:
        row = store.connection.execute(_FILE, (to_bytes(sample.mask),)).fetchone()
        mask = row[0] if row else None
    group = None if sample.group is None else to_bytes(sample.group)
    added = store.connection.execute(
        "INSERT OR IGNORE INTO temp.sample VALUES (?, ?, NULL, ?, ?)", (found[0], sample.split, group, mask)
    )
    if not added.rowcount:
        rows.faults.append((path, "an image that is listed twice; the first time counts"))
        return
    rows.labels += ((found[0], to_bytes(label)) for label in dict.fromkeys(labels))
    rows.boxes += (
        (None, found[0], to_bytes(box.label), box.x, box.y, box.width, box.height, int(box.relative))
        for box in sample.boxes
    )


def _flush(store: Store, rows: _Rows) -> None:
    for table, waiting in (
        ("label", rows.labels),
        ("box", rows.boxes),
        ("missing", rows.missing),
        ("fault", rows.faults),
    ):
        if waiting:
            store.insert(f"temp.{table}", waiting)
            waiting.clear()
