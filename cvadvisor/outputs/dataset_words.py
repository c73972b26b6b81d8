"""A dataset in words: what it is, and what became of the files that are no part of it."""

from dataclasses import dataclass

from cvadvisor.facts import DatasetFacts
from cvadvisor.outputs.figures import counted, joined


@dataclass(frozen=True)
class Rest:
    """Files or annotations that are not in use, and why."""

    fact: str
    """Path of the fact that counts them."""
    words: str
    brief: str
    examples: str | None = None
    """Path of the fact that lists the first few."""


def what(dataset: DatasetFacts) -> str:
    """``936 images in 3 classes``; with the boxes, where it has boxes."""
    boxes = f", {counted(dataset.box.boxes, 'box', 'boxes')}" if dataset.box else ""
    return f"{counted(dataset.readable_images, 'image')}{boxes} in {counted(dataset.classes, 'class', 'classes')}"


def splits(dataset: DatasetFacts) -> str:
    """``688 train, 142 validation and 106 test``, and what is set aside where there is no validation split."""
    parts = [f"{dataset.train_images:,} train"]
    if dataset.proposed_validation_images:
        parts[0] += f" (of which {dataset.proposed_validation_images:,} are set aside for validation)"
    for name, count in (("validation", dataset.validation_images), ("test", dataset.test_images)):
        parts += [f"{count:,} {name}"] if count is not None else []
    return joined(parts)


def rests(dataset: DatasetFacts) -> list[Rest]:
    """What was found and is not in use, the most troubling first; what there is none of is left out."""

    def rest(fact: str, noun: str, words: str, brief: str, examples: str | None = None) -> Rest | None:
        count = getattr(dataset, fact)
        listed = f"dataset.{examples}" if examples else None
        return (
            Rest(f"dataset.{fact}", f"{counted(count, noun)} {words}", f"{count:,} {brief}", listed) if count else None
        )

    image, place = "image", "place"
    found = [
        rest("unreadable_images", image, "that cannot be decoded", "unreadable", "unreadable_examples"),
        rest("missing_images", image, "that the labels name and the disk lacks", "missing", "missing_examples"),
        rest("unlabelled_images", image, "without a label, left alone", "unlabelled", "unlabelled_examples"),
        rest(
            "annotation_faults",
            place,
            "in annotations that could not be used",
            "unusable in annotations",
            "annotation_fault_examples",
        ),
        rest("skipped_files", "file", "skipped", "skipped", "skipped_examples"),
        rest("other_files", "other file", "that hold no image", "other"),
    ]
    return [one for one in found if one is not None]


def brief(dataset: DatasetFacts) -> str:
    """The dataset in one line, for a terminal."""
    left = [one.brief for one in rests(dataset) if one.fact != "dataset.other_files"]
    rest = f" Left out: {joined(left)}." if left else ""
    return f"{what(dataset)} ({dataset.task}, {dataset.layout}): {splits(dataset)}.{rest}"
