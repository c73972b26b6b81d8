"""YOLO's text files: a line an object, its class's number and its place as shares of the image's sides."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cvadvisor.inspect.dataset.layouts.reading import Box

# Rounding and objects at the edge lead a little outside; what lies farther off is no share of anything.
_FARTHEST = 2.0
# A longer line is a polygon of more points than any tool writes, or no label file.
_LONGEST_LINE = 1_000_000


@dataclass(frozen=True, slots=True)
class Names:
    """What the classes are called."""

    by_number: Mapping[int, str]
    """Name of each class number; empty where nothing on disk says it: the number is then the name."""
    keypoints: int = 0
    """Numbers that follow each box for its keypoints, where the dataset says so."""

    def __getitem__(self, number: int) -> str | None:
        """The name of a class, or ``None`` where there is no such class."""
        if number < 0:
            return None
        return self.by_number.get(number) if self.by_number else str(number)


def boxes_of(text: str, names: Names) -> tuple[list[Box], list[str]]:
    """The boxes in a label file, and what is wrong with the lines that give none.

    A line is ``class x y width height`` (x and y of the centre), with a confidence or keypoints behind, or ``class``
    and three or more corners ``x y``, whose bounds are the box. Shares that lie just outside 0…1 are kept as they are.
    """
    boxes: list[Box] = []
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            box = _box(line, names)
            if isinstance(box, Box):
                boxes.append(box)
            else:
                problems.append(f"line {number:,}: {box}")
    return boxes, problems


def looks_like_labels(text: str) -> bool:
    """Whether most of the first lines are those of a label file; an empty file may be one."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()][:5]
    return 2 * sum(isinstance(_box(line, Names({})), Box) for line in lines) >= len(lines)


def _box(line: str, names: Names) -> Box | str:
    """The box of one line, or what is wrong with it."""
    if len(line) > _LONGEST_LINE:
        return f"{len(line):,} characters long"
    words = line.split()
    numbers = [_number(word) for word in words[1:]]
    if any(number is None for number in numbers):
        return "not all of it are numbers"
    values = [number for number in numbers if number is not None]
    bounds = _bounds(values, names.keypoints)
    if bounds is None:
        return f"{len(words)} values, where a class and 4 numbers, or 3 corners or more, were expected"
    number = _number(words[0])
    label = names[int(number)] if number is not None and number.is_integer() else _named(words[0], names)
    if label is None:
        return f"no class is {words[0][:40]}"
    if any(abs(value) > _FARTHEST for value in bounds):
        return "values that are no shares of the image's sides (pixels?)"
    return Box(label, *bounds, relative=True)


def _bounds(values: list[float], keypoints: int) -> tuple[float, float, float, float] | None:
    """Left, top, width and height."""
    if len(values) in (4, 5) or (keypoints and len(values) == 4 + keypoints):
        x, y, width, height = values[:4]
        return x - width / 2, y - height / 2, width, height
    if len(values) < 6 or len(values) % 2:
        return None
    across, down = values[::2], values[1::2]
    return min(across), min(down), max(across) - min(across), max(down) - min(down)


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _named(word: str, names: Names) -> str | None:
    """A class that is given by its name."""
    return word if word in names.by_number.values() else None
