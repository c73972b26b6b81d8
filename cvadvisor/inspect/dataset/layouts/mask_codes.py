"""What the values in masks mean: from a file that says so, or from a layout that is surely that of a known dataset."""

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cvadvisor.inspect.dataset.layouts.lookup import text_of
from cvadvisor.inspect.dataset.layouts.mask_pairs import Pair
from cvadvisor.inspect.dataset.layouts.palettes import (
    CAMVID,
    CAMVID_INDEXED,
    CITYSCAPES,
    CITYSCAPES_THINGS,
    CITYSCAPES_TRAINED,
    VOC,
    VOC_VOID,
    Classes,
    Colour,
)
from cvadvisor.inspect.dataset.layouts.reading import MaskCode
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files

IGNORED_NAMES = frozenset({"void", "ignore", "ignored", "unlabelled", "unlabeled", "unlabel"})
"""Classes that mean 'no class', in lower case."""

Named = list[tuple[int, str, Colour | None]]
"""Index, name and colour of classes."""

_FILES = (
    *("labelmap.txt", "label_colors.txt", "labelmap.csv", "class_dict.csv", "label_map.csv", "classes.csv"),
    *("dataset_meta.json", "_classes.csv", "classes.txt", "codes.txt", "labels.txt", "class_names.txt"),
)
_MOST_BYTES = 1_000_000
_MOST_CLASSES = 4_096
_MOST_OBJECTS = 500  # single objects of a class in one image
_VOID = 255


def mask_code(files: "Files", pairs: Sequence[Pair]) -> tuple[MaskCode, str | None, str]:
    """The meaning of the masks' values, the sentence that says where it comes from, and the dataset it surely is.

    The sentence is ``None`` where nothing says what the values mean; the dataset is '' where it is none that we know.
    """
    known = _known(pairs)
    for folder in _folders(pairs):
        for name in _FILES:
            path = f"{folder}/{name}" if folder else name
            if files.has(path) and (named := _read(files, path)):
                return _code(named), f"Classes of the masks are those in {printable(path)}.", known
    if known == "Cityscapes":
        return _cityscapes(pairs[0]), "Classes of the masks are Cityscapes'.", known
    if known == "CamVid":
        return _camvid(), "Classes of the masks are CamVid's.", known
    if known == "Pascal VOC":
        return _voc(), "Classes of the masks are Pascal VOC's.", known
    return MaskCode(), None, known


def parse_classes(name: str, text: str) -> Named:
    """The classes that the file called ``name`` lists; indices are their places where it gives none.

    Understood are lines of a name alone; ``name:r,g,b:…``; ``r g b name``; a CSV of name, r, g, b, or of index and
    name; and a JSON with ``label_map`` and ``segmentation_colors``.
    """
    if name.endswith(".json"):
        return _from_json(text)
    if name.endswith(".csv"):
        return _from_csv(text)
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(index, *_from_line(line)) for index, line in enumerate(lines[:_MOST_CLASSES])]


def _folders(pairs: Sequence[Pair]) -> list[str]:
    """Where such a file may lie: in every folder that all pairs lie in, the top last, or with each pair alike."""
    near = [_near(pair) for pair in pairs]
    common = set(near[0]).intersection(*near[1:])
    alike = len({pair.masks.count("/") for pair in pairs}) == 1
    return sorted(near[0] if alike else common, key=lambda one: (one not in common, -one.count("/") - bool(one)))


def _near(pair: Pair) -> list[str]:
    """The folders of a pair and all those above."""
    parts = [folder.split("/") for folder in (pair.masks, pair.images)]
    return list(dict.fromkeys("/".join(one[:end]) for one in parts for end in range(len(one), -1, -1)))


def _read(files: "Files", path: str) -> Named:
    try:
        return parse_classes(path.rpartition("/")[2].lower(), text_of(files.read(path, _MOST_BYTES)))
    except Unreadable:
        return []


def _from_line(line: str) -> tuple[str, Colour | None]:
    numbers_first = re.match(r"(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(\S.*)", line)
    if numbers_first:
        return numbers_first[4].strip(), _colour(numbers_first.groups()[:3])
    name, colon, rest = line.partition(":")
    if colon:
        return name.strip(), _colour(rest.partition(":")[0].split(","))
    return line, None


