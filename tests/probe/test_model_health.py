"""What overfitting a batch says of models that are well, and of models with one thing wrong."""

from pathlib import Path
from typing import Any

import pytest

from cvadvisor.advise.judge import judge
from cvadvisor.advise.rules import compile_rules, load_rules
from cvadvisor.facts import Facts, ProbeFacts
from cvadvisor.facts.overfit import OverfitFacts
from cvadvisor.probe import overfit_batch
from cvadvisor.probe.session import Session
from tests.probe.own_models import write_models

TRUE_OF_HEALTHY_ONES = {"library-head-starts-badly", "slow-to-overfit"}
"""Infos: the first is true of EfficientNets as timm makes them, the second of whatever learns slowly."""


@pytest.fixture(scope="module")
def rules() -> Any:
    return [one for one in compile_rules(load_rules()) if "probe.overfit" in one.rule.when]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("own"))


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def measured(digits: Path, job_for: Any, model: str, **changes: Any) -> OverfitFacts:
    job = job_for(digits, **{"model": model, "weights": "none", **changes})
    session = Session(job, lambda done, total: None, image_size=32)
    facts = session.load_model()
    if facts.fixed_input_size:
        session.image_size = facts.input_size_px
    return overfit_batch.run(session).facts


def findings(rules: Any, facts: OverfitFacts) -> set[str]:
    outcomes, _, _ = judge(rules, Facts(probe=ProbeFacts(overfit=facts)), ())
    assert not [one for one in outcomes if one.status == "failed"]
    return {one.name for one in outcomes if one.status == "fired"} - TRUE_OF_HEALTHY_ONES


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Detached", {"dead-parameters"}),
        ("Mixing", {"images-mix-within-batch"}),
        ("Frozen", {"frozen-parameters"}),
        ("Sigmoids", {"vanishing-gradients"}),
        ("Bypassed", {"head-without-effect"}),
        ("Broken", {"weights-not-finite"}),
        ("Overflowing", {"gradients-not-finite"}),
        ("Dead", {"dead-layer", "output-ignores-input"}),
        ("Constant", {"output-ignores-input"}),
        ("AlwaysZero", {"output-ignores-input"}),
        ("ForgetfulBatchNorm", {"forgotten-in-evaluation"}),
        ("RandomAlways", {"evaluation-not-repeatable"}),
        ("Exploding", {"exploding-gradients"}),
    ],
)
def test_one_thing_wrong_is_found(
    digits: Path, job_for: Any, rules: Any, own: Path, model: str, expected: set[str]
) -> None:
    found = findings(rules, measured(digits, job_for, f"{own}:{model}"))
    consequences = {"cannot-overfit-a-batch", "library-head-not-finite"}
    assert found - consequences == expected


@pytest.mark.parametrize("model", ["Net", "Dropout", "BatchNorm", "Auxiliary", "Viewing", "Averaged", "with_weights"])
def test_nothing_is_wrong_with_a_healthy_model_of_ones_own(
    digits: Path, job_for: Any, rules: Any, own: Path, model: str
) -> None:
    assert not findings(rules, measured(digits, job_for, f"{own}:{model}", weights="default"))


@pytest.mark.parametrize(
    "model", ["test_resnet", "test_efficientnet_gn", "test_nfnet", "test_byobnet", "test_convnext"]
)
def test_nothing_is_wrong_with_a_small_healthy_model(
    digits: Path, job_for: Any, rules: Any, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setattr(overfit_batch, "MAX_STEPS", 12)
    assert not findings(rules, measured(digits, job_for, model))


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        *("test_coatnet", "test_convnext2", "test_convnext3", "test_efficientnet", "test_efficientnet_evos"),
        *("test_efficientnet_ln", "test_mambaout", "test_maxvit", "test_vit", "test_vit2", "test_vit3", "test_vit4"),
        *("test_vit_relpos", "resnet18", "mixer_s32_224", "deit_tiny_distilled_patch16_224", "mobilenetv3_small_050"),
        *("torchvision:googlenet", "torchvision:shufflenet_v2_x0_5"),
    ],
)
def test_nothing_is_wrong_with_healthy_models_of_many_kinds(
    digits: Path, job_for: Any, rules: Any, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setattr(overfit_batch, "MAX_STEPS", 8)
    monkeypatch.setattr(overfit_batch, "IMAGES", 8)
    assert not findings(rules, measured(digits, job_for, model))


def test_nothing_is_wrong_with_pretrained_weights(loaded: Session, rules: Any) -> None:
    assert not findings(rules, overfit_batch.run(loaded).facts)


def test_parts_that_serve_other_outputs_alone_are_not_dead(digits: Path, job_for: Any, own: Path) -> None:
    assert measured(digits, job_for, f"{own}:Auxiliary").dead_parameters == 0


def test_layers_are_named(digits: Path, job_for: Any, own: Path) -> None:
    assert measured(digits, job_for, f"{own}:Sigmoids").weakest_gradient_examples[0] == "conv1.weight"
    assert measured(digits, job_for, f"{own}:Frozen").frozen_parameter_examples == ("conv2.weight", "conv2.bias")
    assert measured(digits, job_for, f"{own}:Broken").nonfinite_parameter_examples == ("conv2.weight",)


def test_five_thousand_classes_and_two_are_no_trouble(digits: Path, job_for: Any, own: Path) -> None:
    many = [f"class {number}" for number in range(5000)]
    assert measured(digits, job_for, f"{own}:Net", classes=many).library_head_loss == pytest.approx(8.52, abs=0.5)
    job = job_for(digits)
    two = {part: [one for one in getattr(job, part) if one.label < 2] for part in ("train", "held_out")}
    assert measured(digits, job_for, f"{own}:Net", classes=["0", "1"], **two).chance_loss == pytest.approx(
        0.693, abs=1e-3
    )


def test_the_plan_keeps_to_the_allowance(
    digits: Path, job_for: Any, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overfit_batch, "MAX_STEPS", 45)
    session = Session(job_for(digits, model=f"{own}:Net", weights="none"), lambda done, total: None, image_size=96)
    session.load_model()
    cost = overfit_batch.cost(session)
    assert cost.least_s < cost.most_s
    session.allowance = cost.least_s
    assert overfit_batch.run(session).facts.max_steps == overfit_batch.MIN_STEPS
    session.allowance = cost.most_s
    facts = overfit_batch.run(session).facts
    assert (facts.image_size_px, facts.max_steps) == (96, overfit_batch.MAX_STEPS)
