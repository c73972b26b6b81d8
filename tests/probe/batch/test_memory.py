import dataclasses
import os
import time
from typing import Any

import pytest
import torch

from cvadvisor.probe.batch import alone, memory
from cvadvisor.probe.batch.asking import Died, TooSlow, ask
from cvadvisor.probe.batch.memory import straight_line, summarise
from cvadvisor.probe.declaration import NotChecked
from cvadvisor.probe.session import Session


def tried(base: int, each: int, fitting: list[int], failing: list[int]) -> list[dict]:
    answers = [{"batch": batch, "fits": True, "peak_bytes": base + each * batch} for batch in fitting]
    return answers + [{"batch": batch, "fits": False, "peak_bytes": None} for batch in failing]


def test_memory_is_a_base_and_a_share_of_each_image() -> None:
    assert straight_line({8: 180, 16: 260, 32: 420}) == pytest.approx((100, 10))


def test_small_batches_that_hide_behind_an_earlier_peak_do_not_tilt_the_line() -> None:
    hidden = {1: 5000, 2: 5000, 4: 5000, 8: 5000}
    assert straight_line(hidden | {64: 6500, 128: 12900, 256: 25700}) == pytest.approx((100, 100))


def test_memory_that_does_not_grow_says_nothing() -> None:
    assert straight_line({8: 100, 16: 100}) is None
    assert straight_line({8: 100}) is None
    assert straight_line({}) is None


def test_the_recommended_batch_fills_four_fifths_of_the_memory() -> None:
    found = summarise(tried(1000, 100, [8, 16, 32, 64], []), available=10_000, most=1024)
    assert found.recommended == 70  # (8,000 - 1,000) / 100
    assert (found.base_bytes, found.per_image_bytes, found.largest_tried) == (1000, 100, 64)


def test_the_largest_batch_is_known_only_where_a_larger_one_failed() -> None:
    assert summarise(tried(0, 1, [8, 16], []), 10**9, 1024).largest is None
    assert summarise(tried(0, 1, [8, 16, 24], [32]), 10**9, 1024).largest == 24


def test_a_search_that_was_cut_short_knows_no_largest_batch() -> None:
    assert summarise(tried(0, 1, [8, 16], [32]), 10**9, 1024, "there was no time").largest is None


def test_no_batch_is_recommended_beyond_the_images_there_are_or_one_that_failed() -> None:
    assert summarise(tried(0, 1, [8, 16], []), 10**9, 90).recommended == 90
    assert summarise(tried(0, 1, [8, 16, 24], [32]), 10**9, 1024).recommended == 24


def test_where_not_even_one_image_fits_the_largest_batch_is_none_at_all() -> None:
    found = summarise(tried(0, 1, [], [1]), 10**9, 1024)
    assert (found.largest, found.recommended, found.per_image_bytes) == (0, None, None)


@pytest.mark.slow
def test_larger_images_take_more_memory_an_image(pretrained_session: Session) -> None:
    small, large = (
        memory.measure(dataclasses.replace(pretrained_session, image_size=size), "float32", time.monotonic() + 600)
        for size in (64, 96)
    )
    assert small.unfinished is None
    assert small.per_image_bytes is not None
    assert large.per_image_bytes is not None
    assert 1.5 * small.per_image_bytes < large.per_image_bytes < 3.5 * small.per_image_bytes
    assert small.recommended == pretrained_session.job.train_images


@pytest.mark.slow
def test_what_the_starting_process_holds_is_not_taken_for_the_childs(digit_session: Session) -> None:
    held = bytearray(2_000_000_000)
    held[:: os.sysconf("SC_PAGE_SIZE")] = b"1" * len(range(0, len(held), os.sysconf("SC_PAGE_SIZE")))
    answers = list(ask(digit_session, memory_command() | {"most_images": 2}, time.monotonic() + 600))[1:]
    assert 0 < answers[0]["peak_bytes"] < len(held)


