"""The script's random crops, flips and colours, for a whole batch at once on the device.

The generated script augments image by image while it reads; a probe reads each image once, whole and squeezed into a
square, and cuts its crops out of that. Crops are drawn as torchvision's RandomResizedCrop draws them, with the same
share of the image and the same aspect ratios; colours change as with its ColorJitter.
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

    from cvadvisor.probe.training_plan import TrainingPlan

RATIOS = (3 / 4, 4 / 3)
"""Aspect ratios of crops, as torchvision draws them."""
TRIES = 10
GRAY = (0.299, 0.587, 0.114)


def augment(x: "torch.Tensor", aspects: "np.ndarray", plan: "TrainingPlan", size: int) -> "torch.Tensor":
    """Augmented images (images, 3, size, size) in 0…1, drawn from torch's and numpy's global random state.

    Args:
        x: whole images (images, 3, side, side) in 0…1, squeezed into squares.
        aspects: width over height that each image had.
        plan: how strongly to augment.
        size: side of the result in px.
    """
    import torch
    from torch.nn import functional

    boxes = torch.tensor(crop_boxes(aspects, plan.crop_scale), dtype=x.dtype, device=x.device)
    left, top, width, height = boxes.unbind(1)
    if plan.horizontal_flip:
        mirrored = torch.rand(len(x), device="cpu").to(x.device) < 0.5
        left, width = torch.where(mirrored, left + width, left), torch.where(mirrored, -width, width)
    zero = torch.zeros_like(left)
    across = torch.stack([width, zero, 2 * left + width - 1], 1)
    down = torch.stack([zero, height, 2 * top + height - 1], 1)
    grid = functional.affine_grid(torch.stack([across, down], 1), [len(x), 3, size, size], align_corners=False)
    x = functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return jitter(x, plan.color_jitter) if plan.color_jitter > 0 else x


def crop_boxes(aspects: "np.ndarray", least_share: float) -> "np.ndarray":
    """Random crops (images, 4): left, top, width and height as shares of each image's width and height."""
    import numpy as np

    n = len(aspects)
    aspect = aspects[:, None]
    share = np.random.uniform(least_share, 1, (n, TRIES))
    ratio = np.exp(np.random.uniform(math.log(RATIOS[0]), math.log(RATIOS[1]), (n, TRIES)))
    width, height = np.sqrt(share * ratio / aspect), np.sqrt(share * aspect / ratio)
    fits = (width <= 1) & (height <= 1)
    first = fits.argmax(1)
    width, height = width[np.arange(n), first], height[np.arange(n), first]
    never = ~fits.any(1)  # a very long image: the widest crop in its middle that keeps the ratio within bounds
    bounded = np.clip(aspects, *RATIOS)
    width = np.where(never, np.minimum(1, bounded / aspects), width)
    height = np.where(never, np.minimum(1, aspects / bounded), height)
    where = np.where(never[:, None], 0.5, np.random.uniform(size=(n, 2)))
    return np.stack([where[:, 0] * (1 - width), where[:, 1] * (1 - height), width, height], 1)


def jitter(x: "torch.Tensor", strength: float) -> "torch.Tensor":
    """``x`` (images, 3, height, width) in 0…1 with brightness, contrast and saturation changed, in a random order."""
    import torch

    def factor() -> torch.Tensor:
        return (1 + strength * (2 * torch.rand(len(x), 1, 1, 1) - 1)).to(x.device)

    def gray(y: torch.Tensor) -> torch.Tensor:
        return (y * torch.tensor(GRAY, dtype=y.dtype, device=y.device).view(1, 3, 1, 1)).sum(1, keepdim=True)

    for change in torch.randperm(3).tolist():
        by = factor()
        if change == 0:
            x = x * by
        else:
            towards = gray(x) if change == 2 else gray(x).mean((1, 2, 3), keepdim=True)
            x = towards + (x - towards) * by
        x = x.clamp(0, 1)
    return x
