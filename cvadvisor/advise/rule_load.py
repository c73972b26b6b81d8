"""Load rules and defaults: make each of its entry in a file, check all that needs no parsing of expressions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cvadvisor.advise.expression import is_expression, names_in
from cvadvisor.advise.fields import INPUTS, check_field, field_kind, field_types, fit, is_number_text
from cvadvisor.advise.message import check_message
from cvadvisor.advise.rule_file import (
    OPERATIONS,
    Advice,
    Default,
    Entry,
    Rule,
    RuleError,
    SourceEntry,
    build,
    read_list,
    read_sources,
    resolve_sources,
)
from cvadvisor.advise.words import PARAM, SPOKEN, Word, fact_words, kind_of, nearest, param_words
from cvadvisor.shipped import shipped

_SOURCES, _DEFAULTS = "sources.yaml", "defaults.yaml"
_SHIPPED_ONLY = {
    _DEFAULTS: "defaults are shipped; write a rule that sets the field instead",
    "definitions.yaml": "definitions are shipped; write a rule on the counts instead",
    "guidance.yaml": "the guidance is shipped; name its rows in your rules instead",
}
"""Files beside the rules that a folder of the user's own may not hold, and what to do instead."""


def load_rules(extra_dirs: Sequence[Path] = ()) -> tuple[Rule, ...]:
    """The shipped rules and those of ``extra_dirs``, sorted by code.

    Raises:
        RuleError: a rule is not valid, names what does not exist, or has another's code or name.
    """
    return _checked(_entries([shipped("rules"), *extra_dirs]))


def load_log_rules() -> tuple[Rule, ...]:
    """The shipped rules on training logs alone, those of ``run*.yaml``, sorted by code.

    Raises:
        RuleError: as :func:`load_rules`; and a rule explains one on something else.
    """
    return _checked(_entries([shipped("rules")], "run*.yaml"))


def _checked(entries: Iterable[tuple[Entry, Mapping[str, SourceEntry]]]) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    owners: dict[str, Rule] = {}
    for entry, sources in entries:
        rule = check_rule(entry, sources)
        for key, value in (("code", rule.code), ("name", rule.name)):
            if value in owners:
                other = owners[value]
                raise entry.error(f"the {key} {value!r} is taken by {other.code} in {other.file}:{other.line}", key)
            owners[value] = rule
        rules.append(rule)
    for rule in rules:
        for name in rule.explains:
            if name not in owners or name == rule.name:
                raise RuleError(
                    f"{rule.file}:{rule.line}: {rule.code} {rule.name}: explains {name!r}, which is no other rule"
                    f"{nearest(name, owners)}."
                )
    return tuple(sorted(rules, key=lambda rule: rule.code))


def load_defaults() -> tuple[Default, ...]:
    """The recipe's defaults, one for each field that the user does not choose, in the recipe's order.

    Raises:
        RuleError: a default is not valid, or a field has none or two.
    """
    file = shipped("rules") / _DEFAULTS
    sources = read_sources(file.with_name(_SOURCES))
    made: dict[str, Default] = {}
    for entry in read_list(file):
        default = check_default(entry, sources)
        if default.field in made:
            raise entry.error("the field has two defaults", "field")
        made[default.field] = default
    order = [field for field in field_types() if field not in INPUTS]
    if missing := [field for field in order if field not in made]:
        raise RuleError(f"{file}:1: there is no default for {', '.join(missing)}.")
    return tuple(made[field] for field in order)


def facts_among(names: tuple[str, ...]) -> tuple[str, ...]:
    """The facts among the names that an expression or a message reads: all but the thresholds."""
    return tuple(name for name in names if not name.startswith(f"{PARAM}."))


def words_of(rule: Rule) -> dict[str, Word]:
    """Everything that a rule's expressions and messages may name."""
    return {**fact_words(), **param_words(rule.params)}


def check_rule(entry: Entry, sources: Mapping[str, SourceEntry]) -> Rule:
    """The rule of an entry.

    Raises:
        RuleError: it is not valid, or names what does not exist.
    """
    rule = build(Rule, entry, _values(entry, sources, "a rule", "code"))
    _check_params(entry, rule)
    words = words_of(rule)
    with _at(entry, "when"):
        if not facts_among(names_in(rule.when, words)):
            raise ValueError("it reads no fact, and so would always say the same")
    with _at(entry, "message"):
        check_message(rule.message, words)
    with _at(entry, "why"):
        if "{" in rule.why:
            raise ValueError("it holds for every dataset and names no value: put {…} into the message")
    with _at(entry, "fix"):
        check_message(rule.fix, words)
    with _at(entry, "at"):
        if rule.at is not None and (rule.at not in words or words[rule.at].kind != "number"):
            raise ValueError(f"{rule.at!r} is no fact that is a number")
    for index, advice in enumerate(rule.advice):
        with _at(entry, "advice", index):
            _check_advice(advice, rule.advice[:index], words)
    for key in ("fires_on", "silent_on"):
        for index, example in enumerate(getattr(rule, key)):
            with _at(entry, key, index):
                _check_example(example)
    with _at(entry, "show"):
        _check_show(rule.show)
    return rule


