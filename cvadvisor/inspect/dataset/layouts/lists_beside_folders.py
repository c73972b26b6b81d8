"""Class folders for training, and a list of labels for another split: Tiny ImageNet's val/val_annotations.txt."""

import re
from collections.abc import Container, Iterator, Mapping
from itertools import islice

from cvadvisor.inspect.dataset.files import Files, Folder
from cvadvisor.inspect.dataset.layouts.gathered import Gathered
from cvadvisor.inspect.dataset.layouts.list_lines import lines_of
from cvadvisor.inspect.dataset.layouts.listed_images import Finder
from cvadvisor.inspect.dataset.layouts.partitions import LIST_SUFFIXES
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, Fault, Reading, Sample, Split
from cvadvisor.inspect.dataset.layouts.table_samples import shortened
from cvadvisor.inspect.dataset.places import Unreadable
from cvadvisor.inspect.printable import printable

_MOST_FILES = 10
_SNIFFED_LINES = 200


def read_beside_folders(files: Files) -> Reading | None:
    """Read a folder a class in train/ and lists of labels in other splits' folders; ``None`` where it is not so."""
    splits: dict[Split, Folder] = {}
    for folder in files.top.folders:
        if (split := SPLIT_NAMES.get(folder.name.lower())) and folder.images_below:
            if split in splits:
                return None
            splits[split] = folder
    folders = {split: _bearing(folder) for split, folder in splits.items()}
    classes = {folder.name for folder in folders.get("train", [])}
    if len(classes) < 2 or splits["train"].images:
        return None
    lists: dict[Split, str] = {}
    for split in [split for split in splits if split != "train"]:
        if any(folder.name not in classes for folder in folders[split]) or not folders[split]:
            del folders[split]
            if path := _list_in(files, splits[split].path, split, classes):
                lists[split] = path
    if not lists:
        return None
    shown = " and ".join(map(printable, lists.values()))
    gives = "gives" if len(lists) == 1 else "give"
    train = printable(splits["train"].path)
    return Reading(
        layout="class folders and lists of labels",
        task="classification",
        why=f"{train}/ holds a folder a class, and {shown} {gives} the classes of other images",
        images=sum(splits[split].images_below for split in (*folders, *lists)),
        samples=lambda: _samples(files, folders, lists, classes),
        rank=65,
        classes=tuple(sorted(classes)),
        notes=(f"Labels are the folders that the images lie in, and for {' and '.join(lists)} what {shown} says.",),
    )


def _bearing(folder: Folder) -> list[Folder]:
    return [child for child in folder.folders if child.images_below]


def _list_in(files: Files, folder: str, split: Split, classes: Container[str]) -> str | None:
    """The text file in ``folder`` most of whose lines are an image and one of these classes."""
    finder = Finder(files, folder)
    for path in islice(files.others(folder, suffixes=LIST_SUFFIXES, below=False), _MOST_FILES):
        try:
            lines = [one for one in islice(lines_of(files, path), _SNIFFED_LINES) if not isinstance(one, Fault)]
        except Unreadable:
            continue
        fits = sum(
            bool(label and _class_of(label) in classes and finder.meant(name, split)) for _, name, label in lines
        )
        if fits > len(lines) / 2:
            return path
    return None


def _class_of(label: str) -> str:
    """The class in what follows an image: a box may follow it."""
    return re.split(r"[\t,;]", label)[0].strip() if re.search(r"[\t,;]", label) else label.split()[0]


def _samples(
    files: Files, folders: Mapping[Split, list[Folder]], lists: Mapping[Split, str], classes: Container[str]
) -> Iterator[Sample | Fault]:
    for split, children in folders.items():
        for folder in children:
            for path in files.images(folder.path):
                yield Sample(path, split, (folder.name,))
    for split, listed in lists.items():
        with Gathered() as gathered:
            finder = Finder(files, listed.rpartition("/")[0])
            for line in lines_of(files, listed):
                if isinstance(line, Fault):
                    yield line
                    continue
                where, name, label = line
                meant, problem = finder.meant(name, split), None
                if len(meant) > 1:
                    problem = f"{shortened(name)} may be {shortened(meant[0])} or {shortened(meant[1])}"
                elif meant and not meant[0].startswith(f"{listed.rpartition('/')[0]}/"):
                    problem = f"{shortened(name)} lies outside the folder of {split}"
                elif not label or _class_of(label) not in classes:
                    problem = f"{shortened(label or 'nothing')} is none of the classes of training"
                if problem:
                    yield Fault(listed, f"line {where:,}: {problem}")
                else:
                    gathered.add(meant[0] if meant else name, [where, _class_of(label or "")])
            for path, said in gathered.by_image():
                for where, label in said[1:]:
                    if label != said[0][1]:
                        yield Fault(
                            listed,
                            f"line {where:,}: {shortened(path)} is labelled {shortened(label)} as well as "
                            f"{shortened(said[0][1])}",
                        )
                yield Sample(path, split, (said[0][1],))
