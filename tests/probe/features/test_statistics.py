import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from cvadvisor.probe import features, training
from cvadvisor.probe.features import statistics
from cvadvisor.probe.session import Session
from tests.probe.features.conftest import clouds, quiet
from tests.probe.plans import PLAN


def test_features_that_tell_more_win_by_folds_and_on_held_out_images() -> None:
    x, y = clouds(4, 100, apart=1.5)
    better, _ = clouds(4, 100, apart=4.0)
    train, held = slice(0, 250), slice(250, 400)
    facts = statistics.compare(
        (x[train], x[held]), (better[train], better[held]), (y[train], y[held]), 4, 0, 250, quiet
    )
    assert facts.best == "adapted"
    assert facts.adapted_gain.low > 0
    assert facts.fold_log_loss_gain.low > 0


def test_the_same_features_do_not_beat_themselves() -> None:
    x, y = clouds(4, 100, apart=1.5)
    train, held = slice(0, 250), slice(250, 400)
    both = (x[train], x[held])
    facts = statistics.compare(both, both, (y[train], y[held]), 4, 0, 250, quiet)
    assert facts.best == "source"
    assert (facts.adapted_gain.low, facts.adapted_gain.high) == (0.0, 0.0)


def test_noise_is_farther_from_the_source_than_digits(loaded: Session) -> None:
    digits, _, _ = loaded.images(64, loaded.job.train)
    noise = np.random.default_rng(0).integers(0, 256, digits.shape, np.uint8)
    distances = []
    for pixels in (digits, noise):
        model = loaded.fresh_model()
        statistics.adapt(loaded, model, pixels)
        distances.append(statistics.divergence(loaded.fresh_model(), model))
    near, far = distances
    assert near is not None
    assert far is not None
    assert 0 < near < far


def test_the_loaded_model_keeps_the_statistics_of_its_source(loaded: Session) -> None:
    before = {name: value.clone() for name, value in loaded.fresh_model().named_buffers()}
    pixels, _, _ = loaded.images(64, loaded.job.train)
    statistics.adapt(loaded, loaded.fresh_model(), pixels)
    for name, value in loaded.fresh_model().named_buffers():
        assert torch.equal(value, before[name])


def test_where_they_win_every_model_starts_with_them_and_their_head(
    digits: Any, job_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = statistics.compare
    monkeypatch.setattr(statistics, "compare", lambda *args: dataclasses.replace(compare(*args), best="adapted"))
    session = Session(job_for(digits), quiet, image_size=64)
    session.load_model()
    features.run(session)
    plan = dataclasses.replace(PLAN, head_start="probe", batch_norm="train")
    pixels, labels, _ = session.images(64, session.job.train)
    assert training.judge(session, training.start(session, plan), pixels, labels).accuracy > 0.9
    session.statistics = None
    assert training.judge(session, training.start(session, plan), pixels, labels).accuracy < 0.9


def test_a_model_without_batch_norm_has_no_statistics_to_compare(digits: Any, job_for: Any) -> None:
    session = Session(job_for(digits, model="test_vit", weights="none"), quiet, image_size=160)
    session.load_model()
    model = session.fresh_model()
    assert statistics.normalisations(model) == []
    assert statistics.divergence(model, model) is None


def test_facts_hold_no_number_that_is_not_finite(loaded: Session) -> None:
    pixels, _, _ = loaded.images(64, loaded.job.train)
    model = loaded.fresh_model()
    statistics.adapt(loaded, model, np.zeros_like(pixels))  # variance 0 everywhere
    distance = statistics.divergence(loaded.fresh_model(), model)
    assert distance is not None
    assert np.isfinite(distance)
    assert dataclasses.is_dataclass(loaded.facts)
