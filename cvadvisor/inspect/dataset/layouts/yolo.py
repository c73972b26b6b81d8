"""YOLO: a text file an image, with a line an object.

Read are Ultralytics' ``data.yaml``, darknet's ``obj.data`` and ``train.txt``, ``images/`` beside ``labels/``, and text
files beside the images.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from cvadvisor.inspect.dataset.layouts.lookup import (
    IMAGE_FOLDERS,
    finder,
    is_image,
    split_in,
    split_word,
    stem_of,
    text_of,
    with_stem,
)
from cvadvisor.inspect.dataset.layouts.reading import Fault, Reading, Sample, Split, Wishes
from cvadvisor.inspect.dataset.layouts.yolo_config import Config, find_config, find_names
from cvadvisor.inspect.dataset.layouts.yolo_labels import Names, boxes_of, looks_like_labels
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files, Folder

_RANK_TOLD, _RANK_SEEN = 90, 65
_LABEL_FOLDERS = ("labels", "label", "annotations", "annotation", "yolo", "txt")
_LISTS = ("train.txt", "training.txt", "val.txt", "valid.txt", "validation.txt", "test.txt", "trainval.txt")
# Text files beside labels that are none.
_NO_LABELS = frozenset({"classes", "labels", "names", "readme", "notes", "predefined_classes", "train", "val", "test"})
_MOST_LABEL_BYTES = 50_000_000
_MOST_LIST_BYTES = 500_000_000
_SNIFFED_FOLDERS, _SNIFFED_FILES = 20, 5
# Labels of images without objects are empty, and may come first.
_SNIFFED_EMPTY = 100


@dataclass(frozen=True, slots=True)
class _Pair:
    """A folder of images, and the folder of their labels."""

    images: str
    labels: str
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be read: folders whose images have labels, and lists of images."""

    names: Names
    pairs: tuple[_Pair, ...] = ()
    lists: tuple[tuple[str, Split], ...] = ()
    bases: tuple[str, ...] = ("",)


def read(files: "Files", wishes: Wishes) -> Reading | None:
    """The dataset as YOLO, or ``None``.

    An image without a label file is one without objects, where its folder's images have such files at all.

    Raises:
        DatasetError: there is a data.yaml that is no YAML, or nothing that it names is there.
    """
    if wishes.labels is not None or not any(folder.others[".txt"] for folder in files.top.below()):
        return None
    config = find_config(files)
    seen = [pair for folder in files.top.below() if folder.images and (pair := _pair(files, folder)) is not None]
    objects = _hold_objects(files, seen, asked=wishes.layout == "yolo")
    if objects is None:
        return None
    reading = _told(files, seen, config) if config and config.entries else _plain(files, seen, config)
    if objects:
        return reading
    note = "All label files that were looked at are empty: they stand for images without objects."
    return replace(reading, why="empty text files are called as the images are", notes=(*reading.notes, note))


def _told(files: "Files", seen: Sequence[_Pair], config: Config) -> Reading:
    """The dataset as its configuration says."""
    by_folder = {pair.images: pair for pair in seen}
    pairs, lists = [], []
    for split, entries in config.entries.items():
        for entry in entries:
            folder = files.folder(entry)
            if folder is None:
                lists.append((entry, split))
                continue
            below = (one for one in folder.below() if one.path in by_folder)
            pairs += [_Pair(one.path, by_folder[one.path].labels, split) for one in below]
    names, notes = config.names, list(_config_notes(config))
    if not names.by_number:
        names, source = find_names(files, _near(seen))
        notes.append(_names_note(source))
    base = config.path.rpartition("/")[0]
    plan = _Plan(names, _each_once(pairs), tuple(lists), (base, base.rpartition("/")[0], ""))
    splits = ", ".join(config.entries)
    return _reading(files, plan, f"{printable(config.path)} says where the images of {splits} are", _RANK_TOLD, notes)


