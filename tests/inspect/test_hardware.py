import sys
import types

import pytest

from cvadvisor.inspect.hardware import DeviceError, inspect_hardware


class NVMLError(Exception):
    pass


def driver(count: int, **changes) -> types.ModuleType:
    """Stands in for NVIDIA's driver, which a test machine does not have."""
    module = types.ModuleType("pynvml")
    parts = {
        "NVMLError": NVMLError,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: count,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetHandleByUUID": lambda uuid: 1,
        "nvmlDeviceGetName": lambda handle: f"GPU number {handle}",
        "nvmlDeviceGetMemoryInfo": lambda handle: types.SimpleNamespace(total=80_000, free=70_000),
    }
    for name, value in {**parts, **changes}.items():
        setattr(module, name, value)
    return module


@pytest.fixture
def gpus(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return lambda count, **changes: monkeypatch.setitem(sys.modules, "pynvml", driver(count, **changes))


def fail(*_):
    raise NVMLError


def test_this_machine_can_be_described():
    facts = inspect_hardware("cpu")
    assert facts.device == "cpu"
    assert facts.cpu_cores >= 1
    assert facts.device_name


def test_a_gpu_is_chosen_where_there_is_one(gpus):
    gpus(2)
    facts = inspect_hardware()
    assert (facts.device, facts.device_name, facts.gpus) == ("cuda", "GPU number 0", 2)
    assert (facts.gpu_memory_bytes, facts.gpu_free_bytes) == (80_000, 70_000)


def test_a_machine_without_a_driver_has_no_gpu(gpus):
    gpus(0, nvmlInit=fail)
    facts = inspect_hardware()
    assert facts.device != "cuda"
    assert (facts.gpus, facts.gpu_memory_bytes) == (0, None)


def test_a_machine_without_pynvml_has_no_gpu(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert inspect_hardware().gpus == 0


@pytest.mark.parametrize("hidden", ["", "-1", "7", "none"])
def test_gpus_that_are_hidden_from_the_process_are_counted_but_not_chosen(gpus, monkeypatch, hidden):
    gpus(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    facts = inspect_hardware()
    assert facts.device != "cuda"
    assert (facts.gpus, facts.gpu_memory_bytes) == (2, None)


@pytest.mark.parametrize("visible", ["1", "1,0", "GPU-1234"])
def test_the_first_visible_gpu_is_described(gpus, monkeypatch, visible):
    gpus(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert inspect_hardware().device_name == "GPU number 1"


def test_a_gpu_that_does_not_tell_its_memory_is_still_one(gpus):
    gpus(1, nvmlDeviceGetMemoryInfo=fail)
    facts = inspect_hardware()
    assert (facts.device, facts.gpu_memory_bytes) == ("cuda", None)


def test_a_named_device_is_believed(gpus):
    gpus(0)
    assert inspect_hardware("cuda:1").device == "cuda"


def test_a_processor_can_be_asked_for_beside_a_gpu(gpus):
    gpus(1)
    assert inspect_hardware("cpu").device == "cpu"


def test_an_unknown_device_is_refused():
    with pytest.raises(DeviceError, match="device 'tpu' is unknown: use auto, cpu, cuda or mps"):
        inspect_hardware("tpu")
