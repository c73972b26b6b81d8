"""What a training log says, whatever its format: runs, and in each what was measured, row by row.

Readers (a file a format) make these; :mod:`cvadvisor.inspect.logs.curves` says what the series do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cvadvisor.errors import UserError

Array = np.ndarray[Any, np.dtype[Any]]
Split = Literal["train", "validation", ""]


class LogError(UserError):
    """A log that cannot be read; the message is one line: what was found, and what to do."""


@dataclass(frozen=True, eq=False)
class Series:
    """One column of a log. Blank cells are left out; what the log writes as NaN or infinity is there."""

    column: str
    """As the log calls it."""
    split: Split
    """What it was measured on; empty where that is unknown or means nothing (a learning rate)."""
    quantity: str
    """What it is, by the names of ``columns.yaml``: 'loss', 'accuracy', 'learning_rate' …; empty where unknown."""
    part: str
    """Which part of it: 'box' of a loss, 'pg0' of a learning rate; empty for the whole."""
    rows: Array
    """Rows of the run that it has a value on, int64 (n,), ascending."""
    values: Array
    """float64 (n,)."""

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Run:
    """One training run. Rows are in the order of the log; a file may hold several runs."""

    path: Path
    format: str
    """Such as 'Ultralytics results.csv', 'Hugging Face trainer_state.json', 'CSV'."""
    epoch: Array
    """Epoch of each row, float64 (rows,), as the log counts, possibly with a fraction; NaN where it does not say."""
    step: Array
    """Optimiser step of each row, float64 (rows,); NaN where it does not say."""
    series: tuple[Series, ...]
    number: int = 1
    """Which run of its file this is, from 1."""
    of: int = 1
    """How many runs the file holds."""
    config: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """What the run was set to, from the log or files beside it: flat, keys lower case with underscores."""
    planned_epochs: float | None = None
    cut: str = ""
    """Why the log seems to end too early, as a clause: 'its last row is cut short'; empty where it does not."""
    resumed_rows: int = 0
    """Rows that a resume wrote again; the later ones are kept."""
    disordered_rows: int = 0
    """Rows whose epoch or step is below that of a row before, and that no restart or resume explains."""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.epoch)
