"""Watch an NVIDIA GPU through its driver while something runs on it, without importing a deep-learning library."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from cvadvisor.facts.batch import GpuWatchFacts

EVERY_S = 0.25
"""Time between two looks: the driver renews its figures several times a second."""
_POWER_CAP = "power limit"
_REASONS = {
    0x04: _POWER_CAP,
    0x08: "hardware slowdown",
    0x20: "heat (software)",
    0x40: "heat (hardware)",
    0x80: "external power brake",
}
"""What holds clocks down, by the driver's bit (nvmlClocksThrottleReason…). Idle clocks, and clocks that someone set,
are no throttling."""


@dataclass
class Watch:
    """What was seen so far."""

    busy: list[float] = field(default_factory=list)
    power_w: list[float] = field(default_factory=list)
    temperature_c: list[float] = field(default_factory=list)
    reasons: list[set[str]] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    memory_bytes: int | None = None
    power_limit_w: float | None = None
    looks: int = 0

    def facts(self) -> GpuWatchFacts | None:
        """The facts; ``None`` where there was nothing to see."""
        if not self.looks:
            return None
        seen = set[str]().union(*self.reasons)
        return GpuWatchFacts(
            samples=self.looks,
            utilisation=fmean(self.busy) if self.busy else None,
            memory_bytes=self.memory_bytes,
            other_memory_bytes=max(self.others, default=None),
            power_w=fmean(self.power_w) if self.power_w else None,
            power_limit_w=self.power_limit_w,
            temperature_c=max(self.temperature_c, default=None),
            power_capped_share=self._share({_POWER_CAP}),
            slowed_share=self._share(set(_REASONS.values()) - {_POWER_CAP}),
            throttle_reasons=tuple(name for name in _REASONS.values() if name in seen),
        )

    def _share(self, names: set[str]) -> float | None:
        return fmean(bool(names & reasons) for reasons in self.reasons) if self.reasons else None


@contextmanager
def watching(device: str, every_s: float = EVERY_S) -> Iterator[Watch]:
    """Look at the GPU of ``device`` ('cuda', 'cuda:1') every ``every_s`` seconds until the block ends.

    Any other device, and a machine without NVIDIA's driver, gives a watch that saw nothing.
    """
    watch = Watch()
    driver = _driver() if device.startswith("cuda") else None
    if driver is None:
        yield watch
        return
    stop = threading.Event()
    thread = threading.Thread(target=_look_on, args=(driver, device, watch, stop, every_s), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join(5.0)
        with suppress(Exception):
            driver.nvmlShutdown()


def _driver() -> Any:
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # not installed, no driver, a driver that does not match: there is nothing to watch
        return None
    return pynvml


def _look_on(driver: Any, device: str, watch: Watch, stop: threading.Event, every_s: float) -> None:
    with suppress(Exception):  # what the driver can't say stays unknown, and must not end a probe
        handle = _handle(driver, int(device.partition(":")[2] or 0))
        with suppress(Exception):
            watch.memory_bytes = int(driver.nvmlDeviceGetMemoryInfo(handle).total)
        with suppress(Exception):
            watch.power_limit_w = driver.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000
        while True:
            _look(driver, handle, watch)
            if stop.wait(every_s):
                break


def _handle(driver: Any, index: int) -> Any:
    """The GPU that CUDA calls number ``index``: ``CUDA_VISIBLE_DEVICES`` renumbers them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    chosen = visible.split(",")[index].strip() if visible else str(index)
    if chosen.isdecimal():
        return driver.nvmlDeviceGetHandleByIndex(int(chosen))
    return driver.nvmlDeviceGetHandleByUUID(chosen)


def _look(driver: Any, handle: Any, watch: Watch) -> None:
    """Ask once; each answer by itself, as not every GPU gives each."""
    watch.looks += 1
    with suppress(Exception):
        watch.busy.append(driver.nvmlDeviceGetUtilizationRates(handle).gpu / 100)
    with suppress(Exception):
        watch.power_w.append(driver.nvmlDeviceGetPowerUsage(handle) / 1000)
    with suppress(Exception):
        watch.temperature_c.append(float(driver.nvmlDeviceGetTemperature(handle, driver.NVML_TEMPERATURE_GPU)))
    with suppress(Exception):
        bits = driver.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
        watch.reasons.append({name for bit, name in _REASONS.items() if bits & bit})
    with suppress(Exception):
        held = {one.pid: one.usedGpuMemory for one in driver.nvmlDeviceGetComputeRunningProcesses(handle)}
        own = {os.getpid(), *_children()}
        if own & set(held):  # a container gives other numbers than the driver: then ours can't be told from others'
            watch.others.append(sum(used or 0 for pid, used in held.items() if pid not in own))


def _children() -> set[int]:
    """Processes that this one started; they train on the same GPU. Empty where the system does not say."""
    found: set[int] = set()
    with suppress(OSError):
        for name in os.listdir("/proc/self/task"):  # noqa: PTH208 - not real files
            with suppress(OSError), open(f"/proc/self/task/{name}/children", encoding="ascii") as listed:  # noqa: PTH123
                found |= {int(pid) for pid in listed.read().split()}
    return found
