import dataclasses
from typing import Any

import pytest

from cvadvisor.diagnosis import Diagnosis, Thumbnail
from cvadvisor.facts import Facts
from cvadvisor.facts.dataset import BoxesFound, BoxExample, ClassSize, FileProblem, Found, ImageExample, SizeCount
from cvadvisor.facts.groups import GroupCandidate, GroupFacts
from cvadvisor.outputs import html
from cvadvisor.outputs.dataset_section import section, standouts
from tests.outputs.datasets import JPEG, boxes, clothes, images, masks, showing, sizes, untrained
from tests.outputs.test_html import HOSTILE, Page
from tests.samples import IMAGE_FINDINGS, dataset_facts, found


def told(made: Diagnosis) -> str:
    """What the section says."""
    text = Page(html.render(made)).text
    start = text.index(" Dataset ", text.index("besides") if "besides" in text else 0)
    ends = [text.find(end, start) for end in ("What short training measured", "What was not checked")]
    return text[start : min(end for end in ends if end > 0)]


def seen(**changes: Any) -> Diagnosis:
    """A diagnosis of a dataset alone; the first of its kinds has a finding."""
    facts = dataset_facts(**changes)
    kinds = [name for name in IMAGE_FINDINGS if name in changes]
    findings = tuple(showing(f"dataset.{name}", "IMG001", "Some.") for name in kinds[:1])
    return untrained(facts, findings, ())


@pytest.mark.parametrize("made", [clothes(advice=None), boxes(), masks()], ids=["clothes", "boxes", "masks"])
def test_the_section_is_sound_whatever_the_task(made: Diagnosis) -> None:
    page = Page(html.render(made))
    assert (page.open, page.mismatched) == ([], [])
    targets = {attributes.get("id") for _, attributes in page.elements}
    assert {link["href"] for link in page.all("a")} <= {f"#{target}" for target in targets}


def test_it_says_what_the_dataset_is_and_how_it_was_read() -> None:
    text = told(boxes())
    assert "364 images, 4,888 boxes in 3 classes · detection · coco" in text
    assert "Read as coco because train/_annotations.coco.json names 292 of the 292 images beside it." in text
    assert "The category 'cells' has no box and is left out." in text
    assert "1 other reading possible, and not chosen yolo: labels/ would cover 120 of 364 images." in text


def test_a_proposed_validation_split_is_announced() -> None:
    assert "The audit sets aside 44 training images for it" in told(boxes())
    assert "sets aside" not in told(masks())


def test_each_task_counts_its_classes_in_its_own_unit() -> None:
    assert "Images of each class" in told(clothes(advice=None))
    assert "Boxes of each class" in told(boxes())
    assert "Pixels of each class" in told(masks())


def test_the_size_chart_says_what_its_largest_dot_and_its_square_are() -> None:
    text = told(clothes(advice=None))
    assert "images (47 %) of about 300 × 400 px." in text
    assert "What lies within the shaded square is enlarged to the input's 224 px." in text


def test_images_of_a_kind_are_shown_with_what_was_measured_where_they_lie_and_the_finding() -> None:
    text = told(clothes(advice=None))
    assert "Dark 12 images, 0.32 % IMG004" in text
    assert "mean brightness 4 of 255 t-shirt in train train/t-shirt/dark-0000.jpg" in text


def test_at_most_six_of_a_kind_are_shown() -> None:
    page = Page(html.render(clothes(advice=None)))
    assert len([one for one in page.all("img") if "dark" in (one["alt"] or "")]) == 6
    assert "6 more are not shown." in page.text


def test_a_picture_is_in_the_page_once() -> None:
    uris = tuple(Thumbnail(path=one.path, data_uri=f"{JPEG}{i:04}") for i, one in enumerate(clothes().thumbnails))
    source = html.render(clothes(advice=None, thumbnails=uris))
    assert [source.count(one.data_uri) for one in uris] == [1] * len(uris)


def test_the_finding_points_to_the_pictures() -> None:
    page = Page(html.render(clothes(advice=None)))
    assert "#dataset-dark" in [link["href"] for link in page.all("a")]
    assert "Look at some of them under Dataset: Dark, 12 images, 0.32 %" in page.text
    assert "Look at them under Dataset: Damaged, 3 images, 0.08 %" in page.text


def test_without_a_thumbnail_the_path_is_shown() -> None:
    page = Page(html.render(clothes(advice=None, thumbnails=())))
    assert not page.all("img")
    assert "train/t-shirt/dark-0000.jpg" in page.text


def test_examples_with_a_picture_come_first() -> None:
    listed = images("dark", "black", 9)
    made = seen(dark=found(9, examples=listed))
    made = dataclasses.replace(made, thumbnails=(Thumbnail(path=listed[8].path, data_uri=JPEG),))
    assert standouts(made)[0].examples[0].pictures[0].path == listed[8].path


def test_kinds_come_in_the_order_of_their_findings_and_then_of_the_vocabulary() -> None:
    assert [kind.fact for kind in standouts(clothes())] == [
        "dataset.damaged",
        "dataset.dark",
        "dataset.tiny",
        "dataset.overcompressed",
        "dataset.rotated",
    ]


def test_kinds_that_no_finding_shows_are_folded_away() -> None:
    text = told(clothes(advice=None))
    assert "2 more kinds of images that no finding shows Overcompressed 41 images, 1.1 %" in text


def test_a_kind_of_which_there_is_none_is_not_shown() -> None:
    assert "stand out" not in told(seen(dark=found()))


