"""A classifier as probes see it: its heads, the features that the main head reads, and its logits.

Any torch module will do whose last layer is linear: models of timm and torchvision, and a user's own. Where a model has
several heads (an auxiliary one, a distilled one), the first of them is the main one.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

_HEADS = "_cvadvisor_heads"


def mark_heads(model: Any, names: tuple[str, ...]) -> None:
    """Remember which submodules of ``model`` are its linear heads, the main one first."""
    setattr(model, _HEADS, names)


def heads(model: Any) -> "list[nn.Linear]":
    """The linear heads of ``model``, the main one first."""
    return [model.get_submodule(name) for name in getattr(model, _HEADS)]


def head_names(model: Any) -> list[str]:
    """Names of the heads' tensors in ``model``'s state."""
    return [f"{name}.{kind}" for name in getattr(model, _HEADS) for kind in ("weight", "bias")]


def head(model: Any) -> "nn.Linear":
    """The main head."""
    return heads(model)[0]


def logits(model: Any, x: "torch.Tensor") -> "torch.Tensor":
    """Logits (images, classes) of ``x`` (images, 3, size, size), whatever ``model`` wraps them in."""
    outputs = model(x)
    while not hasattr(outputs, "shape"):
        outputs = next(iter(outputs.values())) if hasattr(outputs, "values") else outputs[0]
    return outputs


def features(model: Any, x: "torch.Tensor") -> "torch.Tensor":
    """What the main head reads, (images, features), for ``x`` (images, 3, size, size)."""
    read: list[torch.Tensor] = []
    hook = head(model).register_forward_pre_hook(lambda _module, inputs: read.append(inputs[0]))
    try:
        model(x)
    finally:
        hook.remove()
    return read[-1].flatten(1)
