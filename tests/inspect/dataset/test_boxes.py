from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvadvisor.facts.dataset import BoxFacts, ClassSize
from cvadvisor.inspect.dataset.boxes import box_facts
from cvadvisor.inspect.dataset.layouts.reading import Box, Sample, Split
from tests.inspect.dataset.looks import looked_at, reading
from tests.inspect.dataset.making import make


def facts(root: Path, *boxes: Box, size: tuple[int, int] = (200, 100)) -> BoxFacts:
    """The facts of one image with these boxes."""
    make(root, ["a.png"])
    read = reading([Sample("a.png", boxes=boxes)], "detection")
    with looked_at(root, read, {"a.png": size}) as store:
        return box_facts(store)


def many(
    root: Path, samples: dict[str, tuple[Split, list[Box]]], sizes: dict[str, tuple[int, int]] | None = None
) -> Any:
    make(root, list(samples))
    read = reading([Sample(path, split, boxes=tuple(boxes)) for path, (split, boxes) in samples.items()], "detection")
    with looked_at(root, read, sizes or dict.fromkeys(samples, (200, 100))) as store:
        return box_facts(store)


def test_a_sound_box_is_of_no_kind(tmp_path):
    found = facts(tmp_path, Box("cat", 10, 10, 50, 50))
    assert found.boxes == 1
    assert [getattr(found, k).boxes for k in ("outside", "degenerate", "duplicate", "tiny", "huge")] == [0] * 5
    assert found.median_area_share == 0.125
    assert found.median_side_px == 50


def test_a_box_far_outside_is_found_with_its_place(tmp_path):
    found = facts(tmp_path, Box("cat", 180, 10, 50, 50)).outside
    assert (found.boxes, found.share) == (1, 1.0)
    assert found.examples[0].box == "180, 10, 50 x 50 px in 200 x 100 px"
    assert (found.examples[0].path, found.examples[0].label) == ("a.png", "cat")


@pytest.mark.parametrize(
    ("box", "outside"),
    [
        (Box("cat", 150, 0, 52, 10), 0),  # a hundredth of 200 px
        (Box("cat", 150, 0, 52.1, 10), 1),
        (Box("cat", 0, 90, 10, 11), 0),  # a pixel
        (Box("cat", 0, 90, 10, 11.1), 1),
        (Box("cat", -2.1, 0, 10, 10), 1),
        (Box("cat", 0.9, 0.5, 0.210001, 0.5, relative=True), 1),
        (Box("cat", 0.9, 0.5, 0.100001, 0.5, relative=True), 0),
    ],
)
def test_rounding_leads_no_box_outside(tmp_path, box, outside):
    assert facts(tmp_path, box).outside.boxes == outside


@pytest.mark.parametrize(
    ("box", "degenerate"),
    [
        (Box("cat", 10, 10, 0, 50), 1),
        (Box("cat", 10, 10, 50, -5), 1),
        (Box("cat", 10, 10, 0.9, 50), 1),
        (Box("cat", 10, 10, 1, 50), 0),
        (Box("cat", 0.1, 0.1, 0.004999, 0.5, relative=True), 0),  # a pixel, written with six decimals
    ],
)
def test_a_box_without_area_is_degenerate(tmp_path, box, degenerate):
    found = facts(tmp_path, box)
    assert found.degenerate.boxes == degenerate
    assert found.duplicate.boxes == 0


def test_the_same_box_twice_is_a_duplicate_of_its_class_alone(tmp_path):
    one = Box("cat", 10, 10, 50, 50)
    assert facts(tmp_path, one, one, one).duplicate.boxes == 2
    assert facts(tmp_path, one, Box("dog", 10, 10, 50, 50)).duplicate.boxes == 0
    assert facts(tmp_path, one, Box("cat", 11, 10, 50, 50)).duplicate.boxes == 1
    assert facts(tmp_path, one, Box("cat", 12, 10, 50, 50)).duplicate.boxes == 0


def test_a_box_in_two_images_is_no_duplicate(tmp_path):
    box = Box("cat", 10, 10, 50, 50)
    assert many(tmp_path, {"a.png": ("train", [box]), "b.png": ("train", [box])}).duplicate.boxes == 0


