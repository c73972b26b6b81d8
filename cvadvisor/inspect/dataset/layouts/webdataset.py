"""WebDataset: tar shards in which the files of one sample lie together and share their name up to its first dot.

The label is in a file beside the image: ``000017.jpg`` and ``000017.cls``, or a key of ``000017.json``.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from cvadvisor.inspect.dataset.layouts.lookup import split_in, text_of
from cvadvisor.inspect.dataset.layouts.reading import Fault, Reading, Sample, Wishes
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files

# The most telling first: names before numbers, then what WebDataset itself and its exports use.
_NAME_KEYS = ("class_name", "classname", "label_name", "category_name")
_TEXTS = ("cls", "class", "label", "cls.txt", "label.txt")
_KEYS = ("label", "class", "cls", "category", "target", "class_id", "label_id", "category_id", "class_index", "species")
_NAME_FILES = ("classes.txt", "classnames.txt", "class_names.txt", "labels.txt", "dataset_info.json")
_MOST_SIDECAR_BYTES = 1_000_000
_MOST_NAMES_BYTES = 10_000_000
_LONGEST_LABEL = 200
_SHARDS_TRIED, _IMAGES_TRIED = 5, 200
# A caption is a text of its own; a class is one that many images share.
_IMAGES_A_TEXT = 3
_WHOLE = re.compile(r"-?\d{1,9}")


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the labels are: the part of a sidecar's name after the first dot, and the key where it is JSON."""

    suffix: str
    key: str | None = None

    def __str__(self) -> str:
        return f"the key {self.key!r} of each image's .{self.suffix}" if self.key else f"each image's .{self.suffix}"


class _Unusable(Exception):
    """A sidecar without a usable label; the message is the reason, in a few words."""


