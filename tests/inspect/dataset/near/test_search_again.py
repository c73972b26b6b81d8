"""A second search with a cache: what was compared before is compared with new pictures only."""

from pathlib import Path

from PIL import ImageOps

from cvadvisor.facts.leaks import CHANGED
from cvadvisor.inspect.dataset.near import candidates
from tests.inspect.dataset.near.folders import scanned, search, write
from tests.inspect.dataset.near.scenes import cropped, scene


def planted(root: Path, seeds: range) -> None:
    for seed in seeds:
        write(root, f"train/{seed}.jpg", scene(seed))
        write(root, f"val/{seed}.jpg", cropped(0.8)(scene(seed)))


def known(seeds: range) -> set[tuple[str, str]]:
    return {(f"train/{seed}.jpg", f"val/{seed}.jpg") for seed in seeds}


def test_what_was_compared_before_is_not_compared_again(tmp_path, monkeypatch):
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    planted(root, range(10))
    with scanned(root, cache) as store:
        first = search(root, store)
    assert set(first) >= known(range(10))

    def refuse(*_: object) -> None:
        raise AssertionError("there is nothing new to compare")

    monkeypatch.setattr(candidates, "_compare", refuse)
    with scanned(root, cache) as store:
        assert search(root, store) == first


def test_new_pictures_are_compared_with_those_that_were_there(tmp_path):
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    planted(root, range(12))
    with scanned(root, cache) as store:
        search(root, store)
    write(root, "val/new.jpg", ImageOps.mirror(scene(3)))
    planted(root, range(20, 22))
    with scanned(root, cache) as store:
        pairs = search(root, store)
    same = {pair for pair, what in pairs.items() if what.tier == CHANGED}
    expected = known(range(12)) | known(range(20, 22))
    assert same == expected | {("train/3.jpg", "val/new.jpg"), ("val/3.jpg", "val/new.jpg")}


def test_a_picture_that_has_changed_or_gone_has_no_pair_any_more(tmp_path):
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    planted(root, range(12))
    with scanned(root, cache) as store:
        search(root, store)
    write(root, "val/0.jpg", scene(99))
    (root / "val/1.jpg").unlink()
    with scanned(root, cache) as store:
        pairs = search(root, store)
    assert {pair for pair, what in pairs.items() if what.tier == CHANGED} == known(range(2, 12))


def test_a_file_that_could_not_be_read_for_a_while_is_compared_later(tmp_path):
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    planted(root, range(6))
    with scanned(root, cache) as store:
        (root / "val/0.jpg").rename(tmp_path / "away.jpg")
        search(root, store)
    (tmp_path / "away.jpg").rename(root / "val/0.jpg")
    with scanned(root, cache) as store:
        pairs = search(root, store)
    assert {pair for pair, what in pairs.items() if what.tier == CHANGED} == known(range(6))


def test_a_search_after_a_change_of_split_describes_the_file_that_comes_second_then(tmp_path):
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    planted(root, range(6))
    with scanned(root, cache) as store:
        search(root, store)
    (root / "train").rename(root / "other")
    (root / "val").rename(root / "train")
    (root / "other").rename(root / "val")
    with scanned(root, cache) as store:
        pairs = search(root, store)
    said = {pairs[f"train/{seed}.jpg", f"val/{seed}.jpg"].transform.split(", ")[0] for seed in range(6)}
    assert said == {"at 80% inside a border or a wider view"}


def test_after_pictures_went_a_search_finds_what_one_without_a_cache_finds(tmp_path):
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    planted(root, range(14))
    with scanned(root, cache) as store:
        search(root, store)
    for seed in (3, 4):
        (root / f"train/{seed}.jpg").unlink()
    write(root, "val/new.jpg", ImageOps.mirror(scene(5)))
    with scanned(root, cache) as store:
        again = search(root, store)
    with scanned(root, tmp_path / "fresh.sqlite") as store:
        assert search(root, store) == again
