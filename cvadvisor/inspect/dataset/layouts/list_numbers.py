"""Numbers in lists of images: one in front that stands for the image, or several behind it, the first its class."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.list_lines import Line, lines_of
from cvadvisor.inspect.dataset.layouts.listed_images import has_image_extension
from cvadvisor.inspect.dataset.layouts.partitions import LIST_SUFFIXES, assigns_splits, split_codes
from cvadvisor.inspect.dataset.layouts.reading import Fault, Split
from cvadvisor.inspect.dataset.places import Unreadable

_SEVERAL_WHOLE = re.compile(r"\d{1,6}(\s+\d{1,6}){1,2}")
_CALLED_AND_NUMBERED = re.compile(r"(?P<name>.*[^\W\d_])[-_ ]*\d+")


def are_classes_with_more(labels: Counter[str]) -> bool:
    """Whether several numbers follow each image, of which the first is its class and decides the others.

    The Oxford pets have class, species and breed there. Of a box or of several labels that does not hold.
    """
    if not labels or not all(_SEVERAL_WHOLE.fullmatch(label) for label in labels):
        return False
    firsts = {int(label.split()[0]) for label in labels}
    whole = len(firsts) == len(labels) > 1 and firsts == set(range(min(firsts), max(firsts) + 1)) and min(firsts) < 2
    return whole and labels.total() >= 2 * len(labels)


def splits_by_number(files: Files, path: str, lines: Sequence[Line]) -> tuple[str, Mapping[str, Split]] | None:
    """The file beside a list of numbered images that gives each number's split, as CUB-200's train_test_split.txt."""
    numbers = [found[0] for _, name, _ in lines if (found := numbered_image(name))]
    if not numbers or len(numbers) < len(lines):
        return None
    for other in files.others(path.rpartition("/")[0], suffixes=LIST_SUFFIXES, below=False):
        if other == path or not assigns_splits(other):
            continue
        try:
            pairs = {one[1]: one[2].lower() for one in lines_of(files, other) if not isinstance(one, Fault) and one[2]}
        except Unreadable:
            continue
        codes = split_codes(pairs.values(), called_so=True, path=other)
        if codes and all(number in pairs for number in numbers):
            return other, {number: codes[value] for number, value in pairs.items()}
    return None


def numbered_image(name: str) -> tuple[str, str] | None:
    """The number in front of an image in a list, and the image."""
    number, _, rest = name.partition(" ")
    return (number, rest.strip()) if number.isdecimal() and rest.strip() else None


def names_in_images(files: Files, paths: Sequence[str]) -> dict[str, str]:
    """Names of numbered classes, where all images of each, and no others, are called after it: 'pug_12'."""
    names: dict[str, str] = {}
    for line in chain.from_iterable(lines_of(files, path) for path in paths):
        if isinstance(line, Fault) or not line[2]:
            continue
        stem = line[1].rpartition("/")[2]
        stem = stem.rpartition(".")[0] if has_image_extension(stem) else stem
        found, number = _CALLED_AND_NUMBERED.fullmatch(stem), line[2].split()[0]
        if not found or names.setdefault(number, found["name"]) != found["name"]:
            return {}
    return names if len(set(names.values())) == len(names) else {}
