"""What the shipped rules say of whole datasets, of every task: what is found has a judge, and what is sane no alarm."""

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from cvadvisor.advise.judge import Judgement, judge
from cvadvisor.advise.rules import CompiledRule, compile_rules, load_rules
from cvadvisor.advise.words import MissingFact, fact_words, paths_lookup
from cvadvisor.facts import DatasetFacts, Facts
from cvadvisor.facts.dataset import BoxesFound, BoxFacts, MaskFacts
from cvadvisor.facts.groups import GroupFacts
from tests import samples

RULES = compile_rules(load_rules())
GROUPS = GroupFacts(what="folders", certainty="confirmed", evidence="They look alike.", groups=40)
NO_BOXES = BoxesFound(boxes=0, share=0.0)
BOXES = BoxFacts(
    boxes=5000,
    imbalance_ratio=4.0,
    largest_class="cat",
    smallest_class="dog",
    images_without=50,
    images_without_share=0.05,
    median_per_image=5.0,
    most_per_image=40,
    median_area_share=0.05,
    median_side_px=80.0,
    outside=NO_BOXES,
    degenerate=NO_BOXES,
    duplicate=NO_BOXES,
    tiny=BoxesFound(boxes=10, share=0.002),
    huge=BoxesFound(boxes=10, share=0.002),
    crowded=samples.found(),
)
MASKS = MaskFacts(
    masks=936,
    kind="index",
    imbalance_ratio=200.0,
    smallest_class="pole",
    ignored_share=0.02,
    images_without=samples.found(),
    unreadable=samples.found(),
    size_mismatch=samples.found(),
    unknown_values=samples.found(),
    empty=samples.found(9),
    lossy=samples.found(),
)


def sane(**changes: Any) -> DatasetFacts:
    """A dataset with nothing wrong."""
    clean: dict[str, Any] = {
        "images": 936,
        "unreadable_images": 0,
        "leak": samples.leak_facts(validation_images=0, validation_share=0.0),
        "imbalance_ratio": 3.0,
    }
    return samples.dataset_facts(**(clean | changes))


def boxes(**changes: Any) -> DatasetFacts:
    return sane(task="detection", box=dataclasses.replace(BOXES, **changes))


def masks(**changes: Any) -> DatasetFacts:
    return sane(task="segmentation", mask=dataclasses.replace(MASKS, **changes))


def judged(dataset: DatasetFacts) -> Judgement:
    return judge(RULES, Facts(dataset=dataset))


def codes(dataset: DatasetFacts) -> set[str]:
    """The rules on datasets, boxes and masks that fire."""
    return {item.code for item in judged(dataset).findings if item.code[:3] in ("DAT", "BOX", "MSK")}


def fired(values: Mapping[str, object], *rules: str) -> set[str]:
    """Those of ``rules`` that fire on the facts in ``values`` alone."""
    found = set()
    for compiled in RULES:
        with contextlib.suppress(MissingFact):
            if compiled.rule.code in rules and compiled.fires(paths_lookup(values)):
                found.add(compiled.rule.code)
    return found


@pytest.mark.parametrize("dataset", [sane(), boxes(), masks()], ids=lambda dataset: dataset.task)
def test_a_sane_dataset_raises_no_alarm(dataset: DatasetFacts) -> None:
    assert [item.name for item in judged(dataset).findings if item.severity != "info"] == []


@pytest.mark.parametrize(("dataset", "prefix"), [(boxes(), "BOX"), (masks(), "MSK")], ids=["boxes", "masks"])
def test_boxes_and_masks_are_judged_where_there_are_any(dataset: DatasetFacts, prefix: str) -> None:
    outcomes = [item for item in judged(dataset).outcomes if item.code.startswith(prefix)]
    assert len(outcomes) >= 7
    assert {item.status for item in outcomes} <= {"fired", "passed"}


def test_classification_hears_nothing_of_boxes_and_masks() -> None:
    assert not {item.code for item in judged(sane()).outcomes if item.code[:3] in ("BOX", "MSK")}


