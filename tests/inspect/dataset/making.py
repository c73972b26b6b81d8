"""Small files for tests: pictures that only a name decides, written to a real disk."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.reading import Fault, Reading, Sample
from cvadvisor.inspect.dataset.store import Store


def picture(name: str = "", size: tuple[int, int] = (12, 10)) -> Image.Image:
    """A picture of noise that only ``name`` decides."""
    seed = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest())
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def encoded(image: Image.Image, extension: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, extension, **options)
    return buffer.getvalue()


def make(root: Path, paths: Sequence[str]) -> Path:
    """Write a file at each of ``paths`` below ``root``: a picture of its own for a .png, text for anything else."""
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(picture(path)) if file.suffix.lower() == ".png" else b"text")
    return root


def name_or_skip(folder: Path, name: str | bytes) -> Path:
    """``folder / name``, made as a folder; skips the test where the file system refuses such a name."""
    path = folder / (name if isinstance(name, str) else name.decode("utf-8", "surrogateescape"))
    try:
        path.mkdir(parents=True)
    except (OSError, UnicodeError) as error:
        pytest.skip(f"the file system refuses the name: {error}")
    return path


@contextmanager
def listed(root: Path) -> Iterator[Files]:
    """The listing of ``root``, in a store that lasts as long as the context."""
    with Store(None) as store:
        yield Files(root, store)


def samples_of(reading: Reading | None) -> list[Sample]:
    """The samples, by path; no image may come twice."""
    assert reading is not None
    samples = sorted((one for one in reading.samples() if isinstance(one, Sample)), key=lambda one: one.path)
    assert len({one.path for one in samples}) == len(samples)
    return samples


def faults_of(reading: Reading | None) -> list[Fault]:
    assert reading is not None
    return [one for one in reading.samples() if isinstance(one, Fault)]
