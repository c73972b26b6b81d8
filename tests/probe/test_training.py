"""Short training by the recipe: it does what the generated script does."""

import copy
import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from cvadvisor.probe import training
from cvadvisor.probe.session import Session
from cvadvisor.shipped import shipped
from cvadvisor.task import network
from tests.probe.plans import PLAN


@pytest.fixture(scope="module")
def small(digits: Any) -> Session:
    from tests.probe.conftest import make_job

    session = Session(make_job(digits, model="test_resnet", weights="none"), lambda done, total: None, image_size=32)
    session.load_model()
    session.plan = PLAN
    return session


@pytest.fixture(scope="module")
def images(small: Session) -> training.TrainingImages:
    return training.training_images(small, PLAN, 32, small.job.train)


def weights(model: Any) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_whole_images_keep_what_a_square_crop_would_cut_away(images: training.TrainingImages) -> None:
    assert images.pixels.shape[1:] == (math.ceil(32 / 0.6**0.5),) * 2 + (3,)
    assert len(images.aspects) == len(images.labels) == len(images.pixels)


def test_the_same_seed_trains_the_same_model(small: Session, images: training.TrainingImages) -> None:
    first, again = (training.train(small, PLAN, images, rate=1e-3, steps=4, seed=1, size=32) for _ in range(2))
    other = training.train(small, PLAN, images, rate=1e-3, steps=4, seed=2, size=32)
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_what_is_tried_never_touches_the_loaded_model(small: Session, images: training.TrainingImages) -> None:
    before = weights(small.fresh_model())
    training.train(small, PLAN, images, rate=1e-2, steps=3, seed=0, size=32)
    assert torch.equal(before, weights(small.fresh_model()))


def test_training_lowers_the_loss_on_its_images(small: Session, images: training.TrainingImages) -> None:
    pixels, labels, _ = small.images(32, small.job.train)
    plan = dataclasses.replace(PLAN, color_jitter=0.0, horizontal_flip=False, crop_scale=0.9)
    trained = training.train(small, plan, images, rate=3e-3, steps=60, seed=0, size=32)
    start = training.judge(small, training.start(small, plan), pixels, labels)
    assert training.judge(small, trained, pixels, labels).loss < start.loss - 0.1


def test_a_rate_beyond_all_bounds_is_a_breakdown_and_no_crash(small: Session, images: training.TrainingImages) -> None:
    pixels, labels, _ = small.images(32, small.job.train)
    model = training.train(small, PLAN, images, rate=1e6, steps=16, seed=0, size=32)
    judged = training.judge(small, model, pixels, labels)
    assert judged.loss >= math.log(3)
    assert np.isfinite(judged.losses).all()


def test_head_only_leaves_the_backbone_as_it_is(small: Session, images: training.TrainingImages) -> None:
    plan = dataclasses.replace(PLAN, strategy="head-only", epochs=2, head_epochs=2)
    model = training.train(small, plan, images, rate=1e-2, steps=4, seed=0, size=32)
    start = small.fresh_model().state_dict()
    heads = set(network.head_names(model))
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, start[name])}
    assert changed == heads


def test_frozen_statistics_stay_as_they_are(small: Session, images: training.TrainingImages) -> None:
    for batch_norm, still in (("frozen", True), ("train", False)):
        plan = dataclasses.replace(PLAN, batch_norm=batch_norm)
        model = training.train(small, plan, images, rate=1e-3, steps=2, seed=0, size=32)
        start = small.fresh_model().state_dict()
        means = [name for name in start if name.endswith("running_mean")]
        assert all(torch.equal(model.state_dict()[name], start[name]) for name in means) is still


def test_the_rate_rises_then_falls_to_nothing() -> None:
    factors = [training.rate_factor(PLAN, step, 20) for step in range(20)]
    assert factors[0] == pytest.approx(1 / 3)
    assert factors[2] == 1
    assert factors[2:] == sorted(factors[2:], reverse=True)
    assert factors[-1] < 0.01


def test_an_epoch_shows_each_image_at_most_once_and_balance_draws_rare_classes_more() -> None:
    labels = np.array([0] * 30 + [1] * 3)
    order = training.batch_order(labels, "shuffle", 8, 4, seed=0)
    assert len(set(order.ravel().tolist())) == 32
    balanced = training.batch_order(labels, "class-balanced", 8, 200, seed=0)
    assert (labels[balanced] == 1).mean() == pytest.approx(0.5, abs=0.05)


