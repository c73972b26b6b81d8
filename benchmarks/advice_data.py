"""The datasets of benchmarks/advice.py: real images in class folders below train, validation and test."""

import csv
import hashlib
import json
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SPLITS = ("train", "validation", "test")
LONGEST_SIDE_PX = 128
"""Images are shrunk to it, so that decoding them costs little; inputs are half of that."""
DIGIT_SIDE_PX = 32
SENDER_SHARE = 0.1
"""At most so much of a split comes from one sender, or a few of them would be the split."""
MADE = "made.json"

Item = tuple[str, Path]
"""Class and file."""


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk."""

    name: str
    folder: str
    classes: int
    train: int
    validation: int
    test: int
    digest: str
    """Of its paths and bytes."""

    @property
    def chance(self) -> float:
        """Accuracy of guessing."""
        return 1 / self.classes


def make(
    source: str, folder: Path, *, train: int, validation: int, classes: int | None, seed: int, groups: Path | None
) -> Dataset:
    """Write ``train`` and ``validation`` images of ``source`` and many test images to ``folder``, if it is not there.

    Args:
        source: 'digits' (scikit-learn's), or a folder with class folders below train, validation and test.
        classes: the first so many classes only.
        seed: draws the images.
        groups: a CSV with the columns split, folder_label, image and sender_id: then no sender is in two splits.

    Raises:
        SystemExit: the source has too few images.
    """
    if (folder / MADE).exists():
        return read(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if source == "digits":
        chosen = digit_splits(folder / "drawn", train=train, validation=validation, classes=classes or 10, seed=seed)
    else:
        found = class_folders(Path(source), classes)
        senders = read_senders(groups) if groups else None
        if senders:
            chosen = by_sender(found, senders, train=train, validation=validation, seed=seed)
        else:
            chosen = {
                split: in_proportion(items, {"train": train, "validation": validation}.get(split, len(items)), seed)
                for split, items in found.items()
            }
    for split, images in (("train", train), ("validation", validation), ("test", 1)):
        if len(chosen[split]) < images:
            raise SystemExit(f"{source}: {images} {split} images are asked for, and there are {len(chosen[split])}.")
    for split, items in chosen.items():
        for label, file in items:
            shrink(file, folder / "images" / split / label / file.name)
    shutil.rmtree(folder / "drawn", ignore_errors=True)
    return finish(folder, Path(source).name)


def finish(folder: Path, name: str) -> Dataset:
    """Describe the images that lie in ``folder``, and mark it as complete."""
    images = folder / "images"
    files = sorted(path for path in images.glob("*/*/*"))
    counts = Counter(file.relative_to(images).parts[0] for file in files)
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(images)}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    classes = {file.parent.name for file in files if file.parent.parent.name == "train"}
    made = Dataset(
        name, str(images), len(classes), counts["train"], counts["validation"], counts["test"], digest.hexdigest()
    )
    (folder / MADE).write_text(json.dumps(asdict(made)))
    return made


def read(folder: Path) -> Dataset:
    return Dataset(**{**json.loads((folder / MADE).read_text()), "folder": str(folder / "images")})


def digit_splits(folder: Path, *, train: int, validation: int, classes: int, seed: int) -> dict[str, list[Item]]:
    """scikit-learn's handwritten digits as files in ``folder``, the same number of each digit in a split."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    folder.mkdir(parents=True)
    items: list[Item] = []
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        if digit < classes:
            file = folder / f"{number:04d}.png"
            image = Image.fromarray((pixels * (255 / 16)).astype("uint8"))
            image.resize((DIGIT_SIDE_PX, DIGIT_SIDE_PX), Image.Resampling.BICUBIC).save(file)
            items.append((str(digit), file))
    ranked = in_proportion(items, len(items), seed)
    return {
        "train": ranked[:train],
        "validation": ranked[train : train + validation],
        "test": ranked[train + validation :],
    }


def class_folders(source: Path, classes: int | None) -> dict[str, list[Item]]:
    """The images of each split of ``source``, of its first ``classes`` classes."""
    names = sorted(place.name for place in (source / "train").iterdir() if place.is_dir())[:classes]
    return {
        split: [(name, file) for name in names for file in sorted((source / split / name).glob("*")) if file.is_file()]
        for split in SPLITS
    }


def read_senders(file: Path) -> dict[str, str]:
    """Who sent each image, by the image's name without its suffix."""
    with file.open(newline="") as text:
        return {row["image"]: row["sender_id"] for row in csv.DictReader(text)}


def by_sender(
    found: Mapping[str, Iterable[Item]], senders: Mapping[str, str], *, train: int, validation: int, seed: int
) -> dict[str, list[Item]]:
    """New splits in which no sender is twice; everything that neither training nor validation takes is test.

    Test keeps its own senders. Of a sender, training and validation take at most SENDER_SHARE of their size, so that no
    few people are the dataset, and leave out the rest.
    """
    rng = random.Random(seed)
    held: dict[str, list[Item]] = defaultdict(list)
    tested = {senders[file.stem] for _, file in found["test"]}
    chosen: dict[str, list[Item]] = {"train": [], "validation": [], "test": list(found["test"])}
    for split in ("train", "validation"):
        for item in found[split]:
            held[senders[item[1].stem]].append(item)
    order = sorted(held)
    rng.shuffle(order)
    for sender in order:
        items = rng.sample(held[sender], len(held[sender]))
        sizes = {"train": train, "validation": validation}
        open_to = [split for split in sizes if len(chosen[split]) < sizes[split] and sender not in tested]
        if open_to:
            split = open_to[0]
            items = items[: max(1, min(round(SENDER_SHARE * sizes[split]), sizes[split] - len(chosen[split])))]
        chosen[split if open_to else "test"] += items
    return chosen


def in_proportion(items: list[Item], number: int, seed: int) -> list[Item]:
    """``number`` of ``items``, each class in its proportion, so that any beginning of the list is too."""
    sizes, seen, ranked = Counter(label for label, _ in items), Counter[str](), []
    for label, file in random.Random(seed).sample(items, len(items)):
        ranked.append(((seen[label] + 0.5) / sizes[label], label, file))
        seen[label] += 1
    return [(label, file) for _, label, file in sorted(ranked)[:number]]


def shrink(file: Path, to: Path) -> None:
    """``file`` with no side above LONGEST_SIDE_PX."""
    from PIL import Image

    to.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(file) as image:
        if max(image.size) <= LONGEST_SIDE_PX:
            shutil.copyfile(file, to)
        else:
            image.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX), Image.Resampling.LANCZOS)
            options: dict[str, Any] = {"quality": 95} if to.suffix.lower() in (".jpg", ".jpeg") else {}
            image.save(to, **options)


