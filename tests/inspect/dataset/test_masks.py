from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cvadvisor.facts.dataset import ClassPixels, MaskFacts
from cvadvisor.inspect.dataset.layouts.reading import MaskCode, Sample, Split
from cvadvisor.inspect.dataset.masks import mask_facts
from tests.inspect.dataset.looks import looked_at, reading
from tests.inspect.dataset.making import encoded, make


def facts(
    root: Path,
    masks: dict[str, np.ndarray[Any, Any] | bytes | None],
    code: MaskCode | None = None,
    splits: dict[str, Split] | None = None,
    classes: tuple[str, ...] = (),
    size: tuple[int, int] = (4, 2),
    orientation: int = 1,
) -> MaskFacts:
    """The facts of images of ``size`` with these masks."""
    samples = []
    for name, mask in masks.items():
        make(root, [f"images/{name}.png"])
        if mask is not None:
            data = mask if isinstance(mask, bytes) else encoded(Image.fromarray(mask))
            (root / "masks").mkdir(exist_ok=True)
            (root / f"masks/{name}.png").write_bytes(data)
        where = f"masks/{name}.png" if mask is not None else None
        samples.append(Sample(f"images/{name}.png", (splits or {}).get(name, "train"), mask=where))
    read = reading(samples, "segmentation", code or MaskCode(), classes)
    with looked_at(root, read, {sample.path: size for sample in samples}, orientation) as store:
        return mask_facts(store, read)


def index(*values: int) -> np.ndarray[Any, Any]:
    """A mask of 4 x 2 pixels whose columns have these values."""
    return np.array([values] * 2, dtype=np.uint8)


def colour(*values: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    return np.array([values] * 2, dtype=np.uint8)


ROADS = MaskCode({0: "background", 1: "road", 2: "car"})


def test_class_pixels_are_shares_of_the_labelled_training_pixels(tmp_path):
    found = facts(
        tmp_path,
        {"a": index(0, 1, 1, 255), "b": index(2, 2, 2, 2)},
        ROADS,
        {"b": "validation"},
        ("background", "road", "car"),
    )
    assert (found.masks, found.kind) == (2, "index")
    assert found.class_pixels == (
        ClassPixels(name="road", share=2 / 3, images=1),
        ClassPixels(name="background", share=1 / 3, images=1),
        ClassPixels(name="car", share=0.0, images=1),
    )
    assert (found.imbalance_ratio, found.smallest_class) == (2.0, "background")
    assert found.ignored_share == 1 / 8


def test_values_that_stand_for_no_class_are_found(tmp_path):
    found = facts(tmp_path, {"a": index(0, 1, 7, 7), "b": index(0, 1, 1, 1)}, ROADS).unknown_values
    assert (found.images, found.share) == (1, 0.5)
    assert found.examples[0].path == "images/a.png"
    assert found.examples[0].measured == "50.00% of the pixels have values such as 7 that stand for no class"
    assert found.examples[0].label == "background, road"


def test_a_mask_of_background_or_void_alone_is_empty(tmp_path):
    masks = {"a": index(0, 0, 0, 0), "b": index(255, 255, 255, 255), "c": index(0, 0, 0, 1)}
    found = facts(tmp_path, masks, ROADS).empty
    assert [example.path for example in found.examples] == ["images/a.png", "images/b.png"]
    assert [example.measured for example in found.examples] == ["all background", "all void"]


def test_a_first_class_that_marks_something_is_no_background(tmp_path):
    assert facts(tmp_path, {"a": index(0, 0, 0, 0)}, MaskCode({0: "road", 1: "car"})).empty.images == 0


def test_a_mask_of_another_size_is_found(tmp_path):
    found = facts(tmp_path, {"a": index(0, 1, 1, 1), "b": index(0, 1, 1)}, ROADS).size_mismatch
    assert [example.measured for example in found.examples] == ["the image has 4x2 px, its mask 3x2"]


def test_a_mask_fits_an_image_that_exif_data_turns(tmp_path):
    assert facts(tmp_path, {"a": index(0, 1, 1, 1)}, ROADS, size=(2, 4), orientation=6).size_mismatch.images == 0
    assert facts(tmp_path, {"a": index(0, 1, 1, 1)}, ROADS, size=(2, 4)).size_mismatch.images == 1


def test_images_without_a_mask_and_masks_that_do_not_decode_are_told_apart(tmp_path):
    found = facts(tmp_path, {"a": None, "b": b"no mask", "c": index(0, 1, 1, 1)}, ROADS)
    assert (found.masks, found.images_without.images, found.unreadable.images) == (1, 1, 1)
    assert found.unreadable.examples[0].measured.startswith("masks/b.png: not an image")


def test_a_mask_that_is_a_jpeg_is_lossy(tmp_path):
    data = encoded(Image.fromarray(index(0, 0, 0, 0)), "JPEG")
    assert facts(tmp_path, {"a": data}, ROADS).lossy.examples[0].measured == "masks/a.png is a JPEG"


def test_colours_are_classes(tmp_path):
    code = MaskCode({(0, 0, 0): "sky", (128, 0, 0): "road"})
    found = facts(tmp_path, {"a": colour((0, 0, 0), (128, 0, 0), (128, 0, 0), (1, 2, 3))}, code)
    assert found.kind == "colour"
    assert [(one.name, one.share) for one in found.class_pixels] == [("road", 2 / 3), ("sky", 1 / 3)]
    assert "such as 1, 2, 3 that" in found.unknown_values.examples[0].measured


def test_colours_without_names_are_named_by_themselves(tmp_path):
    found = facts(tmp_path, {"a": colour((0, 0, 0), (0, 0, 0), (0, 0, 0), (128, 0, 255))})
    assert [one.name for one in found.class_pixels] == ["#000000", "#8000ff"]
    assert found.kind == "colour"


def test_gray_colours_are_indices_where_no_colour_is_named(tmp_path):
    found = facts(tmp_path, {"a": colour((0, 0, 0), (1, 1, 1), (1, 1, 1), (255, 255, 255))}, ROADS)
    assert [one.name for one in found.class_pixels] == ["road", "background"]
    assert (found.kind, found.ignored_share) == ("index", 0.25)


def test_a_palettes_colours_count_where_the_indices_have_no_name(tmp_path):
    image = Image.fromarray(index(0, 1, 1, 1)).convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0])
    found = facts(tmp_path, {"a": encoded(image)}, MaskCode({(0, 0, 0): "sky", (128, 0, 0): "road"}))
    assert [one.name for one in found.class_pixels] == ["road", "sky"]


