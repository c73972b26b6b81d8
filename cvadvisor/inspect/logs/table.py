"""Read a training log that is a table: CSV or TSV, a row an epoch, as Keras, Ultralytics and most loops by hand keep.

The script that an audit generates writes ``epoch,phase,lr,train_loss,…,val_loss,val_accuracy,…``.
"""

import math
import re
import stat
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cvadvisor.errors import UserError
from cvadvisor.facts.run import RunFacts
from cvadvisor.inspect.printable import printable

MAX_BYTES = 200_000_000

# What columns are called, after normalising (``train/loss`` → ``train_loss``); the first name that occurs is read.
_EPOCH = ("epoch", "epochs", "epoch_number")
_TRAIN_LOSS = (
    *("train_loss", "training_loss", "loss_train", "trn_loss", "tr_loss", "train_loss_epoch", "epoch_loss"),
    *("train_epoch_loss", "avg_train_loss", "mean_train_loss", "loss"),
)
_VALIDATION_LOSS = (
    *("val_loss", "valid_loss", "validation_loss", "eval_loss", "loss_val", "loss_valid", "dev_loss", "val_loss_epoch"),
    *("val_epoch_loss", "avg_val_loss", "mean_val_loss", "test_loss"),
)
_VALIDATION_ACCURACY = (
    *("val_accuracy", "val_acc", "valid_accuracy", "valid_acc", "validation_accuracy", "validation_acc"),
    *("eval_accuracy", "eval_acc", "accuracy_val", "acc_val", "dev_accuracy", "dev_acc", "val_acc_epoch"),
    *("val_accuracy_epoch", "metrics_accuracy_top1", "val_top1", "eval_top1", "val_categorical_accuracy"),
    *("val_sparse_categorical_accuracy", "val_binary_accuracy", "test_accuracy", "test_acc"),
)
# Says nothing of the split: Keras means training by it, Hugging Face and others validation.
_ACCURACY = ("accuracy", "acc", "top1", "top1_accuracy")
_LEARNING_RATE = ("lr", "learning_rate", "lr_pg0", "x_lr0", "train_lr", "lr_0", "last_lr", "base_lr")
_PHASE = ("phase", "stage")

