from collections import Counter
from pathlib import Path

import pytest
from planting import Dataset, link_dataset, plant, read_pairs
from transforms import TRANSFORMS

from tests.inspect.dataset.making import make

KINDS = TRANSFORMS[:4]


def images(*splits: str, each: int = 6, classes: str = "ab") -> list[str]:
    """Names of images in class folders below each of ``splits``; '.' is no folder."""
    return [f"{split}/{label}/{number}.png" for split in splits for label in classes for number in range(each)]


def planted(source: Path, into: Path, sources: int, seed: int = 0) -> Dataset:
    dataset = link_dataset(source, into, seed)
    plant(dataset, KINDS, sources, seed)
    return dataset


def test_copies_of_training_images_are_put_into_validation(tmp_path: Path) -> None:
    dataset = planted(make(tmp_path / "source", images("train", "validation")), tmp_path / "into", 3)
    assert Counter(copy.transform for copy in dataset.planted) == {kind.name: 3 for kind in KINDS}
    assert all(copy.source in dataset.train for copy in dataset.planted)
    assert all(copy.path.startswith("validation/") for copy in dataset.planted)
    assert all((dataset.folder / copy.path).is_file() for copy in dataset.planted)
    assert dataset.images == 24 + 12


def test_every_second_copy_of_a_kind_lies_under_another_class(tmp_path: Path) -> None:
    dataset = planted(make(tmp_path / "source", images("train", "validation")), tmp_path / "into", 2)
    other = [copy.path.split("/")[1] != copy.source.split("/")[1] for copy in dataset.planted]
    assert other == [False, True] * len(KINDS) == [copy.crossed for copy in dataset.planted]


def test_one_class_leaves_copies_under_it(tmp_path: Path) -> None:
    dataset = planted(make(tmp_path / "source", images("train", "validation", classes="a")), tmp_path / "into", 2)
    assert not any(copy.crossed for copy in dataset.planted)


def test_an_image_is_copied_once_before_any_is_copied_twice(tmp_path: Path) -> None:
    source = make(tmp_path / "source", images("train", "validation"))
    few, many = planted(source, tmp_path / "few", 3), planted(source, tmp_path / "many", 4)
    assert len({copy.source for copy in few.planted}) == 12
    assert sorted(Counter(copy.source for copy in many.planted).values()) == [1] * 8 + [2] * 4


def test_no_kind_has_more_copies_than_there_are_training_images(tmp_path: Path) -> None:
    dataset = planted(make(tmp_path / "source", images("train", "validation", each=2)), tmp_path / "into", 300)
    assert Counter(copy.transform for copy in dataset.planted) == {kind.name: 4 for kind in KINDS}


def test_a_training_image_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    source = make(tmp_path / "source", images("train", "validation"))
    (source / "train" / "a" / "0.png").write_bytes(b"broken")
    dataset = link_dataset(source, tmp_path / "into")
    plant(dataset, TRANSFORMS[1:3], 12)
    assert len(dataset.planted) == 2 * 11


def test_a_seed_plants_the_same_copies(tmp_path: Path) -> None:
    source = make(tmp_path / "source", images("train", "validation"))
    first, again, other = (planted(source, tmp_path / str(n), 3, seed) for n, seed in enumerate((1, 1, 2)))
    assert first.planted == again.planted != other.planted


def test_the_names_of_copies_say_nothing_of_their_sources(tmp_path: Path) -> None:
    dataset = planted(make(tmp_path / "source", images("train", "validation")), tmp_path / "into", 3)
    names = {Path(copy.path).stem for copy in dataset.planted}
    assert all(len(name) == 24 and int(name, 16) >= 0 for name in names)
    assert len(names) == len(dataset.planted)


def test_the_original_dataset_stays_as_it_is(tmp_path: Path) -> None:
    source = make(tmp_path / "source", images("train", "validation"))
    before = {path: path.read_bytes() for path in source.rglob("*.png")}
    planted(source, tmp_path / "into", 3)
    assert {path: path.read_bytes() for path in source.rglob("*.png")} == before


@pytest.mark.parametrize("split", [".", "train"])
def test_a_fifth_of_each_class_becomes_validation_where_there_is_none(tmp_path: Path, split: str) -> None:
    dataset = link_dataset(make(tmp_path / "source", images(split, each=10)), tmp_path / "into")
    assert Counter(path.split("/")[1] for path in dataset.validation) == {"a": 2, "b": 2}
    assert Counter(path.split("/")[1] for path in dataset.train) == {"a": 8, "b": 8}


def test_other_names_of_the_splits_are_understood_and_a_test_split_is_left_out(tmp_path: Path) -> None:
    dataset = link_dataset(make(tmp_path / "source", images("training", "val", "test")), tmp_path / "into")
    assert dataset.names["val/a/0.png"] == "validation/a/0.png"
    assert dataset.names["training/a/0.png"] == "train/a/0.png"
    assert "test/a/0.png" not in dataset.names


def test_a_folder_without_class_folders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no images in class folders"):
        link_dataset(make(tmp_path / "source", ["1.png", "2.png"]), tmp_path / "into")


def test_files_with_the_same_bytes_are_one_image(tmp_path: Path) -> None:
    source = make(tmp_path / "source", images("train", "validation"))
    (source / "train/b/0.png").write_bytes((source / "train/a/0.png").read_bytes())
    same = link_dataset(source, tmp_path / "into").sameness.image
    assert same("train/b/0.png") == same("train/a/0.png") != same("train/a/1.png")


def test_a_list_of_pairs_is_read_by_the_paths_of_the_original_dataset(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("path_a,path_b\nval/a.png,train/b.png\n")
    names = {"val/a.png": "validation/a.png", "train/b.png": "train/b.png"}
    assert read_pairs(file, names) == [("validation/a.png", "train/b.png")]


@pytest.mark.parametrize(
    ("text", "said"), [("a,b\n1,2\n", "columns path_a and path_b"), ("path_a,path_b\nx,y\n", "line 2: x is not in")]
)
def test_a_list_of_pairs_that_does_not_fit_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(SystemExit, match=said):
        read_pairs(tmp_path / "pairs.csv", {})
