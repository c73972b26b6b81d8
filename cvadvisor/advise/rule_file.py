"""What a file of rules holds: its models, and reading it with the line of everything in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cvadvisor.advise.recipe import Stage
from cvadvisor.advise.words import Scalar, nearest
from cvadvisor.diagnosis import Severity, Source
from cvadvisor.errors import UserError

Strength = Literal["measured", "paper", "practice"]
Task = Literal["classification", "multi-label classification", "detection", "segmentation"]
Operation = Literal["set", "scale", "at_most", "at_least"]
OPERATIONS: tuple[Operation, ...] = ("set", "scale", "at_most", "at_least")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Model = TypeVar("_Model", bound=BaseModel)
Words = Annotated[str, Field(min_length=1)]
GuidanceRow = Annotated[str, Field(pattern=r"^G(0[1-9]|[1-3]\d|4[0-4])$")]
"""The id of a row of ``guidance.yaml``: G01 to G44."""


class RuleError(UserError):
    """A rule that cannot be used: the message is one line that names the file, the line, the rule and what to do."""


class Strict(BaseModel):
    """A part of a file of rules: frozen, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Advice(Strict):
    """What a rule does to one field of the recipe: exactly one of ``set``, ``scale``, ``at_most``, ``at_least``.

    A value that starts with ``=`` is an expression. ``stage`` says whether what is set is a rule of thumb ('prior') or
    replaces one ('measured', 'tried'); ``even_if_measured`` scales a measured value too, where the measurement did not
    include what the rule found, and ``even_if_tried`` one that runs of the recipe itself showed as well; ``reason``
    stands for the rule's message in the recipe's history.
    """

    field: str
    set: Scalar | None = None
    scale: Scalar | None = None
    at_most: Scalar | None = None
    at_least: Scalar | None = None
    stage: Literal["prior", "measured", "tried"] | None = None
    even_if_measured: bool = False
    even_if_tried: bool = False
    reason: Words | None = None

    @property
    def operation(self) -> Operation:
        """Which of the four it is."""
        return next(name for name in OPERATIONS if getattr(self, name) is not None)

    @property
    def value(self) -> Scalar:
        """Its literal value, or its expression with the ``=``."""
        value: Scalar = getattr(self, self.operation)
        return value

    @property
    def acts_in(self) -> Stage:
        """The stage of the recipe's making in which it acts."""
        if self.operation == "set":
            return self.stage or "prior"
        return "adjusted" if self.operation == "scale" else "bounded"


class CauseText(Strict):
    """What may be behind a finding, and what that would look like."""

    cause: Words
    looks_like: Words


class Rule(Strict):
    """One rule, as its YAML says it. Its sources are resolved; ``file`` and ``line`` say where it stands.

    ``tasks`` are those that it applies to, where it does not apply to all. ``explains`` names rules whose findings
    follow from this one's, ``causes`` are listed the likeliest first, and ``at`` is the fact that says at which epoch.
    """

    code: Annotated[str, Field(pattern=r"^[A-Z]{3}\d{3}$")]
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    severity: Severity
    priority: Annotated[int, Field(ge=0, le=100, strict=True)] = 50
    when: Words
    params: dict[str, Scalar] = {}
    message: Words
    why: Words
    advice: tuple[Advice, ...] = ()
    fix: Words
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    strength: Strength
    guidance: tuple[GuidanceRow, ...] = ()
    fires_on: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]
    silent_on: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]
    show: str | None = None
    causes: tuple[CauseText, ...] = ()
    explains: tuple[str, ...] = ()
    at: str | None = None
    tasks: tuple[Task, ...] = ()
    file: str = ""
    line: int = 0


class Default(Strict):
    """What a field of the recipe is before any rule acts. An expression needs a ``fallback`` for unknown facts."""

    field: str
    value: Scalar
    fallback: Scalar | None = None
    reason: Words
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    guidance: tuple[GuidanceRow, ...] = ()
    file: str = ""
    line: int = 0


class SourceEntry(Strict):
    """A source, listed once in ``sources.yaml``."""

    title: Words
    authors: Words | None = None
    year: Annotated[int, Field(strict=True)] | None = None
    url: str | None = None

    @property
    def full_title(self) -> str:
        """The title, and who wrote it when."""
        origin = ", ".join(str(part) for part in (self.authors, self.year) if part)
        return f"{self.title} ({origin})" if origin else self.title


