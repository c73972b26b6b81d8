import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.layouts.reading import Box, DatasetError, Fault, Reading, Sample, Wishes
from cvadvisor.inspect.dataset.layouts.yolo import read
from cvadvisor.inspect.dataset.layouts.yolo_labels import Names, boxes_of, looks_like_labels
from tests.inspect.dataset.making import faults_of, listed, make, samples_of

LINE = "0 0.5 0.5 0.2 0.4\n"
BOX = Box("cat", 0.4, 0.3, 0.2, 0.4, relative=True)


def write(root: Path, texts: dict[str, str]) -> Path:
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def reading_of(root: Path) -> Reading | None:
    with listed(root) as files:
        reading = read(files, Wishes())
        if reading is None:
            return None
        everything = list(reading.samples())
        assert list(reading.samples()) == everything
        return Reading(**{**vars(reading), "samples": lambda: iter(everything)})


def boxes_by_path(root: Path) -> dict[str, int]:
    return {sample.path: len(sample.boxes) for sample in samples_of(reading_of(root))}


@pytest.fixture
def roboflow(tmp_path):
    """As Roboflow exports: paths in data.yaml lead one folder too high."""
    make(tmp_path, ["train/images/a.png", "valid/images/b.png"])
    yaml = "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['cat', 'dog']\n"
    return write(tmp_path, {"train/labels/a.txt": LINE, "valid/labels/b.txt": LINE, "data.yaml": yaml})


def test_a_data_yaml_gives_splits_and_names(roboflow):
    reading = reading_of(roboflow)
    assert reading is not None
    assert (reading.task, reading.rank, reading.images, reading.classes) == ("detection", 90, 2, ("cat", "dog"))
    train, valid = samples_of(reading)
    assert (train.path, train.split) == ("train/images/a.png", "train")
    assert train.boxes[0] == pytest.approx(BOX) or train.boxes[0].label == "cat"
    assert (valid.path, valid.split) == ("valid/images/b.png", "validation")


def test_names_may_be_a_mapping_and_path_leads_to_the_folders(tmp_path):
    make(tmp_path, ["set/images/train/a.png"])
    yaml = "path: ../set\ntrain: images/train\nnames:\n  0: cat\n  1: dog\n"
    write(tmp_path, {"set/labels/train/a.txt": LINE, "set/data.yaml": yaml})
    assert samples_of(reading_of(tmp_path))[0].boxes[0].label == "cat"


def test_an_absolute_path_of_another_machine_is_found_by_its_last_folders(tmp_path):
    make(tmp_path, ["train/images/a.png"])
    yaml = "train: /home/me/project/train/images\nval: C:\\project\\val\\images\nnames: [cat]\n"
    write(tmp_path, {"train/labels/a.txt": LINE, "data.yaml": yaml})
    reading = reading_of(tmp_path)
    assert [sample.split for sample in samples_of(reading)] == ["train"]
    assert reading is not None
    assert any("validation: C:\\project\\val\\images" in note for note in reading.notes)


def test_a_path_that_leads_out_of_the_dataset_is_never_followed(tmp_path):
    make(tmp_path, ["secret/images/a.png", "data/train/images/b.png"])
    write(tmp_path, {"secret/labels/a.txt": LINE, "data/train/labels/b.txt": LINE})
    write(tmp_path, {"data/data.yaml": f"train: train/images\nval: {tmp_path}/secret/images\nnames: [cat]\n"})
    assert list(boxes_by_path(tmp_path / "data")) == ["train/images/b.png"]


def test_lists_of_folders_and_files_that_list_images_are_read(tmp_path):
    make(tmp_path, ["images/a.png", "images/b.png", "more/images/c.png", "images/unused.png"])
    labels = {"labels/a.txt": LINE, "labels/b.txt": LINE, "more/labels/c.txt": LINE}
    yaml = "train: [lists/train.txt, more/images]\nval: lists/val.txt\nnames: [cat]\n"
    lists = {"lists/train.txt": "./images/a.png\n./images/gone.png\n", "lists/val.txt": "/data/images/b.png\n"}
    write(tmp_path, labels | lists | {"data.yaml": yaml})
    splits = {sample.path: sample.split for sample in samples_of(reading_of(tmp_path))}
    assert splits == {
        "images/a.png": "train",
        "more/images/c.png": "train",
        "images/b.png": "validation",
        "./images/gone.png": "train",
    }


def test_a_validation_entry_that_repeats_training_is_left_out_and_noted(tmp_path):
    make(tmp_path, ["images/a.png"])
    write(tmp_path, {"labels/a.txt": LINE, "data.yaml": "train: images\nval: images\nnames: [cat]\n"})
    reading = reading_of(tmp_path)
    assert [sample.split for sample in samples_of(reading)] == ["train"]
    assert reading is not None
    assert any("validation: images (already in use)" in note for note in reading.notes)