def _plain(files: "Files", seen: Sequence[_Pair], config: Config | None) -> Reading:
    """The dataset as its folders show it."""
    near = _near(seen)
    names, source = (config.names, config.path) if config and config.names.by_number else find_names(files, near)
    notes = [_names_note(source), *(_config_notes(config) if config else ())]
    lists = tuple((path, split) for path in _lists(files, near) if (split := split_word(stem_of(path))) is not None)
    # Lists say which image is in which split; folders whose names say so need none.
    if lists and not any(pair.split for pair in seen):
        plan = _Plan(names, (), lists, tuple(near))
        why = f"text files hold a line an object, and {printable(lists[0][0])} lists images"
    else:
        plan = _Plan(names, tuple(seen))
        beside = "beside the images" if seen[0].images == seen[0].labels else f"in {printable(seen[0].labels)}/"
        why = f"text files {beside} hold a line an object, its class and its place"
    return _reading(files, plan, why, _RANK_TOLD if config else _RANK_SEEN, notes)


def _reading(files: "Files", plan: _Plan, why: str, rank: int, notes: Sequence[str]) -> Reading:
    folders = [files.folder(pair.images) for pair in plan.pairs]
    images = sum(folder.images for folder in folders if folder is not None)
    listed = [path for path, _ in plan.lists]
    images += sum(1 for path in listed for line in _lines(files, path) if line)
    without = [folder for folder in files.top.below() if folder.images] if plan.pairs and not plan.lists else []
    known = {pair.images for pair in plan.pairs}
    left = [printable(folder.path) or "the top folder" for folder in without if folder.path not in known]
    if left:
        notes = [*notes, f"Images without label files are left alone, in {', '.join(left[:5])}."]
    names = plan.names.by_number
    return Reading(
        layout="yolo",
        task="detection",
        why=why,
        images=images,
        samples=lambda: _samples(files, plan),
        rank=rank,
        classes=tuple(dict.fromkeys(names[number] for number in sorted(names))),
        notes=tuple(filter(None, notes)),
    )


def _pair(files: "Files", folder: "Folder") -> _Pair | None:
    """A folder of images with that of its labels: in place of 'images' in its path, below it, or itself."""
    parts = folder.path.split("/")
    split = split_in(f"{folder.path}/image") if folder.path else None
    for at in reversed(range(len(parts))):
        above = files.folder("/".join(parts[:at])) if parts[at].lower() in IMAGE_FOLDERS else None
        if above is not None:
            labels = above.child(*_LABEL_FOLDERS)
            inner = "/".join(parts[at + 1 :])
            found = files.folder(f"{labels.path}/{inner}" if inner else labels.path) if labels else None
            if found is not None and found.others[".txt"]:
                return _Pair(folder.path, found.path, split)
    below = folder.child(*_LABEL_FOLDERS)
    if below is not None and below.others[".txt"]:
        return _Pair(folder.path, below.path, split)
    return _Pair(folder.path, folder.path, split) if folder.others[".txt"] else None


def _hold_objects(files: "Files", pairs: Sequence[_Pair], asked: bool) -> bool | None:
    """Whether text files that are called as images are hold objects: a look at the first few of some folders.

    ``None`` where they are no labels. That they are empty is enough in a folder of labels, or where YOLO was asked for.
    """
    labels, others, empty = 0, 0, 0
    for pair in pairs[:_SNIFFED_FOLDERS]:
        named = (
            path
            for path in files.others(pair.labels, suffixes=(".txt",), below=False)
            if with_stem(files, pair.images, stem_of(path))
        )
        looked_at = 0
        for text in (_label_text(files, path) for path in islice(named, _SNIFFED_EMPTY)):
            if text and text.strip():
                good = looks_like_labels(text)
                labels, others, looked_at = labels + good, others + (not good), looked_at + 1
            elif text is not None:
                empty += asked or pair.labels != pair.images
            if looked_at == _SNIFFED_FILES:
                break
    if labels or others:
        return True if labels > others else None
    return False if empty else None


def _near(pairs: Sequence[_Pair]) -> list[str]:
    """Folders where lists and class names may lie: those of the labels and all above them."""
    near: dict[str, None] = {}
    for pair in pairs[:_SNIFFED_FOLDERS]:
        for folder in (pair.labels, pair.images):
            parts = folder.split("/")
            near |= {"/".join(parts[:end]): None for end in range(len(parts), -1, -1)}
    return sorted(near, key=lambda one: (one.count("/") + bool(one), one))


