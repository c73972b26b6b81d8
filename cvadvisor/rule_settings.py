"""What a user wants of the rules: which of them, how severe, with which thresholds, and what is ignored and why."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from cvadvisor.advise.rule_file import Rule
from cvadvisor.advise.words import Scalar, nearest
from cvadvisor.diagnosis import Severity
from cvadvisor.errors import UserError

_T = TypeVar("_T")
_CODE = re.compile(r"[A-Z]{1,3}\d{0,3}")
COMMAND_LINE = "ignored on the command line"
"""The reason of an ignore that needs none."""
NOT_SELECTED = "it is not among the rules that are selected"
"""The reason for a rule that a selection leaves out."""


@dataclass(frozen=True)
class RuleSettings:
    """Rules are given by code ('RUN004'), by the beginning of codes ('RUN') or by name ('loss-spikes').

    Attributes:
        folders: folders with rules of the user's own, which stand beside the shipped ones.
        select: rules to judge by; all where empty.
        ignore: rules whose findings are left out, each with the reason.
        per_path_ignores: the same for the logs and datasets that a glob names; globs are relative to ``root``.
        severities: severities in place of the rules' own.
        params: thresholds in place of the rules' own.
        root: the folder of the configuration.
    """

    folders: tuple[Path, ...] = ()
    select: tuple[str, ...] = ()
    ignore: Mapping[str, str] = field(default_factory=dict)
    per_path_ignores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    severities: Mapping[str, Severity] = field(default_factory=dict)
    params: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    root: Path = Path()

    def is_selected(self, code: str, name: str) -> bool:
        """Whether the rule is to be judged."""
        return not self.select or any(_specificity(wanted, code, name) for wanted in self.select)

    def ignored(self, code: str, name: str, *paths: str | Path) -> str | None:
        """Why a finding of the rule on what is at ``paths`` is left out; ``None`` where it is not."""
        reason = _closest(self.ignore, code, name)
        if reason is not None:
            return reason
        for pattern, ignores in self.per_path_ignores.items():
            reason = _closest(ignores, code, name)
            if reason is not None and any(lies_under(path, pattern, self.root) for path in paths):
                return reason
        return None

    def left_out(self, rule: Rule, *paths: str | Path) -> str | None:
        """Why the rule is not to judge what is at ``paths``; ``None`` where it is to."""
        if not self.is_selected(rule.code, rule.name):
            return NOT_SELECTED
        return self.ignored(rule.code, rule.name, *paths)

    def adjusted(self, rule: Rule) -> Rule:
        """``rule`` with the severity and the thresholds that are wanted of it."""
        severity = self.severity(rule.code, rule.name, rule.severity)
        given = self.params_of(rule.code, rule.name)
        params = {name: given.get(name, own) for name, own in rule.params.items()}
        return rule.model_copy(update={"severity": severity, "params": params})

    def severity(self, code: str, name: str, default: Severity) -> Severity:
        """The rule's severity."""
        return _closest(self.severities, code, name) or default

    def params_of(self, code: str, name: str) -> dict[str, Scalar]:
        """Thresholds to use in place of the rule's own."""
        found: dict[str, Scalar] = {}
        for wanted in sorted(self.params, key=lambda wanted: _specificity(wanted, code, name)):
            if _specificity(wanted, code, name):
                found |= self.params[wanted]
        return found

    def with_command_line(
        self, folders: Iterable[Path] = (), select: Iterable[str] = (), ignore: Iterable[str] = ()
    ) -> "RuleSettings":
        """These settings with the command line's: its selection replaces theirs, its folders and ignores are added."""
        added = dict.fromkeys(ignore, COMMAND_LINE)
        every = {folder.resolve(): folder for folder in (*self.folders, *folders)}
        return replace(
            self,
            folders=tuple(every.values()),
            select=tuple(select) or self.select,
            ignore={**added, **self.ignore},
        )

    @property
    def names_rules(self) -> bool:
        """Whether any rule is named in them."""
        return any((self.select, self.ignore, self.per_path_ignores, self.severities, self.params))

    def check(self, rules: Iterable[Rule]) -> None:
        """See that every rule and threshold that is named exists.

        Raises:
            UserError: one does not; the nearest is in the message.
        """
        rules = tuple(rules)
        per_path = (wanted for ignores in self.per_path_ignores.values() for wanted in ignores)
        for wanted in (*self.select, *self.ignore, *per_path, *self.severities, *self.params):
            if not any(_specificity(wanted, rule.code, rule.name) for rule in rules):
                known = [word for rule in rules for word in (rule.name, rule.code)]
                near = nearest(wanted, known) or nearest(wanted.lower(), known) or nearest(wanted.upper(), known)
                raise UserError(f"There is no rule {wanted[:80]!r}{near or ' (see: cvadvisor rules)'}.")
        for wanted, values in self.params.items():
            named = [rule for rule in rules if _specificity(wanted, rule.code, rule.name)]
            for param, value in values.items():
                _check_param(wanted, param, value, named)


def _check_param(wanted: str, param: str, value: Scalar, rules: list[Rule]) -> None:
    own = {name: default for rule in rules for name, default in rule.params.items()}
    if param not in own:
        names = f" (it has: {', '.join(own)})" if own else " (it has none)"
        raise UserError(f"The rule {wanted} has no threshold {param[:80]!r}{nearest(param, own) or names}.")
    kinds = (bool,) if isinstance(own[param], bool) else (str,) if isinstance(own[param], str) else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) != (kinds == (bool,)):
        raise UserError(f"The threshold {param} of {wanted} is like {own[param]!r}, not {value!r}.")


def lies_under(path: str | Path, pattern: str, root: Path) -> bool:
    """Whether the glob names the log or dataset at ``path``, or a folder that it lies in.

    ``*`` stays within a folder, ``**`` does not; a pattern without a slash names a file or folder at any depth.
    """
    absolute, base = Path(os.path.normpath(Path.cwd() / path)), Path(os.path.normpath(root.absolute()))
    shown = absolute.relative_to(base).as_posix() if absolute.is_relative_to(base) else absolute.as_posix()
    parts = [part for part in shown.split("/") if part]
    wanted = pattern.strip("/")
    if "/" not in wanted:
        return any(_glob(wanted).fullmatch(part) for part in parts)
    return any(_glob(wanted).fullmatch("/".join(parts[:count])) for count in range(1, len(parts) + 1))


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    tokens = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    parts = re.split(r"(\*\*+/|\*\*+|\*|\?)", pattern)
    return re.compile("".join(tokens.get(re.sub(r"\*\*+", "**", part), re.escape(part)) for part in parts), re.DOTALL)


def _specificity(wanted: str, code: str, name: str) -> int:
    """How closely ``wanted`` names the rule: 0 not at all, then by the length of a code's beginning, a name most."""
    if wanted.lower() == name or wanted.upper() == code:
        return 100
    begins = _CODE.fullmatch(wanted.upper()) is not None and code.startswith(wanted.upper())
    return len(wanted) if begins else 0


def _closest(table: Mapping[str, _T], code: str, name: str) -> _T | None:
    """The entry of ``table`` that names the rule most closely."""
    best = max(table, key=lambda wanted: _specificity(wanted, code, name), default=None)
    return table[best] if best is not None and _specificity(best, code, name) else None
