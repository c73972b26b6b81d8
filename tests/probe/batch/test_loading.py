import time

import pytest
import torch

from cvadvisor.inspect.dataset.places import Place
from cvadvisor.probe.batch import loading
from cvadvisor.probe.session import Sample, Session


def load(session: Session, samples: list[Sample], *, augment: bool = True, until: float = float("inf")) -> list[float]:
    return loading.load_seconds(session, samples, until, augment=augment, tick=session.tick)


@pytest.mark.parametrize("augment", [True, False])
def test_each_image_after_the_first_two_is_timed(digit_session: Session, augment: bool) -> None:
    taken = load(digit_session, digit_session.job.train[:20], augment=augment)
    assert len(taken) == 18
    assert all(seconds > 0 for seconds in taken)


def test_a_few_images_are_read_even_when_the_time_is_up(digit_session: Session) -> None:
    assert len(load(digit_session, digit_session.job.train, until=time.monotonic() - 1)) == loading.LEAST_IMAGES


def test_files_that_cannot_be_read_are_left_out(digit_session: Session) -> None:
    lost = [Sample(Place("no/such/file.png"), 0)] * 5
    assert load(digit_session, lost) == []
    assert len(load(digit_session, [*lost, *digit_session.job.train[:4]])) == 4


def test_augmentation_leaves_the_random_state_of_others_alone(digit_session: Session) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load(digit_session, digit_session.job.train[:4])
    assert torch.equal(torch.rand(3), expected)


def test_the_workers_are_those_that_the_script_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert loading.default_workers("cuda", 501) == 4
    assert loading.default_workers("cuda", 500) == 0
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert loading.default_workers("cuda", 501) == 2
    assert loading.default_workers("cpu", 501) == 0


def test_the_workers_needed_read_an_image_in_the_time_of_a_step() -> None:
    assert loading.workers_needed(load_s=0.010, train_s=0.003) == 4
    assert loading.workers_needed(load_s=0.001, train_s=0.003) == 1
