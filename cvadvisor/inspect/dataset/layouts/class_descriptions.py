"""Names of classes that a table's codes stand for: a second table of code and name, as Open Images has it."""

from collections.abc import Mapping, Sequence
from itertools import islice

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts.label_columns import Roles
from cvadvisor.inspect.dataset.layouts.label_values import labels_in
from cvadvisor.inspect.dataset.layouts.listed_images import text_of
from cvadvisor.inspect.dataset.layouts.reading import Fault
from cvadvisor.inspect.dataset.layouts.table_rows import Row, Table, open_table
from cvadvisor.inspect.dataset.places import Unreadable

_MOST_CLASSES = 50_000
_MOST_FILES = 10
_WORDS = ("class-descriptions", "class_descriptions", "class-names", "class_names", "classes", "label_map", "labelmap")


def described_classes(files: Files, table: Table, roles: Roles, rows: Sequence[Row]) -> Mapping[str, str]:
    """The name of each code in the label column of ``table``; empty where no table beside it names most of them."""
    if not roles.labels or roles.kind == "one-hot":
        return {}
    codes = {label for _, cells in rows for label in labels_in(cells[roles.labels[0]], roles.separator)}
    named = (path for path in files.others(table.folder, suffixes=(".csv",), below=False) if path != table.path)
    for path in islice((path for path in named if any(word in path.lower() for word in _WORDS)), _MOST_FILES):
        try:
            descriptions = open_table(path, lambda path=path: files.read(path))  # type: ignore[misc]
        except Unreadable:
            continue
        if descriptions is None or len(descriptions.columns) < 2:
            continue
        names: dict[str, str] = {}
        first = descriptions.columns[:2]
        # Open Images' older tables have no header: then the first row, too, is a class.
        pairs = [list(first)] if first[0] in codes or first[0].startswith("/m/") else []
        pairs += [row[1] for row in islice(descriptions.rows(), _MOST_CLASSES) if not isinstance(row, Fault)]
        for code, name in ((text_of(cells[0]), text_of(cells[1])) for cells in pairs):
            if code and name:
                names.setdefault(code, name)
        if codes and sum(code in names for code in codes) > len(codes) / 2:
            return names
    return {}
