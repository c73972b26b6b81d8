from pathlib import Path
from typing import Any

import pytest

from cvadvisor.probe.session import Session
from tests.digits import write_digits


@pytest.fixture(scope="session")
def many_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("many digits"), train=40, validation=8)


@pytest.fixture
def digit_session(many_digits: Path, job_for: Any) -> Session:
    """A small model with random weights on 120 training images."""
    job = job_for(many_digits, model="test_resnet", weights="none", cores=1)
    session = Session(job, lambda done, total: None, image_size=32)
    session.load_model()
    return session


@pytest.fixture
def pretrained_session(many_digits: Path, job_for: Any) -> Session:
    """A model that knows ImageNet: its gradients on these images agree."""
    session = Session(job_for(many_digits, cores=1), lambda done, total: None, image_size=32)
    session.load_model()
    return session
