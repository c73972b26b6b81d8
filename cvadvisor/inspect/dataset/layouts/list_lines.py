"""The lines of text files that list images."""

import re
from collections.abc import Iterator

from cvadvisor.inspect.dataset.files import IMAGE_EXTENSIONS, Files
from cvadvisor.inspect.dataset.layouts.listed_images import encodable
from cvadvisor.inspect.dataset.layouts.reading import Fault
from cvadvisor.inspect.dataset.layouts.table_rows import numbered_lines

Line = tuple[int, str, str | None]
"""Line number, image, and what follows it."""

_LONGEST_LINE = 5_000
_EXTENSIONS = "|".join(re.escape(extension) for extension in sorted(IMAGE_EXTENSIONS))
_WITH_EXTENSION = re.compile(rf"""["']?(?P<name>.+?(?:{_EXTENSIONS}))["']?(?:[\s,;|:]+(?P<label>.*))?""", re.IGNORECASE)
_WITHOUT_EXTENSION = re.compile(r"""["']?(?P<name>[^\s,;|]+)["']?[\s,;|]+(?P<label>[^\s,;|].*)""")


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


def lines_of(files: Files, path: str) -> Iterator[Line | Fault]:
    """The lines that name an image.

    Raises:
        Unreadable: the file cannot be read.
    """
    for line in numbered_lines(path, files.read(path)):
        if isinstance(line, Fault):
            yield line
        elif len(line[1]) > _LONGEST_LINE or "\0" in line[1]:
            yield Fault(path, f"line {line[0]:,} is no line of text that names an image")
        elif parsed := parse_line(line[1]):
            label = (parsed[1] or "").strip()  # there may have been nothing but quotes
            yield line[0], encodable(parsed[0]), encodable(label) if label else None
