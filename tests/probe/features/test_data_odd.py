"""Outliers, confused classes and the value of more images."""

import numpy as np

from cvadvisor.probe.features.class_value import class_value
from cvadvisor.probe.features.confusion import confusion
from cvadvisor.probe.features.outliers import outliers
from cvadvisor.probe.features.scaling import ScalingDraws
from tests.probe.features.conftest import Array, clouds, predicted

NAMES = [str(n) for n in range(10)]


def paths(y: Array) -> list[str]:
    return [f"{n}.png" for n in range(len(y))]


def test_none_of_a_few_clouds_of_points_lies_far_from_all_others() -> None:
    x, y = clouds(6, 100, apart=4.0)
    facts = outliers(x, y, paths(y), NAMES)
    assert facts is not None
    assert facts.found == 0


def test_noise_among_digits_lies_far_from_all_of_them(pixels: tuple[Array, Array]) -> None:
    x, y = pixels[0][:500].copy(), pixels[1][:500]
    x[7] = np.random.default_rng(0).permutation(np.repeat([0.0, 16.0], 32))
    facts = outliers(x, y, paths(y), NAMES)
    assert facts is not None
    assert facts.examples[0].path == "7.png"


def test_two_classes_that_lie_together_are_the_worst_pair() -> None:
    x, y = clouds(6, 100, apart=6.0)
    x[y == 3] += x[y == 2].mean(0) - x[y == 3].mean(0)
    facts = confusion(predicted(x, y), paths(y), NAMES)
    assert facts.worst is not None
    assert (facts.worst.first, facts.worst.second) == ("2", "3")
    assert facts.worst.p < 1e-6
    assert facts.worst.times_usual > 3
    assert {example.label for example in facts.examples} <= {"2", "3"}


def test_where_all_classes_are_equally_alike_no_pair_stands_out() -> None:
    x, y = clouds(6, 100, apart=0.0)
    facts = confusion(predicted(x, y), paths(y), NAMES)
    assert facts.worst is not None
    assert facts.worst.p > 0.01


def test_classes_that_are_never_confused_have_no_worst_pair() -> None:
    x, y = clouds(3, 50, apart=30.0)
    assert confusion(predicted(x, y), paths(y), NAMES).worst is None


def draws(recalls: dict[int, tuple[float, ...]]) -> ScalingDraws:
    """Draws at 100, 200 and 400 images with the given recalls of each class, of 40 held-out images each."""
    labels = np.repeat(list(recalls), 40)
    hits = np.array(
        [np.concatenate([np.arange(40) < round(40 * r[size]) for r in recalls.values()]) for size in range(3)]
    )
    return ScalingDraws(np.array([100, 200, 400]), hits, labels, labels)


def test_the_class_whose_recall_still_rises_gains_most() -> None:
    facts = class_value(draws({0: (0.9, 0.9, 0.9), 1: (0.2, 0.5, 0.8), 2: (0.9, 0.9, 0.9)}), NAMES, 0)
    assert facts is not None
    assert facts.best is not None
    assert facts.best.label == "1"
    assert round(facts.best.gain.value) == 30


def test_where_all_classes_rise_alike_none_is_named() -> None:
    facts = class_value(draws(dict.fromkeys(range(4), (0.5, 0.6, 0.7))), NAMES, 0)
    assert facts is not None
    assert facts.best is None
