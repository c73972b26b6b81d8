"""What a run was set to, from files beside its log: ``args.yaml``, ``opt.yaml``, ``hparams.yaml``, ``config.json``."""

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cvadvisor.inspect.logs.raw import Scalar

_NAMES = (
    *("args.yaml", "opt.yaml", "hyp.yaml", "hparams.yaml", "config.yaml", "config.yml", "args.yml", "hparams.yml"),
    *("config.json", "args.json", "hparams.json", "training_args.json", "params.json", "hyperparameters.json"),
)
_MAX_BYTES = 1_000_000
_MAX_KEYS = 500
_MAX_DEPTH = 6
_LONGEST_TEXT = 200
_DEEPEST = 60

# What one setting is called in different places, after lower-casing; the first name that is there decides.
_SAME: dict[str, tuple[str, ...]] = {
    "lr": (
        "lr",
        "lr0",
        "learning_rate",
        "base_lr",
        "solver/base_lr",
        "initial_lr",
        "optimizer/lr",
        "init_lr",
        "max_lr",
    ),
    "optimizer": ("optimizer", "opt", "optim", "optimizer_name", "optimizer/type", "optimizer/name"),
    "epochs": ("epochs", "num_train_epochs", "max_epochs", "num_epochs", "n_epochs", "epoch", "trainer/max_epochs"),
    "batch_size": (
        *("batch_size", "batch", "per_device_train_batch_size", "train_batch_size", "solver/ims_per_batch"),
        *("bs", "batchsize", "data/batch_size", "total_batch_size"),
    ),
    "weight_decay": ("weight_decay", "wd", "optimizer/weight_decay", "l2"),
    "momentum": ("momentum", "optimizer/momentum"),
    "patience": ("patience", "early_stopping_patience", "early_stopping/patience"),
    "warmup": ("warmup", "warmup_epochs", "warmup_steps", "warmup_ratio", "num_warmup_steps", "solver/warmup_iters"),
    "label_smoothing": ("label_smoothing", "label_smoothing_factor", "smoothing"),
    "mixup": ("mixup", "mixup_alpha"),
    "cutmix": ("cutmix", "cutmix_alpha"),
    "dropout": ("dropout", "drop", "drop_rate", "dropout_rate", "hidden_dropout_prob"),
    "num_classes": ("num_classes", "nc", "n_classes", "num_labels", "classes", "model/num_classes"),
    "model": ("model", "arch", "model_name", "backbone", "model_name_or_path", "_name_or_path", "model/name"),
    "pretrained": ("pretrained", "use_pretrained", "weights"),
    "amp": ("amp", "fp16", "use_amp", "mixed_precision", "precision"),
    "scheduler": ("scheduler", "lr_scheduler", "lr_scheduler_type", "sched", "lr_schedule"),
    "cos_lr": ("cos_lr",),
}


def settings_beside(path: Path) -> dict[str, Scalar]:
    """Settings from the files with a known name in the folder of ``path``, flat; what cannot be read says nothing."""
    found: dict[str, Scalar] = {}
    for name in _NAMES:
        for key, value in _settings(path.parent / name):
            if len(found) >= _MAX_KEYS:
                return normalised(found)
            found.setdefault(key, value)
    return normalised(found)


def planned_epochs(config: Mapping[str, Scalar]) -> float | None:
    """How many epochs the settings ask for, where that is a number above zero."""
    value = config.get("epochs")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < 1e9 else None


def normalised(config: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The settings, with those of many names under one too."""
    result = dict(config)
    for name, others in _SAME.items():
        for other in others:
            if other in config and (name != "epochs" or not isinstance(config[other], str)):
                result[name] = config[other]
                break
    return result


def flat(data: object, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Scalar]]:
    """Scalars of nested settings, their keys joined by slashes, in lower case with underscores."""
    if not isinstance(data, dict) or depth > _MAX_DEPTH:
        return
    for key, value in data.items():
        if not isinstance(key, str | int):
            continue
        name = prefix + str(key)[:80].strip().lower().replace("-", "_").replace(" ", "_")
        if isinstance(value, dict):
            # W&B writes {"lr": {"value": 0.1}}.
            if "value" in value and len(value) <= 2:
                yield from flat({key: value["value"]}, prefix, depth + 1)
            else:
                yield from flat(value, f"{name}/", depth + 1)
        elif isinstance(value, str):
            yield name, _as_typed(value[:_LONGEST_TEXT])
        elif isinstance(value, bool | int | float) and abs(value) < 1e15:  # neither NaN nor infinity is
            yield name, value


def _as_typed(text: str) -> Scalar:
    """YAML reads 1e-3 as text; and so do people who quote their numbers."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        return text
    return int(value) if value.is_integer() and text.strip().lstrip("+-").isdigit() and abs(value) < 1e15 else value


def _settings(path: Path) -> Iterator[tuple[str, Scalar]]:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        data: Any = json.loads(text) if path.suffix == ".json" else _yaml(text)
    except (OSError, ValueError, RecursionError, MemoryError):
        return
    yield from itertools.islice(flat(data), 10 * _MAX_KEYS)


def _is_deep(text: str) -> bool:
    """Whether YAML may be nested more deeply than any settings; its parser in C would end the process on some."""
    if len(set(re.findall(r"^[ \t]*", text, re.MULTILINE))) > _DEEPEST or re.search(r"(?:[-?:]\s+){20}", text):
        return True
    depth = deepest = 0
    for mark in re.findall(r"[\[{\]}]", text):
        depth += 1 if mark in "[{" else -1
        depth = max(depth, 0)
        deepest = max(deepest, depth)
    return deepest > _DEEPEST


def _yaml(text: str) -> Any:
    import yaml

    if text.count("*") > 50 or _is_deep(text):  # aliases can make a few lines expand to gigabytes
        return None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, TypeError, AttributeError):
        return None
