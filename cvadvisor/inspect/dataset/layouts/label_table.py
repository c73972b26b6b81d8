"""Images and a table of their labels: CSV, TSV, JSON lines or Parquet, in one file or one a split."""

import heapq
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts import class_folders
from cvadvisor.inspect.dataset.layouts.class_descriptions import described_classes
from cvadvisor.inspect.dataset.layouts.label_columns import Roles, column_called, guess
from cvadvisor.inspect.dataset.layouts.listed_images import Finder, split_of_folders, text_of
from cvadvisor.inspect.dataset.layouts.reading import SPLIT_NAMES, SPLITS, DatasetError, Reading, Split, Wishes
from cvadvisor.inspect.dataset.layouts.table_rows import TABLE_SUFFIXES, Row, Table, open_table, sniff
from cvadvisor.inspect.dataset.layouts.table_samples import Source, table_samples
from cvadvisor.inspect.dataset.places import Place, Unreadable, read_bytes
from cvadvisor.inspect.printable import printable

# A table an image is no table of labels: of so many tables, those nearest to the top are looked at.
_MOST_TABLES = 40
_SHOWN_COLUMNS = 4


def read(files: Files, wishes: Wishes) -> Reading | None:
    """Read images with a table of labels; ``None`` where no table names listed images and says something of them.

    Raises:
        DatasetError: the table that the user named cannot be read or names no listed image; a column that the user
            named is in no table; or the only table needs a library that is not installed.
    """
    if not files.top.images_below:
        return None
    candidates, problems = _candidates(files, wishes)
    if not candidates:
        if problems:
            raise problems[0]
        return None
    best = max(candidates, key=_merit)
    sources = _with_other_splits(best, candidates)
    others = [one for one in candidates if one not in sources]
    folders = _class_folder_images(files)
    return reading_of(files, sources, others, rank=_rank(best, folders))


def split_of_name(path: str) -> Split | None:
    """The split that a file is called after: 'train' for train.csv, train_labels.csv or labels-train.txt."""
    words = re.split(r"[^a-z]+", PurePosixPath(path.lower()).stem)
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def reading_of(
    files: Files, sources: Sequence[Source], others: Sequence[Source], *, rank: int, layout: str = "label table"
) -> Reading:
    """The reading of these tables, with what was chosen and what else was possible."""
    main = sources[0]
    roles, columns = main.roles, main.table.columns
    from_folders = _splits_are_folders(files, sources)
    images = sum(source.roles.images for source in sources)
    what = f"a label of each in {_columns(main, roles.labels)}" if roles.labels else "their boxes"
    tables = _and([printable(source.table.path) for source in sources])
    return Reading(
        layout=layout,
        task=roles.task,
        why=f"{tables} {'names' if len(sources) == 1 else 'name'} about {images:,} images on disk and {what}",
        images=images,
        samples=lambda: table_samples(files, sources, from_folders=from_folders),
        rank=rank,
        classes=tuple(columns[index] for index in roles.labels) if roles.kind == "one-hot" else (),
        notes=tuple(_notes(sources, others, from_folders)),
    )


def _candidates(files: Files, wishes: Wishes) -> tuple[list[Source], list[DatasetError]]:
    """Tables that say something of listed images, and why others that should do not."""
    candidates: list[Source] = []
    problems: list[DatasetError] = []
    for path in [wishes.labels] if wishes.labels is not None else _tables(files):
        try:
            table = _open(files, path, wished=wishes.labels is not None)
            source = _source(files, table, wishes) if table else None
        except Unreadable as error:
            problems.append(DatasetError(f"{printable(path)} cannot be read: {error}. Mend it, or remove it."))
            continue
        except DatasetError as error:
            problems.append(error)
            continue
        if source is not None:
            candidates.append(source)
        elif wishes.labels is not None:
            raise DatasetError(_unusable(path, table))
    return candidates, problems


def _tables(files: Files) -> list[str]:
    paths = files.others(suffixes=TABLE_SUFFIXES)
    return heapq.nsmallest(_MOST_TABLES, paths, key=lambda path: (path.count("/"), split_of_name(path) is None, path))


def _open(files: Files, path: str, *, wished: bool) -> Table | None:
    if files.has(path):
        return open_table(path, lambda: files.read(path))
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
        return open_table(outside.name, lambda: read_bytes(outside.parent, Place(outside.name)))
    return open_table(inside, lambda: read_bytes(files.root, Place(inside)))


