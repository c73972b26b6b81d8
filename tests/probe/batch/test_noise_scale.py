import numpy as np
import pytest

from cvadvisor.probe.batch import noise_scale
from cvadvisor.probe.session import Session


def drawn(signal: float, noise: float, groups: int = 8, each: int = 12, small: int = 8, size: int = 4000) -> tuple:
    """Gradients of small batches whose true noise scale is known: products of group sums, squares of batches."""
    random = np.random.default_rng(0)
    truth = np.full(size, signal / np.sqrt(size))
    gradients = truth + random.normal(0, np.sqrt(noise / size / small), (groups, each, size))
    sums = gradients.sum(1)
    return sums @ sums.T, (gradients**2).sum(2), small


def test_the_noise_scale_of_known_gradients_is_found() -> None:
    found = noise_scale.estimate(*drawn(signal=2.0, noise=400.0))  # 400 / 2 ** 2
    assert found is not None
    assert found.value == pytest.approx(100, rel=0.1)
    assert found.low < 100 < found.high


def test_it_does_not_depend_on_the_size_of_the_small_batch() -> None:
    four, sixteen = (noise_scale.estimate(*drawn(signal=2.0, noise=400.0, small=small)) for small in (4, 16))
    assert four is not None
    assert sixteen is not None
    assert four.value == pytest.approx(sixteen.value, rel=0.15)


def test_a_gradient_that_noise_hides_gives_no_noise_scale() -> None:
    assert noise_scale.estimate(*drawn(signal=0.0, noise=400.0, size=50)) is None


def test_gradients_without_noise_give_no_noise_scale() -> None:
    products = np.full((4, 4), 9.0)
    assert noise_scale.estimate(products, np.full((4, 3), 1.0), 8) is None


def test_gradients_that_are_not_finite_give_no_noise_scale() -> None:
    assert noise_scale.estimate(np.full((4, 4), np.inf), np.full((4, 3), np.inf), 8) is None


def test_it_is_measured_alike_with_the_same_seed_and_leaves_the_model_as_it_was(pretrained_session: Session) -> None:
    before = {name: value.clone() for name, value in pretrained_session.fresh_model().state_dict().items()}
    first, second = (noise_scale.measure(pretrained_session, 2, pretrained_session.tick) for _ in range(2))
    assert first == second
    assert first.scale is not None
    assert 0 < first.scale.low <= first.scale.value <= first.scale.high
    assert all((value == before[name]).all() for name, value in pretrained_session.fresh_model().state_dict().items())


def test_confident_wrong_labels_raise_the_noise_scale(pretrained_session: Session) -> None:
    import dataclasses

    job = pretrained_session.job
    shuffled = [
        dataclasses.replace(sample, label=int(label))
        for sample, label in zip(job.train, np.random.default_rng(0).integers(0, 3, len(job.train)), strict=True)
    ]
    wrong = dataclasses.replace(pretrained_session, job=dataclasses.replace(job, train=shuffled))
    right = noise_scale.measure(pretrained_session, 2, pretrained_session.tick).scale
    found = noise_scale.measure(wrong, 2, wrong.tick).scale
    assert right is not None
    assert found is None or found.value > 2 * right.value


def test_too_few_images_are_not_planned_with(digit_session: Session) -> None:
    import dataclasses

    few = dataclasses.replace(
        digit_session, job=dataclasses.replace(digit_session.job, train=digit_session.job.train[:90])
    )
    assert noise_scale.plan(few, 1000.0) == 0
    assert noise_scale.plan(digit_session, 1000.0) == 2
    assert noise_scale.plan(digit_session, 0.0) == 0
