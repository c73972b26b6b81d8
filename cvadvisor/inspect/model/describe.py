"""The facts of a model."""

from typing import Any

from cvadvisor.facts import ModelFacts
from cvadvisor.inspect.model.build import input_of
from cvadvisor.inspect.model.name import origin
from cvadvisor.inspect.model.weights import Weights
from cvadvisor.task import network


def describe(model: Any, name: str, weights: Weights) -> ModelFacts:
    """The facts of ``model``, as :func:`cvadvisor.inspect.model.create` made it from ``name``."""
    from torch import nn

    head = network.head(model)
    heads = sum(p.numel() for one in network.heads(model) for p in one.parameters())
    taken = input_of(model)
    modules = list(model.modules())
    batch_norms = sum(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules)
    other_norms = sum(isinstance(m, nn.LayerNorm | nn.GroupNorm) or "RmsNorm" in type(m).__name__ for m in modules)
    return ModelFacts(
        name=origin(name).shown,
        weights=weights.status,
        pretrained=weights.trained,
        weights_source=weights.source,
        weights_problem=weights.problem,
        parameters=sum(p.numel() for p in model.parameters()) - heads,
        feature_dim=head.in_features,
        source_classes=_source_classes(model, weights),
        classes=head.out_features,
        input_size_px=taken.size_px,
        fixed_input_size=taken.fixed,
        mean=taken.mean,
        std=taken.std,
        layers=sum(isinstance(m, nn.Linear | nn.Conv2d) for m in modules) - len(network.heads(model)),
        batch_norm_layers=batch_norms,
        other_norm_layers=other_norms,
        attention=any("Attention" in type(m).__name__ for m in modules),
    )


def _source_classes(model: Any, weights: Weights) -> int | None:
    if weights.state is None:
        return None
    source_head = weights.state.get(network.head_names(model)[0])
    return None if source_head is None else int(source_head.shape[0])
