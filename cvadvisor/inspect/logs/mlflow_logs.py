"""Runs of MLflow as folders: ``mlruns/EXPERIMENT/RUN`` with a file a metric, each line its time, value and step."""

import os
from collections.abc import Iterator
from pathlib import Path

from cvadvisor.inspect.logs.config_files import normalised
from cvadvisor.inspect.logs.log import LogError
from cvadvisor.inspect.logs.raw import MAX_COLUMNS, Cells, RawLog, Scalar, number
from cvadvisor.inspect.printable import printable

_MOST_BYTES = 200_000_000
_MOST_PARAMETERS = 500
_DEEPEST = 4


def is_run(folder: Path) -> bool:
    """Whether a folder is a run of MLflow: it has its metadata, and metrics."""
    try:
        return (folder / "meta.yaml").is_file() and (folder / "metrics").is_dir()
    except OSError:
        return False


def read_run_folder(folder: Path) -> RawLog:
    """Read the metrics and parameters of a run.

    Raises:
        LogError: it has no metrics.
    """
    by_step: dict[float, dict[str, list[float]]] = {}
    read = 0
    for name, path in sorted(_files(folder / "metrics", "", 0))[:MAX_COLUMNS]:
        read += path.stat().st_size
        if read > _MOST_BYTES:
            break
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                fields = line.split()
                value = number(fields[1]) if len(fields) >= 2 else None
                step = number(fields[2]) if len(fields) >= 3 else None
                if value is not None:
                    by_step.setdefault(step if step == step and step is not None else 0.0, {}).setdefault(
                        name, []
                    ).append(value)
    cells = Cells()
    for step in sorted(by_step):
        values = by_step[step]
        for again in range(max(map(len, values.values()))):
            cells.add("step", step)
            for name, column in values.items():
                if again < len(column):
                    cells.add(name, column[again])
            cells.end_row()
    if not cells.rows:
        raise LogError(f"{printable(folder)} is a run of MLflow without metrics: the run logged nothing yet.")
    columns = cells.columns()
    if "epoch" not in columns and _counts_epochs(columns["step"][1].tolist()):
        columns["epoch"] = columns.pop("step")
    return RawLog("MLflow run", cells.rows, columns, config=normalised(dict(_parameters(folder / "params"))))


def _counts_epochs(steps: list[float]) -> bool:
    """Whether steps are 0, 1, 2 … or 1, 2, 3 …: MLflow's own integrations log an epoch as a step."""
    distinct = sorted(set(steps))
    return len(distinct) > 1 and distinct[0] in (0, 1) and distinct[-1] - distinct[0] == len(distinct) - 1 < 2_000


def _files(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and depth < _DEEPEST:
                yield from _files(Path(entry.path), f"{prefix}{entry.name}/", depth + 1)
            elif entry.is_file(follow_symlinks=False):
                yield prefix + entry.name, Path(entry.path)


def _parameters(folder: Path) -> Iterator[tuple[str, Scalar]]:
    if not folder.is_dir():
        return
    for name, path in sorted(_files(folder, "", 0))[:_MOST_PARAMETERS]:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(200).strip()
        value = number(text)
        key = name.lower().replace("-", "_").replace(" ", "_")
        yield key, text if value is None or value != value or abs(value) == float("inf") else value
