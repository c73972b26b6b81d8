import zipfile
from pathlib import Path

import pytest

from cvadvisor.inspect.dataset.layouts.class_folders import read, seen, why_not
from cvadvisor.inspect.dataset.layouts.reading import Reading, Sample, Wishes
from tests.inspect.dataset.making import encoded, listed, make, name_or_skip, picture

CLASSES = ["cat/1.png", "dog/1.png"]


def below(folder: str, paths: list[str] = CLASSES) -> list[str]:
    return [f"{folder}/{path}" for path in paths]


def reading(root: Path) -> Reading:
    with listed(root) as files:
        found = read(files, Wishes())
        assert found is not None, why_not(files)
        assert why_not(files) == ""
        return found


def in_archive(file: Path, paths: list[str]) -> Path:
    """A zip with these members, made of what lies beside it."""
    with zipfile.ZipFile(file, "w") as archive:
        for path in paths:
            archive.writestr(path, encoded(picture(path)))
    return file


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
    message = refused(make(tmp_path, ["banner.png", *below("archive/train"), *below("archive/val")]))
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


@pytest.mark.parametrize("outer", ["data", "animals/animals", "a/images/b"])
def test_folders_that_alone_hold_a_dataset_are_passed_through_and_said(tmp_path, outer):
    make(tmp_path, [*below(f"{outer}/train"), *below(f"{outer}/val"), "src/model.py"])
    assert ("validation", "cat", f"{outer}/val/cat/1.png") in found(tmp_path)
    assert reading(tmp_path).notes == (f"The dataset lies in {outer}/ and is read from there.",)


def test_a_folder_that_alone_holds_an_archives_classes_is_passed_through(tmp_path):
    archive = in_archive(tmp_path / "a.zip", below("data"))
    assert found(archive) == [("train", "cat", "data/cat/1.png"), ("train", "dog", "data/dog/1.png")]


def test_a_single_class_is_not_passed_through_for_a_split_in_it(tmp_path):
    assert "only one class has images, train/cat/" in refused(make(tmp_path, below("train/cat")))


def test_data_beside_documents_holds_the_dataset(tmp_path):
    make(tmp_path, [*below("data"), "docs/logo.png"])
    assert {label for _, label, _ in found(tmp_path)} == {"cat", "dog"}


def test_a_dataset_one_folder_down_in_an_archive_is_suggested(tmp_path):
    archive = in_archive(tmp_path / "a.zip", ["banner.png", *below("first/train")])
    assert refused(archive).endswith("first/ has that layout: unpack the archive and give that folder.")


@pytest.mark.parametrize("inner", ["", "train/"])
def test_archives_called_after_splits_are_the_splits(tmp_path, inner):
    in_archive(tmp_path / "train.zip", [inner + path for path in CLASSES])
    in_archive(tmp_path / "val.zip", CLASSES)
    assert ("train", "cat", f"train.zip/{inner}cat/1.png") in found(tmp_path)
    assert ("validation", "dog", "val.zip/dog/1.png") in found(tmp_path)


def test_an_archive_a_class_gives_the_class_its_name(tmp_path):
    for name in ("cat", "dog"):
        in_archive(tmp_path / f"{name}.zip", ["1.png"])
    (tmp_path / "cat").mkdir()
    assert found(tmp_path) == [("train", "cat", "cat.zip/1.png"), ("train", "dog", "dog.zip/1.png")]
    assert reading(tmp_path).classes == ("cat", "dog")


@pytest.mark.parametrize("name", ["docs", "Results", "runs", "figures", "cvadvisor-out-2", "screenshots"])
def test_folders_called_like_documents_or_results_are_no_classes_and_that_is_said(tmp_path, name):
    make(tmp_path, [*CLASSES, f"{name}/a/1.png"])
    assert {label for _, label, _ in found(tmp_path)} == {"cat", "dog"}
    assert reading(tmp_path).classes == ("cat", "dog")
    assert reading(tmp_path).notes[0] == (
        f"{name}/ lies beside the classes and is left out for the name: rename a folder that holds a class."
    )


def test_such_folders_are_classes_where_fewer_than_two_others_are_left(tmp_path):
    make(tmp_path, ["cat/1.png", "screenshots/1.png"])
    assert {label for _, label, _ in found(tmp_path)} == {"cat", "screenshots"}


@pytest.mark.parametrize("above", ["", "train/"])
def test_folders_that_all_hold_the_same_folders_are_refused_with_both_readings(tmp_path, above):
    make(tmp_path, [path for kind in ("color", "segmented") for path in below(above + kind)])
    message = refused(tmp_path)
    assert "color/ and segmented/ hold the same 2 folders, cat/ and dog/: either may be the classes" in message
    assert "--layout class-folders" in message


def test_folders_that_all_hold_the_same_folders_are_classes_where_that_is_asked_for(tmp_path):
    make(tmp_path, [path for kind in ("color", "segmented") for path in below(kind)])
    with listed(tmp_path) as files:
        forced = read(files, Wishes(layout="class-folders"))
    assert forced is not None
    assert forced.classes == ("color", "segmented")


def test_folders_that_hold_partly_other_folders_are_classes(tmp_path):
    make(tmp_path, ["cat/left/1.png", "cat/right/1.png", "dog/left/1.png", "dog/up/1.png"])
    assert {label for _, label, _ in found(tmp_path)} == {"cat", "dog"}


def test_images_called_as_others_with_a_word_added_are_no_class(tmp_path):
    make(tmp_path, [path for n in range(4) for path in (f"scans/p_{n}.png", f"traced/p_{n}_lesion.png")])
    message = refused(tmp_path)
    assert "images in traced/ are called as those in scans/ with _lesion added" in message
    with listed(tmp_path) as files:
        assert read(files, Wishes(layout="class-folders")) is not None


def test_images_of_two_classes_may_be_numbered_alike(tmp_path):
    make(tmp_path, [path for n in range(12) for path in (f"cat/{n}.png", f"dog/{n}.png")])
    assert len(found(tmp_path)) == 24


def test_names_with_the_class_added_are_classes(tmp_path):
    make(tmp_path, [path for n in range(12) for path in (f"cat/{n}_cat.png", f"dog/{n}_dog.png")])
    assert len(found(tmp_path)) == 24


def test_a_folder_a_sample_is_refused_with_the_nearest_layout(tmp_path):
    paths = [f"s{n}/{name}" for n in range(3) for name in (f"images/s{n}.png", "masks/x.png", "masks/y.png")]
    message = refused(make(tmp_path, paths))
    assert "s0/ holds images/ and masks/. The nearest layout that can be read is images/<name>.jpg with" in message
