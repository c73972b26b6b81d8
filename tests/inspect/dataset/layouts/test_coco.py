import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.layouts.coco import read
from cvadvisor.inspect.dataset.layouts.json_parts import NotJson, items
from cvadvisor.inspect.dataset.layouts.reading import Box, DatasetError, Fault, Reading, Sample, Wishes
from tests.inspect.dataset.making import faults_of, listed, make, samples_of

CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 3, "name": "dog"}]


def coco(*names: str, annotations: list[Any] | None = None, categories: list[Any] | None = None) -> dict[str, Any]:
    """One box of a cat in each image."""
    images = [{"id": i, "file_name": name, "width": 12, "height": 10} for i, name in enumerate(names)]
    if annotations is None:
        annotations = [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 2, 3, 4]} for i in range(len(names))]
    return {"images": images, "annotations": annotations, "categories": categories or CATEGORIES}


def write(root: Path, path: str, content: dict[str, Any]) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(json.dumps(content))


def reading_of(root: Path) -> Reading | None:
    """What the reader gives, with its samples already asked for: they need the open store."""
    with listed(root) as files:
        reading = read(files, Wishes())
        if reading is None:
            return None
        everything = list(reading.samples())
        again = list(reading.samples())
        assert again == everything
        return Reading(**{**vars(reading), "samples": lambda: iter(everything)})


def test_instances_of_two_splits_are_read_from_beside_their_image_folders(tmp_path):
    make(tmp_path, ["train2017/a.png", "val2017/b.png"])
    write(tmp_path, "annotations/instances_train2017.json", coco("a.png"))
    write(tmp_path, "annotations/instances_val2017.json", coco("b.png"))
    reading = reading_of(tmp_path)
    assert reading is not None
    assert (reading.task, reading.images, reading.classes) == ("detection", 2, ("cat", "dog"))
    assert samples_of(reading) == [
        Sample("train2017/a.png", "train", boxes=(Box("cat", 1, 2, 3, 4),)),
        Sample("val2017/b.png", "validation", boxes=(Box("cat", 1, 2, 3, 4),)),
    ]


def test_an_image_name_that_both_splits_have_is_taken_from_the_split_of_the_file(tmp_path):
    make(tmp_path, ["images/train/a.png", "images/val/a.png"])
    write(tmp_path, "annotations/instances_train.json", coco("a.png"))
    write(tmp_path, "annotations/instances_val.json", coco("a.png"))
    splits = {sample.path: sample.split for sample in samples_of(reading_of(tmp_path))}
    assert splits == {"images/train/a.png": "train", "images/val/a.png": "validation"}


def test_a_file_in_each_split_folder_is_read_as_roboflow_writes_it(tmp_path):
    make(tmp_path, ["train/a.png", "valid/b.png"])
    write(tmp_path, "train/_annotations.coco.json", coco("a.png"))
    write(tmp_path, "valid/_annotations.coco.json", coco("b.png"))
    assert [sample.split for sample in samples_of(reading_of(tmp_path))] == ["train", "validation"]


def test_a_category_that_only_stands_above_the_others_is_no_class(tmp_path):
    make(tmp_path, ["a.png"])
    categories = [{"id": 0, "name": "pets"}, {"id": 1, "name": "cat", "supercategory": "pets"}]
    write(tmp_path, "_annotations.coco.json", coco("a.png", categories=categories))
    reading = reading_of(tmp_path)
    assert reading is not None
    assert reading.classes == ("cat",)


def test_folders_give_the_splits_of_one_file_for_all(tmp_path):
    make(tmp_path, ["train/a.png", "test/b.png"])
    write(tmp_path, "all.json", coco("train/a.png", "test/b.png"))
    assert [sample.split for sample in samples_of(reading_of(tmp_path))] == ["test", "train"]


def test_files_of_one_split_are_preferred_to_one_that_repeats_their_images(tmp_path):
    make(tmp_path, ["images/a.png", "images/b.png"])
    write(tmp_path, "all.json", coco("a.png", "b.png"))
    write(tmp_path, "train.json", coco("a.png"))
    write(tmp_path, "val.json", coco("b.png"))
    reading = reading_of(tmp_path)
    assert [sample.split for sample in samples_of(reading)] == ["train", "validation"]
    assert reading is not None
    assert "all.json" in reading.notes[0]


