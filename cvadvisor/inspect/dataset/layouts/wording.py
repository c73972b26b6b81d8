"""What lies in folders, in words."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Folder


def contents(top: "Folder") -> str:
    """What lies in a folder: 'found 12 .txt files and 3 folders'."""
    below = list(top.below())
    extensions = sum((folder.others for folder in below), Counter[str]())
    ranked = sorted(extensions.items(), key=lambda item: (-item[1], item[0]))
    counts = [count(number, f"{printable(extension) or 'other'} file") for extension, number in ranked[:3]]
    if top.images_below:
        counts.insert(0, count(top.images_below, "image"))
    if len(below) > 1:
        counts.append(count(len(below) - 1, "folder"))
    return f"found {and_(counts)}" if counts else "it is empty"


def names(folders: "Sequence[Folder]") -> str:
    """Names of folders: 'cat/, dog/ and 3 more'."""
    shown = [f"{printable(folder.name)}/" for folder in folders]
    return and_(shown if len(shown) <= 6 else [*shown[:5], f"{len(shown) - 5:,} more"])


def and_(items: Sequence[str]) -> str:
    """'a, b and c'."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def count(number: int, noun: str) -> str:
    """'1,200 images', '1 image'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
