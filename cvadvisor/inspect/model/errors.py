"""What can be wrong with a model, in a line for the user."""

from cvadvisor.errors import UserError
from cvadvisor.inspect.printable import printable


class ModelError(UserError):
    """A model or weights file that cannot be used; the message is one line for the user."""


class WeightsUnavailable(Exception):
    """Pretrained weights that were asked for and cannot be had here; the message says why."""


def first_line(error: BaseException) -> str:
    """What ``error`` says, in a line that can be shown: a user's own code may raise it with anything."""
    text = str(error).strip()
    return printable(text.splitlines()[0][:200]) if text else type(error).__name__
