"""Which reading wins where several fit, and what is said where none does."""

from pathlib import Path

import pytest

from cvadvisor.config import Wishes
from cvadvisor.inspect.dataset.files import Files
from cvadvisor.inspect.dataset.layouts import READERS, choose
from cvadvisor.inspect.dataset.layouts.reading import DatasetError, Reading
from cvadvisor.inspect.dataset.store import Store
from tests.inspect.dataset.making import make

FOLDERS = [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(4)]


def chosen(root: Path, **wishes: str) -> tuple[Reading, tuple[str, ...]]:
    with Store(None) as store:
        return choose(Files(root, store), Wishes(**wishes))


def with_table(root: Path, rows: int = 8) -> Path:
    make(root, FOLDERS)
    lines = [f"{path},{'ab'[number % 2]}" for number, path in enumerate(FOLDERS[:rows])]
    (root / "labels.csv").write_text("\n".join(["image,label", *lines]) + "\n")
    return root


def test_a_table_says_more_than_folders_and_the_folders_are_named_as_the_alternative(tmp_path):
    best, others = chosen(with_table(tmp_path))
    assert best.layout == "label table"
    (other,) = others
    assert other.startswith("classification in class folders")
    assert other.endswith("it says less about the images.")


def test_a_table_of_a_few_images_does_not_beat_folders_of_many(tmp_path):
    best, others = chosen(with_table(tmp_path, rows=2))
    assert best.layout == "class folders"
    assert any("it covers 2 images, against 8" in other for other in others)


def test_a_layout_can_be_forced(tmp_path):
    best, others = chosen(with_table(tmp_path), layout="class-folders")
    assert (best.layout, others) == ("class folders", ())


def test_a_layout_that_is_forced_and_is_not_there_is_refused_with_what_was_seen(tmp_path):
    with pytest.raises(DatasetError, match=r"does not fit --layout coco: found 8 images and 2 folders"):
        chosen(make(tmp_path, FOLDERS), layout="coco")


def test_a_task_that_is_forced_leaves_other_readings_out(tmp_path):
    with pytest.raises(DatasetError, match="does not fit --task detection"):
        chosen(make(tmp_path, FOLDERS), task="detection")


def test_naming_a_column_asks_for_a_table(tmp_path):
    best, _ = chosen(with_table(tmp_path, rows=2), label_column="label")
    assert best.layout == "label table"
    with pytest.raises(DatasetError, match="has no column 'nonsense'"):
        chosen(tmp_path, group_column="nonsense")


def test_naming_a_column_where_there_is_no_table_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="does not fit --group-column patient"):
        chosen(make(tmp_path, FOLDERS), group_column="patient")


def test_what_is_no_dataset_is_told_what_is_expected(tmp_path):
    with pytest.raises(DatasetError, match=r"3 images in it without class folders.*Also read: images with a table"):
        chosen(make(tmp_path, ["1.png", "2.png", "3.png"]))


def test_a_broken_annotation_is_the_error_where_nothing_else_fits(tmp_path):
    root = make(tmp_path, ["images/1.png", "labels/1.txt"])
    (root / "data.yaml").write_text("train: images\nnames: [cat\n")
    with pytest.raises(DatasetError, match=r"data\.yaml"):
        chosen(root)


def test_a_broken_annotation_beside_another_layout_is_said(tmp_path):
    root = make(tmp_path, FOLDERS)
    image = '{"id": 1, "file_name": "cat/0.png", "width": 12, "height": 10}'
    (root / "coco.json").write_text(
        '{"categories": [{"id": 1, "name": "cat"}], "images": [' + image + '], "annotations": ['
    )
    best, (problem,) = chosen(root)
    assert best.layout == "class folders"
    assert problem.startswith("coco: coco.json")


@pytest.mark.parametrize("name", set(READERS) - {"class-folders"})
def test_every_layout_has_a_reader_that_refuses_class_folders(tmp_path, name):
    with pytest.raises(DatasetError, match=f"does not fit --layout {name}"):
        chosen(make(tmp_path, FOLDERS), layout=name)