@pytest.mark.parametrize("code", [MaskCode(), MaskCode({0: "background", 1: "foreground"})])
def test_black_and_white_are_two_classes_and_white_is_no_void(tmp_path, code):
    found = facts(tmp_path, {"a": index(0, 0, 0, 255)}, code)
    assert [(one.name, one.share) for one in found.class_pixels] == [("background", 0.75), ("foreground", 0.25)]
    assert found.ignored_share == 0


def test_soft_edges_of_black_and_white_are_unknown_values(tmp_path):
    soft = np.repeat(index(0, 0, 0, 255), 10, axis=1)
    soft[0, 9] = 77
    found = facts(tmp_path, {"a": soft}, size=(40, 2))
    assert [one.name for one in found.class_pixels] == ["background", "foreground"]
    assert "such as 77 that" in found.unknown_values.examples[0].measured


def test_indices_without_names_are_classes_called_by_their_number(tmp_path):
    found = facts(tmp_path, {"a": index(0, 4, 4, 4)})
    assert [one.name for one in found.class_pixels] == ["4", "0"]
    assert found.unknown_values.images == 0


def test_several_values_may_mean_one_class(tmp_path):
    deep = np.array([[26, 26_001, 26_002, 26_002]] * 2, dtype=np.uint16)
    found = facts(tmp_path, {"a": deep}, MaskCode({26: "car", 26_001: "car", 26_002: "car"}))
    assert found.class_pixels == (ClassPixels(name="car", share=1.0, images=1),)


def test_a_dataset_without_masks_has_facts_too(tmp_path):
    found = facts(tmp_path, {"a": None})
    assert (found.masks, found.imbalance_ratio, found.smallest_class, found.ignored_share) == (0, None, None, None)


def test_one_white_mask_does_not_make_masks_of_indices_black_and_white(tmp_path):
    masks = {str(number): index(0, 0, 0, 1 + number % 2) for number in range(6)}
    found = facts(tmp_path, masks | {"white": index(255, 255, 255, 255)})
    assert {one.name for one in found.class_pixels} == {"0", "1", "2"}
    assert (found.unknown_values.images, found.empty.images) == (0, 1)