def test_instances_are_preferred_to_captions_and_keypoints(tmp_path):
    make(tmp_path, ["images/a.png"])
    write(tmp_path, "annotations/instances_train.json", coco("a.png"))
    write(tmp_path, "annotations/person_keypoints_train.json", coco("a.png", annotations=[]))
    write(tmp_path, "annotations/captions_train.json", coco("a.png", annotations=[{"image_id": 0, "caption": "hello"}]))
    reading = reading_of(tmp_path)
    assert reading is not None
    assert "instances_train.json" in reading.why
    assert "person_keypoints_train.json" in reading.notes[0]
    assert "captions_train.json" in reading.notes[0]


def test_panoptic_segments_give_boxes_where_there_is_nothing_else(tmp_path):
    make(tmp_path, ["images/a.png"])
    segments = [{"id": 7, "category_id": 3, "bbox": [0, 0, 5, 5]}]
    content = coco("a.png", annotations=[{"image_id": 0, "file_name": "a.png", "segments_info": segments}])
    write(tmp_path, "annotations/panoptic_train.json", content)
    reading = reading_of(tmp_path)
    assert [sample.boxes for sample in samples_of(reading)] == [(Box("dog", 0, 0, 5, 5),)]
    assert reading is not None
    assert "panoptic" in reading.notes[0]


@pytest.mark.parametrize(("labels", "task"), [([1], "classification"), ([1, 3], "multi-label classification")])
def test_annotations_without_boxes_are_classification(tmp_path, labels, task):
    make(tmp_path, ["a.png"])
    annotations = [{"image_id": 0, "category_id": label} for label in labels]
    write(tmp_path, "labels_train.json", coco("a.png", annotations=annotations))
    reading = reading_of(tmp_path)
    assert reading is not None
    assert reading.task == task
    assert samples_of(reading)[0].labels == ("cat", "dog")[: len(labels)]


def test_an_image_without_objects_is_background(tmp_path):
    make(tmp_path, ["a.png", "b.png"])
    annotations = [{"image_id": 0, "category_id": 1, "bbox": [0, 0, 1, 1]}]
    write(tmp_path, "a.json", coco("a.png", "b.png", annotations=annotations))
    assert [len(sample.boxes) for sample in samples_of(reading_of(tmp_path))] == [1, 0]


def test_crowd_regions_are_left_out_and_counted(tmp_path):
    make(tmp_path, ["a.png"])
    box = {"image_id": 0, "category_id": 1, "bbox": [0, 0, 1, 1]}
    write(tmp_path, "a.json", coco("a.png", annotations=[box, {**box, "iscrowd": 1}]))
    reading = reading_of(tmp_path)
    assert len(samples_of(reading)[0].boxes) == 1
    assert reading is not None
    assert "1 crowd regions (iscrowd) are left out." in reading.notes


def test_a_listed_image_that_is_not_there_is_still_a_sample(tmp_path):
    make(tmp_path, ["a.png"])
    write(tmp_path, "a.json", coco("a.png", "gone.png"))
    assert [sample.path for sample in samples_of(reading_of(tmp_path))] == ["a.png", "gone.png"]


def test_an_image_in_two_splits_counts_in_the_first_and_is_a_fault(tmp_path):
    make(tmp_path, ["a.png", "b.png", "c.png", "d.png"])
    write(tmp_path, "train.json", coco("a.png", "b.png", "c.png"))
    write(tmp_path, "val.json", coco("c.png", "d.png", "e.png"))
    make(tmp_path, ["e.png"])
    reading = reading_of(tmp_path)
    assert {sample.path: sample.split for sample in samples_of(reading)}["c.png"] == "train"
    assert len(samples_of(reading)) == 5
    assert faults_of(reading) == [Fault("val.json", "c.png is also in train.json, which counts")]


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        ("text", "annotations[1] is no object"),
        ({"category_id": 1, "bbox": [0, 0, 1, 1]}, "annotations[1] has no image_id"),
        ({"image_id": 0, "bbox": [0, 0, 1, 1]}, "annotations[1] has no category_id"),
        ({"image_id": 0, "category_id": 9, "bbox": [0, 0, 1, 1]}, "annotations[1]: no category has the id 9"),
        ({"image_id": 9, "category_id": 1, "bbox": [0, 0, 1, 1]}, "annotations[1]: no image has the id 9"),
        ({"image_id": 0, "category_id": 1, "bbox": [0, 0, 1]}, "annotations[1]: its bbox is not four numbers"),
        ({"image_id": 0, "category_id": 1, "bbox": {"x": 1}}, "annotations[1]: its bbox is not four numbers"),
        (
            {"image_id": 0, "category_id": 1, "bbox": [0, 0, 1, float("nan")]},
            "annotations[1]: its bbox is not four numbers",
        ),
        ({"image_id": 0, "category_id": 1, "bbox": [0, 0, 1, 10**400]}, "annotations[1]: its bbox is not four numbers"),
        ({"image_id": 0, "category_id": 1}, "annotations[1] has no bbox"),
        ({"image_id": [0], "category_id": 1}, "annotations[1] has no image_id"),
    ],
)
def test_an_annotation_that_cannot_be_used_is_a_fault_and_the_rest_is_read(tmp_path, annotation, problem):
    make(tmp_path, ["a.png"])
    good = {"image_id": 0, "category_id": 1, "bbox": [1, 2, 3, 4]}
    write(tmp_path, "a.json", coco("a.png", annotations=[good, annotation]))
    reading = reading_of(tmp_path)
    assert samples_of(reading) == [Sample("a.png", boxes=(Box("cat", 1, 2, 3, 4),))]
    assert faults_of(reading) == [Fault("a.json", problem)]


