"""What reading images costs: file, decoder and augmentation in one process, as the generated script does it."""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.places import Place
    from cvadvisor.probe.session import Sample, Session

MOST_IMAGES, LEAST_IMAGES = 96, 8
"""Images to read: sizes differ between files by several times, and 96 give the mean within about 10 %."""
WARM_UP = 2
"""The first images also pay for imports and for tables that decoders build."""
FEW_IMAGES, FEW_CORES, MOST_WORKERS = 500, 2, 4
"""The script reads few images itself, and leaves few cores to a processor that computes."""
MEASURED = {"crop_scale": 0.35, "horizontal_flip": True, "color_jitter": 0.1, "random_erasing": 0.0}
"""Augmentation where no recipe is known yet: what it does costs time, and hardly how strongly."""


def default_workers(device: str, train_images: int) -> int:
    """Processes that the script reads images with if it is not told how many."""
    cores = os.cpu_count() or 1
    if train_images <= FEW_IMAGES or (device == "cpu" and cores <= FEW_CORES):
        return 0
    return min(MOST_WORKERS, cores)


def load_seconds(
    session: "Session", samples: "list[Sample]", until: float, *, augment: bool, tick: Callable[[int, int], None]
) -> list[float]:
    """Seconds that each of the first of ``samples`` takes, augmented for training or as for validation.

    It stops at ``until``, by the monotonic clock, but not before a few images are read. Files that cannot be read are
    left out.
    """
    import torch

    transform, side = _transform(session, augment=augment)
    taken: list[float] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(session.job.seed)
        for number, sample in enumerate(samples[: MOST_IMAGES + WARM_UP]):
            tick(number, MOST_IMAGES)
            began = time.perf_counter()
            if _load(Path(session.job.root), sample.place, side, transform) and number >= min(
                WARM_UP, len(samples) - 1
            ):
                taken.append(time.perf_counter() - began)
            if len(taken) >= LEAST_IMAGES and time.monotonic() > until:
                break
    return taken


def workers_needed(load_s: float, train_s: float) -> int:
    """Processes that read an image in the time in which the device trains on one."""
    return max(1, math.ceil(load_s / train_s))


def _transform(session: "Session", *, augment: bool) -> tuple[Any, int]:
    """From a decoded image to a normalised tensor, and the side below which a decoder may not scale down."""
    import torch
    from PIL import Image, ImageOps
    from torchvision.transforms import v2

    assert session.facts is not None
    size, plan = session.image_size, session.plan
    plain = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(session.facts.mean, session.facts.std)]
    if not augment:
        fit = v2.Lambda(lambda image: ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR))
        return v2.Compose([fit, v2.PILToTensor(), *plain]), size
    settings: dict[str, Any] = {name: getattr(plan, name) if plan else value for name, value in MEASURED.items()}
    jitter = settings["color_jitter"]
    steps = [
        v2.RandomResizedCrop(size, scale=(settings["crop_scale"], 1.0)),
        v2.RandomHorizontalFlip(0.5 if settings["horizontal_flip"] else 0.0),
        v2.PILToTensor(),
        v2.ColorJitter(brightness=jitter, contrast=jitter, saturation=jitter),
        *plain,
        v2.RandomErasing(settings["random_erasing"]),
    ]
    return v2.Compose(steps), math.ceil(size / settings["crop_scale"] ** 0.5)


def _load(root: Path, place: "Place", side: int, transform: Any) -> bool:
    """Read one image; whether it could be read."""
    from PIL import Image

    from cvadvisor.inspect.dataset.pixels import open_image, to_rgb
    from cvadvisor.inspect.dataset.places import Unreadable, read_bytes

    try:
        with open_image(read_bytes(root, place)) as image:
            image.draft("RGB", (side, side))
            transform(to_rgb(image))
    except (Unreadable, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return True
