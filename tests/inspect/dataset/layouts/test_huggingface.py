import json
from pathlib import Path
from typing import Any

import pytest

from cvadvisor.inspect.dataset.layouts.huggingface import read
from cvadvisor.inspect.dataset.layouts.label_table import read as read_label_table
from cvadvisor.inspect.dataset.layouts.reading import Box, DatasetError, Fault, Reading, Sample, Wishes
from tests.inspect.dataset.making import listed, make


def write(root: Path, rows: list[dict[str, Any]], name: str = "metadata.jsonl") -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def read_all(root: Path, wishes: Wishes = Wishes()) -> tuple[Reading, dict[str, Sample], list[str]]:  # noqa: B008
    with listed(root) as files:
        reading = read(files, wishes)
        assert reading is not None
        said = list(reading.samples())
    samples = [one for one in said if isinstance(one, Sample)]
    assert len({one.path for one in samples}) == len(samples)
    return reading, {one.path: one for one in samples}, [one.problem for one in said if isinstance(one, Fault)]


def test_a_metadata_file_beside_the_images_is_read(tmp_path):
    make(tmp_path, ["1.png", "a/2.png"])
    (tmp_path / "metadata.csv").write_text("file_name,label\n1.png,cat\na/2.png,dog\n")
    reading, samples, problems = read_all(tmp_path)
    assert {path: one.labels for path, one in samples.items()} == {"1.png": ("cat",), "a/2.png": ("dog",)}
    assert (reading.layout, reading.task, reading.images) == ("Hugging Face imagefolder", "classification", 2)
    assert (reading.rank, problems) == (80, [])


def test_each_split_folder_has_its_own_metadata(tmp_path):
    make(tmp_path, ["train/1.png", "train/2.png", "validation/1.png", "test/1.png"])
    write(tmp_path, [{"file_name": "1.png", "label": 0}, {"file_name": "2.png", "label": 1}], "train/metadata.jsonl")
    write(tmp_path, [{"file_name": "1.png", "label": 1}], "validation/metadata.jsonl")
    write(tmp_path, [{"file_name": "1.png", "label": 0}], "test/metadata.jsonl")
    reading, samples, _ = read_all(tmp_path)
    assert {path: (one.split, one.labels) for path, one in samples.items()} == {
        "train/1.png": ("train", ("0",)),
        "train/2.png": ("train", ("1",)),
        "validation/1.png": ("validation", ("1",)),
        "test/1.png": ("test", ("0",)),
    }
    assert reading.images == 4


def test_one_metadata_file_may_name_the_images_of_all_splits(tmp_path):
    make(tmp_path, ["train/1.png", "test/1.png"])
    write(tmp_path, [{"file_name": "train/1.png", "label": "a"}, {"file_name": "test/1.png", "label": "b"}])
    assert read_all(tmp_path)[1]["test/1.png"].split == "test"


