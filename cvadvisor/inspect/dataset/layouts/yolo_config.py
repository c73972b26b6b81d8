"""What a YOLO dataset says of itself: ``data.yaml``, darknet's ``obj.data``, or a list of class names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cvadvisor.inspect.dataset.layouts.lookup import inside, split_word, stem_of, text_of
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, DatasetError, Split
from cvadvisor.inspect.dataset.layouts.yolo_labels import Names
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files

_MOST_BYTES = 10_000_000
_MOST_FILES = 50
_MOST_CLASSES = 100_000
_NAME_FILES = ("classes.txt", "obj.names", "labels.txt", "class_names.txt", "predefined_classes.txt", "names.txt")


@dataclass(frozen=True)
class Config:
    """What a configuration file says; all paths are the dataset's."""

    path: str
    """The file itself."""
    names: Names
    entries: Mapping[Split, Sequence[str]] = field(default_factory=dict)
    """Folders of images, and text files that list images, by split: only those that are there."""
    lost: tuple[str, ...] = ()
    """What it names and the dataset lacks, as 'train: ../images'."""


def find_config(files: "Files") -> Config | None:
    """The dataset's ``data.yaml`` or darknet ``.data`` file, the one nearest to the top; ``None`` without one.

    Raises:
        DatasetError: there is a data.yaml that is no YAML.
    """
    paths = [
        path for _, path in zip(range(_MOST_FILES), files.others(suffixes=(".yaml", ".yml", ".data")), strict=False)
    ]
    usual = ("data.yaml", "dataset.yaml", "data.yml", "obj.data")
    for path in sorted(paths, key=lambda one: (one.count("/"), one.rpartition("/")[2].lower() not in usual, one)):
        text = _text(files, path)
        if text is not None:
            config = _darknet(files, path, text) if path.endswith(".data") else _yaml(files, path, text)
            if config is not None:
                return config
    return None


def find_names(files: "Files", folders: Sequence[str]) -> tuple[Names, str | None]:
    """Class names from a list such as classes.txt in one of ``folders``, and where they were found."""
    for folder in folders:
        others = list(files.others(folder, suffixes=(".names",), below=False))
        listed = [f"{folder}/{name}" if folder else name for name in _NAME_FILES]
        for path in (*filter(files.has, listed), *others):
            text = _text(files, path)
            names = [line.strip() for line in text.splitlines() if line.strip()] if text else []
            if 0 < len(names) <= _MOST_CLASSES:
                return Names(dict(enumerate(names))), path
    return Names({}), None


def _text(files: "Files", path: str) -> str | None:
    try:
        return text_of(files.read(path, _MOST_BYTES))
    except Unreadable:
        return None


def _yaml(files: "Files", path: str, text: str) -> Config | None:
    import yaml

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        if stem_of(path).lower() == "data" and "names" in text and "train" in text:
            mark = getattr(error, "problem_mark", None)
            where = f" (line {mark.line + 1})" if mark else ""
            raise DatasetError(f"{printable(path)} is not valid YAML{where}: mend it, or export it again.") from None
        return None
    if not isinstance(content, dict):
        return None
    named = content.get("names")
    splits = {key: split for key in content if isinstance(key, str) and (split := SPLIT_NAMES.get(key.lower()))}
    if not isinstance(named, dict | list) or not splits:
        return None
    names = _names(named)
    folder = path.rpartition("/")[0]
    base = content.get("path")
    bases = [inside(folder, base), folder] if isinstance(base, str) else [folder]
    bases.append(folder.rpartition("/")[0])
    wanted = {split: _entries(content[key]) for key, split in splits.items()}
    return _config(files, path, Names(names, _keypoints(content.get("kpt_shape"))), wanted, bases)


def _names(named: dict[Any, Any] | list[Any]) -> dict[int, str]:
    """Class names by number; what is no name is left out, and its boxes become faults."""
    pairs = enumerate(named) if isinstance(named, list) else named.items()
    names: dict[int, str] = {}
    for number, name in pairs:
        if isinstance(name, bool):  # YAML takes a bare yes or no for one
            name = "yes" if name else "no"
        number = int(number) if isinstance(number, str) and number.isdecimal() and len(number) < 9 else number
        if isinstance(number, int) and not isinstance(number, bool) and isinstance(name, str | int | float):
            names[number] = str(name).strip() or str(number)
    return names


def _keypoints(shape: Any) -> int:
    """How many numbers the keypoints of an object take, from ``kpt_shape: [17, 3]``."""
    if isinstance(shape, list) and len(shape) == 2 and all(isinstance(n, int) and 0 < n < 1_000 for n in shape):
        return int(shape[0] * shape[1])
    return 0


def _entries(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values[:1_000] if isinstance(one, str) and one.strip()]


def _darknet(files: "Files", path: str, text: str) -> Config | None:
    """``obj.data``: lines such as 'train = data/train.txt'."""
    pairs = (line.partition("=") for line in text.splitlines()[:100])
    values = {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
    wanted = {split: [values[key]] for key, split in SPLIT_NAMES.items() if values.get(key)}
    if not wanted:
        return None
    folder = path.rpartition("/")[0]
    bases = [folder, folder.rpartition("/")[0]]
    listed = _resolve(files, values.get("names", ""), bases)
    lines = (_text(files, listed) or "").splitlines() if listed else []
    names = Names(dict(enumerate(line.strip() for line in lines[:_MOST_CLASSES] if line.strip())))
    if not names.by_number:
        names, _ = find_names(files, bases)
    return _config(files, path, names, wanted, bases)


def _config(
    files: "Files", path: str, names: Names, wanted: Mapping[Split, Sequence[str]], bases: Sequence[str]
) -> Config:
    entries: dict[Split, list[str]] = {}
    lost, taken = [], set()
    for split in sorted(wanted, key=("train", "validation", "test").index):
        for entry in wanted[split]:
            found = _resolve(files, entry, bases, split)
            if found is None:
                lost.append(f"{split}: {entry}")
            elif found not in taken:  # many let val name the training folder: an image has one split
                taken.add(found)
                entries.setdefault(split, []).append(found)
            else:
                lost.append(f"{split}: {entry} (already in use)")
    return Config(path, names, entries, tuple(lost))


def _resolve(files: "Files", entry: str, bases: Sequence[str], split: Split | None = None) -> str | None:
    """The folder with images, or the file, that ``entry`` means: a path from a machine that is not this one.

    Tools write '../train/images' for a folder that lies beside the file, or an absolute path: its last parts, as many
    of them as are there, are what can be found.
    """
    entry = entry.strip().replace("\\", "/")
    parts = [part for part in entry.split("/") if part not in ("", ".", "..")]
    forms = [entry] + ["/".join(parts[start:]) for start in range(max(len(parts) - 4, 0), len(parts))]
    for form in forms:
        if split is not None and form != entry and "/" not in form and split_word(stem_of(form)) not in (split, None):
            continue
        for base in bases:
            path = inside(base, form)
            folder = files.folder(path) if not path.lower().endswith((".txt", ".names")) else None
            if (folder is not None and folder.images_below) or (path and files.has(path)):
                return path
    return None
