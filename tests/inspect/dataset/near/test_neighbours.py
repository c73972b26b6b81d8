import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.near import neighbours
from cvadvisor.inspect.dataset.near.descriptors import LENGTH, Descriptors
from cvadvisor.inspect.dataset.near.neighbours import LEAST_COSINE, Candidates, Wholes, best, join
from tests.inspect.dataset.near.scenes import Array

SO_MANY_PARTS = 10**9
"""What makes even few wholes worth an inverted file."""


def unit(vectors: Array) -> Array:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def described(vectors: Array, pictures: Array | None = None) -> Descriptors:
    count = len(vectors)
    pictures = np.arange(count, dtype=np.int32) if pictures is None else pictures
    return Descriptors(vectors, pictures, np.arange(count, dtype=np.int32) % 5, (np.arange(count) % 8).astype(np.uint8))


def clusters(count: int, copies: int, apart: float, seed: int = 0) -> Array:
    """Directions with as little in common as those of different pictures, and copies of each around it."""
    rng = np.random.default_rng(seed)
    # Most of the differences between photos lie in few directions.
    spread = np.linspace(2, 0.3, LENGTH)
    bases = unit(rng.normal(size=(count, LENGTH)) * spread)
    near = bases[:, None] + apart * unit(rng.normal(size=(count * copies, LENGTH))).reshape(count, copies, LENGTH)
    return unit(near.reshape(-1, LENGTH))


def search(wholes: Wholes, parts: Descriptors) -> Candidates:
    return join(list(wholes.near(parts)))


def found_pairs(found: Candidates) -> set[tuple[int, int]]:
    return set(zip(found.whole.tolist(), found.partial.tolist(), strict=True))


@pytest.mark.parametrize("apart", [0.3, 0.5, 0.65])
def test_cells_find_what_comparing_everything_finds(apart):
    vectors = clusters(800, 3, apart)
    whole, rng = described(vectors), np.random.default_rng(1)
    parts = described(vectors[rng.permutation(len(vectors))], np.arange(10_000, 10_000 + len(vectors)))
    everything = found_pairs(search(Wholes(whole, 1), parts))
    in_cells = Wholes(whole, SO_MANY_PARTS)
    found = found_pairs(search(in_cells, parts))
    assert len(everything) >= 2 * len(vectors)
    assert found <= everything
    assert len(found) >= 0.95 * len(everything)


def test_cells_compare_far_fewer_pairs_than_there_are(monkeypatch):
    vectors = clusters(2_600, 1, 0.3)
    compared = []
    original = Wholes._compared

    def counting(self, parts, rows, columns):
        compared.append(len(rows) * len(columns))
        return original(self, parts, rows, columns)

    monkeypatch.setattr(Wholes, "_compared", counting)
    search(Wholes(described(vectors), SO_MANY_PARTS), described(vectors, np.arange(len(vectors)) + 10_000))
    assert len(compared) > 1
    assert sum(compared) < 0.6 * len(vectors) ** 2


@pytest.mark.parametrize("parts", [1, SO_MANY_PARTS], ids=["all", "cells"])
def test_a_picture_is_never_its_own_neighbour(parts):
    vectors = clusters(700, 2, 0.1)
    pictures = np.arange(len(vectors)) // 2  # two descriptors each: of a tie, or of two parts
    found = search(Wholes(described(vectors, pictures), parts), described(vectors, pictures))
    assert not (found.whole == found.partial).any()


@pytest.mark.parametrize("parts", [1, SO_MANY_PARTS], ids=["all", "cells"])
def test_what_is_found_says_where_it_comes_from(parts):
    vectors = clusters(700, 2, 0.4)
    wholes, others = described(vectors), described(vectors[::-1].copy(), np.arange(len(vectors)) + 10_000)
    found = search(Wholes(wholes, parts), others)
    rows = found.partial - 10_000
    assert found.cosine.min() >= LEAST_COSINE
    assert (found.part == others.parts[rows]).all()
    assert (found.part_turned == others.orientations[rows]).all()
    assert (found.whole_turned == wholes.orientations[found.whole]).all()
    expected = (wholes.vectors[found.whole] * others.vectors[rows]).sum(1)
    assert found.cosine == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("parts", [1, SO_MANY_PARTS], ids=["all", "cells"])
