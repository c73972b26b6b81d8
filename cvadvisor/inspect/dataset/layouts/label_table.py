"""Images and a table of their labels: CSV, TSV, JSON lines or Parquet, in one file or one a split."""

import heapq
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts import class_folders
from cvadvisor.inspect.dataset.layouts.class_descriptions import described_classes
from cvadvisor.inspect.dataset.layouts.column_names import normalised
from cvadvisor.inspect.dataset.layouts.label_columns import IMAGE_NAMES, Roles, column_called, guess
from cvadvisor.inspect.dataset.layouts.listed_images import Finder, split_of_folders, text_of
from cvadvisor.inspect.dataset.layouts.near_tables import guess_loosely
from cvadvisor.inspect.dataset.layouts.partitions import find_partitions, partition_in
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, SPLITS, DatasetError, Reading, Split, Wishes
from cvadvisor.inspect.dataset.layouts.table_notes import columns_shown, listing, table_notes
from cvadvisor.inspect.dataset.layouts.table_rows import TABLE_SUFFIXES, Row, Table, open_table, sniff
from cvadvisor.inspect.dataset.layouts.table_samples import Source, leaves_training, table_samples
from cvadvisor.inspect.dataset.places import Place, Unreadable, read_bytes
from cvadvisor.inspect.printable import printable

# A table an image is no table of labels: of so many tables, those nearest to the top are looked at.
_MOST_TABLES = 40
# CelebA's table of attributes is a text file; of other text files there are too many, and few are tables.
_ATTRIBUTES = re.compile(r"(.*[^a-z])?attr(ibute)?s?([^a-z].*)?\.txt")


def read(files: Files, wishes: Wishes) -> Reading | None:
    """Read images with a table of labels; ``None`` where no table names listed images and says something of them.

    Raises:
        DatasetError: the table that the user named cannot be read or names no listed image; a column that the user
            named is in no table; or the only table needs a library that is not installed, calls its images otherwise
            than the disk does, or names none for training.
    """
    if not files.top.images_below:
        return None
    candidates, partitions, problems = _candidates(files, wishes)
    found = candidates
    while candidates:
        best = max(candidates, key=lambda one: (wishes.task in (None, one.roles.task), *_merit(one)))
        sources = _with_other_splits(best, candidates)
        used = {one.table.path for one in sources}
        others = [one for one in found if one.table.path not in used]
        try:
            return reading_of(
                files, sources, others, rank=_rank(best, _class_folder_images(files)), partitions=partitions
            )
        except DatasetError as error:
            problems.append(error)
            candidates = [one for one in candidates if one.table.path not in used]
    if problems:
        raise problems[0]
    return None


def split_of_name(path: str) -> Split | None:
    """The split that a file is called after: 'train' for train.csv, train_labels.csv or labels-train.txt."""
    words = re.split(r"[^a-z]+", PurePosixPath(path.lower()).stem)
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def reading_of(
    files: Files,
    sources: Sequence[Source],
    others: Sequence[Source],
    *,
    rank: int,
    layout: str = "label table",
    partitions: Sequence[Source] = (),
) -> Reading:
    """The reading of these tables, with what was chosen and what else was possible.

    Raises:
        DatasetError: none of their images is for training.
    """
    main = sources[0]
    roles, columns = main.roles, main.table.columns
    tables = listing([printable(source.table.path) for source in sources])
    # A table that only assigns splits is needed where nothing else does.
    apart = any(source.split or source.roles.split is not None for source in sources)
    partition = None if apart else next((one for one in partitions if one.codes), None)
    from_folders = not partition and _splits_are_folders(files, sources)
    if not partition and not leaves_training(files, sources, from_folders=from_folders):
        raise DatasetError(
            f"{tables} {'names' if len(sources) == 1 else 'name'} no image for training: add a table of the training "
            "images, or name one with --labels."
        )
    images = sum(source.roles.images for source in sources)
    what = f"a label of each in {columns_shown(main, roles.labels)}" if roles.labels else "their boxes"
    return Reading(
        layout=layout,
        task=roles.task,
        why=f"{tables} {'names' if len(sources) == 1 else 'name'} about {images:,} images on disk and {what}",
        images=images,
        samples=lambda: table_samples(files, sources, from_folders=from_folders, partition=partition),
        rank=rank,
        classes=tuple(columns[index] for index in roles.labels) if roles.kind == "one-hot" else (),
        group_column=None if roles.group is None else columns[roles.group],
        notes=tuple(
            table_notes(
                sources,
                [*others, *(one for one in partitions if one is not partition)],
                from_folders=from_folders,
                partition=partition,
            )
        ),
    )


