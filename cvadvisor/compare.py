"""Compare two training logs: which is better beyond noise, where they part, and what was set differently."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cvadvisor.comparison import AuditComparison, Better, Difference, LogComparison, Side
from cvadvisor.errors import UserError
from cvadvisor.inspect.logs import curves
from cvadvisor.inspect.logs.curves import Curve
from cvadvisor.inspect.logs.log import Array, LogError, Run, Series
from cvadvisor.inspect.logs.main_series import curve_of, main_series, unit
from cvadvisor.inspect.logs.read import read_logs
from cvadvisor.inspect.printable import printable

# Two values differ when they lie farther apart than two standard deviations of the difference of two single ones.
_BAND = 2.0
_FEWEST_DIFFERENCES = 3
# A median absolute difference of neighbours to the standard deviation of one, for normal noise.
_TO_DEVIATION = 1.4826 / math.sqrt(2)
_AUDIT_HEAD_BYTES = 4096


def compare(a: Path, b: Path, *, columns: Mapping[str, str] | None = None) -> LogComparison | AuditComparison:
    """Compare two logs, or two ``audit.json``; of a log with several runs, the last one.

    Raises:
        UserError: one cannot be read, or they are of different kinds.
    """
    are_audits = [_is_audit(path) for path in (a, b)]
    if all(are_audits):
        from cvadvisor.compare_audits import compare_audits

        return compare_audits(a, b)
    if any(are_audits):
        audit, other = (a, b) if are_audits[0] else (b, a)
        raise UserError(f"{printable(audit)} is an audit and {printable(other)} is not: compare two of one kind.")
    return compare_runs(*_last_run(a, columns), *_last_run(b, columns))


def compare_runs(a: Run, notes_a: list[str], b: Run, notes_b: list[str]) -> LogComparison:
    """Compare two runs by the series that both have and that says most: a metric of the task before the loss."""
    notes = [f"A: {note}" for note in notes_a] + [f"B: {note}" for note in notes_b]
    config = _config_differences(a, b)
    shared = _shared(a, b)
    if shared is None:
        notes.append("They share no metric and no loss with values, so neither can be called better.")
        return LogComparison(_side(a), _side(b), config=config, notes=tuple(notes))
    series_a, series_b = shared
    curve_a, curve_b = curve_of(a, series_a), curve_of(b, series_b)
    side_a, side_b = _side(a, curve_a), _side(b, curve_b)
    band = None
    if side_a.noise is not None and side_b.noise is not None:
        band = _BAND * math.hypot(side_a.noise, side_b.noise)
    notes += _not_finite(a, "A") + _not_finite(b, "B")
    same_unit = unit(a) == unit(b)
    if not same_unit:
        notes.append(f"A counts in {unit(a)}s and B in {unit(b)}s, so where they part cannot be said.")
    return LogComparison(
        side_a,
        side_b,
        title=_title(series_a),
        lower_is_better=curve_a.lower_is_better,
        better=_better(side_a, side_b, band, lower_is_better=curve_a.lower_is_better),
        band=band,
        part_at=part_at(curve_a, curve_b, band) if same_unit and band is not None else None,
        unit=unit(a),
        config=config,
        notes=tuple(notes),
    )


def noise(y: Array) -> float | None:
    """Standard deviation of a single value, from how neighbours in the last half differ; ``None`` for too few."""
    differences = np.abs(np.diff(y[len(y) // 2 :]))
    return float(np.median(differences)) * _TO_DEVIATION if len(differences) >= _FEWEST_DIFFERENCES else None


def part_at(a: Curve, b: Curve, band: float) -> float | None:
    """From where on the curves differ by more than ``band``, to the end of what both cover; ``None`` for nowhere."""
    if not len(a) or not len(b):
        return None
    x = a.x[(a.x >= b.x[0]) & (a.x <= b.x[-1])]
    if not len(x):
        return None
    gap = np.abs(np.interp(x, a.x, curves.smooth(a.y)) - np.interp(x, b.x, curves.smooth(b.y)))
    alike = np.flatnonzero(gap <= max(band, _rounding(a.y, b.y)))
    first = int(alike[-1]) + 1 if len(alike) else 0
    return float(x[first]) if first < len(x) else None


def _better(a: Side, b: Side, band: float | None, *, lower_is_better: bool) -> Better:
    if a.best is None or b.best is None or band is None:
        return "unknown"
    gain = (a.best - b.best) if lower_is_better else (b.best - a.best)
    if abs(gain) <= max(band, _rounding(np.array([a.best, b.best]))):
        return "neither"
    return "B" if gain > 0 else "A"


def _rounding(*values: Array) -> float:
    """What floating point alone may make of a difference."""
    return 1e-9 * max((float(np.abs(one).max()) for one in values if len(one)), default=0.0)


def _last_run(path: Path, columns: Mapping[str, str] | None) -> tuple[Run, list[str]]:
    if path.is_dir():
        raise UserError(f"{printable(path)} is a folder: name a log in it.")
    last = None
    for run in read_logs(path, columns=columns):
        last = run
    if last is None:
        raise LogError(f"{printable(path)} holds no training run.")
    return last, [f"the last of {last.of} runs in the file."] if last.of > 1 else []


def _side(run: Run, one: Curve | None = None) -> Side:
    whole = np.unique(np.floor(run.epoch[np.isfinite(run.epoch)])) if unit(run) == "epoch" else np.empty(0)
    length = f"{len(whole)} epochs" if len(whole) else f"{run.rows} rows"
    path, about = printable(run.path), f"{run.format}, {length}"
    if one is None or not len(one):
        return Side(path, about)
    at = curves.best_of(one)
    best = float(curves.smooth(one.y)[at])
    return Side(path, about, best, float(one.x[at]), curves.last_of(one), noise(one.y))


def _shared(a: Run, b: Run) -> tuple[Series, Series] | None:
    """The same quantity in both: the main metric of either, any other of the validation, a loss, anything else."""
    main = [series for run in (a, b) for series in main_series(run)]
    metrics = [one for one in main if one.split == "validation" and one.quantity != "loss"]
    others = [one for one in a.series if one.split == "validation" and one.quantity not in ("", "loss", "seconds")]
    losses = [one for one in main if one.quantity == "loss"]
    losses.sort(key=lambda one: one.split != "validation")
    for wanted in (*metrics, *others, *losses):
        if wanted.part:
            continue
        found = [_same(run, wanted) for run in (a, b)]
        if found[0] is not None and found[1] is not None:
            return found[0], found[1]
    return None


def _same(run: Run, wanted: Series) -> Series | None:
    found = [
        one
        for one in run.series
        if (one.split, one.quantity, one.part) == (wanted.split, wanted.quantity, "") and np.isfinite(one.values).any()
    ]
    return max(found, key=len, default=None)


def _title(series: Series) -> str:
    return " ".join(filter(None, (series.split, series.quantity.replace("_", " "), series.part)))


def _not_finite(run: Run, name: str) -> list[str]:
    bad = [one for one in run.series if one.quantity == "loss" and not np.isfinite(one.values).all()]
    return [f"{name}: {printable(bad[0].column)} is not always a finite number."] if bad else []


def _config_differences(a: Run, b: Run) -> tuple[Difference, ...]:
    differ: dict[str, tuple[object, object]] = {}
    for key in sorted(a.config.keys() | b.config.keys(), key=lambda key: (len(key), key)):
        pair = (a.config.get(key), b.config.get(key))
        # Readers keep 'lr0' beside the 'lr' that it means.
        said = any(other in key and differ[other] == pair for other in differ)
        if str(pair[0]) != str(pair[1]) and not said:
            differ[key] = pair
    return tuple(Difference(printable(key), _said(one), _said(other)) for key, (one, other) in sorted(differ.items()))


def _said(value: object) -> str | None:
    return None if value is None else printable(str(value)[:200])


def _is_audit(path: Path) -> bool:
    """Whether the file begins as an ``audit.json`` does."""
    if path.is_dir():
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_AUDIT_HEAD_BYTES)
    except OSError as error:
        raise UserError(f"{printable(path)} cannot be read: {error.strerror}.") from error
    return head.lstrip().startswith(b"{") and b'"schema_version"' in head