def check_default(entry: Entry, sources: Mapping[str, SourceEntry]) -> Default:
    """The default of an entry.

    Raises:
        RuleError: it is not valid, or names what does not exist.
    """
    default = build(Default, entry, _values(entry, sources, "a default", "field"))
    with _at(entry, "field"):
        check_field(default.field)
    with _at(entry, "value"):
        _check_value(default.field, default.value, fact_words())
        if is_expression(default.value) != (default.fallback is not None):
            raise ValueError("an expression, and nothing else, has a 'fallback' for when its facts are not known")
        if default.fallback is not None:
            fit(default.field, default.fallback)
    return default


def _entries(folders: Sequence[Path], pattern: str = "*.yaml") -> Iterator[tuple[Entry, Mapping[str, SourceEntry]]]:
    """Every entry of the rules files, and the sources that it may name: the shipped ones and its own folder's."""
    known: dict[str, SourceEntry] = {}
    for index, folder in enumerate(folders):
        files = {file.name: file for file in sorted(folder.glob("*.yaml"))}
        if not folder.is_dir():
            raise RuleError(f"{folder} holds no rules: there is no such folder.")
        for name, instead in _SHIPPED_ONLY.items():
            if files.pop(name, None) and index:
                raise RuleError(f"{folder / name}: {instead}.")
        own = read_sources(files.pop(_SOURCES)) if _SOURCES in files else {}
        if again := sorted(own.keys() & known.keys()):
            raise RuleError(f"{folder / _SOURCES}: the source {again[0]!r} is shipped already: use another id.")
        known = {**known, **own}
        if not files:
            raise RuleError(f"{folder} holds no rules: no *.yaml was found in it.")
        for file in (file for file in files.values() if file.match(pattern)):
            yield from ((entry, known) for entry in read_list(file))


@contextmanager
def _at(entry: Entry, *path: str | int) -> Iterator[None]:
    """Turn a ValueError into a RuleError that names the part of the entry."""
    try:
        yield
    except RuleError:
        raise
    except ValueError as error:
        raise entry.error(str(error), *path) from None


def _values(entry: Entry, sources: Mapping[str, SourceEntry], what: str, first: str) -> dict[str, Any]:
    if not isinstance(entry.value, dict):
        raise entry.error(f"{what} is a mapping that starts with '- {first}: …'")
    for key in ("file", "line"):
        if key in entry.value:
            raise entry.error(f"unknown key {key!r}", key)
    values = {**entry.value, "file": str(entry.file), "line": entry.line}
    if "sources" in values:
        values["sources"] = resolve_sources(entry, sources)
    return values


def _check_params(entry: Entry, rule: Rule) -> None:
    for name, value in rule.params.items():
        with _at(entry, "params", name):
            if not name.isidentifier() or not name.islower():
                raise ValueError("a param's name is made of lower-case letters, digits and '_'")
            if is_number_text(value):
                raise ValueError(f"YAML reads {value} as a text: write {float(value):.1e}")


def _check_advice(advice: Advice, earlier: tuple[Advice, ...], words: Mapping[str, Word]) -> None:
    given = [name for name in OPERATIONS if getattr(advice, name) is not None]
    if len(given) != 1:
        raise ValueError(f"an advice has exactly one of {', '.join(OPERATIONS)}; found {', '.join(given) or 'none'}")
    check_field(advice.field)
    if any(_place(other) == _place(advice) for other in earlier):
        raise ValueError(f"{advice.field} is advised twice")
    if advice.reason is not None:
        check_message(advice.reason, words)
    if given[0] != "set":
        if advice.stage is not None:
            raise ValueError("only 'set' has a stage: 'scale' always adjusts, 'at_most' and 'at_least' always bound")
        if field_kind(advice.field) != "number":
            raise ValueError(f"{advice.field} is no number, so it can only be set")
    for even in ("even_if_measured", "even_if_tried"):
        if getattr(advice, even) and given[0] != "scale":
            raise ValueError(f"only 'scale' takes '{even}': 'set' replaces, and bounds hold for what was measured")
    if given[0] == "scale":
        if is_expression(advice.value):
            names_in(str(advice.value)[1:], words)
        elif kind_of(advice.value) != "number" or float(advice.value) <= 0:
            raise ValueError(f"a scale is a number above zero, not {advice.value!r}")
        return
    _check_value(advice.field, advice.value, words)


def _place(advice: Advice) -> tuple[str, ...]:
    return (advice.field, advice.acts_in, advice.operation)


def _check_value(field: str, value: Any, words: Mapping[str, Word]) -> None:
    if is_expression(value):
        names_in(value[1:], words)
    else:
        fit(field, value)


def _check_example(example: Mapping[str, Any]) -> None:
    if not example:
        raise ValueError("an example names at least one fact")
    for path, value in example.items():
        word = fact_words().get(path)
        if word is None:
            raise ValueError(f"unknown fact {path!r}{nearest(str(path), fact_words())}")
        found = kind_of(value)
        if found != word.kind:
            hint = f"; write {float(value):.1e}" if word.kind == "number" and is_number_text(value) else ""
            raise ValueError(f"{path} is {SPOKEN[word.kind]}, not {value!r}{hint}")
        if word.whole and value != int(value):
            raise ValueError(f"{path} is a whole number, not {value!r}")


def _check_show(path: str | None) -> None:
    if path is None:
        return
    lists = [word.path for word in fact_words().values() if word.kind == "list"]
    if path not in lists:
        raise ValueError(f"{path!r} is no list of facts{nearest(path, lists)}")
