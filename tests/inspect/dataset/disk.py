"""Small real datasets on a real disk."""

from pathlib import Path

from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.look import Look, look
from cvadvisor.inspect.dataset.places import Place, Unreadable, read_bytes
from cvadvisor.inspect.dataset.store import Store
from tests.inspect.dataset.making import encoded, make, name_or_skip, picture

__all__ = ["encoded", "listed", "looked", "make", "name_or_skip", "picture", "scanned"]


def scanned(folder: Path, data: bytes, name: str = "image.jpg") -> Look:
    """What the scan says of a file with these bytes."""
    (folder / name).write_bytes(data)
    return looked(folder, name)


def looked(folder: Path, name: str) -> Look:
    """What the scan says of a file."""
    try:
        seen = look(read_bytes(folder, Place(name)), name, large=True)
    except Unreadable as error:
        return Look(error=str(error))
    assert seen is not None
    return seen


def listed(root: Path, store: Store) -> Files:
    """List ``root`` into ``store``, every image of it a training sample."""
    files = Files(root, store)
    store.run(
        "INSERT INTO temp.sample SELECT id, 'train', NULL, NULL, NULL FROM temp.file WHERE kind = 'image' ORDER BY path"
    )
    return files
