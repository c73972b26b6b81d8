"""Text files that list the images of each split, with or without a label in each line."""

import heapq
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.class_folders import PARTS
from cvadvisor.inspect.dataset.layouts.declared_names import NAMES_FILES, declared_names
from cvadvisor.inspect.dataset.layouts.gathered import Gathered
from cvadvisor.inspect.dataset.layouts.label_table import split_of_name
from cvadvisor.inspect.dataset.layouts.label_values import LONGEST_LABEL
from cvadvisor.inspect.dataset.layouts.list_lines import Line, lines_of
from cvadvisor.inspect.dataset.layouts.list_numbers import (
    are_classes_with_more,
    names_in_images,
    numbered_image,
    splits_by_number,
)
from cvadvisor.inspect.dataset.layouts.listed_images import Finder, has_image_extension
from cvadvisor.inspect.dataset.layouts.lists_beside_folders import read_beside_folders
from cvadvisor.inspect.dataset.layouts.partitions import LIST_SUFFIXES, assigns_splits, split_codes
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, SPLITS, Fault, Reading, Sample, Split, Wishes
from cvadvisor.inspect.dataset.layouts.table_samples import shortened
from cvadvisor.inspect.dataset.layouts.wording import and_
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.printable import printable

LAYOUT = "split lists"

# Of thousands of text files (YOLO has one an image), those called after a split and those nearest to the top.
_MOST_FILES = 60
_SNIFFED_LINES = 1_000
_LOOKED_UP = 200
_FOUND_SHARE = 0.1
# Several numbers are a box or several labels, whether or not a class stands before them.
_NUMBERS = re.compile(r"(.*[\s,;])?[-+]?\d[-+.\deE]*[\s,;]+[-+]?\d[-+.\deE]*")


@dataclass(frozen=True)
class _List:
    """A text file that lists images."""

    path: str
    split: Split | None
    images: int
    """About how many listed images it names."""
    labelled: bool
    numbers: frozenset[str] = frozenset()
    """The labels that were seen, if all are numbers."""
    classes: frozenset[str] = frozenset()
    """Folders that say the class, where the lines do not."""
    several: bool = False
    """Whether several numbers stand behind an image, of which the first, its class, decides the others."""
    by_number: tuple[str, Mapping[str, Split]] | None = None
    """A file that gives the split of each image by the number in front of it, and what it gives."""


def read(files: Files, wishes: Wishes) -> Reading | None:
    """Read lists of images; ``None`` where no text file lists images whose class it or their folder says."""
    del wishes
    if not files.top.images_below:
        return None
    found = [one for path in _candidates(files) if (one := _sniffed(files, path))]
    lists = _chosen(found)
    if not any(one.split == "train" for one in found) and (beside := read_beside_folders(files)):
        return beside
    if not lists or (not lists[0].labelled and len(frozenset().union(*(one.classes for one in lists))) < 2):
        return None
    main = lists[0]
    notes = [f"Splits follow from the names of the lists: {and_([printable(one.path) for one in lists])}."]
    if main.by_number:
        where = printable(main.by_number[0])
        notes = [f"Splits are in {where}, by the number in front of each image in {printable(main.path)}."]
    elif main.split is None:
        called = "there is no list of training" if split_of_name(main.path) else "it is called after no split"
        notes = [f"All images that {printable(main.path)} lists are for training: {called}."]
    names: Mapping[str, str] = {}
    if not main.labelled:
        notes.append("Labels are the folders that the images lie in.")
    elif main.numbers and (declared := declared_names(files, (main.path.rpartition("/")[0], ""))):
        path, by_number = declared
        names = _from_number(by_number, frozenset().union(*(one.numbers for one in lists)))
        notes.append(f"Names of the classes are in {printable(path)}.")
    elif main.several and (names := names_in_images(files, [one.path for one in lists])):
        notes.append("Classes are called as their images are, without the number.")
    if main.several:
        notes.append("Of the numbers behind an image the first is its class: it decides the others.")
    used = {one.path for one in lists}
    if others := [printable(one.path) for one in found if one.path not in used][:4]:
        notes.append(f"Not used, though it lists images too: {and_(others)}.")
    images = sum(one.images for one in lists)
    which = f"{and_([printable(one.path) for one in lists])} {'lists' if len(lists) == 1 else 'list'}"
    by = "with their labels" if main.labelled else "that lie in a folder a class"
    return Reading(
        layout=LAYOUT,
        task="classification",
        why=f"{which} about {images:,} images on disk {by}",
        images=images,
        samples=lambda: _samples(files, lists, names),
        rank=65 if main.split or main.by_number else 60,
        classes=tuple(dict.fromkeys(names.values())),
        notes=tuple(notes),
    )


