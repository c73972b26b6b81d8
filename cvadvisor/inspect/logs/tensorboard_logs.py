"""TensorBoard event files, through TensorBoard's own reader; only scalars."""

import math
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cvadvisor.inspect.logs.log import Array, LogError
from cvadvisor.inspect.logs.raw import MAX_COLUMNS, RawLog
from cvadvisor.inspect.printable import printable

_HEADER = 12
"""Bytes before an event: its length and their checksum; four more follow it."""
_MOST_FILES = 100
_KERAS_SPLITS = {"train": "train", "validation": "val", "val": "val", "eval": "val", "test": "test"}

Points = dict[str, list[tuple[int, int, float]]]
"""By tag: which time the steps began anew, the step, the value; in the order of the file."""


def is_event_file(start: bytes) -> bool:
    """Whether a file that begins so is one of TensorBoard's."""
    if len(start) < _HEADER + 8:
        return False
    (length,) = struct.unpack("<Q", start[:8])
    return 4 <= length < 4096 and b"brain.Event:" in start[_HEADER : _HEADER + length]


def event_files(folder: Path) -> list[Path]:
    """The event files of the run that a folder is, in the order of their names, which begin with the time.

    Files that were given names of their own are logs of their own.
    """
    try:
        found = sorted(p for p in folder.glob("events.out.tfevents*") if p.is_file() and not p.is_symlink())
    except OSError:
        return []
    return found[:_MOST_FILES]


def read_event_files(files: Sequence[Path]) -> RawLog:
    """Read the event files of one run.

    Raises:
        LogError: TensorBoard is not installed, or no file holds a scalar.
    """
    shown = printable(files[0] if len(files) == 1 else files[0].parent)
    points: Points = defaultdict(list)
    last: dict[str, int] = {}
    part = 0
    cut = ""
    for path in files:
        events = 0
        try:
            for step, tag, value in _scalars(path, shown):
                events += 1
                if step < last.get(tag, step):
                    part, last = part + 1, {}
                last[tag] = step
                if tag in points or len(points) < MAX_COLUMNS:
                    points[tag].append((part, step, value))
        except _Damaged:
            cut = "its event file is damaged, and what lies behind the damage is lost"
        if not _ends_whole(path):
            cut = cut or "its event file ends in the middle of an event"
    if not points:
        raise LogError(f"{shown} is an event file without scalars: give the one that the training loop wrote.")
    raw = _of_points(_settled(points))
    raw.cut = cut
    split = _KERAS_SPLITS.get(files[0].parent.name, "")
    if split and any(tag.startswith("epoch_") for tag in points):
        raw.columns = {(n if n in ("epoch", "step") else f"{split}/{n}"): c for n, c in raw.columns.items()}
    return raw


class _Damaged(Exception):
    """An event's checksum is wrong."""


def _scalars(path: Path, shown: str) -> Iterator[tuple[int, str, float]]:
    try:
        from tensorboard.backend.event_processing import event_file_loader
    except ImportError:
        raise LogError(
            f"{shown} is a TensorBoard event file: to read it, pip install 'cvadvisor[tensorboard]'."
        ) from None
    import logging

    logger = logging.getLogger("tensorboard")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        loader: Any = event_file_loader.LegacyEventFileLoader(str(path))
        for event in loader.Load():
            for value in event.summary.value:
                number = _number(value)
                if number is not None:
                    yield int(event.step), value.tag, number
    except LogError:
        raise
    except Exception as error:  # whatever the reader and protobuf raise on bytes that are wrong
        raise _Damaged from error
    finally:
        logger.disabled = was_disabled


def _number(value: Any) -> float | None:
    """The value of a scalar, as old and new writers keep it; ``None`` for a picture, a histogram, a text."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor" or value.metadata.plugin_data.plugin_name not in ("", "scalars"):
        return None
    tensor = value.tensor
    for field in ("float_val", "double_val", "int_val", "int64_val", "half_val"):
        numbers = getattr(tensor, field)
        if len(numbers) == 1 and field != "half_val":
            return float(numbers[0])
    types = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}
    content, kept = tensor.tensor_content, types.get(tensor.dtype)
    if kept is None or len(content) != np.dtype(kept).itemsize:
        return None
    return float(np.frombuffer(content, dtype=kept)[0])


def _settled(points: Points) -> Points:
    """Without what is no course of training: the final validation of the best weights, and sums over the run."""
    tags = set(points)
    if "train/train_runtime" in tags:  # Hugging Face's account of the whole run
        for tag in ("train_loss", "train_runtime", "total_flos", "train_samples_per_second", "train_steps_per_second"):
            points.pop(f"train/{tag}", None)
    if _is_ultralytics(tags):
        for tag, values in points.items():
            if tag.startswith("metrics/"):
                while len(values) > 1 and values[-1][:2] == values[-2][:2]:
                    values.pop()
    return points


def _is_ultralytics(tags: set[str]) -> bool:
    return any(tag.startswith("metrics/") for tag in tags) and any(
        tag.startswith(("lr/pg", "x/lr", "train/box", "train/loss", "train/cls")) for tag in tags
    )


def _of_points(points: Points) -> RawLog:
    """Rows in the order of the steps; of several values that a tag has for one step, each has a row of its own."""
    keys: dict[str, Array] = {}
    for tag, values in points.items():
        array = np.array([(part, step) for part, step, _ in values], dtype=np.int64)
        same = np.concatenate([[False], np.all(array[1:] == array[:-1], axis=1)])
        index = np.arange(len(values))
        began = np.maximum.accumulate(np.where(same, 0, index))
        keys[tag] = np.column_stack([array, index - began])
    every = np.unique(np.concatenate(list(keys.values())), axis=0)
    place = {key: row for row, key in enumerate(map(tuple, every.tolist()))}
    columns: dict[str, tuple[Array, Array]] = {}
    for tag, key in keys.items():
        rows = np.array([place[k] for k in map(tuple, key.tolist())], dtype=np.int64)
        columns[tag] = (rows, np.array([value for _, _, value in points[tag]], dtype=np.float64))
    tags = set(points)
    by_epoch = _is_ultralytics(tags) or any(tag.startswith("epoch_") for tag in tags)
    counts = "epoch" if by_epoch else "step"
    columns.setdefault(counts, (np.arange(len(every), dtype=np.int64), every[:, 1].astype(np.float64)))
    return RawLog("TensorBoard events", len(every), columns)


def _ends_whole(path: Path) -> bool:
    """Whether the lengths of the events add up to the size of the file."""
    size = path.stat().st_size
    at = 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            header = file.read(8)
            if len(header) < 8:
                return False
            (length,) = struct.unpack("<Q", header)
            at += _HEADER + length + 4
    return at == size and math.isfinite(at)
