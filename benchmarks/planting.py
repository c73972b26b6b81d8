"""A copy of a dataset with leaks planted into it: changed copies of training images under validation.

Files are hard links where the file system allows, names of planted copies are random, and every second copy of each
kind goes under another class than its source, since leaks across classes count.
"""

import csv
import hashlib
import os
import random
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transforms import Transform, copied

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"}
TRAIN, VALIDATION = "train", "validation"
OTHER_NAMES = {"training": TRAIN, "val": VALIDATION, "valid": VALIDATION}
OWN_VALIDATION_SHARE = 0.2


@dataclass(frozen=True)
class Planted:
    """One planted copy. Paths are relative to the dataset, with '/'."""

    path: str
    source: str
    transform: str
    crossed: bool
    """Whether it lies under another class than its source."""


@dataclass
class Dataset:
    """Class folders below ``train/`` and ``validation/`` of a scratch folder."""

    folder: Path
    train: list[str] = field(default_factory=list)
    validation: list[str] = field(default_factory=list)
    """Without what is planted."""
    planted: list[Planted] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Where a path of the original dataset is now."""
    sameness: "Sameness" = field(default_factory=lambda: Sameness())

    @property
    def images(self) -> int:
        """How many there are, planted copies included."""
        return len(self.train) + len(self.validation) + len(self.planted)


class Sameness:
    """Which files hold one image: those with the same bytes, and pairs that a person called the same."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def join(self, a: str, b: str) -> None:
        """Say that ``a`` and ``b`` are one image."""
        self._above[self.image(a)] = self.image(b)

    def image(self, path: str) -> str:
        """A name of the image in ``path``, the same for all files that hold it."""
        while (above := self._above.get(path, path)) != path:
            self._above[path] = self._above.get(above, above)
            path = above
        return path


def link_dataset(source: Path, folder: Path, seed: int = 0) -> Dataset:
    """Bring the class folders of ``source`` into ``folder``, with a validation split of a fifth where it has none.

    Raises SystemExit where there are no images in class folders.
    """
    dataset = Dataset(folder)
    by_content: dict[bytes, str] = {}
    for path, place in _places(source, seed):
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(source / path, target)
        dataset.names[path] = place
        (dataset.train if place.startswith(f"{TRAIN}/") else dataset.validation).append(place)
        dataset.sameness.join(place, by_content.setdefault(hashlib.sha256(target.read_bytes()).digest(), place))
    if not dataset.train or not dataset.validation:
        raise SystemExit(f"{source}: there are no images in class folders, alone or below train/ and validation/.")
    return dataset


def _places(source: Path, seed: int) -> Iterator[tuple[str, str]]:
    """Each image of ``source``, and where it goes."""
    splits = {entry.name: OTHER_NAMES.get(entry.name, entry.name) for entry in source.iterdir() if entry.is_dir()}
    named = {name: split for name, split in splits.items() if split in (TRAIN, VALIDATION)}
    if VALIDATION in named.values():
        for name, split in sorted(named.items()):
            yield from ((f"{name}/{path}", f"{split}/{path}") for path in _images(source / name))
        return
    top = next(iter(named), ".")
    by_class: dict[str, list[str]] = defaultdict(list)
    for path in _images(source / top):
        by_class[path.split("/")[0]].append(path)
    for label, paths in sorted(by_class.items()):
        held_out = set(random.Random(f"{seed}/{label}").sample(paths, round(len(paths) * OWN_VALIDATION_SHARE)))
        for path in paths:
            original = path if top == "." else f"{top}/{path}"
            yield original, f"{VALIDATION if path in held_out else TRAIN}/{path}"


def _images(folder: Path) -> list[str]:
    """Images at least one folder below, relative, in order."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(str(path.relative_to(folder)) for path in found if path.parent != folder)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def plant(dataset: Dataset, transforms: Iterable[Transform], sources: int, seed: int = 0) -> None:
    """Add ``sources`` copies of each kind to ``dataset``, fewer where training has fewer images.

    No image is the source of two kinds until every image was the source of one. Images that Pillow cannot read are
    passed over.
    """
    order = sorted(dataset.train)
    random.Random(seed).shuffle(order)
    classes = sorted({_label(path) for path in order})
    rng = random.Random(f"names {seed}")
    at = 0
    for transform in transforms:
        planted = 0
        for _ in range(len(order)):
            if planted == sources:
                break
            source = order[at % len(order)]
            at += 1
            try:
                data = (dataset.folder / source).read_bytes()
                data, suffix = copied(data, Path(source).suffix, transform, f"{seed}/{transform.name}/{source}")
            except (OSError, ValueError):
                continue
            crossed = planted % 2 == 1 and len(classes) > 1
            label = rng.choice([other for other in classes if other != _label(source)]) if crossed else _label(source)
            path = f"{VALIDATION}/{label}/{rng.randbytes(12).hex()}{suffix}"
            (dataset.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (dataset.folder / path).write_bytes(data)
            dataset.planted.append(Planted(path, source, transform.name, crossed))
            planted += 1


def _label(path: str) -> str:
    return path.split("/")[1]


def read_pairs(file: Path, names: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs of a CSV with the columns path_a and path_b, relative to the original dataset, as the paths are now.

    Raises SystemExit where a column is missing or a path is none of the dataset's.
    """
    with file.open(newline="", encoding="utf-8", errors="surrogateescape") as text:
        rows: Sequence[dict[str, str]] = list(csv.DictReader(text))
    pairs = []
    for number, row in enumerate(rows, start=2):
        if not {"path_a", "path_b"} <= row.keys():
            raise SystemExit(f"{file}: it needs the columns path_a and path_b.")
        unknown = [path for path in (row["path_a"], row["path_b"]) if path not in names]
        if unknown:
            raise SystemExit(f"{file}, line {number}: {unknown[0]} is not in the dataset.")
        pairs.append((names[row["path_a"]], names[row["path_b"]]))
    return pairs
