"""The largest batch that fits, and what each image of a batch takes, tried in a process of its own."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvadvisor.probe.batch.asking import Died, TooSlow, ask
from cvadvisor.probe.batch.speed import MOST_BATCH

if TYPE_CHECKING:
    from cvadvisor.probe.session import Session

MARGIN = 0.8
"""Share of the memory that the recommended batch fills: fragments, other processes and odd steps want the rest."""
MOST_OF_FREE = 0.25
"""Share of the free main memory that is ever tried: the machine has other work, and to run out of it ends processes."""

LARGER = 4
"""The line goes through batches down to this part of the largest."""


@dataclass(frozen=True)
class Memory:
    """What batches took.

    Attributes:
        available_bytes: memory that training may use.
        base_bytes: memory of a step before its first image.
        per_image_bytes: memory that each image adds.
        largest_tried: the largest batch that fitted.
        largest: the largest batch that fits; ``None`` where none was tried that did not.
        recommended: the batch that fits ``MARGIN`` of the available memory by base and memory an image.
        unfinished: why the search ended early.
    """

    available_bytes: int | None = None
    base_bytes: int | None = None
    per_image_bytes: int | None = None
    largest_tried: int | None = None
    largest: int | None = None
    recommended: int | None = None
    unfinished: str | None = None


def measure(session: "Session", precision: str, until: float) -> Memory:
    """Try batches of a whole training step until then, by the monotonic clock; what was found by then is kept."""
    free = free_memory_bytes(session.job.device)
    if free is None:
        return Memory(unfinished="this system does not say how much memory is free")
    most = max(1, min(MOST_BATCH, session.job.train_images))
    command = {
        "do": "memory",
        "precision": precision,
        "most_images": most,
        "most_bytes": int(MOST_OF_FREE * free),
    }
    tried: list[dict[str, Any]] = []
    unfinished = None
    try:
        for answer in ask(session, command, until):
            if "available_bytes" in answer:
                free = answer["available_bytes"] if session.job.device.startswith("cuda") else free
            else:
                tried.append(answer)
    except TooSlow:
        unfinished = "there was no time to try larger batches" if tried else "its time was up before a batch was tried"
    except Died as died:
        unfinished = str(died)
    return summarise(tried, free, most, unfinished)


def summarise(tried: list[dict[str, Any]], available: int, most: int, unfinished: str | None = None) -> Memory:
    """What ``tried`` batches ('batch', 'fits', 'peak_bytes') say of one machine.

    Args:
        tried: answers of the process that tried them.
        available: memory that training may use, in bytes.
        most: the largest batch worth recommending.
        unfinished: why the search ended early.
    """
    peaks = {answer["batch"]: answer["peak_bytes"] for answer in tried if answer["fits"]}
    failed = [answer["batch"] for answer in tried if not answer["fits"]]
    largest_tried = max(peaks, default=0 if failed else None)
    largest = largest_tried if failed and not unfinished else None
    line = straight_line(peaks)
    recommended = None
    if line is not None:
        recommended = max(0, min(most, int((MARGIN * available - line[0]) / line[1])))
        if failed:  # the line does not know of fragments
            recommended = min(recommended, max(0, largest_tried or 0))
    return Memory(
        available_bytes=available,
        base_bytes=round(line[0]) if line else None,
        per_image_bytes=round(line[1]) if line else None,
        largest_tried=largest_tried,
        largest=largest,
        recommended=recommended,
        unfinished=unfinished,
    )


def straight_line(peaks: dict[int, int]) -> tuple[float, float] | None:
    """Base and slope in bytes of peak memory over the batch, by least squares; ``None`` where it did not grow.

    Only the larger batches count: a processor's peak hides small ones behind what loading the model took, and a GPU
    runs them with other kernels.
    """
    points = {batch: peak for batch, peak in peaks.items() if batch >= max(peaks) / LARGER}
    if len(points) < 2:
        return None
    centre, level = sum(points) / len(points), sum(points.values()) / len(points)
    slope = sum((batch - centre) * (peak - level) for batch, peak in points.items())
    slope /= sum((batch - centre) ** 2 for batch in points)
    return (max(0.0, level - slope * centre), slope) if slope >= 1 else None


def free_memory_bytes(device: str) -> int | None:
    """Memory that training on ``device`` could use now, in bytes; ``None`` where the system does not say."""
    import torch

    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info()[0])
    if device == "mps":
        return max(0, int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()))
    free = None
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = 1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1])
    with suppress(OSError, ValueError):  # a container's own limit; "max" where it has none
        group = Path("/sys/fs/cgroup")
        left = int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
        free = max(0, left if free is None else min(free, left))
    return free
