"""Diagnoses of three datasets to render: clothes with odd images among them, boxes, and masks. All of it made up."""

import dataclasses
import math
from typing import Any

from cvadvisor.diagnosis import Diagnosis, Finding, Thumbnail
from cvadvisor.facts import DatasetFacts, Facts, PlanFacts
from cvadvisor.facts.dataset import (
    BoxesFound,
    BoxExample,
    BoxFacts,
    ClassPixels,
    ClassSize,
    FileProblem,
    Found,
    ImageExample,
    MaskFacts,
    SizeCount,
)
from cvadvisor.facts.groups import GroupCandidate, GroupFacts
from tests.samples import dataset_facts, diagnosis, found

JPEG = "data:image/jpeg;base64,/9j/4AAQ"
CLOTHES = ("t-shirt", "longsleeve", "pants", "shoes", "shirt", "dress", "outwear", "shorts", "skirt", "hat")


def images(kind: str, measured: str, count: int = 12) -> tuple[ImageExample, ...]:
    """Examples of one kind, in all splits and classes in turn."""
    splits = ("train", "validation", "test")
    return tuple(
        ImageExample(
            path=f"{splits[i % 3]}/{CLOTHES[i % 10]}/{kind}-{i:04}.jpg",
            split=splits[i % 3],
            label=CLOTHES[i % 10],
            measured=measured,
        )
        for i in range(count)
    )