def test_a_name_that_leads_out_of_the_dataset_is_missing_and_never_opened(tmp_path):
    make(tmp_path, ["secret.png", "data/a.png"])
    write(tmp_path / "data", "a.json", coco("a.png", "../secret.png"))
    assert [sample.path for sample in samples_of(reading_of(tmp_path / "data"))] == ["../secret.png", "a.png"]


def test_a_file_that_breaks_off_is_refused_with_its_line(tmp_path):
    make(tmp_path, ["a.png"])
    text = json.dumps(coco("a.png"))
    (tmp_path / "a.json").write_text(text[:-10])
    with pytest.raises(
        DatasetError, match=r"a\.json is COCO JSON that breaks off: line 1, column \d+.*export it again"
    ):
        reading_of(tmp_path)


def test_a_file_whose_images_are_elsewhere_says_so(tmp_path):
    make(tmp_path, ["other.png"])
    write(tmp_path, "a.json", coco("a.png"))
    with pytest.raises(DatasetError, match=r"lists 1 images, but none is here \(the first: a\.png\)"):
        reading_of(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": 1, "annotations": 2, "categories": 3}', "\xff\xfe"])
def test_other_json_is_no_coco(tmp_path, text):
    make(tmp_path, ["a.png"])
    (tmp_path / "a.json").write_text(text)
    assert reading_of(tmp_path) is None


def test_a_lone_surrogate_in_a_name_is_survived(tmp_path):
    make(tmp_path, ["a.png"])
    categories = [{"id": 1, "name": "cat\ud800"}]
    write(tmp_path, "a.json", coco("a.png", "b\ud800.png", categories=categories))
    assert len(samples_of(reading_of(tmp_path))) == 2


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)
KEYS = ("id", "image_id", "category_id", "bbox", "file_name", "name", "iscrowd", "segments_info", "supercategory")
ENTRY = st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=6) | ANYTHING


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    entries=st.fixed_dictionaries({key: st.lists(ENTRY, max_size=4) for key in ("images", "annotations", "categories")})
)
def test_no_content_crashes_the_reader(tmp_path, entries):
    make(tmp_path, ["a.png"])
    content = coco("a.png")
    write(tmp_path, "a.json", {key: content[key] + entries[key] for key in content})
    assert "a.png" in {sample.path for sample in samples_of(reading_of(tmp_path))}


@given(content=st.dictionaries(st.text(), ANYTHING))
def test_a_json_object_comes_in_parts_as_json_has_it(content):
    text = json.dumps(content, indent=1)
    expected = [
        (key, item)
        for key, value in json.loads(text).items()
        for item in (value if isinstance(value, list) else [value])
    ]
    assert repr(list(items(text))) == repr(expected)


@given(text=st.text(alphabet='{}[]",:1 a\\', max_size=30))
def test_text_is_read_or_refused_and_nothing_else(text):
    try:
        list(items(text))
    except NotJson:
        with pytest.raises((ValueError, AssertionError)):
            assert isinstance(json.loads(text), dict)


def test_json_that_is_nested_without_end_is_refused():
    with pytest.raises(NotJson, match="nested too deeply"):
        list(items('{"a": ' + "[" * 100_000))


@pytest.mark.parametrize("share", [0.4, 0.6, 0.9])
def test_a_file_that_breaks_off_is_named_wherever_it_does(tmp_path, share):
    images = [{"id": n, "file_name": f"{n}.png", "width": 12, "height": 10} for n in range(4)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 1, 4, 4]} for n in range(4)]
    text = json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]})
    root = make(tmp_path, [f"images/{n}.png" for n in range(4)])
    (root / "annotations.json").write_text(text[: int(len(text) * share)])
    with listed(root) as files, pytest.raises(DatasetError, match=r"annotations\.json .*breaks off"):
        read(files, Wishes())
