"""What the columns of a log mean, by ``columns.yaml``: the split, the quantity, and the part of it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

from cvadvisor.inspect.logs.log import LogError
from cvadvisor.inspect.printable import printable

NamedSplit = Literal["train", "validation", "test", ""]

_TABLE = Path(__file__).with_name("columns.yaml")
_SPELLINGS = (
    (re.compile(r"mAP"), " map"),
    (re.compile(r"mIo[uU]|meanIo[uU]|MeanIo[uU]"), " miou"),
    (re.compile(r"Io[uU]"), " iou"),
    (re.compile(r"AdamW"), " adamw"),
    (re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])"), " "),
    (re.compile(r"(?<=[a-z])(?=[A-Z])"), " "),
)


# W&B's charts name a column by its run, "run-3 - val_loss"; Lightning by its loader, "val_loss/dataloader_idx_0".
_RUN_OF = re.compile(r"^.* - (?=\S)|/dataloader_idx_\d+$")


@dataclass(frozen=True)
class Quantity:
    """A quantity that logs hold."""

    name: str
    better: str
    """'higher', 'lower', or empty where neither is."""
    share: bool
    """Whether it lies between 0 and 1, and some logs write it in percent."""


@dataclass(frozen=True)
class Meaning:
    """What one column means; ``quantity`` is empty where that is unknown."""

    split: NamedSplit
    quantity: str
    part: str = ""


@dataclass(frozen=True)
class _Table:
    splits: Mapping[str, NamedSplit]
    filler: frozenset[str]
    ignored_words: frozenset[str]
    ignored: re.Pattern[str]
    counters: Mapping[str, str]
    quantities: Mapping[str, Quantity]
    names: Mapping[str, str]
    patterns: tuple[tuple[re.Pattern[str], str], ...]
    validated: frozenset[str]
    summed: re.Pattern[str]
    whole: tuple[str, ...]


@cache
def _table() -> _Table:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: dict[str, Any] = loader(_TABLE.read_text(encoding="utf-8")).get_single_data()
    names: dict[str, str] = {}
    patterns = []
    for quantity, entry in data["quantities"].items():
        for name in entry["names"]:
            names.setdefault(name, quantity)
        patterns += [(re.compile(pattern), quantity) for pattern in entry.get("patterns", ())]
    return _Table(
        splits={word: split for split, words in data["splits"].items() for word in words},
        filler=frozenset(data["filler"]),
        ignored_words=frozenset(data["ignored_words"]),
        ignored=re.compile("|".join(f"(?:{pattern})" for pattern in data["ignored_patterns"])),
        counters={name: counter for counter, listed in data["counters"].items() for name in listed},
        quantities={
            name: Quantity(name, entry["better"], entry.get("share", False))
            for name, entry in data["quantities"].items()
        },
        names=names,
        patterns=tuple(patterns),
        validated=frozenset(name for name, entry in data["quantities"].items() if entry.get("split") == "validation"),
        summed=re.compile(data["summed_parts"]),
        whole=tuple(data["whole_parts"]),
    )


def quantities() -> Mapping[str, Quantity]:
    """Every quantity that has a name, by it."""
    return _table().quantities


def is_summed(part: str) -> bool:
    """Whether a part of a loss is one that detectors add up to the whole."""
    return _table().summed.fullmatch(part) is not None


def whole_parts() -> tuple[str, ...]:
    """Parts that stand for the whole of a metric where it is not logged, the best first."""
    return _table().whole


@lru_cache(maxsize=20_000)
def words(name: str) -> tuple[str, ...]:
    """A column's name cut into lower-case words: 'metrics/mAP50(B)' is metrics, map50, b."""
    name = _RUN_OF.sub("", name[:200])
    for pattern, replacement in _SPELLINGS:
        name = pattern.sub(replacement, name)
    return tuple(word for word in re.split(r"[^0-9a-z]+", name.lower()) if word)


@lru_cache(maxsize=20_000)
def counter(name: str) -> str:
    """'epoch' or 'step' where the column counts one of them, else empty."""
    return _table().counters.get("_".join(words(name)), "")


