"""Draw images for probes: at random, and so that a leaked image is seen together with the image it is the same as."""

import random
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cvadvisor.inspect.dataset.files import place_of
from cvadvisor.inspect.dataset.places import Place
from cvadvisor.inspect.dataset.store import Store, to_text

_OF_TRAINED_CLASSES = """
SELECT file FROM temp.usable WHERE split = ? AND label IN (SELECT label FROM temp.usable WHERE split = 'train')
ORDER BY path
"""
_IMAGE = """
SELECT label, usable.path, container, start, stored, method, size
FROM temp.usable JOIN temp.file ON file.id = usable.file WHERE usable.file = ?
"""
# The usable training image that a held-out file is the same image as; table ``leaked`` lists them for every file.
_SOURCE = """
SELECT source FROM temp.leaked JOIN temp.usable ON usable.file = source WHERE leaked.file = ? AND split = 'train'
"""


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """A readable image of one class."""

    place: Place
    label: str
    source: int | None = None
    """For a held-out image that is the same image as a usable training image: the id of that image's file."""


def draw(
    store: Store, split: Literal["train", "validation"], most: int, seed: int, beside: Sequence[LabelledImage]
) -> list[LabelledImage]:
    """At most ``most`` usable images of ``split``; see :meth:`cvadvisor.inspect.dataset.inspection.Dataset.draw`."""
    ids = array("q", (number for (number,) in store.rows(_OF_TRAINED_CLASSES, split)))
    order = random.Random(seed).sample(ids, min(most, len(ids)))
    drawn = []
    for number in with_sources(order, [image.source for image in beside])[:most]:
        row = next(store.rows(_IMAGE, number))
        source = store.one(_SOURCE, number) if split == "validation" else None
        drawn.append(LabelledImage(place_of(row[1:]), to_text(row[0]), source))
    return drawn


def with_sources(order: Iterable[int], sources: Sequence[int | None]) -> list[int]:
    """The ids of ``order`` with every one of ``sources``, once each: that of the n-th among the first 2 n.

    Between them ``order`` is kept; without sources it is returned as it is.
    """
    rest, made = iter(order), dict[int, None]()
    for count, source in enumerate(sources, 1):
        if source is not None:
            made[source] = None
        while len(made) < 2 * count and (number := next(rest, None)) is not None:
            made[number] = None
    return [*made, *(number for number in rest if number not in made)]
