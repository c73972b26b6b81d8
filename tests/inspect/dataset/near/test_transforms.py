"""What a copy is called, whichever of the two pictures was laid over the other."""

import math

import numpy as np
import pytest

from cvadvisor.facts.leaks import CHANGED, SCENE, SIMILAR
from cvadvisor.inspect.dataset.near.transforms import name_transforms
from cvadvisor.inspect.dataset.near.verify import Matches
from tests.inspect.dataset.near.scenes import Array, drawn

SIZES = [(300, 300), (300, 200), (180, 320)]
BLANK = np.zeros((128, 128, 3), np.uint8)
MIRRORED = ((-1, 0), (0, 1))
UPSIDE_DOWN = ((-1, 0), (0, -1))
TURNED_LEFT = ((0, 1), (-1, 0))
"""Where a step to the right and a step down, the columns, lead to in the copy."""
TURNED_RIGHT = ((0, -1), (1, 0))


def match(
    first: int,
    second: int,
    placed: Array,
    tier: str = CHANGED,
    *,
    partly: bool = False,
    recoloured: bool = False,
    brightness: float = 1.0,
) -> Matches:
    """The only match of two pictures."""
    return Matches(
        first=np.array([first]),
        second=np.array([second]),
        maps=placed[None].astype(np.float32),
        tier=[tier],
        score=np.ones(1),
        partly=np.array([partly]),
        recoloured=np.array([recoloured]),
        brightness=np.array([brightness]),
    )


def named(
    pixels: Array, original: tuple[int, int], copy: tuple[int, int], *, swapped: bool, outward: tuple = (0, 0), **looks
):
    """What a copy is called that ``pixels`` (2, 2) makes of an original, about their middles."""
    placed = np.eye(3)
    placed[:2, :2] = np.diag(2 / np.array(copy)) @ np.array(pixels, float) @ np.diag(np.array(original) / 2)
    placed[2, :2] = outward
    pictures = drawn([BLANK, BLANK])
    pictures.sizes[0], pictures.sizes[1] = original, copy
    first, second = (1, 0) if swapped else (0, 1)
    maps = np.linalg.inv(placed) if swapped else placed
    return name_transforms(pictures, match(first, second, maps, **looks))[0]


@pytest.fixture(params=[False, True], ids=["original over copy", "copy over original"])
def swapped(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.eye(2), "saved again"),
        (MIRRORED, "mirrored"),
        (UPSIDE_DOWN, "upside down"),
        (TURNED_LEFT, "turned left"),
        (TURNED_RIGHT, "turned right"),
        (np.array(UPSIDE_DOWN) @ MIRRORED, "mirrored, upside down"),
        (np.array(TURNED_LEFT) @ MIRRORED, "mirrored, turned left"),
        (np.array(TURNED_RIGHT) @ MIRRORED, "mirrored, turned right"),
    ],
)
def test_each_way_to_turn_and_mirror_has_words(size, pixels, words, swapped):
    lies = pixels is not None and np.array(pixels)[0, 1] != 0
    assert named(pixels, size, size[::-1] if lies else size, swapped=swapped) == words


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.7, 0.8, 0.9])
def test_a_part_is_cropped(size, share, swapped):
    cut = (round(size[0] * share), round(size[1] * share))
    assert named(np.eye(2), size, cut, swapped=swapped) == f"cropped to {share:.0%}"


@pytest.mark.parametrize("size", SIZES)
def test_a_part_that_was_enlarged_again_is_cropped(size, swapped):
    assert named(np.eye(2) / 0.8, size, size, swapped=swapped) == "cropped to 80%"


@pytest.mark.parametrize("size", SIZES)
def test_a_border_makes_the_picture_smaller_in_its_frame(size, swapped):
    framed = (round(size[0] * 1.2), round(size[1] * 1.2))
    assert named(np.eye(2), size, framed, swapped=swapped) == "at 83% inside a border or a wider view"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("factor", [0.25, 0.5, 2])
def test_another_size_is_resized(size, factor, swapped):
    other = (round(size[0] * factor), round(size[1] * factor))
    assert named(np.eye(2) * factor, size, other, swapped=swapped) == f"resized to {factor:.0%}"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("degrees", [-5, 5, 10])
def test_a_tilt_is_in_degrees_of_the_picture_not_of_a_square(size, degrees, swapped):
    radians = math.radians(degrees)
    turned = [[math.cos(radians), -math.sin(radians)], [math.sin(radians), math.cos(radians)]]
    assert named(np.array(turned), size, size, swapped=swapped) == f"tilted by {abs(degrees)}°"


@pytest.mark.parametrize("size", SIZES)
def test_one_side_that_was_drawn_out_within_the_frame_is_stretched(size, swapped):
    pixels = np.diag([1.1, 1 / 1.1])
    assert named(pixels, size, size, swapped=swapped) == "stretched"


@pytest.mark.parametrize("size", SIZES)
def test_perspective_is_another_angle(size, swapped):
    assert named(np.eye(2), size, size, swapped=swapped, outward=(0.1, 0)) == "seen at another angle"


@pytest.mark.parametrize("size", SIZES)
def test_combinations_have_words_for_each(size, swapped):
    cut = (round(size[1] * 0.8), round(size[0] * 0.8))
    assert named(np.array(TURNED_LEFT), size, cut, swapped=swapped) == "turned left, cropped to 80%"
    cut = (round(size[0] * 0.8), round(size[1] * 0.8))
    assert named(np.array(MIRRORED), size, cut, swapped=swapped) == "mirrored, cropped to 80%"


def test_little_that_alignment_is_unsure_of_is_not_named(swapped):
    wobble = np.array([[1.01, 0.01], [-0.01, 0.99]])
    assert named(wobble, (300, 200), (300, 200), swapped=swapped) == "saved again"


def test_a_copy_with_something_on_it_says_so(swapped):
    words = named(np.eye(2), (300, 200), (300, 200), swapped=swapped, partly=True)
    assert words == "with something added or covered"


def test_a_copy_in_other_colours_says_so(swapped):
    words = named(np.array(MIRRORED), (300, 200), (300, 200), swapped=swapped, recoloured=True)
    assert words == "mirrored, in other colours"


@pytest.mark.parametrize(("share", "words"), [(1.2, "brighter"), (0.8, "darker"), (1.02, "saved again")])
def test_brightness_is_that_of_the_copy(share, words, swapped):
    brightness = 1 / share if swapped else share
    assert named(np.eye(2), (300, 200), (300, 200), swapped=swapped, brightness=brightness) == words


@pytest.mark.parametrize(("grays", "words"), [((False, True), "in gray"), ((True, False), "in colour")])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_gray_is_a_gray_copy_of_a_colour_image(grays, words, order):
    pictures = drawn([BLANK, BLANK])
    pictures.gray[:] = grays
    assert name_transforms(pictures, match(*order, np.eye(3), recoloured=True)) == [words]


@pytest.mark.parametrize("tier", [SCENE, SIMILAR])
def test_only_the_same_image_is_explained(tier):
    assert name_transforms(drawn([BLANK, BLANK]), match(0, 1, np.eye(3), tier)) == [""]
