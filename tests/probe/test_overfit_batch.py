import math
from pathlib import Path

import pytest

from cvadvisor.probe import overfit_batch
from cvadvisor.probe.session import Session


def test_a_pretrained_model_memorises_one_batch(loaded: Session) -> None:
    measured = overfit_batch.run(loaded)
    assert measured.facts.fitted
    assert measured.facts.gradients_are_finite
    assert measured.facts.dead_parameters == 0
    assert measured.curves[0].series[0].y[0] == pytest.approx(math.log(3), abs=1e-4)


def test_the_head_of_the_model_library_starts_above_chance(loaded: Session) -> None:
    assert overfit_batch.run(loaded).facts.library_head_loss_ratio > 1.2


def test_a_parameter_that_training_never_reaches_is_named(digits: Path, job_for) -> None:
    import torch

    session = Session(job_for(digits, model="test_resnet", weights="none"), lambda done, total: None, image_size=32)
    session.load_model()
    session._model.register_parameter("forgotten", torch.nn.Parameter(torch.zeros(2)))
    assert overfit_batch.run(session).facts.dead_parameter_examples == ("forgotten",)


def test_gradients_that_are_not_finite_are_a_fact_and_no_crash(digits: Path, job_for) -> None:
    import torch

    session = Session(job_for(digits, model="test_resnet", weights="none"), lambda done, total: None, image_size=32)
    session.load_model()
    with torch.no_grad():
        next(session._model.parameters()).fill_(float("inf"))
    facts = overfit_batch.run(session).facts
    assert not facts.gradients_are_finite
    assert not facts.fitted


def test_dropout_of_every_kind_is_off_and_statistics_train_only_where_they_may() -> None:
    from timm.layers import DropPath
    from torch import nn
    from torchvision.ops import StochasticDepth

    random = [nn.Dropout(0.5), nn.Dropout2d(0.5), nn.AlphaDropout(0.5), DropPath(0.5), StochasticDepth(0.5, "row")]
    model = nn.Sequential(*random, nn.BatchNorm2d(3))
    overfit_batch.train_mode(model, frozen_statistics=False)
    assert [module.training for module in model] == [False] * 5 + [True]
    overfit_batch.train_mode(model, frozen_statistics=True)
    assert not model[-1].training
