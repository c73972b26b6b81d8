import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cvadvisor.inspect import model as models
from cvadvisor.inspect.model import weights as weights_module


class Bomb:
    def __reduce__(self):
        return (Path("boom").touch, ())


@pytest.fixture(scope="module")
def small():
    return models.create("test_resnet", 3)


def test_a_wrong_name_gets_the_nearest_real_ones() -> None:
    with pytest.raises(models.ModelError, match="resnet50"):
        models.check_name("restnet50")


def test_a_file_with_the_models_own_tensors_loads_without_its_head(small, tmp_path: Path) -> None:
    source = models.create("test_resnet", 7)
    save_file(source.state_dict(), tmp_path / "w.safetensors")
    weights = models.load_weights("test_resnet", "file", tmp_path / "w.safetensors")
    models.load_into(small, weights)
    key = next(iter(small.state_dict()))
    assert torch.equal(small.state_dict()[key], source.state_dict()[key])
    assert models.describe(small, "test_resnet", weights).source_classes == 7


def test_a_file_of_another_model_is_refused_with_a_tensors_name(small, tmp_path: Path) -> None:
    other = models.create("test_vit", 3)
    save_file(other.state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(models.ModelError, match="does not fit"):
        models.load_into(small, models.load_weights("test_resnet", "file", tmp_path / "w.safetensors"))


def test_a_tensor_of_another_shape_is_named_with_both_shapes(small, tmp_path: Path) -> None:
    state = small.state_dict()
    key = next(iter(state))
    save_file({**state, key: torch.zeros(1, 2)}, tmp_path / "w.safetensors")
    with pytest.raises(models.ModelError, match=r"\(1, 2\)"):
        models.load_into(small, models.load_weights("test_resnet", "file", tmp_path / "w.safetensors"))


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.pth").write_bytes(pickle.dumps({"a": Bomb()}))
    with pytest.raises(models.ModelError, match="cannot be read safely"):
        models.load_weights("test_resnet", "file", Path("w.pth"))
    assert not Path("boom").exists()


def test_a_checkpoint_wrapped_by_a_trainer_is_unwrapped(small, tmp_path: Path) -> None:
    wrapped = {"state_dict": {f"module.{k}": v for k, v in small.state_dict().items()}, "epoch": 3}
    torch.save(wrapped, tmp_path / "w.pth")
    models.load_into(small, models.load_weights("test_resnet", "file", tmp_path / "w.pth"))


def test_the_wheels_weights_are_found_without_a_network() -> None:
    weights = models.load_weights("tf_efficientnet_lite0", "default", None)
    assert weights.status == "pretrained"
    assert weights.converted
    model = models.create("tf_efficientnet_lite0", 10)
    models.load_into(model, weights)
    assert models.describe(model, "tf_efficientnet_lite0", weights).source_classes == 1000


@pytest.mark.parametrize(("made", "asked"), [("tf_efficientnet_lite1", "tf_efficientnet_lite1"), (None, "resnet18")])
def test_weights_by_the_names_of_the_first_port_are_renamed(made: str | None, asked: str, tmp_path: Path) -> None:
    own = models.create(made or "tf_efficientnet_lite0", 1000).state_dict()
    ported = {("_conv_stem.weight" if at == 0 else f"p{at}"): value for at, value in enumerate(own.values())}
    torch.save(ported, tmp_path / "w.pth")
    weights = models.load_weights(asked, "file", tmp_path / "w.pth")
    assert weights.converted
    assert weights.state is not None
    assert list(weights.state) == list(own)
    if made:
        models.load_into(models.create(asked, 3), weights)
    else:
        with pytest.raises(models.ModelError, match="does not fit"):
            models.load_into(models.create(asked, 3), weights)


def test_weights_of_another_size_of_the_port_are_refused(tmp_path: Path) -> None:
    own = models.create("tf_efficientnet_lite0", 1000).state_dict()
    torch.save({("_conv_stem.weight" if not at else f"p{at}"): v for at, v in enumerate(own.values())}, tmp_path / "w")
    with pytest.raises(models.ModelError, match="tensors, tf_efficientnet_lite1 has"):
        models.load_weights("tf_efficientnet_lite1", "file", tmp_path / "w")


def test_weights_that_cannot_be_had_are_unavailable_and_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(weights_module, "_is_cached", lambda hub_id: False)
    weights = models.load_weights("resnet18", "default", None)
    assert weights.status == "unavailable"
    assert weights.state is None
    assert weights.problem is not None


def test_random_weights_are_only_used_when_asked_for() -> None:
    assert models.load_weights("resnet18", "none", None).status == "none"


def test_facts_tell_batch_norm_from_attention() -> None:
    resnet, vit = models.create("test_resnet", 3), models.create("test_vit", 3)
    none = models.load_weights("x", "none", None)
    assert models.describe(resnet, "test_resnet", none).batch_norm_layers > 0
    facts = models.describe(vit, "test_vit", none)
    assert facts.attention
    assert facts.batch_norm_layers == 0