def _candidates(files: Files) -> list[str]:
    paths = (
        path for path in files.others(suffixes=LIST_SUFFIXES) if path.rpartition("/")[2].lower() not in NAMES_FILES
    )
    # The lists below ImageSets are Pascal VOC's: whether a class is present, not which.
    paths = (path for path in paths if "imagesets" not in path.lower().split("/"))
    return heapq.nsmallest(_MOST_FILES, paths, key=lambda path: (split_of_name(path) is None, path.count("/"), path))


def _sniffed(files: Files, path: str) -> _List | None:
    """What a text file lists; ``None`` where that is not images with their class."""
    try:
        lines = [line for line in islice(lines_of(files, path), _SNIFFED_LINES) if not isinstance(line, Fault)]
        size = files.place(path).size
    except Unreadable:
        return None
    finder, split = Finder(files, path.rpartition("/")[0]), split_of_name(path)
    tried = lines[:: max(1, len(lines) // _LOOKED_UP)]
    paths = [meant[0] for _, name, _ in tried if (meant := finder.meant(name, split))]
    if not paths or len(paths) < _FOUND_SHARE * len(tried):
        return None
    labels = Counter(label for _, _, label in lines if label)
    labelled = labels.total() > len(lines) / 2
    numbers = frozenset(labels) if all(re.fullmatch(r"\d{1,9}", label) for label in labels) else frozenset[str]()
    classes = _folder_classes(paths)
    several = labelled and are_classes_with_more(labels)
    if labelled and not several and not _are_labels(labels):
        return None
    if (labelled and _assigns_splits(files, path, labels)) or (not labelled and not classes):
        return None
    if several:
        numbers = frozenset(label.split()[0] for label in labels)
    read_bytes = sum(len(name) + len(label or "") + 2 for _, name, label in lines)
    whole = max(1.0, size / read_bytes) if len(lines) >= _SNIFFED_LINES else 1.0
    images = max(1, round(len(paths) / len(tried) * len(lines) * whole))
    by_number = None if labelled or split else splits_by_number(files, path, lines)
    return _List(path, split, images, labelled, numbers, classes, several, by_number)


def _assigns_splits(files: Files, path: str, labels: Counter[str]) -> bool:
    """Whether what follows the images in a list is their split, as in CelebA's list_eval_partition.txt."""
    rest = (line[2] for line in lines_of(files, path) if not isinstance(line, Fault))
    values = (label.lower() for label in chain(labels, rest) if label)
    return split_codes(values, called_so=assigns_splits(path), path=path) is not None


def _are_labels(labels: Counter[str]) -> bool:
    """Whether what follows the images in a list is their class: not a mask, a box, a caption or a yes or no."""
    unlike = sum(
        len(label) > LONGEST_LABEL or has_image_extension(label) or bool(_NUMBERS.fullmatch(label)) for label in labels
    )
    if unlike > len(labels) / 2:
        return False
    return labels.keys() != {"1", "-1"} and not (labels.total() >= 20 and len(labels) > labels.total() / 2)


def _chosen(found: Sequence[_List]) -> list[_List]:
    """The best list of each split, training first; or the best of all, where none is of training."""
    splits: dict[Split | None, _List] = {}
    if (given := {one.split for one in found}) - {None} and "train" not in given:
        found = [replace(one, split="train") if _is_trainval(one.path) else one for one in found]
    for one in sorted(found, key=lambda one: (not one.labelled, -one.images, one.path.count("/"))):
        splits.setdefault(one.split, one)
    main = splits.get("train") or splits.get(None)
    if main is None:
        return [_as_training(one) for one in list(splits.values())[:1]]
    if main.split is None:
        return [main]
    ordered = [splits[split] for split in SPLITS if split in splits]
    return [one for one in ordered if one.labelled == main.labelled]


def _as_training(one: _List) -> _List:
    return replace(one, split=None)


def _is_trainval(path: str) -> bool:
    """Whether a list is of what is for training and validation together: for training, beside one for testing."""
    return "trainval" in re.split(r"[^a-z]+", path.rpartition("/")[2].lower())


def _folder_classes(paths: Sequence[str]) -> frozenset[str]:
    return frozenset(label for path in paths if (label := class_of_folder(path)))


def class_of_folder(path: str) -> str | None:
    """The folder of ``path`` that is a class: the last one that is no split and no part such as images/."""
    folders = path.split("/")[:-1]
    return next((one for one in reversed(folders) if one.lower() not in SPLIT_NAMES and one.lower() not in PARTS), None)


def _from_number(by_number: Mapping[int, str], seen: frozenset[str]) -> dict[str, str]:
    """Names by the number as lists write it; numbers that start at 1 where the names start at 0 are moved."""
    numbers = {int(one) for one in seen}
    first = 1 if numbers and max(numbers) == len(by_number) and 0 not in numbers and 0 in by_number else 0
    return {str(number + first): name for number, name in by_number.items()}


def _samples(files: Files, lists: Sequence[_List], names: Mapping[str, str]) -> Iterator[Sample | Fault]:
    with Gathered() as gathered:
        for number, one in enumerate(lists):
            finder = Finder(files, one.path.rpartition("/")[0])
            for line in lines_of(files, one.path):
                if isinstance(line, Fault):
                    yield line
                elif problem := _gather(gathered, number, one, line, finder, names):
                    yield Fault(one.path, f"line {line[0]:,}: {problem}")
        for path, said in gathered.by_image():
            number, _, label, split = said[0]
            for other, where, its_label, _ in said[1:]:
                if other != number:
                    problem = f"is in {shortened(lists[number].path)} too, where it is left"
                elif its_label != label:
                    problem = f"is labelled {shortened(its_label)} as well as {shortened(label)}"
                else:
                    continue
                yield Fault(lists[other].path, f"line {where:,}: {shortened(path)} {problem}")
            yield Sample(path, split, (label,) if label else ())


def _gather(
    gathered: Gathered,
    number: int,
    source: _List,
    line: Line,
    finder: Finder,
    names: Mapping[str, str],
) -> str | None:
    """Note what one line says; the reason why some of it cannot be used, or ``None``."""
    where, name, label = line
    split = source.split or "train"
    if source.by_number and (numbered := numbered_image(name)):
        number_in_list, name = numbered
        if number_in_list not in source.by_number[1]:
            return f"{shortened(name)} has no split in {shortened(source.by_number[0])}"
        split = source.by_number[1][number_in_list]
    if source.several and label:
        label = label.split()[0]
    meant = finder.meant(name, source.split)
    if len(meant) > 1:
        return f"{shortened(name)} may be {shortened(meant[0])} or {shortened(meant[1])}"
    path = meant[0] if meant else name
    problem = None
    if not source.labelled:
        label = class_of_folder(path)
    elif names and label:
        plain = str(int(label)) if re.fullmatch(r"\d{1,9}", label) else label
        problem = None if plain in names else f"{shortened(label)} is none of the {len(names):,} classes that are named"
        label = names.get(plain)
    gathered.add(path, [number, where, label, split])
    return problem
