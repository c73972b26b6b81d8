"""The passes of the frozen backbone: what the head reads, and a coarse grid of the stage before the last."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cvadvisor.probe.declaration import NotChecked
from cvadvisor.task import network

if TYPE_CHECKING:
    import numpy as np
    import torch

    from cvadvisor.probe.session import Sample, Session

BATCH = 32
GRID = 3
"""Side of the grid that the second-to-last stage is pooled to, where labels are checked."""
MOST_GRID_FEATURES = 4096
"""Wider grids are pooled more coarsely: their label check would take longer than the forward passes."""


@dataclass(frozen=True)
class Features:
    """What one pass gives; rows belong together.

    Attributes:
        pooled: what the head reads (images, features).
        grid: the second-to-last stage on a coarse grid (images, features).
        labels: classes (images,).
        paths: files, relative to the dataset.
    """

    pooled: "np.ndarray"
    grid: "np.ndarray"
    labels: "np.ndarray"
    paths: list[str]


def features_of(session: "Session", samples: "list[Sample]", model: Any) -> Features:
    """Pass ``samples`` through ``model``, which is in evaluation mode.

    Raises:
        NotChecked: no image could be read.
        FloatingPointError: the features are not finite.
    """
    import numpy as np
    import torch

    pixels, labels, paths = session.images(session.image_size, samples)
    if not len(pixels):
        raise NotChecked("no image could be read")
    pooled, grids = [], []
    with torch.inference_mode():
        stage = penultimate_stage(model, session.batch(pixels[:2]))
        for start in range(0, len(pixels), BATCH):
            session.tick(start, len(pixels))
            with _output_of(model, stage) as seen:
                read = network.features(model, session.batch(pixels[start : start + BATCH]))
            pooled.append(read.float().cpu().numpy())
            grids.append(_on_grid(seen[-1]) if seen else pooled[-1])
    features, grid = np.concatenate(pooled), np.concatenate(grids)
    if not np.isfinite(features).all():
        raise FloatingPointError("the backbone's features are not finite: its weights or its normalisation are broken")
    # maps in between may overflow where what the head reads does not
    return Features(features, grid if np.isfinite(grid).all() else features, labels, paths)


def penultimate_stage(model: Any, x: "torch.Tensor") -> str | None:
    """Name of the module that gives the second-to-last feature map, by what runs when ``x`` is passed.

    In a convolutional network that is the last block whose map is larger than the final one, in a transformer the
    second-to-last block. ``None`` where no module gives maps or tokens.
    """
    from torch import nn

    shapes: list[tuple[str, tuple[int, ...]]] = []
    parents = dict(model.named_modules())
    hooks = []
    for name, module in parents.items():
        parent = parents[name.rpartition(".")[0]]
        if name and (parent is model or isinstance(parent, nn.Sequential | nn.ModuleList)):

            def note(_module: Any, _inputs: Any, output: Any, name: str = name) -> None:
                if hasattr(output, "shape") and output.ndim in (3, 4):
                    shapes.append((name, tuple(output.shape)))

            hooks.append(module.register_forward_hook(note))
    try:
        model(x)
    finally:
        for hook in hooks:
            hook.remove()
    maps = [(name, _positions(shape)) for name, shape in shapes if len(shape) == 4 and _positions(shape) > 1]
    if maps:
        blocks = [one for one in maps if list(parents[one[0]].children())] or maps
        larger = [name for name, positions in blocks if positions > maps[-1][1]]
        return larger[-1] if larger else blocks[max(0, len(blocks) - 2)][0]
    tokens = [name for name, shape in shapes if len(shape) == 3 and list(parents[name].children())]
    tokens = [name for name in tokens if isinstance(parents[name.rpartition(".")[0]], nn.Sequential | nn.ModuleList)]
    return tokens[max(0, len(tokens) - 2)] if tokens else None


@contextmanager
def _output_of(model: Any, name: str | None) -> "Iterator[list[torch.Tensor]]":
    """A list that holds what the submodule called ``name`` gave while the model ran."""
    seen: list[Any] = []
    if name is None:
        yield seen
        return
    hook = model.get_submodule(name).register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    try:
        yield seen
    finally:
        hook.remove()


def _positions(shape: tuple[int, ...]) -> int:
    """Places in a feature map (images, channels, height, width), or one with the channels last."""
    return shape[1] * shape[2] if _channels_last(shape) else shape[2] * shape[3]


def _channels_last(shape: tuple[int, ...]) -> bool:
    return shape[1] == shape[2] != shape[3]


def _on_grid(output: "torch.Tensor") -> "np.ndarray":
    """A feature map, or tokens, pooled to a grid of at most :data:`MOST_GRID_FEATURES` features (images, features)."""
    from torch.nn import functional

    if output.ndim == 3:  # tokens; the first few, which stand for no place, are left out
        side = int(output.shape[1] ** 0.5)
        output = output[:, -side * side :].transpose(1, 2).unflatten(2, (side, side))
    elif _channels_last(tuple(output.shape)):
        output = output.permute(0, 3, 1, 2)
    channels = output.shape[1]
    side = next((side for side in (GRID, 2) if channels * side**2 <= MOST_GRID_FEATURES), 1)
    pooled: np.ndarray = functional.adaptive_avg_pool2d(output.float(), side).flatten(1).cpu().numpy()
    return pooled
