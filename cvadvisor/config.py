"""What a user asks for: one Settings object, made from flags."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cvadvisor.errors import UserError

if TYPE_CHECKING:
    from cvadvisor.rule_settings import RuleSettings

DEFAULT_MODEL = "resnet50"
DEFAULT_BUDGET_S = 300.0
SAMPLES, LEAKAGE, CLEAN_SPLIT = "samples.csv", "leakage.csv", "clean_split.csv"
RESULT_FILES = ("audit.json", "report.html", SAMPLES, LEAKAGE, CLEAN_SPLIT, "train.py")
LEFT_OUT = "drop"
"""What a clean split says in place of a split of an image that is in none of them."""
NO_GROUPS = "none"
"""As --group-column: the images form no groups, whatever names or columns look like."""
CONVERTED_WEIGHTS = "weights.safetensors"
"""Weights under timm's names, written where timm alone could not load what the audit loaded."""


class SettingsError(UserError):
    """A wish that cannot be granted; the message is one line for the user."""


@dataclass(frozen=True)
class Wishes:
    """What the user said of the dataset's layout; ``None`` leaves it to us."""

    layout: str | None = None
    task: str | None = None
    labels: str | None = None
    """Path of the label table, relative to the dataset or to the current folder."""
    image_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    group_column: str | None = None
    """Column that says what belongs in one split, or :data:`NO_GROUPS`."""
    group_pattern: str | None = None
    """Regular expression that finds the group in an image's path: its first group, or the whole match."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that the user named."""
        group = None if self.group_column == NO_GROUPS else self.group_column
        return tuple(filter(None, (self.image_column, self.label_column, self.split_column, group)))


@dataclass(frozen=True)
class Settings:
    """An audit that was asked for.

    Attributes:
        data: folder of the dataset.
        out: folder for the results.
        model: a model of timm, one of torchvision, or a user's own as ``path/to/file.py:build``.
        weights: 'default' (pretrained), 'none' or 'file'.
        weights_file: the file, with ``weights='file'``.
        log: a training log to read too.
        budget_s: seconds that probes may take.
        device: 'auto', 'cpu', 'cuda' or 'mps'.
        probes: whether to load the model and run probes.
        images: whether the report may show small pictures of the dataset.
        seed: seed of everything random.
        epochs: epochs to plan for, where the user says so.
        image_size: side of the square input in px, where the user says so.
        wishes: what the user said of the dataset's layout.
        cache: folder for what the scan saw of each image; the user's cache folder where not given.
        use_cache: whether to keep and use it.
        rules: which rules judge, how severely, and with which thresholds; the shipped ones as they are where not given.
        columns: what columns of the log hold, where their names mislead, as for :func:`cvadvisor.lint.lint`.
    """

    data: Path
    out: Path
    model: str = DEFAULT_MODEL
    weights: Literal["default", "none", "file"] = "default"
    weights_file: Path | None = None
    log: Path | None = None
    budget_s: float = DEFAULT_BUDGET_S
    device: str = "auto"
    probes: bool = True
    images: bool = True
    seed: int = 0
    epochs: int | None = None
    image_size: int | None = None
    wishes: Wishes = Wishes()
    cache: Path | None = None
    use_cache: bool = True
    rules: "RuleSettings | None" = None
    columns: Mapping[str, str] | None = None


def parse_weights(text: str) -> tuple[Literal["default", "none", "file"], Path | None]:
    """Read ``--weights``: 'default', 'none', or a file.

    Raises:
        SettingsError: it is neither word and no file has that name.
    """
    if text in ("default", "none"):
        return text, None  # type: ignore[return-value]
    try:
        found = Path(text).is_file()
    except (OSError, ValueError):  # no path at all: too long, or with a zero byte
        found = False
    if not found:
        raise SettingsError(f"--weights {text[:200]}: no such file; give a checkpoint, 'default' or 'none'.")
    return "file", Path(text)


def parse_wishes(
    layout: str,
    task: str,
    labels: str | None,
    image_column: str | None,
    label_column: str | None,
    split_column: str | None,
    group_column: str | None,
    group_pattern: str | None = None,
) -> Wishes:
    """What the user said of the dataset's layout; 'auto' says nothing."""
    tasks = {"auto": None, "multi-label": "multi-label classification"}
    return Wishes(
        layout=None if layout == "auto" else layout,
        task=tasks.get(task, task),
        labels=labels,
        image_column=image_column,
        label_column=label_column,
        split_column=split_column,
        group_column=group_column,
        group_pattern=group_pattern,
    )


def parse_duration(text: str) -> float:
    """Seconds in a duration such as '90s', '5m', '1.5h' or '300'.

    Raises:
        SettingsError: it is no duration, or shorter than a second or longer than a week.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h)?", text.strip().lower())
    if match:
        seconds = float(match[1]) * {None: 1, "s": 1, "m": 60, "h": 3600}[match[2]]
        if 1 <= seconds <= 7 * 24 * 3600:
            return seconds
    raise SettingsError(f"--budget {text}: give a duration such as 90s, 5m or 1h.")


def check_seed(seed: int) -> int:
    """``seed``, if every generator takes it.

    Raises:
        SettingsError: it is negative, or has more than 32 bits.
    """
    if not 0 <= seed < 2**32:
        raise SettingsError(f"--seed {seed}: give a number from 0 to {2**32 - 1}.")
    return seed


def prepare_out(out: Path | None, default: str, *, force: bool) -> Path:
    """The folder for results, which can be written; without ``out`` the first free one of default, default-2 …

    It is made when there is something to put into it.

    Raises:
        SettingsError: it can't be written, or holds results already and ``force`` is off.
    """
    if out is None:
        names = (default if number == 1 else f"{default}-{number}" for number in range(1, 10_000))
        out = next(folder for name in names if not (folder := Path(name)).exists())
    try:
        return _usable(out, force=force)
    except OSError as error:
        raise SettingsError(f"--out {str(out)[:200]} cannot be written: {error.strerror}.") from error


def _usable(out: Path, *, force: bool) -> Path:
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out} is a file: name a folder.")
    taken = [name for name in (*RESULT_FILES, CONVERTED_WEIGHTS) if (out / name).exists()]
    if taken and not force:
        raise SettingsError(f"{out} already holds {', '.join(taken)}: choose another --out, or add --force.")
    nearest = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise SettingsError(f"--out {out} cannot be written: {nearest} is no folder that you may write to.")
    return out
