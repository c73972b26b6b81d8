"""Rules to test with: a plain valid one, written to disk as a user would."""

import copy
from pathlib import Path
from typing import Any

import yaml

from cvadvisor.advise.rules import CompiledRule, Rule, compile_rules, load_rules

_RULE: dict[str, Any] = {
    "code": "TST001",
    "name": "a-test",
    "severity": "warning",
    "when": "dataset.imbalance_ratio >= param.ratio",
    "params": {"ratio": 5.0},
    "message": "The largest class has {dataset.imbalance_ratio:.1f} times the images of the smallest.",
    "why": "It goes wrong.",
    "fix": "Mend it.",
    "sources": [{"id": "PAI", "note": "It says so."}],
    "strength": "practice",
    "fires_on": [{"dataset.imbalance_ratio": 5.0}],
    "silent_on": [{"dataset.imbalance_ratio": 4.9}],
}


def a_rule(**changes: Any) -> dict[str, Any]:
    """A valid rule; a change to ``None`` leaves a key out."""
    made = {**copy.deepcopy(_RULE), **changes}
    return {key: value for key, value in made.items() if value is not None}


def load(folder: Path, *rules: Any) -> tuple[Rule, ...]:
    """Write ``rules`` to ``folder``, and load them; the shipped ones are left out of the result."""
    (folder / "own.yaml").write_text(yaml.safe_dump(list(rules), sort_keys=False), encoding="utf-8")
    return tuple(rule for rule in load_rules([folder]) if rule.file.startswith(str(folder)))


def compiled(folder: Path, *rules: Any) -> tuple[CompiledRule, ...]:
    """The same, compiled."""
    return compile_rules(load(folder, *rules))
