"""The search from end to end, on a folder in which some pictures are changed copies of others."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from cvadvisor.facts.leaks import CHANGED, SCENE, SIMILAR
from tests.inspect.dataset.near.folders import Pairs, inspected_pairs, write
from tests.inspect.dataset.near.scenes import cropped, scene

COPIES = 3
STRANGERS = 20


@dataclass(frozen=True)
class Change:
    """How copies are made, and what of that the search can tell."""

    make: Callable[[Image.Image], Image.Image]
    placed: str | None = ""
    """Where the original lies in the copy, in words; None where there are several ways to say it."""
    looks: str = ""
    """What looks otherwise."""
    quality: int = 92


def resized(factor: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.resize([round(side * factor) for side in image.size], Image.Resampling.BICUBIC)


def framed(image: Image.Image) -> Image.Image:
    return ImageOps.expand(image, (image.width // 10, image.height // 10), "white")


def captioned(image: Image.Image) -> Image.Image:
    image = image.copy()
    draw = ImageDraw.Draw(image)
    for letter in range(14):
        left, top = image.width * (0.08 + 0.06 * letter), image.height * 0.7
        box = (left, top, left + image.width * 0.03, top + image.height * 0.09)
        draw.rectangle(box, "white", outline="black", width=2)
    return image


def tilted(image: Image.Image) -> Image.Image:
    return image.rotate(5, Image.Resampling.BICUBIC)


def other_colours(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return Image.merge(
        "RGB", (red.point(lambda level: min(255, level * 1.2)), green, blue.point(lambda level: level * 0.8))
    )


def seen_from_the_side(image: Image.Image) -> Image.Image:
    width, height = image.size
    corners = (0.07 * width, 0.02 * height, 0.03 * width, 0.97 * height, width, 0.93 * height, 0.96 * width, 0)
    return image.transform(image.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)


def turned(method: Image.Transpose) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.transpose(method)


CHANGES: dict[str, Change] = {
    "saved at quality 40": Change(lambda image: image, quality=40),
    "half the size": Change(resized(0.5)),
    "a third larger": Change(resized(4 / 3)),
    "cropped": Change(cropped(0.8), "cropped to 80%"),
    "cropped more": Change(cropped(0.7), "cropped to 70%"),
    "mirrored": Change(ImageOps.mirror, "mirrored"),
    "flipped": Change(ImageOps.flip, "mirrored, upside down"),
    "turned left": Change(turned(Image.Transpose.ROTATE_90), "turned left"),
    "upside down": Change(turned(Image.Transpose.ROTATE_180), "upside down"),
    "turned right": Change(turned(Image.Transpose.ROTATE_270), "turned right"),
    "transposed": Change(turned(Image.Transpose.TRANSPOSE), "mirrored, turned left"),
    "brighter": Change(lambda image: ImageEnhance.Brightness(image).enhance(1.2), looks="brighter"),
    "gray": Change(lambda image: image.convert("L"), looks="in gray"),
    "captioned": Change(captioned, looks="with something added or covered"),
    "framed": Change(framed, "at 83% inside a border or a wider view"),
    "tilted": Change(tilted, "tilted by 5°"),
    "other colours": Change(other_colours, looks="in other colours"),
    "blurred": Change(lambda image: image.filter(ImageFilter.GaussianBlur(2))),
    "from the side": Change(seen_from_the_side, None),
    "cropped and mirrored": Change(lambda image: ImageOps.mirror(cropped(0.8)(image)), "mirrored, cropped to 80%"),
    "turned and brighter": Change(
        lambda image: ImageEnhance.Brightness(image.transpose(Image.Transpose.ROTATE_90)).enhance(1.2),
        "turned left",
        "brighter",
    ),
    "half the size at quality 50": Change(resized(0.5), quality=50),
}
LOOKS = {"brighter", "darker", "in gray", "in colour", "in other colours", "with something added or covered"}


def original(change: str, number: int) -> str:
    seed = list(CHANGES).index(change) * COPIES + number
    return f"train/{'ab'[seed % 2]}/{seed:03}.jpg"


def copy(change: str, number: int) -> str:
    return f"{('val', 'test', 'val')[number]}/{'ba'[number % 2]}/{change} {number}.jpg"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    root = tmp_path_factory.mktemp("changed")
    shapes = [(240, 180), (180, 240), (210, 210)]
    for seed in range(len(CHANGES) * COPIES):
        change, number = list(CHANGES)[seed // COPIES], seed % COPIES
        write(root, original(change, number), scene(seed, shapes[number]))
        with Image.open(root / original(change, number)) as image:
            write(root, copy(change, number), CHANGES[change].make(image), CHANGES[change].quality)
    for seed in range(3 * STRANGERS):
        place = ("train/a", "val/b", "test/a")[seed % 3]
        write(root, f"{place}/stranger {seed}.jpg", scene(1_000 + seed, shapes[seed // 3 % 3]))
    return inspected_pairs(root)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_in_every_other_split(found, change):
    for number in range(COPIES):
        pair = found.get((original(change, number), copy(change, number)))
        assert pair is not None, number
        assert pair.tier == CHANGED, number


def words(found: Pairs, change: str) -> list[list[str]]:
    """What each copy is called."""
    return [found[original(change, number), copy(change, number)].transform.split(", ") for number in range(COPIES)]


@pytest.mark.parametrize("change", [change for change in CHANGES if CHANGES[change].placed])
def test_where_the_original_lies_in_the_copy_is_said(found, change):
    for said in words(found, change):
        assert ", ".join(word for word in said if word not in LOOKS) == CHANGES[change].placed


@pytest.mark.parametrize("change", [change for change in CHANGES if CHANGES[change].placed == ""])
def test_a_copy_that_was_only_edited_is_not_said_to_lie_otherwise(found, change):
    for said in words(found, change):
        assert all(word == "saved again" or word.startswith("resized") for word in said if word not in LOOKS)


def test_a_copy_of_another_size_says_which(found):
    assert words(found, "half the size") == [["resized to 50%"]] * COPIES
    assert words(found, "a third larger") == [["resized to 133%"]] * COPIES


@pytest.mark.parametrize("change", CHANGES)
def test_what_looks_otherwise_is_said_of_copies_that_do(found, change):
    for said in words(found, change):
        for look in ("brighter", "darker", "in gray", "in colour"):
            assert (look in said) == (look == CHANGES[change].looks)
        assert not CHANGES[change].looks or CHANGES[change].looks in said


def test_perspective_is_named_as_what_is_left_out_or_as_another_angle(found):
    for said in words(found, "from the side"):
        assert "seen at another angle" in said or said[0].startswith("cropped to 9")


def test_other_pictures_are_not_the_same_image_or_scene(found):
    known = {(original(change, number), copy(change, number)) for change in CHANGES for number in range(COPIES)}
    assert {pair for pair, what in found.items() if what.tier in (CHANGED, SCENE)} == known


def test_scores_are_shares_and_only_the_same_image_has_words(found):
    assert all(0 <= what.score <= 1 for what in found.values())
    assert all(bool(what.transform) == (what.tier == CHANGED) for what in found.values())
    assert {what.tier for what in found.values()} <= {CHANGED, SCENE, SIMILAR}
