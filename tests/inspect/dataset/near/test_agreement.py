import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from cvadvisor.inspect.dataset.near.agreement import (
    SCALES_PX,
    Agreement,
    agreement,
    colour_difference,
    correlation,
    detail,
    in_gray_and_colour,
)
from tests.inspect.dataset.near.scenes import Array, scene

IDENTITY = np.eye(3, dtype=np.float32)
COUNT = 8


def pictures() -> list[Image.Image]:
    return [scene(seed, (256, 256)) for seed in range(COUNT)]


def small(images: list[Image.Image]) -> Array:
    """RGB, uint8 (n, 128, 128, 3)."""
    return np.stack([np.asarray(image.convert("RGB").resize((128, 128), Image.Resampling.BOX)) for image in images])


def maps(one: Array = IDENTITY) -> Array:
    return np.repeat(one[None], COUNT, axis=0)


def compared(first: list[Image.Image], second: list[Image.Image], placed: Array = IDENTITY) -> Agreement:
    return agreement(in_gray_and_colour(small(first))[0], in_gray_and_colour(small(second))[0], maps(placed))


def saved(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def overlaid(image: Image.Image) -> Image.Image:
    image = image.copy()
    ImageDraw.Draw(image).rectangle((0, 40, 256, 90), "white")
    return image


CHANGES = {
    "saved at quality 50": lambda image: saved(image, 50),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "sharpened": lambda image: image.filter(ImageFilter.SHARPEN),
    "half the size": lambda image: image.resize((128, 128), Image.Resampling.BICUBIC),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "gray": lambda image: image.convert("L"),
}


def test_a_picture_agrees_with_itself_at_every_scale():
    found = compared(pictures(), pictures())
    assert found.whole.shape == found.blocks.shape == found.textured.shape == (COUNT, len(SCALES_PX))
    assert found.whole == pytest.approx(1, abs=0.01)
    assert found.blocks.min() > 0.97
    assert found.textured.min() > 30
    assert found.overlap == pytest.approx(1)


def test_at_64_px_there_is_a_scale_less():
    gray = in_gray_and_colour(small(pictures()))[0].reshape(COUNT, 64, 2, 64, 2).mean((2, 4))
    assert agreement(gray, gray, maps()).whole.shape == (COUNT, len(SCALES_PX) - 1)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_agrees_at_every_scale(change):
    changed = [CHANGES[change](image) for image in pictures()]
    found = compared(pictures(), changed)
    assert found.whole.min() > 0.9
    assert found.blocks.min() > 0.93


def test_what_covers_a_fifth_of_a_picture_leaves_most_blocks_agreeing():
    found = compared(pictures(), [overlaid(image) for image in pictures()])
    assert found.blocks.min() > 0.93
    assert found.whole[:, 0].max() < 0.95


def test_other_pictures_do_not_agree():
    found = compared(pictures(), pictures()[1:] + pictures()[:1])
    assert found.whole.max() < 0.4
    assert found.blocks.max() < 0.7


def test_a_picture_that_is_not_aligned_agrees_less():
    shifted = IDENTITY.copy()
    shifted[0, 2] = 3 * 2 / 128  # three pixels
    aligned, off = compared(pictures(), pictures()), compared(pictures(), pictures(), shifted)
    assert (off.whole[:, 0] < 0.8 * aligned.whole[:, 0]).all()


def test_a_part_agrees_where_the_map_lays_it_and_overlap_is_what_both_show():
    inside = np.diag([0.75, 0.75, 1]).astype(np.float32)
    cut = [image.crop((32, 32, 224, 224)) for image in pictures()]
    found = compared(cut, pictures(), inside)
    assert found.whole[:, 1:].min() > 0.95
    assert found.overlap == pytest.approx(1)
    back = compared(pictures(), cut, np.linalg.inv(inside))
    assert back.overlap == pytest.approx(0.75**2, abs=0.02)
    assert back.whole[:, 1:].min() > 0.9


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("level", [0, 128, 255])
def test_where_there_is_no_detail_nothing_is_said(level):
    flat = [Image.new("RGB", (256, 256), (level,) * 3)] * COUNT
    for first, second in ((flat, flat), (flat, pictures()), (pictures(), flat)):
        found = compared(first, second)
        assert found.whole.max() <= 0.05
        assert found.blocks.max() <= 0.05
    assert (compared(flat, flat).whole == -1).all()
    assert (compared(flat, flat).textured == 0).all()


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_pictures_that_do_not_overlap_agree_in_nothing():
    beyond = IDENTITY.copy()
    beyond[0, 2] = 3
    found = compared(pictures(), pictures(), beyond)
    assert (found.overlap == 0).all()
    assert (found.whole == -1).all()


def test_comparing_changes_no_picture():
    gray = in_gray_and_colour(small(pictures()))[0]
    before = gray.copy()
    agreement(gray, gray[::-1].copy(), maps())
    assert (gray == before).all()


def test_correlation_counts_only_what_is_seen():
    first = in_gray_and_colour(small(pictures()))[0]
    second, seen = first.copy(), np.ones_like(first)
    second[:, :40] = 0
    seen[:, :40] = 0
    assert correlation(first, second, seen) == pytest.approx(1, abs=1e-3)
    assert correlation(first, second, np.ones_like(first)).max() < 0.99


def test_detail_is_what_smooth_ground_has_none_of():
    ramp = np.tile(np.linspace(0, 255, 128, dtype=np.float32), (1, 128, 1))
    assert np.abs(detail(ramp))[:, 8:-8, 8:-8].max() < 1
    assert np.abs(detail(in_gray_and_colour(small(pictures()))[0])).mean() > 3


def test_gray_and_colour_are_those_of_jpeg():
    levels = {(255, 0, 0): (76.2, -43.0, 127.5), (0, 255, 0): (149.7, -84.5, -106.8), (90, 90, 90): (90, 0, 0)}
    for colour, expected in levels.items():
        gray, differences = in_gray_and_colour(np.full((1, 128, 128, 3), colour, np.uint8))
        assert gray.shape == (1, 128, 128)
        assert differences.shape == (1, 2, 32, 32)
        assert gray == pytest.approx(expected[0], abs=0.1)
        assert differences[:, 0] == pytest.approx(expected[1], abs=0.1)
        assert differences[:, 1] == pytest.approx(expected[2], abs=0.1)


def colours(first: list[Image.Image], second: list[Image.Image]) -> tuple[Array, Array]:
    return colour_difference(in_gray_and_colour(small(first))[1], in_gray_and_colour(small(second))[1], maps())


def test_a_picture_has_its_own_colours():
    apart, strong = colours(pictures(), pictures())
    assert apart.max() < 0.1
    assert strong.min() > 5


def test_saving_again_hardly_changes_colours():
    apart, strong = colours(pictures(), [saved(image, 70) for image in pictures()])
    assert apart.max() < 2
    assert (apart < 0.2 * strong).all()


def test_brightness_is_no_colour():
    brighter = [image.point(lambda level: level // 2 + 30) for image in pictures()]
    darker = [image.point(lambda level: level // 2) for image in pictures()]
    assert colours(darker, brighter)[0].max() < 0.5


def test_other_hues_and_other_pictures_are_apart():
    def turned(image: Image.Image) -> Image.Image:
        red, green, blue = image.split()
        return Image.merge("RGB", (green, blue, red))

    assert colours(pictures(), [turned(image) for image in pictures()])[0].min() > 4
    assert colours(pictures(), pictures()[1:] + pictures()[:1])[0].min() > 4


def test_of_a_gray_picture_and_a_colourful_one_the_less_colourful_is_gray():
    apart, strong = colours(pictures(), [image.convert("L") for image in pictures()])
    assert strong.max() < 0.1
    assert apart.min() > 4


def test_detail_is_spread_over_a_picture_and_not_over_one_edge():
    edge = np.full((1, 128, 128), 200, np.float32)
    edge[:, 70:] = 40
    noise = np.random.default_rng(0).normal(128, 30, (1, 128, 128)).astype(np.float32)
    of_edge, of_noise = (agreement(one, one, IDENTITY[None]).spread for one in (edge, noise))
    assert (of_edge <= 16).all()
    assert (of_noise >= 48).all()
    assert (of_noise <= 64).all()
