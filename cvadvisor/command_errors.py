"""How a command ends that cannot go on: one line on standard error, and an exit code."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from cvadvisor.errors import UserError


@contextmanager
def one_line_errors(interrupted: str) -> Iterator[None]:
    """Errors of the user's making become one line and exit code 2; Ctrl-C is the line ``interrupted`` and 130."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"cvadvisor: {interrupted}", file=sys.stderr)
        raise typer.Exit(130) from None
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"cvadvisor: {where}{error.strerror or error}.", file=sys.stderr)
        raise typer.Exit(2) from None
    except UserError as error:
        print(f"cvadvisor: {' '.join(str(error).split())}", file=sys.stderr)
        raise typer.Exit(2) from None
