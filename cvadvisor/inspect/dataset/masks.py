"""What is true of a segmentation dataset's masks, and which of them cannot be right."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cvadvisor.facts.dataset import ClassPixels, Found, ImageExample, MaskFacts
from cvadvisor.inspect.dataset.extremes import Extremes
from cvadvisor.inspect.dataset.layouts.reading import Reading
from cvadvisor.inspect.dataset.mask_values import Counts, Meaning, add_up, meaning_of
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable

_LABELS_SHOWN = 3
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_KINDS = ("images_without", "unreadable", "size_mismatch", "unknown_values", "empty", "lossy")

# Every readable image; the mask's columns are NULL where it has none, or none that was looked at.
_IMAGES = """
SELECT image.path, sample.split, look.width, look.height, look.orientation, sample.mask, mask.path, mask_look.error,
    mask_look.format, mask_look.width, mask_look.height, mask_look.counts, mask_look.palette
FROM temp.sample JOIN temp.file AS image ON image.id = sample.file JOIN main.look ON look.path = image.path
    LEFT JOIN temp.file AS mask ON mask.id = sample.mask LEFT JOIN main.mask_look ON mask_look.path = mask.path
WHERE look.error IS NULL ORDER BY image.path
"""
_DECODED = """
FROM main.mask_look JOIN temp.file ON file.path = mask_look.path
WHERE mask_look.error IS NULL AND file.id IN (SELECT mask FROM temp.sample)
"""


@dataclass(frozen=True, slots=True)
class _Image:
    """An image, with what is said of its mask in an example."""

    path: bytes
    split: str
    label: str
    measured: str


@dataclass
class _Totals:
    """What adds up over all masks."""

    images: int = 0
    pixels: int = 0
    ignored: int = 0
    trained: Counter[str] = field(default_factory=Counter)
    """Pixels of each class in training."""
    occurs: Counter[str] = field(default_factory=Counter)
    """Masks that each class occurs in."""


def mask_facts(store: Store, reading: Reading) -> MaskFacts:
    """The facts of the masks in ``store``, whose images and masks have been looked at.

    Args:
        store: with the samples, and rows for their images and masks.
        reading: says what the values mean, and which classes there are.
    """
    values, masks = add_up(counts for (counts,) in store.rows(f"SELECT counts {_DECODED}"))
    meaning = meaning_of(reading.masks, values, masks)
    totals = _Totals()
    kinds: dict[str, Extremes[_Image]] = {name: Extremes() for name in _KINDS}
    for row in store.rows(_IMAGES):
        totals.images += 1
        for kind, extremity, image in _judge(row, meaning, totals):
            kinds[kind].add(extremity, image)
    classes = _classes(totals, reading.classes)
    trained = [pixels for pixels in totals.trained.values() if pixels]
    return MaskFacts(
        masks=store.one(f"SELECT count(*) {_DECODED}"),
        kind=meaning.kind(values),
        class_pixels=classes,
        imbalance_ratio=max(trained) / min(trained) if trained else None,
        smallest_class=min(totals.trained, key=lambda name: (totals.trained[name], name)) if trained else None,
        ignored_share=totals.ignored / totals.pixels if totals.pixels else None,
        **{name: _found(kind, totals.images) for name, kind in kinds.items()},
    )


def _judge(row: tuple[Any, ...], meaning: Meaning, totals: _Totals) -> Iterator[tuple[str, float, _Image]]:
    """What is wrong with one image's mask: kind, extremity, and the example. What is right is added to ``totals``."""
    path, split, width, height, orientation, mask, mask_path, error, form, across, down, counts, palette = row
    if mask is None:
        yield "images_without", 0.0, _Image(path, split, "", "no mask")
        return
    name = printable(to_text(mask_path))
    if error is not None or counts is None:
        yield "unreadable", 0.0, _Image(path, split, "", f"{name}: {error or 'was not looked at'}")
        return
    found = meaning.read(counts, palette, across * down)
    _add(found, split, across * down, totals)
    label = _label(found.classes)
    if (across, down) not in _sizes(width, height, orientation):
        apart = abs(math.log(across * down / max(width * height, 1)))
        measured = f"the image has {width}x{height} px, its mask {across}x{down}"
        yield "size_mismatch", apart, _Image(path, split, label, measured)
    if found.unknown:
        share = found.unknown / (across * down)
        such = f" such as {found.example}" if found.example else ""
        measured = f"{share:.2%} of the pixels have values{such} that stand for no class"
        yield "unknown_values", share, _Image(path, split, label, measured)
    elif not set(found.classes) - meaning.background:
        yield "empty", 0.0, _Image(path, split, label, "all background" if found.classes else "all void")
    if form == "JPEG":
        yield "lossy", 0.0, _Image(path, split, label, f"{name} is a JPEG")


def _sizes(width: int, height: int, orientation: int) -> tuple[tuple[int, int], ...]:
    """Sizes that a mask may have: one drawn before EXIF data turned the image fits for loaders that do not turn it."""
    return ((width, height), (height, width)) if orientation in _SIDEWAYS else ((width, height),)


def _add(found: Counts, split: str, pixels: int, totals: _Totals) -> None:
    totals.pixels += pixels
    totals.ignored += found.ignored
    totals.occurs.update(found.classes.keys())
    if split == "train":
        totals.trained.update(found.classes)


def _label(classes: Mapping[str, int]) -> str:
    """The classes that cover most of a mask."""
    most = sorted(classes, key=lambda name: (-classes[name], name))[:_LABELS_SHOWN]
    return ", ".join(map(printable, most))


def _classes(totals: _Totals, declared: tuple[str, ...]) -> tuple[ClassPixels, ...]:
    """Every class that occurs or is declared, with its share."""
    labelled = max(totals.trained.total(), 1)
    sizes = [
        ClassPixels(name=printable(name), share=totals.trained[name] / labelled, images=totals.occurs[name])
        for name in {*totals.occurs, *declared}
    ]
    return tuple(sorted(sizes, key=lambda size: (-size.share, -size.images, size.name)))


def _found(kind: Extremes[_Image], images: int) -> Found:
    examples = tuple(
        ImageExample(path=printable(to_text(one.path)), split=one.split, label=one.label, measured=one.measured)
        for one in kind.most()
    )
    return Found(images=kind.count, share=kind.count / images if images else 0.0, examples=examples)
