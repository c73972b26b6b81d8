import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.logs.log import LogError
from cvadvisor.inspect.logs.read import read_logs

from .logs_on_disk import meant, read


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def trainer_state(**more):
    history = [
        {"epoch": 0.5, "step": 50, "loss": 1.5, "learning_rate": 1e-4, "grad_norm": 2.0},
        {"epoch": 1.0, "step": 100, "eval_loss": 1.2, "eval_accuracy": 0.6, "eval_runtime": 3.0},
        {"epoch": 1.0, "step": 100, "train_loss": 1.4, "train_runtime": 99.0, "total_flos": 1e15},
    ]
    return json.dumps({"log_history": history, "epoch": 1.0, "global_step": 100, **more})


def test_a_trainer_state_has_training_and_evaluation(tmp_path):
    (run,) = read(tmp_path, "trainer_state.json", trainer_state(num_train_epochs=1, max_steps=100, train_batch_size=8))

    assert run.format == "Hugging Face trainer_state.json"
    found = meant(run)
    assert found["train/loss"] == [1.5]
    assert found["validation/loss"] == [1.2]
    assert found["validation/accuracy"] == [0.6]
    assert found["gradient_norm"] == [2.0]
    assert run.step.tolist() == [50, 100]
    assert run.config["batch_size"] == 8
    assert (run.planned_epochs, run.cut) == (1.0, "")


def test_a_trainer_state_that_ends_before_its_plan_is_cut(tmp_path):
    (run,) = read(tmp_path, "trainer_state.json", trainer_state(num_train_epochs=30, max_steps=3000))

    assert run.planned_epochs == 30
    assert "epoch 1 of 30" in run.cut


def test_early_stopping_is_no_cut(tmp_path):
    callbacks = {"EarlyStoppingCallback": {"args": {"early_stopping_patience": 3}}}

    (run,) = read(tmp_path, "t.json", trainer_state(num_train_epochs=30, max_steps=3000, stateful_callbacks=callbacks))

    assert run.cut == ""


def test_detectron2_evaluations_are_maps_and_absent_classes_are_left_out(tmp_path):
    text = lines(
        {
            "iteration": 19,
            "total_loss": 2.0,
            "loss_cls": 1.0,
            "lr": 0.1,
            "time": 0.5,
            "data_time": 0.1,
            "eta_seconds": 9,
        },
        {"iteration": 39, "bbox/AP": 41.5, "bbox/AP50": 60.0, "bbox/AP-cat": math.nan, "bbox/AP-dog": 40.0},
    )

    (run,) = read(tmp_path, "metrics.json", text)

    found = meant(run)
    assert run.format == "detectron2 metrics.json"
    assert found["train/loss"] == [2.0]
    assert found["train/loss/cls"] == [1.0]
    assert found["validation/map"] == pytest.approx([0.415])
    assert found["validation/map50"] == pytest.approx([0.6])
    assert found["step_seconds"] == [0.5]
    assert found["data_seconds"] == [0.1]
    assert not any("cat" in name and not name.startswith("?") for name in found)


def test_mmdetection_modes_are_splits_and_steps_go_on_over_epochs(tmp_path):
    text = lines(
        {"env_info": "x", "seed": 0},
        *(
            record
            for epoch in (1, 2)
            for record in (
                {
                    "mode": "train",
                    "epoch": epoch,
                    "iter": 50,
                    "lr": 0.1,
                    "loss": 1.0 / epoch,
                    "acc": 90.0,
                    "loss_bbox": 0.1,
                },
                {
                    "mode": "train",
                    "epoch": epoch,
                    "iter": 100,
                    "lr": 0.1,
                    "loss": 0.9 / epoch,
                    "acc": 91.0,
                    "loss_bbox": 0.1,
                },
                {"mode": "val", "epoch": epoch, "iter": 7, "lr": 0.1, "bbox_mAP": 0.3, "bbox_mAP_50": 0.5},
            )
        ),
    )

    (run,) = read(tmp_path, "None.log.json", text)

    found = meant(run)
    assert found["train/loss"] == [1.0, 0.9, 0.5, 0.45]
    assert found["train/accuracy/cls"] == pytest.approx([0.9, 0.91, 0.9, 0.91])
    assert found["validation/map"] == [0.3, 0.3]
    assert found["validation/map50"] == [0.5, 0.5]
    assert [step for step in run.step.tolist() if not math.isnan(step)] == [50, 100, 150, 200]