def _source(files: Files, table: Table, wishes: Wishes) -> Source | None:
    """The table with its roles; ``None`` where it says nothing of listed images."""
    if PurePosixPath(table.path.lower()).stem.startswith(("sample_submission", "submission")):
        return None
    named = (wishes.image_column, wishes.label_column, wishes.split_column, wishes.group_column)
    for name in filter(None, named):
        column_called(table, name)
    rows = sniff(table)
    split = split_of_name(table.path) or split_of_folders(table.path)
    roles = guess(table, rows, Finder(files, table.folder), wishes, split)
    if roles is None or not roles.images:
        return None
    if wishes.split_column is not None:
        _check_splits(table, roles, rows)
    names = described_classes(files, table, roles, rows)
    return Source(table, roles, split if roles.split is None else None, names)


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
    written = roles.kind == "boxes" or roles.by_name
    return written, roles.kind == "boxes", roles.images, source.split in (None, "train"), source.table.has_header


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
    return Source(source.table, source.roles, None, source.names)


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
    if best.roles.kind == "boxes" or best.roles.by_name:
        return 70
    # Beside class folders, a column that only looks like labels is more likely something else.
    return 30 if class_folder_images else 60


def _unusable(path: str, table: Table | None) -> str:
    shown = printable(path)
    if table is None:
        return f"{shown} is no table with rows: give a CSV, TSV, JSON-lines or Parquet file with a row an image."
    columns = ", ".join(printable(name) for name in table.columns[:20])
    return (
        f"{shown} has the columns {columns}, and none of them names images of this dataset beside a column of labels: "
        "name them with --image-column and --label-column."
    )


def _notes(sources: Sequence[Source], others: Sequence[Source], from_folders: bool) -> list[str]:
    """What was chosen, a sentence each."""
    main = sources[0]
    roles, shown = main.roles, printable(main.table.path)
    notes = [f"Images are named in {_columns(main, (roles.image,))} of {shown}."]
    if roles.kind == "one-hot":
        each = "exactly one in a row" if roles.exclusive else "any number in a row"
        notes.append(f"Classes are the {len(roles.labels):,} columns of 0 and 1 of {shown}, {each}.")
    elif roles.labels:
        also = f" (also possible: {_columns(main, roles.also)})" if roles.also else ""
        notes.append(f"Labels are in {_columns(main, roles.labels)} of {shown}{also}.")
    if roles.kind == "several":
        how = {None: "a row each", "list": "as a list"}.get(roles.separator, f"separated by {roles.separator!r}")
        notes.append(f"An image may have several labels, {how}.")
    if roles.boxes:
        unit = "shares of the image" if roles.boxes.relative else "pixels"
        form = {"corners": "left, top, right, bottom", "sizes": "left, top, width, height"}
        what = form.get(roles.boxes.form, "centre, width, height")
        guessed = ", by their values" if roles.boxes.guessed else ""
        notes.append(f"Boxes are in {_columns(main, roles.boxes.columns)}: {what} in {unit}{guessed}.")
        if not roles.labels:
            notes.append("No column says what the boxes hold: all are of one class.")
    if main.names:
        notes.append("Names of the classes come from a table of descriptions.")
    if roles.split is not None:
        notes.append(f"Splits are in {_columns(main, (roles.split,))}.")
    elif any(source.split for source in sources):
        notes.append(f"Splits follow from the tables' names: {_and([printable(one.table.path) for one in sources])}.")
    elif from_folders:
        notes.append("Splits follow from the folders that the images lie in.")
    if roles.group is not None:
        notes.append(f"Groups are in {_columns(main, (roles.group,))}.")
    if others:
        named = [printable(one.table.path) for one in others[:_SHOWN_COLUMNS]]
        notes.append(f"Not used, though it names images too: {_and(named)}.")
    return notes


def _columns(source: Source, indices: Sequence[int]) -> str:
    names = [f"'{printable(source.table.columns[index])}'" for index in indices[:_SHOWN_COLUMNS]]
    more = [f"{len(indices) - _SHOWN_COLUMNS:,} more"] if len(indices) > _SHOWN_COLUMNS else []
    return f"the column{'' if len(indices) == 1 else 's'} {_and(names + more)}"


def _and(items: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))
