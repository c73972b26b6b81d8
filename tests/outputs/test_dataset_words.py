import dataclasses

from cvadvisor.outputs.dataset_words import brief, rests
from tests.outputs.datasets import boxes, clothes, masks
from tests.samples import dataset_facts


def test_one_line_says_task_layout_images_classes_and_splits() -> None:
    facts = dataset_facts(unreadable_images=0)
    line = "936 images in 3 classes (classification, class folders): 688 train, 142 validation and 106 test."
    assert brief(facts) == line


def test_the_line_names_what_is_not_in_use() -> None:
    facts = dataset_facts(missing_images=1200, unlabelled_images=2, skipped_files=3, annotation_faults=1)
    left = "1 unreadable, 1,200 missing, 2 unlabelled, 1 unusable in annotations and 3 skipped"
    assert brief(facts).endswith(f" and 106 test. Left out: {left}.")


def test_the_line_names_the_validation_split_that_is_proposed() -> None:
    facts = boxes().facts.dataset
    assert facts is not None
    assert "364 images, 4,888 boxes in 3 classes (detection, coco): 292 train (of which 44 are set aside for" in brief(
        facts
    )


def test_a_dataset_of_one_split_has_one() -> None:
    facts = dataset_facts(validation_images=None, test_images=None, unreadable_images=0)
    assert brief(facts).endswith("(classification, class folders): 688 train.")


def test_counts_agree_with_their_nouns() -> None:
    facts = dataset_facts(readable_images=1, classes=1, missing_images=1, other_files=0)
    assert brief(facts).startswith("1 image in 1 class (")
    words = [rest.words for rest in rests(facts)]
    assert words == ["1 image that cannot be decoded", "1 image that the labels name and the disk lacks"]


def test_where_all_is_in_use_nothing_is_left() -> None:
    facts = masks().facts.dataset
    assert facts is not None
    assert rests(dataclasses.replace(facts, other_files=0)) == []


def test_examples_are_named_by_the_fact_that_lists_them() -> None:
    facts = clothes().facts.dataset
    assert facts is not None
    listed = {rest.fact: rest.examples for rest in rests(facts)}
    assert listed["dataset.skipped_files"] == "dataset.skipped_examples"
    assert listed["dataset.other_files"] is None
