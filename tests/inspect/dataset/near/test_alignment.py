"""Pictures are sampled from one smooth function, so that the map between them is known exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.near.alignment import follow_affine, follow_homography, halve, lay_over, smooth
from tests.inspect.dataset.near.scenes import Array

SIDE = 64
PAIRS = 40


def points(side: int = SIDE) -> Array:
    """Homogeneous coordinates (3, side * side) of the pixels' middles, from -1 to 1, row by row."""
    line = (np.arange(side) + 0.5) / side * 2 - 1
    y, x = np.meshgrid(line, line, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), np.ones(side * side)])


def texture(seed: int, places: Array) -> Array:
    """Gray levels of a smooth picture without end at homogeneous ``places`` (3, side * side)."""
    rng = np.random.default_rng(seed)
    x, y = places[:2] / places[2]
    waves = rng.uniform(-8, 8, (24, 2))
    phases = rng.uniform(0, 2 * np.pi, 24)
    levels = np.sin(waves @ np.stack([x, y]) + phases[:, None]).sum(0)
    side = int(len(levels) ** 0.5)
    return (128 + 12 * levels).reshape(side, side).astype(np.float32)


def pairs(maps: Array, side: int = SIDE) -> tuple[Array, Array]:
    """Pictures of which each of ``maps`` lays the first over the second."""
    first = np.stack([texture(seed, one @ points(side)) for seed, one in enumerate(maps)])
    return first, np.stack([texture(seed, points(side)) for seed in range(len(maps))])


def near_identity(perspective: bool, scale: float = 1.0) -> Array:
    """Maps that move corners by up to about a tenth of the side."""
    rng = np.random.default_rng(1)
    maps = np.repeat(np.eye(3)[None], PAIRS, axis=0)
    maps[:, :2] += rng.uniform(-0.05, 0.05, (PAIRS, 2, 3)) * scale
    if perspective:
        maps[:, 2, :2] += rng.uniform(-0.06, 0.06, (PAIRS, 2)) * scale
    return maps


def start(count: int = PAIRS) -> Array:
    return np.repeat(np.eye(3, dtype=np.float32)[None], count, axis=0)


def corners_apart_px(found: Array, known: Array, side: int = SIDE) -> Array:
    """How far the corners of each picture are from where they belong, at most."""
    corners = np.array([[-1, 1, 1, -1], [-1, -1, 1, 1], [1, 1, 1, 1]], float)
    places = [maps.astype(float) @ corners for maps in (found, known)]
    one, other = (place[:, :2] / place[:, 2:] for place in places)
    return np.linalg.norm(one - other, axis=1).max(1) * side / 2


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.6, 40.0), (1.4, -60.0)])
def test_an_affine_map_is_found_to_a_fraction_of_a_pixel_whatever_the_brightness(gain, offset):
    maps = near_identity(perspective=False)
    first, second = pairs(maps)
    found = follow_affine(first, second * np.float32(gain) + np.float32(offset), start(), 12)
    assert corners_apart_px(start(), maps).min() > 1
    assert corners_apart_px(found, maps).max() < 0.25


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.6, 40.0)])
def test_a_map_with_perspective_is_found_to_a_fraction_of_a_pixel(gain, offset):
    maps = near_identity(perspective=True)
    first, second = pairs(maps)
    found = follow_homography(first, second * np.float32(gain) + np.float32(offset), start(), 16)
    assert corners_apart_px(start(), maps).min() > 1
    assert np.median(corners_apart_px(found, maps)) < 0.25
    assert np.mean(corners_apart_px(found, maps) < 0.5) > 0.9


def test_perspective_is_more_than_an_affine_map_can_follow():
    maps = near_identity(perspective=True)
    first, second = pairs(maps)
    affine = corners_apart_px(follow_affine(first, second, start(), 16), maps)
    assert np.median(affine) > 4 * np.median(corners_apart_px(follow_homography(first, second, start(), 16), maps))


def test_a_map_that_fits_already_stays():
    maps = near_identity(perspective=False)
    first, second = pairs(maps)
    assert corners_apart_px(follow_affine(first, second, maps, 3), maps).max() < 0.1


def test_each_pair_is_aligned_as_it_is_alone():
    maps = near_identity(perspective=False)
    first, second = pairs(maps)
    together = follow_affine(first, second, start(), 6)
    alone = np.concatenate(
        [follow_affine(first[row : row + 1], second[row : row + 1], start(1), 6) for row in range(PAIRS)]
    )
    assert np.abs(together - alone).max() < 1e-3


