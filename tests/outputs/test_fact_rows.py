import dataclasses
from typing import Any

from cvadvisor.facts import Facts
from cvadvisor.facts.dataset import BoxesFound
from cvadvisor.outputs.fact_rows import Row, subjects
from cvadvisor.outputs.vocabulary import description_of, unit_of
from tests.outputs.datasets import boxes, masks
from tests.samples import dataset_facts, found


def rows(facts: Facts) -> dict[str, Row]:
    return {row.path: row for subject in subjects(facts) for row in subject.rows}


def of(**changes: Any) -> dict[str, Row]:
    return rows(Facts(dataset=dataset_facts(**changes)))


def test_images_of_one_kind_are_one_row() -> None:
    made = of(dark=found(12, of=2400), bright=found())
    assert (made["dataset.dark"].value, made["dataset.dark"].unit) == ("12 images, 0.5 %", None)
    assert made["dataset.bright"].value == "none"
    assert "dataset.dark.images" not in made


def test_one_image_is_one_image() -> None:
    assert of(dark=found(1, of=200))["dataset.dark"].value == "1 image, 0.5 %"


def test_images_that_were_not_looked_for_are_not_known() -> None:
    assert not of(dark=None)["dataset.dark"].is_known


def test_boxes_of_one_kind_are_one_row_of_the_boxes() -> None:
    made = rows(boxes().facts)
    assert made["dataset.box.outside"].value == "9 boxes, 0.18 %"
    assert made["dataset.box.degenerate"].value == "1 box, 0.02 %"
    assert (made["dataset.box.boxes"].value, made["dataset.box.boxes"].unit) == ("4,888", "boxes")


def test_boxes_and_masks_are_subjects_only_where_there_are_any() -> None:
    assert "Masks, where the task is segmentation" in [subject.title for subject in subjects(masks().facts)]
    titles = [subject.title for subject in subjects(Facts(dataset=dataset_facts()))]
    assert not [title for title in titles if title.startswith(("Boxes", "Masks"))]


def test_parts_of_what_was_found_have_their_own_units() -> None:
    assert unit_of("dataset.dark.images") == "images"
    assert unit_of("dataset.dark.share") is None
    assert unit_of("dataset.box.outside.boxes") == "boxes"
    assert unit_of("probe.features.linear_accuracy.low") is None
    assert unit_of("dataset.no.such.fact") is None


def test_a_fact_can_be_described_by_its_path() -> None:
    assert description_of("dataset.box.huge") == "Boxes that cover 95 % of their image or more."
    assert description_of("dataset.dark.share") == "Their share of the readable images."
    assert description_of("dataset.no.such") == ""


def test_a_share_of_all_is_written_out() -> None:
    facts = boxes().facts.dataset
    assert facts is not None
    assert facts.box is not None
    huge = BoxesFound(boxes=4888, share=1.0)
    made = rows(Facts(dataset=dataclasses.replace(facts, box=dataclasses.replace(facts.box, huge=huge))))
    assert made["dataset.box.huge"].value == "4,888 boxes, 100 %"
