import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.logs import read as reading
from cvadvisor.inspect.logs.log import LogError
from cvadvisor.inspect.logs.read import find_logs, read_logs

from .logs_on_disk import meant, read, written

CSV = "epoch,train_loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\n"


@pytest.mark.parametrize("name", ["log", "results.json", "x.txt", "events.out.tfevents.1", "metrics.csv"])
def test_the_content_decides_and_not_the_name(tmp_path, name):
    (run,) = read(tmp_path, name, CSV)

    assert meant(run) == {"train/loss": [0.5, 0.4], "validation/loss": [0.6, 0.5]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\n\t", "is empty"),
        (bytes(range(256)) * 20, "binary"),
        (b"\x89PNG\r\n\x1a\n" + bytes(2000), "binary"),
        (b"{}", "without a training log"),
        (b"[]", "without a training log"),
        (b'{"loss": ', "begins like JSON"),
    ],
)
def test_what_is_no_log_is_one_line(tmp_path, content, said):
    with pytest.raises(LogError, match=said) as caught:
        read(tmp_path, "x", content)

    assert "\n" not in str(caught.value)


def test_a_missing_file_and_an_empty_folder_are_one_line(tmp_path):
    with pytest.raises(LogError, match="does not exist"):
        list(read_logs(tmp_path / "nothing.csv"))
    with pytest.raises(LogError, match="folder without logs"):
        list(read_logs(tmp_path))


def test_a_file_of_ten_gigabytes_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.write(CSV.encode())
        file.truncate(10_000_000_000)

    with pytest.raises(LogError, match=r"10\.0 GB"):
        list(read_logs(path))


def test_a_folder_is_searched_and_what_is_no_log_is_passed_over(tmp_path):
    written(tmp_path, "runs/a/results.csv", CSV)
    written(tmp_path, "runs/b/log.txt", '{"epoch": 1, "train_loss": 0.5}\n{"epoch": 2, "train_loss": 0.4}\n')
    written(tmp_path, "runs/b/README.md", "# Nothing\nThe loss was 3 after epoch 4\n")
    written(tmp_path, "runs/b/args.yaml", "lr0: 0.1\n")
    written(tmp_path, "runs/b/config.json", '{"loss": 3, "epochs": 2}')
    written(tmp_path, "node_modules/x.csv", CSV)
    written(tmp_path, "picture.png", b"\x89PNG")
    (tmp_path / "link.csv").symlink_to(tmp_path / "runs/a/results.csv")

    found = [str(path.relative_to(tmp_path)) for path in find_logs([tmp_path])]

    assert found == ["runs/a/results.csv", "runs/b/log.txt"]


def test_a_file_that_is_named_is_always_tried_and_comes_once(tmp_path):
    odd = written(tmp_path, "README.md", "hello\n")

    assert list(find_logs([odd, odd, tmp_path / "missing.csv"])) == [odd, tmp_path / "missing.csv"]


def test_a_run_of_mlflow_is_one_log(tmp_path):
    run = tmp_path / "mlruns/0/abc"
    written(run, "meta.yaml", "run_id: abc\n")
    written(run, "metrics/train_loss", "1700000000 0.5 0\n1700000001 0.4 1\n1700000002 nan 2\n")
    written(run, "metrics/val/accuracy", "1700000000 0.7 0\n1700000002 0.8 2\n")
    written(run, "params/lr", "0.01")

    (found,) = find_logs([tmp_path])
    (read_run,) = read_logs(found)

    assert read_run.format == "MLflow run"
    assert read_run.epoch.tolist() == [0, 1, 2]
    assert str(meant(read_run)["train/loss"]) == "[0.5, 0.4, nan]"
    assert meant(read_run)["validation/accuracy"] == [0.7, 0.8]
    assert read_run.config["lr"] == 0.01


def test_names_that_cannot_be_shown_are_escaped(tmp_path):
    with pytest.raises(LogError, match=r"a\\nb"):
        read(tmp_path, "a\nb.csv", b"")


def test_reading_imports_nothing_heavy(tmp_path):
    path = written(tmp_path, "x.csv", CSV)
    code = (
        "import sys\nfrom pathlib import Path\nfrom cvadvisor.inspect.logs.read import read_logs\n"
        f"list(read_logs(Path({str(path)!r})))\n"
        "print([m for m in ('torch', 'pandas', 'timm', 'sklearn', 'tensorboard') if m in sys.modules])"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.tuples(
            st.sampled_from([b"{", b"[", b"\xff\xfe", b"epoch,loss\n", b"Epoch 1 ", b"{\n"]), st.binary(max_size=200)
        ).map(b"".join),
    )
)
def test_no_bytes_make_a_traceback(tmp_path_factory, content):
    path = written(tmp_path_factory.mktemp("bytes"), "x", content)
    said = ""
    try:
        list(read_logs(path))
    except LogError as error:
        said = str(error)
    assert "\n" not in said


def test_the_limit_is_one_gigabyte():
    assert reading.MAX_BYTES == 1_000_000_000