def test_following_turns_and_mirrors_from_where_it_starts():
    turned = np.array([[0, -1, 0], [-1, 0, 0], [0, 0, 1]]) @ near_identity(perspective=False)
    first, second = pairs(turned)
    begun = np.repeat(np.array([[[0, -1, 0], [-1, 0, 0], [0, 0, 1]]], np.float32), PAIRS, axis=0)
    assert corners_apart_px(follow_affine(first, second, begun, 12), turned).max() < 0.25


@pytest.mark.parametrize("follow", [follow_affine, follow_homography])
@pytest.mark.parametrize("kind", ["flat", "stripes", "one pixel", "noise"])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_pictures_without_a_fit_leave_a_finite_map(follow, kind):
    first = np.full((2, SIDE, SIDE), 90, np.float32)
    if kind == "stripes":
        first[:, :, ::2] = 255
    if kind == "one pixel":
        first[:, 20, 20] = 255
    if kind == "noise":
        first = np.random.default_rng(0).uniform(0, 255, first.shape).astype(np.float32)
    for second in (first, np.zeros_like(first), first[:, ::-1].copy()):
        found = follow(first, second, start(2), 10)
        assert np.isfinite(found).all()
        laid, inside = lay_over(second, found, SIDE)
        assert np.isfinite(laid).all()
        assert inside.dtype == bool


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-3, 3, width=32), min_size=9, max_size=9),
    st.integers(0, 5),
    st.sampled_from([follow_affine, follow_homography]),
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_any_map_to_start_from_ends_in_a_finite_one(values, seed, follow):
    begun = np.array(values, np.float32).reshape(1, 3, 3)
    begun[:, 2, 2] = 1
    if follow is follow_affine:
        begun[:, 2] = (0, 0, 1)
    first = texture(seed, points(32))[None]
    found = follow(first, texture(seed + 1, points(32))[None], begun, 8)
    assert np.isfinite(found).all()
    assert np.isfinite(lay_over(first, found, 32)[0]).all()


def test_laying_a_picture_over_itself_gives_its_pixels():
    picture = texture(0, points())[None]
    laid, inside = lay_over(picture, start(1), SIDE)
    assert np.abs(laid - picture).max() < 0.1
    assert inside.all()


def test_laying_over_shifts_by_the_map_and_says_what_lies_beyond():
    picture = texture(0, points())[None]
    shift = start(1)
    shift[0, 0, 2] = 10 * 2 / SIDE  # ten pixels to the right
    laid, inside = lay_over(picture, shift, SIDE)
    assert np.abs(laid[0, :, :-10] - picture[0, :, 10:]).max() < 0.2
    assert inside[0, :, :-10].all()
    assert not inside[0, :, -10:].any()
    assert np.abs(laid[0, :, -9:] - picture[0, :, -1:]).max() < 1  # the edge goes on


def test_a_picture_is_laid_over_one_of_another_side():
    large, small = texture(0, points(128))[None], texture(0, points(32))[None]
    assert np.abs(lay_over(large, start(1), 32)[0] - small).max() < 4


def test_a_map_with_perspective_is_applied_as_one():
    maps = near_identity(perspective=True)
    first, second = pairs(maps)
    laid, inside = lay_over(second, maps, SIDE)
    apart = np.abs(laid - first)[inside]
    assert apart.mean() < 0.5
    assert np.quantile(apart, 0.99) < 3


def test_halving_averages_squares_of_four_pixels():
    picture = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    assert halve(picture).tolist() == [[[2.5, 4.5], [10.5, 12.5]]]


def test_smoothing_weighs_neighbours_and_repeats_edges():
    picture = np.random.default_rng(0).uniform(0, 255, (3, 16, 16)).astype(np.float32)
    wide = np.pad(picture, ((0, 0), (1, 1), (1, 1)), mode="edge")
    weights = (0.25, 0.5, 0.25)
    expected = sum(
        weights[down] * weights[right] * wide[:, down : down + 16, right : right + 16]
        for down in range(3)
        for right in range(3)
    )
    before = picture.copy()
    assert np.abs(smooth(picture) - expected).max() < 1e-3
    assert (picture == before).all()
