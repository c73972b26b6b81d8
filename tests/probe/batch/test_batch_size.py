import dataclasses
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cvadvisor.facts.batch import BatchFacts
from cvadvisor.probe import batch_size
from cvadvisor.probe.batch import plan, speed
from cvadvisor.probe.batch.asking import Died
from cvadvisor.probe.declaration import NotChecked
from cvadvisor.probe.session import Session
from cvadvisor.probe.training_plan import TrainingPlan


def numbers(value: Any) -> Iterator[float]:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from numbers(getattr(value, field.name))
    elif isinstance(value, tuple):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float):
        yield value


@pytest.fixture
def quick(digit_session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Three seconds: too few for processes of their own."""
    monkeypatch.setattr(speed, "MOST_BATCH", 16)
    digit_session.allowance = 3.0
    digit_session.deadline = time.monotonic() + 60
    return digit_session


def test_one_run_measures_the_epoch_the_speed_and_what_it_leaves_out(quick: Session) -> None:
    measured = batch_size.run(quick)
    facts: BatchFacts = measured.facts
    assert facts.train_ms is not None
    assert facts.evaluate_ms is not None
    assert 0 < facts.evaluate_ms.value < facts.train_ms.value
    assert facts.epoch_seconds is not None
    assert facts.epoch_seconds.low <= facts.epoch_seconds.value <= facts.epoch_seconds.high
    assert facts.run_seconds is None
    assert facts.gpu is None
    assert [text.partition(":")[0] for text in facts.left_out][-2:] == ["memory", "torch.compile"]
    assert len(measured.curves) == (len(facts.throughput) > 1)
    assert all(math.isfinite(number) for number in numbers(facts))


def test_an_epoch_adds_up_from_its_images(quick: Session) -> None:
    facts = batch_size.run(quick).facts
    assert (facts.batch_images, facts.epoch_train_images, facts.epoch_validation_images) == (32, 120, 24)
    trained = 96 * (facts.train_ms.value + facts.decode_ms.value)
    assert facts.workers == 0
    assert trained / 1000 < facts.epoch_seconds.value < trained / 1000 + 24 * (trained / 96) / 1000


def test_a_recipe_gives_the_batch_and_the_time_of_its_run(quick: Session) -> None:
    settings = {field.name: 0 for field in dataclasses.fields(TrainingPlan)}
    recipe = {"strategy": "full", "head_start": "zero", "epochs": 4, "batch_size": 8, "batch_norm": "train"}
    quick.plan = TrainingPlan(**{**settings, **recipe, "crop_scale": 0.5, "precision": "auto"})  # type: ignore[arg-type]
    facts = batch_size.run(quick).facts
    assert facts.batch_images == 8
    assert facts.epochs == 4
    assert 4 * facts.epoch_seconds.value < facts.run_seconds.value < 5 * facts.epoch_seconds.value


def test_images_held_out_of_training_are_not_trained_on(quick: Session) -> None:
    quick.job = dataclasses.replace(quick.job, held_out_from="train", train_images=150, validation_images=30)
    facts = batch_size.run(quick).facts
    assert (facts.epoch_train_images, facts.epoch_validation_images) == (120, 30)


def test_a_batch_is_never_larger_than_the_training_images(quick: Session) -> None:
    quick.job = dataclasses.replace(quick.job, train=quick.job.train[:5], train_images=5)
    assert batch_size.run(quick).facts.batch_images == 5


def test_without_any_time_nothing_is_checked(digit_session: Session) -> None:
    digit_session.allowance, digit_session.deadline = 5.0, time.monotonic() - 1
    with pytest.raises(NotChecked):
        batch_size.run(digit_session)


def test_a_training_set_that_cannot_be_read_is_not_checked(quick: Session) -> None:
    for sample in quick.job.train:
        sample.place = dataclasses.replace(sample.place, path="gone.png")
    with pytest.raises(NotChecked, match="no training image"):
        batch_size.run(quick)


def test_what_was_measured_stays_when_the_time_runs_out() -> None:
    def stop(until: float) -> dict[str, Any]:
        raise NotChecked("the time budget was used up")

    parts = [plan.Part("first", 0.5, lambda until: {"epochs": 1}), plan.Part("second", 0.5, stop)]
    found = plan.run_parts(parts, 60)
    assert found.facts == {"epochs": 1}
    assert found.left_out == ["second: there was no time"]


def test_parts_after_the_end_are_named_and_not_begun() -> None:
    begun: list[str] = []
    parts = [plan.Part(name, 0.5, lambda until: begun.append("it") or {}) for name in ("one", "two")]
    assert plan.run_parts(parts, -1).left_out == ["one: there was no time", "two: there was no time"]
    assert begun == []


def test_a_part_may_take_its_share_of_what_is_left() -> None:
    given: list[float] = []

    def note(until: float) -> dict[str, Any]:
        given.append(until - time.monotonic())
        return {}

    plan.run_parts([plan.Part("one", 0.5, note), plan.Part("two", 0.25, note)], 1000)
    assert given == [pytest.approx(500, abs=1), pytest.approx(250, abs=1)]


def test_a_failed_compilation_is_a_fact(digit_session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_size, "ask", lambda *given: iter([{"problem": "RuntimeError: no compiler"}]))
    found = batch_size._compiling(digit_session, time.monotonic() + 1000)
    assert found == {"compile_failed": True, "compile_problem": "RuntimeError: no compiler"}


def test_a_compilation_that_ends_its_process_is_left_out(
    digit_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def died(*given: Any) -> Iterator[Any]:
        raise Died("signal 11")
        yield

    monkeypatch.setattr(batch_size, "ask", died)
    with pytest.raises(plan.LeftOut, match="signal 11"):
        batch_size._compiling(digit_session, time.monotonic() + 1000)


def test_on_a_gpu_memory_comes_first_and_on_a_processor_the_epoch(digit_session: Session) -> None:
    assert batch_size._parts(digit_session)[0].name == "time of an epoch"
    digit_session.job = dataclasses.replace(digit_session.job, device="cuda")
    assert batch_size._parts(digit_session)[0].name == "memory"


def test_larger_inputs_cost_more(digit_session: Session) -> None:
    small, large = (batch_size.cost(dataclasses.replace(digit_session, image_size=size)) for size in (32, 224))
    assert small.least_s < small.most_s <= batch_size.MOST_S
    assert small.least_s < large.least_s