def test_mixing_and_erasing_train_too(small: Session, images: training.TrainingImages) -> None:
    plan = dataclasses.replace(PLAN, mixup=0.2, cutmix=1.0, random_erasing=0.5, dropout=0.3, label_smoothing=0.1)
    assert training.train(small, plan, images, rate=1e-3, steps=3, seed=0, size=32) is not None


def test_sgd_trains_too(small: Session, images: training.TrainingImages) -> None:
    plan = dataclasses.replace(PLAN, optimizer="sgd")
    assert training.train(small, plan, images, rate=1e-2, steps=3, seed=0, size=32) is not None


def test_the_rate_follows_the_scripts_own_function() -> None:
    source = (shipped("reports/templates") / "train.py.j2").read_text(encoding="utf-8")
    body = source[source.index("def rate_factor") : source.index("def train_epoch")]
    script: dict[str, Any] = {"WARMUP_SHARE": 0.1, "SCHEDULE": "cosine"}
    script["RATE_FALLS"] = {"cosine": lambda done: (1 + math.cos(math.pi * done)) / 2}
    exec(body, script)
    for steps in (1, 7, 60):
        ours = [training.rate_factor(PLAN, step, steps) for step in range(steps)]
        assert ours == pytest.approx([script["rate_factor"](step, steps) for step in range(steps)])


SETUP_S = 0.4
"""What a run takes before its first step, by the clock of the tests below."""


def slow_steps(monkeypatch: pytest.MonkeyPatch, seconds: float, busy: int = 10**9) -> list[int]:
    """Make each of the first ``busy`` steps take so long, by a clock that only training moves; gives the calls."""
    now, calls = [100.0], []

    def train(session: Any, plan: Any, images: Any, *, rate: float, steps: int, seed: int, size: int) -> None:
        for step in range(steps):
            now[0] += seconds if sum(calls) + step < busy else 1e-6
        now[0] += SETUP_S
        calls.append(steps)

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return calls


def hurried(small: Session, steps: float, deadline: float) -> Session:
    """A session that plans with the nominal time of ``steps`` steps, and is stopped after that of ``deadline``."""
    session = copy.copy(small)
    nominal = session.step_seconds(32, PLAN.batch_size)
    decoding = training.seconds_of(session, 1e6, 32, PLAN.batch_size) - 1e6 * nominal
    session.allowance, session.deadline = steps * nominal + decoding, 100.0 + deadline * nominal + decoding
    session.deadline += 10 * SETUP_S
    return session


@pytest.mark.parametrize(("slower", "replan"), [(0.5, False), (1.4, False), (4.0, True), (7.0, True)])
def test_a_plan_that_the_clock_would_cut_off_is_made_anew(
    small: Session, monkeypatch: pytest.MonkeyPatch, slower: float, replan: bool
) -> None:
    session = hurried(small, 2000, 4000)
    nominal = session.step_seconds(32, PLAN.batch_size)
    slow_steps(monkeypatch, slower * nominal)
    assert training.keep_to_the_clock(session, PLAN, 32, 2000) is replan
    found = session.step_seconds(32, PLAN.batch_size) / nominal
    if replan:
        assert found >= training.CLOCK_MARGIN * slower
        assert 2 * math.log2(found) == pytest.approx(round(2 * math.log2(found)))
        left = session.deadline - training.time.monotonic()
        assert 0 < training.affordable_steps(session, PLAN, 32) * slower * 1.05 * nominal < left
    else:
        assert found == 1


def test_a_moment_in_which_the_machine_is_busy_changes_no_plan(small: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session = hurried(small, 2000, 4000)
    calls = slow_steps(monkeypatch, 9 * session.step_seconds(32, PLAN.batch_size), busy=5)
    assert not training.keep_to_the_clock(session, PLAN, 32, 2000)
    assert sum(calls) == 10


def test_where_no_clock_runs_no_step_is_timed(small: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = slow_steps(monkeypatch, 1e9)
    assert not training.keep_to_the_clock(small, PLAN, 32, 1000)
    assert not calls


@pytest.mark.parametrize(("bad", "given_up"), [(range(8), False), (range(12, 28), False), (range(4, 40), True)])
def test_one_hopeless_batch_gives_no_run_up(
    small: Session, images: training.TrainingImages, monkeypatch: pytest.MonkeyPatch, bad: range, given_up: bool
) -> None:
    done: list[int] = []

    def step(*_args: Any, **_settings: Any) -> torch.Tensor:
        done.append(len(done))
        return torch.tensor(100.0 if done[-1] in bad else 0.5)

    monkeypatch.setattr(training, "_step", step)
    model = training.train(small, PLAN, images, rate=1e-3, steps=48, seed=0, size=32)
    assert (model is None) is given_up
    assert len(done) < 48 if given_up else len(done) == 48
