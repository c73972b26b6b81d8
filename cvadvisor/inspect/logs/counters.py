"""Where the runs of a log begin: a counter that restarts, a resume that goes back, rows out of order, rows twice."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvadvisor.inspect.logs.columns import Meaning
from cvadvisor.inspect.logs.log import Array
from cvadvisor.inspect.logs.raw import RawLog

Column = tuple[Array, Array, Meaning]

# Counters are rounded by some logs (Hugging Face writes epochs with two digits): less than this is no step back.
_ROUNDING = 0.02
# More steps back than this share of the rows, to other places than the first, are disorder and no resumes.
_DISORDER = 0.2
_MOST_PROCESSES = 16
# Restarts beyond this number are no runs that anyone appended.
_MOST_RUNS = 200


@dataclass(frozen=True, eq=False)
class Piece:
    """The rows of one run, and their counters."""

    rows: Array
    """Rows of the file, int64, in its order."""
    epoch: Array
    step: Array
    resumed_rows: int = 0
    disordered_rows: int = 0


def pieces(raw: RawLog, epoch: Array, step: Array, columns: Sequence[Column]) -> list[Piece]:
    """The runs of a log, one at least where it has rows."""
    rows = _without_copies(raw.rows, epoch, step, columns)
    starts = np.searchsorted(rows, np.unique(np.array([s for s in raw.starts if 0 < s < raw.rows], dtype=np.int64)))
    found: list[Piece] = []
    for block in np.split(rows, starts):
        if len(block):
            found += _by_counter(block, epoch, step, columns)
    return _repeated(found, epoch, step, columns)


def _by_counter(rows: Array, epoch: Array, step: Array, columns: Sequence[Column]) -> list[Piece]:
    """Cut a block of rows where its counter restarts."""
    count = epoch[rows]
    if not np.isfinite(count).any():
        count = step[rows]
    known = np.flatnonzero(np.isfinite(count))
    if len(known) < 2:
        return [_piece(rows, epoch, step)]
    values = count[known]
    back = np.flatnonzero(values[1:] < values[:-1] - _ROUNDING) + 1
    first = float(values[0])
    landed = values[back]
    restarts = back[(np.abs(landed - first) <= _ROUNDING) | (landed <= values.min() + _ROUNDING)]
    others = len(back) - len(restarts)
    if (others >= 3 and others > _DISORDER * len(values)) or len(restarts) > _MOST_RUNS:
        below = int(np.sum(values < np.maximum.accumulate(values) - _ROUNDING))
        return [_piece(rows, epoch, step, disordered=below)]
    return _walk(rows, known, values, back, epoch, step, columns)


def _walk(
    rows: Array, known: Array, values: Array, back: Array, epoch: Array, step: Array, columns: Sequence[Column]
) -> list[Piece]:
    """Judge each step back: a restart begins a run, a resume drops the rows it writes again, the rest is disorder."""
    keep = np.ones(len(rows), dtype=bool)
    done: list[Piece] = []
    begin, resumed, disordered = 0, 0, 0  # of the run that is being read; begin is an index into values

    def close(end: int) -> None:
        first, last = known[begin] if done else 0, known[end] if end < len(known) else len(rows)
        kept = rows[first:last][keep[first:last]]
        if len(kept):
            done.append(_piece(kept, epoch, step, resumed, disordered))

    stray_until = -1
    for at in back.tolist():
        if at <= stray_until:
            continue
        here, first = values[at], values[begin]
        top = float(values[begin:at].max())
        if here >= top - _ROUNDING:
            continue
        stray = at + 1 < len(values) and values[at + 1] > top + _ROUNDING
        far = here <= first + _ROUNDING or (here - first) < (top - first) / 2
        if stray and not here <= first + _ROUNDING:
            disordered += 1
            stray_until = at
        elif here <= first + _ROUNDING or (far and not _continues(rows, known, values, begin, at, columns)):
            close(at)
            begin, resumed, disordered = at, 0, 0
        else:
            again = np.flatnonzero(values[begin:at] >= here - _ROUNDING) + begin
            start = known[again[0]]
            resumed += int(keep[start : known[at]].sum())
            keep[start : known[at]] = False
    close(len(values))
    return done


def _repeated(found: list[Piece], epoch: Array, step: Array, columns: Sequence[Column]) -> list[Piece]:
    """Where a log has a row an epoch, an epoch that occurs twice in a row was resumed: the later row is kept."""
    if not any(len(piece.epoch) > 4 and np.any(np.diff(piece.epoch) == 0) for piece in found):
        return found
    # Which columns a row has values in, as a number: rows of training and of validation are no repetition.
    has = np.zeros(len(epoch), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for index, (where, _, _) in enumerate(columns):
            has[where] += np.uint64(0x9E3779B97F4A7C15) * np.uint64(2 * index + 1)
    result = []
    for piece in found:
        count = piece.epoch
        own = has[piece.rows]
        same = np.flatnonzero((np.diff(count) == 0) & (own[1:] == own[:-1]) & (own[1:] != 0))
        steps_same = not np.isfinite(piece.step).any()
        if not (0 < len(same) <= 0.1 * len(count)) or len(count) < 5 or not steps_same:
            result.append(piece)
            continue
        keep = np.ones(len(count), dtype=bool)
        keep[same] = False
        # At the very beginning it is a check of the validation before any training, as Lightning does.
        resumed = piece.resumed_rows + int(np.sum(count[same] > count[0]))
        result.append(_piece(piece.rows[keep], epoch, step, resumed, piece.disordered_rows))
    return result


def _continues(rows: Array, known: Array, values: Array, begin: int, at: int, columns: Sequence[Column]) -> bool:
    """Whether the loss goes on from where it was at this count, rather than from where the run began."""
    losses = [c for c in columns if c[2].quantity == "loss" and not c[2].part]
    if not losses:
        return True
    column = max(losses, key=lambda c: len(c[0]))
    place = np.full(int(rows[-1]) + 1, math.nan)
    inside = column[0] <= rows[-1]
    place[column[0][inside]] = column[1][inside]
    losses_here = place[rows[known]]
    now = losses_here[at : at + 3]
    before = losses_here[begin:at][np.abs(values[begin:at] - values[at]) <= 1]
    origin = losses_here[begin:at][:3]
    now, before, origin = (part[np.isfinite(part)] for part in (now, before, origin))
    if not (len(now) and len(before) and len(origin)):
        return True
    return bool(abs(now.mean() - before.mean()) <= abs(now.mean() - origin.mean()))


def _without_copies(count: int, epoch: Array, step: Array, columns: Sequence[Column]) -> Array:
    """All rows but those that other processes of the same run wrote too: each count occurs as often, values equal."""
    rows = np.arange(count, dtype=np.int64)
    key = np.stack([epoch, step])
    if count < 4 or not (np.isfinite(epoch).any() or np.isfinite(step).any()):
        return rows
    same_count = np.all((key[:, 1:] == key[:, :-1]) | (np.isnan(key[:, 1:]) & np.isnan(key[:, :-1])), axis=0)
    pairs = int(count - same_count.sum())
    if pairs < 2 or pairs == count or count > _MOST_PROCESSES * pairs:
        return rows
    content = np.zeros(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for index, (where, values, meaning) in enumerate(columns):
            if meaning.quantity not in ("seconds", "step_seconds", "data_seconds", "memory"):
                mixed = (values.view(np.uint64) ^ np.uint64(index + 1)) * np.uint64(0x9E3779B97F4A7C15)
                content[where] += mixed ^ (mixed >> np.uint64(29))
    copied = content[1:] == content[:-1]
    # Where the values stand still from count to count, equal rows say nothing of who wrote them.
    if not np.array_equal(copied & same_count, same_count) or bool(np.any(copied & ~same_count)):
        return rows
    return rows[np.concatenate([[True], ~same_count])]


def _piece(rows: Array, epoch: Array, step: Array, resumed: int = 0, disordered: int = 0) -> Piece:
    own_epoch, own_step = epoch[rows], step[rows]
    return Piece(rows, own_epoch, _steps_of_run(own_epoch, own_step), resumed, disordered)


def _steps_of_run(epoch: Array, step: Array) -> Array:
    """Steps from the beginning of the run, where the log counts them within an epoch."""
    known = np.flatnonzero(np.isfinite(epoch) & np.isfinite(step))
    if len(known) < 3:
        return step
    counted, epochs = step[known], epoch[known]
    back = counted[1:] < counted[:-1]
    if not back.any() or not np.all(epochs[1:][back] > epochs[:-1][back]):
        return step
    span = float(counted.max()) + (1 if counted.min() == 0 else 0)
    result = np.full(len(step), math.nan)
    result[known] = counted + span * (np.floor(epochs) - math.floor(float(epochs.min())))
    return result
