"""Images that the search for near-duplicates found to show one scene, as groups."""

from collections.abc import Iterator

from cvadvisor.facts.leaks import SAME_IMAGE, SCENE
from cvadvisor.inspect.dataset.components import Components
from cvadvisor.inspect.dataset.store import Store

# 'Merely similar' pairs join what does not belong together. Copies alone are no scene, but each is in that of another.
_SCENES = f"SELECT a, b FROM temp.pair WHERE tier = '{SCENE}'"
_COPIES = f"SELECT a, b FROM temp.pair WHERE tier IN {SAME_IMAGE}"


def scene_groups(store: Store) -> Iterator[tuple[int, int]]:
    """Each image that shows another image's scene, and the first file that is joined to it through pairs."""
    components = Components.of(store)
    components.join_all((a, b) for a, b in store.rows(_SCENES))
    components.join_all((a, b) for a, b in store.rows(_COPIES))
    scenes = {components.root(a) for a, _ in store.rows(_SCENES)}
    yield from ((file, root) for file, root in components.in_company() if root in scenes)