@pytest.mark.parametrize("dataset", [boxes(), masks()], ids=["boxes", "masks"])
def test_what_presumes_one_class_an_image_is_not_asked_of_other_tasks(dataset: DatasetFacts) -> None:
    asked = {item.code for item in judged(dataset).outcomes}
    one_class = {"DAT004", "DAT005", "DAT008", "DAT012", "DAT013", "DAT019", "DAT021", "DAT024", "DAT035", "REG001"}
    assert one_class <= {compiled.rule.code for compiled in RULES}
    assert not asked & one_class


def test_a_rule_that_reads_boxes_or_masks_is_for_their_task_and_leaves_the_recipe_alone() -> None:
    tasks = {"dataset.box.": ("detection",), "dataset.mask.": ("segmentation",)}
    for prefix, expected in tasks.items():
        readers = [compiled.rule for compiled in RULES if any(path.startswith(prefix) for path in compiled.reads)]
        assert len(readers) >= 7
        assert {rule.tasks for rule in readers} == {expected}
        assert not any(rule.advice for rule in readers)


def groups() -> list[str]:
    """Every kind of image or box that is counted with examples."""
    return [path.removesuffix(".examples") for path in fact_words() if path.endswith(".examples")]


def readers(path: str) -> list[CompiledRule]:
    return [compiled for compiled in RULES if any(read.startswith(f"{path}.") for read in compiled.reads)]


@pytest.mark.parametrize("path", groups())
def test_every_kind_of_image_and_box_that_stands_out_has_a_rule_that_shows_it(path: str) -> None:
    shown = [compiled.rule.code for compiled in RULES if compiled.rule.show == f"{path}.examples"]
    assert len(shown) == 1
    assert [compiled.rule.code for compiled in readers(path) if compiled.rule.show == f"{path}.examples"] == (
        [] if path == "dataset.extreme_aspect" else shown  # judged by the share of all, shown by the most extreme
    )


def test_a_few_odd_images_among_thousands_are_shown_without_a_finding() -> None:
    few, many = samples.found(3, of=60_000), samples.found(60, of=60_000)
    kinds = ("dark", "bright", "low_contrast", "blurred", "noisy", "overcompressed", "tiny")
    assert codes(sane(**dict.fromkeys(kinds, few))) == codes(sane())
    found = codes(sane(**dict.fromkeys(kinds, many))) - codes(sane())
    assert found == {f"DAT04{number}" for number in range(7)}


def test_one_damaged_image_among_thousands_is_a_finding() -> None:
    assert codes(sane(damaged=samples.found(1, of=60_000))) - codes(sane()) == {"DAT054"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"missing_images": 1}, {"DAT026"}),
        ({"missing_images": 500}, {"DAT063"}),
        ({"unlabelled_images": 40}, set()),
        ({"unlabelled_images": 60}, {"DAT009"}),
        ({"unlabelled_images": 2000}, {"DAT029"}),
        ({"case_twin_count": 1}, {"DAT017"}),
        ({"spelling_twin_count": 1}, {"DAT057"}),
        ({"has_test_split": False}, {"DAT056"}),
        ({"has_validation_split": False, "has_test_split": False, "proposed_validation_images": 130}, {"DAT003"}),
        ({"has_validation_split": False, "proposed_validation_images": 130, "group": GROUPS}, {"DAT003", "DAT039"}),
    ],
)
def test_one_cause_is_one_finding(changes: dict[str, Any], expected: set[str]) -> None:
    assert codes(sane(**changes)) - codes(sane()) == expected


def test_masks_saved_as_jpeg_are_not_reported_again_for_the_values_that_this_makes() -> None:
    lossy = masks(lossy=samples.found(936), unknown_values=samples.found(936))
    assert codes(lossy) - codes(masks()) == {"MSK005"}


def test_long_images_are_reported_once() -> None:
    long = {"dataset.extreme_aspect_share": 0.6, "plan.cropped_share": 0.7}
    assert fired(long, "DAT034", "DAT061") == {"DAT034"}
    assert fired(long | {"dataset.extreme_aspect_share": 0.05}, "DAT034", "DAT061") == {"DAT061"}


@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.5), (0.449, 0.226)], ids=["symmetric", "ImageNet"])
def test_ordinary_photographs_lie_near_either_usual_normalisation(mean: float, std: float) -> None:
    values = {"plan.normalisation_offset": abs(0.47 - mean) / std, "plan.normalisation_scale": 0.27 / std}
    assert fired(values, "DAT060") == set()
