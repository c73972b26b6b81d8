import numpy as np
import pytest

from cvadvisor.probe.features.split_shift import split_shift
from tests.probe.features.conftest import Array, clouds, quiet

NAMES = [str(n) for n in range(10)]


def halves(x: Array, y: Array) -> tuple[tuple[Array, Array], tuple[Array, Array, list[str]]]:
    half = len(y) // 2
    return (x[:half], y[:half]), (x[half:], y[half:], [f"{n}.png" for n in range(len(y) - half)])


def test_two_halves_of_the_same_digits_are_alike(pixels: tuple[Array, Array]) -> None:
    facts = split_shift(*halves(pixels[0][:1000], pixels[1][:1000]), NAMES, 0, quiet)
    assert facts is not None
    assert facts.auc.low < 0.5 < facts.auc.high


def test_classes_of_other_sizes_are_no_shift() -> None:
    x, y = clouds(4, 200, apart=4.0)
    train, held_out = (y < 2) | (np.arange(len(y)) % 8 == 0), (y >= 2) | (np.arange(len(y)) % 8 == 1)
    held_out &= ~train
    held_out |= (np.arange(len(y)) % 8 == 1) & (y < 2)
    train &= ~held_out
    where = np.flatnonzero(held_out)
    facts = split_shift((x[train], y[train]), (x[where], y[where], [f"{n}.png" for n in where]), NAMES, 0, quiet)
    assert facts is not None
    assert facts.auc.low < 0.53


def test_brighter_held_out_images_are_seen_and_the_brightest_are_shown(pixels: tuple[Array, Array]) -> None:
    train, (x, y, paths) = halves(pixels[0][:600], pixels[1][:600])
    odd = np.arange(len(y)) < 100
    x = x + odd[:, None] * np.random.default_rng(0).normal(3.0, 1.0, x.shape)
    facts = split_shift(train, (x, y, paths), NAMES, 0, quiet)
    assert facts is not None
    assert facts.auc.low > 0.6
    assert {example.path for example in facts.examples} <= {f"{n}.png" for n in range(100)}


def test_a_handful_of_held_out_images_says_nothing(pixels: tuple[Array, Array]) -> None:
    x, y = pixels
    assert split_shift((x[:500], y[:500]), (x[500:520], y[500:520], [""] * 20), NAMES, 0, quiet) is None


def test_classes_of_fewer_images_than_folds_are_alike_where_nothing_differs() -> None:
    y, y_held, names = np.repeat(np.arange(40), 3), np.repeat(np.arange(40), 2), [str(n) for n in range(40)]
    found = []
    for seed in range(6):
        x = np.random.default_rng(seed).normal(size=(200, 8))
        shift = split_shift((x[:120], y), (x[120:], y_held, [f"{n}.png" for n in range(80)]), names, seed, quiet)
        assert shift is not None
        found.append(shift.auc.value)
    assert np.mean(found) == pytest.approx(0.5, abs=0.1)
