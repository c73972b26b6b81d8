"""A classifier as probes see it: its heads, the features that they read, and its logits.

Any torch module will do whose last layer is linear: models of timm and torchvision, and a user's own. Where a model has
several heads, those that make the logits come first: one, or the two whose mean a distilled model returns. What else it
returns, as auxiliary logits in training, probes and the script leave alone.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

_HEADS = "_cvadvisor_heads"
_AVERAGED = "_cvadvisor_averaged"


def mark_heads(model: Any, names: tuple[str, ...], averaged: int = 1) -> None:
    """Remember which submodules of ``model`` are its linear heads, and that the logits are the mean of the first few.

    Args:
        model: any torch module; copies of it remember too.
        names: the submodules, the main one first.
        averaged: of how many of them the logits are the mean.
    """
    setattr(model, _HEADS, tuple(names))
    setattr(model, _AVERAGED, averaged)


def heads(model: Any) -> "list[nn.Linear]":
    """The linear heads of ``model``, the main one first."""
    return [model.get_submodule(name) for name in getattr(model, _HEADS)]


def logit_heads(model: Any) -> "list[nn.Linear]":
    """The heads whose mean the logits are: mostly one."""
    return heads(model)[: getattr(model, _AVERAGED)]


def head_names(model: Any) -> list[str]:
    """Names of the heads' tensors in ``model``'s state."""
    return [f"{name}.{kind}" for name in getattr(model, _HEADS) for kind in ("weight", "bias")]


def head(model: Any) -> "nn.Linear":
    """The main head."""
    return heads(model)[0]


def outputs(returned: Any) -> "list[torch.Tensor]":
    """All tensors in what a model ``returned``, a tensor or any nesting of sequences and mappings, in their order."""
    if hasattr(returned, "shape"):
        return [returned]
    if hasattr(returned, "values"):
        returned = returned.values()
    if isinstance(returned, str) or not hasattr(returned, "__iter__"):
        return []
    return [tensor for part in returned for tensor in outputs(part)]


def logits(model: Any, x: "torch.Tensor") -> "torch.Tensor":
    """Logits (images, classes) of ``x`` (images, 3, size, size): the first tensor of what ``model`` returns."""
    return outputs(model(x))[0]


def features(model: Any, x: "torch.Tensor") -> "torch.Tensor":
    """What the heads behind the logits read, (images, features), for ``x`` (images, 3, size, size).

    Where the logits are a mean of heads it is the mean of what they read, so that one weight for all of them gives the
    logits that it gives here.
    """
    read: dict[int, torch.Tensor] = {}
    hooks = [
        one.register_forward_pre_hook(lambda _module, inputs, place=place: read.update({place: inputs[0]}))
        for place, one in enumerate(logit_heads(model))
    ]
    try:
        model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(one.flatten(1) for one in read.values()) / len(read)  # type: ignore[return-value]
