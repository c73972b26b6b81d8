import dataclasses

import pytest

from cvadvisor.facts import Estimate
from cvadvisor.probe.batch import epoch
from cvadvisor.probe.batch.epoch import Costs, Work


def exactly(value: float) -> Estimate:
    return Estimate(value=value, low=value, high=value, n=10)


COSTS = Costs(train=exactly(0.01), evaluate=exactly(0.002), load=exactly(0.004), load_plain=exactly(0.003))
WORK = Work(train_images=100, validation_images=50, batch=32, workers=0, cores=2, on_processor=True)
GPU = dataclasses.replace(WORK, workers=4, cores=8, on_processor=False)


def test_without_workers_loading_and_computing_add_up() -> None:
    # three whole batches of 32, and the validation images
    assert epoch.epoch_seconds(COSTS, WORK).value == pytest.approx(96 * 0.014 + 50 * 0.005)


def test_a_dataset_smaller_than_a_batch_is_one_step() -> None:
    assert dataclasses.replace(WORK, train_images=20).trained_images == 20


def test_workers_hide_loading_behind_a_gpu_that_is_slower() -> None:
    assert epoch.pass_seconds(exactly(0.01), exactly(0.004), 1, GPU).value == pytest.approx(0.01)
    assert epoch.loading_share(COSTS, GPU) == 0.0


def test_a_gpu_that_is_faster_waits_for_its_workers() -> None:
    costs = dataclasses.replace(COSTS, train=exactly(0.00025))
    assert epoch.pass_seconds(costs.train, costs.load, 1, GPU).value == pytest.approx(0.001)
    assert epoch.loading_share(costs, GPU) == pytest.approx(0.75)


def test_workers_take_cores_from_a_processor_that_computes() -> None:
    work = dataclasses.replace(WORK, workers=2, cores=4)
    assert epoch.pass_seconds(exactly(0.01), exactly(0.004), 1, work).value == pytest.approx(0.011)


def test_more_workers_than_cores_load_no_faster() -> None:
    work = dataclasses.replace(GPU, workers=16, cores=4)
    assert epoch.pass_seconds(exactly(0.0), exactly(0.004), 1, work).value == pytest.approx(0.001)


def test_an_epoch_of_the_head_costs_forward_passes() -> None:
    assert epoch.epoch_seconds(COSTS, WORK, head_only=True).value == pytest.approx(96 * 0.006 + 50 * 0.005)


def run(**changes: object) -> float:
    settings: dict = {"strategy": "head-then-full", "starts_from_probe": True, "epochs": 5, "head_epochs": 1}
    return epoch.run_seconds(COSTS, WORK, **{**settings, **changes}).value


def test_a_run_is_features_head_epochs_full_epochs_and_an_evaluation() -> None:
    validation, full, head = 50 * 0.005, 96 * 0.014, 96 * 0.006
    features = 100 * 0.005 + validation
    assert run() == pytest.approx(features + (head + validation) + 4 * (full + validation) + validation)
    assert run(starts_from_probe=False) == pytest.approx(run() - features)
    assert run(strategy="full", starts_from_probe=False) == pytest.approx(5 * (full + validation) + validation)


def test_a_linear_probe_trains_no_epoch() -> None:
    assert run(strategy="probe-only") == pytest.approx(100 * 0.005 + 2 * 50 * 0.005)


def test_a_run_of_the_head_alone_costs_forward_passes_in_every_epoch() -> None:
    head = epoch.epoch_seconds(COSTS, WORK, head_only=True).value
    assert run(strategy="head-only") - run(strategy="probe-only") == pytest.approx(5 * head)


def test_independent_errors_within_an_image_add_as_squares() -> None:
    compute, load = Estimate(value=4, low=1, high=7, n=5), Estimate(value=5, low=1, high=9, n=9)
    found = epoch.pass_seconds(compute, load, 1, WORK)
    assert (found.low, found.value, found.high, found.n) == (4, 9, 14, 5)
