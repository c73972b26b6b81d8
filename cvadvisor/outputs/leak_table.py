"""How many images occur more than once, in which way and in which split, as a table."""

from dataclasses import dataclass

from cvadvisor.facts.leaks import BYTES, CHANGED, PIXELS, SCENE, SIMILAR, LeakFacts, LeakTier
from cvadvisor.outputs.figures import percent

_WORDS = {
    BYTES: ("Byte-identical", "the same file"),
    PIXELS: ("Same pixels", "saved in another way, without a loss"),
    CHANGED: ("Same image, transformed", "saved anew, resized, cropped, mirrored, turned, brightened …"),
    SCENE: ("Same scene", "another picture of it: a burst, frames of one video"),
    SIMILAR: ("Similar", "for information: may be anything that looks alike"),
}


@dataclass(frozen=True)
class Row:
    """One tier."""

    title: str
    what: str
    cells: tuple[tuple[str, str, bool], ...]
    """For each split: how many, their share, and whether that is a leak."""


def splits(leak: LeakFacts | None) -> list[str]:
    """Names of the columns: training, and the splits that are held out."""
    if leak is None:
        return []
    known = {"validation": leak.validation_images, "test": leak.test_images}
    return ["train", *(name for name, images in known.items() if images is not None)]


def rows(leak: LeakFacts | None) -> list[Row]:
    """The tiers of which there are any images."""
    if leak is None:
        return []
    return [_row(tier, splits(leak)) for tier in leak.tiers]


def cleaned(leak: LeakFacts | None) -> tuple[int, int] | None:
    """How many images the proposed clean split moves and drops; ``None`` where there is none."""
    if leak is None or leak.clean_moved_images is None or leak.clean_dropped_images is None:
        return None
    return leak.clean_moved_images, leak.clean_dropped_images


def _row(tier: LeakTier, names: list[str]) -> Row:
    title, what = _WORDS.get(tier.tier, (tier.tier, ""))
    cells = []
    for name in names:
        images, share = getattr(tier, f"{name}_images"), getattr(tier, f"{name}_share", None)
        part = percent(share) if images and share is not None else ""
        leaks = bool(images) and name != "train" and tier.tier != SIMILAR
        cells.append((f"{images:,}" if images else "none", part, leaks))
    return Row(title, what, tuple(cells))
