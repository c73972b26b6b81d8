"""Which columns of a table hold boxes, in which form, and the box in a row."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from cvadvisor.inspect.dataset.layouts.label_values import LONGEST_LABEL
from cvadvisor.inspect.dataset.layouts.listed_images import text_of
from cvadvisor.inspect.dataset.layouts.reading import Box

Form = Literal["corners", "sizes", "centres"]

_PREFIXES = ("", "bbox_", "box_", "bb_")
# Left, top and then right and bottom, or width and height; compared without underscores.
_CORNERS = (("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"), ("x0", "y0", "x1", "y1"))
_EDGES = (("left", "top", "right", "bottom"),)
_SIDES = (("width", "height"), ("w", "h"))
_STARTS = (("x", "y"), ("xmin", "ymin"), ("x1", "y1"), ("left", "top"))
_CENTRES = (("xcenter", "ycenter"), ("xcentre", "ycentre"), ("centerx", "centery"), ("cx", "cy"), ("xc", "yc"))
_LISTS = frozenset({"bbox", "bboxes", "box", "boxes", "bounding_box", "boundingbox", "bnd_box", "bndbox"})
_BOX_KEYS = ("bbox", "bboxes", "boxes", "box")
_CLASS_KEYS = ("categories", "category", "labels", "label", "classes", "class", "category_id", "name")
_LARGEST = 1e9
# Boxes away from the corner after which widths that always exceed the left edge are hardly a coincidence.
_SURE = 3


@dataclass(frozen=True)
class BoxColumns:
    """The columns of boxes, by position."""

    columns: tuple[int, ...]
    """Four, in the order of ``form``; or one that holds four numbers."""
    form: Form
    """'corners' (left, top, right, bottom), 'sizes' (left, top, width, height) or 'centres' (x, y, width, height)."""
    relative: bool
    """Whether they are shares of the image's sides."""
    guessed: bool = False
    """Whether the form follows from the numbers alone."""


class NoBox(ValueError):
    """Cells that are no box; the message says why."""


def find_boxes(names: Sequence[str], columns: Sequence[Sequence[Any]], has_header: bool = True) -> BoxColumns | None:
    """The columns of boxes among columns with these normalised names and cells; ``None`` where there are none."""
    if not has_header:
        return _unnamed_boxes(columns)
    bare = [name.replace("_", "") for name in names]
    for prefix in _PREFIXES:
        for form, wanted in _forms():
            called = [prefix.replace("_", "") + name for name in wanted]
            if all(name in bare for name in called):
                found = tuple(bare.index(name) for name in called)
                rows = [
                    four for cells in zip(*(columns[index] for index in found), strict=True) if (four := _four(cells))
                ]
                if rows:
                    return BoxColumns(found, form, _are_shares(rows))
    for index, name in enumerate(names):
        if name in _LISTS and (rows := [four for cell in columns[index] if (four := _four(_numbers(cell)))]):
            return BoxColumns((index,), _form_of(rows), _are_shares(rows), guessed=True)
    return None


def _unnamed_boxes(columns: Sequence[Sequence[Any]]) -> BoxColumns | None:
    """Four columns of numbers in a row, in a table without header that has two more: image and class."""
    if len(columns) != 6:
        return None
    for start in (1, 2):
        rows = list(zip(*columns[start : start + 4], strict=True))
        fours = [four for cells in rows if (four := _four(cells))]
        empty = sum(not any(map(text_of, cells)) for cells in rows)
        if fours and len(fours) + empty == len(rows):
            return BoxColumns(tuple(range(start, start + 4)), _form_of(fours), _are_shares(fours), guessed=True)
    return None


def box_in(boxes: BoxColumns, cells: Sequence[Any], label: str) -> Box | None:
    """The box in one row; ``None`` where the cells are empty: an image without objects.

    Raises:
        NoBox: the cells hold no four finite numbers.
    """
    values = [cells[index] for index in boxes.columns]
    if all(
        value is None or (isinstance(value, str) and value.strip() in ("", "[]")) or value == [] for value in values
    ):
        return None
    four = _four(_numbers(values[0]) if len(values) == 1 else values)
    if four is None:
        raise NoBox("is no box: four finite numbers were expected")
    return box_from(four, label, boxes.form, boxes.relative)


