"""What was chosen in reading tables of labels, in sentences."""

from collections.abc import Sequence

from cvadvisor.inspect.dataset.layouts.table_samples import Source
from cvadvisor.inspect.printable import printable

_SHOWN_COLUMNS = 4


def table_notes(
    sources: Sequence[Source], others: Sequence[Source], *, from_folders: bool, partition: Source | None
) -> list[str]:
    """What was chosen, a sentence each."""
    main = sources[0]
    roles, shown = main.roles, printable(main.table.path)
    notes = [f"Images are named in {columns_shown(main, (roles.image,))} of {shown}."]
    if main.loosely:
        what = "extension or in capitals" if main.loosely == "case" else "extension"
        notes.append(f"Their names differ from those on disk in {what}: that is overlooked.")
    if roles.kind == "one-hot":
        each = "exactly one in a row" if roles.exclusive else "any number in a row"
        notes.append(f"Classes are the {len(roles.labels):,} columns of 0 and 1 of {shown}, {each}.")
    elif roles.labels:
        also = f" (also possible: {columns_shown(main, roles.also)})" if roles.also else ""
        notes.append(f"Labels are in {columns_shown(main, roles.labels)} of {shown}{also}.")
    if roles.kind == "several":
        how = {None: "a row each", "list": "as a list"}.get(roles.separator, f"separated by {roles.separator!r}")
        notes.append(f"An image may have several labels, {how}.")
    if roles.boxes:
        unit = "shares of the image" if roles.boxes.relative else "pixels"
        form = {"corners": "left, top, right, bottom", "sizes": "left, top, width, height"}
        what = form.get(roles.boxes.form, "centre, width, height")
        guessed = ", by their values" if roles.boxes.guessed else ""
        notes.append(f"Boxes are in {columns_shown(main, roles.boxes.columns)}: {what} in {unit}{guessed}.")
        if not roles.labels:
            notes.append("No column says what the boxes hold: all are of one class.")
    if main.names:
        notes.append("Names of the classes come from a table of descriptions.")
    if roles.split is not None:
        notes.append(f"Splits are in {columns_shown(main, (roles.split,))}.")
    elif any(source.split for source in sources):
        notes.append(
            f"Splits follow from the tables' names: {listing([printable(one.table.path) for one in sources])}."
        )
    elif partition is not None:
        what = columns_shown(partition, (partition.roles.split or 0,))
        codes = [f"{code} is {split}" for code, split in partition.codes.items() if code.isdigit()]
        meaning = f" ({', '.join(codes)})" if codes else ""
        notes.append(
            f"Splits are in {what} of {printable(partition.table.path)}{meaning}; images not in it are for training."
        )
    elif from_folders:
        notes.append("Splits follow from the folders that the images lie in.")
    if roles.group is not None:
        notes.append(f"Groups are in {columns_shown(main, (roles.group,))}.")
    if others:
        named = [printable(one.table.path) for one in others[:_SHOWN_COLUMNS]]
        notes.append(f"Not used, though it names images too: {listing(named)}.")
    return notes


def columns_shown(source: Source, indices: Sequence[int]) -> str:
    """Names of some columns of a table, for a sentence."""
    names = [f"'{printable(source.table.columns[index])}'" for index in indices[:_SHOWN_COLUMNS]]
    more = [f"{len(indices) - _SHOWN_COLUMNS:,} more"] if len(indices) > _SHOWN_COLUMNS else []
    return f"the column{'' if len(indices) == 1 else 's'} {listing(names + more)}"


def listing(items: list[str]) -> str:
    """'a, b and c'."""
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))
