"""Text files that list the images of each split, with or without a label in each line."""

import heapq
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from cvadvisor.inspect.dataset.files import IMAGE_EXTENSIONS, Files
from cvadvisor.inspect.dataset.layouts.class_folders import PARTS
from cvadvisor.inspect.dataset.layouts.declared_names import NAMES_FILES, declared_names
from cvadvisor.inspect.dataset.layouts.gathered import Gathered
from cvadvisor.inspect.dataset.layouts.label_table import split_of_name
from cvadvisor.inspect.dataset.layouts.label_values import LONGEST_LABEL
from cvadvisor.inspect.dataset.layouts.listed_images import Finder, encodable, has_image_extension
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, SPLITS, Fault, Reading, Sample, Split, Wishes
from cvadvisor.inspect.dataset.layouts.table_rows import numbered_lines
from cvadvisor.inspect.dataset.layouts.table_samples import shortened
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.printable import printable

LAYOUT = "split lists"

_SUFFIXES = (".txt", ".lst", ".list")
# Of thousands of text files (YOLO has one an image), those called after a split and those nearest to the top.
_MOST_FILES = 60
_SNIFFED_LINES = 1_000
_LOOKED_UP = 200
_FOUND_SHARE = 0.1
_LONGEST_LINE = 5_000
_EXTENSIONS = "|".join(re.escape(extension) for extension in sorted(IMAGE_EXTENSIONS))
_WITH_EXTENSION = re.compile(rf"""["']?(?P<name>.+?(?:{_EXTENSIONS}))["']?(?:[\s,;|:]+(?P<label>.*))?""", re.IGNORECASE)
_WITHOUT_EXTENSION = re.compile(r"""["']?(?P<name>[^\s,;|]+)["']?[\s,;|]+(?P<label>[^\s,;|].*)""")
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
    names: Mapping[str, str] = field(default_factory=dict)


def read(files: Files, wishes: Wishes) -> Reading | None:
    """Read lists of images; ``None`` where no text file lists images whose class it or their folder says."""
    del wishes
    if not files.top.images_below:
        return None
    found = [one for path in _candidates(files) if (one := _sniffed(files, path))]
    lists = _chosen(found)
    if not lists or (not lists[0].labelled and len(frozenset().union(*(one.classes for one in lists))) < 2):
        return None
    main = lists[0]
    notes = [f"Splits follow from the names of the lists: {_and([printable(one.path) for one in lists])}."]
    if all(one.split is None for one in lists):
        notes = [f"All images that {printable(main.path)} lists are for training: it is called after no split."]
    names: Mapping[str, str] = {}
    if not main.labelled:
        notes.append("Labels are the folders that the images lie in.")
    elif main.numbers and (declared := declared_names(files, (main.path.rpartition("/")[0], ""))):
        path, by_number = declared
        names = _from_number(by_number, frozenset().union(*(one.numbers for one in lists)))
        notes.append(f"Names of the classes are in {printable(path)}.")
    if others := [printable(one.path) for one in found if one not in lists][:4]:
        notes.append(f"Not used, though it lists images too: {_and(others)}.")
    images = sum(one.images for one in lists)
    which = f"{_and([printable(one.path) for one in lists])} {'lists' if len(lists) == 1 else 'list'}"
    by = "with their labels" if main.labelled else "that lie in a folder a class"
    return Reading(
        layout=LAYOUT,
        task="classification",
        why=f"{which} about {images:,} images on disk {by}",
        images=images,
        samples=lambda: _samples(files, lists, names),
        rank=65 if main.split else 60,
        classes=tuple(dict.fromkeys(names.values())),
        notes=tuple(notes),
    )


def parse_line(line: str) -> tuple[str, str | None] | None:
    """Image and label in a line of a list; the label is ``None`` where the line is a path; ``None`` for no line."""
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    if found := _WITH_EXTENSION.fullmatch(text):
        return found["name"], (found["label"] or "").strip().strip("\"'") or None
    if found := _WITHOUT_EXTENSION.fullmatch(text):
        return found["name"], found["label"].strip().strip("\"'") or None
    return text.strip("\"'"), None


def _candidates(files: Files) -> list[str]:
    paths = (path for path in files.others(suffixes=_SUFFIXES) if path.rpartition("/")[2].lower() not in NAMES_FILES)
    # The lists below ImageSets are Pascal VOC's: whether a class is present, not which.
    paths = (path for path in paths if "imagesets" not in path.lower().split("/"))
    return heapq.nsmallest(_MOST_FILES, paths, key=lambda path: (split_of_name(path) is None, path.count("/"), path))


def _lines(files: Files, path: str) -> Iterator[tuple[int, str, str | None] | Fault]:
    """Line number, image and label of each line that names an image."""
    for line in numbered_lines(path, files.read(path)):
        if isinstance(line, Fault):
            yield line
        elif len(line[1]) > _LONGEST_LINE or "\0" in line[1]:
            yield Fault(path, f"line {line[0]:,} is no line of text that names an image")
        elif parsed := parse_line(line[1]):
            yield line[0], encodable(parsed[0]), encodable(parsed[1]) if parsed[1] else None


def _sniffed(files: Files, path: str) -> _List | None:
    """What a text file lists; ``None`` where that is not images with their class."""
    try:
        lines = [line for line in islice(_lines(files, path), _SNIFFED_LINES) if not isinstance(line, Fault)]
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
    if labelled and not _are_labels(labels):
        return None
    if not labelled and not classes:
        return None
    read_bytes = sum(len(name) + len(label or "") + 2 for _, name, label in lines)
    whole = max(1.0, size / read_bytes) if len(lines) >= _SNIFFED_LINES else 1.0
    images = max(1, round(len(paths) / len(tried) * len(lines) * whole))
    return _List(path, split, images, labelled, numbers, classes)


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
    return _List(one.path, None, one.images, one.labelled, one.numbers, one.classes)


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
            for line in _lines(files, one.path):
                if isinstance(line, Fault):
                    yield line
                elif problem := _gather(gathered, number, one, line, finder, names):
                    yield Fault(one.path, f"line {line[0]:,}: {problem}")
        for path, said in gathered.by_image():
            number, _, label = said[0]
            for other, where, its_label in said[1:]:
                if other != number:
                    problem = f"is in {shortened(lists[number].path)} too, where it is left"
                elif its_label != label:
                    problem = f"is labelled {shortened(its_label)} as well as {shortened(label)}"
                else:
                    continue
                yield Fault(lists[other].path, f"line {where:,}: {shortened(path)} {problem}")
            yield Sample(path, lists[number].split or "train", (label,) if label else ())


def _gather(
    gathered: Gathered,
    number: int,
    source: _List,
    line: tuple[int, str, str | None],
    finder: Finder,
    names: Mapping[str, str],
) -> str | None:
    """Note what one line says; the reason why some of it cannot be used, or ``None``."""
    where, name, label = line
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
    gathered.add(path, [number, where, label])
    return problem


def _and(items: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))
