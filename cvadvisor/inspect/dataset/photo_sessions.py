"""Photos that one camera took one shortly after the other, by their EXIF data."""

from calendar import timegm
from collections.abc import Iterator
from datetime import datetime

from cvadvisor.inspect.dataset.store import Store

LONGEST_GAP_S = 60.0
"""Between two photos of one session: within a burst or a walk around one object, gaps are shorter."""

_TAKEN = """
SELECT file, coalesce(camera, '') AS camera, taken FROM temp.seen
WHERE error IS NULL AND taken IS NOT NULL ORDER BY 2, taken, seen.path
"""


def sessions(store: Store) -> Iterator[tuple[int, int]]:
    """Each photo that says when it was taken, and the photo that its session began with, as files."""
    last: tuple[str, float] | None = None
    first = -1
    for file, camera, taken in store.rows(_TAKEN):
        at = _seconds(taken)
        if at is None:
            continue
        if last is None or last[0] != camera or at - last[1] > LONGEST_GAP_S:
            first = file
        last = camera, at
        yield file, first


def _seconds(taken: str) -> float | None:
    """EXIF time as a number; ``None`` for a date that is none, such as the zeros of a clock that was never set."""
    try:
        return float(timegm(datetime.strptime(taken, "%Y:%m:%d %H:%M:%S").timetuple()))
    except ValueError:
        return None
