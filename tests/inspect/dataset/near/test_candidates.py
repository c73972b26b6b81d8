"""Guesses, on pictures that are drawn; what the guesses are right about is checked by laying pixels over pixels."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from cvadvisor.inspect.dataset.near import candidates
from cvadvisor.inspect.dataset.near.alignment import lay_over
from cvadvisor.inspect.dataset.near.candidates import Guesses, find_candidates
from tests.inspect.dataset.near.scenes import TURNS, Array, Drawn, drawn, nothing, scene

SIDE = 128


def scenes(count: int, seed: int = 0) -> list[Array]:
    return [np.asarray(scene(number, (SIDE, SIDE))) for number in range(seed, seed + count)]


def cut(picture: Array, left: float, top: float, share: float) -> Array:
    """A square part, enlarged to the picture's size."""
    box = (left * SIDE, top * SIDE, (left + share) * SIDE, (top + share) * SIDE)
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box))


def guessed(pictures: Drawn, fresh: Array | None = None, told: Callable[[int, int], None] = nothing) -> Guesses:
    return find_candidates(pictures if fresh is None else dataclasses.replace(pictures, fresh=fresh), told)


def unordered(guesses: Guesses) -> set[tuple[int, int]]:
    pairs = zip(guesses.first.tolist(), guesses.second.tolist(), strict=True)
    return {(min(pair), max(pair)) for pair in pairs}


def alike(pictures: Drawn, guesses: Guesses) -> Array:
    """Correlation of each guess's first picture with what its map says that the second shows in its place."""
    first = pictures.thumbnails(guesses.first).astype(np.float32)
    laid, inside = lay_over(pictures.thumbnails(guesses.second).astype(np.float32), guesses.maps, 64)
    return np.array(
        [np.corrcoef(a[seen], b[seen])[0, 1] for a, b, seen in zip(first, laid, inside, strict=True)], np.float32
    )


