"""Features that cost nothing: the pixels of handwritten digits, and clouds of points."""

from typing import Any

import numpy as np
import pytest

from cvadvisor.probe.features.label_issues import FoldPredictions, predict_out_of_fold

Array = np.ndarray[Any, np.dtype[Any]]


def quiet(done: int, total: int) -> None:
    """Take no notice."""


@pytest.fixture(scope="session")
def pixels() -> tuple[Array, Array]:
    """Pixels (1797, 64) of digits in a random order, and their classes."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    return digits.data[order], digits.target[order]


def clouds(classes: int, each: int, apart: float, seed: int = 0, features: int = 20) -> tuple[Array, Array]:
    """Points (classes * each, features) about centres that lie ``apart`` standard deviations from the middle."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(classes, features))
    centres *= apart / np.linalg.norm(centres, axis=1, keepdims=True)
    y = np.repeat(np.arange(classes), each)
    order = generator.permutation(len(y))
    return (centres[y] + generator.normal(size=(len(y), features)))[order], y[order]


def predicted(x: Array, y: Array) -> FoldPredictions:
    found = predict_out_of_fold([x], y, 0, quiet)
    assert found is not None
    return found
