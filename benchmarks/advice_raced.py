"""Every strategy that an audit's race knew, trained in full by the script that the audit wrote."""

import re
from pathlib import Path
from typing import Any

from advice_runs import Audit, Result, Run, results_of

FIELDS = ("strategy", "head_start", "head_epochs", "optimizer", "layer_decay", "learning_rate")
"""Of a race's entry: constants of the script, whose names are these in capitals."""


def entries(audit: Audit) -> dict[str, dict[str, Any]]:
    """The strategies of the audit's race by name; none where it was not run."""
    return {entry["name"]: entry for entry in audit.fact("probe.race.entries") or ()}


def raced(audit: Audit, seeds: range, device: str, store: Path, jobs: int) -> dict[str, dict[int, Result]]:
    """Results by strategy and seed of the audit's script with that strategy, each at the rate that it raced with."""
    scripts = {name: variant(audit, entry) for name, entry in entries(audit).items()}
    runs = [Run(script, None, seed, device) for script in scripts.values() for seed in seeds]
    results = iter(results_of(runs, audit, store, jobs))
    return {name: {seed: next(results) for seed in seeds} for name in scripts}


def variant(audit: Audit, entry: dict[str, Any]) -> Path:
    """The audit's script with the strategy of a race's ``entry``, beside it.

    Raises:
        ValueError: the script has not each of the constants once.
    """
    text = audit.script.read_text()
    values = {field.upper(): entry[field] for field in FIELDS}
    if entry["strategy"] == "head-only":
        values["HEAD_LEARNING_RATE"] = entry["learning_rate"]
    for name, value in values.items():
        text, found = re.subn(rf"^{name} = .*$", lambda _, line=f"{name} = {value!r}": line, text, flags=re.MULTILINE)
        if found != 1:
            raise ValueError(f"{audit.script} has {found} lines that set {name}")
    script = audit.folder / f"train_{entry['name']}.py"
    script.write_text(text)
    return script