def test_darknet_files_are_read(tmp_path):
    make(tmp_path, ["obj_train_data/a.png"])
    data = "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
    texts = {"obj.data": data, "obj.names": "cat\ndog\n", "train.txt": "data/obj_train_data/a.png\n"}
    reading = reading_of(write(tmp_path, {**texts, "obj_train_data/a.txt": LINE}))
    assert [sample.path for sample in samples_of(reading)] == ["obj_train_data/a.png"]
    assert reading is not None
    assert reading.classes == ("cat", "dog")


def test_images_beside_labels_need_no_configuration(tmp_path):
    make(tmp_path, ["images/train/a.png", "images/val/b.png"])
    write(tmp_path, {"labels/train/a.txt": LINE, "labels/val/b.txt": LINE, "classes.txt": "cat\n"})
    reading = reading_of(tmp_path)
    assert [sample.split for sample in samples_of(reading)] == ["train", "validation"]
    assert reading is not None
    assert "Class names are those in classes.txt." in reading.notes


def test_labels_may_lie_beside_their_images_and_have_no_names(tmp_path):
    make(tmp_path, ["a.png", "b.png"])
    reading = reading_of(write(tmp_path, {"a.txt": LINE, "b.txt": "3 0.5 0.5 0.1 0.1\n"}))
    assert [sample.boxes[0].label for sample in samples_of(reading)] == ["0", "3"]
    assert reading is not None
    assert reading.classes == ()


def test_lists_give_the_splits_of_one_folder(tmp_path):
    make(tmp_path, ["images/a.png", "images/b.png"])
    texts = {"labels/a.txt": LINE, "labels/b.txt": LINE, "train.txt": "images/a.png\n", "val.txt": "images/b.png\n"}
    reading = reading_of(write(tmp_path, texts))
    assert [sample.split for sample in samples_of(reading)] == ["train", "validation"]


def test_an_image_without_a_label_file_has_no_objects(tmp_path):
    make(tmp_path, ["images/a.png", "images/b.png"])
    assert boxes_by_path(write(tmp_path, {"labels/a.txt": LINE})) == {"images/a.png": 1, "images/b.png": 0}


def test_an_empty_label_file_is_no_fault(tmp_path):
    make(tmp_path, ["images/a.png", "images/b.png"])
    reading = reading_of(write(tmp_path, {"labels/a.txt": LINE, "labels/b.txt": ""}))
    assert faults_of(reading) == []
    assert len(samples_of(reading)) == 2


def test_a_label_file_without_its_image_names_a_missing_image(tmp_path):
    make(tmp_path, ["images/a.png"])
    texts = {
        "labels/a.txt": LINE,
        "labels/gone.txt": LINE,
        "labels/classes.txt": "cat\n",
        "labels/notes.txt": "hello\n",
    }
    assert boxes_by_path(write(tmp_path, texts)) == {"images/a.png": 1, "images/gone": 0}


def test_images_that_have_no_labels_at_all_are_left_alone(roboflow):
    make(roboflow, ["test/images/c.png"])
    yaml = (roboflow / "data.yaml").read_text() + "test: ../test/images\n"
    (roboflow / "data.yaml").write_text(yaml)
    reading = reading_of(roboflow)
    assert len(samples_of(reading)) == 2
    assert reading is not None
    assert any("left alone, in test/images" in note for note in reading.notes)


def test_a_broken_data_yaml_is_refused_with_its_line(roboflow):
    (roboflow / "data.yaml").write_text("train: a\nnames: [cat\nval: b: c\n")
    with pytest.raises(DatasetError, match=r"data\.yaml is not valid YAML \(line \d\): mend it"):
        reading_of(roboflow)


@pytest.mark.parametrize("yaml", ["", "[]", "names: 7\ntrain: 3\n", "names: {a: 1}\ntrain: [[1]]\n", "nc: &a [*a]\n"])
def test_a_data_yaml_of_another_shape_is_not_trusted(roboflow, yaml):
    (roboflow / "data.yaml").write_text(yaml)
    assert len(samples_of(reading_of(roboflow))) == 2


def test_text_files_that_hold_no_objects_are_no_yolo(tmp_path):
    make(tmp_path, ["a.png"])
    assert reading_of(write(tmp_path, {"a.txt": "a photo of a cat\n", "b.txt": LINE})) is None


