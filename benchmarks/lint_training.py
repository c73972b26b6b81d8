"""Small networks trained for benchmarks/lint.py: seconds of CPU each, logged as a training script would log them."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional

Row = dict[str, float | None]
"""A line of the log; None is a blank cell."""


@dataclass(frozen=True)
class Split:
    """Training and validation images, flat, with their labels."""

    train_x: torch.Tensor
    train_y: torch.Tensor
    validation_x: torch.Tensor
    validation_y: torch.Tensor


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the defaults suit the digits."""

    data: str = "digits"
    """``digits``: 1,797 images of 8x8; ``clusters``: ten overlapping classes, a tenth of the labels wrong."""
    change: Callable[[Split, torch.Generator], Split] | None = None
    """What happens to the data before training."""
    shuffle: bool = True
    """Whether training sees its images in a new order every epoch."""
    images: int = 1200
    validation_images: int = 500
    epochs: int = 25
    batch: int = 64
    optimizer: str = "sgd"
    lr: float = 0.05
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    clip: float = 0.0
    hidden: int = 96
    depth: int = 2
    activation: str = "relu"
    batch_norm: bool = True
    batch_norm_momentum: float = 0.1
    """0: the statistics that validation uses are never updated."""
    dropout: float = 0.0
    mixup: float = 0.0
    smoothing: float = 0.0
    validate_every: int = 1
    patience: int = 0
    """Early stopping after so many epochs without a better validation loss; 0: never."""
    pretrained_epochs: int = 0
    """Epochs trained before the log begins: what follows is a fine-tune near its optimum."""
    updates: bool = True
    """False: the optimiser holds the parameters of another network."""
    loss_factor: float = 1.0
    loss_scale_growth: float = 0.0
    """Loss scale in float16, multiplied by this every epoch and never lowered; 0: float32."""
    stale_validation: bool = False
    """True: validation looks at a copy made before training."""
    resume_lr_factor: float = 0.0
    """What the LR is multiplied by from three fifths of the run on; 0: nothing happens."""
    resume_constant: bool = False
    seconds: float = 12.0
    slow_from: float = 1.0
    """Share of the run after which an epoch takes twice as long."""


@cache
def source(data: str, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Shuffled images (n, features) of about unit variance, and labels (n,)."""
    rng = np.random.default_rng(seed)
    if data == "digits":
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        order = rng.permutation(len(labels))
        return torch.tensor(images[order] / 8 - 1, dtype=torch.float32), torch.tensor(labels[order])
    centres = rng.normal(size=(10, 32))
    labels = rng.integers(10, size=4000)
    images = 0.62 * centres[labels] + rng.normal(size=(4000, 32))
    wrong = rng.random(4000) < 0.1
    labels = np.where(wrong, rng.integers(10, size=4000), labels)
    return torch.tensor(images, dtype=torch.float32), torch.tensor(labels)


def split_of(recipe: Recipe, seed: int) -> Split:
    x, y = source(recipe.data, seed)
    n, m = recipe.images, recipe.validation_images
    split = Split(x[:n], y[:n], x[n : n + m], y[n : n + m])
    return recipe.change(split, torch.Generator().manual_seed(seed)) if recipe.change else split


def network(recipe: Recipe, features: int) -> nn.Sequential:
    activation = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}[recipe.activation]
    layers: list[nn.Module] = []
    width = features
    for _ in range(recipe.depth - 1):
        layers.append(nn.Linear(width, recipe.hidden))
        if recipe.batch_norm:
            layers.append(nn.BatchNorm1d(recipe.hidden, momentum=recipe.batch_norm_momentum))
        layers += [activation(), nn.Dropout(recipe.dropout)]
        width = recipe.hidden
    return nn.Sequential(*layers, nn.Linear(width, 10))


def optimizer_of(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(model.parameters(), recipe.lr, weight_decay=recipe.weight_decay)


def scheduled(recipe: Recipe, at: float) -> float:
    """Learning rate after the share ``at`` of the run."""
    warm = 0.15
    share = {
        "constant": 1.0,
        "zero": 0.0,
        "cosine": (1 + math.cos(math.pi * at)) / 2,
        "linear": 1 - at,
        "step": 0.1 ** (int(at >= 0.5) + int(at >= 0.8)),
        "warm-up": at / warm if at < warm else (1 + math.cos(math.pi * (at - warm) / (1 - warm))) / 2,
        "warm-up-constant": at / warm if at < warm else 1.0,
        "one-cycle": max(0.04, at / 0.3) if at < 0.3 else (1 + math.cos(math.pi * (at - 0.3) / 0.7)) / 2,
        "restarts": (1 + math.cos(math.pi * (at * 3 % 1))) / 2,
        "plateau": 1.0,
        "impatient": 1.0,
    }[recipe.schedule]
    if recipe.resume_lr_factor and at >= 0.6:
        return recipe.lr * recipe.resume_lr_factor * (1.0 if recipe.resume_constant else share)
    return recipe.lr * share


def evaluate(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """Mean loss and accuracy, 0 to 1."""
    model.eval()
    with torch.no_grad():
        out = model(x)
    model.train()
    return float(functional.cross_entropy(out, y)), float((out.argmax(1) == y).float().mean())


def train(recipe: Recipe, seed: int) -> list[Row]:
    """Train once; returns the log, a row an epoch.

    Epoch times are drawn around ``recipe.seconds``, not measured: epochs of milliseconds would measure what else the
    machine does.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed + 1000)
    split = split_of(recipe, seed)
    model = network(recipe, split.train_x.shape[1])
    if recipe.pretrained_epochs:
        before = replace(
            recipe, epochs=recipe.pretrained_epochs, pretrained_epochs=0, lr=10 * recipe.lr, schedule="cosine"
        )
        _epochs(before, model, model, split, rng)
    held = copy.deepcopy(model) if recipe.stale_validation else model
    return _epochs(recipe, model, held, split, rng)


