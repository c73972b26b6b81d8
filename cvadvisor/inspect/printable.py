"""File names as text that can be shown: on a terminal, in JSON, in a page."""

import os
import unicodedata
from pathlib import PurePath

# Marks that turn the direction of the text around them: with one, a name can make a line say something else.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSHOWABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def printable(path: str | os.PathLike[str]) -> str:
    r"""``path`` with everything that cannot be shown in one line written as an escape: ``\xff``, ``\n``, ``\u202e``.

    Bytes that are not UTF-8 (Python holds them as lone surrogates) become ``\xff``, so the text can always be encoded.
    A name that needs no escape comes back as it is; one that does no longer names the file on disk.
    """
    text = path if isinstance(path, str) else PurePath(path).as_posix()
    if text.isascii() and text.isprintable():
        return text
    try:
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a surrogate that stands for no byte, as Windows may have
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(_escape(c) if unicodedata.category(c) in _UNSHOWABLE or c in _BIDI else c for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