def test_a_configuration_whose_folders_are_gone_leaves_it_to_the_folders(roboflow):
    (roboflow / "data.yaml").write_text("train: nowhere/at/all\nnames: [cat]\n")
    shutil.rmtree(roboflow / "valid")
    reading = reading_of(roboflow)
    assert [sample.boxes[0].label for sample in samples_of(reading)] == ["cat"]


NAMES = Names({0: "cat", 1: "dog"})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2 0.5 0.5 0.1 0.1", "no class is 2"),
        ("-1 0.5 0.5 0.1 0.1", "no class is -1"),
        ("0.5 0.5 0.5 0.1 0.1", "no class is 0.5"),
        ("bird 0.5 0.5 0.1 0.1", "no class is bird"),
        ("0 0.5 0.5 0.1", "4 values, where"),
        ("0", "1 values, where"),
        ("0 0.5 0.5 0.1 x", "not all of it are numbers"),
        ("0 0.5 0.5 0.1 nan", "not all of it are numbers"),
        ("0 0.5 0.5 0.1 1e999", "not all of it are numbers"),
        ("0 320 240 50 60", "values that are no shares"),
    ],
)
def test_a_line_that_gives_no_box_says_why(line, problem):
    boxes, problems = boxes_of(f"0 0.5 0.5 0.2 0.4\n{line}\n", NAMES)
    assert len(boxes) == 1
    assert len(problems) == 1
    assert problems[0].startswith(f"line 2: {problem}")


def test_a_polygon_gives_the_box_around_it():
    boxes, _ = boxes_of("1 0.25 0.5 0.75 0.25 0.5 0.75", NAMES)
    assert boxes == [Box("dog", 0.25, 0.25, 0.5, 0.5, relative=True)]


def test_a_confidence_behind_the_box_is_left_aside():
    boxes, _ = boxes_of("1 0.5 0.5 0.5 0.5 0.9", NAMES)
    assert boxes == [Box("dog", 0.25, 0.25, 0.5, 0.5, relative=True)]


def test_keypoints_behind_the_box_are_left_aside_where_they_are_declared():
    boxes, _ = boxes_of("0 0.5 0.5 0.5 0.5 0.1 0.1 2 0.9 0.9 2", Names({0: "person"}, keypoints=6))
    assert boxes == [Box("person", 0.25, 0.25, 0.5, 0.5, relative=True)]


def test_a_box_just_outside_is_kept_for_the_facts_to_judge():
    boxes, problems = boxes_of("0 1.0 0.5 0.3 0.2", NAMES)
    assert len(boxes) == 1
    assert problems == []


@given(text=st.text(alphabet="0123456789.- \n\tcatnife+", max_size=80))
def test_every_line_of_a_label_file_gives_a_box_or_a_problem(text):
    boxes, problems = boxes_of(text, NAMES)
    assert len(boxes) + len(problems) == sum(1 for line in text.splitlines() if line.strip())
    looks_like_labels(text)


def test_a_fault_names_its_file(tmp_path):
    make(tmp_path, ["images/a.png"])
    reading = reading_of(write(tmp_path, {"labels/a.txt": LINE + "0 1\n"}))
    assert [fault.path for fault in faults_of(reading)] == ["labels/a.txt"]
    assert isinstance(faults_of(reading)[0], Fault)
    assert isinstance(samples_of(reading)[0], Sample)


def test_empty_label_files_in_a_folder_of_labels_are_images_without_objects(tmp_path):
    make(tmp_path, [f"images/{n}.png" for n in range(3)])
    write(tmp_path, {f"labels/{n}.txt": "" for n in range(3)})
    reading = reading_of(tmp_path)
    assert reading is not None
    assert reading.notes[-1].startswith("All label files that were looked at are empty")
    assert boxes_by_path(tmp_path) == {f"images/{n}.png": 0 for n in range(3)}


def test_empty_texts_beside_the_images_are_labels_only_where_yolo_is_asked_for(tmp_path):
    make(tmp_path, ["a.png", "b.png"])
    write(tmp_path, {"a.txt": "", "b.txt": ""})
    with listed(tmp_path) as files:
        assert read(files, Wishes()) is None
        assert read(files, Wishes(layout="yolo")) is not None


def test_empty_label_files_may_come_before_those_with_objects(tmp_path):
    make(tmp_path, [f"images/{n}.png" for n in range(9)])
    write(tmp_path, {f"labels/{n}.txt": LINE if n == 8 else "" for n in range(9)})
    assert boxes_by_path(tmp_path)["images/8.png"] == 1


def test_texts_in_a_folder_of_labels_that_are_no_labels_are_refused_although_some_are_empty(tmp_path):
    make(tmp_path, ["images/a.png", "images/b.png"])
    assert reading_of(write(tmp_path, {"labels/a.txt": "", "labels/b.txt": "a caption"})) is None
