from pathlib import Path

import pytest

from cvadvisor.inspect.dataset.layouts.class_folders import read, seen, why_not
from cvadvisor.inspect.dataset.layouts.reading import Reading, Sample, Wishes
from tests.inspect.dataset.making import listed, make, name_or_skip

CLASSES = ["cat/1.png", "dog/1.png"]


def below(folder: str, paths: list[str] = CLASSES) -> list[str]:
    return [f"{folder}/{path}" for path in paths]


def reading(root: Path) -> Reading:
    with listed(root) as files:
        found = read(files, Wishes())
        assert found is not None, why_not(files)
        assert why_not(files) == ""
        return found


def found(root: Path) -> list[tuple[str, str, str]]:
    with listed(root) as files:
        layout = read(files, Wishes())
        assert layout is not None, why_not(files)
        samples = [one for one in layout.samples() if isinstance(one, Sample)]
        assert len(samples) == layout.images
        return [(one.split, one.labels[0], one.path) for one in samples]


def refused(root: Path) -> str:
    with listed(root) as files:
        assert read(files, Wishes()) is None
        message = why_not(files)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_class_folders_without_splits_are_training(tmp_path):
    make(tmp_path, [*CLASSES, "cat/2.png"])
    assert found(tmp_path) == [
        ("train", "cat", "cat/1.png"),
        ("train", "cat", "cat/2.png"),
        ("train", "dog", "dog/1.png"),
    ]
    assert reading(tmp_path).layout == "class folders"


@pytest.mark.parametrize("train", ["train", "training", "Train", "TRAINING"])
def test_training_folders_are_found_by_name_in_any_case(tmp_path, train):
    make(tmp_path, below(train))
    assert reading(tmp_path).layout == "class folders with splits"
    assert {split for split, _, _ in found(tmp_path)} == {"train"}


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "dev", "eval", "Val"])
def test_validation_folders_are_found_by_name_in_any_case(tmp_path, validation):
    make(tmp_path, below("train") + below(validation))
    assert ("validation", "dog", f"{validation}/dog/1.png") in found(tmp_path)


@pytest.mark.parametrize("test", ["test", "testing", "TEST"])
def test_test_folders_are_found_by_name_in_any_case(tmp_path, test):
    assert ("test", "cat", f"{test}/cat/1.png") in found(make(tmp_path, below("train") + below(test)))


def test_an_images_folder_may_lie_above_the_splits(tmp_path):
    make(tmp_path, below("images/train") + below("images/val"))
    assert ("validation", "cat", "images/val/cat/1.png") in found(tmp_path)


def test_an_images_folder_may_lie_between_split_and_classes(tmp_path):
    make(tmp_path, below("train/images") + below("val/Images"))
    assert {label for _, label, _ in found(tmp_path)} == {"cat", "dog"}


def test_an_images_folder_may_lie_above_classes_without_splits(tmp_path):
    assert len(found(make(tmp_path, [*below("images"), "labels.csv"]))) == 2


def test_images_are_found_at_any_depth_below_their_class(tmp_path):
    make(tmp_path, ["cat/a/b/c/1.png", "cat/2.png", "dog/x/1.png"])
    assert ("train", "cat", "cat/a/b/c/1.png") in found(tmp_path)
    assert ("train", "cat", "cat/2.png") in found(tmp_path)


def test_images_come_by_split_then_class_then_path(tmp_path):
    paths = ["val/b/1.png", "test/a/1.png", "train/b/2.png", "train/b/10.png", "train/a/1.png", "val/a/1.png"]
    assert [path for _, _, path in found(make(tmp_path, paths))] == [
        *("train/a/1.png", "train/b/10.png", "train/b/2.png", "val/a/1.png", "val/b/1.png", "test/a/1.png")
    ]


def test_stray_images_and_other_folders_beside_splits_are_left_alone_and_said(tmp_path):
    make(tmp_path, [*below("train"), "train/stray.png", "extra/1.png", "top.png", "notes.txt"])
    assert len(found(tmp_path)) == 2
    assert reading(tmp_path).notes == ("3 images lie outside every class folder and are left alone.",)


def test_stray_images_beside_class_folders_without_splits_are_left_alone(tmp_path):
    make(tmp_path, [*CLASSES, "dog_1.png"])
    assert len(found(tmp_path)) == 2
    assert reading(tmp_path).notes == ("1 image lies outside every class folder and is left alone.",)


def test_unlabelled_test_images_are_left_alone(tmp_path):
    make(tmp_path, [*below("train"), "test/1.png", "test/2.png"])
    assert {split for split, _, _ in found(tmp_path)} == {"train"}


def test_a_class_may_be_called_train(tmp_path):
    make(tmp_path, ["bus/1.png", "car/1.png", "train/1.png"])
    assert [label for _, label, _ in found(tmp_path)] == ["bus", "car", "train"]


def test_a_class_of_one_image_and_a_class_that_training_lacks_are_no_errors(tmp_path):
    make(tmp_path, [*below("train"), "val/cat/1.png", "val/bird/1.png"])
    assert {label for split, label, _ in found(tmp_path) if split == "validation"} == {"cat", "bird"}


