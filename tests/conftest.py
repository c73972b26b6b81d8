"""What tests share: datasets that are inspected, and a cache folder that is not the user's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from cvadvisor.config import Wishes
from cvadvisor.inspect.dataset.inspection import Dataset, inspect_dataset


@pytest.fixture(autouse=True)
def _own_cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def inspected() -> Iterator[Callable[..., Dataset]]:
    """Inspect a dataset without a cache; what is asked for by name are wishes. Closed when the test ends."""
    with ExitStack() as stack:

        def inspect(root: Path, **wishes: Any) -> Dataset:
            return stack.enter_context(closing(inspect_dataset(root, Wishes(**wishes), use_cache=False)))

        yield inspect