def test_mmengine_writes_the_epoch_of_an_evaluation_as_its_step(tmp_path):
    text = lines(
        {"lr": 0.1, "loss": 1.0, "epoch": 1, "iter": 50, "step": 50, "time": 0.3},
        {"coco/bbox_mAP": 0.2, "coco/bbox_mAP_50": 0.4, "step": 1},
        {"lr": 0.1, "loss": 0.5, "epoch": 2, "iter": 100, "step": 100, "time": 0.3},
        {"coco/bbox_mAP": 0.3, "coco/bbox_mAP_50": 0.5, "step": 2},
    )

    (run,) = read(tmp_path, "scalars.json", text)

    assert run.epoch.tolist() == [1, 1, 2, 2]
    assert meant(run)["validation/map"] == [0.2, 0.3]


def test_the_lists_of_coco_are_taken_apart(tmp_path):
    records = [
        {"train_loss": 1.0, "test_loss": 2.0, "epoch": n, "n_parameters": 9, "test_coco_eval_bbox": [0.1 * n, 0.2]}
        for n in range(3)
    ]

    (run,) = read(tmp_path, "log.txt", lines(*records))

    assert meant(run)["validation/map"] == pytest.approx([0, 0.1, 0.2])
    assert meant(run)["validation/loss"] == [2.0] * 3


@pytest.mark.parametrize(
    "history",
    [
        {"loss": [1.0, 0.5], "val_loss": [1.1, 0.6]},
        {"loss": {"0": 1.0, "1": 0.5}, "val_loss": {"0": 1.1, "1": 0.6}},
        {"history": {"loss": [1.0, 0.5], "val_loss": [1.1, 0.6]}, "params": {"epochs": 2}},
        [{"epoch": 0, "loss": 1.0, "val_loss": 1.1}, {"epoch": 1, "loss": 0.5, "val_loss": 0.6}],
        {"epochs": [{"epoch": 0, "loss": 1.0, "val_loss": 1.1}, {"epoch": 1, "loss": 0.5, "val_loss": 0.6}]},
        {"0": {"loss": 1.0, "val_loss": 1.1}, "1": {"loss": 0.5, "val_loss": 0.6}},
    ],
)
def test_histories_of_any_shape_are_read(tmp_path, history):
    (run,) = read(tmp_path, "history.json", json.dumps(history))

    found = meant(run)
    assert found["train/loss"] == [1.0, 0.5]
    assert found["validation/loss"] == [1.1, 0.6]
    assert run.epoch.tolist() == [0, 1]


def test_a_wandb_summary_is_a_row(tmp_path):
    (run,) = read(
        tmp_path, "wandb-summary.json", json.dumps({"_step": 99, "train/loss": 0.5, "val/accuracy": 0.7, "_runtime": 9})
    )

    assert meant(run)["validation/accuracy"] == [0.7]
    assert run.rows == 1


def test_a_last_line_that_is_not_complete_is_left_out(tmp_path):
    (run,) = read(
        tmp_path, "log.json", lines({"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.4}) + '{"epoch": 3, "lo'
    )

    assert run.rows == 2
    assert "not complete" in run.cut


def test_a_document_that_does_not_end_is_read_up_to_there(tmp_path):
    text = trainer_state()
    (run,) = read(tmp_path, "trainer_state.json", text[: text.index('"train_loss"')])

    assert meant(run)["train/loss"] == [1.5]
    assert run.cut


@pytest.mark.parametrize("bomb", ["[" * 100_000, '{"a":' * 100_000, "[" * 50_000 + "]" * 50_000])
def test_deep_nesting_is_one_line(tmp_path, bomb):
    with pytest.raises(LogError) as caught:
        read(tmp_path, "bomb.json", bomb)

    assert "\n" not in str(caught.value)


def test_huge_integers_are_infinite_and_no_traceback(tmp_path):
    text = '{"epoch": 1, "loss": 1' + "0" * 400 + '}\n{"epoch": 2, "loss": 0.5}\n'

    (run,) = read(tmp_path, "x.json", text)

    assert meant(run)["train/loss"] == [math.inf, 0.5]


def test_json_without_a_log_is_one_line(tmp_path):
    with pytest.raises(LogError, match="without a training log"):
        read(tmp_path, "package.json", json.dumps({"name": "x", "version": 3}))


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["loss", "epoch", "step", "val_acc", "mode", "log_history", "history", "0", "1", "lr"]),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(values, min_size=1, max_size=4), st.booleans())
def test_no_json_makes_a_traceback(tmp_path_factory, documents, as_lines):
    path = tmp_path_factory.mktemp("json") / "x.json"
    text = "\n".join(json.dumps(d) for d in documents) if as_lines else json.dumps(documents[0])
    path.write_text(text)
    said = ""
    try:
        for run in read_logs(path):
            for series in run.series:
                assert all(0 <= row < run.rows for row in series.rows.tolist())
    except LogError as error:
        said = str(error)
    assert "\n" not in said
