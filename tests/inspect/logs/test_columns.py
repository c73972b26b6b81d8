import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.logs.columns import Meaning, counter, meaning, meanings, quantities


@pytest.mark.parametrize(
    ("name", "split", "quantity", "part"),
    [
        ("loss", "", "loss", ""),
        ("train/loss", "train", "loss", ""),
        ("Training Loss", "train", "loss", ""),
        ("trainLoss", "train", "loss", ""),
        ("valAcc", "validation", "accuracy", ""),
        ("eval_top1", "validation", "accuracy", ""),
        ("test_acc1", "test", "accuracy", ""),
        ("Acc@5", "", "top5_accuracy", ""),
        ("val/box_loss", "validation", "loss", "box"),
        ("train/box_om", "train", "loss", "box_om"),
        ("metrics/mAP50-95(B)", "validation", "map", ""),
        ("metrics/mAP50-95(M)", "validation", "map", "m"),
        ("metrics/mAP_0.5", "validation", "map50", ""),
        ("bbox/AP", "validation", "map", ""),
        ("bbox/AP-person", "", "", ""),
        ("val_mean_iou", "validation", "iou", ""),
        ("val_mIoU", "validation", "iou", ""),
        ("MeanIoU", "", "iou", ""),
        ("dice_coefficient_t", "", "dice", ""),
        ("lr-AdamW", "", "learning_rate", ""),
        ("lr-SGD/pg1", "", "learning_rate", "pg1"),
        ("x/lr0", "", "learning_rate", "pg0"),
        ("train_lr", "", "learning_rate", ""),
        ("grad_2.0_norm_total", "", "gradient_norm", ""),
        ("train_loss_step", "train", "loss", "step"),
        ("train_loss_epoch", "train", "loss", ""),
        ("val_mean_absolute_error", "validation", "mae", ""),
        ("val_f1_score", "validation", "f1", ""),
        ("eval_Macro F1", "validation", "f1", "macro"),
        ("best_val_acc", "", "", ""),
        ("eta_seconds", "", "", ""),
        ("my_column", "", "", ""),
        ("", "", "", ""),
    ],
)
def test_names_of_real_logs_are_understood(name, split, quantity, part):
    found = meaning(name)

    assert (found.split if found.quantity else "", found.quantity, found.part) == (split, quantity, part)


@pytest.mark.parametrize(
    ("name", "counts"),
    [("epoch", "epoch"), ("Epoch", "epoch"), ("trainer/global_step", "step"), ("_step", "step"), ("loss", "")],
)
def test_counters_are_known(name, counts):
    assert counter(name) == counts


def test_a_bare_metric_beside_one_of_validation_is_of_training():
    found = meanings(["accuracy", "val_accuracy"], {})

    assert found["accuracy"].split == "train"


def test_a_test_set_stands_for_validation_only_where_there_is_none():
    assert meanings(["train_loss", "test_loss"], {})["test_loss"] == Meaning("validation", "loss")
    assert meanings(["train_loss", "val_loss", "test_loss"], {})["test_loss"].split == ""


def test_shares_and_directions_are_known():
    assert quantities()["accuracy"].share
    assert quantities()["loss"].better == "lower"
    assert quantities()["learning_rate"].better == ""


@given(st.text(max_size=60))
def test_any_name_has_a_meaning(name):
    assert meaning(name).quantity in {"", *quantities()}