def _candidates(files: Files, wishes: Wishes) -> tuple[list[Source], list[Source], list[DatasetError]]:
    """Tables that say something of listed images, those that only assign splits, and why others are of no use."""
    candidates: list[Source] = []
    problems: list[DatasetError] = []
    partitions = find_partitions(files) if wishes.split_column is None else []
    assigning = {one.table.path for one in partitions} if wishes.labels is None else set()
    for path in [wishes.labels] if wishes.labels is not None else _tables(files):
        try:
            table = None if path in assigning else _open(files, path, wished=wishes.labels is not None)
            if table and wishes.labels is None and (partition := partition_in(files, table, sniff(table))):
                partitions.append(partition)
                continue
            source = _source(files, table, wishes) if table else None
            if table and source and not _has_header(files, source, wishes):
                table = _open(files, path, wished=wishes.labels is not None, has_header=False)
                source = _source(files, table, wishes) if table else None
        except Unreadable as error:
            problems.append(DatasetError(f"{printable(path)} cannot be read: {error}. Mend it, or remove it."))
            continue
        except DatasetError as error:
            problems.append(error)
            continue
        if source is not None:
            candidates.append(source)
            partitions = [one for one in partitions if one.table.path != source.table.path]
        elif wishes.labels is not None:
            raise DatasetError(_unusable(path, table))
    return candidates, partitions, problems


def _tables(files: Files) -> list[str]:
    paths = (
        path
        for path in files.others(suffixes=(*TABLE_SUFFIXES, ".txt"))
        if not path.lower().endswith(".txt") or _ATTRIBUTES.fullmatch(path.rpartition("/")[2].lower())
    )
    return heapq.nsmallest(_MOST_TABLES, paths, key=lambda path: (path.count("/"), split_of_name(path) is None, path))


def _open(files: Files, path: str, *, wished: bool, has_header: bool | None = None) -> Table | None:
    if files.has(path):
        return open_table(path, lambda: files.read(path), has_header)
    if not wished:
        return None
    # A path from the current folder: a table that lies outside the dataset, or one inside it in another spelling.
    outside = Path(path)
    if not outside.is_file():
        raise DatasetError(
            f"there is no label table {printable(path)}, neither in {printable(files.root)} nor in the current folder."
        )
    try:
        inside = outside.resolve().relative_to(files.root.resolve()).as_posix()
    except ValueError:
        return open_table(outside.name, lambda: read_bytes(outside.parent, Place(outside.name)), has_header)
    return open_table(inside, lambda: read_bytes(files.root, Place(inside)), has_header)


def _source(files: Files, table: Table, wishes: Wishes) -> Source | None:
    """The table with its roles; ``None`` where it says nothing of listed images."""
    # What a competition wants to be given: made-up labels of its test images.
    if wishes.labels is None and "submission" in re.sub("[-_ ]", "", PurePosixPath(table.path.lower()).stem):
        return None
    for name in wishes.columns:
        column_called(table, name)
    rows = sniff(table)
    split = split_of_name(table.path) or split_of_folders(table.path)
    roles, loosely = guess(table, rows, Finder(files, table.folder), wishes, split), None
    if roles is None or not roles.images:
        roles, loosely = guess_loosely(files, table, rows, wishes, split)
    if roles is None or (table.path.lower().endswith(".txt") and wishes.labels is None and roles.kind != "one-hot"):
        return None
    if wishes.split_column is not None:
        _check_splits(table, roles, rows)
    names = described_classes(files, table, roles, rows)
    return Source(table, roles, split if roles.split is None else None, names, loosely=loosely)