PARTS = {
    "whole": (0, 0, 1),
    "left above": (0.02, 0.02, 0.8),
    "right below": (0.18, 0.18, 0.8),
    "right above": (0.28, 0.02, 0.7),
    "middle": (0.05, 0.05, 0.9),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_guess_lays_a_part_over_its_original_however_it_was_turned(part):
    originals = scenes(16)
    copies = [TURNS[number % 8](cut(one, *PARTS[part])) for number, one in enumerate(originals)]
    pictures = drawn(originals + copies)
    guesses = guessed(pictures)
    known = {(number, number + 16) for number in range(16)}
    assert known <= unordered(guesses)
    right = np.array([abs(a - b) == 16 for a, b in zip(guesses.first, guesses.second, strict=True)])
    assert alike(pictures, guesses)[right].min() > 0.7
    assert np.median(alike(pictures, guesses)[right]) > 0.85


def test_the_guess_of_an_exact_copy_is_laid_exactly():
    originals = scenes(8)
    pictures = drawn(originals + [TURNS[number](one) for number, one in enumerate(originals)])
    guesses = guessed(pictures)
    right = np.flatnonzero(guesses.cosine > 0.99)
    assert len(right) == 8
    assert alike(pictures, guesses.at(right)).min() > 0.98


def test_what_lies_inside_a_border_is_guessed_to_lie_in_the_copy():
    originals = scenes(12)
    copies = []
    for one in originals:
        framed = Image.new("RGB", (154, 154), "white")
        framed.paste(Image.fromarray(one), (13, 13))
        copies.append(np.asarray(framed.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
    pictures = drawn(originals + copies)
    guesses = guessed(pictures)
    right = (guesses.first < 12) & (guesses.second == guesses.first + 12)
    assert right.sum() == 12
    assert alike(pictures, guesses)[right].min() > 0.85


def test_a_tilted_copy_is_guessed():
    originals = scenes(12)
    copies = [np.asarray(Image.fromarray(one).rotate(5, Image.Resampling.BICUBIC)) for one in originals]
    assert {(number, number + 12) for number in range(12)} <= unordered(guessed(drawn(originals + copies)))


def test_each_two_pictures_are_guessed_once_and_none_beside_itself():
    one = scenes(1)[0]
    rng = np.random.default_rng(0)
    noisy = [(one + rng.normal(0, 8, one.shape)).clip(0, 255).astype(np.uint8) for _ in range(30)]
    guesses = guessed(drawn(noisy + scenes(10, 50), splits=[0] * 20 + [1] * 20))
    assert (guesses.first != guesses.second).all()
    assert len(unordered(guesses)) == len(guesses)


def test_guesses_come_the_most_alike_first():
    originals = scenes(20)
    guesses = guessed(drawn(originals + [cut(one, 0.05, 0.1, 0.83) for one in originals]))
    assert (np.diff(guesses.cosine) <= 0).all()


@pytest.mark.parametrize("splits", [[0, 0], [0, 1], [1, 1], [0, 2], [1, 2], [2, 2]])
def test_copies_are_guessed_within_every_split_and_between_any_two(splits):
    originals = scenes(6)
    pictures = drawn(originals + originals, splits=[splits[0]] * 6 + [splits[1]] * 6)
    assert {(number, number + 6) for number in range(6)} <= unordered(guessed(pictures))


def test_of_pictures_that_were_compared_before_only_pairs_with_fresh_ones_are_guessed():
    originals = scenes(10)
    pictures = drawn(originals + originals + originals, splits=[0] * 10 + [0] * 10 + [1] * 10)
    fresh = np.zeros(30, bool)
    assert len(guessed(pictures, fresh)) == 0
    fresh[20:25] = True
    pairs = unordered(guessed(pictures, fresh))
    assert {(number, number + 20) for number in range(5)} | {(number + 10, number + 20) for number in range(5)} <= pairs
    assert all(fresh[first] or fresh[second] for first, second in pairs)


def test_a_fresh_part_finds_its_known_original_and_a_fresh_original_its_known_part():
    originals = scenes(10)
    pictures = drawn(originals + [cut(one, 0.18, 0.02, 0.8) for one in originals], splits=[0] * 10 + [1] * 10)
    for fresh in (np.arange(20) >= 10, np.arange(20) < 10):
        assert {(number, number + 10) for number in range(10)} <= unordered(guessed(pictures, fresh))


def test_what_is_held_at_once_does_not_change_what_is_found(monkeypatch):
    originals = scenes(40)
    pictures = drawn(originals + [cut(one, 0.02, 0.1, 0.8) for one in originals], splits=[0] * 50 + [1] * 30)
    expected = unordered(guessed(pictures))
    known = {(number, number + 40) for number in range(40)}
    assert known <= expected
    monkeypatch.setattr(candidates, "_WHOLES_AT_ONCE", 30)
    pictures.asked.clear()
    assert known <= unordered(guessed(pictures))
    assert max(pictures.asked) <= 80


def test_there_are_a_few_guesses_a_picture_even_where_all_look_the_same():
    one = scenes(1)[0]
    rng = np.random.default_rng(0)

    def share(count: int) -> float:
        noisy = [(one + rng.normal(0, 8, one.shape)).clip(0, 255).astype(np.uint8) for _ in range(count)]
        return len(guessed(drawn(noisy))) / count

    assert share(160) < 1.5 * share(80)


def test_progress_goes_up_to_all_pictures():
    told = []
    guessed(
        drawn(scenes(12) + scenes(12), splits=[0] * 12 + [1] * 12), told=lambda done, total: told.append((done, total))
    )
    assert told[-1][0] == told[-1][1]
    assert told == sorted(told)
    assert all(0 < done <= total for done, total in told)


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_pictures_are_enough_to_search(count):
    guesses = guessed(drawn(scenes(1) * count))
    assert len(guesses) == count - 1
