"""What a model's gradients do: which layers get none, hardly any, far too much, or no finite number."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from cvadvisor.probe.session import Session

SHOWN = 8
"""Names of parameters that a fact lists."""


@dataclass
class Gradients:
    """What the gradients of one training did so far, by parameter.

    Attributes:
        alive: parameters that got a gradient.
        largest: each weight's largest gradient norm over the norm of the weight.
    """

    alive: set[str] = field(default_factory=set)
    largest: dict[str, float] = field(default_factory=dict)

    def note(self, model: Any) -> bool:
        """Note what a backward pass left in ``model``; whether every gradient is finite."""
        import torch

        heads = _head_parameters(model)
        named = [(name, p) for name, p in model.named_parameters() if p.grad is not None]
        if not named:
            return True
        # one transfer from the device for all of them
        sizes = torch.stack([p.grad.norm() for _, p in named] + [p.detach().norm() for _, p in named]).tolist()
        if not all(map(math.isfinite, sizes)):
            return False
        for (name, parameter), gradient, weight in zip(named, sizes, sizes[len(named) :], strict=False):
            if gradient > 0:
                self.alive.add(name)
                if _is_layer(name, parameter) and weight > 0 and name not in heads:
                    self.largest[name] = max(self.largest.get(name, 0.0), gradient / weight)
        return True

    def dead(self, model: Any) -> list[str]:
        """Trainable parameters of ``model`` that never got a gradient."""
        return [name for name, p in model.named_parameters() if p.requires_grad and name not in self.alive]


def nonfinite_parameters(model: Any) -> list[str]:
    """Parameters of ``model`` that hold no finite number."""
    import torch

    return [name for name, p in model.named_parameters() if not torch.isfinite(p).all()]


def first_layer(session: "Session", x: "torch.Tensor", y: "torch.Tensor") -> tuple[float | None, list[str]]:
    """How strongly the loss on ``x``, ``y`` depends on the first layer against the strongest, and the weakest layers.

    A layer's strength is the norm of its gradient times that of its weight: what it moves when the weight changes by
    its own size, which no scale of layers changes. Blocks that add little to a residual stream are weak by design; the
    first layer is weak only where gradients fade on their way to it.
    """
    from cvadvisor.probe.overfit_batch import train_mode
    from cvadvisor.task import classification, network

    assert session.facts is not None
    model = random_head(session, x)
    train_mode(model, frozen_statistics=session.facts.pretrained)
    called: dict[str, None] = {}
    names = {id(p): name for name, p in model.named_parameters()}

    def note(module: Any, _inputs: Any) -> None:
        own = ((names[id(p)], p) for p in module.parameters(recurse=False))
        called.update(dict.fromkeys(name for name, p in own if _is_layer(name, p)))

    for module in model.modules():
        module.register_forward_pre_hook(note)
    loss = classification.loss(network.logits(model, x), y)
    if not loss.requires_grad or not math.isfinite(loss.item()):
        return None, []
    loss.backward()
    heads, parameters = _head_parameters(model), dict(model.named_parameters())
    strength = {}
    for name in called:
        gradient = parameters[name].grad
        if gradient is not None and name not in heads:
            strength[name] = float(gradient.norm() * parameters[name].detach().norm())
    strength = {name: value for name, value in strength.items() if math.isfinite(value) and value > 0}
    if len(strength) < 2:
        return None, []
    weakest = sorted(strength, key=lambda name: strength[name])
    return float(next(iter(strength.values())) / max(strength.values())), weakest[:SHOWN]


def random_head(session: "Session", x: "torch.Tensor") -> Any:
    """A fresh model in evaluation mode whose head is random, scaled so that logits have about unit size on ``x``."""
    import torch

    from cvadvisor.task import network

    session.seed_everything()
    model = session.fresh_model().eval()
    with torch.no_grad():
        features = network.features(model, x).float()
        size = float(features.square().mean().sqrt())
        spread = 1 / (size * math.sqrt(features.shape[1])) if math.isfinite(size) and size > 0 else 1.0
        for head in network.logit_heads(model):
            head.weight.copy_(torch.randn(head.weight.shape) * spread)
    return model


def reached_by_other_outputs(model: Any, x: "torch.Tensor") -> set[str]:
    """Parameters that only further outputs of ``model`` depend on, as those of auxiliary heads."""
    import torch

    from cvadvisor.task import network

    others = [output for output in network.outputs(model(x))[1:] if output.requires_grad]
    if not others:
        return set()
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    total = torch.stack([output.float().sum() for output in others]).sum()
    reached = torch.autograd.grad(total, [p for _, p in named], allow_unused=True)
    return {name for (name, _), gradient in zip(named, reached, strict=True) if gradient is not None}


def _is_layer(name: str, parameter: "torch.Tensor") -> bool:
    """Whether a parameter is a layer's matrix or kernel, and no bias, norm, token or table of positions."""
    return parameter.ndim > 1 and name.rpartition(".")[2] == "weight"


def _head_parameters(model: Any) -> set[str]:
    from cvadvisor.task import network

    return set(network.head_names(model))
