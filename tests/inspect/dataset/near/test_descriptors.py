import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.near.alignment import lay_over
from cvadvisor.inspect.dataset.near.descriptors import (
    FEW,
    LENGTH,
    MANY,
    MOST,
    SIDE_PX,
    SOME,
    Descriptors,
    describe,
    describe_whole,
    scales,
    turn,
)
from tests.inspect.dataset.near.scenes import TURNS, Array, squares

WHOLE = FEW[:1]
SCENES = squares(range(40))
SCALE = scales(SCENES)


def turn_map(orientation: int) -> Array:
    matrix = np.eye(3, dtype=np.float32)
    matrix[:2, :2] = turn(orientation)
    return matrix[None]


def oriented(picture: Array, orientation: int) -> Array:
    """The picture (64, 64) as it lies in that orientation."""
    return lay_over(picture[None].astype(np.float32), turn_map(orientation), SIDE_PX)[0].round()


def most_alike(one: Descriptors, other: Descriptors) -> float:
    return float((one.vectors @ other.vectors.T).max())


def test_descriptors_have_length_one_and_their_places():
    found = describe(SCENES[:3], SCALE, SOME)
    assert found.vectors.shape == (3 * len(SOME), LENGTH)
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(1, abs=1e-4)
    assert found.pictures.tolist() == np.repeat(range(3), len(SOME)).tolist()
    assert found.parts.tolist() == list(range(len(SOME))) * 3


@pytest.mark.parametrize("number", range(1, 8))
def test_a_picture_that_is_turned_or_mirrored_has_the_same_descriptor(number):
    turned = np.stack([TURNS[number](one) for one in SCENES])
    expected, found = describe(SCENES, SCALE, WHOLE), describe(turned, SCALE, WHOLE)
    assert np.abs(expected.vectors - found.vectors).max() < 1e-3
    assert (expected.orientations != found.orientations).all()


@pytest.mark.parametrize("number", range(1, 8))
def test_where_the_orientation_is_nearly_a_tie_one_of_the_descriptors_is_the_same(number):
    for picture in SCENES:
        turned = describe(TURNS[number](picture)[None], SCALE, WHOLE)
        assert most_alike(describe_whole(picture[None], SCALE), turned) > 0.999


@pytest.mark.parametrize("number", range(8))
def test_a_picture_laid_as_its_orientation_says_is_in_the_canonical_one(number):
    for picture in SCENES[:10]:
        turned = np.ascontiguousarray(TURNS[number](picture))
        found = describe(turned[None], SCALE, WHOLE)
        laid = describe(oriented(turned, int(found.orientations[0])), SCALE, WHOLE)
        assert laid.orientations.tolist() == [0]
        assert np.abs(laid.vectors - found.vectors).max() < 0.01


def test_the_eight_orientations_are_eight_different_ways_to_lay_a_picture():
    laid = {oriented(SCENES[0], orientation).tobytes() for orientation in range(8)}
    assert len(laid) == 8
    assert laid == {np.round(TURNS[number](SCENES[0]).astype(np.float32)[None]).tobytes() for number in range(8)}


def nearly_symmetric(change: str) -> Array:
    picture = SCENES[0].astype(float)
    other = {"mirrored": picture[:, ::-1], "upside down": picture[::-1], "transposed": picture.T}[change]
    return ((picture + other) / 2).round().astype(np.uint8)[None]


@pytest.mark.parametrize(("change", "bits"), [("mirrored", {1, 2}), ("upside down", {1, 2}), ("transposed", {4})])
def test_a_tie_gives_a_descriptor_for_either_orientation(change, bits):
    found = describe_whole(nearly_symmetric(change), SCALE)
    assert len(found.vectors) >= 2
    assert len(set(found.orientations.tolist())) == len(found.vectors)
    assert set((found.orientations[1:] ^ found.orientations[0]).tolist()) & bits


