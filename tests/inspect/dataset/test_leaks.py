"""What the facts make of pairs: families, leaks, scenes, repeats and conflicts."""

import pytest

from cvadvisor.inspect.dataset.families import THROUGH_ANOTHER
from cvadvisor.inspect.dataset.leaks import MOST_EXAMPLES
from cvadvisor.inspect.dataset.store import to_text
from tests.inspect.dataset.leaking import CHANGED, SCENE, SIMILAR, copy, found_near
from tests.inspect.dataset.making import make

BASE = [f"{split}/{label}/{n}.png" for split in ("train", "val", "test") for label in ("cat", "dog") for n in range(4)]


@pytest.fixture
def leak(tmp_path, inspected, monkeypatch):
    """The facts of the small dataset with these copies, where the search finds these pairs."""

    def facts(*pairs, copies=()):
        root = make(tmp_path, BASE)
        for source, target in copies:
            copy(root, source, target)
        found_near(monkeypatch, *pairs)
        return inspected(root).facts.leak

    return facts


def shown(pairs):
    return [(pair.path_a, pair.path_b, pair.tier, pair.transform) for pair in pairs]


def test_a_transformed_training_image_in_validation_is_a_leak(leak):
    found = leak(("train/cat/1.png", "val/cat/1.png", CHANGED, "mirrored", 0.97))
    assert (found.validation_images, found.test_images, found.validation_share) == (1, 0, pytest.approx(1 / 8))
    assert found.validation_kinds == "1 as a changed copy"
    (pair,) = found.validation_pairs
    assert (pair.path_a, pair.path_b, pair.tier, pair.transform, pair.score) == (
        *("train/cat/1.png", "val/cat/1.png", CHANGED, "mirrored", 0.97),
    )


def test_a_pair_of_originals_holds_for_all_their_copies(leak):
    copies = [("val/cat/1.png", f"val/cat/copy{n}.png") for n in range(3)]
    found = leak(("train/cat/1.png", "val/cat/1.png", CHANGED, "mirrored"), copies=copies)
    assert found.validation_images == 4
    assert {(pair.path_a, pair.transform) for pair in found.validation_pairs} == {("train/cat/1.png", "mirrored")}


def test_a_copy_of_a_training_image_is_an_exact_leak_although_it_looks_like_another(leak):
    found = leak(
        ("train/cat/1.png", "train/cat/2.png", CHANGED, "cropped"), copies=[("train/cat/2.png", "val/cat/a.png")]
    )
    assert shown(found.validation_pairs) == [("train/cat/2.png", "val/cat/a.png", "byte-identical", "")]


def test_a_chain_through_a_third_file_is_a_leak(leak):
    found = leak(
        ("train/cat/1.png", "test/cat/1.png", CHANGED, "mirrored", 0.9),
        ("val/cat/1.png", "test/cat/1.png", CHANGED, "cropped", 0.8),
    )
    assert (found.validation_images, found.test_images) == (1, 1)
    assert shown(found.validation_pairs) == [("train/cat/1.png", "val/cat/1.png", CHANGED, THROUGH_ANOTHER)]
    assert found.validation_pairs[0].score == 0.8
    assert shown(found.test_pairs) == [("train/cat/1.png", "test/cat/1.png", CHANGED, "mirrored")]


def test_a_test_image_stands_beside_training_rather_than_validation(leak):
    found = leak(
        ("train/cat/1.png", "test/cat/1.png", CHANGED, "gray", 0.7), copies=[("test/cat/1.png", "val/cat/copy.png")]
    )
    assert shown(found.test_pairs) == [("train/cat/1.png", "test/cat/1.png", CHANGED, THROUGH_ANOTHER)]
    assert (found.validation_images, found.test_images) == (1, 1)


def test_the_likest_of_several_training_images_is_the_source(leak):
    found = leak(
        ("train/cat/1.png", "val/cat/1.png", CHANGED, "cropped", 0.7),
        ("train/cat/2.png", "val/cat/1.png", CHANGED, "mirrored", 0.9),
    )
    assert shown(found.validation_pairs) == [("train/cat/2.png", "val/cat/1.png", CHANGED, "mirrored")]


def test_the_same_scene_is_no_leak_and_counts_by_itself(leak):
    found = leak(("train/cat/1.png", "val/cat/1.png", SCENE), ("train/cat/2.png", "val/cat/2.png", CHANGED))
    assert (found.validation_images, found.scene_validation_images) == (1, 1)
    assert shown(found.validation_scenes) == [("train/cat/1.png", "val/cat/1.png", SCENE, "")]


