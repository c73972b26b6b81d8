"""Who judges logs in benchmarks/lint.py: how each is run, and what it says of a log."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leakage_peers import without_network

OURS = "cvadvisor"
LIMIT_S = 600
SERIOUS = {"warning", "error", "critical", "warn", "fail"}
"""What counts as an alarm, in anybody's words; information does not."""


@dataclass
class Answer:
    """What somebody says of a log."""

    read: bool = False
    """Whether it could be read and something was in it."""
    found: dict[str, str] = field(default_factory=dict)
    """Names of the findings, with the worst severity of each."""
    folded: frozenset[str] = frozenset()
    """Names that are mentioned under another finding."""
    why: str = ""
    """Why it was not read."""

    @property
    def alarms(self) -> frozenset[str]:
        """What it found at warning or above."""
        return frozenset(name for name, severity in self.found.items() if severity in SERIOUS)

    def add(self, name: str, severity: str) -> None:
        """Take down a finding; of two with one name the worse."""
        if self.found.get(name) not in SERIOUS:
            self.found[name] = severity.lower()


def _losslint(said: Any, answer: Answer) -> None:
    answer.read = any(run["points"] for run in said["runs"])
    for one in said["findings"]:
        answer.add(one["check"], one["severity"])


def _trainproof(said: Any, answer: Answer) -> None:
    answer.read = any(report["num_records"] for report in said["reports"])
    for report in said["reports"]:
        for one in report["findings"]:
            answer.add(one["id"], one["level"])


def _runmedic(said: Any, answer: Answer) -> None:
    answer.read = any(run["series"] for run in said)
    for run in said:
        for one in run["findings"]:
            answer.add(one["check"], one["severity"])


def _finetune_doctor(said: Any, answer: Answer) -> None:
    answer.read = True
    for one in said["findings"]:
        answer.add(one["check"], one["severity"])


@dataclass(frozen=True)
class Peer:
    """A linter of training logs from PyPI."""

    version: str
    arguments: tuple[str, ...]
    """What comes before the path of a log."""
    extras: str
    """What it is installed with, so that it reads all that it can."""
    understand: Callable[[Any, Answer], None]


PEERS = {
    "losslint": Peer("0.4.1", ("check", "--format", "json"), "[tb,fast]", _losslint),
    "trainproof": Peer("0.22.0", ("doctor", "--json"), "", _trainproof),
    "runmedic": Peer("0.1.1", ("diagnose", "--json"), "", _runmedic),
    "finetune-doctor": Peer("0.2.2", ("diagnose", "--format", "json"), "", _finetune_doctor),
}


def make_peers(folder: Path) -> Path:
    """An environment with the peers in it; returns its Python."""
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    wanted = [f"{name}{peer.extras}=={peer.version}" for name, peer in PEERS.items()]
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    return python


def ours_command(paths: Iterable[Path]) -> list[str]:
    return [sys.executable, "-m", "cvadvisor", "lint", "--format", "json", *map(str, paths)]


def peer_command(name: str, python: Path, path: Path) -> list[str]:
    return [*without_network(), str(python.absolute().parent / name), *PEERS[name].arguments, str(path)]


def ask_ours(folder: Path, names: Sequence[str], saved: Path | None) -> dict[str, Answer]:
    """What ``cvadvisor lint`` says of each of ``names`` in ``folder``, all in one process.

    Args:
        folder: where the logs lie, and the working folder.
        names: paths of the logs, relative to ``folder``.
        saved: a file with its answer in JSON, to be judged instead of running it.
    """
    if saved:
        text = saved.read_text()
    else:
        done = subprocess.run(ours_command(map(Path, names)), cwd=folder, capture_output=True, text=True)
        text = done.stdout
        if not text.startswith("{"):
            raise SystemExit(f"cvadvisor lint gave no JSON (exit {done.returncode}): {done.stderr.strip()[-400:]}")
    return understand_ours(json.loads(text), folder, names)


def understand_ours(said: Any, folder: Path, names: Sequence[str]) -> dict[str, Answer]:
    """Answers by name; the runs of one file are taken together."""
    answers = {name: Answer() for name in names}

    def answer(path: str) -> Answer:
        return answers.setdefault(os.path.relpath(path, folder) if Path(path).is_absolute() else path, Answer())

    for run in said["runs"]:
        one = answer(run["path"])
        one.read = True
        for finding in run["findings"]:
            one.add(finding["name"], finding["severity"])
        one.folded |= {folded["name"] for folded in run["folded"]}
    for unreadable in said.get("unreadable", ()):
        answer(unreadable["path"]).why = unreadable["reason"]
    return {name: answers[name] for name in names}


def ask_peer(name: str, python: Path, folder: Path, names: Sequence[str], scratch: Path) -> dict[str, Answer]:
    """What a peer says of each log, a process a log, without a network where the system lets us.

    finetune-doctor reads nothing but ``trainer_state.json``, and is given our own logs as such.
    """
    answers = {}
    for number, log in enumerate(names):
        place = scratch / name / str(number)
        path = handed_over(folder / log, place)
        if name == "finetune-doctor" and is_ours(log):
            path = trainer_state(path, place)
        answers[log] = ask(name, peer_command(name, python, path))
    return answers


def handed_over(log: Path, place: Path) -> Path:
    """A copy, alone in a folder and under its own name, which follows the last ``__``: some peers go by the name."""
    place.mkdir(parents=True)
    return Path(shutil.copyfile(log, place / log.name.rsplit("__", 1)[-1]))


def is_ours(log: str) -> bool:
    """Whether benchmarks/lint.py wrote it: those lie in no folder and say in their name what was planted."""
    return log.startswith(("fault_", "invisible_", "healthy_"))


def ask(name: str, command: Sequence[str]) -> Answer:
    answer = Answer()
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S)
        PEERS[name].understand(json.loads(done.stdout), answer)
    except subprocess.TimeoutExpired:
        answer.why = f"took more than {LIMIT_S} s"
    except (ValueError, KeyError, TypeError):
        lines = (done.stderr or done.stdout).strip().splitlines()
        answer = Answer(why=lines[-1][:120] if lines else f"exit {done.returncode}")
    return answer


_AS_TRAINER = {"train_loss": "loss", "lr": "learning_rate", "grad_norm": "grad_norm"}
_AS_EVALUATION = {"val_loss": "eval_loss", "val_acc": "eval_accuracy"}


def trainer_state(log: Path, folder: Path) -> Path:
    """Write the rows of a CSV log as Hugging Face's Trainer would, a hundred steps an epoch; returns the file.

    The columns are those of ``lint_faults.Case``; anything else is left out.
    """
    with log.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = list(csv.DictReader(file))
    history: list[dict[str, float]] = []
    for row in rows:
        for names in (_AS_TRAINER, _AS_EVALUATION):
            values = {new: number for old, new in names.items() if (number := _number(row.get(old))) is not None}
            if values and (epoch := _number(row.get("epoch"))) is not None:
                history.append({"epoch": epoch, "step": int(100 * epoch), **values})
    steps = max((int(entry["step"]) for entry in history), default=0)
    state = {"global_step": steps, "max_steps": steps, "epoch": steps / 100, "log_history": history}
    path = folder / "trainer_state.json"
    path.write_text(json.dumps(state))
    return path


def _number(cell: str | None) -> float | None:
    try:
        return float(cell or "")
    except ValueError:
        return None
