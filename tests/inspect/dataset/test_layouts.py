import os
from pathlib import Path

import pytest

from cvadvisor.inspect.dataset.layouts import DatasetError, Layout, find_layout
from tests.inspect.dataset.disk import make

CLASSES = ["cat/1.png", "dog/1.png"]


def below(folder: str, paths: list[str] = CLASSES) -> list[str]:
    return [f"{folder}/{path}" for path in paths]


def found(layout: Layout) -> list[tuple[str, str, str]]:
    return [(image.split, image.label, image.path) for image in layout.images]


def refused(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        find_layout(root)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_class_folders_without_splits_are_training(tmp_path):
    layout = find_layout(make(tmp_path, [*CLASSES, "cat/2.png"]))
    assert found(layout) == [
        ("train", "cat", "cat/1.png"),
        ("train", "cat", "cat/2.png"),
        ("train", "dog", "dog/1.png"),
    ]
    assert (layout.name, layout.train_folder, layout.validation_folder) == ("class folders", ".", None)


@pytest.mark.parametrize("train", ["train", "training", "Train", "TRAINING"])
def test_training_folders_are_found_by_name_in_any_case(tmp_path, train):
    layout = find_layout(make(tmp_path, below(train)))
    assert (layout.name, layout.train_folder) == ("class folders with splits", train)


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "dev", "eval", "Val"])
def test_validation_folders_are_found_by_name_in_any_case(tmp_path, validation):
    layout = find_layout(make(tmp_path, below("train") + below(validation)))
    assert layout.validation_folder == validation
    assert ("validation", "dog", f"{validation}/dog/1.png") in found(layout)


@pytest.mark.parametrize("test", ["test", "testing", "TEST"])
def test_test_folders_are_found_by_name_in_any_case(tmp_path, test):
    layout = find_layout(make(tmp_path, below("train") + below(test)))
    assert layout.test_folder == test
    assert ("test", "cat", f"{test}/cat/1.png") in found(layout)


def test_an_images_folder_may_lie_above_the_splits(tmp_path):
    layout = find_layout(make(tmp_path, below("images/train") + below("images/val")))
    assert (layout.train_folder, layout.validation_folder) == ("images/train", "images/val")


def test_an_images_folder_may_lie_between_split_and_classes(tmp_path):
    layout = find_layout(make(tmp_path, below("train/images") + below("val/Images")))
    assert (layout.train_folder, layout.validation_folder) == ("train/images", "val/Images")
    assert {image.label for image in layout.images} == {"cat", "dog"}


def test_an_images_folder_may_lie_above_classes_without_splits(tmp_path):
    assert find_layout(make(tmp_path, [*below("images"), "labels.csv"])).train_folder == "images"


def test_images_are_found_at_any_depth_below_their_class(tmp_path):
    layout = find_layout(make(tmp_path, ["cat/a/b/c/1.png", "cat/2.png", "dog/x/1.png"]))
    assert found(layout)[0] == ("train", "cat", "cat/2.png")
    assert ("train", "cat", "cat/a/b/c/1.png") in found(layout)


@pytest.mark.parametrize("name", ["1.jpg", "1.JPG", "1.jpeg", "1.JPEG", "1.bmp", "1.gif", "1.webp", "1.tif", "1.TIFF"])
def test_images_are_found_by_extension_in_any_case(tmp_path, name):
    assert len(find_layout(make(tmp_path, [f"cat/{name}", "dog/1.png"])).images) == 2


def test_images_come_by_split_then_class_then_path(tmp_path):
    paths = ["val/b/1.png", "test/a/1.png", "train/b/2.png", "train/b/10.png", "train/a/1.png", "val/a/1.png"]
    layout = find_layout(make(tmp_path, paths))
    assert [image.path for image in layout.images] == [
        *("train/a/1.png", "train/b/10.png", "train/b/2.png", "val/a/1.png", "val/b/1.png", "test/a/1.png")
    ]


@pytest.mark.parametrize(
    "litter",
    [
        ".hidden.png",
        ".cache/1.png",
        "__MACOSX/1.png",
        "Thumbs.db",
        ".DS_Store",
        "@eaDir/1.png",
        ".ipynb_checkpoints/1.png",
    ],
)
def test_what_systems_leave_behind_is_no_image_but_is_counted(tmp_path, litter):
    layout = find_layout(make(tmp_path, [*CLASSES, litter, f"cat/{litter}"]))
    assert len(layout.images) == 2
    assert (layout.files, layout.other_files) == (4, 2)


