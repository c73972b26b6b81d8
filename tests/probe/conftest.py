"""A small job on real digits with real ImageNet weights, and a session that has the model loaded."""

import random
from pathlib import Path
from typing import Any

import pytest

from cvadvisor.inspect.dataset.places import Place
from cvadvisor.probe.session import Job, Sample, Session
from tests.digits import write_digits


def make_job(root: Path, **changes: Any) -> Job:
    def samples(split: str) -> list[Sample]:
        files = sorted(root.glob(f"{split}/*/*"))
        found = [Sample(Place(file.relative_to(root).as_posix()), int(file.parent.name)) for file in files]
        random.Random(0).shuffle(found)
        return found

    settings: dict[str, Any] = {
        "root": str(root),
        "classes": ["0", "1", "2"],
        "train": samples("train"),
        "held_out": samples("validation"),
        "held_out_from": "validation",
        "train_images": len(samples("train")),
        "model": "tf_efficientnet_lite0",
        "weights": "default",
        "weights_file": None,
        "device": "cpu",
        "cores": 2,
        "seed": 0,
        "budget_s": 300.0,
    }
    return Job(**{**settings, **changes})


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits"), train=30, validation=12)


@pytest.fixture(scope="session")
def loaded(digits: Path) -> Session:
    """A session with pretrained weights; tests read it and must not change it."""
    session = Session(make_job(digits), lambda done, total: None, image_size=64)
    session.load_model()
    return session


@pytest.fixture
def job_for() -> Any:
    return make_job