def test_metadata_in_parquet_is_read(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    make(tmp_path, ["1.png", "2.png"])
    pq.write_table(pa.table({"file_name": ["1.png", "2.png"], "label": [3, 4]}), tmp_path / "metadata.parquet")
    assert read_all(tmp_path)[1]["2.png"].labels == ("4",)


def test_a_column_that_ends_in_file_name_names_the_images(tmp_path):
    make(tmp_path, ["1.png", "2.png"])
    write(tmp_path, [{"image_file_name": "1.png", "label": "a"}, {"image_file_name": "2.png", "label": "b"}])
    assert read_all(tmp_path)[1]["1.png"].labels == ("a",)


def test_lists_of_labels_are_multi_label(tmp_path):
    make(tmp_path, ["1.png", "2.png"])
    write(tmp_path, [{"file_name": "1.png", "labels": ["a", "b"]}, {"file_name": "2.png", "labels": ["b"]}])
    reading, samples, _ = read_all(tmp_path)
    assert reading.task == "multi-label classification"
    assert samples["1.png"].labels == ("a", "b")


def test_without_a_label_column_the_folders_are_the_labels(tmp_path):
    make(tmp_path, ["train/cat/1.png", "train/dog/2.png", "train/dog/3.png"])
    patients = {"cat/1.png": 1, "dog/2.png": 1, "dog/3.png": 2}
    write(tmp_path, [{"file_name": name, "patient": one} for name, one in patients.items()], "train/metadata.jsonl")
    reading, samples, _ = read_all(tmp_path)
    assert samples["train/cat/1.png"] == Sample("train/cat/1.png", "train", ("cat",), "1")
    assert "Labels are the folders that the images lie in: the metadata has no column of labels." in reading.notes


def test_objects_are_boxes(tmp_path):
    make(tmp_path, ["1.png", "2.png", "3.png"])
    objects = {"bbox": [[1, 2, 3, 4], [5, 6, 7, 8]], "categories": [0, 1]}
    write(tmp_path, [{"file_name": "1.png", "objects": objects}, {"file_name": "2.png", "objects": None}])
    reading, samples, problems = read_all(tmp_path)
    assert (reading.task, reading.images, problems) == ("detection", 2, [])
    assert samples["1.png"].boxes == (Box("0", 1, 2, 3, 4), Box("1", 5, 6, 7, 8))
    assert samples["2.png"].boxes == ()


def test_objects_may_be_a_list_of_one_each(tmp_path):
    make(tmp_path, ["1.png"])
    write(tmp_path, [{"file_name": "1.png", "objects": [{"bbox": [0.1, 0.2, 0.3, 0.4], "category": "cat"}]}])
    assert read_all(tmp_path)[1]["1.png"].boxes == (Box("cat", 0.1, 0.2, 0.3, 0.4, relative=True),)


def test_objects_of_any_shape_are_survived_and_the_good_ones_kept(tmp_path):
    make(tmp_path, ["1.png", "2.png", "3.png", "4.png"])
    bad = {
        "bbox": [[1, 2, 3, 4], [1, 2], "x", [1, 2, 3, float("nan")], [1, 2, 3, 4]],
        "categories": ["a", "b", "c", "d"],
    }
    write(
        tmp_path,
        [
            {"file_name": "1.png", "objects": bad},
            {"file_name": "2.png", "objects": 5},
            {"file_name": "3.png", "objects": {"bbox": 7, "categories": {}}},
            {"file_name": "4.png", "objects": [None, [1]]},
        ],
    )
    _, samples, problems = read_all(tmp_path)
    assert samples["1.png"].boxes == (Box("a", 1, 2, 3, 4),)
    assert problems == [
        "line 1: what is given for 1.png has objects without a class or a box of four finite numbers: 1, 2, 3, 4",
        "line 2: what is given for 2.png holds no objects",
        "line 4: what is given for 4.png has objects without a class or a box of four finite numbers: 0, 1",
    ]


def test_captions_are_no_labels(tmp_path):
    make(tmp_path, ["1.png", "2.png"])
    write(tmp_path, [{"file_name": "1.png", "text": "a cat"}, {"file_name": "2.png", "text": "a dog"}])
    with listed(tmp_path) as files:
        assert read(files, Wishes()) is None


def test_other_files_called_metadata_are_left_alone(tmp_path):
    make(tmp_path, ["1.png", "2.png"])
    write(tmp_path, [{"image": "1.png", "label": "cat"}, {"image": "2.png", "label": "dog"}])
    with listed(tmp_path) as files:
        assert read(files, Wishes()) is None
        assert read_label_table(files, Wishes()) is not None


def test_metadata_that_cannot_be_read_is_said(tmp_path):
    make(tmp_path, ["1.png"])
    (tmp_path / "metadata.csv").touch()
    with listed(tmp_path) as files, pytest.raises(DatasetError, match=r"metadata\.csv cannot be read: empty file"):
        read(files, Wishes())
