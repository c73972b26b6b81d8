"""The rules on training logs by name: what a configuration may name, without the cost of compiling them."""

from dataclasses import dataclass, field

from cvadvisor.advise.rule_file import read_list
from cvadvisor.advise.words import Scalar
from cvadvisor.shipped import shipped

_IN_AUDITS = "run-in-audit.yaml"
"""Rules that need an audit's facts too."""


@dataclass(frozen=True)
class LogRule:
    """A rule's names and its thresholds."""

    code: str
    name: str
    params: dict[str, Scalar] = field(default_factory=dict)


def log_rules() -> tuple[LogRule, ...]:
    """Every shipped rule on training logs, by code.

    Raises:
        RuleError: a file of rules cannot be read.
    """
    files = sorted(file for file in shipped("rules").glob("run*.yaml") if file.name != _IN_AUDITS)
    entries = [entry.value for file in files for entry in read_list(file)]
    rules = [LogRule(one["code"], one["name"], one.get("params") or {}) for one in entries]
    return tuple(sorted(rules, key=lambda rule: rule.code))