def test_splits_may_lie_inside_every_class(tmp_path):
    make(tmp_path, ["cat/train/1.png", "cat/val/2.png", "dog/train/1.png", "dog/Val/2.png"])
    assert ("validation", "dog", "dog/Val/2.png") in found(tmp_path)
    assert ("train", "cat", "cat/train/1.png") in found(tmp_path)
    assert reading(tmp_path).layout == "class folders with splits"


def test_splits_inside_some_classes_alone_are_refused(tmp_path):
    message = refused(make(tmp_path, ["cat/train/1.png", "cat/val/2.png", "dog/1.png"]))
    assert "cat/ has a training split inside it" in message


def test_empty_class_folders_are_declared_classes(tmp_path):
    make(tmp_path, below("train") + below("val"))
    (tmp_path / "train" / "emu").mkdir()
    assert reading(tmp_path).classes == ("cat", "dog", "emu")


def test_without_splits_a_folder_of_documents_is_no_class_and_an_empty_one_is(tmp_path):
    make(tmp_path, [*CLASSES, "docs/notes.txt"])
    (tmp_path / "emu").mkdir()
    assert reading(tmp_path).classes == ("cat", "dog", "emu")


def test_class_names_that_are_not_utf8_are_read(tmp_path):
    folder = name_or_skip(tmp_path, b"caf\xe9")
    make(folder, ["1.png"])
    make(tmp_path, ["dog/1.png"])
    assert [label for _, label, _ in found(tmp_path)] == ["caf\udce9", "dog"]


def test_what_was_seen_makes_the_reason(tmp_path):
    assert reading(make(tmp_path, below("train") + below("val"))).why == (
        "train/ and val/ hold a folder a class, 2 folders in training"
    )


def test_an_empty_folder_is_refused(tmp_path):
    assert "it holds no image: it is empty. Expected <class>/*.jpg, or train/<class>/*.jpg" in refused(tmp_path)


def test_a_folder_without_images_is_refused_with_what_was_seen(tmp_path):
    make(tmp_path, [*(f"a/{number}.txt" for number in range(12)), "b/c/1.csv", "b/README"])
    message = refused(tmp_path)
    assert "found 12 .txt files, 1 other file, 1 .csv file and 3 folders" in message


def test_what_was_seen_is_told_by_numbers(tmp_path):
    with listed(make(tmp_path, ["a/1.png", "a/2.png", "a/labels.csv"])) as files:
        assert seen(files) == "found 2 images, 1 .csv file and 1 folder"


def test_flat_images_are_refused(tmp_path):
    message = refused(make(tmp_path, ["1.png", "2.png"]))
    assert "2 images in it without class folders" in message
    assert "Expected <class>/*.jpg" in message


def test_a_flat_training_split_is_refused(tmp_path):
    assert "1 image in train/ without class folders" in refused(make(tmp_path, ["train/1.png", "test/1.png"]))


def test_a_flat_validation_split_is_refused(tmp_path):
    assert "1 image in val/ without class folders" in refused(make(tmp_path, [*below("train"), "val/1.png"]))


def test_flat_splits_are_not_taken_for_classes(tmp_path):
    assert "in images/train/ without class" in refused(make(tmp_path, ["images/train/1.png", "images/val/1.png"]))


def test_flat_splits_with_a_year_are_not_taken_for_classes(tmp_path):
    assert "splits without class folders" in refused(make(tmp_path, ["train2017/1.png", "val2017/1.png"]))


def test_a_single_class_is_refused(tmp_path):
    assert "only one class has images, cat/: a classifier needs two" in refused(make(tmp_path, ["cat/1.png"]))


def test_a_single_training_class_is_refused(tmp_path):
    assert "only one class has images, train/cat/" in refused(make(tmp_path, ["train/cat/1.png", *below("val")]))


def test_a_validation_split_without_training_is_refused(tmp_path):
    message = refused(make(tmp_path, below("val") + below("test")))
    assert "there is test/ and val/ but no training split" in message


def test_two_folders_for_one_split_are_refused(tmp_path):
    message = refused(make(tmp_path, below("train") + below("val") + below("validation")))
    assert "val/ and validation/ both look like the validation split" in message


def test_a_dataset_one_folder_down_is_suggested(tmp_path):
    message = refused(make(tmp_path, below("archive/train") + below("archive/val")))
    assert message.endswith(f"The folder {tmp_path}/archive has that layout: give that one.")


def test_a_folder_of_datasets_is_not_taken_for_class_folders(tmp_path):
    message = refused(make(tmp_path, below("first/train") + below("second/train")))
    assert "first/ has a training split inside it" in message
    assert "first has that layout" in message


@pytest.mark.parametrize("parts", [("images", "masks"), ("JPEGImages", "SegmentationClass"), ("leftImg8bit", "gtFine")])
def test_a_segmentation_dataset_is_refused(tmp_path, parts):
    message = refused(make(tmp_path, [f"{part}/{number}.png" for part in parts for number in range(2)]))
    assert "looks like segmentation or detection" in message


def test_a_folder_of_segmentation_datasets_is_refused(tmp_path):
    paths = [f"{name}/{part}/1.png" for name in ("first", "second") for part in ("images", "masks")]
    assert "first/ and second/: that looks like segmentation" in refused(make(tmp_path, paths))


def test_many_class_folders_do_not_make_a_long_message(tmp_path):
    message = refused(make(tmp_path, [f"train{number:04}/1.png" for number in range(500)]))
    assert len(message) < 500