def read(files: "Files", wishes: Wishes) -> Reading | None:
    """Samples of tar shards whose images have a sidecar with one class; ``None`` where there are none.

    ``wishes.label_column`` is the key to use of JSON sidecars.
    """
    tried = list(_first_images(files))
    if not tried:
        return None
    found = _find_source(files, tried, wishes.label_column)
    if found is None:
        return None
    source, labels = found
    names_file, names = _class_names(files, labels)
    notes = [f"Labels are in {source}."]
    if names_file:
        notes.append(f"Names of the classes are in {printable(names_file)}.")
    shards = _shards(files)
    unnamed = [path for path in shards if split_in(f"{path}/") is None]
    if shards and len(unnamed) < len(shards):
        notes.append("Splits are in the names of the shards or their folders.")
        if unnamed:
            notes.append(f"Shards whose names speak of no split are training, such as {printable(unnamed[0])}.")
    kind = f"{len(shards):,} tar shards hold" if len(shards) > 1 else "a tar holds"
    return Reading(
        layout="webdataset",
        task="classification",
        why=f"{kind} images with a .{source.suffix} of the same name beside each",
        images=max(1, files.top.images_below * len(labels) // len(tried)),
        samples=lambda: _samples(files, source, names),
        rank=70,
        classes=names,
        notes=tuple(notes),
    )


def _samples(files: "Files", source: _Source, names: tuple[str, ...]) -> Iterator[Sample | Fault]:
    """Every sample; an image without a sidecar gives none, nor does a second image of one sample."""
    # In the order of their bytes, paths that share everything up to a dot follow each other.
    for key, paths in groupby(files.images(), _key):
        path = min(paths, key=lambda one: (one.count(".", len(key)), one))
        try:
            label = _label(files, key, source)
            if label is not None:
                yield Sample(path, split_in(path) or "train", (_named(label, names),))
        except _Unusable as reason:
            yield Fault(f"{key}.{source.suffix}", str(reason))


def _key(path: str) -> str:
    """What the files of a sample share."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + name.partition(".")[0]


def _is_in_tar(files: "Files", path: str) -> bool:
    place = files.place(path)
    return place.container is not None and place.method is None


def _shards(files: "Files") -> list[str]:
    """The tars that hold images; none where the dataset is one."""
    return [folder.path for folder in files.top.below() if folder.path.endswith(".tar") and folder.images_below]


def _first_images(files: "Files") -> Iterator[str]:
    """Some images in tars: the first ones of a few shards."""
    shards = _shards(files)
    chosen = shards[:: max(1, len(shards) // _SHARDS_TRIED)][:_SHARDS_TRIED] or [""]
    for shard in chosen:
        for path in islice(files.images(shard), _IMAGES_TRIED // len(chosen)):
            if _is_in_tar(files, path):
                yield path


def _find_source(files: "Files", paths: list[str], wanted_key: str | None) -> tuple[_Source, list[str | int]] | None:
    """Where the labels are, by the images at ``paths``, and the labels of these."""
    if wanted_key:
        candidates = [_Source("json", wanted_key)]
    else:
        candidates = [_Source("json", key) for key in _NAME_KEYS] + [_Source(suffix) for suffix in _TEXTS]
        candidates += [*(_Source("json", key) for key in _KEYS), _Source("txt")]
    best: tuple[_Source, list[str | int]] | None = None
    for source in candidates:
        labels = [label for path in paths if (label := _label_or_none(files, _key(path), source)) is not None]
        if source.suffix == "txt" and len(set(labels)) * _IMAGES_A_TEXT > len(labels):
            continue
        # An earlier one is preferred unless it covers much less.
        if labels and (best is None or len(labels) > 2 * len(best[1])):
            best = source, labels
    return best


def _label_or_none(files: "Files", key: str, source: _Source) -> str | int | None:
    try:
        return _label(files, key, source)
    except _Unusable:
        return None


def _label(files: "Files", key: str, source: _Source) -> str | int | None:
    """The label in the sidecar of the sample ``key``; ``None`` where it has no such sidecar.

    Raises:
        _Unusable: the sidecar does not hold one label.
    """
    try:
        text = text_of(files.read(f"{key}.{source.suffix}", _MOST_SIDECAR_BYTES))
    except KeyError:
        return None
    except Unreadable as reason:
        raise _Unusable(str(reason)) from None
    if source.key is None:
        return _label_in_text(text)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise _Unusable("it is not valid JSON") from None
    if not isinstance(content, dict):
        raise _Unusable("it is no JSON object")
    if source.key not in content:
        raise _Unusable(f"it has no key {printable(source.key)}")
    return _label_in_json(content[source.key], printable(source.key))


def _label_in_text(text: str) -> str | int:
    text = text.strip()
    if not text:
        raise _Unusable("it is empty")
    if len(text) > _LONGEST_LABEL or "\n" in text or "\0" in text:
        raise _Unusable("it is no name or number of a class")
    return int(text) if _WHOLE.fullmatch(text) else text


def _label_in_json(value: Any, key: str) -> str | int:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) < 10**9:
        return value
    if isinstance(value, str) and value.strip():
        return _label_in_text(value)
    raise _Unusable(f"its {key} {'lists several classes' if isinstance(value, list) else 'is no class'}")


def _named(label: str | int, names: tuple[str, ...]) -> str:
    """The class that a label means.

    Raises:
        _Unusable: it is a number that no class has.
    """
    if isinstance(label, str):
        return label
    if label < 0 or (names and label >= len(names)):
        raise _Unusable(f"no class has the number {label}")
    return names[label] if names else str(label)


def _class_names(files: "Files", labels: list[str | int]) -> tuple[str | None, tuple[str, ...]]:
    """The file that names the classes of ``labels``, and the names in order; ``None`` and none without one."""
    for name in _NAME_FILES:
        for path in files.named(name, kind="other"):
            try:
                text = text_of(files.read(path, _MOST_NAMES_BYTES))
            except Unreadable:
                continue
            names = _names_in_json(text) if name.endswith(".json") else [line.strip() for line in text.splitlines()]
            while names and not names[-1]:
                names.pop()
            known = set(names) | set(range(len(names)))
            if known.issuperset(labels) and "" not in known and len(known) == 2 * len(names):
                return path, tuple(names)
    return None, ()


def _names_in_json(text: str) -> list[str]:
    """Names in the description that Hugging Face's datasets writes: of the first feature that has any."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return []
    features = content.get("features") if isinstance(content, dict) else None
    for feature in features.values() if isinstance(features, dict) else ():
        inner = feature.get("class_label", feature) if isinstance(feature, dict) else None
        names = inner.get("names") if isinstance(inner, dict) else None
        if isinstance(names, dict):
            names = [names.get(str(number)) for number in range(len(names))]
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return [str(name) for name in names]
    return []
