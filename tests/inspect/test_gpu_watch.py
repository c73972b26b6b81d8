import os
import sys
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from cvadvisor.inspect.gpu_watch import Watch, watching


class Driver(ModuleType):
    """What NVIDIA's driver says of a GPU that is busy, warm and shared; it may refuse some answers."""

    NVML_TEMPERATURE_GPU = 0

    def __init__(self, reasons: list[int], refuses: tuple[str, ...] = (), own: int | None = None) -> None:
        super().__init__("pynvml")
        self.reasons, self.refuses, self.own = reasons, refuses, os.getpid() if own is None else own
        self.asked_for: list[Any] = []
        self.shut = False

    def nvmlInit(self) -> None:  # noqa: N802
        self._answer("nvmlInit")

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.shut = True

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        self.asked_for.append(index)
        return "gpu"

    def nvmlDeviceGetHandleByUUID(self, name: str) -> str:  # noqa: N802
        self.asked_for.append(name)
        return "gpu"

    def __getattr__(self, name: str) -> Any:
        answers = {
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80_000_000_000),
            "nvmlDeviceGetEnforcedPowerLimit": 700_000,
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=50),
            "nvmlDeviceGetPowerUsage": 350_000,
            "nvmlDeviceGetTemperature": 81,
            "nvmlDeviceGetComputeRunningProcesses": [
                SimpleNamespace(pid=self.own, usedGpuMemory=5),
                SimpleNamespace(pid=-1, usedGpuMemory=7_000),
                SimpleNamespace(pid=-2, usedGpuMemory=None),
            ],
        }
        if name == "nvmlDeviceGetCurrentClocksThrottleReasons":
            return lambda handle: (
                self._answer(name) or self.reasons.pop(0) if len(self.reasons) > 1 else self.reasons[0]
            )
        if name not in answers:
            raise AttributeError(name)
        return lambda *given: self._answer(name) or answers[name]

    def _answer(self, name: str) -> None:
        if name in self.refuses:
            raise RuntimeError("not supported")


def watched(monkeypatch: pytest.MonkeyPatch, driver: ModuleType, device: str = "cuda", looks: int = 4) -> Watch:
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    with watching(device, every_s=0.001) as watch:
        patience = time.monotonic() + 10
        while (
            watch.looks < looks and time.monotonic() < patience and device == "cuda" and "refused" not in vars(driver)
        ):
            time.sleep(0.001)
    return watch


def test_what_the_driver_says_is_averaged_over_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver([0])
    facts = watched(monkeypatch, driver).facts()
    assert facts is not None
    assert facts.samples >= 4
    assert (facts.utilisation, facts.power_w, facts.power_limit_w, facts.temperature_c) == (0.5, 350, 700, 81)
    assert facts.memory_bytes == 80_000_000_000
    assert driver.shut


def test_memory_of_other_processes_is_told_from_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = watched(monkeypatch, Driver([0])).facts()
    assert facts is not None
    assert facts.other_memory_bytes == 7_000


def test_in_a_container_nobody_knows_whose_memory_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = watched(monkeypatch, Driver([0], own=-3)).facts()
    assert facts is not None
    assert facts.other_memory_bytes is None


def test_heat_is_told_from_the_power_limit_and_from_idle_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    hot = watched(monkeypatch, Driver([0x40 | 0x01])).facts()
    capped = watched(monkeypatch, Driver([0x04])).facts()
    idle = watched(monkeypatch, Driver([0x01])).facts()
    assert hot is not None
    assert (hot.slowed_share, hot.power_capped_share, hot.throttle_reasons) == (1.0, 0.0, ("heat (hardware)",))
    assert capped is not None
    assert (capped.slowed_share, capped.power_capped_share, capped.throttle_reasons) == (0.0, 1.0, ("power limit",))
    assert idle is not None
    assert (idle.slowed_share, idle.throttle_reasons) == (0.0, ())


def test_a_share_counts_the_samples_that_were_slowed(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watched(monkeypatch, Driver([0x20, 0x08, 0]), looks=5)
    facts = watch.facts()
    assert facts is not None
    assert facts.slowed_share == pytest.approx(2 / watch.looks)
    assert facts.throttle_reasons == ("hardware slowdown", "heat (software)")


def test_what_a_gpu_does_not_say_stays_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetCurrentClocksThrottleReasons", "nvmlDeviceGetMemoryInfo")
    facts = watched(monkeypatch, Driver([0, 0], refuses=silent)).facts()
    assert facts is not None
    assert (facts.power_w, facts.slowed_share, facts.memory_bytes, facts.temperature_c) == (None, None, None, 81)


def test_a_machine_without_a_driver_gives_no_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver([0], refuses=("nvmlInit",))
    driver.refused = True
    assert watched(monkeypatch, driver).facts() is None


def test_other_devices_are_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver([0])
    assert watched(monkeypatch, driver, device="cpu").facts() is None
    assert driver.asked_for == []


@pytest.mark.parametrize(("visible", "asked"), [("3,5", 3), ("GPU-abc,1", "GPU-abc"), (None, 0)])
def test_the_gpu_that_cuda_counts_first_is_watched(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, asked: int | str
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    driver = Driver([0])
    watched(monkeypatch, driver)
    assert driver.asked_for == [asked]


def test_an_error_in_the_block_ends_the_watch_and_goes_on_up(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver([0])
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    with pytest.raises(ZeroDivisionError), watching("cuda", every_s=0.001):
        raise ZeroDivisionError
    assert driver.shut