def _epochs(recipe: Recipe, model: nn.Module, held: nn.Module, split: Split, rng: np.random.Generator) -> list[Row]:
    optimizer = optimizer_of(recipe, model if recipe.updates else copy.deepcopy(model))
    steps = math.ceil(len(split.train_y) / recipe.batch)
    rows: list[Row] = []
    best, waited, lowered, scale = math.inf, 0, 1.0, 2.0**8
    for epoch in range(recipe.epochs):
        totals = np.zeros(3)
        order = torch.randperm(len(split.train_y)) if recipe.shuffle else torch.arange(len(split.train_y))
        for step in range(steps):
            lr = scheduled(recipe, (epoch + step / steps) / recipe.epochs) * lowered
            for group in optimizer.param_groups:
                group["lr"] = lr
            chosen = order[step * recipe.batch : (step + 1) * recipe.batch]
            if len(chosen) < 2:
                continue
            totals += len(chosen) * _step(recipe, model, optimizer, split.train_x[chosen], split.train_y[chosen], scale)
        loss, accuracy, norm = totals / len(split.train_y)
        scale *= recipe.loss_scale_growth or 1.0
        row: Row = {"epoch": epoch + 1, "lr": lr, "train_loss": loss, "train_acc": accuracy}
        checked = (epoch + 1) % recipe.validate_every == 0
        held_loss, held_accuracy = evaluate(held, split.validation_x, split.validation_y)
        row |= {"val_loss": held_loss if checked else None, "val_acc": held_accuracy if checked else None}
        slow = 2.0 if (epoch + 0.5) / recipe.epochs > recipe.slow_from else 1.0
        first = 1.4 if epoch == 0 else 1.0
        row |= {"grad_norm": norm, "epoch_seconds": recipe.seconds * slow * first * (1 + 0.03 * abs(rng.normal()))}
        rows.append(row)
        waited = 0 if held_loss < best else waited + 1
        best = min(best, held_loss)
        if recipe.schedule == "impatient" or (recipe.schedule == "plateau" and waited and waited % 4 == 0):
            lowered *= 0.1 if recipe.schedule == "plateau" else 0.12
        if recipe.patience and waited >= recipe.patience:
            break
    return rows


def _step(
    recipe: Recipe, model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, scale: float
) -> np.ndarray:
    """One step; returns the loss, the accuracy and the norm of the gradient."""
    model.zero_grad()
    if recipe.mixup:
        share, other = np.random.default_rng(int(x[0].sum() * 1e4) % 2**32).beta(recipe.mixup, recipe.mixup), y.flip(0)
        out = model(share * x + (1 - share) * x.flip(0))
        loss = share * functional.cross_entropy(out, y, label_smoothing=recipe.smoothing)
        loss = loss + (1 - share) * functional.cross_entropy(out, other, label_smoothing=recipe.smoothing)
    else:
        out = model(x)
        loss = functional.cross_entropy(out, y, label_smoothing=recipe.smoothing)
    loss = loss * recipe.loss_factor
    loss.backward()
    if recipe.loss_scale_growth:
        for parameter in model.parameters():
            parameter.grad = (parameter.grad * scale).half().float() / scale
    norm = nn.utils.clip_grad_norm_(model.parameters(), recipe.clip or math.inf)
    optimizer.step()
    return np.array([loss.item(), (out.argmax(1) == y).float().mean().item(), float(norm)])
