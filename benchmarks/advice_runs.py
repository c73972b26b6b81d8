"""Audits, and runs of the scripts that they write, for benchmarks/advice.py: each done once and kept in a file.

A worker runs several scripts one after the other, since importing torch takes longer than a short training run:

    python benchmarks/advice_runs.py < JOBS > RESULTS         # a JSON object a line; started by benchmarks/advice.py
"""

import ast
import contextlib
import csv
import hashlib
import io
import json
import os
import queue
import runpy
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from advice_data import Dataset

ROOT = Path(__file__).resolve().parents[1]
Result = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What an audit is asked for."""

    model: str
    weights: str
    image_size: int
    epochs: int
    budget: str
    device: str
    seed: int = 0

    @property
    def flags(self) -> list[str]:
        """The same, as the command line takes it."""
        return [word for name, value in asdict(self).items() for word in (f"--{name.replace('_', '-')}", str(value))]


@dataclass(frozen=True)
class Audit:
    """What an audit wrote."""

    folder: Path
    dataset: Dataset
    epochs: int

    @property
    def script(self) -> Path:
        """The generated script."""
        return self.folder / "train.py"

    @property
    def said(self) -> dict[str, Any]:
        """The content of audit.json."""
        return dict(json.loads((self.folder / "audit.json").read_text()))

    def fact(self, path: str) -> Any:
        """The fact at a dotted path, or None where it is not known or there is none of that name."""
        value: Any = self.said["facts"]
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def seconds(self, check: str) -> float | None:
        """Time that the check of that name took, if it ran to its end."""
        checks = (one for one in self.said["checks"] if one["name"] == check and one["status"] == "done")
        return next((one["seconds"] for one in checks), None)

    @property
    def probe_seconds(self) -> float:
        """Time that all probes took."""
        checks = self.said["checks"]
        return sum(
            one["seconds"] or 0.0 for one in checks if any(name.startswith("probe.") for name in one["provides"])
        )


@dataclass(frozen=True)
class Run:
    """One run of a script: at ``rate``, or at its own where that is None."""

    script: Path
    rate: float | None
    seed: int
    device: str

    @property
    def flags(self) -> list[str]:
        """What the script is given beside its output folder."""
        own = [] if self.rate is None else ["--lr", f"{self.rate:.8g}"]
        device = [] if self.device == "auto" else ["--device", self.device]
        return ["--seed", str(self.seed), *own, *device]


def audited(dataset: Dataset, plan: Plan, scratch: Path) -> Audit:
    """The audit of ``dataset`` by ``plan``, made if neither it nor cvadvisor has changed since.

    Raises:
        SystemExit: it wrote no script, or one with another size or another number of epochs.
    """
    asked = json.dumps([dataset.digest, asdict(plan), code_digest()])
    folder = scratch / "audits" / hashlib.sha256(asked.encode()).hexdigest()[:16]
    if not (folder / "asked.json").exists():
        command = [sys.executable, "-m", "cvadvisor", "audit", dataset.folder, "--out", str(folder), "--force"]
        command += [*plan.flags, "--no-images", "--no-cache", "--fail-on", "never"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode or not (folder / "train.py").exists():
            raise SystemExit(f"the audit failed (exit {done.returncode}): {done.stderr.strip()[-400:]}")
        (folder / "asked.json").write_text(asked)
    audit = Audit(folder, dataset, plan.epochs)
    found = constants(audit.script)
    for name, wanted in (("EPOCHS", plan.epochs), ("IMAGE_SIZE", plan.image_size)):
        if found[name] != wanted:
            raise SystemExit(f"{audit.script}: {name} is {found[name]}, and {wanted} was asked for.")
    return audit


def probed(dataset: Dataset, plan: Plan, probe: str, scratch: Path) -> dict[str, Any]:
    """Facts by dotted name that ``cvadvisor probe`` says of ``dataset``, asked if neither it nor cvadvisor changed.

    Raises:
        SystemExit: it said none.
    """
    asked = json.dumps([dataset.digest, asdict(plan), probe, code_digest()])
    file = scratch / "probes" / f"{hashlib.sha256(asked.encode()).hexdigest()[:16]}.json"
    if not file.exists():
        command = [sys.executable, "-m", "cvadvisor", "probe", probe, dataset.folder, "--format", "json"]
        done = subprocess.run([*command, *plan.flags], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"the probe failed (exit {done.returncode}): {done.stderr.strip()[-400:]}")
        file.parent.mkdir(exist_ok=True)
        file.write_text(done.stdout)
    return dict(json.loads(file.read_text())["facts"])


@cache
def code_digest() -> str:
    """Of everything in this repository that an audit depends on, as it was when first asked for."""
    digest = hashlib.sha256()
    for folder, pattern in (("cvadvisor", "*.py"), ("rules", "*.y*ml"), ("reports", "*.j2")):
        for file in sorted((ROOT / folder).rglob(pattern)):
            digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def constants(script: Path) -> dict[str, Any]:
    """The numbers and words at the top of a generated script."""
    found = {}
    for line in ast.parse(script.read_text()).body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            with contextlib.suppress(ValueError):
                found[line.targets[0].id] = ast.literal_eval(line.value)
    return found


def fingerprint(script: Path) -> str:
    """Of what ``script`` does, flags aside: not of its comments, nor of defaults that flags replace.

    The rate is such a default, so that a sweep is not run again because an audit picked another rate. Where a head is
    trained first, its share of the rate counts; where the rate is used for anything else, the rate does.
    """
    tree, own = ast.parse(script.read_text()), constants(script)
    uses = sum(
        isinstance(node, ast.Name) and node.id == "LEARNING_RATE" and isinstance(node.ctx, ast.Load)
        for node in ast.walk(tree)
    )
    rates: list[float] = []
    if own.get("STRATEGY") == "head-then-full" and own.get("HEAD_EPOCHS", 1) > 0:
        rates = [float(f"{own['HEAD_LEARNING_RATE'] / own['LEARNING_RATE']:.6g}")]
    if uses > 2:  # as the default of --lr, and for the head's share
        rates = [own["HEAD_LEARNING_RATE"], own["LEARNING_RATE"]]
    kept = []
    for line in tree.body:
        name = line.targets[0].id if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) else ""
        if name not in ("LEARNING_RATE", "HEAD_LEARNING_RATE", "SEED", "DATA"):
            kept.append(ast.dump(line))
    digest = hashlib.sha256(json.dumps([kept, rates]).encode())
    digest.update((script.parent / "samples.csv").read_bytes())
    if (weights := script.parent / "weights.safetensors").exists():
        digest.update(weights.read_bytes())
    return digest.hexdigest()


def key(run: Run, dataset: Dataset, does: str, threads: int) -> str:
    """What a run's result depends on; ``does`` is the script's fingerprint."""
    rate = constants(run.script)["LEARNING_RATE"] if run.rate is None else run.rate
    versions = [metadata.version(package) for package in ("torch", "torchvision", "timm")]
    parts = [does, dataset.digest, f"{rate:.8g}", run.seed, run.device, threads, *versions]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def kept(file: Path) -> dict[str, Result]:
    """The results in ``file`` by key; a line that was cut off is left out."""
    found: dict[str, Result] = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        with contextlib.suppress(ValueError):
            result = json.loads(line)
            found[result["key"]] = result
    return found


def results_of(runs: Iterable[Run], audit: Audit, store: Path, jobs: int) -> list[Result]:
    """The results of ``runs`` of scripts of ``audit``, in their order; ``jobs`` at a time, and none twice."""
    chosen, threads = list(runs), threads_of(jobs)
    does = {script: fingerprint(script) for script in {run.script for run in chosen}}
    keys = [key(run, audit.dataset, does[run.script], threads) for run in chosen]
    found = kept(store)
    waiting = {name: run for name, run in zip(keys, chosen, strict=True) if name not in found}

    def keep(name: str, result: Result) -> None:
        run = waiting[name]
        found[name] = {"key": name, "dataset": audit.dataset.name, "epochs": audit.epochs, "rate": run.rate,
                       "seed": run.seed, "threads": threads, **result}  # fmt: skip
        with store.open("a") as file:
            file.write(json.dumps(found[name]) + "\n")
        left = sum(other not in found for other in waiting)
        print(f"{audit.dataset.name}, {audit.epochs} epochs: {left} runs left", file=sys.stderr)

    spread({name: [str(run.script.resolve()), *run.flags] for name, run in waiting.items()}, jobs, threads, keep)
    return [found[name] for name in keys]


def threads_of(jobs: int) -> int:
    """Threads of each of ``jobs`` processes that share the cores."""
    return max(1, len(os.sched_getaffinity(0)) // jobs)


def spread(commands: Mapping[str, list[str]], jobs: int, threads: int, keep: Callable[[str, Result], None]) -> None:
    """Run ``commands`` (a script and its flags) in ``jobs`` workers, and give each result to ``keep`` as it comes."""
    todo: queue.SimpleQueue[tuple[str, list[str]]] = queue.SimpleQueue()
    results: queue.SimpleQueue[tuple[str, Result]] = queue.SimpleQueue()
    for item in commands.items():
        todo.put(item)

    def drive() -> None:
        worker: subprocess.Popen[str] | None = None
        while True:
            try:
                name, command = todo.get_nowait()
            except queue.Empty:
                break
            if worker is None or worker.poll() is not None:
                worker = start(threads)
            assert worker.stdin is not None
            assert worker.stdout is not None
            line = ""
            with contextlib.suppress(BrokenPipeError):
                worker.stdin.write(json.dumps(command) + "\n")
                worker.stdin.flush()
                line = worker.stdout.readline()
            results.put((name, json.loads(line) if line else {"trouble": f"the process died ({worker.wait()})"}))
        if worker and worker.stdin:
            worker.stdin.close()
            worker.wait()

    for _ in range(min(jobs, len(commands))):
        threading.Thread(target=drive, daemon=True).start()
    for _ in commands:
        keep(*results.get())


def start(threads: int) -> "subprocess.Popen[str]":
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def work() -> None:
    """Run the scripts that standard input names; a line of results each on standard output."""
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        script, *flags = json.loads(line)
        print(json.dumps(run_script(script, flags)), file=answers, flush=True)


def run_script(script: str, flags: list[str]) -> Result:
    """What the unedited ``script`` reports with ``flags``; 'trouble' says how it ended where it has no result."""
    said, before = io.StringIO(), sys.argv
    with tempfile.TemporaryDirectory(prefix="advice-") as out:
        sys.argv = [script, *flags, "--out", out]
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                runpy.run_path(script, run_name="__main__")
        except SystemExit as stop:
            if stop.code:
                return {"trouble": (said.getvalue().strip().splitlines() or [f"exit {stop.code}"])[-1][:200]}
        except Exception as error:  # a crash of one run must not end the others
            return {"trouble": f"{type(error).__name__}: {error}"[:200]}
        finally:
            sys.argv = before
        return summary(Path(out))


def summary(out: Path) -> Result:
    """What counts of a finished run's folder."""
    metrics = json.loads((out / "metrics.json").read_text())
    with (out / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [float(row["seconds"]) for row in rows if row["phase"] == "full"]
    start = next((float(row["val_accuracy"]) for row in rows if int(row["epoch"]) == 0), None)
    return {
        "accuracy": metrics["test"]["accuracy"],
        "macro_f1": metrics["test"]["macro_f1"],
        "validation_accuracy": metrics["validation"]["accuracy"],
        "probe_validation_accuracy": start,
        "steps": metrics["steps"],
        "seconds": metrics["seconds"],
        "epoch_s": median(epochs) if epochs else None,
        "best_epoch": metrics["best_epoch"],
    }


if __name__ == "__main__":
    work()
