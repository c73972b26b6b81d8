import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.logs.log import LogError
from cvadvisor.inspect.logs.read import read_logs

from .logs_on_disk import meant, read, written


def test_a_keras_log_names_its_splits(tmp_path):
    (run,) = read(
        tmp_path,
        "l.csv",
        "epoch,accuracy,loss,lr,val_accuracy,val_loss\n0,0.5,1.5,0.1,0.4,1.6\n1,0.6,1.4,0.1,0.5,1.5\n",
    )

    assert meant(run) == {
        "train/accuracy": [0.5, 0.6],
        "train/loss": [1.5, 1.4],
        "learning_rate": [0.1, 0.1],
        "validation/accuracy": [0.4, 0.5],
        "validation/loss": [1.6, 1.5],
    }
    assert run.epoch.tolist() == [0, 1]


def test_the_bare_metric_of_fastai_is_of_validation(tmp_path):
    (run,) = read(
        tmp_path, "history.csv", "epoch,train_loss,valid_loss,accuracy,time\n0,1.5,1.4,0.5,00:12\n1,1.2,1.3,0.6,01:02\n"
    )

    assert meant(run)["validation/accuracy"] == [0.5, 0.6]
    assert meant(run)["seconds"] == [12, 62]
    assert run.format == "fastai history.csv"


def test_padded_ultralytics_columns_sum_to_a_loss_and_its_clock_gives_seconds_an_epoch(tmp_path):
    head = (
        "  epoch,  time,  train/box_loss,  train/cls_loss,  train/dfl_loss,  metrics/mAP50(B),"
        "  metrics/mAP50-95(B),  lr/pg0\n"
    )
    rows = "".join(f"  {n},  {60 * n + n},  1,  2,  {n},  0.5,  0.4,  0.01\n" for n in range(1, 6))

    (run,) = read(tmp_path, "results.csv", head + rows)

    found = meant(run)
    assert found["train/loss"] == [4, 5, 6, 7, 8]
    assert found["train/loss/box"] == [1] * 5
    assert found["validation/map"] == [0.4] * 5
    assert found["validation/map50"] == [0.5] * 5
    assert found["learning_rate/pg0"] == [0.01] * 5
    assert found["seconds"] == [61] * 5
    assert run.format == "Ultralytics results.csv"


def test_a_header_with_colons_is_a_header(tmp_path):
    (run,) = read(
        tmp_path,
        "r.csv",
        "epoch, train/box_loss, train/obj_loss, metrics/mAP_0.5,metrics/mAP_0.5:0.95, x/lr0\n"
        "0,.1,.2,.3,.4,.5\n1,.1,.2,.3,.4,.5\n",
    )

    assert run.format == "YOLOv5 results.csv"
    assert meant(run)["validation/map"] == [0.4, 0.4]


def test_blank_is_left_out_and_a_written_nan_is_kept(tmp_path):
    (run,) = read(tmp_path, "m.csv", "epoch,step,train_loss,val_loss\n0,9,,0.5\n0,9,0.7,\n1,19,N/A,nan\n1,19,-inf,-\n")

    losses = {s.column: s for s in run.series}
    assert losses["train_loss"].rows.tolist() == [1, 3]
    assert losses["train_loss"].values.tolist() == [0.7, -math.inf]
    assert losses["val_loss"].rows.tolist() == [0, 2]
    assert math.isnan(losses["val_loss"].values[1])


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
def test_other_separators_are_seen(tmp_path, separator):
    text = "epoch,train_loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\n".replace(",", separator)

    (run,) = read(tmp_path, "x.dat", text)

    assert meant(run) == {"train/loss": [0.5, 0.4], "validation/loss": [0.6, 0.5]}


def test_decimal_commas_percent_signs_and_tensors_are_numbers(tmp_path):
    (run,) = read(
        tmp_path,
        "x.csv",
        "epoch;loss;val_acc;val_loss\n1;0,53;85%;tensor(0.7)\n2;0,43;86%;tensor(0.6, device='cuda:0')\n",
    )

    assert meant(run) == {
        "train/loss": [0.53, 0.43],
        "validation/accuracy": [0.85, 0.86],
        "validation/loss": [0.7, 0.6],
    }


def test_rows_with_another_separator_are_read(tmp_path):
    (run,) = read(tmp_path, "x.csv", "epoch,loss,val_loss\n1,0.5,0.6\n2;0.4;0.5\n3,0.3,0.4\n")

    assert meant(run)["train/loss"] == [0.5, 0.4, 0.3]


def test_percent_becomes_a_share_for_both_splits_alike(tmp_path):
    rows = "".join(f"{n},{50 + n},1.0\n" for n in range(4))

    (run,) = read(tmp_path, "x.csv", "epoch,train_acc,val_acc\n" + rows)

    assert meant(run)["train/accuracy"] == pytest.approx([0.50, 0.51, 0.52, 0.53])
    assert meant(run)["validation/accuracy"] == [0.01] * 4


