import numpy as np
import pytest

from cvadvisor.inspect.dataset.near import pictures as near_pictures
from cvadvisor.inspect.dataset.near.pictures import Pictures
from tests.inspect.dataset.near.scenes import Array

COUNT = 10


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """The numbers of the pictures that were read from the store; each is as bright as its number."""
    numbers: list[int] = []

    def load(self, table: str, mode: str, wanted: Array, shape: tuple[int, ...]) -> Array:
        numbers.extend(wanted.tolist())
        return np.broadcast_to(wanted.reshape(-1, 1, 1), (len(wanted), *shape)).astype(np.uint8)

    monkeypatch.setattr(Pictures, "_load", load)
    return numbers


def pictures() -> Pictures:
    return Pictures(
        store=None,  # type: ignore[arg-type]
        files=np.arange(COUNT),
        splits=np.zeros(COUNT, np.int8),
        sizes=np.full((COUNT, 2), 64, np.float32),
        gray=np.zeros(COUNT, bool),
        fresh=np.ones(COUNT, bool),
    )


def test_a_thumbnail_is_decoded_once(decoded):
    some = pictures()
    some.thumbnails(np.array([3, 1, 3]))
    again = some.thumbnails(np.array([1, 2, 3]))
    assert again[:, 0, 0].tolist() == [1, 2, 3]
    assert sorted(decoded) == [1, 2, 3]


def test_thumbnails_beyond_those_that_are_kept_are_the_same(decoded, monkeypatch):
    monkeypatch.setattr(near_pictures, "_KEPT", 4)
    some = pictures()
    for _ in range(2):
        assert some.thumbnails(np.array([7, 0, 3, 9, 0]))[:, 5, 5].tolist() == [7, 0, 3, 9, 0]
    assert sorted(decoded) == [0, 3, 7, 7, 9, 9]


def test_no_thumbnails_are_none(decoded):
    assert pictures().thumbnails(np.zeros(0, np.int64)).shape == (0, 64, 64)
