"""Rows of the kept tables, as the scan would write them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.reading import MaskCode, Reading, Sample, Task
from cvadvisor.inspect.dataset.mask_look import look_at_mask
from cvadvisor.inspect.dataset.samples import store_samples
from cvadvisor.inspect.dataset.store import Store, to_bytes, to_text


def reading(
    samples: Sequence[Sample], task: Task, masks: MaskCode | None = None, classes: tuple[str, ...] = ()
) -> Reading:
    return Reading("layout", task, "", len(samples), lambda: iter(samples), masks=masks, classes=classes)


@contextmanager
def looked_at(root: Path, read: Reading, sizes: Mapping[str, tuple[int, int]], orientation: int = 1) -> Iterator[Store]:
    """A store with the samples of ``read``; images are of ``sizes``, (0, 0) for one that cannot be read."""
    with Store(None) as store:
        Files(root, store)
        store_samples(store, read)
        for path, (width, height) in sizes.items():
            store.run(
                "INSERT INTO main.look (path, error, width, height, orientation) VALUES (?, ?, ?, ?, ?)",
                *(to_bytes(path), None if width else "truncated", width, height, orientation),
            )
        query = "SELECT path FROM temp.file WHERE id IN (SELECT mask FROM temp.sample)"
        for (path,) in list(store.rows(query)):
            look = look_at_mask((root / to_text(path)).read_bytes(), to_text(path))
            names = look.__slots__
            store.run(
                f"INSERT INTO main.mask_look (path, {', '.join(names)}) VALUES (?{', ?' * len(names)})",
                *(path, *(getattr(look, name) for name in names)),
            )
        yield store
