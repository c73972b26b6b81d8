"""Ways to group the images: by a column, by a pattern, and by what names, folders, EXIF times and scenes show."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from cvadvisor.config import Wishes
from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.group_evidence import Numbers
from cvadvisor.inspect.dataset.group_pattern import group_finder
from cvadvisor.inspect.dataset.group_tables import GroupColumn, store_group_columns
from cvadvisor.inspect.dataset.layouts.column_names import names_people
from cvadvisor.inspect.dataset.layouts.reading import Reading
from cvadvisor.inspect.dataset.name_groups import FOLDERS, NAME_SCHEMES, Scheme, folder, parts_of
from cvadvisor.inspect.dataset.photo_sessions import LONGEST_GAP_S, sessions
from cvadvisor.inspect.dataset.scene_groups import scene_groups
from cvadvisor.inspect.dataset.store import Store, to_text

_IMAGES = """
SELECT seen.file, seen.split, (SELECT min(name) FROM temp.label WHERE label.file = seen.file)
FROM temp.seen WHERE error IS NULL ORDER BY seen.file
"""
_PATHS = """
SELECT seen.path, (SELECT min(name) FROM temp.label WHERE label.file = seen.file)
FROM temp.seen WHERE error IS NULL ORDER BY seen.file
"""
_GROUPINGS = "SELECT grouping FROM temp.seen WHERE error IS NULL ORDER BY seen.file"
_NONE = "SELECT NULL LIMIT 0"
_VALUES = """
SELECT value FROM temp.seen LEFT JOIN temp.group_value ON group_value.file = seen.file AND number = ?
WHERE error IS NULL ORDER BY seen.file
"""
_VALUE = "SELECT value FROM temp.group_value WHERE file = ? AND number = ?"
# A group that holds more of its class says what the class says, or nothing: 'IMG' of IMG_0001.
_LARGEST_SHARE, _ALWAYS_KEPT = 0.3, 3

Source = Literal["user", "column", "inferred", "scenes"]


@dataclass(frozen=True)
class Images:
    """The readable images in the order of their files: numbers alone, so that any number of images fits."""

    store: Store
    files: Numbers
    classes: Numbers
    """A number for the class; of several labels, the first."""
    strata: Numbers
    """A number for class and split."""

    def place_of(self, file: int) -> int | None:
        """Where ``file`` stands among the images; ``None`` where it is none of them."""
        at = int(np.searchsorted(self.files, file))
        return at if at < len(self.files) and self.files[at] == file else None

    def path_at(self, at: int) -> tuple[str, str]:
        """Path and class of one image."""
        query = "SELECT path, (SELECT min(name) FROM temp.label WHERE label.file = file.id) FROM temp.file WHERE id = ?"
        path, label = next(self.store.rows(query, int(self.files[at])))
        return to_text(path), to_text(label or b"")


@dataclass(frozen=True)
class Candidate:
    """A way to group the images."""

    source: Source
    what: str
    groups: Numbers
    """The group of each image as a number from 0, in the order in which they first occur; -1 for none."""
    name_at: Callable[[int], str]
    """Name of the group of the image at this place."""
    of_people: bool = True
    """Of a column: whether its name says person, recording …, rather than place or device, which may be few."""
    is_stored: bool = False
    """Whether the samples hold it already."""
    across_classes: "Candidate | None" = None
    """The same with groups of one name in several classes taken as one."""

    def sizes(self) -> Numbers:
        """Images of each group."""
        return np.bincount(self.groups[self.groups >= 0])

    def in_company(self) -> Numbers:
        """``groups`` without those of a single image."""
        sizes = self.sizes()
        if not len(sizes):
            return self.groups
        return np.where((self.groups >= 0) & (sizes[np.maximum(self.groups, 0)] > 1), self.groups, -1)

    def holds(self, finer: "Candidate") -> bool:
        """Whether each group of ``finer`` lies in one group of this, of which there are fewer."""
        both = (self.groups >= 0) & (finer.groups >= 0)
        if both.sum() < (finer.groups >= 0).sum() or not both.any():
            return False
        joined = len(np.unique(_joined(self.groups[both], finer.groups[both])))
        fine = len(np.unique(finer.groups[both]))
        return joined == fine and len(np.unique(self.groups[both])) < fine


def load_images(store: Store) -> Images:
    """The readable images of a store with the view ``seen``."""
    files, classes, strata = array("q"), array("q"), array("q")
    numbers: dict[Any, int] = {}
    for file, split, label in store.rows(_IMAGES):
        files.append(file)
        classes.append(numbers.setdefault(label, len(numbers)))
        strata.append(numbers.setdefault((split, label), len(numbers)))
    return Images(store, _numbers(files), _numbers(classes), _numbers(strata))


def column_candidates(files: Files, images: Images, reading: Reading, wishes: Wishes) -> list[Candidate]:
    """The column that the labels take groups from, and those of other tables that name images.

    Raises:
        DatasetError: the column that the user named is in no table that names images.
    """
    store, named = files.store, reading.group_column
    source: Source = "column" if wishes.group_column is None else "user"
    brought = store.one("SELECT 1 FROM temp.sample WHERE grouping IS NOT NULL LIMIT 1")
    stored = Candidate(
        source,
        f"the column '{named}'" if named is not None else "the labels",
        _numbered(_numbers(array("q", (_hashed(row[0]) for row in store.rows(_GROUPINGS if brought else _NONE))))),
        lambda at: to_text(store.one("SELECT grouping FROM temp.sample WHERE file = ?", int(images.files[at]))),
        of_people=named is None or names_people(named),
        is_stored=True,
    )
    others = [_of_table(store, images, one, source) for one in store_group_columns(files, reading, wishes)]
    return [one for one in (stored, *others) if (one.groups >= 0).any()]


def _of_table(store: Store, images: Images, column: GroupColumn, source: Source) -> Candidate:
    rows = store.rows(_VALUES, column.number)
    return Candidate(
        source,
        f"the column '{column.name}' of {column.table}",
        _numbered(_numbers(array("q", (_hashed(value) for (value,) in rows)))),
        lambda at: to_text(store.one(_VALUE, int(images.files[at]), column.number)),
        of_people=names_people(column.name),
    )


def pattern_candidate(images: Images, pattern: str) -> Candidate:
    """What the user's pattern finds in the paths.

    Raises:
        DatasetError: the pattern cannot be used.
    """
    find = group_finder(pattern)
    hashes = array("q", (_hashed(find(path)) for path, _ in _paths(images.store)))
    what = f"the pattern {pattern}"
    return Candidate("user", what, _numbered(_numbers(hashes)), lambda at: find(images.path_at(at)[0]) or "")


def inferred_candidates(store: Store, images: Images) -> list[Candidate]:
    """What names, folders and EXIF times may say; what only tells classes or splits apart is left out."""
    schemes = {**NAME_SCHEMES, FOLDERS: folder}
    hashes = {what: array("q") for what in schemes}
    for path, label in _paths(store):
        folders, stem = parts_of(path, label)
        for what, scheme in schemes.items():
            hashes[what].append(_hashed(scheme(folders, stem)))
    found = []
    for what, scheme in schemes.items():
        groups = _numbered(_numbers(hashes.pop(what)))
        found += _by_class(images, Candidate("inferred", what, groups, _name_of(images, scheme)))
    return _different(found + _session_candidates(store, images))


def scene_candidate(store: Store, images: Images) -> Candidate | None:
    """Images that were found to show one scene, where any were."""
    first = np.zeros(len(images.files), np.int64)
    for file, other in scene_groups(store):
        if (at := images.place_of(file)) is not None and (begins := images.place_of(other)) is not None:
            first[at] = begins + 1
    if not first.any():
        return None
    return Candidate(
        "scenes", "pictures of one scene", _numbered(first), lambda at: images.path_at(int(first[at]) - 1)[0]
    )


def _session_candidates(store: Store, images: Images) -> list[Candidate]:
    first = np.zeros(len(images.files), np.int64)
    for file, begun in sessions(store):
        if (at := images.place_of(file)) is not None and (begins := images.place_of(begun)) is not None:
            first[at] = begins + 1
    what = f"EXIF data (one camera, at most {LONGEST_GAP_S:.0f} s from photo to photo)"

    def name_at(at: int) -> str:
        began = "SELECT trim(coalesce(camera, '') || ' ' || taken) FROM temp.seen WHERE file = ?"
        return str(store.one(began, int(images.files[int(first[at]) - 1])))

    return _by_class(images, Candidate("inferred", what, _numbered(first), name_at))


def _name_of(images: Images, scheme: Scheme) -> Callable[[int], str]:
    return lambda at: (scheme(*parts_of(*images.path_at(at))) or "").removeprefix("/")


def _by_class(images: Images, candidate: Candidate) -> list[Candidate]:
    """``candidate`` with groups of one name in different classes apart, and together where that joins far more images.

    What only tells classes apart is left out.
    """
    whole = _without_dominant(candidate.groups, images.classes)
    apart = _without_dominant(_numbered(_joined(candidate.groups, images.classes)), images.classes)
    by_name = replace(candidate, groups=whole)
    if len(np.unique(whole)) == len(np.unique(apart)):
        return [by_name] if _in_company(by_name) else []

    def name_at(at: int) -> str:
        return f"{images.path_at(at)[1]}: {candidate.name_at(at)}"

    by_class = replace(candidate, groups=apart, name_at=name_at, across_classes=by_name)
    together, alone = _in_company(by_name), _in_company(by_class)
    far_more = [replace(by_name, what=f"{candidate.what}, in any class")] if together > 2 * alone else []
    return [by_class] * (alone > 0) + far_more


def _in_company(candidate: Candidate) -> int:
    sizes = candidate.sizes()
    return int(sizes[sizes > 1].sum())


def _without_dominant(groups: Numbers, classes: Numbers) -> Numbers:
    """``groups`` without those that make up a large part of the class that most of their images are of."""
    grouped = groups >= 0
    if not grouped.any():
        return groups
    of_class = np.bincount(classes)
    pairs, counts = np.unique(np.stack([groups[grouped], classes[grouped]]), axis=1, return_counts=True)
    too_large = counts > np.maximum(_LARGEST_SHARE * of_class[pairs[1]], _ALWAYS_KEPT)
    most = np.zeros(int(groups.max()) + 1, np.int64)
    np.maximum.at(most, pairs[0], counts)
    dropped = np.zeros(len(most), bool)
    dropped[pairs[0][too_large & (counts == most[pairs[0]])]] = True
    return _numbered(np.where(grouped & ~dropped[np.maximum(groups, 0)], groups + 1, 0))


def _different(candidates: list[Candidate]) -> list[Candidate]:
    """``candidates`` without those that group the images as one before them does."""
    kept: list[tuple[Candidate, Numbers]] = []
    for one in candidates:
        groups = _numbered(one.in_company() + 1)
        if not any(np.array_equal(groups, others) for _, others in kept):
            kept.append((one, groups))
    return [one for one, _ in kept]


def _paths(store: Store) -> Iterator[tuple[str, str]]:
    return ((to_text(path), to_text(label or b"")) for path, label in store.rows(_PATHS))


def _hashed(name: Any) -> int:
    """A number for a name, 0 for none. Only whether two are equal is ever used."""
    return hash(name) | 1 if name is not None else 0


def _numbers(values: Iterable[int]) -> Numbers:
    return np.array(values, np.int64)


def _joined(one: Numbers, other: Numbers) -> Numbers:
    """A number above 0 for each pair, 0 where ``one`` is below 0."""
    return np.where(one >= 0, one * (int(other.max(initial=0)) + 1) + other + 1, 0)


def _numbered(values: Numbers) -> Numbers:
    """0, 1 … for the values in the order in which they first occur; -1 for 0."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    zero = values[first] == 0
    order = np.argsort(np.where(zero, len(values), first), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    rank[zero] = -1
    return rank[inverse.reshape(-1)]
