"""Which training images are held out where a dataset brings no validation split."""

import zlib
from collections.abc import Mapping, Sequence

HELD_OUT_SHARE = 0.2


def held_out(paths_by_class: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The fifth of each class that is kept for validation; the generated ``train.py`` follows the same rule.

    Within a class, paths are sorted by the CRC-32 of their UTF-8 text, then by the text, and the first fifth is taken:
    rounded, at least one image, none from a class of one. So the choice needs no seed, is the same on every machine,
    and an image that is added or removed moves at most one other.

    Args:
        paths_by_class: POSIX paths relative to the dataset's root (``train/hat/1.jpg``) of each class's image files,
            readable or not: the script does not know which are.

    Returns:
        The paths held out, classes in sorted order.
    """
    chosen: list[str] = []
    for _, paths in sorted(paths_by_class.items()):
        if len(paths) >= 2:
            chosen += sorted(paths, key=_rank)[: max(1, round(HELD_OUT_SHARE * len(paths)))]
    return tuple(chosen)


def _rank(path: str) -> tuple[int, str]:
    return zlib.crc32(path.encode("utf-8", "surrogateescape")), path
