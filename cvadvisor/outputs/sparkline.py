"""A series in one line of text."""

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-~=+*#"
_NOT_FINITE = {BLOCKS: "×", ASCII: "x"}


def sparkline(values: Sequence[float | None], width: int, levels: str = BLOCKS) -> str:
    """``values`` from its lowest to its highest in at most ``width`` characters of ``levels``.

    Where several values share a character, the one that is farthest from the middle is drawn, so that a spike shows; a
    value that is no finite number hides the rest.
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if not finite:
        return _NOT_FINITE[levels] * min(len(values), width)
    # Halved, so that not even the largest numbers overflow.
    low, high = min(finite) / 2, max(finite) / 2
    middle = sorted(finite)[len(finite) // 2]
    count = min(width, len(values))
    line = ""
    for index in range(count):
        bucket = values[index * len(values) // count : (index + 1) * len(values) // count]
        if any(value is None or not math.isfinite(value) for value in bucket):
            line += _NOT_FINITE[levels]
            continue
        drawn = max((value for value in bucket if value is not None), key=lambda value: abs(value / 2 - middle / 2))
        share = (drawn / 2 - low) / (high - low) if high > low else 0.0
        line += levels[min(int(share * len(levels)), len(levels) - 1)]
    return line