def test_an_image_without_a_class_is_only_in_its_split() -> None:
    one = ImageExample(path="a.jpg", split="train", label="", measured="black")
    assert "black train a.jpg" in told(seen(dark=found(1, examples=(one,))))


def test_every_kind_has_a_title_of_its_own() -> None:
    one = images("x", "x", 1)
    kinds = {name: found(1, examples=one) for name in IMAGE_FINDINGS}
    facts = boxes().facts.dataset
    streets = masks().facts.dataset
    assert facts is not None
    assert facts.box is not None
    assert streets is not None
    assert streets.mask is not None
    some = BoxesFound(boxes=1, share=0.1)
    box = dataclasses.replace(
        facts.box,
        **{
            field.name: some
            for field in dataclasses.fields(facts.box)
            if isinstance(getattr(facts.box, field.name), BoxesFound)
        },
        crowded=found(1),
    )
    mask = dataclasses.replace(
        streets.mask,
        **{
            field.name: found(1)
            for field in dataclasses.fields(streets.mask)
            if isinstance(getattr(streets.mask, field.name), Found)
        },
    )
    titles = [kind.title for kind in standouts(seen(**kinds, box=box, mask=mask))]
    assert len(titles) == len(set(titles)) == len(IMAGE_FINDINGS) + 6 + 6


def test_what_is_not_in_use_is_accounted_for() -> None:
    text = told(clothes(advice=None))
    assert "Left out 3 images that cannot be decoded train/hat/0.jpg it ends early" in text
    assert "4 images without a label, left alone extra/IMG_1.jpg" in text
    assert "4 files skipped train/pipe no regular file 2 other files that hold no image" in text


def test_files_that_a_finding_lists_are_not_listed_twice() -> None:
    problem = FileProblem(path="train/hat/broken.jpg", reason="it ends early")
    made = seen(unreadable_examples=(problem,))
    finding = dataclasses.replace(showing("dataset.x", "DAT020", "One."), show="dataset.unreadable_examples")
    assert html.render(dataclasses.replace(made, findings=(finding,))).count("train/hat/broken.jpg") == 1


def hostile() -> Diagnosis:
    image = ImageExample(path=HOSTILE, split=HOSTILE, label=HOSTILE, measured=HOSTILE)
    box = BoxExample(path=HOSTILE, split=HOSTILE, label=HOSTILE, box=HOSTILE)
    facts = boxes().facts.dataset
    assert facts is not None
    assert facts.box is not None
    return seen(
        dark=found(1, examples=(image,)),
        bright=found(1, examples=(image,)),
        layout=HOSTILE,
        layout_reason=HOSTILE,
        layout_notes=(HOSTILE,),
        layout_alternatives=(HOSTILE,),
        task=HOSTILE,
        group=GroupFacts(
            what=HOSTILE,
            certainty="likely",
            evidence=HOSTILE,
            groups=3,
            candidates=(GroupCandidate(what=HOSTILE, groups=3, images=9, examples=(HOSTILE,), verdict=HOSTILE),),
        ),
        missing_images=1,
        missing_examples=(HOSTILE,),
        skipped_files=1,
        skipped_examples=(FileProblem(path=HOSTILE, reason=HOSTILE),),
        box=dataclasses.replace(facts.box, outside=BoxesFound(boxes=1, share=0.5, examples=(box,))),
    )


def test_no_name_makes_an_element() -> None:
    source = html.render(hostile())
    page = Page(source)
    assert (page.open, page.mismatched) == ([], [])
    assert not page.all("script")
    assert not page.all("img")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "\x1b" not in source


@pytest.mark.parametrize(
    "changes",
    [
        {"readable_images": 0, "images": 0, "classes": 0, "class_sizes": (), "size_counts": (), "train_images": 0},
        {"readable_images": 1, "size_counts": (SizeCount(width_px=1, height_px=100_000, images=1),)},
        {"class_sizes": tuple(ClassSize(name=f"n{i}", train=i, validation=0, test=0) for i in range(1000, 0, -1))},
        {"median_width_px": None, "median_aspect_ratio": None, "effective_classes": None, "grayscale_share": None},
        {"validation_images": None, "test_images": None},
        {"dark": None},
    ],
    ids=["no images", "one long image", "many classes", "little known", "one split", "not looked for"],
)
def test_odd_datasets_render(changes: dict[str, Any]) -> None:
    page = Page(html.render(seen(**changes)))
    assert (page.open, page.mismatched) == ([], [])
    assert not {"nan", "None", "inf"} & set(page.text.split())


def test_an_audit_without_a_dataset_has_no_section() -> None:
    made = untrained(dataset_facts(), (), ())
    assert section(dataclasses.replace(made, facts=Facts())) == {}
    assert 'id="dataset"' not in html.render(dataclasses.replace(made, facts=Facts()))


def test_a_report_with_sixty_pictures_is_light() -> None:
    names = IMAGE_FINDINGS[:10]
    kinds = {name: found(500, examples=images(name, "measured to be so and so", 12)) for name in names}
    facts = dataset_facts(**kinds, size_counts=sizes(600))
    # As heavy as a JPEG of 112 px mostly is.
    picture = JPEG + "A" * 2400
    shown = tuple(Thumbnail(path=one.path, data_uri=picture) for kind in kinds.values() for one in kind.examples[:6])
    findings = tuple(showing(f"dataset.{name}", f"IMG{i:03}", "Some.") for i, name in enumerate(names))
    made = dataclasses.replace(untrained(facts, findings, shown), advice=clothes().advice, curves=clothes().curves)
    source = html.render(made)
    assert source.count("<img ") == 60
    assert len(source.encode()) < 300_000