def test_nothing_is_found_for_no_parts(parts):
    vectors = clusters(700, 2, 0.4)
    assert len(search(Wholes(described(vectors), parts), described(vectors[:0]))) == 0


@pytest.mark.parametrize("count", [1, 2, 39, 41])
def test_few_wholes_are_found_however_many_parts_there_are(count):
    vectors = clusters(count, 1, 0.1)
    found = search(Wholes(described(vectors), SO_MANY_PARTS), described(vectors, np.arange(count) + 100))
    assert {(number, number + 100) for number in range(count)} <= found_pairs(found)


def test_pictures_that_all_look_the_same_can_be_searched():
    vectors = np.repeat(clusters(1, 1, 0), 1_500, axis=0)
    found = search(Wholes(described(vectors), SO_MANY_PARTS), described(vectors[:3], np.arange(3) + 10_000))
    assert len(found) == 3 * 1_500


def test_joining_nothing_is_nothing():
    assert len(join([])) == 0
    assert len(join([join([]), join([])])) == 0


rows = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.integers(10, 16),
        st.integers(0, 3),
        st.integers(70, 100).map(lambda percent: percent / 100),
    ),
    min_size=1,
    max_size=60,
)


def candidates(drawn: list[tuple[int, int, int, float]]) -> Candidates:
    whole, partial, part, cosine = (np.array(column) for column in zip(*drawn, strict=True))
    return Candidates(whole, partial, part, part % 8, part % 8, cosine.astype(np.float32))


@settings(deadline=None)
@given(rows, st.integers(1, 4))
def test_the_best_are_each_pair_once_where_it_fits_best(drawn, most):
    found = best([candidates(drawn)], most)
    pairs = list(zip(found.whole.tolist(), found.partial.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    highest: dict[tuple[int, int], float] = {}
    for whole, partial, _, cosine in drawn:
        highest[whole, partial] = max(highest.get((whole, partial), 0), float(np.float32(cosine)))
    assert {pair: float(cosine) for pair, cosine in zip(pairs, found.cosine, strict=True)}.items() <= highest.items()


@settings(deadline=None)
@given(rows, st.integers(1, 4))
def test_the_best_hold_the_best_of_every_picture(drawn, most):
    found = best([candidates(drawn)], most)
    for column in (0, 1):
        for picture in {row[column] for row in drawn}:
            highest = max(np.float32(row[3]) for row in drawn if row[column] == picture)
            kept = (found.whole, found.partial)[column] == picture
            assert found.cosine[kept].max() == highest


@settings(deadline=None)
@given(rows, st.integers(1, 4))
def test_of_the_best_each_is_among_the_most_of_one_of_its_pictures(drawn, most):
    found = best([candidates(drawn)], most)
    highest: dict[tuple[int, int], float] = {}
    for whole, partial, _, cosine in drawn:
        highest[whole, partial] = max(highest.get((whole, partial), 0), float(np.float32(cosine)))
    for whole, partial, cosine in zip(found.whole, found.partial, found.cosine, strict=True):
        better = [
            sum(other > cosine for pair, other in highest.items() if pair[column] == (whole, partial)[column])
            for column in (0, 1)
        ]
        assert min(better) < most


@settings(deadline=None)
@given(rows, st.integers(0, 59), st.integers(1, 4))
def test_the_best_are_the_same_however_they_come(drawn, cut, most):
    several = [candidates(some) for some in (drawn[:cut], drawn[cut:]) if some]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_HELD", 1)
        piecewise = best(several, most)
    at_once = best([candidates(drawn)], most)
    assert sorted(zip(piecewise.whole, piecewise.partial, piecewise.cosine, strict=True)) == sorted(
        zip(at_once.whole, at_once.partial, at_once.cosine, strict=True)
    )


@settings(deadline=None)
@given(rows)
def test_rows_stay_together(drawn):
    found = best([candidates(drawn)], 2)
    given_rows = {(whole, partial, part, float(np.float32(cosine))) for whole, partial, part, cosine in drawn}
    columns = [getattr(found, name).tolist() for name in ("whole", "partial", "part", "cosine")]
    assert set(zip(*columns, strict=True)) <= given_rows
    assert {len(getattr(found, field.name)) for field in dataclasses.fields(found)} == {len(found)}
