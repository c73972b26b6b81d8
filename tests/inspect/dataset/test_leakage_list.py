import csv

import pytest

from cvadvisor.inspect.dataset.families import THROUGH_ANOTHER
from cvadvisor.inspect.dataset.leakage_list import COLUMNS
from tests.inspect.dataset.leaking import CHANGED, SCENE, SIMILAR, copy, found_near
from tests.inspect.dataset.making import make, name_or_skip

BASE = [f"{split}/{label}/{n}.png" for split in ("train", "val", "test") for label in ("cat", "dog") for n in range(3)]


def listed(dataset, folder):
    dataset.write_leakage(folder / "leakage.csv")
    with (folder / "leakage.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def paths(rows):
    return [(row["path_a"], row["path_b"]) for row in rows]


def test_a_dataset_without_a_pair_gives_a_header(tmp_path, inspected):
    inspected(make(tmp_path / "data", BASE)).write_leakage(tmp_path / "leakage.csv")
    assert (tmp_path / "leakage.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_a_row_says_where_both_files_lie_and_how_they_are_the_same(tmp_path, inspected, monkeypatch):
    root = make(tmp_path / "data", BASE)
    found_near(monkeypatch, ("train/cat/1.png", "val/dog/1.png", CHANGED, "mirrored", 0.96875))
    (row,) = listed(inspected(root), tmp_path)
    assert tuple(row) == COLUMNS
    assert tuple(row.values()) == (
        *("train", "train/cat/1.png", "cat", "validation", "val/dog/1.png", "dog"),
        *(CHANGED, "mirrored", "0.9688"),
    )


def test_pairs_between_splits_come_first_then_by_tier_and_similar_ones_last(tmp_path, inspected, monkeypatch):
    root = make(tmp_path / "data", BASE)
    copy(root, "train/cat/0.png", "train/cat/a.png")
    copy(root, "val/cat/0.png", "val/cat/b.png")
    copy(root, "train/dog/0.png", "test/dog/c.png")
    found_near(
        monkeypatch,
        ("train/cat/1.png", "val/cat/1.png", SIMILAR),
        ("train/cat/2.png", "val/cat/2.png", SCENE),
        ("train/dog/2.png", "val/dog/2.png", CHANGED),
        ("train/dog/1.png", "val/dog/1.png", CHANGED),
    )
    assert paths(listed(inspected(root), tmp_path)) == [
        ("train/dog/1.png", "val/dog/1.png"),
        ("train/dog/2.png", "val/dog/2.png"),
        ("train/cat/2.png", "val/cat/2.png"),
        ("train/dog/0.png", "test/dog/c.png"),
        ("train/cat/0.png", "train/cat/a.png"),
        ("val/cat/0.png", "val/cat/b.png"),
        ("train/cat/1.png", "val/cat/1.png"),
    ]


def test_every_held_out_file_of_a_family_is_listed_beside_a_training_file(tmp_path, inspected, monkeypatch):
    root = make(tmp_path / "data", BASE)
    copy(root, "val/cat/1.png", "val/cat/copy.png")
    found_near(
        monkeypatch,
        ("train/cat/1.png", "test/cat/1.png", CHANGED, "gray"),
        ("val/cat/1.png", "test/cat/1.png", CHANGED, "cropped"),
    )
    rows = listed(inspected(root), tmp_path)
    beside = {row["path_b"]: row["transform"] for row in rows if row["split_a"] == "train"}
    assert beside == {
        "test/cat/1.png": "gray",
        "val/cat/1.png": THROUGH_ANOTHER,
        "val/cat/copy.png": THROUGH_ANOTHER,
    }


def test_copies_of_one_image_are_a_star_and_not_all_pairs(tmp_path, inspected):
    root = make(tmp_path / "data", BASE)
    for number in range(30):
        copy(root, "train/cat/1.png", f"train/cat/copy{number}.png")
        copy(root, "train/cat/1.png", f"val/cat/copy{number}.png")
    rows = listed(inspected(root), tmp_path)
    assert len(rows) == 60
    assert {row["path_a"] for row in rows} == {"train/cat/1.png"}


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-2", "@SUM(A1)"])
def test_no_cell_is_a_formula_and_the_path_still_names_the_file(tmp_path, inspected, name):
    folder = name_or_skip(tmp_path / "data", name)
    root = make(tmp_path / "data", [f"{name}/1.png", "cat/1.png", "cat/2.png"])
    copy(root, f"{name}/1.png", f"{name}/copy.png")
    (row,) = listed(inspected(root), tmp_path)
    assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in row.values())
    assert (root / row["path_b"]).samefile(folder / "copy.png")


def test_names_that_are_no_utf8_are_kept(tmp_path, inspected):
    folder = name_or_skip(tmp_path / "data", b"caf\xe9")
    root = make(tmp_path / "data", ["cat/1.png", "cat/2.png"])
    copy(root, "cat/1.png", f"{folder.name}/copy.png")
    (row,) = listed(inspected(root), tmp_path)
    assert f"{folder.name}/copy.png" in (row["path_a"], row["path_b"])


def test_what_looks_merely_alike_and_is_one_image_by_way_of_a_third_is_listed_as_one(tmp_path, inspected, monkeypatch):
    root = make(tmp_path / "data", BASE)
    found_near(
        monkeypatch,
        ("train/cat/1.png", "val/cat/0.png", CHANGED),
        ("train/cat/1.png", "val/cat/1.png", SIMILAR),
        ("val/cat/0.png", "val/cat/1.png", CHANGED),
    )
    tiers = {
        (row["path_a"], row["path_b"]): (row["tier"], row["transform"]) for row in listed(inspected(root), tmp_path)
    }
    assert tiers["train/cat/1.png", "val/cat/1.png"] == (CHANGED, THROUGH_ANOTHER)
