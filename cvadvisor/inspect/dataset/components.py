"""Which files belong together, directly or through others."""

from array import array
from collections.abc import Iterable, Iterator

from cvadvisor.facts.leaks import SAME_IMAGE, SCENE
from cvadvisor.inspect.dataset.store import Store


class Components:
    """Sets of files that only grow together (union-find). It takes nine bytes for each file."""

    def __init__(self, files: int) -> None:
        """Each of so many files alone: their ids are from 0 to ``files - 1``."""
        self._parent = array("q", range(files))
        self._joined = bytearray(files)

    @classmethod
    def of(cls, store: Store) -> "Components":
        """Each file of ``store`` alone."""
        return cls((store.one("SELECT max(id) FROM temp.file") or 0) + 1)

    def root(self, file: int) -> int:
        """The smallest file that ``file`` belongs to."""
        parent = self._parent
        while parent[file] != file:
            parent[file] = parent[parent[file]]
            file = parent[file]
        return file

    def join(self, a: int, b: int) -> tuple[int, int] | None:
        """Put two files, and all that belong to them, together; returns the two roots, the new one first, or ``None``.

        ``None`` says that they belonged together before.
        """
        first, second = sorted((self.root(a), self.root(b)))
        if first == second:
            return None
        self._parent[second] = first
        self._joined[a] = self._joined[b] = True
        return first, second

    def join_all(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Put the files of every pair together."""
        for a, b in pairs:
            self.join(a, b)

    def in_company(self) -> Iterator[tuple[int, int]]:
        """Every file that others belong to, and its root, by file."""
        return ((file, self.root(file)) for file, joined in enumerate(self._joined) if joined)


_SAME_GROUP = """
SELECT file, grouping FROM temp.sample WHERE grouping IS NOT NULL ORDER BY grouping, file
"""
_SAME_SCENE = f"SELECT a, b FROM temp.pair WHERE tier IN {(*SAME_IMAGE, SCENE)}"


def store_components(store: Store) -> None:
    """Write into ``temp.component`` which images belong in one split: those of one image, one scene or one group.

    Each readable image that belongs to another gets a row of its file and the first file of its component.
    """
    components = Components.of(store)
    components.join_all((a, b) for a, b in store.rows(_SAME_SCENE))
    components.join_all(_neighbours(store))
    store.run("CREATE TEMP TABLE component (file INTEGER PRIMARY KEY, component INTEGER NOT NULL)")
    store.insert("temp.component", components.in_company())


def _neighbours(store: Store) -> Iterator[tuple[int, int]]:
    """Each image of a group with the next one."""
    before: tuple[int, bytes] | None = None
    for file, group in store.rows(_SAME_GROUP):
        if before is not None and before[1] == group:
            yield before[0], file
        before = file, group
