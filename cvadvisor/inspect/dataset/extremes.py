"""Count what is of one kind, and keep the most extreme of it to show."""

import heapq
from dataclasses import dataclass, field
from typing import Generic, TypeVar

MOST_EXAMPLES = 12

T = TypeVar("T")


@dataclass
class Extremes(Generic[T]):
    """How many were added, and the most extreme dozen."""

    count: int = 0
    _heap: list[tuple[float, int, T]] = field(default_factory=list)

    def add(self, extremity: float, item: T) -> None:
        """Count ``item``; of equally extreme ones the first are kept."""
        self.count += 1
        entry = (extremity, -self.count, item)
        if len(self._heap) < MOST_EXAMPLES:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def most(self) -> list[T]:
        """The most extreme ones, the most extreme first."""
        return [item for *_, item in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]
