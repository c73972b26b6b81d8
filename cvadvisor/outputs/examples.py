"""The examples that a finding shows, whatever kind of fact lists them: read by field names, not by type."""

import dataclasses
import re
from typing import Any

from cvadvisor.diagnosis import Diagnosis
from cvadvisor.facts.dataset import BoxesFound, Found
from cvadvisor.outputs.figures import shown
from cvadvisor.outputs.vocabulary import fact_at

# Anything else in an image's address could fetch something.
_JPEG = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/]+={0,2}")


@dataclasses.dataclass(frozen=True)
class Picture:
    """An image file, what is said of it, and its thumbnail where there is one."""

    path: str
    data_uri: str | None
    said: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Example:
    """One item of the list: pictures that belong together, or a name, and what is said of them all."""

    pictures: tuple[Picture, ...]
    said: dict[str, str]
    name: str | None = None


def examples(diagnosis: Diagnosis, path: str | None) -> list[Example]:
    """What the fact at ``path`` lists; empty where there is no path, or nothing is known there."""
    listed = fact_at(diagnosis.facts, path) if path else None
    if isinstance(listed, Found | BoxesFound):
        listed = listed.examples
    if not isinstance(listed, tuple):
        return []
    thumbnails = {one.path: one.data_uri for one in diagnosis.thumbnails if _JPEG.fullmatch(one.data_uri)}
    return [_example(item, thumbnails) for item in listed]


def _example(item: Any, thumbnails: dict[str, str]) -> Example:
    """``path`` and ``path_<suffix>`` are pictures; a field with the same suffix is said of that picture alone."""
    if not dataclasses.is_dataclass(item):
        return Example(pictures=(), said={}, name=shown(item))
    values = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    suffixes = [name.removeprefix("path") for name in values if name == "path" or name.startswith("path_")]
    pictures = []
    taken: set[str] = set()
    for suffix in suffixes:
        own = [name for name in values if suffix and name.endswith(suffix) and name != f"path{suffix}"]
        taken.update(own, [f"path{suffix}"])
        path = values[f"path{suffix}"]
        said = {name.removesuffix(suffix): shown(values[name], name) for name in own}
        pictures.append(Picture(path=path, data_uri=thumbnails.get(path), said=said))
    rest = {name: shown(value, name) for name, value in values.items() if name not in taken}
    return Example(pictures=tuple(pictures), said=rest)
