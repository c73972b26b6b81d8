"""Facts of the machine that probes and training run on."""

from cvadvisor.facts.base import facts, known, optional


@facts
class HardwareFacts:
    """The device that was used, and its memory."""

    device: str = known("'cuda', 'mps' or 'cpu'.")
    device_name: str = known("What the device calls itself.")
    cpu_cores: int = known("Processor cores this process may use.")
    memory_bytes: int | None = optional("Main memory.", unit="bytes")
    gpus: int = known("NVIDIA GPUs that the driver reports.")
    gpu_memory_bytes: int | None = optional("Memory of the first GPU.", unit="bytes")
    gpu_free_bytes: int | None = optional("Free memory of the first GPU when the audit began.", unit="bytes")
