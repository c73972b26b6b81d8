"""Models of torchvision and of the user's own, and models with several heads."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from cvadvisor.inspect import model as models
from cvadvisor.inspect.model.build import input_of
from cvadvisor.task import classification, network
from tests.probe.own_models import write_models


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("own"))


def described(name: str, weights: str = "none", file: Path | None = None, classes: int = 3) -> Any:
    found = models.load_weights(name, weights, file, classes)
    model = models.create(name, classes)
    models.load_into(model, found)
    return models.describe(model, name, found)


def images(size: int, count: int = 4) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


# --- the name ---


def test_a_name_that_timm_lacks_is_torchvisions() -> None:
    models.check_name("alexnet")
    models.check_name("torchvision:resnet18")
    assert models.origin("alexnet").shown == "torchvision:alexnet"
    assert models.origin("resnet18").library == "timm"


def test_a_wrong_name_of_torchvision_gets_the_nearest_real_ones() -> None:
    with pytest.raises(models.ModelError, match="torchvision:resnet18"):
        models.check_name("torchvision:resnet_18")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{own}", "file.py:build"),
        ("{own}:", "file.py:build"),
        ("nowhere.py:build", "no such file"),
        ("{own}:Nett", "has nothing called 'Nett': it has Net, "),
        ("{own}:number", "number is int, where a function or class"),
        ("{own}:already_made", "a model that is already made"),
    ],
)
def test_a_file_or_a_function_that_is_not_there_is_said_in_a_line(own: Path, name: str, said: str) -> None:
    with pytest.raises(models.ModelError) as error:
        models.check_name(name.format(own=own))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        ("takes_two", "takes_two needs a, b"),
        ("fails", r"fails(num_classes=3) fails with RuntimeError: no such thing."),
        ("gives_text", "gives_text() gives str, where a torch.nn.Module is needed"),
        ("convolution_head", "is no linear layer (its last layer is Conv2d"),
        ("two_outputs_swapped", "is no linear layer"),
        ("Gray", "takes images of 1 channel, and is given RGB"),
    ],
)
def test_a_model_that_cannot_be_used_is_said_in_a_line(own: Path, builder: str, said: str) -> None:
    with pytest.raises(models.ModelError) as error:
        models.create(f"{own}:{builder}", 3)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_a_model_says_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text("def Loud(num_classes): raise RuntimeError('boom \\x1b[31m')\n", encoding="utf-8")
    with pytest.raises(models.ModelError, match=r"boom \\x1b\[31m"):
        models.create(f"{tmp_path / 'loud.py'}:Loud", 3)


def test_a_file_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nothing_like_it\n")
    with pytest.raises(models.ModelError, match=r"broken\.py cannot be imported: ModuleNotFoundError.*nothing_like_it"):
        models.check_name(f"{tmp_path}/broken.py:build")


def test_a_file_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    write_models(tmp_path).rename(tmp_path / "own_parts.py")
    (tmp_path / "mine.py").write_text("from own_parts import Net\n\ndef build(n):\n    return Net(n)\n")
    code = f"from cvadvisor.inspect import model; print(model.create({str(tmp_path / 'mine.py:build')!r}, 5).fc)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "out_features=5" in done.stdout


# --- heads ---


@pytest.mark.parametrize("builder", ["Net", "Auxiliary", "Averaged", "Viewing", "fixed_head", "with_weights"])
def test_every_head_starts_from_a_linear_probe(own: Path, builder: str) -> None:
    model = models.create(f"{own}:{builder}", 3).eval()
    x = images(64)
    weight, bias = torch.randn(3, network.head(model).in_features), torch.randn(3)
    features = network.features(model, x)
    classification.start_head(model, weight.numpy(), bias.numpy())
    assert torch.allclose(network.logits(model, x), features @ weight.T + bias, atol=1e-4)
    classification.start_head(model)
    assert network.logits(model.train(), x).tolist() == [[0, 0, 0]] * 4


def test_a_distilled_models_two_heads_are_one(own: Path) -> None:
    model = models.create("deit_tiny_distilled_patch16_224", 3)
    assert len(network.logit_heads(model)) == 2
    assert network.features(model.eval(), images(224, 2)).shape == (2, 192)


def test_auxiliary_heads_are_known_and_keep_their_size(own: Path) -> None:
    model = models.create(f"{own}:Auxiliary", 3)
    assert [len(network.heads(model)), len(network.logit_heads(model))] == [2, 1]
    assert network.head(model) is model.fc


@pytest.mark.slow
def test_torchvisions_auxiliary_heads_are_gone() -> None:
    model = models.create("torchvision:inception_v3", 3)
    assert network.outputs(model.train()(images(299, 2)))[1:] == []
    assert len(network.heads(model)) == 1


# --- the input ---


@pytest.mark.parametrize(
    ("builder", "size", "fixed"), [("Net", 224, False), ("Viewing", 64, True), ("Stated", 48, False)]
)
def test_the_size_is_stated_or_found_by_trying(own: Path, builder: str, size: int, fixed: bool) -> None:
    facts = described(f"{own}:{builder}")
    assert (facts.input_size_px, facts.fixed_input_size) == (size, fixed)


def test_normalisation_is_the_models_own_or_imagenets(own: Path) -> None:
    assert described(f"{own}:Net").mean == pytest.approx((0.485, 0.456, 0.406))
    stated = input_of(models.create(f"{own}:Stated", 3))
    assert (stated.mean, stated.std) == ((0.5,) * 3, (0.25,) * 3)


def test_a_view_of_feature_maps_keeps_channels_first(own: Path) -> None:
    assert not models.takes_channels_last(models.create(f"{own}:Viewing", 3))
    assert models.takes_channels_last(models.create(f"{own}:Net", 3))


@pytest.mark.slow
def test_torchvisions_transforms_say_size_and_normalisation() -> None:
    facts = described("torchvision:vit_b_16")
    assert (facts.input_size_px, facts.fixed_input_size, facts.classes) == (224, True, 3)
    assert facts.std == pytest.approx((0.229, 0.224, 0.225))
    assert not described("torchvision:mnasnet0_5").fixed_input_size


# --- weights ---


def test_a_users_model_is_pretrained_if_two_of_it_are_the_same(own: Path) -> None:
    assert described(f"{own}:with_weights", "default").pretrained
    facts = described(f"{own}:Net", "default")
    assert not facts.pretrained
    assert facts.weights == "unavailable"


def test_facts_name_no_folder_of_the_user(own: Path) -> None:
    assert described(f"{own}:with_weights", "default").name == "own_models.py:with_weights"
    assert str(own.parent) not in str(described(f"{own}:with_weights", "default"))


@pytest.mark.parametrize("name", ["{own}:Net", "torchvision:mnasnet0_5"])
def test_a_file_with_another_head_loads(own: Path, tmp_path: Path, name: str) -> None:
    source = models.create(name.format(own=own), 7)
    save_file(source.state_dict(), tmp_path / "w.safetensors")
    facts = described(name.format(own=own), "file", tmp_path / "w.safetensors")
    assert (facts.weights, facts.source_classes, facts.classes) == ("file", 7, 3)


def test_torchvisions_weights_come_from_its_cache_or_are_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    found = models.load_weights("torchvision:mnasnet0_5", "default", None)
    assert (found.status, found.state) == ("unavailable", None)
    assert "cannot be reached" in str(found.problem)

    import torchvision

    file = Path(torchvision.models.MNASNet0_5_Weights.DEFAULT.url).name
    (tmp_path / "checkpoints").mkdir()
    torch.save(torchvision.models.mnasnet0_5().state_dict(), tmp_path / "checkpoints" / file)
    assert models.load_weights("torchvision:mnasnet0_5", "default", None).status == "pretrained"
