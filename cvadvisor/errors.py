"""The one kind of error that a user can do something about."""


class UserError(ValueError):
    """What was found and what to do, in one line. The command line prints it and exits with 2."""
