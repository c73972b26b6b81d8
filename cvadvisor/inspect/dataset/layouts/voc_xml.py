"""Pascal VOC's XML: a file an image, with its name and the corners of its objects."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from xml.parsers import expat

from cvadvisor.inspect.dataset.layouts.coco_tables import number
from cvadvisor.inspect.dataset.layouts.reading import Box

MOST_BYTES = 10_000_000
_DEEPEST = 50
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


class NotVoc(ValueError):
    """XML that is damaged, refused, or no annotation; the message says why."""


class NotXml(NotVoc):
    """XML that is damaged or refused, whatever it would have been."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one file says."""

    filename: str
    """Name of the image, '' where it gives none."""
    boxes: tuple[Box, ...]
    """In pixels: left and top as written, width and height as differences of the corners."""
    objects: int
    """Objects in the file, with those that cannot be used."""
    problems: tuple[str, ...]
    """What is wrong with objects that gave no box."""


def parse(data: bytes) -> Annotation:
    """The annotation in ``data``.

    Entities and document types are refused: no annotation needs them, and they can make a small file expand without end
    or name other files.

    Raises:
        NotXml: it is damaged, or declares what is refused.
        NotVoc: it is XML, but no such annotation.
    """
    root = _tree(data)
    if root.tag != "annotation":
        raise NotVoc(f"XML of another kind: <{root.tag[:40]}>")
    boxes: list[Box] = []
    problems: list[str] = []
    objects = root.findall("object")
    for place, item in enumerate(objects, 1):
        box = _box(item)
        if isinstance(box, Box):
            boxes.append(box)
        else:
            problems.append(f"object {place}: {box}")
    return Annotation(_text(root, "filename"), tuple(boxes), len(objects), tuple(problems))


def _box(item: ET.Element) -> Box | str:
    name = _text(item, "name")
    if not name:
        return "no name"
    bounds = item.find("bndbox")
    if bounds is None:
        return "no bndbox"
    corners = [number(_text(bounds, corner)) for corner in _CORNERS]
    missing = [name for name, corner in zip(_CORNERS, corners, strict=True) if corner is None]
    if missing:
        return f"{', '.join(missing)} {'is no number' if len(missing) == 1 else 'are no numbers'}"
    left, top, right, bottom = (corner for corner in corners if corner is not None)
    return Box(name, left, top, right - left, bottom - top)


def _text(element: ET.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _tree(data: bytes) -> ET.Element:
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise NotXml("nested too deeply")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise NotXml("it declares a document type, which is refused")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except NotXml:
        raise
    except (expat.ExpatError, ValueError, LookupError, AssertionError) as error:
        raise NotXml(f"damaged XML: {str(error)[:80]}") from None
