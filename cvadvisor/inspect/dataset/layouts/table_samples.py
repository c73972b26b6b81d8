"""From the rows of label tables to samples: each image once, with everything that its rows say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cvadvisor.config import LEFT_OUT
from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.box_columns import NoBox, box_in, objects_in
from cvadvisor.inspect.dataset.layouts.gathered import Gathered
from cvadvisor.inspect.dataset.layouts.label_columns import Roles
from cvadvisor.inspect.dataset.layouts.label_values import LONGEST_LABEL, is_set, labels_in
from cvadvisor.inspect.dataset.layouts.listed_images import (
    LONGEST_NAME,
    Finder,
    Loosely,
    encodable,
    split_of_folders,
    text_of,
)
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, SPLITS, Box, Fault, Sample, Split
from cvadvisor.inspect.dataset.layouts.table_rows import Table
from cvadvisor.inspect.printable import printable

UNNAMED_CLASS = "object"
"""The class of boxes in a table that has no column for it."""

_SHOWN = 80


@dataclass(frozen=True)
class Source:
    """A table and how to read it."""

    table: Table
    roles: Roles
    split: Split | None = None
    """The split that the whole table is of."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names of the classes that its labels stand for, where another file gives them."""
    codes: Mapping[str, Split] = field(default_factory=dict)
    """Of a table that only assigns splits: what its cells, in lower case, stand for."""
    loosely: Loosely | None = None
    """How much the names of images differ from those on disk."""

    def finder(self, files: Files) -> Finder:
        """Finds the images that it names."""
        return Finder(files, self.table.folder, self.loosely)


def table_samples(
    files: Files, sources: Sequence[Source], *, from_folders: bool, partition: Source | None = None
) -> Iterator[Sample | Fault]:
    """The samples of all tables, by path.

    Args:
        files: the listing.
        sources: the tables; where two put an image into different splits, the earlier split counts.
        from_folders: whether an image's split is the folder that it lies in, where nothing else says it.
        partition: the table that says the split of each image, where these do not.
    """
    everything = [*sources, partition] if partition else sources
    with Gathered() as gathered:
        for number, source in enumerate(everything):
            finder = source.finder(files)
            for row in source.table.rows():
                if isinstance(row, Fault):
                    yield row
                elif problem := _gather(gathered, number, source, row, finder, from_folders):
                    yield Fault(source.table.path, f"line {row[0]:,}: {problem}")
        for path, said in gathered.by_image():
            yield from _merged(path, said, everything, len(sources))


def leaves_training(files: Files, sources: Sequence[Source], *, from_folders: bool) -> bool:
    """Whether any image of these tables is for training: a competition's table of test images has none."""
    for source in sources:
        if source.roles.split is None and not from_folders:
            if source.split in (None, "train"):
                return True
            continue
        finder = source.finder(files)
        for row in source.table.rows():
            if isinstance(row, Fault):
                continue
            split, problem = _split_in(row[1], source)
            if split is None and not problem and (name := text_of(row[1][source.roles.image])):
                meant = finder.meant(name)
                split = (split_of_folders(meant[0]) or "train") if len(meant) == 1 else None
            if split == "train":
                return True
    return False


def shortened(value: Any) -> str:
    """A value from a file, short enough for a message."""
    text = printable(value if isinstance(value, str) else repr(value)[: 2 * _SHOWN])
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _gather(
    gathered: Gathered, number: int, source: Source, row: tuple[int, list[Any]], finder: Finder, from_folders: bool
) -> str | None:
    """Note what one row says, or give the reason why it cannot be used."""
    line, cells = row
    roles = source.roles
    name = text_of(cells[roles.image])
    if not name:
        return "no image is named"
    if len(name) > LONGEST_NAME or "\0" in name:
        return f"{shortened(name)} is no file name"
    if roles.split is not None and text_of(cells[roles.split]) == LEFT_OUT:
        return None  # a clean split that the audit proposed: the image is in none
    split, problem = _split_in(cells, source)
    if problem:
        return problem
    meant = finder.meant(name, split)
    if len(meant) > 1:
        return f"{shortened(name)} may be {shortened(meant[0])} or {shortened(meant[1])}"
    path = meant[0] if meant else encodable(name)
    if split is None and from_folders:
        split = split_of_folders(path)
    group = text_of(cells[roles.group]) if roles.group is not None else None
    labels, boxes, problem = _said_in(cells, source)
    if problem is None or boxes:
        numbers = [[box.label, box.x, box.y, box.width, box.height, box.relative] for box in boxes]
        gathered.add(path, [number, line, split or "train", group, labels, numbers])
    return f"what is given for {shortened(name)} {problem}" if problem else None


