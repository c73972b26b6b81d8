"""The training script: ``train.py``, one flat file that realises the recipe and names the reason for each number.

What a diagnosis says is hostile until proven otherwise: class and folder names come from the disk, reasons may quote
them. So nothing reaches the script but through :func:`_literal` or :func:`_comment`, and the template refuses the rest.
"""

import dataclasses
import re
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cvadvisor.advise.recipe import History
from cvadvisor.diagnosis import Diagnosis
from cvadvisor.shipped import shipped

_WIDTH = 120
"""Columns of a line, as the script's formatter has it."""
_NARROWEST = 20
"""Columns that a comment needs to say anything."""
_SENTENCE_END = re.compile(r"[.!?](?= [A-Z0-9])")


def render(diagnosis: Diagnosis) -> str:
    """The text of ``train.py``; it is to lie beside ``audit.json`` and ``samples.csv``, as its paths are relative.

    Raises:
        ValueError: the diagnosis holds too little for a script: no recipe, dataset or model, or no weights file for a
            recipe that starts from one.
    """
    facts, inputs = diagnosis.facts, diagnosis.inputs
    if diagnosis.advice is None:
        raise ValueError("The diagnosis has no recipe, so there is no script to write.")
    if facts.dataset is None or facts.model is None:
        raise ValueError("The diagnosis knows no dataset or no model, so there is no script to write.")
    recipe = diagnosis.advice.recipe
    if recipe.weights == "file" and inputs.weights_file is None:
        raise ValueError("The recipe starts from a weights file, but the diagnosis names none.")
    history = {entry.field: entry for entry in diagnosis.advice.history}
    fields = [field.name for field in dataclasses.fields(recipe)]
    constants = {field: _constant(field, getattr(recipe, field), history.get(field)) for field in fields}
    environment = Environment(
        loader=FileSystemLoader(shipped("reports/templates"), encoding="utf-8"),
        undefined=StrictUndefined,
        finalize=_only_source,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["literal"] = _literal
    origin = f"Made by cvadvisor {diagnosis.tool_version} for {inputs.data_name}; audit.json has every reason in full."
    library, file = _library(recipe.model, inputs.model)
    return environment.get_template("train.py.j2").render(
        origin=_comment(origin, _WIDTH),
        constant=constants.__getitem__,
        data=inputs.data,
        weights_file=inputs.weights_file or "",
        library=library,
        model_file=file,
        mean=facts.model.mean,
        std=facts.model.std,
    )


def _library(name: str, asked: str) -> tuple[str, str]:
    """Where the model ``name`` comes from, 'timm', 'torchvision' or 'own', and the user's file that ``asked`` names."""
    own = re.fullmatch(r"(.+\.py):[A-Za-z_]\w*", asked)
    if own and re.fullmatch(r".+\.py:[A-Za-z_]\w*", name):
        return "own", own[1]
    return "torchvision" if name.startswith("torchvision:") else "timm", ""


class _Source(str):
    """Text that is safe as Python source."""


def _only_source(value: Any) -> Any:
    """Let nothing into the script that was not made for it.

    Raises:
        TypeError: the template prints a value without a filter.
    """
    if not isinstance(value, _Source):
        raise TypeError(f"The template prints {value!r} as it is.")
    return value


def _literal(value: Any) -> _Source:
    """``value`` (a string, number, truth value, ``None`` or tuple of them) as a Python literal, in ruff's format.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, tuple):
        return _Source(f"({', '.join(_literal(item) for item in value)}{',' if len(value) == 1 else ''})")
    if not isinstance(value, str):
        if not (value is None or isinstance(value, bool | int | float)):
            raise TypeError(f"{type(value).__name__} cannot be written as a literal.")
        return _Source(repr(value))
    quote = '"' if value.count('"') <= value.count("'") else "'"
    escaped = [letter if letter in "\"'" else repr(letter)[1:-1] for letter in value]
    return _Source(quote + "".join(f"\\{quote}" if letter == quote else letter for letter in escaped) + quote)


def _comment(text: str, width: int, tail: str = "") -> _Source:
    """``text`` and then ``tail`` as a comment of one line, at most ``width`` columns: ``text`` is shortened first."""
    tail = _shortened(tail, width // 2)
    return _Source(f"# {_shortened(text, width - len('#  ') - len(tail))} {tail}".rstrip())


def _shortened(text: str, room: int) -> str:
    """``text`` on one line of ``room`` characters that can all be seen: whole sentences, or the start of one."""
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    if len(line) <= room:
        return line
    ends = [match.end() for match in _SENTENCE_END.finditer(line) if match.end() <= room]
    return line[: ends[-1]] if ends else line[: room - 1].rstrip() + "…"


def _constant(field: str, value: Any, history: History | None) -> _Source:
    """The recipe's ``field`` as a constant with its reason: after it where there is room, else on the line before."""
    code = f"{field.upper()} = {_literal(value)}"
    if history is None:
        return _Source(code)
    rule = next((step.rule for step in reversed(history.steps) if step.applied), None)
    tail = f"({rule})" if rule else ""
    after = _comment(history.reason, max(_NARROWEST, _WIDTH - len(code) - len("  ")), tail)
    if len(code) + len("  ") + len(after) <= _WIDTH and "…" not in after:
        return _Source(f"{code}  {after}")
    return _Source(f"{_comment(history.reason, _WIDTH, tail)}\n{code}")
