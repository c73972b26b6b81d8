import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cvadvisor.facts.leaks import CHANGED, SCENE, SIMILAR
from cvadvisor.inspect.dataset.near import verify as verifying
from cvadvisor.inspect.dataset.near.candidates import Guesses, find_candidates
from cvadvisor.inspect.dataset.near.transforms import name_transforms
from cvadvisor.inspect.dataset.near.verify import Matches, verify
from tests.inspect.dataset.near.scenes import Array, Drawn, drawn, nothing, scene

SIDE = 128


def scenes(count: int, seed: int = 0) -> list[Array]:
    return [np.asarray(scene(number, (SIDE, SIDE))) for number in range(seed, seed + count)]


def cut(picture: Array) -> Array:
    box = (0.15 * SIDE, 0.05 * SIDE, 0.95 * SIDE, 0.85 * SIDE)
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box))


def searched(pictures: Drawn) -> Matches:
    return verify(pictures, find_candidates(pictures, nothing), nothing, nothing)


def of_tier(matches: Matches, tier: str) -> set[tuple[int, int]]:
    rows = zip(matches.first.tolist(), matches.second.tolist(), matches.tier, strict=True)
    return {(min(first, second), max(first, second)) for first, second, found in rows if found == tier}


def blind(pictures: Drawn, count: int) -> Guesses:
    """Guesses that know nothing of the pictures."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, len(pictures), count)
    second = (first + rng.integers(1, len(pictures), count)) % len(pictures)
    maps = np.repeat(np.eye(3, dtype=np.float32)[None], count, axis=0)
    return Guesses(first, second, maps, np.sort(rng.uniform(0.65, 0.7, count))[::-1].astype(np.float32))


def test_parts_are_the_same_image_and_other_pictures_are_not():
    originals = scenes(24)
    matches = searched(drawn(originals + [cut(one) for one in originals], size=300))
    assert of_tier(matches, CHANGED) == {(number, number + 24) for number in range(24)}
    assert of_tier(matches, SCENE) == set()


def test_the_map_of_a_match_is_exact():
    originals = scenes(24)
    matches = searched(drawn(originals + [cut(one) for one in originals], size=300))
    known = np.array([[0.8, 0, 0.1], [0, 0.8, -0.1], [0, 0, 1]])
    corners = np.array([[-1, 1, 1, -1], [-1, -1, 1, 1], [1, 1, 1, 1]], float)
    for first, placed, tier in zip(matches.first, matches.maps, matches.tier, strict=True):
        if tier == CHANGED:
            placed = placed.astype(float) if first >= 24 else np.linalg.inv(placed.astype(float))
            laid = placed @ corners
            assert np.abs(laid[:2] / laid[2] - (known @ corners)[:2]).max() < 0.03


def test_scores_are_shares():
    originals = scenes(12)
    matches = searched(drawn(originals + [cut(one) for one in originals], size=300))
    assert ((matches.score >= 0) & (matches.score <= 1)).all()
    assert set(matches.tier) <= {CHANGED, SCENE, SIMILAR}


def test_each_field_has_a_row_a_match():
    matches = searched(drawn(scenes(8) * 2, size=300))
    lengths = {len(getattr(matches, field.name)) for field in dataclasses.fields(matches)}
    assert lengths == {8}


def test_no_guess_is_no_match_and_no_picture_is_looked_at_again():
    pictures = drawn(scenes(4))

    def scan() -> None:
        raise AssertionError("there was nothing to look at")

    assert len(verify(pictures, blind(pictures, 0), scan, nothing).tier) == 0
    assert len(verify(pictures, blind(pictures, 50), scan, nothing).tier) == 0


def test_the_number_of_threads_changes_nothing(monkeypatch):
    originals = scenes(40)
    pictures = drawn(originals + [cut(one) for one in originals], size=300)
    found = []
    for threads in (1, 5):
        monkeypatch.setattr(verifying, "cores", lambda threads=threads: threads)
        found.append(searched(pictures))
    assert found[0].tier == found[1].tier
    assert (found[0].maps == found[1].maps).all()
    assert (found[0].score == found[1].score).all()


def test_hopeless_guesses_are_given_up_after_a_number_that_grows_with_the_pictures_only(monkeypatch):
    monkeypatch.setattr(verifying, "_ENOUGH", 500)
    pictures = drawn(scenes(30))
    told = []
    verify(pictures, blind(pictures, 20_000), nothing, lambda done, total: told.append((done, total)))
    assert sum(pictures.asked) / 2 < 5_000
    assert told[-1] == (20_000, 20_000)


def test_good_guesses_go_on_for_longer_but_not_without_end(monkeypatch):
    monkeypatch.setattr(verifying, "_ENOUGH", 100)
    monkeypatch.setattr(verifying, "_COARSE_BATCH", 16)
    monkeypatch.setattr(verifying, "_MOST_TIMES", 5)
    one = scenes(1)[0]
    rng = np.random.default_rng(0)
    pictures = drawn([(one + rng.normal(0, 4, one.shape)).clip(0, 255).astype(np.uint8) for _ in range(20)], size=300)
    kept, _ = verifying._coarsely(pictures, blind(pictures, 2_500), nothing)
    assert 200 < len(kept) < 1_000


def test_progress_goes_up_to_all_guesses():
    pictures = drawn(scenes(20))
    told = []
    verify(pictures, blind(pictures, 700), nothing, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (700, 700)


def strange(kind: str, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    picture = np.full((SIDE, SIDE, 3), rng.integers(256, size=3), np.uint8)
    if kind == "stripes":
        picture[:, :: rng.integers(2, 40)] = rng.integers(256, size=3)
    if kind == "checks":
        step = int(rng.integers(1, 20))
        picture[(np.add.outer(np.arange(SIDE) // step, np.arange(SIDE) // step) % 2) == 0] = 255
    if kind == "dot":
        x, y = rng.integers(0, SIDE - 4, 2)
        picture[y : y + 4, x : x + 4] = rng.integers(256, size=3)
    if kind == "noise":
        picture = rng.integers(0, 256, picture.shape, dtype=np.uint8)
    if kind == "step":
        picture[:, rng.integers(1, SIDE) :] = rng.integers(256, size=3)
    if kind == "ramp":
        picture[:] = np.linspace(0, 255, SIDE).astype(np.uint8)[None, :, None]
    return picture


KINDS = ["flat", "stripes", "checks", "dot", "noise", "step", "ramp"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 3)), min_size=2, max_size=12), st.integers(1, 300))
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_whatever_pictures_show_they_can_be_compared(chosen, size):
    splits = [number % 3 for number in range(len(chosen))]
    pictures = drawn([strange(*one) for one in chosen], splits=splits, size=size)
    matches = searched(pictures)
    assert np.isfinite(matches.maps).all()
    assert ((matches.score >= 0) & (matches.score <= 1)).all()
    assert len(name_transforms(pictures, matches)) == len(matches.tier)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("gray", [True, False])
def test_pictures_with_next_to_nothing_on_them_are_not_the_same(gray):
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(30):
        picture = np.full((SIDE, SIDE, 3), 250, np.uint8)
        if number % 3:
            picture = picture - rng.integers(0, 3, picture.shape).astype(np.uint8)
        if number % 2:
            x, y = rng.integers(0, SIDE - 8, 2)
            picture[y : y + 6, x : x + 6] = 20 if gray else rng.integers(0, 200, 3)
        pictures.append(picture)
    matches = searched(drawn(pictures, size=300))
    assert of_tier(matches, CHANGED) | of_tier(matches, SCENE) == set()


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_any_map_of_strange_pictures_is_compared_without_harm():
    pictures = drawn([strange(kind, seed) for kind in KINDS for seed in range(3)], size=300)
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, len(pictures), (2, 600))
    maps = np.repeat(np.eye(3, dtype=np.float32)[None], 600, axis=0)
    maps[:, :2] += rng.normal(0, 1, (600, 2, 3)).astype(np.float32)
    guesses = Guesses(first, second, maps, np.full(600, 0.9, np.float32))
    matches = verify(pictures, guesses, nothing, nothing)
    assert np.isfinite(matches.maps).all()
    name_transforms(pictures, matches)
