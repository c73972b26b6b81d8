import time
from pathlib import Path
from typing import Any

import pytest
import torch

from cvadvisor.facts.batch import Throughput
from cvadvisor.probe import batch_size
from cvadvisor.probe.batch import speed
from cvadvisor.probe.batch.training_step import make_batch, make_step
from cvadvisor.probe.session import Session
from cvadvisor.task import network
from tests.probe.own_models import write_models

LATER = 1e12


def rungs(*speeds: float) -> tuple[Throughput, ...]:
    return tuple(Throughput(batch_images=4 * 2**n, images_per_s=each) for n, each in enumerate(speeds))


def test_the_knee_is_the_smallest_batch_about_as_fast_as_any() -> None:
    assert speed.knee(rungs(100, 180, 196, 200)) == 16
    assert speed.knee(rungs(200, 180, 100)) == 4


def test_speed_that_still_grows_has_no_knee_yet() -> None:
    assert speed.knee(rungs(100, 180, 300)) is None
    assert speed.knee(rungs(100)) is None
    assert speed.knee(()) is None


def test_the_ladder_doubles_up_to_the_largest_batch(digit_session: Session) -> None:
    found = speed.ladder(digit_session, "float32", 20, LATER, lambda: True, digit_session.tick)
    assert [rung.batch_images for rung in found] == [4, 8, 16]
    assert all(rung.images_per_s > 0 for rung in found)


def test_the_ladder_ends_where_time_or_room_does(digit_session: Session) -> None:
    over, no_room = time.monotonic() - 1, lambda: False
    assert len(speed.ladder(digit_session, "float32", 64, over, lambda: True, digit_session.tick)) == 1
    assert len(speed.ladder(digit_session, "float32", 64, LATER, no_room, digit_session.tick)) == 1


def test_the_ladder_ends_before_a_batch_that_does_not_fit(
    digit_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(x: torch.Tensor, y: torch.Tensor) -> None:
        if len(x) > 16:
            raise RuntimeError("MPS backend out of memory")

    monkeypatch.setattr(speed, "make_step", lambda *given, **named: step)
    found = speed.ladder(digit_session, "float32", 64, LATER, lambda: True, digit_session.tick)
    assert [rung.batch_images for rung in found] == [4, 8, 16]


def test_an_option_is_compared_by_pairs_of_steps(digit_session: Session) -> None:
    found = speed.channels_last_speedup(digit_session, 4, "float32", LATER, digit_session.tick)
    assert found is not None
    assert found.n == speed.ROUNDS
    assert 0 < found.low <= found.value <= found.high


def test_without_time_for_two_pairs_there_is_no_comparison(digit_session: Session) -> None:
    assert speed.channels_last_speedup(digit_session, 4, "float32", time.monotonic() - 1, digit_session.tick) is None


def test_a_users_own_model_is_measured_as_its_file_made_it(tmp_path: Path, many_digits: Path, job_for: Any) -> None:
    job = job_for(many_digits, model=f"{write_models(tmp_path)}:Viewing", weights="none", cores=1)
    session = Session(job, lambda done, total: None, image_size=64, allowance=3.0)
    session.load_model()
    assert make_batch(session, 4)[0].is_contiguous()
    facts = batch_size.run(session).facts
    assert facts.train_ms is not None
    assert facts.channels_last_speedup is None
    assert "channels-last memory: the script does not use it here" in facts.left_out


def test_on_apples_devices_memory_stays_contiguous(digit_session: Session) -> None:
    assert digit_session.channels_last
    digit_session.job.device = "mps"
    assert digit_session.memory_format is torch.contiguous_format


def test_statistics_are_kept_as_the_recipe_says(digit_session: Session) -> None:
    model = digit_session.fresh_model()
    x, y = make_batch(digit_session, 4)
    norm = next(module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm))
    before = norm.running_mean.clone()
    make_step(model, "float32", frozen_statistics=True)(x, y)
    assert torch.equal(norm.running_mean, before)
    make_step(model, "float32", frozen_statistics=False)(x, y)
    assert not torch.equal(norm.running_mean, before)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step_has_a_finite_gradient_for_every_weight_in_either_precision(
    digit_session: Session, precision: str
) -> None:
    model = digit_session.fresh_model(library_head=True)
    make_step(model, precision, frozen_statistics=False)(*make_batch(digit_session, 4))
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
    assert all(parameter.grad.any() for parameter in network.head(model).parameters())


def test_the_chart_marks_the_recipes_batch_and_the_knee() -> None:
    chart: Any = speed.curve(rungs(100, 180, 196, 200), planned=32)
    assert chart.series[0].x == (4, 8, 16, 32)
    assert {mark.label: mark.x for mark in chart.marks} == {"the recipe's batch": 32, "no faster beyond": 16}
