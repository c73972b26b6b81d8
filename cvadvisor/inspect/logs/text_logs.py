"""Logs that are a program's output: lines such as ``Epoch 3/90 … loss: 0.52 val_acc=0.81``, and progress bars.

A number in a line means what the words before it say; only words that ``columns.yaml`` knows make a row.
"""

import contextlib
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from cvadvisor.inspect.logs.columns import counter, meaning, quantities, words
from cvadvisor.inspect.logs.config_files import normalised
from cvadvisor.inspect.logs.log import LogError
from cvadvisor.inspect.logs.raw import Cells, RawLog, Scalar, compact
from cvadvisor.inspect.printable import printable

_LONGEST_LINE = 1_000_000
_LONGEST_PART = 4_000
"""Of a line between carriage returns, this much is read."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NUMBER = re.compile(
    r"(?<![\w@.%\-])(?:(?P<value>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)|(?P<odd>[-+]?(?:nan|inf)))"
    r"(?![\w.])(?:\s?(?P<percent>%)|\s*/\s*(?P<total>\d+(?:\.\d+)?)(?![\w:.]))?(?:\s*\(\s*(?P<mean>[-+.\deE]+)\s*\))?",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"[|,;\t\[\](){}<>]| - |\s{3,}|━|█|=>|->")
_SPLIT_WORD = re.compile(
    r"(?<![\w.])(?:(?P<train>train|training)|(?P<val>val|valid|validation|validating|eval|evaluation)"
    r"|(?P<test>test|testing))(?![\w.])",
    re.IGNORECASE,
)
# A line that tells of something other than the course of the run: files, the best so far, tables of layers.
_ASIDE = re.compile(
    r"\.(?:ckpt|pth?|h5|hdf5|keras|safetensors|onnx|png|py)\b|\b(?:saving|saved|restor|best|early ?stopping)|Traceback|"
    r"\b(?:improved|patience)\b",
    re.IGNORECASE,
)
_FILLED = re.compile(r"100%\||(\d+)/\1\b")
_SETTING = frozenset({"learning_rate", "weight_decay", "momentum"})
_INDEX = re.compile(r"^\s*[\[(]?\s*(\d{1,5})\s*/\s*(\d{1,5})\s*[\])]")


def read_text(path: Path, encoding: str) -> RawLog:
    """Read a program's output, line by line.

    Raises:
        LogError: no line holds a loss or a metric.
    """
    reader = _Reader()
    with path.open(encoding=encoding, errors="replace", newline="\n") as file:
        while line := file.readline(_LONGEST_LINE):
            for part in _parts(line):
                reader.take(part)
    raw = reader.done()
    if not raw.rows:
        raise LogError(
            f"{printable(path)} is no training log that can be read: it is no table, no JSON and no event file, and no "
            "line names a loss or a metric with its value."
        )
    return raw


def _parts(line: str) -> Iterator[str]:
    """The states of a line that say something: of a progress bar, the full ones and the last."""
    if "\x1b" in line:
        line = _ESCAPES.sub("", line)
    line = line.rstrip("\r\n").replace("\b", "")
    if "\r" not in line:
        yield line[:_LONGEST_PART]
        return
    parts = [part for part in line.split("\r") if part.strip()]
    before = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        # A bar that is refreshed when it is full is written twice; the next bar begins empty.
        refreshed = not last and bool(_FILLED.search(parts[index + 1]))
        if (last or (_FILLED.search(part) and not refreshed)) and part != before:
            yield part[:_LONGEST_PART]
            before = part


class _Reader:
    """Reads line after line, and remembers the epoch and the split that lines before have named."""

    def __init__(self) -> None:
        self.cells = Cells()
        self.epoch: float | None = None
        self.total: float | None = None
        self.block = ""
        self.config: dict[str, Scalar] = {}
        self.totals: set[float] = set()
        self.percent: set[str] = set()

    def take(self, line: str) -> None:
        """Take a line; it becomes a row where it holds a quantity that is known."""
        if (
            not any(character.isdigit() for character in line)
            and "nan" not in line.lower()
            and "inf" not in line.lower()
        ):
            self._heading(line)
            return
        found: dict[str, float] = {}
        unknown: dict[str, float] = {}
        step: float | None = None
        batches: tuple[float, float] | None = None
        aside = _ASIDE.search(line)
        end = aside.start() if aside else len(line)
        at = 0
        after_epoch = False
        new_epoch = False
        if (index := _INDEX.match(line)) and int(index[2]) > 1 and self.epoch is None and not self.total:
            batches = (float(index[1]), float(index[2]))
        for match in _NUMBER.finditer(line, 0, end):
            between = line[at : match.start()]
            at = match.end()
            key = _key(between)
            value = math.nan if match["odd"] else float(match["value"])
            if match["odd"] and "inf" in match["odd"].lower():
                value = -math.inf if match["odd"].startswith("-") else math.inf
            total = float(match["total"]) if match["total"] else None
            counts = _counts(key)
            if counts == "epoch" and math.isfinite(value) and 0 <= value < 1e7:
                if _is_plan(key):
                    self.total = value
                    self.totals.add(value)
                else:
                    new_epoch = self.epoch != value
                    self.epoch = value
                    if total and total >= value:
                        self.total = total
                        self.totals.add(total)
                    after_epoch = True
                continue
            if counts == "step" and math.isfinite(value):
                step = value
                batches = (value, total) if total else batches
                after_epoch = False
                continue
            bare = not words(key) or bool(_SPLIT_WORD.fullmatch(key))
            if not key or (bare and total):
                if total and bare:
                    batches = batches or (value, total)
                    step = value if after_epoch and not words(between) else step
                after_epoch = False
                continue
            after_epoch = False
            self._quantity(match, line, key, value, total, found, unknown)
        if new_epoch:
            self.block = ""
        if not found:
            self._heading(line)
            return
        if self._is_part_of_validation(line, batches):
            return
        self._row({**unknown, **found}, step)

    def _quantity(
        self,
        match: re.Match[str],
        line: str,
        key: str,
        value: float,
        total: float | None,
        found: dict[str, float],
        unknown: dict[str, float],
    ) -> None:
        m = meaning(key)
        if not m.quantity:
            if found and len(key) <= 30 and words(key) and not counter(key):
                unknown.setdefault(key, value)
            return
        if match["mean"]:  # PyTorch's meters write the batch's value, and the epoch's so far in brackets
            with contextlib.suppress(ValueError):
                value = float(match["mean"])
        share = quantities()[m.quantity].share
        if total and share:
            value = value / total
        name = key
        if not m.split and quantities()[m.quantity].better:
            split = _split_before(line, match.start()) or self.block
            name = f"{split}/{key}" if split else key
        if match["percent"] and share:
            self.percent.add(name)
        found.setdefault(name, value)

    def _is_part_of_validation(self, line: str, batches: tuple[float, float] | None) -> bool:
        """Whether a line is of one of many batches of an evaluation, whose sum a later line holds."""
        split = _split_before(line, 30)
        return batches is not None and split in ("val", "test") and batches[0] < batches[1] - 1

    def _heading(self, line: str) -> None:
        """Remember a line that names a split and nothing else."""
        if len(line) <= 40 and ":" in line[-3:] and (split := _split_before(line, len(line))):
            self.block = split

    def _row(self, found: dict[str, float], step: float | None) -> None:
        for name, value in found.items():
            self.cells.add(name, value)
        if self.epoch is not None:
            self.cells.add("epoch", self.epoch)
        if step is not None:
            self.cells.add("step", step)
        self.cells.end_row()

    def done(self) -> RawLog:
        """Everything that was taken."""
        columns = self.cells.columns()
        rows = self.cells.rows
        measured = [n for n in columns if (q := meaning(n).quantity) and q not in _SETTING]
        epochs = len(set(columns["epoch"][1].tolist())) if "epoch" in columns else rows
        for name in list(columns):
            # Said once or twice while hundreds of losses follow: a setting that the program tells at its beginning.
            if meaning(name).quantity in _SETTING and len(columns[name][0]) <= max(1, 0.3 * epochs) and epochs > 2:
                self.config[meaning(name).quantity] = float(columns.pop(name)[1][-1])
            elif _is_said_once(name, len(columns[name][0]), epochs):
                del columns[name]
        if not any(quantities()[meaning(name).quantity].better for name in measured):
            return RawLog("text", 0, {})
        raw = RawLog("text", rows, columns, config=normalised(self.config), percent=self.percent)
        raw.planned_epochs = self.total if len(self.totals) <= 3 else None
        compact(raw)
        return raw


def _is_said_once(name: str, times: int, epochs: int) -> bool:
    """Whether a column is of one or two lines among many: the account of the whole run at its end."""
    quantity = meaning(name).quantity
    return name not in ("epoch", "step") and times <= 2 < epochs and not (quantity and quantities()[quantity].better)


@lru_cache(maxsize=10_000)
def _key(between: str) -> str:
    """The words that a number belongs to, of the text between it and the number before."""
    text = _SEPARATORS.split(between.rstrip(" \t:=[(~≈"))[-1] if between.strip() else ""
    text = text.strip(" \t:=*.-'\"#>%·•/")
    kept = text.split()[-6:]
    return " ".join(kept)[-60:].strip(" :=-")


@lru_cache(maxsize=10_000)
def _counts(key: str) -> str:
    """'epoch' or 'step' where the key's last word counts one."""
    found = words(key)
    if not found or len(found) > 5:
        return ""
    return "epoch" if found[-1] in ("epoch", "epochs", "ep") else _step(found)


def _step(found: tuple[str, ...]) -> str:
    return "step" if found[-1] in ("step", "iter", "iteration", "batch", "iters") and len(found) <= 3 else ""


def _is_plan(key: str) -> bool:
    """Whether a count of epochs is that of the whole run: 'Max Epochs: 90', 'epochs=90'."""
    found = words(key)
    return found[-1] == "epochs" or bool({"max", "total", "num", "number"} & set(found))


def _split_before(line: str, end: int) -> str:
    """The last word for a split in a line before ``end``."""
    split = ""
    for match in _SPLIT_WORD.finditer(line, 0, max(0, end)):
        split = match.lastgroup or split
    if not split and line.lstrip().startswith("* "):  # the sums that PyTorch's example writes after an evaluation
        return "val"
    return split