def _has_header(files: Files, source: Source, wishes: Wishes) -> bool:
    """Whether the first row of a table names its columns: in one of images called 'Abyssinian_1' it may be a row."""
    table, name = source.table, source.table.columns[source.roles.image]
    suffix = PurePosixPath(table.path.lower()).suffix
    named = bool(wishes.columns)
    if not table.has_header or suffix not in (".csv", ".tsv", ".txt") or named or normalised(name) in IMAGE_NAMES:
        return True
    return not source.finder(files).meant(name)


def _check_splits(table: Table, roles: Roles, rows: Sequence[Row]) -> None:
    """Refuse a wished split column that holds no splits."""
    assert roles.split is not None
    known = SPLIT_NAMES.keys() | {"0", "1", "true", "false"}
    values = {text.lower() for _, cells in rows if (text := text_of(cells[roles.split]))}
    if not values & known:
        shown = ", ".join(printable(value[:20]) for value in sorted(values)[:3]) or "nothing"
        raise DatasetError(
            f"the column {printable(table.columns[roles.split])!r} of {printable(table.path)} names no splits but "
            f"{shown}: expected train, validation and test."
        )


def _merit(source: Source) -> tuple[bool | int, ...]:
    """What makes one table better than another: labels known by name, images, a training table, being whole."""
    roles = source.roles
    boxes = roles.kind == "boxes"
    # Boxes that nobody says the class of tell less than labels, and more than a column that may hold some.
    sure = 1 if _is_without_classes(roles) else 2 * (boxes or roles.by_name)
    return sure, boxes, roles.images, source.split in (None, "train"), source.table.has_header


def _is_without_classes(roles: Roles) -> bool:
    return roles.kind == "boxes" and not roles.labels and not roles.objects


def _with_other_splits(best: Source, candidates: Sequence[Source]) -> list[Source]:
    """``best`` and the tables with the same columns for the other splits."""
    if best.split is None:
        return [best]
    splits: dict[Split, Source] = {best.split: best}
    for one in candidates:
        same = one.roles.task == best.roles.task and _signature(one) == _signature(best)
        if one.split is not None and one.split not in splits and same:
            splits[one.split] = one
    ordered = [splits[split] for split in SPLITS if split in splits]
    # val.csv on its own is no validation split: there would be nothing to train on.
    return ordered if "train" in splits else [_without_split(best)]


def _without_split(source: Source) -> Source:
    return replace(source, split=None)


def _signature(source: Source) -> tuple[str, ...]:
    columns, roles = source.table.columns, source.roles
    used = (roles.image, *roles.labels, *(roles.boxes.columns if roles.boxes else ()))
    return tuple(columns[index].lower() for index in used)


def _splits_are_folders(files: Files, sources: Sequence[Source]) -> bool:
    """Whether folders called train and so on, with images in them, say the split, because nothing else does."""
    if any(source.split or source.roles.split is not None for source in sources):
        return False
    folders = (folder for folder in files.top.below() if folder.images_below)
    return any(
        SPLIT_NAMES.get(folder.name.lower()) == "train" and _has_sibling_split(files, folder.path) for folder in folders
    )


def _has_sibling_split(files: Files, path: str) -> bool:
    parent = files.folder(path.rpartition("/")[0])
    siblings = [one.name.lower() for one in parent.folders if one.images_below] if parent else []
    return len({SPLIT_NAMES[name] for name in siblings if name in SPLIT_NAMES}) > 1


def _class_folder_images(files: Files) -> int:
    found = class_folders.read(files, Wishes())
    return found.images if found else 0


def _rank(best: Source, class_folder_images: int) -> int:
    if not best.table.has_header:
        return 20
    if (best.roles.kind == "boxes" or best.roles.by_name) and not _is_without_classes(best.roles):
        return 70
    # Beside class folders, a column that only looks like labels is more likely something else; so are boxes of what
    # the folders say.
    return 30 if class_folder_images else 60


def _unusable(path: str, table: Table | None) -> str:
    shown = printable(path)
    if table is None:
        return f"{shown} is no table with rows: give a CSV, TSV, JSON-lines or Parquet file with a row an image."
    columns = ", ".join(printable(name) for name in table.columns[:20])
    return (
        f"{shown} has the columns {columns}, and none of them names images of this dataset beside a column of labels: "
        "name them with --image-column and --label-column. A table of groups alone belongs into the dataset's folder."
    )
