"""Read training logs of any format; the content of a file decides which it is, never its name."""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from cvadvisor.inspect.logs.columns import quantities
from cvadvisor.inspect.logs.config_files import planned_epochs, settings_beside
from cvadvisor.inspect.logs.find import find_logs
from cvadvisor.inspect.logs.log import LogError, Run
from cvadvisor.inspect.logs.raw import RawLog
from cvadvisor.inspect.logs.runs import runs_of
from cvadvisor.inspect.printable import printable

__all__ = ["MAX_BYTES", "find_logs", "read_logs"]

# A log of a billion bytes has tens of millions of rows: no curve needs them, and reading them takes minutes.
MAX_BYTES = 1_000_000_000
_LOOK = 65_536
_SHOWN = 12


def read_logs(path: Path, *, columns: Mapping[str, str] | None = None) -> Iterator[Run]:
    """The runs of one log, in its order; ``path`` may also be a folder of event files or a run of MLflow.

    Args:
        path: the log.
        columns: what columns mean, by the log's name for them: 'val/accuracy', 'train/loss/box', 'learning_rate', '-'.

    Raises:
        LogError: nothing can be read from it; the message says what was found and what to do.
    """
    shown = printable(path)
    try:
        raw = _read(path)
        config = settings_beside(path / "x" if path.is_dir() else path)
    except OSError as error:
        raise LogError(f"{shown} cannot be read: {error.strerror or type(error).__name__}.") from error
    except MemoryError:
        raise LogError(f"{shown} does not fit into memory: thin the log out, or split it by run.") from None
    if raw.planned_epochs is None:
        raw.planned_epochs = planned_epochs({**config, **raw.config})
    runs = list(runs_of(path, raw, config, columns))
    known = quantities()
    if not any(one.quantity and known[one.quantity].better for run in runs for one in run.series):
        names = list(dict.fromkeys(printable(one.column)[:40] for run in runs for one in run.series))
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        seen = f": it has {', '.join(names[:_SHOWN])}{more}" if names else ""
        raise LogError(f"{shown} has no column of losses or metrics, such as train_loss or val_accuracy{seen}.")
    yield from runs


def _read(path: Path) -> RawLog:
    shown = printable(path)
    try:
        status = path.stat()
    except FileNotFoundError:
        raise LogError(f"{shown} does not exist: give a training log, or a folder that holds some.") from None
    except ValueError as error:  # a name with a NUL
        raise LogError(f"{shown} cannot be read: {error}.") from error
    if stat.S_ISDIR(status.st_mode):
        return _read_folder(path)
    if not stat.S_ISREG(status.st_mode):
        raise LogError(f"{shown} is not a regular file: give the log itself.")
    if status.st_size > MAX_BYTES:
        raise LogError(
            f"{shown} has {status.st_size / 1e9:,.1f} GB: logs of up to {MAX_BYTES / 1e9:g} GB are read. "
            "Thin it out, for example to a row in a hundred."
        )
    with path.open("rb") as file:
        start = file.read(_LOOK)
    if not start.strip(b"\0 \t\r\n"):
        raise LogError(f"{shown} is empty: the run logged nothing yet.")
    return _read_file(path, start)


def _read_file(path: Path, start: bytes) -> RawLog:
    from cvadvisor.inspect.logs import tensorboard_logs

    shown = printable(path)
    if tensorboard_logs.is_event_file(start):
        return tensorboard_logs.read_event_files([path])
    encoding = _encoding(start)
    text = start.decode(encoding, "replace")
    if text.count("\0") > 0.001 * len(text) or _unprintable(text) > max(20, 0.1 * len(text)):
        raise LogError(f"{shown} is a binary file and no TensorBoard event file: give a training log.")
    stripped = text.lstrip("﻿ \t\r\n")
    if stripped.startswith(("{", "[")) and not _is_bracketed_text(stripped):
        from cvadvisor.inspect.logs.json_logs import read_json

        return read_json(path, text, encoding)
    from cvadvisor.inspect.logs.tables import looks_like_table, read_table

    if how := looks_like_table(text):
        return read_table(path, text, encoding, how)
    from cvadvisor.inspect.logs.text_logs import read_text

    return read_text(path, encoding)


def _is_bracketed_text(text: str) -> bool:
    """Whether this is text such as '[Epoch 1] loss: 0.5' or '{epoch 1 …', and no JSON."""
    inner = text[1:200].lstrip()
    return (
        bool(inner) and inner[0] not in '"{[]}-0123456789' and not inner.startswith(("null", "true", "false", "NaN"))
    ) or (text[0] == "[" and "]" in text[:40] and text[text.index("]") + 1 :].split("\n")[0].strip(" ,") != "")


def _encoding(start: bytes) -> str:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):  # as PowerShell's ">" writes
        return "utf-16"
    return "utf-8-sig"


def _unprintable(text: str) -> int:
    return sum(character == "�" or (character < " " and character not in "\t\r\n\b\f\x1b") for character in text)


def _read_folder(path: Path) -> RawLog:
    from cvadvisor.inspect.logs import mlflow_logs, tensorboard_logs

    if mlflow_logs.is_run(path):
        return mlflow_logs.read_run_folder(path)
    if files := tensorboard_logs.event_files(path):
        return tensorboard_logs.read_event_files(files)
    raise LogError(f"{printable(path)} is a folder without logs of its own: give the logs in it.")