def test_a_last_row_that_is_cut_is_left_out(tmp_path):
    (run,) = read(tmp_path, "x.csv", "epoch,loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\n3,0.")

    assert run.rows == 2
    assert "cut short" in run.cut


def test_another_header_begins_another_run(tmp_path):
    text = "epoch,loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\nepoch,loss,val_loss,val_acc\n1,0.9,0.8,0.1\n2,0.8,0.7,0.2\n"

    first, second = read(tmp_path, "x.csv", text)

    assert meant(first) == {"train/loss": [0.5, 0.4], "validation/loss": [0.6, 0.5]}
    assert meant(second)["validation/accuracy"] == [0.1, 0.2]
    assert (first.number, second.number, second.of) == (1, 2, 2)


def test_utf_16_is_read(tmp_path):
    (run,) = read(tmp_path, "x.csv", "epoch,loss\r\n1,0.5\r\n2,0.4\r\n".encode("utf-16"))

    assert meant(run) == {"train/loss": [0.5, 0.4]}


def test_a_column_alone_is_a_table(tmp_path):
    (run,) = read(tmp_path, "x.csv", "loss\n0.5\n0.4\n0.3\n")

    assert meant(run) == {"train/loss": [0.5, 0.4, 0.3]}


def test_an_index_of_pandas_counts_epochs(tmp_path):
    (run,) = read(tmp_path, "x.csv", ",loss,val_loss\n0,0.5,0.6\n1,0.4,0.5\n")

    assert run.epoch.tolist() == [0, 1]


def test_a_large_table_with_blanks_is_read_like_a_small_one(tmp_path):
    rows = [f"{n},{n / 7:.4f},,0.1\n" if n % 10 else f"{n},,{n / 3:.4f},\n" for n in range(30_000)]

    (run,) = read(tmp_path, "big.csv", "step,train_loss,val_loss,lr\n" + "".join(rows))

    series = {s.column: s for s in run.series}
    assert run.rows == 30_000
    assert series["val_loss"].rows.tolist() == list(range(0, 30_000, 10))
    assert series["val_loss"].values[-1] == pytest.approx(29_990 / 3, abs=1e-3)
    assert len(series["lr"]) == 27_000


def test_ten_thousand_columns_are_bounded(tmp_path):
    names = ["epoch", "loss"] + [f"c{n}" for n in range(10_000)]
    row = ",".join("1" for _ in names)

    (run,) = read(tmp_path, "wide.csv", ",".join(names) + "\n" + f"{row}\n" * 3)

    assert "train/loss" in meant(run)
    assert len(run.series) <= 2_000


def test_a_header_alone_says_that_nothing_was_logged(tmp_path):
    with pytest.raises(LogError, match="no rows"):
        read(tmp_path, "x.csv", "epoch,loss,val_loss\n")


def test_numbers_in_words_are_no_log(tmp_path):
    with pytest.raises(LogError):
        read(tmp_path, "x.csv", "epoch,loss\none,zero point five\ntwo,zero point four\n")


def test_the_users_map_decides(tmp_path):
    path = written(tmp_path, "x.csv", "n,a,b\n1,0.5,7\n2,0.4,8\n")

    (run,) = read_logs(path, columns={"n": "epoch", "a": "val/loss", "b": "-"})

    assert run.epoch.tolist() == [1, 2]
    assert meant(run) == {"validation/loss": [0.5, 0.4], "?b": [7, 8]}


def test_a_map_to_an_unknown_quantity_names_the_nearest(tmp_path):
    path = written(tmp_path, "x.csv", "n,a\n1,0.5\n2,0.4\n")

    with pytest.raises(LogError, match="did you mean 'accuracy'"):
        list(read_logs(path, columns={"a": "val/acuracy"}))


cells = st.one_of(
    st.floats().map(str),
    st.sampled_from(["", "nan", "-", "N/A", "1e999", '"', "0,5", "x", "1:2", "\0", "85%"]),
    st.text(max_size=5),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(cells, max_size=6), max_size=12), st.sampled_from([",", "\t", ";"]), st.booleans())
def test_no_table_makes_a_traceback(tmp_path_factory, rows, separator, with_header):
    lines = (["epoch,loss,val_loss".replace(",", separator)] if with_header else []) + [separator.join(r) for r in rows]
    path = tmp_path_factory.mktemp("table") / "x.csv"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    said = ""
    try:
        for run in read_logs(path):
            for series in run.series:
                assert len(series.rows) == len(series.values)
                assert all(0 <= row < run.rows for row in series.rows.tolist())
    except LogError as error:
        said = str(error)
    assert "\n" not in said