def test_images_beside_class_folders_and_other_folders_beside_splits_are_left_alone(tmp_path):
    layout = find_layout(make(tmp_path, [*below("train"), "train/stray.png", "extra/1.png", "top.png", "notes.txt"]))
    assert len(layout.images) == 2
    assert (layout.files, layout.other_files) == (6, 4)


def test_unlabelled_test_images_are_left_alone(tmp_path):
    layout = find_layout(make(tmp_path, [*below("train"), "test/1.png", "test/2.png"]))
    assert (layout.test_folder, layout.other_files) == (None, 2)


def test_a_class_may_be_called_train(tmp_path):
    layout = find_layout(make(tmp_path, ["bus/1.png", "car/1.png", "train/1.png"]))
    assert [image.label for image in layout.images] == ["bus", "car", "train"]


def test_a_class_of_one_image_and_a_class_that_training_lacks_are_no_errors(tmp_path):
    layout = find_layout(make(tmp_path, [*below("train"), "val/cat/1.png", "val/bird/1.png"]))
    assert {image.label for image in layout.images if image.split == "validation"} == {"cat", "bird"}


def test_a_missing_folder_is_refused(tmp_path):
    assert "nowhere does not exist: give the folder" in refused(tmp_path / "nowhere")


def test_a_file_is_refused(tmp_path):
    file = make(tmp_path, ["notes.txt"]) / "notes.txt"
    assert refused(file) == f"{file} is a file: give the folder that holds the images, a folder a class."


def test_an_archive_is_refused_with_the_advice_to_unpack_it(tmp_path):
    assert "unpack it" in refused(make(tmp_path, ["data.zip"]) / "data.zip")


def test_an_empty_folder_is_refused(tmp_path):
    assert "holds no image: it is empty. Expected <class>/*.jpg, or train/<class>/*.jpg" in refused(tmp_path)


def test_a_folder_without_images_is_refused_with_what_was_seen(tmp_path):
    make(tmp_path, [*(f"a/{number}.txt" for number in range(12)), "b/c/1.csv", "b/README"])
    message = refused(tmp_path)
    assert "found 12 .txt files, 1 other file, 1 .csv file and 3 folders" in message


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


def test_a_name_with_a_null_byte_is_refused(tmp_path):
    assert "a\\x00b does not exist" in refused(tmp_path / "a\0b")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may list everything")
@pytest.mark.parametrize("closed", [".", "cat"])
def test_a_folder_that_may_not_be_listed_is_refused(tmp_path, closed):
    folder = make(tmp_path / "data", CLASSES) / closed
    folder.chmod(0)
    try:
        assert "may not be listed (no permission)" in refused(tmp_path / "data")
    finally:
        folder.chmod(0o755)


def test_a_linked_class_folder_is_followed(tmp_path):
    make(tmp_path / "store", ["1.png"])
    root = make(tmp_path / "data", ["dog/1.png"])
    (root / "cat").symlink_to(tmp_path / "store", target_is_directory=True)
    assert [image.path for image in find_layout(root).images] == ["cat/1.png", "dog/1.png"]


@pytest.mark.parametrize("target", [".", "..", "../..", "/"])
def test_a_link_to_where_the_walk_came_from_is_not_followed(tmp_path, target):
    root = make(tmp_path / "data", CLASSES)
    (root / "cat" / "loop").symlink_to(target, target_is_directory=True)
    layout = find_layout(root)
    assert (len(layout.images), layout.other_files) == (2, 1)


def test_links_between_class_folders_end(tmp_path):
    root = make(tmp_path, CLASSES)
    (root / "cat" / "to_dog").symlink_to("../dog", target_is_directory=True)
    (root / "dog" / "to_cat").symlink_to("../cat", target_is_directory=True)
    assert len(find_layout(root).images) == 4


def test_many_folders_that_link_to_each_other_end(tmp_path):
    names = [f"class{number}" for number in range(8)]
    root = make(tmp_path, [f"{name}/1.png" for name in names])
    for name in names:
        for other in set(names) - {name}:
            (root / name / other).symlink_to(f"../{other}", target_is_directory=True)
    assert len(find_layout(root).images) < 1000


def test_a_link_to_itself_is_an_image_that_is_gone(tmp_path):
    root = make(tmp_path, CLASSES)
    (root / "cat" / "2.png").symlink_to("2.png")
    assert len(find_layout(root).images) == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_no_image(tmp_path):
    root = make(tmp_path, CLASSES)
    os.mkfifo(root / "cat" / "2.png")
    layout = find_layout(root)
    assert (len(layout.images), layout.other_files) == (2, 1)


def test_folders_nested_without_end_are_refused(tmp_path):
    assert "more than 64 folders deep" in refused(make(tmp_path, ["/".join(["d"] * 70) + "/1.png"]))
