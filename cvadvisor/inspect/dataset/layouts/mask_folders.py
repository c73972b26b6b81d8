"""Semantic segmentation: a folder of images, and one of masks that say the class of each pixel.

Read are CamVid (``train/`` and ``trainannot/``), Cityscapes (``leftImg8bit/`` and ``gtFine/``), Pascal VOC's
``SegmentationClass/``, ``images/`` with ``masks/`` under many names, with splits above or below, and masks beside the
images.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from cvadvisor.inspect.dataset.layouts.lookup import split_in, stem_of, with_stem
from cvadvisor.inspect.dataset.layouts.mask_codes import mask_code
from cvadvisor.inspect.dataset.layouts.mask_pairs import CITYSCAPES_SUFFIXES, Pair, find_pairs, mask_at
from cvadvisor.inspect.dataset.layouts.reading import Fault, MaskCode, Reading, Sample, Split, Wishes
from cvadvisor.inspect.dataset.mask_look import MaskLook, look_at_mask
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files

_RANK_KNOWN, _RANK_SEEN, _RANK_MIXED = 90, 65, 55
_LOOKED_AT = 3
_MOST_MASK_BYTES = 100_000_000

SplitOf = Callable[[str], Split | None]
"""The split of an image by its path; ``None`` where it is in none and is left alone."""


def read(files: "Files", wishes: Wishes) -> Reading | None:
    """The dataset as images and masks, or ``None``. Pascal VOC is left to its own reader, unless asked for."""
    if wishes.labels is not None:
        return None
    pairs = find_pairs(files)
    if wishes.layout is None:
        pairs = [pair for pair in pairs if not is_voc(pair)]
    return reading_of(files, pairs, lambda path: split_in(path) or "train")


def is_voc(pair: Pair) -> bool:
    """Whether these are Pascal VOC's folders."""
    return pair.masks.lower().endswith("segmentationclass") and pair.images.lower().endswith("jpegimages")


def reading_of(files: "Files", pairs: Sequence[Pair], split_of: SplitOf) -> Reading | None:
    """The reading that ``pairs`` give; ``None`` where there are none, or what they hold are no masks."""
    looks = list(_looks(files, pairs)) if pairs else []
    # Many values are no classes: pairs of photographs are another task's. Masks that cannot be read have their names.
    if not pairs or (looks and all(look.truncated_values for look in looks)):
        return None
    code, source, known = mask_code(files, pairs)
    first = pairs[0]
    where = (
        f"{printable(first.images) or 'the top folder'} has its masks in {printable(first.masks) or 'the same folder'}"
    )
    notes = [source or "Nothing names the classes of the masks: each value that occurs is a class of its own."]
    if first.naming.mask_suffix or first.naming.mask_prefix:
        called = f"{first.naming.mask_prefix}…{first.naming.mask_suffix}"
        notes.append(f"Masks are the files called {printable(called)}.")
    if first.naming.mask_suffix.endswith(CITYSCAPES_SUFFIXES[2]):
        notes.append("Only masks of instances are there: their classes are read from the thousands.")
    return Reading(
        layout="masks",
        task="segmentation",
        why=f"{where}{', as in ' + known if known else ''}",
        images=sum(pair.about for pair in pairs),
        samples=lambda: _samples(files, pairs, split_of),
        rank=_RANK_KNOWN if known else _RANK_MIXED if first.images == first.masks else _RANK_SEEN,
        classes=_classes(code, looks),
        notes=tuple(notes),
        masks=code,
    )


def _looks(files: "Files", pairs: Sequence[Pair]) -> Iterator[MaskLook]:
    """A few masks that decode."""
    for pair in pairs[:_LOOKED_AT]:
        paths = (
            path for path in files.images(pair.masks, below=False) if pair.naming.image_of(stem_of(path)) is not None
        )
        for path in islice(paths, _LOOKED_AT):
            try:
                look = look_at_mask(files.read(path, _MOST_MASK_BYTES), path)
            except Unreadable:
                continue
            if look.error is None:
                yield look


def _classes(code: MaskCode, looks: Sequence[MaskLook]) -> tuple[str, ...]:
    """The classes that can occur: a code may name other ones for indices than for colours (CamVid's does)."""
    values = {value for look in looks for value in json.loads(look.counts)}
    coloured = any("," in value and tuple(map(int, value.split(","))) in code.names for value in values)
    kinds = tuple if coloured else int
    names = (name for value, name in code.names.items() if value not in code.ignored and isinstance(value, kinds))
    return tuple(dict.fromkeys(names))


def _samples(files: "Files", pairs: Sequence[Pair], split_of: SplitOf) -> Iterator[Sample | Fault]:
    """Every image of the pairs with its mask, then masks whose image is missing."""
    for pair in pairs:
        for image in files.images(pair.images, below=False):
            stem = stem_of(image)
            if pair.images == pair.masks and _is_mask(files, pair, stem):
                continue
            split = split_of(image)
            if split is None:
                continue
            name = pair.naming.mask_of(stem)
            mask = mask_at(files, pair.masks, name) if name else None
            yield Sample(image, split, mask=mask if mask != image else None)
        for mask in files.images(pair.masks, below=False):
            wanted = pair.naming.image_of(stem_of(mask))
            if wanted and pair.images != pair.masks and not with_stem(files, pair.images, wanted):
                path = f"{pair.images}/{wanted}" if pair.images else wanted
                yield Sample(path, split_of(path) or "train")


def _is_mask(files: "Files", pair: Pair, stem: str) -> bool:
    """Whether a file is called as a mask is, and the image that it would be of is there."""
    image = pair.naming.image_of(stem)
    return image is not None and bool(with_stem(files, pair.images, image))
