"""Logs that are JSON: lines of records, Hugging Face's trainer_state, Keras' history, W&B's history and summary."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cvadvisor.inspect.logs.columns import counter, meaning
from cvadvisor.inspect.logs.config_files import flat, normalised
from cvadvisor.inspect.logs.log import LogError
from cvadvisor.inspect.logs.raw import Cells, RawLog, as_number
from cvadvisor.inspect.printable import printable

# A document is held in memory as a whole, at about ten times its size; lines are not.
MAX_DOCUMENT = 64_000_000
_LONGEST_LINE = 4_000_000
_DEEPEST = 5
_LONGEST_LIST = 16
"""Lists in a record are taken apart up to this length: COCO's evaluation has 12 numbers."""
_MODES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "eval": "val", "test": "test"}

Record = dict[str, Any]


def read_json(path: Path, text: str, encoding: str) -> RawLog:
    """Read a file whose beginning ``text`` is that of JSON.

    Raises:
        LogError: it is no JSON, too large, too deeply nested, or holds no training log.
    """
    shown = printable(path)
    if _is_lines(text):
        return _read_lines(path, encoding, shown)
    if path.stat().st_size > MAX_DOCUMENT:
        raise LogError(f"{shown} is one JSON document of over {MAX_DOCUMENT // 10**6} MB: give a CSV or JSON lines.")
    try:
        data = json.loads(path.read_text(encoding=encoding, errors="replace"))
    except RecursionError:
        raise LogError(f"{shown} is JSON that is nested too deeply: no training log is.") from None
    except ValueError as error:
        return _read_broken(path, encoding, shown, str(error))
    return _of_document(data, shown)


def _is_lines(text: str) -> bool:
    """Whether the first lines are each a JSON object of their own."""
    lines = [line for line in text.split("\n") if line.strip()][:3]
    if len(lines) > 1 and lines[0].lstrip().startswith("{"):
        return _record(lines[0]) is not None
    # A log of one line so far: that of a summary has no counter within.
    return False


def _record(line: str) -> Record | None:
    try:
        data = json.loads(line) if len(line) <= _LONGEST_LINE else None
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _read_broken(path: Path, encoding: str, shown: str, reason: str) -> RawLog:
    """A document that does not end, as a run that was killed leaves it: its complete records are read."""
    text = path.read_text(encoding=encoding, errors="replace")
    at = text.find('"log_history"')
    start = text.find("[", at) if at >= 0 else text.find("[")
    records = list(_array_items(text, start)) if start >= 0 else []
    if len(records) < 2:
        position = printable(reason)[:100]
        raise LogError(f"{shown} begins like JSON and is not: {position}. Give the log as it was written.")
    return _of_records(records, "JSON", cut="its last record is not complete")


def _array_items(text: str, start: int) -> Iterator[Record]:
    decoder = json.JSONDecoder()
    at = start + 1
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at >= len(text) or text[at] != "{":
            return
        try:
            item, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield item


def _read_lines(path: Path, encoding: str, shown: str) -> RawLog:
    bad = 0
    last_bad = False
    cells = _Records()
    with path.open(encoding=encoding, errors="replace", newline="\n") as file:
        while line := file.readline(_LONGEST_LINE):
            if not line.strip():
                continue
            record = _record(line)
            last_bad = record is None
            if record is None:
                bad += 1
            else:
                cells.take(record)
    raw = cells.done("JSON lines")
    if not raw.rows or bad > raw.rows:
        raise LogError(f"{shown} has JSON lines without numbers of a training run.")
    raw.cut = "its last line is not complete" if last_bad else ""
    return raw


