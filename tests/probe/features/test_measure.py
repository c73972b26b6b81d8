import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cvadvisor.inspect.dataset.places import Place
from cvadvisor.probe import features
from cvadvisor.probe.features.forward import features_of, penultimate_stage
from cvadvisor.probe.features.measure import _analyses
from cvadvisor.probe.session import Sample, Session
from tests.probe.features.conftest import quiet


def session_for(job: Any, size: int = 64) -> Session:
    session = Session(job, quiet, image_size=size)
    session.load_model()
    return session


def test_every_analysis_has_its_facts_where_time_allows(loaded: Session) -> None:
    facts = features.run(loaded).facts
    assert facts.left_out == ()
    for fact in (
        facts.statistics,
        facts.source_distance,
        facts.scaling,
        facts.shift,
        facts.confusion,
        facts.outliers,
        facts.class_value,
        facts.leak_search,
        facts.label_noise,
    ):
        assert fact is not None


def test_where_time_is_short_the_least_valuable_is_left_out_first(loaded: Session) -> None:
    session = dataclasses.replace(loaded)
    images, held_out = len(session.job.train), len(session.job.held_out)
    names = [one.name for one in _analyses(session, images, held_out)]
    session.allowance = features.PROBE.cost(session).least_s - 3.0  # type: ignore[misc] - the last takes four
    facts = features.run(session).facts
    assert facts.left_out == (names[-1],)
    assert facts.leak_search is None
    session.allowance = 0.0
    facts = features.run(session).facts
    assert facts.left_out == tuple(names)
    assert facts.linear_accuracy.n == held_out


def test_a_clock_that_runs_out_leaves_what_is_known(loaded: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from cvadvisor.probe.declaration import NotChecked
    from cvadvisor.probe.features import measure

    def stop(*_: object) -> None:
        raise NotChecked("the time budget was used up")

    monkeypatch.setattr(measure, "split_shift", stop)
    facts = features.run(dataclasses.replace(loaded)).facts
    assert facts.shift is None
    assert facts.scaling is not None
    assert facts.left_out[0] == "split shift"
    assert facts.left_out[-1] == "leak candidates"


def test_images_held_back_from_training_are_not_compared_with_it(digits: Path, job_for: Any) -> None:
    facts = features.run(session_for(job_for(digits, held_out_from="train"))).facts
    assert (facts.shift, facts.leak_search) == (None, None)
    assert facts.left_out == ()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Forty pictures of random blobs in two classes; one of validation is a darker training picture."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 14), ("validation", 6)):
        for label in "01":
            (tmp_path / split / label).mkdir(parents=True)
            for number in range(count):
                coarse = Image.fromarray(generator.integers(0, 256, (9, 9, 3), np.uint8))
                coarse.resize((128, 128), Image.Resampling.BICUBIC).save(tmp_path / split / label / f"{number}.png")
    with Image.open(tmp_path / "train/0/3.png") as picture:
        picture.point(lambda level: int(level * 0.8)).save(tmp_path / "validation/0/0.png")
    return tmp_path


def test_a_darker_copy_that_was_not_known_is_found_and_no_other(photos: Path, job_for: Any) -> None:
    job = job_for(photos, classes=["0", "1"])
    search = features.run(session_for(job, 128)).facts.leak_search
    assert search.found == 1
    assert (search.pairs[0].path_a, search.pairs[0].path_b) == ("train/0/3.png", "validation/0/0.png")
    assert search.candidates >= 1


def test_a_copy_that_is_known_is_not_found_again(photos: Path, job_for: Any) -> None:
    job = job_for(photos, classes=["0", "1"])
    for sample in job.held_out:
        sample.leaked = sample.path == "validation/0/0.png"
    assert features.run(session_for(job, 128)).facts.leak_search.found == 0


def test_digits_of_one_kind_are_no_copies_of_each_other(loaded: Session) -> None:
    assert features.run(loaded).facts.leak_search.found == 0


def test_an_image_that_cannot_be_read_is_no_candidate(photos: Path, job_for: Any, tmp_path: Path) -> None:
    from cvadvisor.probe.features.decoded_pictures import DecodedPictures

    broken = photos / "train/0/broken.png"
    broken.write_bytes(b"no image")
    places = [Place("train/0/3.png"), Place("train/0/broken.png"), Place("train/0/gone.png")]
    assert DecodedPictures.of(photos, places, 3, quiet).readable.tolist() == [True, False, False]
    assert not job_for(photos, classes=["0", "1"]).train[0].leaked


@pytest.mark.parametrize("model", ["test_resnet", "test_efficientnet", "test_vit", "test_convnext"])
def test_features_are_what_the_head_reads_and_the_grid_is_bounded(digits: Path, job_for: Any, model: str) -> None:
    session = session_for(job_for(digits, model=model, weights="none"), 160)
    network = session.fresh_model().eval()
    found = features_of(session, session.job.train[:5], network)
    assert found.pooled.shape == (5, session.facts.feature_dim)
    assert found.grid.shape[0] == 5
    assert found.grid.shape[1] <= 4096
    assert np.ptp(found.grid, axis=0).max() > 0


def test_the_stage_before_the_last_is_the_last_block_with_a_larger_map() -> None:
    import timm

    model = timm.create_model("resnet18").eval()
    assert penultimate_stage(model, torch.zeros(1, 3, 64, 64)) in ("layer3", "layer3.1")


def test_vanished_held_out_files_do_not_matter(digits: Path, tmp_path: Path, job_for: Any) -> None:
    root = Path(shutil.copytree(digits, tmp_path / "digits"))
    job = job_for(root)
    (root / job.held_out[0].path).unlink()
    facts = features.run(session_for(job)).facts
    assert facts.validation_images == len(job.held_out) - 1
    assert isinstance(job.held_out[0], Sample)