_WRITTEN_NON_FINITE = re.compile(r"[+-]?(nan|inf|infinity|-nan\(ind\)|1\.#(qnan|inf|ind))", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
_COLUMNS_SHOWN = 12

Values = list[float | None]
"""A column: ``None`` where a cell is blank, NaN or infinity where such a value is written."""


class LogError(UserError):
    """A log that cannot be read; the message is one line: what was found, and what to do."""


def read_run(path: Path) -> RunFacts:
    """Read a CSV or TSV log with a header and a row an epoch. Rows of one epoch that follow each other count as one.

    A blank cell is a value that was not logged. A written NaN or infinity makes ``losses_are_finite`` false. An
    accuracy in percent is turned into a share.

    Raises:
        LogError: the file is missing, empty, too large, no such table, or has no column of losses.
    """
    shown = printable(path)
    header, rows = _read_table(path, shown)
    names = [_normalised(cell) for cell in header]
    if not _find(names, _TRAIN_LOSS) and not _find(names, _VALIDATION_LOSS):
        raise LogError(f"{shown} has no column of losses, such as train_loss or val_loss: it has {_listed(header)}.")
    if not rows:
        raise LogError(f"{shown} has a header but no rows: the run logged no epoch.")
    columns = {name: [row[index] for row in rows] for index, name in reversed(list(enumerate(names)))}
    merged = _merge_epochs(columns)

    def read(wanted: Sequence[str]) -> Values:
        name = _find(names, wanted)
        return [_number(cell, name, shown) for cell in merged[name]] if name else []

    # A table with a bare "loss" follows Keras, where a bare "accuracy" is of training too.
    accuracy_names = _VALIDATION_ACCURACY if "loss" in names else _VALIDATION_ACCURACY + _ACCURACY
    return RunFacts(
        path=shown,
        epochs=len(next(iter(merged.values()))),
        **_loss_facts(read(_TRAIN_LOSS), read(_VALIDATION_LOSS)),
        **_accuracy_facts(read(accuracy_names)),
        **_learning_rate_facts(read(_LEARNING_RATE)),
    )


def _read_table(path: Path, shown: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows as text, all of one length."""
    text_start, encoding = _look_at(path, shown)
    first_line = text_start.partition("\n")[0]
    separator = max(",\t;", key=first_line.count)
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table: Any = pd.read_csv(
                path,
                sep=separator,
                header=None,
                dtype=str,
                keep_default_na=False,
                skipinitialspace=True,
                encoding=encoding,
                encoding_errors="replace",
            )
    except pd.errors.EmptyDataError:
        raise LogError(f"{shown} is empty: the run logged nothing.") from None
    except (ValueError, OSError, OverflowError, MemoryError) as error:
        reason = printable(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        raise LogError(f"{shown} is not a table with a row an epoch: {reason[:120]}.") from error
    cells = [[cell.strip() if isinstance(cell, str) else "" for cell in row] for row in table.to_numpy().tolist()]
    header = cells[0]
    # A run that was resumed may have written its header again.
    return header, [row for row in cells[1:] if row != header]


def _look_at(path: Path, shown: str) -> tuple[str, str]:
    """The first characters and the encoding, after everything that can be wrong with a file as a whole."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise LogError(f"{shown} is {kind}: give the log file itself, a CSV with a row an epoch.")
        if status.st_size > MAX_BYTES:
            size = f"{status.st_size / 1e6:,.0f} MB"
            raise LogError(f"{shown} has {size}: a log with a row an epoch has under {MAX_BYTES / 1e6:,.0f} MB.")
        with path.open("rb") as file:
            start = file.read(65536)
    except FileNotFoundError:
        raise LogError(f"{shown} does not exist: give the training log, a CSV with a row an epoch.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise LogError(f"{shown} cannot be read: {reason}.") from error
    encoding = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    text = start.decode(encoding, "replace").lstrip()
    if not text:
        raise LogError(f"{shown} is empty: the run logged nothing.")
    if "\0" in text:
        raise LogError(f"{shown} is a binary file: give a CSV or TSV with a row an epoch.")
    if text.startswith(("{", "[")):
        raise LogError(f"{shown} is JSON: this version reads a CSV or TSV with a row an epoch.")
    return text, encoding


def _normalised(name: str) -> str:
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")


def _find(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in names), None)


def _listed(header: Sequence[str]) -> str:
    shown = [printable(name)[:40] or "(no name)" for name in header[:_COLUMNS_SHOWN]]
    more = f" and {len(header) - _COLUMNS_SHOWN} more" if len(header) > _COLUMNS_SHOWN else ""
    return ", ".join(shown) + more


def _merge_epochs(columns: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Rows that follow each other with the same epoch and phase become one, with the last value each wrote.

    Loops that log training and validation apart, Lightning's among them, write such rows.
    """
    epoch, phase = _find(list(columns), _EPOCH), _find(list(columns), _PHASE)
    if epoch is None:
        return dict(columns)
    merged: dict[str, list[str]] = {name: [] for name in columns}
    before: tuple[str, str] | None = None
    for index, number in enumerate(columns[epoch]):
        here = (number, columns[phase][index] if phase else "")
        for name, column in columns.items():
            if here != before or not number:
                merged[name].append(column[index])
            elif column[index]:
                merged[name][-1] = column[index]
        before = here
    return merged


def _number(cell: str, column: str, shown: str) -> float | None:
    if not cell or cell.lower() in ("none", "null", "-"):
        return None
    if _WRITTEN_NON_FINITE.fullmatch(cell):
        return math.nan
    try:
        return float(cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell)
    except ValueError:
        raise LogError(f"{shown}: column {printable(column)!r} holds {printable(cell)[:40]!r}, no number.") from None


def _loss_facts(train: Values, validation: Values) -> dict[str, Any]:
    written = [value for value in (*train, *validation) if value is not None]
    best = min((value for value in validation if value is not None and math.isfinite(value)), default=None)
    last = _last(validation)
    return {
        "losses_are_finite": all(map(math.isfinite, written)),
        "first_train_loss": _finite(next((value for value in train if value is not None), None)),
        "last_train_loss": _last(train),
        "last_validation_loss": last,
        "best_validation_loss": best,
        "best_validation_loss_epoch": None if best is None else validation.index(best) + 1,
        "validation_loss_rise": None if best is None or last is None or best <= 0 else _finite(last / best - 1),
    }


def _accuracy_facts(accuracy: Values) -> dict[str, Any]:
    finite = [value for value in accuracy if value is not None and math.isfinite(value)]
    if not finite or min(finite) < 0 or max(finite) > 100:  # whatever that is, it is no accuracy
        return {}
    scale = 100 if max(finite) > 1 else 1
    last = _last(accuracy)
    return {
        "best_validation_accuracy": max(finite) / scale,
        "last_validation_accuracy": None if last is None else last / scale,
    }


def _learning_rate_facts(rates: Values) -> dict[str, Any]:
    highest = max((value for value in rates if value is not None and math.isfinite(value)), default=None)
    last = _last(rates)
    decay = None if highest is None or last is None or highest <= 0 else _finite(last / highest)
    return {"highest_learning_rate": highest, "last_learning_rate": last, "learning_rate_decay": decay}


def _last(values: Values) -> float | None:
    """The last value that was written, unless that is no finite number."""
    return _finite(next((value for value in reversed(values) if value is not None), None))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