def with_flipped_labels(dataset: Dataset, folder: Path, share: float, seed: int) -> Dataset:
    """A copy in which ``share`` of the training images lie under another class, drawn evenly."""

    def flip(files: list[Path]) -> dict[Path, str]:
        rng, labels = random.Random(seed), sorted({file.parent.name for file in files})
        wrong = rng.sample(files, round(share * len(files)))
        return {file: rng.choice([label for label in labels if label != file.parent.name]) for file in wrong}

    return changed(dataset, folder, f"{dataset.name}, {share:.0%} flipped", flip)


def with_half_the_training(dataset: Dataset, folder: Path, seed: int) -> Dataset:
    """A copy with half of the training images of each class."""

    def halve(files: list[Path]) -> dict[Path, str | None]:
        kept = in_proportion([(file.parent.name, file) for file in files], len(files) // 2, seed)
        return dict.fromkeys(set(files) - {file for _, file in kept})

    return changed(dataset, folder, f"{dataset.name}, half", halve)


def changed(
    dataset: Dataset, folder: Path, name: str, change: Callable[[list[Path]], Mapping[Path, str | None]]
) -> Dataset:
    """A copy of ``dataset`` in ``folder`` in which ``change`` says the new class of training images; None drops one."""
    if (folder / MADE).exists():
        return read(folder)
    shutil.rmtree(folder, ignore_errors=True)
    images = Path(dataset.folder)
    new = change(sorted(images.glob("train/*/*")))
    for file in sorted(images.glob("*/*/*")):
        split, label, base = file.relative_to(images).parts
        if (where := new.get(file, label)) is not None:
            to = folder / "images" / split / where / base
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, to)
    return finish(folder, name)
