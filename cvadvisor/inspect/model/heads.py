"""Find the linear layers that make a model's logits, and give them the number of classes at hand."""

import copy
from typing import Any

from cvadvisor.inspect.model.errors import ModelError, first_line
from cvadvisor.task import network


def find_heads(model: Any, classes: int, size: int, name: str) -> None:
    """Find ``model``'s heads, make them fit ``classes``, and mark them for :mod:`cvadvisor.task.network`.

    Where the model does not name one linear layer (timm's ``get_classifier``), a forward pass at ``size`` px tells
    which layer's output is the logits, or which layers' mean. A head of another size, or without a bias, is replaced.

    Raises:
        ModelError: no linear layer makes the logits, or they have another shape than (images, classes).
    """
    main = _named(model) or _seen(model, size, name)
    auxiliary = [] if _named(model) else _auxiliary(model, size, main)
    for head in (*main, *auxiliary):
        _fit(model, head, classes)
    network.mark_heads(model, (*main, *auxiliary), averaged=len(main))
    if _named(model):
        return
    shape = tuple(network.logits(copy.deepcopy(model).eval(), _images(size)).shape)
    if shape != (2, classes):
        raise ModelError(f"{name} gives outputs of shape {shape} for 2 images, where (2, {classes}) is needed.")


def _named(model: Any) -> list[str]:
    """The head that a timm model names, where it is one linear layer with a bias."""
    from torch import nn

    head = model.get_classifier() if hasattr(model, "get_classifier") and hasattr(model, "pretrained_cfg") else None
    if not isinstance(head, nn.Linear) or head.bias is None:
        return []
    return [name for name, module in model.named_modules() if module is head][:1]


def _seen(model: Any, size: int, name: str) -> list[str]:
    """The head or heads whose output, or whose mean, are the logits; else the last layer of as many outputs."""
    outputs, calls = _watch(model, size, training=False)
    logits = outputs[0]
    columns = logits.shape[1] if logits.ndim == 2 else 0
    heads = [head for head, made in reversed(calls) if _same(made, logits)][:1]
    if not heads and columns:
        last = [(head, made) for head, made in calls if made.shape == logits.shape][-2:]
        if len(last) == 2 and _same((last[0][1] + last[1][1]) / 2, logits):
            heads = [head for head, _ in last]
        else:
            heads = [head for head, _ in last[-1:]]
    if heads:
        return heads
    last_layer, shape = type(_last_layer(model)).__name__, tuple(logits.shape)
    raise ModelError(
        f"The head of {name} is no linear layer (its last layer is {last_layer}, its output has shape {shape}): "
        "choose another model, or end it in one nn.Linear whose output is returned first."
    )


def _auxiliary(model: Any, size: int, main: list[str]) -> list[str]:
    """Linear layers that make further outputs, in training or evaluation."""
    found: dict[str, None] = {}
    for training in (False, True):
        try:
            outputs, calls = _watch(model, size, training=training)
        except ModelError:
            continue  # what only training needs may not run on noise
        for output in outputs[1:]:
            makers = [head for head, made in calls if output.ndim == 2 and _same(made, output)]
            found |= dict.fromkeys(head for head in makers if head not in main)
    return list(found)


def _watch(model: Any, size: int, *, training: bool) -> tuple[list[Any], list[tuple[str, Any]]]:
    """All outputs of a pass of a copy of ``model``, and what each linear layer gave, in the order of their calls."""
    import torch
    from torch import nn

    calls: list[tuple[str, Any]] = []
    try:
        trial = copy.deepcopy(model).train(training)
        for name, module in trial.named_modules():
            if isinstance(module, nn.Linear):
                module.register_forward_hook(lambda _module, _inputs, made, name=name: calls.append((name, made)))
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            outputs = network.outputs(trial(_images(size)))
    except Exception as error:  # whatever a model may raise
        raise ModelError(f"The model cannot run: {type(error).__name__}: {first_line(error)}.") from error
    if not outputs:
        raise ModelError("The model's output holds no tensor.")
    return outputs, calls


def _same(made: Any, output: Any) -> bool:
    """Whether two tensors hold the same values; NaN equals NaN."""
    import torch

    return made.numel() == output.numel() and torch.allclose(made.flatten(), output.flatten(), equal_nan=True)


def _fit(model: Any, name: str, classes: int) -> None:
    """Replace the linear layer ``name`` if it has another number of outputs or no bias."""
    import torch

    head = model.get_submodule(name)
    if head.out_features != classes or head.bias is None:
        parent, _, attribute = name.rpartition(".")
        fresh = torch.nn.Linear(head.in_features, classes, device=head.weight.device, dtype=head.weight.dtype)
        setattr(model.get_submodule(parent), attribute, fresh)


def _last_layer(model: Any) -> Any:
    """The last layer with weights as the model lists them; the model itself where there is none."""
    layers = [module for module in model.modules() if next(module.parameters(recurse=False), None) is not None]
    return layers[-1] if layers else model


def _images(size: int) -> Any:
    import torch

    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
