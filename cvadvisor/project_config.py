"""The project's own configuration: ``[tool.cvadvisor]`` of pyproject.toml, or cvadvisor.toml."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cvadvisor.advise.words import Scalar, nearest
from cvadvisor.diagnosis import Severity
from cvadvisor.errors import UserError
from cvadvisor.inspect.printable import printable
from cvadvisor.rule_settings import RuleSettings

__all__ = ["ProjectConfig", "RuleSettings", "find_config", "read_config"]

FailOn = Literal["error", "warning", "never"]

_SEVERITIES = ("error", "warning", "info")
_FAIL_ON = ("error", "warning", "never")
# A configuration is written by hand; anything larger is another file.
_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class ProjectConfig:
    """What a project's configuration says.

    Attributes:
        rules: which rules, and how.
        fail_on: findings that fail, where the command line does not say.
        baseline: known findings, where the command line does not say.
        columns: what the columns of logs are, by their names.
        file: where it stands; ``None`` where there is none.
    """

    rules: RuleSettings = field(default_factory=RuleSettings)
    fail_on: FailOn | None = None
    baseline: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None


def find_config(folder: Path) -> ProjectConfig:
    """The configuration of ``folder`` or of the nearest folder above it that has one, within its repository.

    Raises:
        UserError: it cannot be read, or says something that is not known; or one folder has two.
    """
    for place in (folder.absolute(), *folder.absolute().parents):
        own, project = place / "cvadvisor.toml", place / "pyproject.toml"
        found = read_config(project) if project.is_file() else None
        if own.is_file():
            if found is not None:
                raise UserError(f"{_shown(own)} and {_shown(project)} both configure cvadvisor: keep one of them.")
            found = read_config(own)
        if found is not None:
            return found
        if (place / ".git").exists():
            break
    return ProjectConfig()


def read_config(file: Path) -> ProjectConfig | None:
    """The configuration in ``file``; ``None`` for a pyproject.toml without ``[tool.cvadvisor]``.

    Raises:
        UserError: it cannot be read, or says something that is not known.
    """
    said = _load(file)
    where = _shown(file)
    if file.name == "pyproject.toml":
        tool = said.get("tool")
        if not isinstance(tool, dict) or "cvadvisor" not in tool:
            return None
        said, where = tool["cvadvisor"], f"{where}: [tool.cvadvisor]"
    table = _table(said, where)
    for key in table:
        if key not in _KEYS:
            known = ", ".join(_KEYS)
            raise UserError(f"{where}: unknown key {key[:80]!r}{nearest(key, _KEYS) or f' (known: {known})'}.")
    values = {key: read(table[key], f"{where}: {key}") for key, read in _KEYS.items() if key in table}
    baseline = values.get("baseline")
    return ProjectConfig(
        rules=RuleSettings(
            folders=tuple(file.absolute().parent / folder for folder in values.get("rules", ())),
            select=values.get("select", ()),
            ignore=values.get("ignore", {}),
            per_path_ignores=values.get("per-path-ignores", {}),
            severities=values.get("severities", {}),
            params=values.get("params", {}),
            root=file.absolute().parent,
        ),
        fail_on=values.get("fail-on"),
        baseline=file.parent / baseline if baseline else None,
        columns=values.get("map", {}),
        file=file,
    )


def _load(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UserError(f"{_shown(file)} has over {_MOST_BYTES // 1_000_000} MB: that is no configuration.")
        return tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise UserError(f"{_shown(file)} cannot be read: {error.strerror}.") from error
    except RecursionError as error:
        raise UserError(f"{_shown(file)} nests too deeply.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{_shown(file)} is not UTF-8: byte {error.start}.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{_shown(file)} is not TOML: {printable(str(error))}.") from error


def _shown(file: Path) -> str:
    here = Path.cwd()
    return printable(file.relative_to(here) if file.is_relative_to(here) else file)


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected a table, found {_brief(value)}.")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where}: expected a text, found {_brief(value)}.")
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise UserError(f"{where}: expected a list of texts, found {_brief(value)}.")
    return tuple(_text(item, where).strip() for item in value)


def _choice(value: Any, where: str, choices: tuple[str, ...]) -> Any:
    if value not in choices:
        near = nearest(value, choices) if isinstance(value, str) else ""
        raise UserError(f"{where}: expected {', '.join(choices)}; found {_brief(value)}{near}.")
    return value


def _reasons(value: Any, where: str) -> dict[str, str]:
    """Rules and why each is ignored: an ignore that nobody can explain hides the next real finding."""
    if not isinstance(value, dict):
        raise UserError(f'{where}: each rule needs a reason: write {where.rpartition(": ")[2]} = {{ RULE = "why" }}.')
    for rule, reason in value.items():
        if not isinstance(reason, str) or not reason.strip():
            raise UserError(f'{where}: {rule[:80]} needs a reason: {rule[:80]} = "why it does not matter here".')
    return value


def _per_path(value: Any, where: str) -> dict[str, dict[str, str]]:
    return {glob: _reasons(rules, f"{where}: {glob}") for glob, rules in _table(value, where).items()}


def _severities(value: Any, where: str) -> dict[str, Severity]:
    return {rule: _choice(said, f"{where}: {rule}", _SEVERITIES) for rule, said in _table(value, where).items()}


def _params(value: Any, where: str) -> dict[str, dict[str, Scalar]]:
    made = {rule: _table(said, f"{where}: {rule}") for rule, said in _table(value, where).items()}
    for rule, params in made.items():
        for name, said in params.items():
            finite = not isinstance(said, float) or abs(said) < float("inf")
            if not isinstance(said, bool | int | float | str) or not finite:
                raise UserError(f"{where}: {rule}: {name}: expected a number, found {_brief(said)}.")
    return made


def _columns(value: Any, where: str) -> dict[str, str]:
    return {column: _text(said, f"{where}: {column}") for column, said in _table(value, where).items()}


def _brief(value: Any) -> str:
    text = repr(value)
    return printable(text if len(text) <= 80 else f"{text[:79]}…")


_KEYS: dict[str, Callable[[Any, str], Any]] = {
    "rules": _texts,
    "select": _texts,
    "ignore": _reasons,
    "per-path-ignores": _per_path,
    "severities": _severities,
    "params": _params,
    "fail-on": lambda value, where: _choice(value, where, _FAIL_ON),
    "baseline": _text,
    "map": _columns,
}