def objects_in(boxes: BoxColumns, cell: Any) -> tuple[list[Box], str | None]:
    """The boxes in a cell that holds all objects of an image, and what is wrong with others.

    Args:
        boxes: the form that the numbers are in.
        cell: ``{"bbox": [[…], …], "categories": […]}``, or a list of ``{"bbox": […], "category": …}``.
    """
    if cell is None or cell == []:
        return [], None
    found: list[Box] = []
    wrong: list[str] = []
    for number, (numbers, label) in enumerate(_objects(cell)):
        four = _four(numbers) if isinstance(numbers, list) else None
        name = text_of(label)
        if four is None or not name or len(name) > LONGEST_LABEL:
            wrong.append(str(number))
        else:
            found.append(box_from(four, name, boxes.form, boxes.relative))
    if not isinstance(cell, dict | list):
        return [], "holds no objects"
    shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5:,} more" if len(wrong) > 5 else "")
    return found, f"has objects without a class or a box of four finite numbers: {shown}" if wrong else None


def find_objects(columns: Sequence[Sequence[Any]]) -> BoxColumns | None:
    """The column whose cells hold all objects of an image, as Hugging Face has it; boxes are then sizes."""
    for index, cells in enumerate(columns):
        rows = [four for cell in cells for numbers, _ in _objects(cell) if (four := four_numbers(numbers))]
        if rows:
            return BoxColumns((index,), "sizes", _are_shares(rows))
    return None


def _objects(cell: Any) -> Iterator[tuple[Any, Any]]:
    """Numbers and class of each object; ``None`` for what is lacking."""
    if isinstance(cell, dict):
        lists: list[list[Any]] = [
            next((cell[key] for key in keys if isinstance(cell.get(key), list)), [])
            for keys in (_BOX_KEYS, _CLASS_KEYS)
        ]
        yield from zip_longest(*lists)
    elif isinstance(cell, list):
        for one in cell:
            one = one if isinstance(one, dict) else {}
            yield tuple(next((one[key] for key in keys if key in one), None) for keys in (_BOX_KEYS, _CLASS_KEYS))  # type: ignore[misc]


def box_from(four: Sequence[float], label: str, form: Form, relative: bool = False) -> Box:
    """A box from four numbers in this form."""
    a, b, c, d = four
    if form == "corners":
        return Box(label, a, b, c - a, d - b, relative)
    if form == "centres":
        return Box(label, a - c / 2, b - d / 2, c, d, relative)
    return Box(label, a, b, c, d, relative)


def four_numbers(value: Any) -> list[float] | None:
    """Four finite numbers of a sane size from a list; ``None`` where it is anything else."""
    return _four(value) if isinstance(value, list) else None


def _forms() -> list[tuple[Form, tuple[str, ...]]]:
    corners: list[tuple[Form, tuple[str, ...]]] = [("corners", names) for names in (*_CORNERS, *_EDGES)]
    centres: list[tuple[Form, tuple[str, ...]]] = [("centres", (*one, *two)) for one in _CENTRES for two in _SIDES]
    return corners + centres + [("sizes", (*one, *two)) for one in _STARTS for two in _SIDES]


def _four(values: Sequence[Any]) -> list[float] | None:
    if len(values) != 4:
        return None
    numbers = []
    for value in values:
        text = text_of(value)
        try:
            number = float(text) if text else math.nan
        except (ValueError, OverflowError):
            return None
        if not math.isfinite(number) or abs(number) > _LARGEST:
            return None
        numbers.append(number)
    return numbers


def _numbers(cell: Any) -> list[Any]:
    """The numbers in '[1, 2, 3, 4]', '1,2,3,4' or '1 2 3 4', or in a list."""
    if isinstance(cell, list):
        return cell
    if not isinstance(cell, str) or len(cell) > 1_000:
        return []
    with suppress(ValueError, RecursionError):
        if isinstance(value := json.loads(cell), list):
            return value
    return re.split(r"[\s,;]+", cell.strip(" []()"))


def _are_shares(rows: list[list[float]]) -> bool:
    """Whether all numbers lie in 0…1; a corner at exactly 1 px alone does not make them shares."""
    values = [value for row in rows for value in row]
    return all(-0.01 <= value <= 1.01 for value in values) and any(not value.is_integer() for value in values)


def _form_of(rows: list[list[float]]) -> Form:
    """Corners where the last two numbers always exceed the first two, which sizes would not for long."""
    ordered = all(c > a and d > b for a, b, c, d in rows)
    telling = sum(a > 0 or b > 0 for a, b, _, _ in rows)
    return "corners" if ordered and telling >= _SURE else "sizes"