@pytest.mark.slow
def test_a_model_that_cannot_be_built_there_is_said_to_have_died(digit_session: Session) -> None:
    digit_session.job.model = "no_such_model"
    with pytest.raises(Died, match="no_such_model"):
        list(ask(digit_session, memory_command(), time.monotonic() + 600))


def test_time_that_is_up_ends_the_process(digit_session: Session) -> None:
    with pytest.raises(TooSlow):
        list(ask(digit_session, memory_command(), time.monotonic() + 0.1))
    found = memory.measure(digit_session, "float32", time.monotonic() + 0.1)
    assert found.largest_tried is None
    assert found.unfinished == "its time was up before a batch was tried"


def test_the_probes_deadline_ends_the_process(digit_session: Session) -> None:
    digit_session.deadline = time.monotonic() - 1
    with pytest.raises(NotChecked):
        list(ask(digit_session, memory_command(), time.monotonic() + 600))


def test_a_machine_that_does_not_say_what_is_free_is_not_filled(
    digit_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory_bytes", lambda device: None)
    assert memory.measure(digit_session, "float32", time.monotonic() + 60).largest_tried is None


@pytest.mark.slow
def test_no_batch_is_tried_that_would_use_more_than_allowed(pretrained_session: Session) -> None:
    allowed = memory_command() | {"most_bytes": 60_000_000}
    answers = list(ask(pretrained_session, allowed, time.monotonic() + 600))[1:]
    first, last = answers[0]["peak_bytes"], answers[-1]["peak_bytes"]
    assert len(answers) > 1
    assert last - first < 3 * allowed["most_bytes"]
    assert answers[-1]["batch"] < allowed["most_images"]


def test_the_largest_batch_is_found_by_doubling_and_bisection(
    digit_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def make_step(model: Any, precision: str, *, frozen_statistics: bool) -> Any:
        def step(x: torch.Tensor, y: torch.Tensor) -> None:
            sizes.append(len(x))
            if len(x) > 37:
                raise torch.OutOfMemoryError

        return step

    monkeypatch.setattr(alone, "make_step", make_step)
    monkeypatch.setattr(alone, "_used", lambda device: 10**6 + 1000 * (sizes[-1] if sizes else 0))
    tried = list(alone.memory(whole_command(digit_session)))[1:]
    found = summarise(tried, available=10**9, most=512)
    assert [one["batch"] for one in tried][:6] == [2, 4, 8, 16, 32, 64]
    assert found.largest in (35, 36, 37)
    assert found.recommended == found.largest
    assert found.per_image_bytes == 1000


@pytest.mark.parametrize("largest", [0, 1, 2])
def test_the_largest_batch_is_found_where_hardly_any_fits(
    digit_session: Session, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    def make_step(model: Any, precision: str, *, frozen_statistics: bool) -> Any:
        def step(x: torch.Tensor, y: torch.Tensor) -> None:
            if len(x) > largest:
                raise torch.OutOfMemoryError

        return step

    monkeypatch.setattr(alone, "make_step", make_step)
    tried = list(alone.memory(whole_command(digit_session)))[1:]
    assert summarise(tried, available=10**9, most=512).largest == largest


def test_an_error_that_is_not_about_memory_is_no_batch_that_does_not_fit(
    digit_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_step(model: Any, precision: str, *, frozen_statistics: bool) -> Any:
        def step(x: torch.Tensor, y: torch.Tensor) -> None:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

        return step

    monkeypatch.setattr(alone, "make_step", make_step)
    with pytest.raises(RuntimeError, match="shapes"):
        list(alone.memory(whole_command(digit_session)))


def whole_command(session: Session) -> dict:
    job = dataclasses.asdict(dataclasses.replace(session.job, train=[], held_out=[]))
    return memory_command() | {"job": job, "image_size": session.image_size, "frozen_statistics": False}


def memory_command() -> dict:
    return {"do": "memory", "precision": "float32", "most_images": 512, "most_bytes": 10**9}