class _Records:
    """Turns records into rows, and learns from them which program wrote them."""

    def __init__(self) -> None:
        self.cells = Cells()
        self.names: set[str] = set()
        self.last_epoch = 0.0
        self.config: dict[str, Any] = {}

    def take(self, record: Record) -> None:
        """Add a record as a row, unless it holds no numbers."""
        mode = record.get("mode", record.get("phase", record.get("split")))
        prefix = _MODES.get(mode.lower(), "") if isinstance(mode, str) else ""
        if "train_runtime" in record:  # Hugging Face's account of the whole run
            return
        found = False
        values = dict(_numbers(record, ""))
        if len(record) > 3 and not values:
            return
        values = self._settled(values, bool(prefix))
        for name, value in values.items():
            counts = counter(name)
            if prefix == "val" and counts == "step" and "epoch" in values:
                continue  # mmdetection counts the batches of the validation set here
            known = meaning(name)
            if prefix == "val" and known.quantity in ("step_seconds", "data_seconds", "seconds", "learning_rate"):
                continue  # of training, and in the rows of training too
            whole = known.split or known.quantity in ("learning_rate", "momentum", "memory", "gradient_norm")
            own = name if counts or not prefix or whole else f"{prefix}/{name}"
            self.cells.add(own, value)
            found = found or not counts
        self.names |= values.keys() if len(self.names) < 5_000 else set()
        if found:
            self.cells.end_row()
        elif "config" in record or not values:
            self.config.update(list(flat(record))[:200])

    def _settled(self, values: dict[str, float], has_mode: bool) -> dict[str, float]:
        """mmengine writes the epoch of an evaluation as its step."""
        if "epoch" in values:
            self.last_epoch = values["epoch"]
        elif "step" in values and "iter" not in values and self.last_epoch and not has_mode:
            evaluated = any("/" in name for name in values) and "loss" not in values
            if evaluated and values["step"] <= self.last_epoch + 1:
                values = {("epoch" if name == "step" else name): value for name, value in values.items()}
        return values

    def done(self, otherwise: str) -> RawLog:
        """Everything that was taken."""
        columns = self.cells.columns()
        # A record that holds counters alone is overwritten by the next; the last of them is no row.
        columns = {n: (r[r < self.cells.rows], v[r < self.cells.rows]) for n, (r, v) in columns.items()}
        raw = RawLog(otherwise, self.cells.rows, columns)
        raw.format, raw.meanings = _format(self.names, otherwise)
        raw.meanings = {name: m for name, m in raw.meanings.items() if name in columns}
        if {"iter", "step"} <= columns.keys():  # mmengine: iter counts within the epoch
            raw.columns = {name: column for name, column in columns.items() if name != "iter"}
        return raw


def _numbers(data: Mapping[str, Any], prefix: str, depth: int = 0) -> Iterator[tuple[str, float]]:
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            if depth < _DEEPEST:
                yield from _numbers(value, f"{name}/", depth + 1)
        elif isinstance(value, list):
            if 0 < len(value) <= _LONGEST_LIST:
                single = len(value) == 1
                for index, item in enumerate(value):
                    if (found := as_number(item)) is not None:
                        yield name if single else f"{name}[{index}]", found
        elif (found := as_number(value)) is not None:
            yield name, found


def _format(names: set[str], otherwise: str) -> tuple[str, dict[str, str]]:
    """Which program wrote such records, and what it means by names that others use for something else."""
    batch = {"time": "step_seconds", "data_time": "data_seconds"}
    if "iteration" in names and "eta_seconds" in names:
        return "detectron2 metrics.json", batch
    if "iter" in names or ("mode" in names):
        modes = {f"{mode}/{name}": m for name, m in batch.items() for mode in ("train", "val")}
        if any("loss_bbox" in name for name in names):  # the accuracy of the boxes' head, on samples of boxes
            modes |= {"train/acc": "train/accuracy/cls", "acc": "train/accuracy/cls"}
        return ("mmengine scalars.json" if "step" in names else "mmdetection log.json"), batch | modes
    if "n_parameters" in names and any(name.startswith("train_") for name in names):
        return "DETR and DeiT log.txt", {"n_parameters": "-"}
    if "_step" in names or "_runtime" in names:
        return "W&B history", {"_runtime": "-", "_timestamp": "-"}
    return otherwise, {}


def _of_document(data: Any, shown: str) -> RawLog:
    """A whole document: by its shape it is one of several kinds."""
    raw: RawLog | None = None
    if isinstance(data, dict) and isinstance(data.get("log_history"), list):
        raw = _trainer_state(data)
    elif isinstance(data, list):
        raw = _of_records(data, "JSON records")
    elif isinstance(data, dict):
        raw = _of_lists(data) or _of_nested_records(data) or _of_summary(data)
    if raw is None or not raw.rows:
        raise LogError(f"{shown} is JSON without a training log: no records, lists or values of a loss or a metric.")
    return raw