def _lists(files: "Files", folders: Sequence[str]) -> list[str]:
    """Text files that list images, in the first folder that has any."""
    for folder in folders:
        paths = [f"{folder}/{name}" if folder else name for name in _LISTS]
        found = [path for path in paths if files.has(path)]
        find = finder(files, [folder, folder.rpartition("/")[0]])
        good = [path for path in found if any(find(line, None) for line in islice(_lines(files, path), 5))]
        if good:
            return [path for path in good if stem_of(path) != "trainval" or len(good) == 1]
    return []


def _lines(files: "Files", path: str) -> Iterator[str]:
    """Lines of a list that name something."""
    try:
        text = text_of(files.read(path, _MOST_LIST_BYTES))
    except Unreadable:
        return
    for line in text.split("\n"):  # not splitlines: names may hold what Unicode calls a line break
        if line.strip():
            yield line.strip()


def _each_once(pairs: Sequence[_Pair]) -> tuple[_Pair, ...]:
    """A folder that lies below several entries belongs to the first."""
    return tuple({pair.images: pair for pair in reversed(pairs)}.values())[::-1]


def _samples(files: "Files", plan: _Plan) -> Iterator[Sample | Fault]:
    for pair in plan.pairs:
        for image in files.images(pair.images, below=False):
            yield from _sample(files, image, pair.labels, pair.split or "train", plan.names)
        yield from _without_image(files, pair)
    for path, split in plan.lists:
        yield from _listed(files, plan, path, split)


def _listed(files: "Files", plan: _Plan, path: str, split: Split) -> Iterator[Sample | Fault]:
    """The images that the text file at ``path`` lists."""
    label_folders: dict[str, str | None] = {}
    find = finder(files, [path.rpartition("/")[0], *plan.bases])
    names_any = False
    for line in _lines(files, path):
        names_any = True
        image = find(line, split)
        if image is None:
            yield Sample(line, split)
            continue
        name = image.rpartition("/")[0]
        if name not in label_folders:
            folder = files.folder(name)
            pair = _pair(files, folder) if folder else None
            label_folders[name] = pair.labels if pair else None
        labels = label_folders[name]
        if labels is None:
            yield Fault(path, f"{printable(image)} has no label file, nor has any image in its folder")
        else:
            yield from _sample(files, image, labels, split, plan.names)
    if not names_any:
        yield Fault(path, "names no image, or cannot be read")


def _sample(files: "Files", image: str, folder: str, split: Split, names: Names) -> Iterator[Sample | Fault]:
    """One image with its objects, and what is wrong with its label file."""
    label = f"{folder}/{stem_of(image)}.txt" if folder else f"{stem_of(image)}.txt"
    if not files.has(label):
        yield Sample(image, split)
        return
    try:
        data = files.read(label, _MOST_LABEL_BYTES)
    except Unreadable as error:
        if str(error) != "empty file":
            yield Fault(label, str(error))
            return
        data = b""
    boxes, problems = boxes_of(text_of(data), names)
    for problem in problems:
        yield Fault(label, problem)
    yield Sample(image, split, boxes=tuple(boxes))


def _without_image(files: "Files", pair: _Pair) -> Iterator[Sample]:
    """Images that are missing: label files with an object, and nothing of their name among the images."""
    for path in files.others(pair.labels, suffixes=(".txt",), below=False):
        stem = stem_of(path)
        if stem.lower() in _NO_LABELS or with_stem(files, pair.images, stem):
            continue
        text = _label_text(files, path) or ""
        image = f"{pair.images}/{stem}" if pair.images else stem
        if text.strip() and looks_like_labels(text) and not is_image(files, image):
            yield Sample(image, pair.split or "train")


def _label_text(files: "Files", path: str) -> str | None:
    """What a label file holds; ``None`` where it cannot be read."""
    try:
        return text_of(files.read(path, _MOST_LABEL_BYTES))
    except Unreadable as error:
        return "" if str(error) == "empty file" else None


def _config_notes(config: Config) -> Iterator[str]:
    if config.lost:
        yield f"Named by {printable(config.path)} and not there: {', '.join(map(printable, config.lost[:5]))}."


def _names_note(source: str | None) -> str:
    if source is None:
        return "Nothing names the classes (data.yaml, classes.txt, obj.names): their numbers stand for them."
    return f"Class names are those in {printable(source)}."
