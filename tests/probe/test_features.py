import dataclasses
import shutil
from pathlib import Path

import pytest

from cvadvisor.inspect.dataset.places import Place
from cvadvisor.probe import features
from cvadvisor.probe.declaration import NotChecked
from cvadvisor.probe.session import Job, Sample, Session


def test_pretrained_features_tell_digits_apart_better_than_the_majority(loaded: Session) -> None:
    facts = features.run(loaded).facts
    assert facts.linear_accuracy.low > facts.majority_accuracy
    assert facts.knn_accuracy.value > facts.majority_accuracy
    assert facts.linear_accuracy.low <= facts.linear_accuracy.value <= facts.linear_accuracy.high


def test_the_same_seed_gives_the_same_facts(loaded: Session) -> None:
    assert features.run(loaded).facts == features.run(loaded).facts


def test_wrong_labels_are_among_the_suspects(digits: Path, tmp_path: Path, job_for) -> None:
    root = tmp_path / "digits"
    shutil.copytree(digits, root)
    victims = sorted(root.glob("train/0/*"))[:2]
    moved = {path.rename(root / "train" / "1" / path.name).relative_to(root).as_posix() for path in victims}
    session = Session(job_for(root), lambda done, total: None, image_size=64)
    session.load_model()
    suspects = features.run(session).facts.label_suspect_examples
    assert moved <= {suspect.path for suspect in suspects}
    assert {suspect.suggested for suspect in suspects if suspect.path in moved} == {"0"}


def test_random_weights_are_not_checked(digits: Path, job_for) -> None:
    session = Session(job_for(digits, weights="none"), lambda done, total: None, image_size=64)
    session.load_model()
    with pytest.raises(NotChecked, match="without pretrained weights"):
        features.run(session)


def test_the_fitted_head_predicts_as_the_regression_does(loaded: Session) -> None:
    import numpy as np

    facts = features.run(loaded).facts
    weight, bias = loaded.fitted_head
    predicted = (loaded.features["x"] @ weight.T + bias).argmax(1)
    assert np.mean(predicted == loaded.features["y"]) == pytest.approx(facts.linear_train_accuracy)


def test_two_classes_get_a_head_of_two_rows(digits: Path, job_for) -> None:
    job = job_for(digits)
    two = dataclasses.replace(
        job,
        classes=["0", "1"],
        train=[s for s in job.train if s.label < 2],
        held_out=[s for s in job.held_out if s.label < 2],
    )
    session = Session(two, lambda done, total: None, image_size=64)
    session.load_model()
    facts = features.run(session).facts
    weight, bias = session.fitted_head
    predicted = (session.features["x"] @ weight.T + bias).argmax(1)
    assert (predicted == session.features["y"]).mean() == pytest.approx(facts.linear_train_accuracy)


def test_a_file_that_vanished_is_left_out(digits: Path, tmp_path: Path, job_for) -> None:
    root = tmp_path / "digits"
    shutil.copytree(digits, root)
    job = job_for(root)
    (root / job.train[0].path).unlink()
    session = Session(job, lambda done, total: None, image_size=64)
    session.load_model()
    assert features.run(session).facts.train_images == len(job.train) - 1


def leaking(job: Job, root: Path, count: int) -> Job:
    """The job with copies of ``count`` training images among the held-out ones."""
    copies = []
    for number, sample in enumerate(job.train[:count]):
        copy = f"validation/{sample.label}/copy {number}.png"
        shutil.copyfile(root / sample.path, root / copy)
        copies.append(Sample(Place(copy), sample.label, leaked=True))
    return dataclasses.replace(job, held_out=[*job.held_out, *copies])


def test_leaked_images_are_known_by_heart_and_the_others_give_the_score_without_them(
    digits: Path, tmp_path: Path, job_for
) -> None:
    root = Path(shutil.copytree(digits, tmp_path / "digits"))
    clean = job_for(root)
    job = leaking(clean, root, 20)
    session = Session(job, lambda done, total: None, image_size=64)
    session.load_model()
    facts = features.run(session).facts
    leak = facts.leak
    assert (leak.leaked_images, leak.clean_images) == (20, len(clean.held_out))
    assert leak.linear_leaked_accuracy.value == 1.0
    session.job = clean
    assert features.run(session).facts.linear_accuracy == leak.linear_clean_accuracy
    gain = 100 * (facts.linear_accuracy.value - leak.linear_clean_accuracy.value)
    assert leak.linear_inflation.value == pytest.approx(gain)


def test_a_leaked_file_that_vanished_is_not_counted(digits: Path, tmp_path: Path, job_for) -> None:
    root = Path(shutil.copytree(digits, tmp_path / "digits"))
    job = leaking(job_for(root), root, 3)
    (root / job.held_out[-1].path).unlink()
    (root / job.held_out[0].path).unlink()
    session = Session(job, lambda done, total: None, image_size=64)
    session.load_model()
    leak = features.run(session).facts.leak
    assert (leak.leaked_images, leak.clean_images) == (2, len(job.held_out) - 4)


def test_without_a_leak_there_is_no_effect_to_measure(loaded: Session) -> None:
    leak = features.run(loaded).facts.leak
    assert (leak.leaked_images, leak.clean_images) == (0, len(loaded.job.held_out))
    assert leak.linear_inflation is None
