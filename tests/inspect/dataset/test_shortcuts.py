"""Shortcuts are planted in pictures of noise, of which nothing else tells the class."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cvadvisor.advise.judge import judge
from cvadvisor.advise.rules import compile_rules, load_rules
from cvadvisor.facts import Facts
from cvadvisor.facts.shortcuts import ShortcutFacts
from cvadvisor.inspect.dataset import metadata_rows
from cvadvisor.inspect.dataset.inspection import Dataset
from cvadvisor.inspect.dataset.metadata_rows import shares_read
from tests.inspect.dataset.making import encoded, picture

RULES = [one for one in compile_rules(load_rules()) if "dataset.shortcuts" in " ".join(one.reads)]
Inspect = Callable[..., Dataset]
Make = Callable[[Image.Image], tuple[bytes, str]]


def plain(image: Image.Image) -> tuple[bytes, str]:
    return encoded(image, "JPEG", quality=90), ".jpg"


def low_quality(image: Image.Image) -> tuple[bytes, str]:
    return encoded(image, "JPEG", quality=30), ".jpg"


def as_png(image: Image.Image) -> tuple[bytes, str]:
    return encoded(image), ".png"


def with_camera(image: Image.Image) -> tuple[bytes, str]:
    exif = Image.Exif()
    exif[0x0110] = "Camera 7"
    return encoded(image, "JPEG", quality=90, exif=exif), ".jpg"


def with_border(image: Image.Image) -> tuple[bytes, str]:
    framed = Image.new("RGB", image.size)
    framed.paste(image.resize((image.width - 32, image.height)), (16, 0))  # whole blocks of the JPEG
    return plain(framed)


def smaller(image: Image.Image) -> tuple[bytes, str]:
    return plain(image.resize((image.width * 3 // 4, image.height * 3 // 4)))


def wide(image: Image.Image) -> tuple[bytes, str]:
    return plain(image.resize((64, 32)))


def gray(image: Image.Image) -> tuple[bytes, str]:
    return plain(image.convert("L"))


def photos(root: Path, classes: dict[str, Make], *, split: str = "train", each: int = 30, start: int = 0) -> Path:
    """``each`` pictures of every class below ``root``/``split``, upright or not, with names that tell nothing."""
    drawn = random.Random(f"{split}{start}")
    for label, make in classes.items():
        (root / split / label).mkdir(parents=True, exist_ok=True)
        for number in range(start, start + each):
            size = drawn.choice([(64, 48), (48, 64), (64, 64)])
            data, suffix = make(picture(f"{split}/{label}/{number}", size))
            (root / split / label / f"{drawn.randrange(10**9)}{suffix}").write_bytes(data)
    return root


def shortcuts(data: Dataset) -> ShortcutFacts:
    assert data.facts.shortcuts is not None
    return data.facts.shortcuts


def fired(data: Dataset) -> list[str]:
    return [finding.code for finding in judge(RULES, Facts(dataset=data.facts)).findings]


def test_classes_that_were_made_alike_are_no_finding(tmp_path: Path, inspected: Inspect) -> None:
    data = inspected(photos(tmp_path, {"a": plain, "b": plain, "c": plain, "d": plain}))
    assert fired(data) == []
    found = shortcuts(data)
    assert (found.images, found.classes, found.given_away) == (120, 4, ())
    assert found.strongest.chance_share == found.strongest.majority_share == 0.25
    assert found.together.accuracy.low < 0.25 < found.together.accuracy.high + 0.1


@pytest.mark.parametrize(
    ("make", "kind", "value"),
    [
        (low_quality, "compression", "JPEG quality 30"),
        (as_png, "format", "PNG"),
        (with_camera, "camera", "camera Camera 7"),
        (with_border, "border", "a border of 50% to 66% of the area"),
        (smaller, "size", "longer side 48 px"),
        (gray, "colour", "pixels as L"),
    ],
)
def test_a_class_that_was_made_in_another_way_is_named_with_what_gives_it_away(
    tmp_path: Path, inspected: Inspect, make: Make, kind: str, value: str
) -> None:
    data = inspected(photos(tmp_path, {"a": plain, "b": plain, "hat": make, "d": plain}))
    found = shortcuts(data)
    assert fired(data) == ["DAT082"]
    assert found.strongest.name == kind
    assert (found.most_given_away.label, found.most_given_away.kind) == ("hat", kind)
    assert found.most_given_away.value == value
    assert found.most_given_away.class_share > 0.9
    assert found.most_given_away.others_share < 0.1
    assert [one.label for one in found.given_away] == ["hat"]


def test_of_two_classes_both_are_given_away_and_that_is_an_error(tmp_path: Path, inspected: Inspect) -> None:
    data = inspected(photos(tmp_path, {"a": plain, "b": low_quality}))
    assert fired(data) == ["DAT080"]
    assert shortcuts(data).strongest.accuracy.value == 1
    assert shortcuts(data).strongest.majority_share == 0.5
    assert shortcuts(data).strongest.chance_probability < 1e-9


def test_classes_of_two_sources_are_told_apart_in_pairs(tmp_path: Path, inspected: Inspect) -> None:
    data = inspected(photos(tmp_path, {"a": as_png, "b": as_png, "c": plain, "d": plain, "e": plain}))
    assert fired(data) == ["DAT083"]
    assert shortcuts(data).pairs.pairs == 6
    assert shortcuts(data).pairs.share == pytest.approx(0.6)


def test_a_class_that_is_partly_made_in_another_way_is_a_note(tmp_path: Path, inspected: Inspect) -> None:
    photos(tmp_path, {"a": plain, "b": plain, "c": plain}, each=40)
    photos(tmp_path, {"d": as_png}, each=32)
    data = inspected(photos(tmp_path, {"d": plain}, each=8, start=32))
    assert fired(data) == ["DAT084"]


def test_the_shape_of_what_is_shown_is_not_taken_for_its_size(tmp_path: Path, inspected: Inspect) -> None:
    data = inspected(photos(tmp_path, {"a": plain, "b": plain, "c": wide, "d": plain}))
    assert fired(data) == ["DAT088"]
    assert shortcuts(data).most_given_away_by_shape.label == "c"
    size = next(one for one in shortcuts(data).kinds if one.name == "size")
    assert size.closed_share < 0.1


def test_a_shortcut_that_validation_lacks_is_said(tmp_path: Path, inspected: Inspect) -> None:
    classes: dict[str, Make] = {"a": plain, "b": plain, "c": plain, "d": plain}
    photos(tmp_path, classes, split="validation", each=10)
    data = inspected(photos(tmp_path, classes | {"d": low_quality}))
    assert fired(data) == ["DAT085", "DAT082"]
    assert shortcuts(data).most_given_away.validation_told_apart == 0


def test_a_shortcut_that_validation_shares_is_said_to_hold_there(tmp_path: Path, inspected: Inspect) -> None:
    classes: dict[str, Make] = {"a": plain, "b": plain, "c": plain, "d": low_quality}
    photos(tmp_path, classes, split="validation", each=10)
    data = inspected(photos(tmp_path, classes))
    assert fired(data) == ["DAT082"]
    assert shortcuts(data).most_given_away.validation_told_apart == 1


@pytest.mark.parametrize("split", ["train", "test"])
def test_numbers_that_run_through_the_classes_are_a_note(tmp_path: Path, inspected: Inspect, split: str) -> None:
    classes: dict[str, Make] = {"a": plain, "b": plain, "c": plain}
    photos(tmp_path, classes)
    photos(tmp_path, classes, split="test")
    for number, path in enumerate(sorted((tmp_path / split).rglob("*.jpg"))):
        path.rename(path.with_name(f"{number:05}.jpg"))
    data = inspected(tmp_path)
    assert fired(data) == ["DAT087"]
    assert (shortcuts(data).order.name, shortcuts(data).order.split) == ("number", split)


def test_the_time_of_the_last_change_is_not_looked_at(tmp_path: Path, inspected: Inspect) -> None:
    photos(tmp_path, {"a": plain, "b": plain, "c": plain})
    for number, path in enumerate(sorted(tmp_path.rglob("*.jpg"))):
        os.utime(path, (1_000_000 + number * 1_000,) * 2)
    assert fired(inspected(tmp_path)) == []


def test_copies_of_one_picture_do_not_give_their_class_away(tmp_path: Path, inspected: Inspect) -> None:
    photos(tmp_path, {"a": plain, "b": plain, "c": plain})
    for number in range(30):
        (tmp_path / "train" / "a" / f"copy-{number * 7919 % 1000}.jpg").write_bytes(low_quality(picture("one"))[0])
    assert "DAT082" not in fired(inspected(tmp_path))


def test_without_two_classes_of_ten_images_nothing_is_said(tmp_path: Path, inspected: Inspect) -> None:
    photos(tmp_path, {"a": plain}, each=30)
    assert inspected(photos(tmp_path, {"b": as_png}, each=9)).facts.shortcuts is None


def test_a_class_that_few_images_have_is_left_out(tmp_path: Path, inspected: Inspect) -> None:
    photos(tmp_path, {"a": plain, "b": plain})
    assert shortcuts(inspected(photos(tmp_path, {"c": as_png}, each=9))).classes == 2


def test_names_that_are_no_text_are_shown_as_escapes(tmp_path: Path, inspected: Inspect) -> None:
    photos(tmp_path, {"a": plain, "b": plain, "c": as_png, "d": plain})
    try:
        (tmp_path / "train" / "c").rename(tmp_path / "train" / os.fsdecode(b"\xff\x1b"))
    except OSError as error:
        pytest.skip(f"the file system refuses the name: {error}")
    label = shortcuts(inspected(tmp_path)).most_given_away.label
    assert label.isprintable()
    assert "ff" in label


def test_of_many_images_a_sample_is_read(tmp_path: Path, inspected: Inspect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_rows, "MOST_IMAGES", (60, 20, 20))
    photos(tmp_path, {"a": plain}, each=200)
    found = shortcuts(inspected(photos(tmp_path, {"b": low_quality}, each=20)))
    assert 45 <= found.images <= 75
    assert found.strongest.majority_share == pytest.approx(200 / 220)
    assert found.strongest.accuracy.value == 1


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=100), st.integers(1, 10_000))
def test_of_small_classes_more_is_read_and_never_too_much(images: list[int], most: int) -> None:
    counts = np.array(images)
    shares = shares_read(counts, most)
    assert (shares * counts).sum() <= most * (1 + 1e-9)
    assert ((shares >= 0) & (shares <= 1)).all()
    order = np.argsort(counts, kind="stable")
    assert (np.diff(shares[order]) <= 1e-12).all()
    if counts.sum() <= most:
        assert (shares == 1).all()
