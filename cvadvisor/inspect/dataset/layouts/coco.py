"""COCO: JSON files that list images, categories and annotations.

Read are ``annotations/instances_train2017.json`` beside ``train2017/`` or ``images/``, Roboflow's
``train/_annotations.coco.json`` beside the images, and any other place of JSON and images.
"""

from collections.abc import Iterator, Sequence
from itertools import count, groupby
from typing import TYPE_CHECKING

from cvadvisor.inspect.dataset.layouts.coco_tables import CocoFile, load, make_tables
from cvadvisor.inspect.dataset.layouts.lookup import finder
from cvadvisor.inspect.dataset.layouts.reading import (
    SPLIT_NAMES,
    Box,
    DatasetError,
    Fault,
    Reading,
    Sample,
    Split,
    Task,
    Wishes,
)
from cvadvisor.inspect.dataset.store import Store, to_text
from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files

_RANK = 85
# Annotations of a whole dataset are its largest JSON files; there may also be one of another kind for each image.
_MOST_FILES = 64
# Words in file names, from what is wanted to what is least so. Captions and image_info have no objects.
_KINDS = (("keypoints",), ("stuff",), ("panoptic",), ("labels",))
_NO_OBJECTS = ("captions", "image_info")
# A file that repeats this part of the images of those already taken is another version of them.
_REPEATED = 0.5


def read(files: "Files", wishes: Wishes) -> Reading | None:
    """The dataset as COCO, or ``None``.

    Each JSON file is parsed here, once, into tables of the store. Boxes make it detection; annotations that name a
    category alone make it classification.

    Raises:
        DatasetError: a COCO file breaks off, or none of the images that it lists is there.
    """
    paths = _candidates(files, wishes)
    if not paths:
        return None
    make_tables(files.store)
    loaded, aside = _load(files, paths)
    chosen = _choose(files.store, loaded)
    if not chosen:
        _explain(loaded)
        return None
    aside += [file.path for file in loaded if file not in chosen]
    files.store.run("CREATE INDEX temp.coco_object_image ON coco_object (json, image)")
    names = ", ".join(printable(file.path) for file in chosen[:3]) + (" …" if len(chosen) > 3 else "")
    boxes = sum(file.boxes for file in chosen)
    return Reading(
        layout="coco",
        task="detection" if boxes else _classification(files.store, chosen),
        why=f"{names} {'lists' if len(chosen) == 1 else 'list'} images, categories and annotations, as COCO does",
        images=sum(file.found for file in chosen),
        samples=lambda: _samples(files.store, chosen, boxes > 0),
        rank=_RANK,
        classes=_classes(files.store, chosen),
        notes=tuple(_notes(chosen, aside)),
    )


def _candidates(files: "Files", wishes: Wishes) -> list[str]:
    """The JSON files that may be COCO, the largest first, or the one that was asked for."""
    if wishes.labels is not None:
        wanted = wishes.labels.replace("\\", "/").removeprefix("./")
        return [wanted] if wanted.lower().endswith(".json") and files.has(wanted) else []
    query = (
        "SELECT path FROM temp.file WHERE kind = 'other' AND lower(substr(name, -5)) = '.json' ORDER BY size DESC, path"
    )
    return [to_text(path) for (path,) in files.store.rows(f"{query} LIMIT {_MOST_FILES}")]


def _load(files: "Files", paths: Sequence[str]) -> tuple[list[CocoFile], list[str]]:
    """The COCO files of the best kind that there is, and the paths of those that were not opened."""
    kinds: dict[int, list[str]] = {}
    aside = []
    for path in paths:
        name = path.rpartition("/")[2].lower()
        if any(word in name for word in _NO_OBJECTS):
            aside.append(path)
        else:
            kind = next((i for i, words in enumerate(_KINDS, 1) if any(word in name for word in words)), 0)
            kinds.setdefault(kind, []).append(path)
    loaded: list[CocoFile] = []
    numbers = count()
    for _, same in sorted(kinds.items()):
        if any(file.boxes and file.found for file in loaded):
            aside += same
            continue
        for path in same:
            file = load(files, path, next(numbers), finder(files, _folders(path)))
            if file is not None:
                loaded.append(file)
    # A file that was never opened is worth a word only where it stands among files that are COCO.
    folders = {file.path.rpartition("/")[0] for file in loaded}
    return loaded, [path for path in aside if path.rpartition("/")[0] in folders]


def _folders(path: str) -> list[str]:
    """Where the images of the JSON file at ``path`` may lie."""
    folder = path.rpartition("/")[0]
    above = folder.rpartition("/")[0]
    bases = list(dict.fromkeys((folder, above, "")))
    splits = tuple(SPLIT_NAMES)
    inner = [
        "images",
        *(f"{base}{split}{year}" for base in ("", "images/") for split in splits for year in ("", "2017")),
    ]
    near = [f"{base}/images" if base else "images" for base in bases]
    stem = path.rpartition("/")[2].lower()
    # Only folders that the file's own name speaks of: an image that is lost is looked for in all of these.
    spoken = [f"{base}/{one}" if base else one for base in bases for one in inner if one.rpartition("/")[2] in stem]
    return [folder, *spoken, *bases, *near]


def _choose(store: Store, loaded: Sequence[CocoFile]) -> list[CocoFile]:
    """Of files that list the same images one: with boxes before without, of one split before of all."""
    usable = [file for file in loaded if file.objects and file.found]
    if any(file.boxes for file in usable):
        usable = [file for file in usable if file.boxes]
    chosen: list[CocoFile] = []
    for file in sorted(usable, key=lambda one: (one.split is None, -one.found, one.path)):
        if _repeated(store, file, chosen) < _REPEATED * file.found:
            chosen.append(file)
    return chosen


