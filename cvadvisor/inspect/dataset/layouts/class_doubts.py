"""What speaks against taking folders for classes although they would pass for such: nothing is refused silently."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cvadvisor.inspect.dataset.layouts.lookup import with_stem
from cvadvisor.inspect.dataset.layouts.mask_pairs import some_stems
from cvadvisor.inspect.dataset.layouts.reading import DatasetError
from cvadvisor.inspect.dataset.layouts.wording import count, names
from cvadvisor.inspect.printable import printable

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files, Folder

# What projects keep beside their classes; cvadvisor-out is what our own results are called.
_BESIDE = re.compile(
    r"docs?|results?|runs?|logs?|figures?|figs?|assets|examples?|samples?|screenshots?|outputs?|cvadvisor-out.*"
    r"|venv|node_modules"
)
LAYOUT = "class-folders"
"""The name that ``--layout`` takes: who gives it means it."""

_ARCHIVES = (".zip", ".tar")
_LEAST_TELLING = 3
_PAIRED_SHARE = 0.9
# Of more folders than these, two alone are no images and masks; looking at each pair would take its time.
_MOST_COMPARED = 6
# What a mask's name adds to its image's: a separator, then a word.
_ADDED = re.compile(r"[-_. ]+[A-Za-z][\w-]*")


def called(folder: "Folder") -> str:
    """What a folder stands for: its name, without the extension where it is an archive that is read in place."""
    name = folder.name
    return name[:-4] if name.lower().endswith(_ARCHIVES) and len(name) > 4 else name


def lies_beside(folder: "Folder") -> bool:
    """Whether a folder is called like one of documents or results, which lie beside classes and are none."""
    return _BESIDE.fullmatch(called(folder).lower()) is not None


def check_doubts(files: "Files", folders: "Sequence[Folder]") -> None:
    """Refuse folders of classes that may as well be something else.

    Raises:
        DatasetError: they hold the same folders, or some hold masks or copies of what others hold.
    """
    if inner := _same_inside(folders):
        raise DatasetError(
            f"{names(folders)} hold the same {count(len(inner), 'folder')}, {names(inner)}: either may be the classes. "
            f"Give one of {names(folders)} alone where the classes are in it, or --layout {LAYOUT} where they are it."
        )
    if pair := _paired(files, folders):
        first, second, added = pair
        raise DatasetError(
            f"images in {printable(second.path)}/ are called as those in {printable(first.path)}/ with "
            f"{printable(added)} added: masks or copies of them, it seems, and no class. Name the folders images/ and "
            f"masks/ if they are masks, or give --layout {LAYOUT} if they are classes."
        )


def _same_inside(folders: "Sequence[Folder]") -> "list[Folder]":
    """The folders in the first of ``folders``, where all of them hold two or more of the same names and no image.

    Either those are the classes, and ``folders`` are versions of one dataset (colour, grayscale, segmented), or they
    are parts of each class (magnifications, cameras): nothing on disk says which.
    """
    if len(folders) < 2 or any(folder.images for folder in folders):
        return []
    bearing = [[child for child in folder.folders if child.images_below] for folder in folders]
    lower = [{called(child).lower() for child in children} for children in bearing]
    return bearing[0] if len(lower[0]) > 1 and all(one == lower[0] for one in lower) else []


def _paired(files: "Files", folders: "Sequence[Folder]") -> "tuple[Folder, Folder, str] | None":
    """Two of ``folders``, where images of the second are called as the first's with the same word added, and the word.

    Such are an image and its mask, or its altered copy.
    """
    if len(folders) > _MOST_COMPARED:
        return None
    for second in folders:
        stems = some_stems(files, second.path)
        if len(stems) < _LEAST_TELLING:
            continue
        for first in folders:
            if first is not second and (added := _added(files, first.path, stems)):
                return first, second, added
    return None


def _added(files: "Files", folder: str, stems: Sequence[str]) -> str | None:
    """What ``stems`` add to the names of images in ``folder``; ``None`` where they are called otherwise."""
    first = stems[0]
    for cut in range(len(first) - 1, 0, -1):
        added = first[cut:]
        if _ADDED.fullmatch(added) and with_stem(files, folder, first[:cut]):
            cores = [stem.removesuffix(added) for stem in stems if stem.endswith(added)]
            hits = sum(bool(core and with_stem(files, folder, core)) for core in cores)
            return added if hits >= _PAIRED_SHARE * len(stems) else None
    return None