def sizes(count: int = 60) -> tuple[SizeCount, ...]:
    """Two sizes that most images have, portrait and landscape, and rarer ones about them."""
    rare = []
    for i in range(count - 2):
        # Around 3:4, spread widely in size and less so in shape.
        side, shape = 1.19 ** (i % 13 - 8), 1.19 ** (i // 13 % 5 - 2)
        images = 1 + round(160 * math.exp(-((i % 13 - 7) ** 2) / 9 - (i // 13 % 5 - 2) ** 2))
        rare.append(SizeCount(width_px=300 * side * shape, height_px=400 * side / shape, images=images))
    common = (
        SizeCount(width_px=300, height_px=400, images=1720),
        SizeCount(width_px=400, height_px=300, images=388),
    )
    return (*common, *rare)


def showing(fact: str, code: str, message: str) -> Finding:
    """A warning that shows the examples of ``fact``."""
    return dataclasses.replace(
        diagnosis().findings[1],
        code=code,
        name=fact.rpartition(".")[2].replace("_", "-"),
        message=message,
        fix="Look at them, and drop those that a person could not name.",
        why="A model learns what it is shown.",
        show=f"{fact}.examples",
        advice=(),
        params={},
    )


def pictures(facts: DatasetFacts, *listed: Found | BoxesFound) -> tuple[Thumbnail, ...]:
    """A thumbnail for the first six examples of each."""
    paths = [example.path for one in listed for example in one.examples[:6]]
    return tuple(Thumbnail(path=path, data_uri=JPEG) for path in dict.fromkeys(paths))


def clothes(**changes: Any) -> Diagnosis:
    """Ten classes in three splits; some images are dark, small, damaged or otherwise odd."""
    trained = (1011, 699, 692, 431, 378, 309, 312, 308, 201, 156)
    dark = found(12, of=3781, examples=images("dark", "mean brightness 4 of 255"))
    damaged = found(3, of=3781, examples=images("damaged", "Corrupt JPEG data: 3 extraneous bytes", 3))
    tiny = found(5, of=3781, examples=images("tiny", "28 × 37 px", 5))
    overcompressed = found(41, of=3781, examples=images("soft", "JPEG quality 22"))
    rotated = found(1, of=3781, examples=images("turned", "EXIF orientation 6", 1))
    facts = dataset_facts(
        layout_reason="train/, validation/ and test/ hold the same 10 folders of images",
        files=3794,
        images=3784,
        readable_images=3781,
        unreadable_images=3,
        unlabelled_images=4,
        other_files=2,
        skipped_files=4,
        total_bytes=112_000_000,
        classes=10,
        class_sizes=tuple(
            ClassSize(name=name, train=count, validation=count // 9, test=count // 9 + 5)
            for name, count in zip(CLOTHES, trained, strict=True)
        ),
        train_images=3068,
        validation_images=341,
        test_images=372,
        effective_classes=8.4,
        group=GroupFacts(
            what="the column 'sender_id'",
            certainty="confirmed",
            evidence="Two images of a group look alike (correlation 0.18).",
            groups=247,
            train_groups=218,
            validation_groups=122,
            test_groups=5,
            shared_validation_images=316,
            shared_validation_share=0.93,
            shared_test_images=0,
            shared_test_share=0.0,
            candidates=(
                GroupCandidate(
                    what="the column 'sender_id'",
                    groups=167,
                    images=3016,
                    examples=("204", "310"),
                    likeness=0.18,
                    likeness_by_chance=0.01,
                    p=0.001,
                    verdict="believed: its images look alike",
                ),
            ),
        ),
        validation_label_shift=0.021,
        validation_label_shift_by_chance=0.066,
        test_label_shift=0.118,
        test_label_shift_by_chance=0.063,
        validation_size_ratio=1.0,
        test_size_ratio=0.94,
        size_counts=sizes(),
        median_width_px=300.0,
        median_height_px=400.0,
        dark=dark,
        damaged=damaged,
        tiny=tiny,
        overcompressed=overcompressed,
        rotated=rotated,
        unlabelled_examples=("extra/IMG_1.jpg", "extra/IMG_2.jpg", "extra/IMG_3.jpg", "preview.png"),
        unreadable_examples=tuple(FileProblem(path=f"train/hat/{i}.jpg", reason="it ends early") for i in range(3)),
        skipped_examples=(FileProblem(path="train/pipe", reason="no regular file"),),
    )
    made = diagnosis()
    findings = (
        *made.findings[:1],
        showing("dataset.damaged", "IMG001", "3 images decode with a complaint: some of their pixels are wrong."),
        showing("dataset.dark", "IMG004", "12 images (0.3 %) are nearly black."),
        showing("dataset.tiny", "IMG009", "5 images have a side under 32 px."),
        *made.findings[1:],
    )
    plan = PlanFacts(task="classification", budget_s=300.0, seed=0, weights="default", probes=True, image_size_px=224)
    changed = {
        "facts": dataclasses.replace(made.facts, dataset=facts, plan=plan),
        "findings": findings,
        "thumbnails": pictures(facts, damaged, dark, tiny),
    }
    return dataclasses.replace(made, **(changed | changes))


def boxes() -> Diagnosis:
    """Blood cells in boxes, without a validation split; no probe and no recipe."""
    examples = tuple(
        BoxExample(
            path=f"images/BloodImage_{i:05}.jpg",
            split="train",
            label=("RBC", "Platelets")[i % 2],
            box=f"left {600 + i}, top 12, 80 × 84 px, of 640 × 480",
        )
        for i in range(9)
    )
    outside = BoxesFound(boxes=9, share=9 / 4888, examples=examples)
    none = BoxesFound(boxes=0, share=0.0)
    box = BoxFacts(
        boxes=4888,
        class_boxes=(
            ClassSize(name="RBC", train=3398, validation=0, test=757),
            ClassSize(name="WBC", train=304, validation=0, test=68),
            ClassSize(name="Platelets", train=289, validation=0, test=72),
        ),
        imbalance_ratio=11.8,
        largest_class="RBC",
        smallest_class="Platelets",
        images_without=1,
        images_without_share=1 / 364,
        median_per_image=13.0,
        most_per_image=30,
        median_area_share=0.033,
        median_side_px=101.0,
        outside=outside,
        degenerate=dataclasses.replace(none, boxes=1, share=1 / 4888, examples=examples[:1]),
        duplicate=none,
        tiny=none,
        huge=none,
        crowded=found(),
    )
    facts = dataset_facts(
        task="detection",
        layout="coco",
        layout_reason="train/_annotations.coco.json names 292 of the 292 images beside it",
        layout_notes=("The category 'cells' has no box and is left out.",),
        layout_alternatives=("yolo: labels/ would cover 120 of 364 images.",),
        images=364,
        readable_images=364,
        unreadable_images=0,
        total_bytes=7_400_000,
        missing_images=2,
        missing_examples=("train/BloodImage_99.jpg", "train/BloodImage_98.jpg"),
        annotation_faults=1,
        annotation_fault_examples=(FileProblem(path="train/_annotations.coco.json", reason="box 17 has 3 numbers"),),
        class_sizes=(
            ClassSize(name="RBC", train=290, validation=0, test=71),
            ClassSize(name="WBC", train=288, validation=0, test=71),
            ClassSize(name="Platelets", train=180, validation=0, test=40),
        ),
        train_images=292,
        validation_images=None,
        test_images=72,
        has_validation_split=False,
        proposed_validation_images=44,
        validation_label_shift=None,
        validation_size_ratio=None,
        validation_colour_shift=None,
        size_counts=(SizeCount(width_px=640, height_px=480, images=364),),
        median_width_px=640.0,
        median_height_px=480.0,
        box=box,
    )
    finding = showing("dataset.box.outside", "BOX001", "9 boxes reach out of their images.")
    return untrained(facts, (finding,), pictures(facts, outside))


def masks() -> Diagnosis:
    """Streets as index masks; no probe and no recipe."""
    names = ("road", "building", "sky", "tree", "car", "pavement", "fence", "column", "pedestrian", "sign", "bicycle")
    unknown = found(7, of=701, examples=images("mask", "value 31 in 0.4 % of the pixels", 7))
    mask = MaskFacts(
        masks=699,
        kind="index",
        class_pixels=tuple(
            ClassPixels(name=name, share=0.36 * 0.62**i, images=max(40, 701 - 60 * i)) for i, name in enumerate(names)
        ),
        imbalance_ratio=119.0,
        smallest_class="bicycle",
        ignored_share=0.034,
        images_without=found(2, of=701, examples=images("lone", "no mask beside it", 2)),
        unreadable=found(),
        size_mismatch=found(),
        unknown_values=unknown,
        empty=found(),
        lossy=found(),
    )
    facts = dataset_facts(
        task="segmentation",
        layout="image and mask folders",
        layout_reason="every file of images/ has one of the same stem in masks/",
        images=701,
        readable_images=701,
        unreadable_images=0,
        mask_files=699,
        total_bytes=590_000_000,
        classes=len(names),
        class_sizes=(),
        train_images=367,
        validation_images=101,
        test_images=233,
        size_counts=(
            SizeCount(width_px=960, height_px=720, images=640),
            SizeCount(width_px=480, height_px=360, images=61),
        ),
        median_width_px=960.0,
        median_height_px=720.0,
        mask=mask,
    )
    finding = showing("dataset.mask.unknown_values", "MSK003", "7 masks hold values that stand for no class.")
    return untrained(facts, (finding,), pictures(facts, unknown))


def untrained(facts: DatasetFacts, findings: tuple[Finding, ...], thumbnails: tuple[Thumbnail, ...]) -> Diagnosis:
    """A diagnosis of a dataset alone: nothing was trained, so there is no recipe."""
    made = diagnosis(facts=Facts(dataset=facts), advice=None, curves=(), findings=findings, thumbnails=thumbnails)
    return dataclasses.replace(made, inputs=dataclasses.replace(made.inputs, model="", data_name=facts.task))
