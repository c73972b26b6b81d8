import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.facts import RunFacts
from cvadvisor.inspect.logs.table import LogError, read_run

OURS = """epoch,phase,lr,train_loss,train_accuracy,val_loss,val_accuracy,val_macro_f1,seconds
0,start,,,,1.9,0.31,0.28,1.0
1,head,0.001,1.2,0.5,1.0,0.61,0.58,2.0
2,full,0.002,0.8,0.7,0.7,0.75,0.71,9.0
3,full,0.0005,0.4,0.9,0.8,0.74,0.70,9.0
"""


def read(folder, text, name="log.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_run(path)


def refused(folder, text, name="log.csv"):
    with pytest.raises(LogError) as caught:
        read(folder, text, name)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_the_log_of_our_own_script_is_read(tmp_path):
    facts = read(tmp_path, OURS)
    assert facts == RunFacts(
        path=str(tmp_path / "log.csv"),
        epochs=4,
        losses_are_finite=True,
        first_train_loss=1.2,
        last_train_loss=0.4,
        last_validation_loss=0.8,
        best_validation_loss=0.7,
        best_validation_loss_epoch=3,
        validation_loss_rise=0.8 / 0.7 - 1,
        best_validation_accuracy=0.75,
        last_validation_accuracy=0.74,
        highest_learning_rate=0.002,
        last_learning_rate=0.0005,
        learning_rate_decay=0.25,
    )


def test_a_keras_log_is_read_and_its_bare_accuracy_is_not_of_validation(tmp_path):
    facts = read(tmp_path, "epoch,accuracy,loss,val_loss\n0,0.9,0.5,0.6\n")
    assert (facts.last_train_loss, facts.last_validation_loss, facts.best_validation_accuracy) == (0.5, 0.6, None)


def test_a_bare_accuracy_beside_a_named_training_loss_is_of_validation(tmp_path):
    assert read(tmp_path, "train_loss,val_loss,accuracy\n1,2,0.25\n").best_validation_accuracy == 0.25


def test_an_ultralytics_log_with_padded_columns_is_read(tmp_path):
    header = "  epoch,  train/loss,  metrics/accuracy_top1,  metrics/accuracy_top5,  val/loss,  lr/pg0\n"
    facts = read(tmp_path, header + "      1,      1.1726,      0.77358,      1,      1.1014,      0.00023\n")
    assert (facts.first_train_loss, facts.last_validation_loss) == (1.1726, 1.1014)
    assert (facts.best_validation_accuracy, facts.last_learning_rate) == (0.77358, 0.00023)


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_commas_tabs_and_semicolons_separate(tmp_path, separator):
    facts = read(tmp_path, "epoch,train_loss,val_loss\n1,0.5,0.25\n".replace(",", separator))
    assert (facts.last_train_loss, facts.last_validation_loss) == (0.5, 0.25)


def test_decimal_commas_are_read(tmp_path):
    assert read(tmp_path, "epoch;train_loss;val_loss\n1;0,5;0,25\n").last_validation_loss == 0.25


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_write_before_the_text_is_read_over(tmp_path, encoding):
    assert read(tmp_path, "train_loss,val_loss\n1,2\n".encode(encoding)).first_train_loss == 1


@pytest.mark.parametrize("written", ["nan", "NaN", "inf", "-inf", "Infinity", "1e999"])
def test_a_written_nan_or_infinity_is_not_finite(tmp_path, written):
    facts = read(tmp_path, f"train_loss,val_loss\n1,2\n{written},3\n")
    assert not facts.losses_are_finite
    assert facts.last_train_loss is None


def test_a_blank_cell_is_missing_and_finite(tmp_path):
    facts = read(tmp_path, "train_loss,val_loss\n1,2\n0.5,\n")
    assert facts.losses_are_finite
    assert facts.last_validation_loss == 2


def test_a_nan_in_another_column_says_nothing_of_the_losses(tmp_path):
    assert read(tmp_path, "train_loss,val_loss,dice\n1,2,nan\n").losses_are_finite


def test_an_accuracy_in_percent_becomes_a_share(tmp_path):
    facts = read(tmp_path, "train_loss,val_loss,val_acc\n1,2,71.5\n1,2,80\n")
    assert (facts.best_validation_accuracy, facts.last_validation_accuracy) == (0.8, 0.8)


def test_rows_that_log_training_and_validation_apart_are_one_epoch(tmp_path):
    facts = read(tmp_path, "epoch,step,train_loss,val_loss\n0,9,,0.7\n0,9,0.8,\n1,19,,0.6\n1,19,0.5,\n")
    assert (facts.epochs, facts.best_validation_loss_epoch, facts.last_train_loss) == (2, 2, 0.5)


def test_epochs_of_the_same_number_in_two_phases_are_two(tmp_path):
    assert read(tmp_path, "epoch,phase,train_loss\n1,head,1\n1,full,2\n").epochs == 2


def test_a_header_that_a_resumed_run_repeats_is_no_row(tmp_path):
    assert read(tmp_path, "epoch,train_loss\n1,0.5\nepoch,train_loss\n2,0.4\n").epochs == 2


def test_a_log_of_validation_alone_is_enough(tmp_path):
    facts = read(tmp_path, "epoch,step,val_loss\n0,1,2.5\n")
    assert (facts.first_train_loss, facts.best_validation_loss) == (None, 2.5)


def test_a_rise_from_zero_is_unknown(tmp_path):
    assert read(tmp_path, "val_loss\n0\n1\n").validation_loss_rise is None


def test_a_missing_log_is_refused(tmp_path):
    with pytest.raises(LogError, match="does not exist: give the training log"):
        read_run(tmp_path / "nowhere.csv")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(LogError, match="is a folder: give the log file itself"):
        read_run(tmp_path)


@pytest.mark.parametrize("text", ["", "\n\n", "  \n"])
def test_an_empty_log_is_refused(tmp_path, text):
    assert "is empty: the run logged nothing" in refused(tmp_path, text)


def test_a_header_alone_is_refused(tmp_path):
    assert "has a header but no rows" in refused(tmp_path, "epoch,train_loss\n")


def test_a_table_without_losses_is_refused_with_the_columns_it_has(tmp_path):
    message = refused(tmp_path, "file,repo,commit\na,b,c\n")
    assert "no column of losses, such as train_loss or val_loss: it has file, repo, commit." in message


def test_a_word_in_a_column_of_numbers_is_refused(tmp_path):
    assert "column 'train_loss' holds 'tensor(0.5)', no number" in refused(tmp_path, "train_loss\ntensor(0.5)\n")


def test_a_row_with_too_many_cells_is_refused(tmp_path):
    assert "is not a table with a row an epoch" in refused(tmp_path, "epoch,train_loss\n1,2\n1,2,3\n")


def test_json_is_refused_as_such(tmp_path):
    assert "is JSON" in refused(tmp_path, '{"train_loss": 1}\n')


def test_a_binary_file_is_refused_as_such(tmp_path):
    assert "is a binary file" in refused(tmp_path, b"\x18\0\0\0\0\0\0\0brain.Event:2")


def test_a_huge_log_is_refused_unread(tmp_path):
    with (tmp_path / "log.csv").open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(LogError, match="has 300 MB"):
        read_run(tmp_path / "log.csv")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("logs") / "log.csv"


def read_or_refuse(path, data: bytes):
    """Whatever the bytes are, the result is facts with finite numbers or one line."""
    path.write_bytes(data)
    refusal = ""
    try:
        facts = read_run(path)
    except LogError as error:
        refusal = str(error)
    if refusal:
        assert len(refusal.splitlines()) == 1
        return
    assert facts.epochs >= 1
    for value in dataclasses.astuple(facts):
        assert not isinstance(value, float) or math.isfinite(value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(log, data):
    read_or_refuse(log, data)


CELLS = st.one_of(
    st.floats().map(repr),
    st.integers(-3, 3).map(str),
    st.sampled_from(["", "nan", "inf", "-inf", "1e-320", "1e308", "-1e308", "0,5", "x", '"', "train_loss", "\ufeff"]),
    st.text(max_size=3),
)
NAMES = st.sampled_from(
    ["epoch", "phase", "loss", "train_loss", "val_loss", "val/loss", "val_acc", "accuracy", "lr", "", "a b"]
)


@settings(max_examples=300)
@given(
    st.lists(NAMES, min_size=1, max_size=6), st.lists(st.lists(CELLS, max_size=6), max_size=6), st.sampled_from(",\t;")
)
def test_any_table_is_read_or_refused(log, header, rows, separator):
    lines = [header, *([*row, *[""] * len(header)][: len(header)] for row in rows)]
    read_or_refuse(log, "\n".join(separator.join(line) for line in lines).encode("utf-8", "replace"))
