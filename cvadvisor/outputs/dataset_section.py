"""What the report's section on the dataset shows: its charts, a few numbers, and the images that stand out."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from cvadvisor.diagnosis import Diagnosis
from cvadvisor.facts import DatasetFacts, Facts
from cvadvisor.facts.dataset import BoxesFound, BoxFacts, Found, MaskFacts
from cvadvisor.facts.groups import GroupCandidate, GroupFacts
from cvadvisor.outputs import dataset_words, leak_table, split_table
from cvadvisor.outputs.class_chart import class_bars, pixel_bars
from cvadvisor.outputs.dataset_words import Rest
from cvadvisor.outputs.examples import Example, examples
from cvadvisor.outputs.figures import counted, number, percent, shown
from cvadvisor.outputs.size_chart import MOST_DOTS, size_scatter
from cvadvisor.outputs.vocabulary import described, description_of, fact_at

_SHOWN = 6
"""Examples of one kind: enough to see what is meant, and a row on a wide page."""

# Where the fact's name does not read as a title.
_TITLES = {
    "dataset.gray_in_colour": "Without colour",
    "dataset.cmyk": "CMYK",
    "dataset.deep": "More than 8 bits",
    "dataset.rotated": "Turned by EXIF",
    "dataset.misnamed": "Another format than named",
    "dataset.bordered": "With a border",
    "dataset.box.outside": "Boxes outside their image",
    "dataset.box.degenerate": "Boxes without area",
    "dataset.box.duplicate": "Repeated boxes",
    "dataset.box.tiny": "Tiny boxes",
    "dataset.box.huge": "Huge boxes",
    "dataset.box.crowded": "Crowded images",
    "dataset.mask.images_without": "No mask",
    "dataset.mask.unreadable": "Unreadable masks",
    "dataset.mask.size_mismatch": "Mask of another size",
    "dataset.mask.unknown_values": "Unknown mask values",
    "dataset.mask.empty": "Empty masks",
    "dataset.mask.lossy": "Masks saved as JPEG",
}


@dataclass(frozen=True)
class Kind:
    """Images or boxes of one kind that stand out."""

    fact: str
    title: str
    measured: str
    """How many there are, and their share."""
    what: str
    codes: tuple[str, ...]
    """The findings that show them."""
    examples: tuple[Example, ...]
    more: int

    @property
    def anchor(self) -> str:
        """The element that shows them."""
        return self.fact.replace(".", "-")

    @property
    def pictured(self) -> bool:
        """Whether there is a picture of any of them."""
        return any(picture.data_uri for one in self.examples for picture in one.pictures)


def section(diagnosis: Diagnosis) -> dict[str, Any]:
    """What the template of the section needs; an empty mapping where no dataset is known."""
    dataset, plan = diagnosis.facts.dataset, diagnosis.facts.plan
    if dataset is None:
        return {}
    kinds = standouts(diagnosis)
    input_px = plan.image_size_px if plan else None
    return {
        "what": dataset_words.what(dataset),
        "rests": [(rest, _rest_examples(diagnosis, rest)) for rest in dataset_words.rests(dataset)],
        "figures": _figures(dataset),
        "class_title": _class_title(dataset),
        "class_chart": _class_chart(dataset),
        "size_chart": size_scatter(dataset.size_counts, input_px),
        "size_note": _size_note(dataset, input_px),
        "splits": split_table.names(dataset),
        "split_rows": split_table.rows(dataset),
        "group_rows": _group_rows(dataset.group),
        "leak_splits": leak_table.splits(dataset.leak),
        "leak_rows": leak_table.rows(dataset.leak),
        "cleaned": leak_table.cleaned(dataset.leak),
        "found": [kind for kind in kinds if kind.codes],
        "milder": [kind for kind in kinds if not kind.codes],
    }


def standouts(diagnosis: Diagnosis) -> list[Kind]:
    """The kinds of which there are any: those that findings show first, in the findings' order."""
    shown_by: dict[str, list[str]] = {}
    for finding in diagnosis.findings:
        if finding.show:
            shown_by.setdefault(finding.show.removesuffix(".examples"), []).append(finding.code)
    order = list(shown_by)
    kinds = [_kind(diagnosis, path, tuple(shown_by.get(path, ()))) for path in found_paths(diagnosis.facts)]
    return sorted(kinds, key=lambda kind: order.index(kind.fact) if kind.codes else len(order))


