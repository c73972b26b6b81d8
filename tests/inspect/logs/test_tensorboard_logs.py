import struct
import subprocess
import sys

import pytest

from cvadvisor.inspect.logs.log import LogError
from cvadvisor.inspect.logs.read import find_logs, read_logs

from .logs_on_disk import meant, written

pytest.importorskip("tensorboard")


def event_file(folder, scalars, name="events.out.tfevents.1.host", tensors=False):
    """Write (step, tag, value) as TensorBoard's writers do."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    def record(data):
        length = struct.pack("<Q", len(data))
        return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))

    content = record(Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())
    for step, tag, value in scalars:
        entry = Summary.Value(tag=tag, simple_value=value)
        if tensors:
            entry = Summary.Value(tag=tag)
            entry.tensor.dtype = 1
            entry.tensor.float_val.append(value)
        content += record(Event(wall_time=2.0, step=step, summary=Summary(value=[entry])).SerializeToString())
    return written(folder, name, content)


@pytest.mark.parametrize("tensors", [False, True])
def test_scalars_are_read_by_step(tmp_path, tensors):
    scalars = [(10 * n, tag, n / 4) for n in range(4) for tag in ("train/loss", "lr")] + [(30, "val/acc", 0.5)]

    (run,) = read_logs(event_file(tmp_path, scalars, tensors=tensors))

    assert run.format == "TensorBoard events"
    assert run.step.tolist() == [0, 10, 20, 30]
    assert meant(run) == {
        "train/loss": [0, 0.25, 0.5, 0.75],
        "learning_rate": [0, 0.25, 0.5, 0.75],
        "validation/accuracy": [0.5],
    }


def test_the_final_validation_of_ultralytics_is_left_out_and_its_steps_are_epochs(tmp_path):
    scalars = [(n, tag, n / 10) for n in (1, 2, 3) for tag in ("train/loss", "metrics/accuracy_top1")]

    (run,) = read_logs(event_file(tmp_path, [*scalars, (3, "metrics/accuracy_top1", 0.9)]))

    assert run.epoch.tolist() == [1, 2, 3]
    assert meant(run)["validation/accuracy"] == pytest.approx([0.1, 0.2, 0.3])


def test_steps_that_begin_anew_are_another_run(tmp_path):
    scalars = [(n, "loss", 1 / (1 + n)) for n in (*range(10), *range(10))]

    assert [run.rows for run in read_logs(event_file(tmp_path, scalars))] == [10, 10]


def test_a_file_that_ends_in_an_event_is_read_up_to_there(tmp_path):
    path = event_file(tmp_path, [(n, "loss", 1.0) for n in range(5)])
    path.write_bytes(path.read_bytes()[:-7])

    (run,) = read_logs(path)

    assert run.rows == 4
    assert "event" in run.cut


def test_a_damaged_file_is_read_to_the_damage(tmp_path):
    path = event_file(tmp_path, [(n, "loss", 1.0) for n in range(50)])
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = b"\xff" * 40
    path.write_bytes(content)

    (run,) = read_logs(path)

    assert 10 < run.rows < 30
    assert run.cut


def test_a_file_without_scalars_is_one_line(tmp_path):
    with pytest.raises(LogError, match="without scalars"):
        list(read_logs(event_file(tmp_path, [])))


def test_a_folder_of_event_files_is_one_log(tmp_path):
    event_file(tmp_path, [(n, "loss", 1.0) for n in range(5)])
    event_file(tmp_path, [(n, "loss", 1.0) for n in range(5, 8)], name="events.out.tfevents.2.host")

    (found,) = find_logs([tmp_path])
    (run,) = read_logs(found)

    assert run.rows == 8


def test_keras_splits_are_folders(tmp_path):
    path = event_file(tmp_path / "validation", [(n, "epoch_loss", 1.0) for n in range(5)])

    (run,) = read_logs(path)

    assert run.epoch.tolist() == [0, 1, 2, 3, 4]
    assert meant(run)["validation/loss"] == [1.0] * 5


def test_without_tensorboard_the_message_says_what_to_install(tmp_path):
    path = event_file(tmp_path, [(1, "loss", 1.0)])
    code = (
        "import sys; sys.modules['tensorboard'] = None\n"
        "from pathlib import Path\nfrom cvadvisor.inspect.logs.read import read_logs\n"
        f"try: list(read_logs(Path({str(path)!r})))\nexcept ValueError as error: print(error)"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "pip install 'cvadvisor[tensorboard]'" in said
