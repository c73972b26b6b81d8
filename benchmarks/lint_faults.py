"""What benchmarks/lint.py trains: runs with one planted fault each, and as many healthy ones."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from zlib import crc32

import torch
from lint_training import Recipe, Row, Split, train
from torch.nn import functional

HARD = Recipe(data="clusters", images=3000, validation_images=1000, batch=128, hidden=48, lr=0.01, weight_decay=1e-2)
DIGITS = Recipe()
ADAMW = Recipe(optimizer="adamw", lr=2e-3, weight_decay=0.02)


@dataclass(frozen=True)
class Case:
    """A kind of run."""

    name: str
    recipe: Recipe
    kind: str = "healthy"
    """``fault``, ``invisible`` (a fault that no log can show) or ``healthy``."""
    found: frozenset[str] = frozenset()
    """Rules of which any is the right diagnosis; none for a healthy run, and for a fault that no log can show."""
    may: frozenset[str] = frozenset()
    """Rules that are right too, but do not name the fault."""
    rows: Callable[[list[Row], Random], list[Row]] | None = None
    """What happens to the rows of the log."""
    text: Callable[[str, Random], str] | None = None
    """What happens to the file."""
    columns: tuple[str, ...] = field(
        default=("epoch", "lr", "train_loss", "train_acc", "val_loss", "val_acc", "grad_norm", "epoch_seconds")
    )


def write_log(case: Case, seed: int, folder: Path) -> Path:
    """Train once and write the log as CSV, as a training script would; no two cases share their random numbers."""
    seed_of_case = 10_000 * seed + crc32(case.name.encode()) % 10_000
    rows = train(case.recipe, seed_of_case)
    rng = Random(seed_of_case)
    if case.rows:
        rows = case.rows(rows, rng)
    lines = [",".join(case.columns), *(",".join(cell(column, row[column]) for column in case.columns) for row in rows)]
    text = "\n".join(lines) + "\n"
    if case.text:
        text = case.text(text, rng)
    path = folder / f"{case.kind}_{case.name}__{seed}.csv"
    path.write_text(text)
    return path


def cell(column: str, value: float | None) -> str:
    """Four decimals, and significant digits for the learning rate; blank where nothing was measured."""
    if value is None:
        return ""
    return str(int(value)) if column == "epoch" else f"{value:.6g}" if column == "lr" else f"{value:.4f}"


def shuffled_labels(split: Split, rng: torch.Generator) -> Split:
    return replace(split, train_y=split.train_y[torch.randperm(len(split.train_y), generator=rng)])


def leaked(split: Split, rng: torch.Generator) -> Split:
    """Half of the validation images are training images."""
    half = len(split.validation_y) // 2
    taken = torch.randperm(len(split.train_y), generator=rng)[:half]
    x, y = split.validation_x.clone(), split.validation_y.clone()
    x[:half], y[:half] = split.train_x[taken], split.train_y[taken]
    return replace(split, validation_x=x, validation_y=y)


def split_in_order(split: Split, _: torch.Generator) -> Split:
    """Sorted by class and cut: validation holds classes that training never saw."""
    x, y = torch.cat([split.train_x, split.validation_x]), torch.cat([split.train_y, split.validation_y])
    order, n = y.argsort(stable=True), len(split.train_y)
    x, y = x[order], y[order]
    return Split(x[:n], y[:n], x[n:], y[n:])


def sorted_training(split: Split, _: torch.Generator) -> Split:
    order = split.train_y.argsort(stable=True)
    return replace(split, train_x=split.train_x[order], train_y=split.train_y[order])


def sorted_validation(split: Split, _: torch.Generator) -> Split:
    order = split.validation_y.argsort(stable=True)
    return replace(split, validation_x=split.validation_x[order], validation_y=split.validation_y[order])


def imbalanced(split: Split, _: torch.Generator) -> Split:
    """Nine tenths and more of both splits are one class; the features say little about the others."""

    def relabelled(y: torch.Tensor) -> torch.Tensor:
        return torch.where(torch.arange(len(y)) % 12 == 0, y, 0)

    noise = [0.05 * x + torch.randn(x.shape) for x in (split.train_x, split.validation_x)]
    return Split(noise[0], relabelled(split.train_y), noise[1], relabelled(split.validation_y))


def mildly_imbalanced(split: Split, _: torch.Generator) -> Split:
    """Three of the classes become one: 30 % of the images."""
    return replace(split, train_y=(split.train_y - 2).clamp(min=0), validation_y=(split.validation_y - 2).clamp(min=0))


def label_in_input(split: Split, _: torch.Generator) -> Split:
    x = [torch.cat([x, 4 * functional.one_hot(y, 10)], 1) for x, y in
         ((split.train_x, split.train_y), (split.validation_x, split.validation_y))]  # fmt: skip
    return replace(split, train_x=x[0], validation_x=x[1])


def not_normalised(split: Split, _: torch.Generator) -> Split:
    return replace(split, train_x=128 + 60 * split.train_x, validation_x=128 + 60 * split.validation_x)


def training_as_validation(rows: list[Row], _: Random) -> list[Row]:
    return [row | {"val_loss": row["train_loss"], "val_acc": row["train_acc"]} for row in rows]


def out_of_order(rows: list[Row], rng: Random) -> list[Row]:
    """Three pairs of neighbouring rows change places, as two writers without a lock leave them."""
    rows = list(rows)
    for start in rng.sample(range(2, len(rows) - 2, 3), 3):
        rows[start], rows[start + 1] = rows[start + 1], rows[start]
    return rows


def cut_in_a_row(text: str, rng: Random) -> str:
    lines = text.splitlines(keepends=True)
    kept = lines[: rng.randrange(len(lines) // 2, len(lines) - 2)]
    return "".join(kept) + lines[len(kept)][: rng.randrange(10, 25)]


def cut_between_rows(text: str, rng: Random) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[: rng.randrange(len(lines) * 3 // 4, len(lines) - 2)])


def appended(text: str, rng: Random) -> str:
    """Another, shorter run follows; every other time with a header of its own."""
    header, *rows = text.splitlines(keepends=True)
    again = rows[: len(rows) * 2 // 3]
    return "".join([header, *rows, *([header] if rng.random() < 0.5 else []), *again])


def resumed(rows: list[Row], _: Random) -> list[Row]:
    """The run was killed and went on from the checkpoint of two epochs before: they are written again."""
    at = len(rows) // 2
    return [*rows[:at], *rows[at - 2 :]]


def percent(rows: list[Row], _: Random) -> list[Row]:
    return [row | {key: 100 * (row[key] or 0) for key in ("train_acc", "val_acc")} for row in rows]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _fault(name: str, recipe: Recipe, found: str, may: str = "", **more: object) -> Case:
    return Case(name, recipe, "fault" if found else "invisible", _names(found), _names(may), **more)  # type: ignore[arg-type]


DIVERGED = "loss-diverged loss-not-finite gradient-not-finite gradient-exploding loss-spikes learning-rate-too-high"
STUCK = "loss-at-chance loss-not-improving majority-class-collapse underfitting"
UNFIT = "overfitting generalisation-gap overconfident stopped-too-late best-checkpoint-lost"

FAULTS = (
    _fault("lr-100x-too-high-sgd", replace(DIGITS, lr=5.0, batch_norm=False),
           f"{DIVERGED} {STUCK} loss-oscillating", "noisy-validation metric-collapse best-checkpoint-lost"),
    _fault("lr-100x-too-high-adamw", replace(ADAMW, lr=0.2, batch_norm=False, depth=4, schedule="constant"),
           f"{DIVERGED} {STUCK} loss-oscillating", "noisy-validation metric-collapse best-checkpoint-lost "
           "learning-rate-never-decayed"),
    _fault("lr-100x-too-low-sgd", replace(DIGITS, lr=5e-5, batch_norm=False),
           f"learning-rate-too-low {STUCK} still-improving-at-end"),
    _fault("lr-100x-too-low-adamw", replace(ADAMW, lr=2e-5, schedule="constant", batch_norm=False, epochs=15),
           f"learning-rate-too-low {STUCK} still-improving-at-end", "learning-rate-never-decayed"),
    _fault("frozen-model", replace(DIGITS, updates=False),
           f"{STUCK} validation-frozen learning-rate-zero gradient-vanishing", "learning-rate-too-low"),
    _fault("shuffled-labels", replace(DIGITS, change=shuffled_labels, epochs=30), f"{STUCK} {UNFIT}",
           "noisy-validation loss-diverged"),
    _fault("validation-equals-training", replace(DIGITS, lr=0.01), "validation-equals-training",
           rows=training_as_validation),
    _fault("split-without-shuffling", replace(DIGITS, change=split_in_order), f"{UNFIT} loss-at-chance loss-diverged "
           "metric-collapse validation-frozen loss-not-improving", "perfect-too-early noisy-validation"),
    _fault("training-without-shuffling", replace(DIGITS, change=sorted_training, shuffle=False, schedule="constant"),
           f"{STUCK} {UNFIT} loss-oscillating noisy-validation loss-diverged validation-better-than-training",
           "learning-rate-never-decayed metric-collapse loss-spikes perfect-too-early"),
    _fault("lr-never-decayed", replace(HARD, lr=0.15, schedule="constant", weight_decay=1e-3, batch=16, images=2000,
           epochs=30),
           "learning-rate-never-decayed learning-rate-too-high", "loss-oscillating noisy-validation generalisation-gap "
           "best-checkpoint-lost loss-not-improving underfitting stopped-too-late overfitting"),
    _fault("half-precision-overflow", replace(DIGITS, schedule="constant", lr=0.1, loss_scale_growth=2.5),
           "loss-not-finite gradient-not-finite loss-diverged",
           "metric-collapse majority-class-collapse best-checkpoint-lost"),
    _fault("gradients-explode", replace(DIGITS, change=not_normalised, batch_norm=False), f"{DIVERGED} {STUCK}",
           "metric-collapse noisy-validation"),
    _fault("lr-warmed-up-too-far", replace(DIGITS, lr=0.5, depth=6, batch_norm=False, schedule="warm-up-constant"),
           f"{DIVERGED} {STUCK} metric-collapse", "best-checkpoint-lost learning-rate-never-decayed"),
    _fault("gradients-vanish", replace(DIGITS, depth=10, batch_norm=False, activation="sigmoid"),
           f"gradient-vanishing {STUCK}", "learning-rate-too-low validation-frozen"),
    _fault("tiny-validation-set", replace(HARD, validation_images=20), "noisy-validation",
           "best-checkpoint-lost loss-oscillating validation-better-than-training"),
    _fault("majority-collapse", replace(HARD, change=imbalanced, lr=0.02, weight_decay=0.1, validation_images=1000),
           f"{STUCK} validation-frozen metric-collapse", "generalisation-gap"),
    _fault("over-regularised", replace(DIGITS, dropout=0.9, weight_decay=1.0, hidden=32),
           f"{STUCK} validation-better-than-training still-improving-at-end", "gradient-vanishing noisy-validation"),
    _fault("resumed-with-wrong-lr", replace(DIGITS, lr=0.1, epochs=30, resume_lr_factor=25.0, resume_constant=True,
           batch_norm=False), f"{DIVERGED} metric-collapse best-checkpoint-lost",
           f"{STUCK} loss-oscillating learning-rate-never-decayed generalisation-gap"),
    _fault("overfitting", replace(HARD, images=200, epochs=40, lr=0.05, weight_decay=0.0, batch=32), UNFIT),
    _fault("stopped-too-early", replace(HARD, epochs=8, lr=0.001, schedule="constant"),
           "still-improving-at-end",
           "underfitting learning-rate-too-low learning-rate-never-decayed too-few-epochs-to-judge"),
    _fault("stopped-too-late", replace(HARD, images=1000, epochs=40, lr=0.05, schedule="constant", weight_decay=0.0),
           UNFIT, "learning-rate-never-decayed"),
    _fault("loss-zero", replace(DIGITS, loss_factor=0.0), f"loss-zero {STUCK} perfect-too-early", "gradient-vanishing "
           "validation-frozen"),
    _fault("cut-in-a-row", DIGITS, "run-truncated", "still-improving-at-end", text=cut_in_a_row),
    _fault("two-runs-in-a-file", DIGITS, "runs-appended", "run-truncated still-improving-at-end", text=appended),
    _fault("steps-out-of-order", DIGITS, "steps-out-of-order", rows=out_of_order),
    _fault("lr-zero", replace(DIGITS, schedule="zero"), f"learning-rate-zero {STUCK}", "validation-frozen"),
    _fault("lr-collapsed", replace(HARD, lr=0.02, schedule="impatient"), "learning-rate-collapsed",
           "underfitting loss-not-improving learning-rate-too-low stopped-too-late validation-frozen "
           "learning-rate-zero"),
    _fault("data-loading-slows-down", replace(DIGITS, epochs=30, slow_from=0.5),
           "step-time-degraded data-loading-bound"),
    _fault("batch-norm-never-updated", replace(DIGITS, change=not_normalised, batch_norm_momentum=0.0),
           f"{UNFIT} loss-at-chance loss-diverged validation-frozen majority-class-collapse metric-collapse",
           "noisy-validation loss-oscillating loss-not-improving"),
    _fault("label-in-the-input", replace(DIGITS, change=label_in_input), "perfect-too-early",
           "stopped-too-late validation-better-than-training"),
    _fault("validation-of-an-old-copy", replace(DIGITS, stale_validation=True), "validation-frozen loss-at-chance",
           UNFIT),
    _fault("no-validation", DIGITS, "no-validation",
           columns=("epoch", "lr", "train_loss", "train_acc", "epoch_seconds")),
)  # fmt: skip

INVISIBLE = (
    _fault("leak-half-of-validation", replace(HARD, change=leaked), "", "validation-better-than-training"),
    _fault("validation-sorted-by-class", replace(DIGITS, change=sorted_validation), ""),
    _fault("cut-between-rows", DIGITS, "", "run-truncated still-improving-at-end", text=cut_between_rows),
)

HEALTHY = (
    Case("one-cycle-sgd", replace(DIGITS, schedule="one-cycle", lr=0.2)),
    Case("one-cycle-adamw", replace(ADAMW, schedule="one-cycle", lr=6e-3)),
    Case("cosine-sgd", DIGITS),
    Case("cosine-adamw", ADAMW),
    Case("cosine-hard", HARD),
    Case("cosine-hard-adamw", replace(HARD, optimizer="adamw", lr=1e-3, weight_decay=0.3)),
    Case("step-decay", replace(DIGITS, schedule="step", epochs=30)),
    Case("step-decay-hard", replace(HARD, schedule="step", epochs=30, lr=0.02)),
    Case("linear-decay", replace(DIGITS, schedule="linear")),
    Case("warm-up-cosine", replace(ADAMW, schedule="warm-up")),
    Case("warm-restarts", replace(DIGITS, schedule="restarts", epochs=30)),
    Case("plateau", replace(HARD, schedule="plateau", lr=0.02, epochs=30)),
    Case("mixup-and-label-smoothing", replace(DIGITS, mixup=0.4, smoothing=0.1, epochs=30)),
    Case("mixup-hard", replace(HARD, mixup=0.4)),
    Case("label-smoothing", replace(DIGITS, smoothing=0.1)),
    Case("dropout", replace(DIGITS, dropout=0.5, hidden=192)),
    Case("dropout-hard", replace(HARD, dropout=0.3, hidden=96, weight_decay=1e-3)),
    Case("fine-tune-near-the-optimum", replace(DIGITS, lr=0.003, epochs=10, pretrained_epochs=15)),
    Case("fine-tune-hard", replace(HARD, lr=0.001, epochs=10, pretrained_epochs=12)),
    Case("early-stopping", replace(HARD, lr=0.02, schedule="linear", epochs=60, patience=5)),
    Case("validation-of-60", replace(HARD, validation_images=60)),
    Case("validation-of-60-digits", replace(DIGITS, validation_images=60)),
    Case("validation-every-fifth-epoch", replace(DIGITS, validate_every=5, epochs=30)),
    Case("gradient-clipping", replace(DIGITS, clip=1.0, lr=0.1)),
    Case("large-batch", replace(DIGITS, batch=400, lr=0.2, epochs=30)),
    Case("small-constant-lr", replace(ADAMW, lr=3e-4, schedule="constant")),
    Case("mildly-imbalanced", replace(DIGITS, change=mildly_imbalanced)),
    Case("resumed", DIGITS, rows=resumed),
    Case("accuracy-in-percent", DIGITS, rows=percent),
    Case("loss-only", HARD, columns=("epoch", "train_loss", "val_loss")),
    Case("no-lr", HARD, columns=("epoch", "train_loss", "train_acc", "val_loss", "val_acc")),
)
