import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cvadvisor.inspect.dataset.layouts.mask_codes import parse_classes
from cvadvisor.inspect.dataset.layouts.mask_folders import read
from cvadvisor.inspect.dataset.layouts.mask_pairs import Naming
from cvadvisor.inspect.dataset.layouts.reading import Reading, Sample, Wishes
from tests.inspect.dataset.making import encoded, listed, make, samples_of


def masks(root: Path, *paths: str, value: int | tuple[int, int, int] = 1) -> Path:
    """Write a mask of one value at each path."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        mode = "L" if isinstance(value, int) else "RGB"
        (root / path).write_bytes(encoded(Image.new(mode, (12, 10), value)))
    return root


def reading_of(root: Path) -> Reading | None:
    with listed(root) as files:
        reading = read(files, Wishes())
        if reading is None:
            return None
        everything = list(reading.samples())
        assert list(reading.samples()) == everything
        return Reading(**{**vars(reading), "samples": lambda: iter(everything)})


def pairs_of(root: Path) -> list[tuple[str, str | None]]:
    return [(sample.path, sample.mask) for sample in samples_of(reading_of(root))]


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/a.png", "masks/a.png"),
        ("images/a.png", "labels/a.png"),
        ("Images/a.png", "GT/a.png"),
        ("imgs/a.png", "annotations/a.png"),
        ("images/a.png", "groundtruth/a_gt.png"),
        ("images/a.png", "masks/a_mask.png"),
        ("images/image_0001.png", "masks/gt_0001.png"),
        ("images/0016E5.png", "labels/0016E5_L.png"),
        ("train/images/a.png", "train/masks/a.png"),
        ("images/train/a.png", "annotations/train/a.png"),
        ("train/a.png", "train_masks/a_mask.png"),
        ("train/a.png", "trainannot/a.png"),
        ("train/1_sat.png", "train/1_mask.png"),
        ("Task1-2_Training_Input/a.png", "Task1_Training_GroundTruth/a_segmentation.png"),
        ("a.png", "a_mask.png"),
        ("a.png", "masks/a.png"),
        ("ISIC_1.png", "ISIC_1_segmentation.png"),
    ],
)
def test_images_and_masks_are_matched(tmp_path, image, mask):
    masks(make(tmp_path, [image]), mask)
    reading = reading_of(tmp_path)
    assert [(sample.path, sample.mask) for sample in samples_of(reading)] == [(image, mask)]
    assert reading is not None
    assert (reading.task, reading.images) == ("segmentation", 1)


def test_splits_are_those_of_the_folders(tmp_path):
    make(tmp_path, ["images/train/a.png", "images/val/b.png", "images/test/c.png"])
    masks(tmp_path, "masks/train/a.png", "masks/val/b.png", "masks/test/c.png")
    splits = {sample.path: sample.split for sample in samples_of(reading_of(tmp_path))}
    assert splits == {"images/train/a.png": "train", "images/val/b.png": "validation", "images/test/c.png": "test"}


def test_an_image_without_a_mask_is_a_sample_without_one(tmp_path):
    masks(make(tmp_path, ["images/a.png", "images/b.png"]), "masks/a.png")
    assert pairs_of(tmp_path) == [("images/a.png", "masks/a.png"), ("images/b.png", None)]


def test_a_mask_without_an_image_names_a_missing_image(tmp_path):
    masks(make(tmp_path, ["images/a.png", "images/b.png"]), "masks/a.png", "masks/b.png", "masks/gone.png")
    assert ("images/gone", None) in pairs_of(tmp_path)


def test_a_photo_is_matched_by_its_stem_whatever_its_extension(tmp_path):
    masks(tmp_path, "masks/a.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.jpg").write_bytes(encoded(Image.new("RGB", (12, 10)), "JPEG"))
    assert pairs_of(tmp_path) == [("images/a.jpg", "masks/a.png")]


def test_pairs_of_photographs_are_no_masks(tmp_path):
    for folder in ("images", "gt"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(encoded(Image.effect_noise((80, 80), 90).convert("RGB")))
    gradient = Image.merge("RGB", [Image.radial_gradient("L"), Image.linear_gradient("L"), Image.radial_gradient("L")])
    (tmp_path / "gt/a.png").write_bytes(encoded(gradient))
    assert reading_of(tmp_path) is None


def test_class_folders_are_no_masks(tmp_path):
    assert reading_of(make(tmp_path, ["mask/1.png", "no_mask/2.png", "train/cat/3.png", "train/dog/4.png"])) is None


@pytest.fixture
def cityscapes(tmp_path):
    for split in ("train", "val"):
        make(tmp_path, [f"leftImg8bit/{split}/ulm/ulm_1_leftImg8bit.png"])
        for kind in ("color", "instanceIds", "labelIds"):
            masks(tmp_path, f"gtFine/{split}/ulm/ulm_1_gtFine_{kind}.png", value=7)
    return tmp_path


def test_cityscapes_takes_label_ids_where_there_are_no_train_ids(cityscapes):
    reading = reading_of(cityscapes)
    image, mask = "leftImg8bit/{}/ulm/ulm_1_leftImg8bit.png", "gtFine/{}/ulm/ulm_1_gtFine_labelIds.png"
    assert samples_of(reading) == [
        Sample(image.format("train"), "train", mask=mask.format("train")),
        Sample(image.format("val"), "validation", mask=mask.format("val")),
    ]
    assert reading is not None
    assert reading.masks is not None
    assert (reading.masks.names[7], reading.rank, len(reading.classes)) == ("road", 90, 19)
    assert 0 in reading.masks.ignored


def test_cityscapes_prefers_train_ids(cityscapes):
    masks(cityscapes, *(f"gtFine/{split}/ulm/ulm_1_gtFine_labelTrainIds.png" for split in ("train", "val")))
    reading = reading_of(cityscapes)
    assert {sample.mask for sample in samples_of(reading)} == {
        f"gtFine/{split}/ulm/ulm_1_gtFine_labelTrainIds.png" for split in ("train", "val")
    }
    assert reading is not None
    assert reading.masks is not None
    assert (reading.masks.names[0], reading.masks.ignored) == ("road", {255})


def test_cityscapes_instances_give_classes_where_there_is_nothing_else(cityscapes):
    for path in [*cityscapes.rglob("*labelIds.png"), *cityscapes.rglob("*color.png")]:
        path.unlink()
    reading = reading_of(cityscapes)
    assert reading is not None
    assert reading.masks is not None
    assert reading.masks.names[26_001] == "car"
    assert any("instances" in note for note in reading.notes)


@pytest.mark.parametrize(("value", "first"), [(1, "Sky"), ((128, 0, 0), "Animal")])
def test_camvid_is_known_by_its_folders_in_both_its_codes(tmp_path, value, first):
    make(tmp_path, ["train/a.png", "val/b.png", "test/c.png"])
    masks(tmp_path, "trainannot/a.png", "valannot/b.png", "testannot/c.png", value=value)
    reading = reading_of(tmp_path)
    assert reading is not None
    assert reading.why.endswith("as in CamVid")
    assert reading.classes[0] == first


def test_a_list_of_classes_names_the_values(tmp_path):
    masks(make(tmp_path, ["images/a.png"]), "masks/a.png")
    (tmp_path / "classes.txt").write_text("background\nroad\nvoid\n")
    reading = reading_of(tmp_path)
    assert reading is not None
    assert reading.masks is not None
    assert (reading.classes, reading.masks.ignored) == (("background", "road"), {2, 255})
    assert "Classes of the masks are those in classes.txt." in reading.notes


def test_without_names_each_value_is_a_class_of_its_own(tmp_path):
    reading = reading_of(masks(make(tmp_path, ["images/a.png"]), "masks/a.png"))
    assert reading is not None
    assert (reading.classes, reading.masks and reading.masks.names) == ((), {})
    assert any(note.startswith("Nothing names the classes") for note in reading.notes)


@pytest.mark.parametrize(
    ("name", "text", "classes"),
    [
        ("classes.txt", "sky\n\nroad\n", [(0, "sky", None), (1, "road", None)]),
        ("labelmap.txt", "# name:rgb\nsky:1,2,3::\nroad:4,5,6:a:b\n", [(0, "sky", (1, 2, 3)), (1, "road", (4, 5, 6))]),
        (
            "label_colors.txt",
            "64 128 64\tAnimal\n0 0 0\t\tVoid\n",
            [(0, "Animal", (64, 128, 64)), (1, "Void", (0, 0, 0))],
        ),
        ("labelmap.csv", "name,r,g,b\nsky,1,2,3\n", [(0, "sky", (1, 2, 3))]),
        ("_classes.csv", "Pixel Value, Class\n0, background\n5, cat\n", [(0, "background", None), (5, "cat", None)]),
        ("classes.csv", "id,name,r,g,b\n7,sky,1,2,3\n", [(7, "sky", (1, 2, 3))]),
        ("classes.txt", "sky:1,2\n", [(0, "sky", None)]),
        ("labelmap.csv", "sky,1,2,999\n", [(0, "sky", None)]),
    ],
)
def test_lists_of_classes_are_understood(name, text, classes):
    assert parse_classes(name, text) == classes


def test_a_json_of_classes_is_understood():
    text = json.dumps(
        {"label_map": {"0": "Void", "2": "Road"}, "segmentation_colors": [[0, 0, 0], [1, 1, 1], [2, 2, 2]]}
    )
    assert parse_classes("dataset_meta.json", text) == [(0, "Void", (0, 0, 0)), (2, "Road", (2, 2, 2))]


@given(
    name=st.sampled_from(["classes.txt", "labelmap.csv", "dataset_meta.json"]),
    text=st.text(alphabet='ab:,0129 \n\t"{}[]²', max_size=60) | st.text(max_size=40),
)
def test_any_text_is_a_list_of_classes_or_none(name, text):
    for index, label, colour in parse_classes(name, text):
        assert index >= 0
        assert isinstance(label, str)
        assert colour is None or all(0 <= level <= 255 for level in colour)


@given(stem=st.text(max_size=8), affixes=st.tuples(*[st.text(max_size=3)] * 4))
def test_the_image_of_an_images_mask_is_that_image(stem, affixes):
    naming = Naming(*affixes)
    mask = naming.mask_of(stem)
    assert mask is None or naming.image_of(mask) == stem


def test_long_names_of_folders_go_together_by_split_and_the_split_is_read(tmp_path):
    for split in ("Training", "Validation"):
        make(tmp_path, [f"Set_{split}_Input/a.png"])
        masks(tmp_path, f"Set_{split}_GroundTruth/a_segmentation.png")
    found = [(one.path, one.split, one.mask) for one in samples_of(reading_of(tmp_path))]
    assert found == [
        ("Set_Training_Input/a.png", "train", "Set_Training_GroundTruth/a_segmentation.png"),
        ("Set_Validation_Input/a.png", "validation", "Set_Validation_GroundTruth/a_segmentation.png"),
    ]
