"""Training runs made of numbers, as readers of logs make them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cvadvisor.inspect.logs.log import Run, Series

SPLITS = ("train", "validation")


def a_run(series: Mapping[str, Sequence[float | None]], **rest: Any) -> Run:
    """A run with a row an epoch, counted from 1; series by 'split/quantity/part', a blank cell as ``None``."""
    rows = max(len(values) for values in series.values())
    made = []
    for name, values in series.items():
        parts = name.split("/")
        split = parts.pop(0) if parts[0] in SPLITS else ""
        there = [row for row, value in enumerate(values) if value is not None]
        made.append(
            Series(
                column=name,
                split=split,  # type: ignore[arg-type]
                quantity=parts[0],
                part=parts[1] if len(parts) > 1 else "",
                rows=np.array(there, np.int64),
                values=np.array([values[row] for row in there], np.float64),
            )
        )
    given = {"epoch": np.arange(1, rows + 1, dtype=float), "step": np.full(rows, np.nan), **rest}
    return Run(path=Path("log.csv"), format="CSV", series=tuple(made), **given)


def falling(start: float, end: float, epochs: int, noise: float = 0.0, seed: int = 0) -> list[float]:
    """A curve that falls (or rises) quickly at first and flattens, with noise."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 4, epochs)
    return (end + (start - end) * np.exp(-x) + noise * rng.standard_normal(epochs)).tolist()


def healthy(epochs: int = 20, **rest: Any) -> Run:
    """A run with which nothing is wrong, that logs everything."""
    rates = (1e-3 * 0.5 * (1 + np.cos(np.linspace(0, np.pi, epochs)))).clip(1e-6)
    return a_run(
        {
            "train/loss": falling(2.3, 0.3, epochs, 0.01),
            "validation/loss": falling(2.2, 0.42, epochs, 0.02, seed=1),
            "train/accuracy": falling(0.2, 0.93, epochs, 0.004, seed=2),
            "validation/accuracy": falling(0.25, 0.9, epochs, 0.006, seed=3),
            "learning_rate": rates.tolist(),
            "gradient_norm": falling(3.0, 0.8, epochs, 0.05, seed=4),
            "seconds": falling(31.0, 30.0, epochs, 0.3, seed=5),
            "step_seconds": [0.2] * epochs,
            "data_seconds": [0.01] * epochs,
        },
        planned_epochs=float(epochs),
        config={"optimizer": "AdamW", "num_classes": 10},
        **rest,
    )
