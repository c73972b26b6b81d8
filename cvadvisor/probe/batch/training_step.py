"""One training step as the script does it, and how long it takes."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from cvadvisor.probe.session import Session

    Step = Callable[["torch.Tensor", "torch.Tensor"], None]

GRADIENT_NORM = 1.0
"""The script clips gradients to it, which costs time."""


def script_precision(device: str) -> str:
    """The number format that the script computes in on ``device``: half precision on a GPU, if it has one."""
    import torch

    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    return "float32"


def half_precision(device: str) -> str | None:
    """The half precision that ``device`` computes in by itself; ``None`` where it would only be emulated."""
    import torch

    if device.startswith("cuda"):
        return script_precision(device)
    if device == "mps":
        return "float16"
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return "bfloat16" if torch.backends.mkldnn.is_available() and supported is not None and supported() else None


def make_step(model: Any, precision: str, *, frozen_statistics: bool) -> "Step":
    """A function that does one step of AdamW on images (batch, 3, size, size) and classes (batch,).

    Args:
        model: trained in place; its rate is so small that its weights hardly move.
        precision: 'float32', 'bfloat16' or 'float16'.
        frozen_statistics: whether batch normalisation keeps its statistics.
    """
    import torch

    from cvadvisor.task import classification, network

    model.train()
    for module in model.modules():
        if frozen_statistics and isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-9)
    dtype = getattr(torch, precision)

    def step(x: "torch.Tensor", y: "torch.Tensor") -> None:
        with torch.autocast(x.device.type, dtype, enabled=dtype is not torch.float32):
            outputs = network.logits(model, x)
        loss = classification.loss(outputs, y)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_NORM)
        optimizer.step()

    return step


def make_batch(session: "Session", images: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """Random images (images, 3, size, size) as the model takes them, and classes (images,): what is in them costs no
    time."""
    import torch

    generator, size, device = torch.Generator().manual_seed(0), session.image_size, session.job.device
    x = torch.randn(images, 3, size, size, generator=generator).to(device, memory_format=session.memory_format)
    return x, torch.randint(len(session.job.classes), (images,), generator=generator).to(device)


def seconds(work: Callable[[], Any], device: str) -> float:
    """How long ``work`` takes, until the device is done with it."""
    synchronise(device)
    began = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - began


def synchronise(device: str) -> None:
    """Wait until ``device`` has nothing left to do."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def ran_out(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out: devices have different errors for it."""
    import torch

    said = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in said or "can't allocate memory" in said)
    )


def give_back(device: str) -> None:
    """Free memory that torch keeps for later on a GPU, so that another process can have it."""
    import gc

    import torch

    if device == "cpu":
        return
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