def _repeated(store: Store, file: CocoFile, chosen: Sequence[CocoFile]) -> int:
    """How many images of ``file`` are also in those that were chosen."""
    if not chosen:
        return 0
    store.run("CREATE INDEX IF NOT EXISTS temp.coco_image_path ON coco_image (path, json)")
    query = (
        "SELECT count(*) FROM temp.coco_image a WHERE json = ? AND found AND EXISTS "
        f"(SELECT 1 FROM temp.coco_image b WHERE b.path = a.path AND b.json IN ({_numbers(chosen)}))"
    )
    return int(store.one(query, file.number))


def _explain(loaded: Sequence[CocoFile]) -> None:
    """Raise where it takes a word why none of these files can be used."""
    lost = next((file for file in loaded if file.objects and not file.found), None)
    if lost is not None:
        raise DatasetError(
            f"{printable(lost.path)} is COCO JSON and lists {lost.images:,} images, but none is here (the first: "
            f"{printable(lost.example)}): give the folder that holds both the images and the JSON file."
        )
    crowds = next((file for file in loaded if file.crowds and file.found), None)
    if crowds is not None:
        raise DatasetError(
            f"{printable(crowds.path)} is COCO JSON, but all {crowds.crowds:,} objects in it are crowd regions "
            "(iscrowd), which stand for no single object: give the file that has the instances."
        )


def _classification(store: Store, chosen: Sequence[CocoFile]) -> Task:
    query = (
        f"SELECT 1 FROM temp.coco_object WHERE json IN ({_numbers(chosen)}) "
        "GROUP BY json, image HAVING count(DISTINCT category) > 1 LIMIT 1"
    )
    return "multi-label classification" if store.one(query) else "classification"


def _classes(store: Store, chosen: Sequence[CocoFile]) -> tuple[str, ...]:
    """Declared categories; one that only stands above the others (Roboflow writes such a one) is no class."""
    names: dict[str, None] = {}
    for file in chosen:
        query = "SELECT DISTINCT category FROM temp.coco_object WHERE json = ?"
        used = {category for (category,) in store.rows(query, file.number)}
        for key, name in file.categories.items():
            if key in used or name not in file.supercategories:
                names.setdefault(name)
    return tuple(names)


def _notes(chosen: Sequence[CocoFile], aside: Sequence[str]) -> Iterator[str]:
    if aside:
        names = ", ".join(map(printable, sorted(aside)[:5]))
        more = f" and {len(aside) - 5:,} more" if len(aside) > 5 else ""
        yield f"Left aside: {names}{more}: without boxes, or of images that are already read."
    if crowds := sum(file.crowds for file in chosen):
        yield f"{crowds:,} crowd regions (iscrowd) are left out."
    if any(file.panoptic for file in chosen):
        yield "Boxes are those of the panoptic segments, background regions included."
    if all(file.split is None for file in chosen) and len(chosen) > 1:
        yield f"No name of the {len(chosen)} JSON files speaks of a split: folders decide, and all else is training."


def _samples(store: Store, chosen: Sequence[CocoFile], boxes: bool) -> Iterator[Sample | Fault]:
    """Every image of the chosen files with its objects, by path; then what could not be used."""
    by_number = {file.number: file for file in chosen}
    order = " ".join(f"WHEN {file.number} THEN {place}" for place, file in enumerate(chosen))
    query = (
        f"SELECT path, json, key, split FROM temp.coco_image WHERE json IN ({_numbers(chosen)}) "
        f"ORDER BY path, CASE json {order} END, key"
    )
    for path, rows in groupby(store.rows(query), key=lambda row: row[0]):
        yield from _image(store, to_text(path), [row[1:] for row in rows], by_number, boxes)
    lost = (
        f"SELECT json, position, image FROM temp.coco_object o WHERE json IN ({_numbers(chosen)}) AND NOT EXISTS "
        "(SELECT 1 FROM temp.coco_image i WHERE i.json = o.json AND i.key = o.image)"
    )
    for json, position, image in store.rows(lost):
        problem = f"annotations[{position}]: no image has the id {printable(image)}"
        yield Fault(by_number[json].path, problem)
    for json, problem in store.rows(f"SELECT json, problem FROM temp.coco_fault WHERE json IN ({_numbers(chosen)})"):
        yield Fault(by_number[json].path, problem)


def _image(
    store: Store, path: str, rows: Sequence[tuple[int, str, Split]], files: dict[int, CocoFile], boxes: bool
) -> Iterator[Sample | Fault]:
    """One image, which may be listed several times: the first file that lists it counts."""
    first, _, split = rows[0]
    labels: list[str] = []
    found: list[Box] = []
    query = (
        "SELECT category, position, x, y, width, height FROM temp.coco_object "
        "WHERE json = ? AND image = ? ORDER BY position"
    )
    for json, key, _ in rows:
        file = files[json]
        if json != first:
            yield Fault(file.path, f"{printable(path)} is also in {printable(files[first].path)}, which counts")
            continue
        for category, position, *bounds in store.rows(query, json, key):
            name = file.categories.get(category)
            if name is None:
                yield Fault(file.path, f"annotations[{position}]: no category has the id {printable(category)}")
            elif not boxes:
                labels.append(name)
            elif bounds[0] is None:
                yield Fault(file.path, f"annotations[{position}] has no bbox")
            else:
                found.append(Box(name, *bounds))
    yield Sample(path, split, labels=tuple(dict.fromkeys(labels)), boxes=tuple(found))


def _numbers(files: Sequence[CocoFile]) -> str:
    return ", ".join(str(file.number) for file in files)
