import numpy as np
import pytest

from cvadvisor.probe.features.label_noise import belief_in_free_flips, flips, label_noise
from tests.probe.features.conftest import Array, clouds, predicted, quiet


def flipped(y: Array, share: float, to: str) -> Array:
    """Labels of which ``share`` are drawn: 'any' other class, the 'next' one, 'zero', or of a 'pair' the other."""
    generator = np.random.default_rng(1)
    shift = generator.integers(1, y.max() + 1, len(y)) if to == "any" else np.ones(len(y), int)
    wrong = {"zero": np.zeros_like(y), "pair": np.where(y < 2, 1 - y, y)}.get(to, (y + shift) % (y.max() + 1))
    return np.where(generator.random(len(y)) < share, wrong, y)


@pytest.mark.parametrize("to", ["any", "next", "zero", "pair"])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_the_share_of_flipped_digits_is_found_within_three_points(
    pixels: tuple[Array, Array], share: float, to: str
) -> None:
    x, y = pixels[0][:1000], pixels[1][:1000]
    wrong = flipped(y, share, to)
    truth = float((wrong != y).mean())
    found = label_noise(predicted(x, wrong), quiet)
    assert found.value == pytest.approx(truth, abs=0.03)
    assert found.low <= truth <= found.high


def test_digits_as_they_are_have_hardly_a_wrong_label(pixels: tuple[Array, Array]) -> None:
    found = label_noise(predicted(pixels[0][:1000], pixels[1][:1000]), quiet)
    assert found.value < 0.01
    assert found.low == 0.0


def test_classes_that_overlap_are_not_taken_for_wrong_labels() -> None:
    x, y = clouds(5, 150, apart=1.8)
    predictions = predicted(x, y)
    assert predictions.accuracy < 0.9
    assert label_noise(predictions, quiet).low == 0.0


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_where_the_classifier_errs_much_the_share_is_right_on_average(share: float) -> None:
    over = []
    for seed in range(4):
        x, y = clouds(10, 50, apart=2.5, seed=seed)
        wrong = flipped(y, share, "any")
        truth = float((wrong != y).mean())
        predictions = predicted(x, wrong)
        assert predictions.accuracy < 0.8
        found = label_noise(predictions, quiet)
        assert found.low <= truth <= found.high
        over.append(found.value - truth)
    assert np.mean(over) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(("to", "low", "high"), [("any", 0.0, 0.3), ("next", 0.5, 1.0)])
def test_flips_to_certain_classes_are_told_from_even_ones(
    pixels: tuple[Array, Array], to: str, low: float, high: float
) -> None:
    x, y = pixels[0][:1000], pixels[1][:1000]
    predictions = predicted(x, flipped(y, 0.1, to))
    even, free = (flips(predictions.probability, predictions.labels, free=free) for free in (False, True))
    assert low <= belief_in_free_flips(even, free, predictions.probability, quiet) <= high