def test_a_leaked_image_is_not_counted_again_for_its_scene(leak):
    found = leak(("train/cat/1.png", "val/cat/1.png", CHANGED), ("train/cat/2.png", "val/cat/1.png", SCENE))
    assert (found.validation_images, found.scene_validation_images) == (1, 0)


def test_a_scene_is_shared_by_every_copy_of_its_images(leak):
    copies = [("val/cat/1.png", "val/cat/copy.png"), ("train/cat/1.png", "train/cat/copy.png")]
    found = leak(("train/cat/1.png", "val/cat/1.png", SCENE), copies=copies)
    assert found.scene_validation_images == 2


def test_a_scene_reaches_training_through_a_copy_of_its_other_image(leak):
    found = leak(("train/cat/1.png", "test/dog/1.png", CHANGED), ("val/cat/1.png", "test/dog/1.png", SCENE))
    assert (found.test_images, found.scene_validation_images) == (1, 1)
    assert shown(found.validation_scenes)[0][:2] == ("train/cat/1.png", "val/cat/1.png")


def test_merely_similar_images_only_count_as_such(leak):
    found = leak(("train/cat/1.png", "val/cat/1.png", SIMILAR), ("train/dog/1.png", "train/dog/2.png", SIMILAR))
    assert (found.validation_images, found.scene_validation_images, found.repeated_train_images) == (0, 0, 0)
    assert [(tier.tier, tier.train_images, tier.validation_images) for tier in found.tiers] == [(SIMILAR, 1, 1)]
    assert found.clean_moved_images is None


def test_tiers_count_each_image_once_in_the_surest(leak):
    copies = [("train/cat/1.png", "val/cat/a.png"), ("train/cat/1.png", "train/cat/b.png")]
    found = leak(
        ("train/cat/1.png", "train/cat/2.png", CHANGED),
        ("train/cat/2.png", "val/cat/2.png", CHANGED),
        ("train/cat/1.png", "train/cat/3.png", SCENE),
        copies=copies,
    )
    assert [(one.tier, one.train_images, one.validation_images, one.test_images) for one in found.tiers] == [
        ("byte-identical", 1, 1, 0),
        (CHANGED, 1, 1, 0),
        (SCENE, 1, 0, 0),
    ]
    assert found.repeated_train_images == 2
    assert found.validation_kinds == "1 byte for byte, 1 as a changed copy"


def test_a_transformed_copy_under_another_class_is_a_conflict_and_no_repeat(leak):
    found = leak(("train/cat/1.png", "train/dog/1.png", CHANGED, "gray"))
    assert (found.conflicting_images, found.repeated_train_images) == (1, 0)
    assert shown(found.conflicts) == [("train/cat/1.png", "train/dog/1.png", CHANGED, "gray")]
    assert found.repeats == ()


def test_one_image_with_many_contradicting_copies_is_one_conflict(leak):
    found = leak(
        ("train/cat/1.png", "train/dog/1.png", CHANGED), copies=[("train/dog/1.png", f"val/cat/{n}.png") for n in "abc"]
    )
    assert (found.conflicting_images, len(found.conflicts)) == (1, 1)


def test_repeats_are_shown_within_a_class(leak):
    found = leak(("train/cat/1.png", "train/cat/2.png", CHANGED, "cropped"))
    assert shown(found.repeats) == [("train/cat/1.png", "train/cat/2.png", CHANGED, "cropped")]


def test_some_of_each_tier_are_shown(leak):
    copies = [("train/cat/1.png", f"val/cat/c{n:02}.png") for n in range(20)]
    found = leak(("train/dog/1.png", "val/dog/1.png", CHANGED), copies=copies)
    tiers = [pair.tier for pair in found.validation_pairs]
    assert tiers == ["byte-identical"] * (MOST_EXAMPLES - 1) + [CHANGED]


def test_held_out_files_of_a_training_image_are_listed_for_probes(tmp_path, inspected, monkeypatch):
    root = make(tmp_path, BASE)
    copy(root, "train/cat/1.png", "val/cat/a.png")
    copy(root, "val/dog/1.png", "test/dog/a.png")
    found_near(
        monkeypatch,
        ("train/cat/2.png", "test/cat/1.png", CHANGED),
        ("train/dog/1.png", "val/dog/2.png", SCENE),
    )
    store = inspected(root).files.store
    query = (
        "SELECT one.path, source.path FROM temp.leaked JOIN temp.file AS one ON one.id = leaked.file "
        "JOIN temp.file AS source ON source.id = leaked.source ORDER BY 1"
    )
    assert [(to_text(file), to_text(source)) for file, source in store.rows(query)] == [
        ("test/cat/1.png", "train/cat/2.png"),
        ("val/cat/a.png", "train/cat/1.png"),
    ]
