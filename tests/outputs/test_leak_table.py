import dataclasses

from cvadvisor.facts.leaks import SCENE, SIMILAR, LeakTier
from cvadvisor.outputs import html
from cvadvisor.outputs.leak_table import cleaned, rows, splits
from tests.outputs.datasets import untrained
from tests.outputs.test_html import Page
from tests.samples import dataset_facts, leak_facts


def told(**changes: object) -> str:
    return Page(html.render(untrained(dataset_facts(leak=leak_facts(**changes)), (), ()))).text


def test_each_tier_is_a_row_with_its_counts_and_shares() -> None:
    assert splits(leak_facts()) == ["train", "validation", "test"]
    first, second = rows(leak_facts())
    assert (first.title, first.cells) == (
        "Byte-identical",
        (("2", "", False), ("none", "", False), ("none", "", False)),
    )
    assert second.cells == (("none", "", False), ("1", "0.7 %", True), ("none", "", False))


def test_what_is_merely_similar_is_no_leak() -> None:
    tiers = tuple(
        LeakTier(tier=tier, train_images=0, validation_images=3, validation_share=0.1) for tier in (SCENE, SIMILAR)
    )
    scene, similar = rows(leak_facts(tiers=tiers, test_images=None))
    assert scene.cells[1] == ("3", "10 %", True)
    assert similar.cells[1] == ("3", "10 %", False)


def test_a_dataset_without_held_out_splits_shows_training_alone() -> None:
    assert splits(leak_facts(validation_images=None, test_images=None)) == ["train"]
    assert (splits(None), rows(None), cleaned(None)) == ([], [], None)


def test_the_table_is_in_the_report_and_names_the_list_of_pairs() -> None:
    text = told()
    assert (
        "Same image, transformed saved anew, resized, cropped, mirrored, turned, brightened … none 1 0.7 % none" in text
    )
    assert "leakage.csv beside this report lists every pair" in text
    assert "clean_split.csv" not in text


def test_nothing_is_shown_where_no_image_occurs_twice() -> None:
    assert "lists every pair" not in told(tiers=())
    facts = dataclasses.replace(dataset_facts(), leak=None)
    assert "lists every pair" not in Page(html.render(untrained(facts, (), ()))).text


def test_a_clean_split_is_announced_with_what_it_changes() -> None:
    text = told(clean_moved_images=12, clean_dropped_images=1)
    assert "it moves 12 images and leaves 1 image out" in text


def test_only_a_split_with_labels_is_to_be_audited_as_it_is() -> None:
    assert "--labels clean_split.csv" in told(clean_moved_images=12, clean_dropped_images=1)
    facts = dataset_facts(task="detection", leak=leak_facts(clean_moved_images=12, clean_dropped_images=1))
    text = Page(html.render(untrained(facts, (), ()))).text
    assert "--labels clean_split.csv" not in text
    assert "it lists images, not their boxes" in text
