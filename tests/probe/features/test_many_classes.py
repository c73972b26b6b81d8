"""Hundreds of classes, and classes of one image: everything stays bounded and finite."""

import dataclasses
import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cvadvisor.probe import regression
from cvadvisor.probe.features import label_issues
from cvadvisor.probe.features.confusion import confusion
from cvadvisor.probe.features.label_noise import label_noise
from cvadvisor.probe.features.scaling import draw_parts
from tests.probe.features.conftest import clouds, predicted, quiet


def test_three_hundred_classes_are_checked_in_part_and_facts_say_so() -> None:
    x, y = clouds(300, 6, apart=5.0, features=32)
    predictions = predicted(x, y)
    assert len(predictions.classes) == label_issues.MOST_CLASSES
    assert len(predictions.rows) == 6 * label_issues.MOST_CLASSES
    noise = label_noise(predictions, quiet)
    assert all(math.isfinite(value) for value in dataclasses.astuple(noise))
    found = confusion(predictions, [f"{n}.png" for n in range(len(y))], [str(n) for n in range(300)])
    assert len(found.pairs) <= 10


def test_classes_of_one_image_are_left_out_of_the_label_check() -> None:
    x, y = clouds(3, 20, apart=5.0)
    y = np.append(y, [3, 4])
    predictions = predicted(np.vstack([x, x[:2]]), y)
    assert predictions.classes.tolist() == [0, 1, 2]
    assert len(predictions.rows) == 60


def test_one_class_alone_cannot_be_checked() -> None:
    x, y = clouds(1, 20, apart=1.0)
    assert label_issues.predict_out_of_fold([x], y, 0, quiet) is None


def test_five_images_a_class_are_too_few_for_a_curve() -> None:
    x, y = clouds(200, 5, apart=5.0)
    assert draw_parts(x, y, x, y, 200, 0, quiet) is None


def test_a_fit_over_many_classes_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = clouds(200, 5, apart=5.0)
    assert regression.fit(x, y, 1e-4).n_iter_.max() > 2
    monkeypatch.setattr(regression, "MOST_WORK", 1.0)
    monkeypatch.setattr(regression, "LEAST_ITERATIONS", 2)
    assert regression.fit(x, y, 1e-4).n_iter_.max() == 2


def test_many_classes_are_fitted_as_well_as_few() -> None:
    x, y = clouds(100, 24, apart=1.0, features=64)
    learn = np.arange(len(y)) % 2 == 0
    z, mean, std = regression.standardise(x[learn])
    held = (x[~learn] - mean) / std
    found = regression.log_loss(regression.probabilities(regression.fit(z, y[learn], 1e-3), held, 100), y[~learn])
    converged = LogisticRegression(C=1 / (1e-3 * len(z)), max_iter=1000, tol=1e-7).fit(z, y[learn])
    assert found == pytest.approx(regression.log_loss(converged.predict_proba(held), y[~learn]), rel=0.02)


def test_a_fit_costs_no_more_classes_than_there_are_images() -> None:
    assert regression.fit_seconds(250, 256, 5000) == regression.fit_seconds(250, 256, 250)
    assert regression.fit_seconds(4000, 1280, 4000) > regression.fit_seconds(4000, 1280, 400)
