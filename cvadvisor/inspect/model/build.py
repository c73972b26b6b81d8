"""Make a model with a fresh head for the classes at hand, and find out what input it takes."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cvadvisor.inspect.model.errors import ModelError, first_line
from cvadvisor.inspect.model.heads import find_heads
from cvadvisor.inspect.model.name import Origin, origin
from cvadvisor.task import network

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
USUAL_SIZES_PX = (224, 32, 64, 28, 96, 128, 160, 192, 256, 299, 384, 448, 512)
"""Sides to try where a model does not say which it takes: ImageNet's first, then those of small datasets."""
OTHER_SIZES_PX = (64, 160)
"""A model that takes these too takes any size that a probe may ask for."""


@dataclass(frozen=True)
class Input:
    """What a model takes: the side in px, whether it takes only that, and how its pixels in 0…1 are normalised."""

    size_px: int
    fixed: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]


def create(name: str, classes: int) -> Any:
    """The model called ``name``, before any weights are loaded, with fresh linear heads for ``classes`` classes.

    Its heads are marked for :mod:`cvadvisor.task.network`, and what input it takes is remembered for
    :func:`input_of`. A user's own model may come with weights.

    Raises:
        ModelError: it can't be built or run, or its logits come from no linear layer.
    """
    found = origin(name)
    if found.library == "timm":
        return _timm(found, classes)
    model, stated = _torchvision(found, classes) if found.library == "torchvision" else _own(found, classes)
    _check_channels(model, found)
    size = _first_size(model, found, stated)
    taken = {other: _runs(model, other) is None for other in OTHER_SIZES_PX if other != size}
    model._cvadvisor_input = Input(size, not all(taken.values()), stated.mean, stated.std)
    find_heads(model, classes, size, found.shown)
    if not hasattr(model, "group_matcher"):  # else timm's layer-wise rates look here for where the head is
        model.pretrained_cfg = {"classifier": tuple(name.rpartition(".")[0] for name in network.head_names(model)[::2])}
    return model


def input_of(model: Any) -> Input:
    """What ``model``, as :func:`create` made it, takes."""
    return model._cvadvisor_input


def takes_channels_last(model: Any) -> bool:
    """Whether ``model`` runs with its channels last in memory: one that uses ``view`` on feature maps does not."""
    import torch

    try:
        trial = copy.deepcopy(model).eval().to(memory_format=torch.channels_last)
        images = _images(input_of(model).size_px).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            trial(images)
    except Exception:  # whatever a model may raise
        return False
    return True


def _timm(found: Origin, classes: int) -> Any:
    import timm

    try:
        model = timm.create_model(found.name, pretrained=False, num_classes=classes)
    except Exception as error:
        raise ModelError(f"timm cannot build {found.name!r} with {classes} classes: {first_line(error)}") from error
    config = model.pretrained_cfg
    size = config["input_size"][-1]
    mean, std = tuple(config["mean"]), tuple(config["std"])
    model._cvadvisor_input = Input(size, bool(config.get("fixed_input_size")), mean, std)
    find_heads(model, classes, size, found.shown)
    return model


def _torchvision(found: Origin, classes: int) -> tuple[Any, Input]:
    """The model and the input that its default weights were trained with. It never has auxiliary heads."""
    import torchvision.models

    weights = torchvision.models.get_model_weights(found.name)
    default = getattr(weights, "DEFAULT", None)
    stated = Input(224, False, IMAGENET_MEAN, IMAGENET_STD)
    if default is not None:
        transform = default.transforms()
        stated = Input(transform.crop_size[0], False, tuple(transform.mean), tuple(transform.std))
    # only vision transformers are built for a size; the others take any
    options = {"image_size": stated.size_px} if found.name.startswith("vit_") else {}
    try:
        model = torchvision.models.get_model(found.name, weights=None, num_classes=classes, **options)
    except Exception as error:
        raise ModelError(f"torchvision cannot build {found.name!r}: {first_line(error)}") from error
    if getattr(model, "aux_logits", False):  # as torchvision itself does for pretrained ones without them
        model.aux_logits = False
        for auxiliary in ("aux1", "aux2", "AuxLogits"):
            if hasattr(model, auxiliary):
                setattr(model, auxiliary, None)
    return model, stated


def _own(found: Origin, classes: int) -> tuple[Any, Input]:
    """A user's model, and the input that its attributes name: timm's config, or a size, a mean and a deviation.

    A size of 0 stands for one that it does not name. Without a mean and deviation, ImageNet's hold.
    """
    from cvadvisor.inspect.model.own import build

    assert found.file is not None
    model = build(found.file, found.name, classes)
    config = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None)
    stated = dict(config) if isinstance(config, Mapping) else {}
    for name in ("image_size", "img_size", "input_size"):
        stated.setdefault("input_size", getattr(model, name, None))
    size, mean, std = stated["input_size"], stated.get("mean"), stated.get("std")
    size = size[-1] if isinstance(size, tuple | list) and size else size
    size = size if isinstance(size, int) and 8 <= size <= 4096 else 0
    return model, Input(
        size,
        False,
        _channels(getattr(model, "mean", None) if mean is None else mean, IMAGENET_MEAN),
        _channels(getattr(model, "std", None) if std is None else std, IMAGENET_STD),
    )


def _channels(value: Any, default: tuple[float, ...]) -> tuple[float, ...]:
    """Three finite numbers of ``value``, a sequence or a tensor; ``default`` if it is something else."""
    try:
        numbers = value.flatten().tolist() if hasattr(value, "flatten") else list(value)
        found = tuple(float(number) for number in numbers)
    except (TypeError, ValueError, AttributeError):
        return default
    sane = len(found) == 3 and all(0 <= number <= 1 for number in found)
    return found if sane and (default is IMAGENET_MEAN or min(found) > 0) else default


def _check_channels(model: Any, found: Origin) -> None:
    """Raises: ModelError: its first convolution takes something else than RGB."""
    from torch import nn

    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is not None and first.in_channels == 1:
        raise ModelError(
            f"{found.shown} takes images of 1 channel, and is given RGB: average the channels first thing in its "
            "forward, or let its first convolution take 3."
        )


def _first_size(model: Any, found: Origin, stated: Input) -> int:
    """The side that the model names, or else the first usual one that it takes.

    Raises:
        ModelError: it takes none of them; the message says what the first try gave.
    """
    sizes = (stated.size_px,) if stated.size_px else USUAL_SIZES_PX
    problems = []
    for size in sizes:
        problem = _runs(model, size)
        if problem is None:
            return size
        problems.append(problem)
    raise ModelError(
        f"{found.shown} cannot run on images of shape (2, 3, {sizes[0]}, {sizes[0]}): {problems[0]}; it may name its "
        "size in an attribute image_size."
    )


def _runs(model: Any, size: int) -> str | None:
    """``None`` if ``model`` takes images of ``size`` px, else what it says."""
    import torch

    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            network.logits(model, _images(size))
    except Exception as error:  # whatever a model may raise
        return f"{type(error).__name__}: {first_line(error)}"
    finally:
        model.train(was_training)
    return None


def _images(size: int) -> Any:
    """Two images of noise, the same at each call."""
    import torch

    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
