"""Channels behind ReLUs that are zero for every input: they pass nothing on, and no gradient back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DeadUnits:
    """Channels behind ReLUs, those of them that are dead, and the module with the largest share of dead ones."""

    units: int
    dead: int
    deadest: str
    deadest_share: float


def dead_units(model: Any, x: "torch.Tensor") -> DeadUnits | None:
    """Count dead channels in a forward pass of ``x``; ``None`` for a model without ReLUs.

    ReLUs are found as functions, so that those which are no modules count too; a function has the name of the module
    that calls it; a hard tanh is one where it cuts at zero. Channels are the second axis of feature maps and the last
    one of anything else. Maps of one pixel are left out: they are gates, which may rest closed or open.
    """
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    stack: list[str] = [""]
    found: list[tuple[str, int, int]] = []
    relus: set[Any] = {torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_}
    relus |= {functional.relu, functional.relu_, functional.relu6, functional.hardtanh}

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            cuts_at_zero = func is not functional.hardtanh or float(result.min()) >= 0
            if func in relus and cuts_at_zero and _has_channels(result):
                channels = 1 if result.ndim == 4 else result.ndim - 1
                alive = (result != 0).transpose(0, channels).flatten(1).any(1)
                found.append((stack[-1], len(alive), len(alive) - int(alive.sum())))
            return result

    def leave(_module: Any, _inputs: Any, _output: Any) -> None:
        stack.pop()

    hooks: list[Any] = []
    for name, module in model.named_modules():
        hooks.append(module.register_forward_pre_hook(lambda _module, _inputs, name=name: stack.append(name)))
        hooks.append(module.register_forward_hook(leave))
    try:
        with torch.no_grad(), Watch():
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        return None
    deadest = max(found, key=lambda layer: layer[2] / layer[1])
    units, dead = sum(layer[1] for layer in found), sum(layer[2] for layer in found)
    return DeadUnits(units, dead, deadest[0] or "the model itself", deadest[2] / deadest[1])


def _has_channels(result: "torch.Tensor") -> bool:
    return result.ndim > 1 and (result.ndim != 4 or result.shape[2] * result.shape[3] > 1)
