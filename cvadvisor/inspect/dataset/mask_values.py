"""From the values in masks to classes, by what the layout says of them and what occurs in all masks together."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cvadvisor.inspect.dataset.layouts.reading import MaskCode

Value = int | tuple[int, int, int]
"""An index or a colour."""

BACKGROUND_NAMES = frozenset({"background", "_background_", "__background__", "bg", "void", "unlabeled", "unlabelled"})
"""Classes that mark nothing, in lower case."""

_MOST_VALUES = 4_096
# Where nothing names the classes, no more values than these are believed to be any: the rest is what a format blurred.
_MOST_CLASSES = 256
# Part of the pixels that are pure black or white in a mask of two classes; the rest are soft edges.
_BINARY = 0.9
_WHITE = 255


@dataclass(frozen=True, slots=True)
class Counts:
    """Pixels of one mask, by what they are."""

    classes: Mapping[str, int]
    ignored: int
    unknown: int
    example: str
    """A value that stands for no class, '' where there is none."""


@dataclass(frozen=True)
class Meaning:
    """What each value stands for."""

    names: Mapping[Value, str]
    ignored: frozenset[Value]

    @cached_property
    def background(self) -> frozenset[str]:
        """Names of the classes that mark nothing."""
        unnamed = {"0", colour_name((0, 0, 0))}
        return frozenset(name for name in self.names.values() if name.lower() in BACKGROUND_NAMES or name in unnamed)

    def kind(self, totals: Mapping[Value, int]) -> Literal["index", "colour"]:
        """Whether classes are told apart by index or by colour; black is background in both, and says nothing."""
        coloured = sum(n for value, n in totals.items() if isinstance(value, tuple) and value in self.names)
        indexed = sum(n for value, n in totals.items() if isinstance(value, int) and value and value in self.names)
        return "colour" if coloured > indexed else "index"

    def read(self, counts: str, palette: str, pixels: int) -> Counts:
        """The classes of one mask's values.

        Args:
            counts: JSON of pixels by value, as :class:`cvadvisor.inspect.dataset.mask_look.MaskLook` has it.
            palette: JSON of colours by index, likewise.
            pixels: how many the mask has; those that ``counts`` leaves out are unknown.
        """
        colours = {_value(index): _value(colour) for index, colour in json.loads(palette).items()}
        classes: Counter[str] = Counter()
        ignored, known, example = 0, 0, ""
        for value, number in values_of(counts):
            own = self._own(value, colours.get(value))
            if own in self.ignored:
                ignored += number
            elif (name := self.names.get(own)) is not None:
                classes[name] += number
            else:
                example = example or ", ".join(map(str, value if isinstance(value, tuple) else (value,)))
                continue
            known += number
        return Counts(classes, ignored, max(pixels - known, 0), example)

    def _own(self, value: Value, colour: Value | None = None) -> Value:
        """The form of a value that has a meaning: a gray colour may be an index, and an index its palette's colour."""
        forms: list[Value] = [value]
        if isinstance(value, tuple) and value[0] == value[1] == value[2]:
            forms.append(value[0])
        if colour is not None:
            forms.append(colour)
        return next((form for form in forms if form in self.ignored or form in self.names), value)


def values_of(counts: str) -> Iterator[tuple[Value, int]]:
    """Values and their pixels, from a mask's JSON."""
    for key, pixels in json.loads(counts).items():
        yield _value(key), pixels


def add_up(counts: Iterable[str]) -> tuple[Counter[Value], Counter[Value]]:
    """Pixels of each value over all masks, and masks that it occurs in; gray colours count as indices.

    Of at most a few thousand values.
    """
    totals: Counter[Value] = Counter()
    masks: Counter[Value] = Counter()
    for text in counts:
        for value, pixels in values_of(text):
            if isinstance(value, tuple) and value[0] == value[1] == value[2]:
                value = value[0]
            if value in totals or len(totals) < _MOST_VALUES:
                totals[value] += pixels
                masks[value] += 1
    return totals, masks


def meaning_of(code: MaskCode | None, totals: Mapping[Value, int], masks: Mapping[Value, int]) -> Meaning:
    """What the values stand for, given what the layout says, and the pixels and masks of each value that occurs.

    Masks of black and white have two classes, whatever the code for void is; white is then in as many masks as any soft
    edge. Where nothing names the classes, each value that occurs is one, called by its number or as '#rrggbb'.
    """
    names: dict[Value, str] = dict(code.names) if code else {}
    ignored: frozenset[Value] = frozenset(code.ignored if code else (_WHITE,))
    indices = {value for value in names if isinstance(value, int)}
    binary = totals.get(0, 0) + totals.get(_WHITE, 0)
    most_common = max((number for value, number in masks.items() if value != 0), default=0)
    white = masks.get(_WHITE, 0) == most_common > 0
    if white and indices <= {0, 1} and binary >= _BINARY * sum(totals.values()):
        return Meaning({0: names.get(0, "background"), _WHITE: names.get(1, "foreground")}, ignored - {_WHITE})
    if names:
        return Meaning(names, ignored)
    coloured = any(isinstance(value, tuple) for value in totals)
    most = sorted(totals, key=lambda value: -totals[value])[:_MOST_CLASSES]
    if coloured:  # gray is then a colour like any other
        full: list[Value] = [value if isinstance(value, tuple) else (value,) * 3 for value in most]
        return Meaning({value: colour_name(value) for value in full if isinstance(value, tuple)}, frozenset())
    return Meaning({value: str(value) for value in most if value not in ignored}, ignored)


def colour_name(colour: tuple[int, int, int]) -> str:
    """A colour as a name: '#80c040'."""
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def _value(text: str) -> Value:
    if "," not in text:
        return int(text)
    red, green, blue = map(int, text.split(","))
    return red, green, blue
