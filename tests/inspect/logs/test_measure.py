import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.logs.main_series import unit
from cvadvisor.inspect.logs.measure import measure
from tests.run_samples import a_run, falling, healthy


def test_the_task_metric_outranks_the_loss():
    facts = measure(healthy())
    assert facts.metric_name == "accuracy"
    assert facts.judged == facts.metric
    assert measure(a_run({"validation/loss": [1.0, 0.5]})).judged_name == "validation loss"


def test_better_is_higher_for_a_share_and_lower_for_an_error():
    share = measure(a_run({"validation/accuracy": [0.5, 0.9, 0.8]})).metric
    error = measure(a_run({"validation/error": [0.5, 0.1, 0.2]})).metric
    assert share is not None
    assert error is not None
    assert (share.best_epoch, error.best_epoch) == (2.0, 2.0)
    assert (share.relative_gain or 0) > 0
    assert (error.relative_gain or 0) > 0


def test_a_loss_that_is_no_number_is_a_fact_of_its_own():
    facts = measure(a_run({"train/loss": [2.0, 1.0, math.nan, math.inf]}))
    assert not facts.losses_are_finite
    assert facts.not_finite_epoch == 3.0
    assert facts.train_loss is not None
    assert facts.train_loss.points == 2


def test_a_metric_that_is_no_number_is_no_broken_loss():
    assert measure(a_run({"train/loss": [2.0, 1.0], "train/dice": [math.nan, math.nan]})).losses_are_finite


def test_blank_cells_are_not_there():
    facts = measure(a_run({"train/loss": [2.0, 1.5, 1.0], "validation/loss": [None, 1.2, None]}))
    assert facts.validation_loss is not None
    assert facts.validation_loss.points == 1


def test_without_epochs_steps_are_counted_and_without_steps_rows():
    nothing = np.full(3, np.nan)
    assert unit(a_run({"train/loss": [3.0, 2.0, 1.0]})) == "epoch"
    assert unit(a_run({"train/loss": [3.0, 2.0, 1.0]}, epoch=nothing, step=np.array([10.0, 20.0, 30.0]))) == "step"
    assert unit(a_run({"train/loss": [3.0, 2.0, 1.0]}, epoch=nothing, step=nothing)) == "row"


def test_the_highest_of_several_learning_rates_counts():
    rates = measure(a_run({"learning_rate/pg0": [1e-4, 1e-4], "learning_rate/pg1": [1e-3, 1e-5]})).learning_rate
    assert rates is not None
    assert (rates.highest, rates.decay) == (1e-3, pytest.approx(0.01))


def test_a_warm_up_from_zero_and_an_end_at_zero_are_no_zero_rate():
    rates = measure(a_run({"learning_rate": [0.0, *np.linspace(0.1, 0.01, 18).tolist(), 0.0]})).learning_rate
    assert rates is not None
    assert rates.zero_share == 0


def test_a_rate_that_falls_to_nothing_early_is_seen():
    rate = [0.1] * 5 + [1e-9] * 15
    run = a_run({"learning_rate": rate, "train/loss": [*falling(2, 1, 5), *[1.0] * 15]})
    rates = measure(run).learning_rate
    assert rates is not None
    assert rates.tiny_from == pytest.approx(5 / 19)
    assert rates.tiny_after == pytest.approx(1e8)


def test_equal_columns_are_told_from_perfect_ones():
    values = falling(2.0, 0.5, 10)
    assert measure(a_run({"train/loss": values, "validation/loss": values})).equal_share == 1
    perfect = {"train/accuracy": [0.9, *[1.0] * 9], "validation/accuracy": [0.95, *[1.0] * 9]}
    assert measure(a_run(perfect)).equal_share in (None, 0)


def test_a_checkpoint_s_state_is_not_taken_for_a_run_that_was_cut():
    run = healthy(5)
    planned = dataclasses.replace(run, planned_epochs=50.0)
    assert measure(planned).planned_share == pytest.approx(0.1)
    within = dataclasses.replace(planned, path=run.path / "checkpoint-525" / "trainer_state.json")
    assert measure(within).planned_share is None


@pytest.mark.parametrize(("first", "share"), [(0, 0.5), (1, 0.5)])
def test_epochs_are_counted_from_zero_or_one(first, share):
    run = a_run({"train/loss": falling(2, 1, 10)}, epoch=np.arange(first, first + 10.0), planned_epochs=20.0)
    assert measure(run).planned_share == pytest.approx(share)


def test_a_run_that_slows_down_is_measured():
    facts = measure(a_run({"seconds": [30.0] * 10 + [60.0] * 10}))
    assert facts.slowdown == pytest.approx(2.0)


def test_waiting_for_data_is_a_share_of_a_step():
    facts = measure(a_run({"step_seconds": [0.2] * 5, "data_seconds": [0.1] * 5}))
    assert facts.data_share == pytest.approx(0.5)


def test_chance_needs_the_number_of_classes():
    run = a_run({"train/loss": [2.3] * 5, "validation/accuracy": [0.1] * 5})
    assert measure(run).loss_over_chance is None
    assert measure(run, classes=10).loss_over_chance == pytest.approx(2.3 / math.log(10))


cells = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
names = st.sampled_from(
    [f"{split}/{quantity}" for split in ("train", "validation") for quantity in ("loss", "accuracy", "error")]
    + ["learning_rate", "gradient_norm", "seconds", "step_seconds", "data_seconds"]
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(names, st.lists(cells, min_size=1, max_size=25), min_size=1, max_size=5))
def test_whatever_a_log_holds_it_can_be_measured(series):
    rows = max(map(len, series.values()))
    facts = measure(a_run({name: [*values, *[None] * (rows - len(values))] for name, values in series.items()}))
    assert facts.rows == rows