def _from_csv(text: str) -> Named:
    """A header or none; a name, and behind it r, g, b (or more, which are left aside)."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text[:_MOST_BYTES].replace("\0", ""), newline="")) if any(row)]
    except csv.Error:
        return []
    named: Named = []
    for row in rows[:_MOST_CLASSES]:
        cells = [cell.strip() for cell in row]
        words = [cell for cell in cells if not cell.isdecimal()]
        figures = [cell for cell in cells if cell.isdecimal() and len(cell) < 10]
        if not words or (not named and len(cells) > 1 and not figures):  # the header
            continue
        index = int(figures[0]) if len(figures) in (1, 4) and cells[0] == figures[0] else len(named)
        named.append((index, words[0], _colour(figures[-3:])))
    return named


def _from_json(text: str) -> Named:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return []
    labels = content.get("label_map") if isinstance(content, dict) else None
    if not isinstance(labels, dict) or not all(key.isdecimal() and len(key) < 6 for key in labels):
        return []
    colours = content.get("segmentation_colors")
    colours = colours if isinstance(colours, list) else []
    by_index = sorted((int(key), name) for key, name in labels.items() if isinstance(name, str))[:_MOST_CLASSES]
    listed = [(index, name, colours[index] if index < len(colours) else None) for index, name in by_index]
    return [(index, name, _colour(one) if isinstance(one, list) else None) for index, name, one in listed]


def _colour(numbers: Sequence[object]) -> Colour | None:
    """Three whole numbers of 0 to 255."""
    texts = [str(number).strip() for number in numbers]
    if len(texts) != 3 or not all(text.isdecimal() and len(text) <= 3 and int(text) <= 255 for text in texts):
        return None
    red, green, blue = map(int, texts)
    return red, green, blue


def _code(named: Named) -> MaskCode:
    """Both ways to write a mask: by index and by colour."""
    names: dict[int | Colour, str] = {index: name for index, name, _ in named}
    names |= {colour: name for _, name, colour in named if colour is not None}
    ignored = {value for value, name in names.items() if name.lower() in IGNORED_NAMES}
    return MaskCode(names, frozenset(ignored | ({_VOID} if _VOID not in names else set())))


def _known(pairs: Sequence[Pair]) -> str:
    """The dataset that the layout is surely of."""
    folders = [name.lower() for pair in pairs for name in pair.masks.split("/")]
    if all("_gtFine_" in pair.naming.mask_suffix or "_gtCoarse_" in pair.naming.mask_suffix for pair in pairs):
        return "Cityscapes"
    if "trainannot" in folders and {"valannot", "testannot"} & set(folders):
        return "CamVid"
    if all(pair.masks.lower().endswith("segmentationclass") for pair in pairs):
        return "Pascal VOC"
    return ""


def _voc() -> MaskCode:
    named: Named = [(index, name, colour) for index, (name, colour) in enumerate(VOC)]
    return MaskCode(_code(named).names, frozenset({_VOID, VOC_VOID}))


def _camvid() -> MaskCode:
    names: dict[int | Colour, str] = {colour: name for name, colour in CAMVID}
    names |= dict(enumerate(CAMVID_INDEXED))
    return MaskCode(names, frozenset({len(CAMVID_INDEXED), _VOID, CAMVID[0][1]}))


def _cityscapes(pair: Pair) -> MaskCode:
    """Train ids, label ids, instances or colours, as the masks' names say."""
    suffix = pair.naming.mask_suffix
    by_id = {number: name for number, (name, _) in enumerate(CITYSCAPES)}
    if suffix.endswith("_labelTrainIds"):
        return MaskCode({number: by_id[one] for number, one in enumerate(CITYSCAPES_TRAINED)})
    ignored = {one for one in by_id if one not in CITYSCAPES_TRAINED}
    if suffix.endswith("_color"):
        colours: Classes = tuple(CITYSCAPES[one] for one in CITYSCAPES_TRAINED)
        void = {CITYSCAPES[one][1] for one in ignored} - {colour for _, colour in colours}
        return MaskCode({colour: name for name, colour in colours}, frozenset(void))
    names: dict[int | Colour, str] = {number: by_id[number] for number in CITYSCAPES_TRAINED}
    if suffix.endswith("_instanceIds"):
        for one in CITYSCAPES_THINGS:
            objects = range(1_000 * one, 1_000 * one + _MOST_OBJECTS)
            if one in ignored:
                ignored.update(objects)
            else:
                names |= dict.fromkeys(objects, by_id[one])
    return MaskCode(names, frozenset({*ignored, _VOID}))
