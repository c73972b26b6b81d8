"""Where the files that ship beside the code are: ``rules`` and ``reports/templates``."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """Folder ``name`` as the wheel installs it, or as it lies at the top of a checkout."""
    installed = _PACKAGE / "_shipped" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