def found_paths(facts: Facts) -> list[str]:
    """Paths of the facts that count images or boxes of one kind, where there are any."""
    owners = (("dataset", DatasetFacts), ("dataset.mask", MaskFacts), ("dataset.box", BoxFacts))
    paths = [f"{owner}.{name}" for owner, model in owners for name in described(model)]
    return [path for path in paths if _count(fact_at(facts, path))]


def _count(found: Any) -> int:
    if isinstance(found, Found):
        return found.images
    return found.boxes if isinstance(found, BoxesFound) else 0


def _kind(diagnosis: Diagnosis, path: str, codes: tuple[str, ...]) -> Kind:
    found = fact_at(diagnosis.facts, path)
    # Those that can be seen say more than a path does.
    listed = sorted(examples(diagnosis, path), key=lambda one: not any(part.data_uri for part in one.pictures))
    name = path.rpartition(".")[2].replace("_", " ")
    return Kind(
        fact=path,
        title=_TITLES.get(path, name.capitalize()),
        measured=shown(found),
        what=description_of(path),
        codes=codes,
        examples=tuple(listed[:_SHOWN]),
        more=max(0, _count(found) - len(listed[:_SHOWN])),
    )


def _rest_examples(diagnosis: Diagnosis, rest: Rest) -> list[Example]:
    """A few examples, unless a finding lists them."""
    if any(finding.show == rest.examples for finding in diagnosis.findings):
        return []
    return examples(diagnosis, rest.examples)[:_SHOWN]


def _figures(dataset: DatasetFacts) -> list[tuple[str, str]]:
    """A few numbers that picture the dataset, with their names; those that are not known are left out."""
    box, mask = dataset.box, dataset.mask
    across, down = dataset.median_width_px, dataset.median_height_px
    rows: list[tuple[str, str | None]] = [
        ("on disk", shown(dataset.total_bytes, "", "bytes")),
        ("median size", f"{number(across)} × {number(down)} px" if across and down else None),
        ("longer over shorter side", _optional(dataset.median_aspect_ratio)),
        ("equal classes would be as varied", _optional(dataset.effective_classes) if not (box or mask) else None),
        ("labels an image", _optional(dataset.labels_per_image)),
        ("boxes an image, median", _optional(box.median_per_image) if box else None),
        ("of its image, a median box", _optional(box.median_area_share, share=True) if box else None),
        ("of the pixels are void", _optional(mask.ignored_share, share=True) if mask else None),
        ("without colour", _optional(dataset.grayscale_share, share=True)),
        ("groups", _optional(dataset.group.groups) if dataset.group else None),
        ("cameras", _optional(dataset.cameras)),
    ]
    return [(name, value) for name, value in rows if value is not None]


def _group_rows(group: GroupFacts | None) -> list[tuple[GroupCandidate, str]]:
    """Every way to group the images that was looked at, and what was measured on it; the one that is believed first."""

    def measured(one: GroupCandidate) -> str:
        if one.likeness is None or one.likeness_by_chance is None or one.p is None:
            return ""
        return f"{number(one.likeness)}, by chance up to {number(one.likeness_by_chance)}"

    listed = sorted(group.candidates if group else (), key=lambda one: not one.verdict.startswith("believed"))
    return [(one, measured(one)) for one in listed]


def _optional(value: float | None, *, share: bool = False) -> str | None:
    if value is None:
        return None
    return percent(value) if share else shown(value)


def _class_title(dataset: DatasetFacts) -> str:
    if dataset.mask and dataset.mask.class_pixels:
        return "Pixels of each class"
    return "Boxes of each class" if dataset.box else "Images of each class"


def _class_chart(dataset: DatasetFacts) -> Markup:
    if dataset.mask and dataset.mask.class_pixels:
        return pixel_bars(dataset.mask.class_pixels)
    return class_bars(dataset.box.class_boxes, "boxes") if dataset.box else class_bars(dataset.class_sizes)


def _size_note(dataset: DatasetFacts, input_px: int | None) -> str:
    sizes = sorted((size for size in dataset.size_counts if size.images > 0), key=lambda size: -size.images)
    if not sizes:
        return ""
    most = sizes[0]
    share = most.images / sum(size.images for size in sizes)
    about = f"{number(round(most.width_px))} × {number(round(most.height_px))} px"
    sentences = [
        f"The area of a dot is its number of images; the largest stands for {counted(most.images, 'image')}"
        f" ({percent(share)}) of about {about}."
    ]
    if input_px:
        sentences.append(f"What lies within the shaded square is enlarged to the input's {input_px:,} px.")
    if len(sizes) > MOST_DOTS:
        sentences.append(f"{counted(len(sizes) - MOST_DOTS, 'rarer size')} left out.")
    return " ".join(sentences)
