import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.logs.log import LogError
from cvadvisor.inspect.logs.read import read_logs

from .logs_on_disk import meant, read, written


def test_a_line_an_epoch_with_colons_and_equal_signs_is_read(tmp_path):
    text = "".join(f"Epoch {n}/90 - lr 0.01 loss: {1 / n:.3f} val_acc=0.{n}1\n" for n in range(1, 4))

    (run,) = read(tmp_path, "out.txt", text)

    assert run.epoch.tolist() == [1, 2, 3]
    assert run.planned_epochs == 90
    assert meant(run) == {
        "train/loss": [1, 0.5, 0.333],
        "validation/accuracy": [0.11, 0.21, 0.31],
        "learning_rate": [0.01] * 3,
    }


def test_the_split_is_named_once_a_line_and_shares_in_percent_are_shares(tmp_path):
    text = "".join(
        f"net - Epoch {n}/2\n----------\nlr: [0.001]\ntrain Loss: 1.{n} Top-1 Acc: 37.{n}\n"
        f"test Loss: 1.5 Top-1 Acc: 1.{n}\n"
        for n in (1, 2)
    )

    (run,) = read(tmp_path, "log.md", text)

    assert meant(run) == {
        "learning_rate": [0.001, 0.001],
        "train/loss": [1.1, 1.2],
        "train/accuracy": pytest.approx([0.371, 0.372]),
        "validation/loss": [1.5, 1.5],
        "validation/accuracy": pytest.approx([0.011, 0.012]),
    }


def test_a_percent_sign_on_one_split_says_nothing_of_the_other(tmp_path):
    text = "".join(f"Epoch {n}: train acc 0.5 loss 1.0 | val acc: {n}.0%\n" for n in range(1, 4))

    (run,) = read(tmp_path, "a.log", text)

    assert meant(run)["validation/accuracy"] == pytest.approx([0.01, 0.02, 0.03])
    assert meant(run)["train/accuracy"] == [0.5, 0.5, 0.5]


def test_keras_progress_bars_count_once_an_epoch(tmp_path):
    lines = []
    for epoch in (1, 2):
        lines.append(f"Epoch {epoch}/2\n")
        lines.append("\r".join(f"{n}/32 [==>...] - ETA: 3s - loss: 9.0 - accuracy: 0.1" for n in range(1, 32)))
        lines.append(
            f"\r32/32 [======] - 3s 50ms/step - loss: 0.{epoch} - accuracy: 0.9 - val_loss: 0.7 - val_accuracy: 0.8\n"
        )

    (run,) = read(tmp_path, "nohup.out", "".join(lines))

    assert meant(run)["train/loss"] == [0.1, 0.2]
    assert meant(run)["validation/accuracy"] == [0.8, 0.8]
    assert run.epoch.tolist() == [1, 2]
    assert run.planned_epochs == 2


def test_tqdm_bars_on_one_line_count_once_when_they_are_full(tmp_path):
    bars = "".join(
        f"Epoch {epoch}:   0%|          | 0/10 [00:00<?, ?it/s]\rEpoch {epoch}:  50%|███  | 5/10 [00:01, loss=9.5]"
        f"\rEpoch {epoch}: 100%|█████| 10/10 [00:02<00:00, 4.1it/s, loss=0.{epoch}]\r"
        for epoch in (1, 2, 3)
    )

    (run,) = read(tmp_path, "t.log", bars)

    assert meant(run)["train/loss"] == [0.1, 0.2, 0.3]


def test_averages_in_brackets_are_read_and_the_batches_of_an_evaluation_are_not(tmp_path):
    text = "".join(
        f"Epoch: [{n}][ 100/200]\tTime  0.5 ( 0.6)\tLoss 4.5e+00 (4.{n}e+00)\tAcc@1  12.5 ( 1{n}.0)\n"
        f"Test: [  0/196]\tTime  1.0 ( 1.0)\tLoss 9.0e+00 (9.0e+00)\tAcc@1 99.0 (99.0)\n"
        f" * Acc@1 2{n}.5 Acc@5 79.2\n"
        for n in range(3)
    )

    (run,) = read(tmp_path, "imagenet.log", text)

    assert meant(run)["train/loss"] == [4.0, 4.1, 4.2]
    assert meant(run)["validation/accuracy"] == pytest.approx([0.205, 0.215, 0.225])
    assert run.epoch.tolist() == [0, 0, 1, 1, 2, 2]


def test_correct_of_all_is_a_share(tmp_path):
    text = "".join(
        f"Train Epoch: {n} [0/60000 (0%)]\tLoss: 2.3\n\nTest set: Average loss: 0.05, Accuracy: 984{n}/10000 (98%)\n\n"
        for n in (1, 2)
    )

    (run,) = read(tmp_path, "mnist.log", text)

    assert meant(run)["validation/accuracy"] == [0.9841, 0.9842]
    assert meant(run)["validation/loss"] == [0.05, 0.05]
    assert meant(run)["train/loss"] == [2.3, 2.3]


def test_steps_without_epochs_are_steps(tmp_path):
    text = "".join(f"step {n}: train loss {9 - n / 250:.1f}, val loss 2.5\n" for n in (0, 250, 500))

    (run,) = read(tmp_path, "gpt.log", text)

    assert run.step.tolist() == [0, 250, 500]
    assert meant(run) == {"train/loss": [9, 8, 7], "validation/loss": [2.5] * 3}


def test_many_lines_an_epoch_are_no_restart(tmp_path):
    text = "".join(
        f"Epoch: {e}| train loss: {1 / (e + 1)}\n" * 10 + f"Epoch {e}: Val acc is 9{e}.5%\n" for e in range(5)
    )

    (run,) = read(tmp_path, "train.log", text)

    assert run.rows == 55
    assert len(meant(run)["train/loss"]) == 50
    assert meant(run)["validation/accuracy"][0] == pytest.approx(0.905)


def test_settings_checkpoints_and_the_best_so_far_are_no_rows(tmp_path):
    text = (
        "Max Epochs: 3\nLearning Rate: 0.5\nlr: 0.02\n"
        + "".join(f"EPOCH {n}/3 VAL - Loss: 1.{n}, Acc: 50%\nBest val acc so far: 99%\n" for n in (1, 2, 3))
        + "Saved epoch=1-val/accuracy=0.774.ckpt\nTotal Duration: 7780.05 seconds\n"
    )

    (run,) = read(tmp_path, "x.log", text)

    assert meant(run) == {"validation/loss": [1.1, 1.2, 1.3], "validation/accuracy": [0.5] * 3}
    assert run.planned_epochs == 3
    assert run.config["lr"] == 0.02


def test_a_written_nan_is_kept(tmp_path):
    (run,) = read(tmp_path, "x.log", "epoch 1 loss: 0.5\nepoch 2 loss: nan\nepoch 3 loss: inf\n")

    assert str(meant(run)["train/loss"]) == "[0.5, nan, inf]"


def test_prose_with_numbers_is_no_log(tmp_path):
    with pytest.raises(LogError, match="no training log that can be read"):
        read(tmp_path, "notes.txt", "I bought 3 apples.\nThere were 4 before.\n")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="Epoch loss:=/[]()%.0123456789-eE nan\r\n\tval acc@|,train*", max_size=400))
def test_no_text_makes_a_traceback(tmp_path_factory, text):
    path = written(tmp_path_factory.mktemp("text"), "x.log", text)
    said = ""
    try:
        for run in read_logs(path):
            assert all(len(s.rows) == len(s.values) for s in run.series)
    except LogError as error:
        said = str(error)
    assert "\n" not in said