@lru_cache(maxsize=20_000)
def meaning(name: str) -> Meaning:
    """What a column of this name means, by the name alone."""
    table = _table()
    found = words(name)
    if not found or any(word in table.ignored_words for word in found):
        return Meaning("", "")
    split: NamedSplit = ""
    kept = []
    for word in found:
        named = table.splits.get(word, "")
        if named and (split in ("", named) or word == "metrics"):
            split = split or named
        else:
            kept.append(word)
    quantity, part = _look_up(kept)
    if quantity and not table.quantities[quantity].better:
        split = ""  # a learning rate, a time: it is of the run, whatever logged it
    if quantity in table.validated and not split:
        split = "validation"
    return Meaning(split, quantity, part)


def _look_up(kept: list[str]) -> tuple[str, str]:
    """Quantity and part of what is left of a name without its split."""
    table = _table()
    stripped = [word for word in kept if word not in table.filler]
    # The step's loss of Lightning ("train_loss_step") is told from the epoch's by the part.
    step = len(stripped) > 1 and stripped[-1] == "step" and "_".join(stripped) not in table.names
    if step:
        stripped = stripped[:-1]
    joined = "_".join(stripped)
    whole = "_".join(kept)
    for name in (whole, joined):
        if name in table.names:
            return table.names[name], "step" if step else ""
    if not joined or table.ignored.fullmatch(joined) or table.ignored.fullmatch(whole):
        return "", ""
    for pattern, quantity in table.patterns:
        if match := pattern.fullmatch(joined):
            groups = match.groupdict()
            part = groups.get("part") or ""
            if groups.get("group"):
                part = f"pg{groups['group']}"
            return quantity, part
    return "", ""


def meanings(names: Iterable[str], chosen: Mapping[str, str]) -> dict[str, Meaning]:
    """What each column means among its neighbours; ``chosen`` maps columns to 'split/quantity/part' and decides.

    A bare metric is training's beside a bare loss or a validation metric of that name (Keras, Hugging Face), and
    validation's beside losses that name their split (fastai). What is measured on a test set counts as validation where
    there is no validation.

    Raises:
        LogError: a value of ``chosen`` is not understood.
    """
    known = {name: parse_meaning(chosen[name]) if name in chosen else meaning(name) for name in names}
    losses = {m.split for m in known.values() if m.quantity == "loss"}
    has_validation = any(m.split == "validation" and m.quantity for m in known.values())
    measured = {(m.split, m.quantity) for m in known.values()}
    validated: NamedSplit = "validation" if has_validation else "test"
    settled = {}
    for name, m in known.items():
        split: NamedSplit = m.split
        if name not in chosen and m.quantity and not split:
            split = _bare_split(m.quantity, losses, measured, validated)
        if split == "test":
            split = "" if has_validation else "validation"
            m = m if split else Meaning("", m.quantity, f"test_{m.part}".rstrip("_"))
        settled[name] = Meaning(split, m.quantity, m.part)
    return settled


def _bare_split(
    quantity: str, losses: set[NamedSplit], measured: set[tuple[NamedSplit, str]], validated: NamedSplit
) -> NamedSplit:
    if not _table().quantities[quantity].better:
        return ""
    if quantity == "loss":
        return "" if "train" in losses else "train"
    if (validated, quantity) in measured:
        return "" if ("train", quantity) in measured else "train"
    if "" in losses or not losses:
        return "train"
    return "validation"


def parse_meaning(text: str) -> Meaning:
    """What 'val/accuracy', 'train/loss/box' or 'learning_rate' stands for; '-' leaves the column out.

    Raises:
        LogError: there is no such split or quantity.
    """
    table = _table()
    first, *rest = text.strip().split("/")
    if first == "-" and not rest:
        return Meaning("", "")
    split = table.splits.get(first, "")
    quantity, *parts = rest if split and rest else [first, *rest]
    if quantity in ("epoch", "step") and not split and not parts:
        return Meaning("", quantity)
    if quantity not in table.quantities:
        import difflib

        near = difflib.get_close_matches(quantity, [*table.quantities, "epoch", "step"], n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(table.quantities)}."
        raise LogError(f"{printable(text)[:80]!r} names no quantity that a column can mean: {hint}")
    return Meaning(split, quantity, "/".join(parts))