def _said_in(cells: list[Any], source: Source) -> tuple[list[str], list[Box], str | None]:
    """Labels and boxes of a row, and what cannot be used."""
    roles = source.roles
    if roles.boxes and roles.objects:
        boxes, problem = objects_in(roles.boxes, cells[roles.boxes.columns[0]])
        return [], boxes, problem
    labels = _labels_in(cells, source)
    if any(len(label) > LONGEST_LABEL for label in labels):
        return [], [], f"has a label of more than {LONGEST_LABEL} characters"
    if not roles.boxes:
        return labels, [], None
    try:
        box = box_in(roles.boxes, cells, labels[0] if labels else UNNAMED_CLASS)
    except NoBox as error:
        return [], [], str(error)
    if box and roles.labels and not labels:
        return [], [], "is a box without a class"
    return [], [box] if box else [], None


def _split_in(cells: list[Any], source: Source) -> tuple[Split | None, str | None]:
    """The split of a row, or why it has none."""
    if source.roles.split is None:
        return source.split, None
    text = text_of(cells[source.roles.split])
    if not text:
        return None, "no split is named"
    lower = text.lower()
    if lower in source.codes:
        return source.codes[lower], None
    if lower in SPLIT_NAMES:
        return SPLIT_NAMES[lower], None
    if lower in ("0", "1", "false", "true"):  # a column such as is_valid
        return "validation" if is_set(lower) else "train", None
    return None, f"{shortened(text)} is no split"


def _labels_in(cells: list[Any], source: Source) -> list[str]:
    roles = source.roles
    if roles.kind == "one-hot":
        return [source.table.columns[index] for index in roles.labels if is_set(cells[index])]
    if roles.confidence is not None and text_of(cells[roles.confidence]) in ("0", "0.0"):
        return []
    labels = labels_in(cells[roles.labels[0]], roles.separator) if roles.labels else []
    return [source.names.get(label, label) for label in labels]


def _merged(path: str, said: list[list[Any]], sources: Sequence[Source], partition: int) -> Iterator[Sample | Fault]:
    """One sample from all that was said of an image, and what in it contradicts itself.

    Args:
        path: the image.
        said: what the rows say, as they were noted.
        sources: the tables.
        partition: from which table on they only assign splits.
    """
    if said[0][0] >= partition:
        return  # a split, and nothing else
    placed = [one for one in said if one[0] >= partition]
    split = min((one[2] for one in placed or said), key=SPLITS.index)
    labels: list[str] = []
    boxes: list[Box] = []
    for number, line, its_split, _, its_labels, numbers in said:
        source = sources[number]

        def fault(problem: str, path_: str = source.table.path, line_: int = line) -> Fault:
            return Fault(path_, f"line {line_:,}: {shortened(path)} {problem}")

        if its_split != split and not (placed and number < partition):
            yield fault(f"is in {its_split} as well as in {split}, where it is left")
            continue
        if number >= partition:
            continue
        boxes += [Box(*one) for one in numbers]
        new = [label for label in its_labels if label not in labels]
        # An image of one class has one row; without more to go by, the first is believed.
        if source.roles.task == "classification" and len(labels) + len(new) > 1:
            yield fault(f"is labelled {shortened((labels + new)[1])} as well as {shortened((labels + new)[0])}")
            new = [] if labels else new[:1]
        labels += new
    group = next((one[3] for one in said if one[3] is not None), None)
    yield Sample(path, split, tuple(labels), group, tuple(boxes))
