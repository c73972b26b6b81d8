"""Find the training logs in folders."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cvadvisor.inspect.logs import mlflow_logs, tensorboard_logs
from cvadvisor.inspect.logs.columns import counter, meaning

_DEEPEST = 12
_MOST_ENTRIES = 200_000
_MOST_LOGS = 5_000
_LOOK = 65_536
_SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".log", ".txt", ".out", ".md", ""})
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "venv", ".git", ".venv", ".cache", ".tox"})
# Files that hold settings, labels or metadata: given by name they are tried, in a folder they are no logs.
_NO_LOGS = re.compile(
    r"(readme|license|licence|changelog|contributing|requirements|classes|labels|notes|package(-lock)?|tsconfig"
    r"|(preprocessor_|tokenizer_|generation_|adapter_)?config|hparams|args|training_args|params|data_?args|all_results"
    r"|train_results|eval_results|special_tokens_map|vocab|wandb-metadata|manifest|index)\.[a-z]+",
    re.IGNORECASE,
)
# These are logs whatever they hold: an empty one is a run that died at once.
_LOGS = re.compile(r"((results|metrics|history|training_log|training_history)\.(csv|tsv)|trainer_state\.json)")
# Of these, only few are logs: what cannot be read was none.
_SELDOM_LOGS = frozenset({".md", ".txt", ".json", ""})


def find_logs(paths: Sequence[Path]) -> Iterator[Path]:
    """Every log that ``paths`` hold: a file that is named is one, a folder is searched, in a stable order.

    Symbolic links in folders are not followed. A folder of event files and a run of MLflow count as one log each. At
    most 5,000 logs are found.
    """
    seen: set[Path] = set()
    for path in paths:
        found = _search(path) if path.is_dir() else iter((path,))
        for log in found:
            if log not in seen:
                seen.add(log)
                yield log
                if len(seen) >= _MOST_LOGS:
                    return


def is_surely_meant(log: Path, paths: Sequence[Path]) -> bool:
    """Whether a log that was found at ``paths`` was named, or is one by its name: not to read it is worth a word."""
    return log in paths or _LOGS.fullmatch(log.name) is not None or log.suffix.lower() not in _SELDOM_LOGS


def _search(top: Path) -> Iterator[Path]:
    left = _MOST_ENTRIES
    folders = [(top, 0)]
    while folders:
        folder, depth = folders.pop()
        if mlflow_logs.is_run(folder):
            yield folder
            continue
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        left -= len(listed)
        events = tensorboard_logs.event_files(folder)
        if events:
            yield folder if len(events) > 1 else events[0]
        inner = []
        for entry in listed:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if depth < _DEEPEST and entry.name not in _SKIPPED and not entry.name.startswith("."):
                        inner.append((Path(entry.path), depth + 1))
                elif entry.is_file(follow_symlinks=False) and _may_be_log(Path(entry.path)):
                    yield Path(entry.path)
            except OSError:
                continue
        folders += reversed(inner)
        if left < 0:
            return


def _may_be_log(path: Path) -> bool:
    """A cheap look: a name with a suffix of logs, and in its first lines two words that logs use, or a counter."""
    if "tfevents" not in path.name and path.suffix.lower() not in _SUFFIXES:
        return False
    if _LOGS.fullmatch(path.name):
        return True
    if _NO_LOGS.fullmatch(path.name) or path.name.startswith("events.out.tfevents"):
        return False
    try:
        with path.open("rb") as file:
            start = file.read(_LOOK)
    except OSError:
        return False
    if tensorboard_logs.is_event_file(start):
        return True
    if not start or (b"\0" in start[:1024] and not start.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return False
    encoding = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    text = start.decode(encoding, "replace")
    if not re.search(r"\d", text):
        return False
    # The names in quotes, before colons and equal signs, or between separators.
    names = set(re.findall(r"[A-Za-z][\w/@.()\- ]{1,40}", text))
    known = {m for name in list(names)[:3000] if (m := meaning(name.strip())).quantity}
    losses = any(m.quantity == "loss" for m in known)
    counted = any(counter(name.strip().split(" ")[0]) for name in names)
    return losses or (counted and bool(known)) or len(known) >= 2