class Entry:
    """One item of a rules file: its plain value, and where its parts stand."""

    def __init__(self, file: Path, node: yaml.Node, value: Any) -> None:
        self.file, self.node, self.value = file, node, value

    @property
    def line(self) -> int:
        """The line it starts on, counted from 1."""
        return int(self.node.start_mark.line) + 1

    def line_of(self, *path: str | int) -> int:
        """The line of the part at ``path``, or of the nearest part above it that exists."""
        node, line = self.node, self.line
        for step in path:
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == step), None)
                if pair is None:
                    return line
                line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
            else:
                return line
        return line

    def error(self, problem: str, *path: str | int) -> RuleError:
        """A :class:`RuleError` that names this entry, and the line of ``path`` in it."""
        where = ".".join(str(step) for step in path)
        return RuleError(f"{self.file}:{self.line_of(*path)}: {self._name()}{where + ': ' if where else ''}{problem}.")

    def _name(self) -> str:
        if not isinstance(self.value, dict):
            return ""
        names = [str(self.value[key]) for key in ("code", "name", "id") if key in self.value] or [
            f"default of {self.value[key]}" for key in ("field",) if key in self.value
        ]
        return f"{' '.join(names)}: " if names else ""


def read_list(file: Path) -> list[Entry]:
    """The entries of a YAML file that holds a list.

    Raises:
        RuleError: it cannot be read, is not YAML, is no list, or says one key twice.
    """
    node, value = _read(file)
    if node is None:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise RuleError(f"{file}:1: a file of rules is a list: every rule starts with '- code: …'.")
    return [Entry(file, child, item) for child, item in zip(node.value, value, strict=True)]


def read_sources(file: Path) -> dict[str, SourceEntry]:
    """The sources of a ``sources.yaml``, by their ids.

    Raises:
        RuleError: as :func:`read_list`, or a source lacks something.
    """
    node, value = _read(file)
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise RuleError(f"{file}:1: the sources are a mapping from their ids.")
    pairs = zip(node.value, value.values(), strict=True)
    entries = {str(key.value): Entry(file, child, item) for (key, child), item in pairs}
    return {name: build(SourceEntry, entry, entry.value) for name, entry in entries.items()}


def check_source(entry: Entry, known: Mapping[str, SourceEntry], index: int, name: str) -> SourceEntry:
    """The source called ``name``, which the entry's ``sources`` give at ``index``.

    Raises:
        RuleError: there is none of that name.
    """
    if name not in known:
        problem = f"unknown source {name!r}{nearest(name, known)}; sources.yaml lists them"
        raise entry.error(problem, "sources", index)
    return known[name]


def resolve_sources(entry: Entry, known: Mapping[str, SourceEntry]) -> list[Source]:
    """The ``sources`` of an entry, ``{id, note}`` each, with the titles and links of ``known``.

    Raises:
        RuleError: an id is unknown, or a source is not of that form.
    """
    made = []
    listed = entry.value.get("sources")
    if not isinstance(listed, list):
        raise entry.error("'sources' is a list of {id, note}", "sources")
    for index, item in enumerate(listed):
        if not isinstance(item, dict) or {key: type(text) for key, text in item.items()} != {"id": str, "note": str}:
            raise entry.error("a source is {id: …, note: …}: what it says about this, in your words", "sources", index)
        source = check_source(entry, known, index, item["id"])
        made.append(Source(id=item["id"], title=source.full_title, note=item["note"], url=source.url))
    return made


def build(model: type[_Model], entry: Entry, values: Any) -> _Model:
    """``values`` as ``model``.

    Raises:
        RuleError: something is missing, unknown or of the wrong type.
    """
    if not isinstance(values, dict):
        raise entry.error(f"expected a mapping, found {values!r}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        path = tuple(step for step in first["loc"] if step in ("advice", "params") or _is_part(entry, step))
        raise entry.error(_problem(model, first), *path) from None


def _is_part(entry: Entry, step: Any) -> bool:
    """Whether a step of pydantic's location is a key or an index of the file, and not a branch of a union."""
    return isinstance(step, int) or (isinstance(step, str) and step not in ("bool", "int", "float", "str"))


def _problem(model: type[BaseModel], error: Any) -> str:
    kind, found, key = error["type"], error["input"], error["loc"][-1]
    if kind == "extra_forbidden":
        fields = (Advice if error["loc"][0] == "advice" else model).model_fields
        known = [name for name in fields if name not in ("file", "line")]
        return f"unknown key {key!r}{nearest(str(key), known)}"
    if kind == "missing":
        return f"{key!r} is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{message[0].lower()}{message[1:]}, found {found!r}"


def _read(file: Path) -> tuple[yaml.Node | None, Any]:
    try:
        loader = _Loader(file.read_text(encoding="utf-8"))
        try:
            node = loader.get_single_node()
            if node is None:
                return None, None
            _refuse_repeated_keys(file, node)
            return node, loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError as error:
        raise RuleError(f"{file}: it nests too deeply.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise RuleError(f"{where}: this is not YAML: {getattr(error, 'problem', None) or error}.") from error


def _refuse_repeated_keys(file: Path, node: yaml.Node) -> None:
    """YAML keeps the last of two equal keys without a word; a rule would silently lose one of its parts."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, child in node.value:
            if key.value in seen:
                raise RuleError(f"{file}:{key.start_mark.line + 1}: the key {key.value!r} is there twice.")
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
            _refuse_repeated_keys(file, child)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_repeated_keys(file, child)
