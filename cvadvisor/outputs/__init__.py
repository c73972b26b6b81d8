"""Render a diagnosis, one file a format. Every output is a pure function of the diagnosis."""

from pathlib import Path

from cvadvisor.diagnosis import Diagnosis, to_json
from cvadvisor.errors import UserError


def render(diagnosis: Diagnosis, format: str) -> str:
    """The diagnosis as 'html', 'text', 'json' or 'script'.

    Raises:
        UserError: a script was asked for, and the audit had no model to make a recipe for.
    """
    from cvadvisor.outputs import html, script, text

    if format == "json":
        return to_json(diagnosis)
    if format == "html":
        return html.render(diagnosis)
    if format == "text":
        return text.render(diagnosis)
    if diagnosis.advice is None:
        raise UserError("This audit has no recipe, so there is no script: audit with a model and without --no-probes.")
    return script.render(diagnosis)


def write_file(path: Path, text: str, *, force: bool) -> None:
    """Write ``text`` to ``path``; an existing file is replaced only with ``force``.

    Raises:
        UserError: it exists, or cannot be written.
    """
    if path.exists() and not force:
        raise UserError(f"{path} exists: name another --output, or add --force.")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