def _of_records(records: Iterable[Any], name: str, cut: str = "") -> RawLog:
    cells = _Records()
    for record in records:
        if isinstance(record, dict):
            cells.take(record)
    raw = cells.done(name)
    raw.cut = cut
    return raw


def _trainer_state(data: Record) -> RawLog:
    raw = _of_records(data["log_history"], "Hugging Face trainer_state.json")
    raw.format = "Hugging Face trainer_state.json"
    own = {key: value for key, value in data.items() if key not in ("log_history", "stateful_callbacks", "epoch")}
    raw.config = normalised(dict(list(flat(own))[:200]))
    planned, epoch = as_number(data.get("num_train_epochs")), as_number(data.get("epoch"))
    steps, planned_steps = as_number(data.get("global_step")), as_number(data.get("max_steps"))
    finished = steps is not None and planned_steps is not None and steps >= planned_steps > 0
    if finished and epoch is not None and math.isfinite(epoch) and epoch > 0:
        raw.planned_epochs = epoch  # the last epoch may lack steps that make no full batch
    elif planned is not None and 0 < planned < 1e9:
        raw.planned_epochs = planned
        if epoch is not None and epoch < planned - 0.5 and not _stopped_early(data):
            raw.cut = f"its state is of epoch {epoch:.4g} of {planned:g}"
    return raw


def _stopped_early(data: Record) -> bool:
    callbacks = data.get("stateful_callbacks")
    return isinstance(callbacks, dict) and any("EarlyStopping" in str(name) for name in callbacks)


def _of_lists(data: Record) -> RawLog | None:
    """Lists by name, an epoch an item: Keras' history, and histories kept by hand, at the top or one level below."""
    lists = dict(_series(data, ""))
    known = [name for name in lists if meaning(name).quantity or counter(name)]
    longest = max((len(values) for values in lists.values()), default=0)
    if not lists or (not known and longest < 3):
        return None
    cells = Cells()
    for row in range(longest):
        for name, values in lists.items():
            if row < len(values) and (value := as_number(values[row])) is not None:
                cells.add(name, value)
        cells.end_row()
    return RawLog("Keras history JSON", cells.rows, cells.columns(), epochs_by_row=True)


def _series(data: Record, prefix: str, depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, list) and value and all(as_number(item) is not None or item is None for item in value):
            yield name, value
        elif isinstance(value, dict) and value and all(str(index) in value for index in range(len(value))):
            yield name, [value[str(index)] for index in range(len(value))]  # as pandas writes them
        elif isinstance(value, dict) and depth < 2:
            yield from _series(value, "" if key in ("history", "History") else f"{name}/", depth + 1)


def _of_nested_records(data: Record) -> RawLog | None:
    """The longest list of records within."""
    lists: list[list[Any]] = [
        value
        for value in (*data.values(), *(v for d in data.values() if isinstance(d, dict) for v in d.values()))
        if isinstance(value, list) and value and isinstance(value[0], dict)
    ]
    if lists:
        longest = max(lists, key=len)
        raw = _of_records(longest, "JSON records")
        raw.config = normalised(dict(list(flat({k: v for k, v in data.items() if not isinstance(v, list)}))[:200]))
        return raw
    by_epoch = [(key, value) for key, value in data.items() if isinstance(value, dict) and str(key).isdigit()]
    if len(by_epoch) > 1:
        return _of_records([{"epoch": int(key[:9]), **value} for key, value in by_epoch], "JSON records")
    return None


def _of_summary(data: Record) -> RawLog | None:
    """One record: the last values of a run, as in ``wandb-summary.json``."""
    known = [name for name, _ in _numbers(data, "") if meaning(name).quantity]
    losses = any(meaning(name).quantity == "loss" or meaning(name).split for name in known)
    if not known or not (losses or len(known) > 1 or any(counter(name) for name in data)):
        return None
    return _of_records([data], "W&B summary" if "_step" in data or "_wandb" in data else "JSON record")