def test_tiny_boxes_are_those_under_a_hundredth_of_the_side_or_4_px(tmp_path):
    assert facts(tmp_path, Box("cat", 1, 1, 3, 3.9)).tiny.boxes == 1
    assert facts(tmp_path, Box("cat", 1, 1, 3, 4)).tiny.boxes == 0
    assert facts(tmp_path, Box("cat", 1, 1, 9, 9), size=(1_000, 500)).tiny.boxes == 1


def test_huge_boxes_are_those_that_cover_the_image(tmp_path):
    assert facts(tmp_path, Box("cat", 0, 0, 200, 95)).huge.boxes == 1
    assert facts(tmp_path, Box("cat", 0, 0, 200, 94)).huge.boxes == 0
    assert facts(tmp_path, Box("cat", -50, -50, 100, 100)).huge.boxes == 0


def test_boxes_of_unreadable_images_are_counted_and_not_judged(tmp_path):
    samples = {"a.png": ("train", [Box("cat", 900, 900, 0, 0)]), "b.png": ("train", [])}
    found = many(tmp_path, samples, {"a.png": (0, 0), "b.png": (200, 100)})
    assert (found.boxes, found.outside.boxes, found.degenerate.boxes) == (1, 0, 0)
    assert (found.images_without, found.images_without_share) == (1, 1.0)
    assert found.median_area_share is None


def test_classes_are_counted_by_split_largest_first(tmp_path):
    cat, dog = Box("cat", 1, 1, 20, 20), Box("dog", 50, 50, 20, 20)
    found = many(tmp_path, {"a.png": ("train", [cat, dog, dog]), "b.png": ("validation", [cat]), "c.png": ("test", [])})
    assert found.class_boxes == (
        ClassSize(name="dog", train=2, validation=0, test=0),
        ClassSize(name="cat", train=1, validation=1, test=0),
    )
    assert (found.imbalance_ratio, found.largest_class, found.smallest_class) == (2.0, "dog", "cat")
    assert (found.median_per_image, found.most_per_image, found.images_without) == (2.0, 3, 1)


def test_crowded_images_are_shown_with_their_number_of_boxes(tmp_path):
    boxes = [Box("cat" if i % 3 else "dog", i % 20 * 10, i // 20 * 10, 9, 9) for i in range(101)]
    found = facts(tmp_path, *boxes).crowded
    assert (found.images, found.share) == (1, 1.0)
    assert (found.examples[0].measured, found.examples[0].label) == ("101 boxes", "cat, dog")
    assert facts(tmp_path, *boxes[:100]).crowded.images == 0


def test_examples_are_the_most_extreme_and_at_most_a_dozen(tmp_path):
    found = facts(tmp_path, *(Box("cat", 150 + i, 10, 60, 5 + i) for i in range(30))).outside
    assert found.boxes == 30
    assert len(found.examples) == 12
    assert found.examples[0].box.startswith("179, ")


def test_a_dataset_without_boxes_has_facts_too(tmp_path):
    found = facts(tmp_path)
    assert (found.boxes, found.most_per_image, found.imbalance_ratio) == (0, None, None)


def test_names_that_are_no_text_are_shown_as_escapes(tmp_path):
    found = facts(tmp_path, Box("c\udcff", -50, 0, 60, 60))
    assert found.class_boxes[0].name == "c\\xff"
    assert found.outside.examples[0].label == "c\\xff"


def brute_force(boxes: list[Box]) -> int:
    """Boxes that repeat one that was kept before them."""
    kept: list[Box] = []
    for box in boxes:
        for other in kept:
            across = min(box.x + box.width, other.x + other.width) - max(box.x, other.x)
            down = min(box.y + box.height, other.y + other.height) - max(box.y, other.y)
            shared = max(across, 0) * max(down, 0)
            if shared >= 0.95 * (box.width * box.height + other.width * other.height - shared):
                break
        else:
            kept.append(box)
    return len(boxes) - len(kept)


NEAR = st.builds(Box, st.just("cat"), *(st.integers(20, 26).map(float) for _ in range(2)), *[st.integers(40, 42)] * 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(boxes=st.lists(NEAR, max_size=12))
def test_duplicates_are_those_that_comparing_all_pairs_finds(tmp_path, boxes):
    assert facts(tmp_path, *boxes).duplicate.boxes == brute_force(boxes)


def test_many_boxes_in_one_image_are_compared_with_their_neighbours_alone(tmp_path):
    boxes = [Box("cat", 10, y / 10, 50, 5) for y in range(5_000)]
    assert facts(tmp_path, *boxes, size=(1_000, 1_000)).boxes == 5_000