@pytest.mark.parametrize("change", ["mirrored", "upside down", "transposed"])
def test_each_descriptor_of_a_tie_is_that_of_the_picture_as_its_orientation_lays_it(change):
    picture = nearly_symmetric(change)
    found = describe_whole(picture, SCALE)
    for vector, orientation in zip(found.vectors, found.orientations, strict=True):
        laid = describe_whole(oriented(picture[0], int(orientation)), SCALE)
        upright = laid.vectors[laid.orientations == 0]
        assert (upright @ vector).max() > 0.999


def test_ties_of_every_kind_at_once_give_all_eight():
    corner = SCENES[0].astype(float)
    picture = sum(TURNS[number](corner) for number in range(8)) / 8
    found = describe_whole(picture.round().astype(np.uint8)[None], SCALE)
    assert sorted(found.orientations.tolist()) == list(range(8))


def test_brightness_and_contrast_hardly_matter():
    changed = (SCENES * 0.6 + 50).round().astype(np.uint8)
    for row in range(len(SCENES)):
        part = describe(changed[row : row + 1], SCALE, WHOLE)
        assert most_alike(describe_whole(SCENES[row : row + 1], SCALE), part) > 0.99


def test_different_pictures_have_different_descriptors():
    found = describe(SCENES, SCALE, WHOLE).vectors
    cosines = (found @ found.T)[np.triu_indices(len(found), 1)]
    assert cosines.max() < 0.8
    assert abs(np.median(cosines)) < 0.2


@pytest.mark.parametrize("parts", [FEW, SOME, MANY, MOST], ids=["few", "some", "many", "most"])
def test_a_part_is_described_as_the_picture_that_was_cut_out_there(parts):
    found = describe(SCENES[:6], SCALE, parts).vectors.reshape(6, len(parts), -1)
    for number, part in enumerate(parts):
        maps = np.repeat(part.map()[None], 6, axis=0)
        cut = lay_over(SCENES[:6].astype(np.float32), maps, SIDE_PX)[0]
        for row in range(6):
            whole = describe_whole(cut[row : row + 1].round(), SCALE).vectors
            assert (whole @ found[row, number]).max() > 0.97, part


@pytest.mark.parametrize("parts", [FEW, SOME, MANY, MOST], ids=["few", "some", "many", "most"])
def test_parts_are_distinct_and_lie_in_the_picture_and_the_first_is_the_whole(parts):
    assert len({part.map().tobytes() for part in parts}) == len(parts)
    assert np.abs(parts[0].map() - np.eye(3)).max() < 1e-6
    for part in parts:
        assert 0 <= part.left <= part.left + part.side <= 1 + 1e-9
        assert 0 <= part.top <= part.top + part.side <= 1 + 1e-9


def test_more_parts_are_more_work_for_fewer_pictures():
    assert len(FEW) < len(SOME) < len(MANY) < len(MOST)


def test_scales_do_not_depend_on_how_the_sample_is_turned():
    turned = np.stack([one.T for one in SCENES])
    assert scales(turned) == pytest.approx(SCALE, rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["flat", "stripes", "dots", "noise", "step"]), st.integers(1, 4))
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_any_pictures_have_finite_descriptors(seed, kind, count):
    rng = np.random.default_rng(seed)
    pictures = np.full((count, 64, 64), rng.integers(256), np.uint8)
    if kind == "stripes":
        pictures[:, :, :: rng.integers(2, 30)] = 255
    if kind == "dots":
        pictures[:, rng.integers(64), rng.integers(64)] = rng.integers(256)
    if kind == "noise":
        pictures = rng.integers(0, 256, pictures.shape, dtype=np.uint8)
    if kind == "step":
        pictures[:, :, 32:] = 255
    scale = scales(pictures)
    for found in (describe(pictures, scale, MANY), describe_whole(pictures, scale)):
        assert np.isfinite(found.vectors).all()
        assert np.linalg.norm(found.vectors, axis=1).max() < 1.001
        assert found.orientations.max() < 8
