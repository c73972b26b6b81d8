"""What the machine has, without importing a deep-learning library."""

import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from cvadvisor.errors import UserError
from cvadvisor.facts.hardware import HardwareFacts


class DeviceError(UserError):
    """A device that cannot be used; the message is one line for the user."""


def inspect_hardware(device: str = "auto") -> HardwareFacts:
    """Describe the machine, and choose the device to use.

    What the driver and the system say, not what PyTorch can use: a PyTorch built without CUDA still has to refuse.

    Args:
        device: 'auto' (an NVIDIA GPU if this process may see one, else Apple's, else the processor), 'cpu', 'mps',
            'cuda' or 'cuda:N'. A device that is named is believed: AMD GPUs answer to 'cuda' too, and NVIDIA's driver
            does not know them.

    Raises:
        DeviceError: ``device`` is none of these.
    """
    kind = device.lower().partition(":")[0]
    if kind not in ("auto", "cuda", "mps", "cpu"):
        raise DeviceError(f"device {device!r} is unknown: use auto, cpu, cuda or mps.")
    gpus, gpu = _nvidia()
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    if kind == "auto":
        kind = "cuda" if gpu else "mps" if apple else "cpu"
    processor = _processor_name()
    names = {"cuda": gpu.get("name", "unknown GPU"), "mps": f"{processor} GPU", "cpu": processor}
    return HardwareFacts(
        device=kind,
        device_name=names[kind],
        cpu_cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        gpus=gpus,
        gpu_memory_bytes=gpu.get("total"),
        gpu_free_bytes=gpu.get("free"),
    )


def _nvidia() -> tuple[int, dict[str, Any]]:
    """How many GPUs the driver reports, and name and memory (``total``, ``free``) of the first this process may use."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # not installed, no driver, a driver that does not match: all mean that no GPU can be used
        return 0, {}
    try:
        count = int(pynvml.nvmlDeviceGetCount())
        return count, _first_visible(pynvml, count)
    except pynvml.NVMLError:
        return 0, {}
    finally:
        pynvml.nvmlShutdown()


def _first_visible(pynvml: Any, count: int) -> dict[str, Any]:
    """Facts of the first GPU that ``CUDA_VISIBLE_DEVICES`` leaves; empty where it hides all."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if chosen.isdecimal() and int(chosen) < count:
        handle = pynvml.nvmlDeviceGetHandleByIndex(int(chosen))
    elif chosen.startswith(("GPU-", "MIG-")):
        handle = pynvml.nvmlDeviceGetHandleByUUID(chosen)
    else:
        return {}
    name = pynvml.nvmlDeviceGetName(handle)
    found: dict[str, Any] = {"name": name.decode() if isinstance(name, bytes) else str(name)}
    with suppress(pynvml.NVMLError):  # some devices share the system's memory and do not say
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        found |= {"total": int(memory.total), "free": int(memory.free)}
    return found


def _memory_bytes() -> int | None:
    """Main memory that this process may use: what the machine has, or what its container leaves of it."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    with suppress(OSError, ValueError):  # no control group, or one that says "max"
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return memory if memory > 0 else None


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.lower().startswith("model name"))
    return next(filter(None, named), "") or platform.processor() or platform.machine() or "unknown processor"
