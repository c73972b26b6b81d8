"""What standard output can show: its width, colours and characters."""

import os
import shutil
import sys

FEWEST_COLUMNS = 60


def width(most: int, elsewhere: int) -> int:
    """Columns to write, at most ``most``; ``elsewhere`` where standard output is no terminal."""
    if not sys.stdout.isatty():
        return elsewhere
    return max(FEWEST_COLUMNS, min(most, shutil.get_terminal_size((elsewhere, 24)).columns))


def color() -> bool:
    """Whether it takes colours, and the user wants them."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def ascii_only() -> bool:
    """Whether it has no more than ASCII's characters."""
    try:
        "▁█→×…–".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False
