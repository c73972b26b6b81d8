import builtins
import codecs
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.layouts.label_table import read, split_of_name
from cvadvisor.inspect.dataset.layouts.reading import Box, DatasetError, Fault, Reading, Sample, Wishes
from tests.inspect.dataset.making import listed, make

IMAGES = [f"images/{number}.png" for number in range(1, 7)]
KINDS = ["cat", "dog", "cat", "dog", "cat", "dog"]
PLAIN = "image,label\n" + "".join(f"{number}.png,{kind}\n" for number, kind in enumerate(KINDS, 1))


def write(root: Path, text: str | bytes, name: str = "labels.csv", images: list[str] = IMAGES) -> Path:
    make(root, images)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def read_all(root: Path, wishes: Wishes = Wishes()) -> tuple[Reading, dict[str, Sample], list[str]]:  # noqa: B008
    """The reading, the samples by path, and the problems."""
    with listed(root) as files:
        reading = read(files, wishes)
        assert reading is not None
        said = list(reading.samples())
    samples = [one for one in said if isinstance(one, Sample)]
    assert len({one.path for one in samples}) == len(samples)
    problems = [one.problem for one in said if isinstance(one, Fault)]
    assert not any("\n" in problem for problem in problems)
    return reading, {one.path: one for one in samples}, problems


def labels(root: Path, wishes: Wishes = Wishes()) -> dict[str, tuple[str, ...]]:  # noqa: B008
    _, samples, problems = read_all(root, wishes)
    assert problems == []
    return {path: one.labels for path, one in samples.items()}


def nothing(root: Path) -> bool:
    with listed(root) as files:
        return read(files, Wishes()) is None


EXPECTED = {path: (kind,) for path, kind in zip(IMAGES, KINDS, strict=True)}


def test_a_table_of_names_and_labels_is_read(tmp_path):
    reading, samples, problems = read_all(write(tmp_path, PLAIN))
    assert {path: one.labels for path, one in samples.items()} == EXPECTED
    assert (reading.task, reading.images, reading.rank, problems) == ("classification", 6, 70, [])
    assert reading.why == "labels.csv names about 6 images on disk and a label of each in the column 'label'"


@pytest.mark.parametrize("form", ["{0}.png", "images/{0}.png", "./images/{0}.png", "/old/place/images/{0}.png", "{0}"])
def test_images_are_found_however_they_are_named(tmp_path, form):
    rows = "".join(f"{form.format(number)},{kind}\n" for number, kind in enumerate(KINDS, 1))
    assert labels(write(tmp_path, "file,species\n" + rows)) == EXPECTED


def test_names_are_relative_to_the_tables_own_folder_first(tmp_path):
    write(tmp_path, "file,label\n1.png,cat\n2.png,dog\n", "b/labels.csv", ["a/1.png", "a/2.png", "b/1.png", "b/2.png"])
    assert labels(tmp_path) == {"b/1.png": ("cat",), "b/2.png": ("dog",)}


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", "|").encode(),
        PLAIN.replace(",", ", ").encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace("\n", "\n\n").encode(),
        PLAIN.replace("cat", '"cat"').encode(),
        PLAIN.replace("cat\n", "cat,\n").encode(),
        (PLAIN + "image,label\n").encode(),
        PLAIN.replace("image,label\n", "").encode(),
    ],
)
def test_every_way_to_write_the_same_table_is_read(tmp_path, data):
    assert labels(write(tmp_path, data)) == EXPECTED


def test_a_tsv_and_json_lines_are_read(tmp_path):
    assert labels(write(tmp_path / "tsv", PLAIN.replace(",", "\t"), "labels.tsv")) == EXPECTED
    lines = "".join(json.dumps({"image": path, "label": kind}) + "\n" for path, kind in zip(IMAGES, KINDS, strict=True))
    assert labels(write(tmp_path / "jsonl", lines, "labels.jsonl")) == EXPECTED


def test_parquet_is_read(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    make(tmp_path, IMAGES)
    pq.write_table(pa.table({"image": IMAGES, "label": KINDS, "pixels": [b"x"] * 6}), tmp_path / "labels.parquet")
    assert labels(tmp_path) == EXPECTED


def test_parquet_without_pyarrow_says_how_to_install_it(tmp_path, monkeypatch):
    write(tmp_path, b"PAR1", "labels.parquet")
    importing = builtins.__import__

    def without(name: str, *values: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return importing(name, *values)

    monkeypatch.setattr(builtins, "__import__", without)
    with listed(tmp_path) as files, pytest.raises(DatasetError, match="pip install pyarrow"):
        read(files, Wishes())


def test_a_damaged_parquet_file_is_no_table(tmp_path):
    assert nothing(write(tmp_path, b"PAR1" + b"\0" * 100 + b"PAR1", "labels.parquet"))


def test_latin_1_is_read_in_labels_and_in_names(tmp_path):
    make(tmp_path, ["été.png", "b.png"])
    (tmp_path / "labels.csv").write_bytes("image,label\nété.png,café\nb.png,thé\n".encode("latin-1"))
    assert labels(tmp_path) == {"été.png": ("café",), "b.png": ("thé",)}


def test_a_table_without_header_is_a_guess(tmp_path):
    reading, samples, _ = read_all(write(tmp_path, "1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n"))
    assert reading.rank == 20
    assert samples["images/1.png"].labels == ("cat",)
    assert "Labels are in the column 'column 2' of labels.csv." in reading.notes


def test_numbers_are_labels_as_they_are_written(tmp_path):
    assert labels(write(tmp_path, "image,label\n1.png,01\n2.png,2\n3.png,01\n"))["images/1.png"] == ("01",)


def test_an_empty_label_leaves_its_image_unlabelled(tmp_path):
    assert labels(write(tmp_path, PLAIN.replace("2.png,dog", "2.png,")))["images/2.png"] == ()


def test_an_image_that_the_disk_lacks_comes_by_the_name_in_the_table(tmp_path):
    assert labels(write(tmp_path, PLAIN + "gone/7.png,cat\n"))["gone/7.png"] == ("cat",)


def test_a_name_that_leads_out_of_the_dataset_is_never_looked_up(tmp_path):
    (tmp_path / "secret.png").touch()
    found = labels(write(tmp_path / "data", PLAIN + "../secret.png,cat\n"))
    assert found.keys() - EXPECTED.keys() == {"../secret.png"}


def test_a_name_that_several_images_have_is_a_fault(tmp_path):
    write(tmp_path, PLAIN + "x.png,cat\n", images=[*IMAGES, "images/a/x.png", "images/b/x.png"])
    _, samples, problems = read_all(tmp_path)
    assert problems == ["line 8: x.png may be images/a/x.png or images/b/x.png"]
    assert len(samples) == 6


def test_the_same_row_twice_is_one_sample(tmp_path):
    assert labels(write(tmp_path, PLAIN + "images/1.png,cat\n")) == EXPECTED


def test_an_image_with_two_labels_keeps_the_first_and_is_a_fault(tmp_path):
    reading, samples, problems = read_all(write(tmp_path, PLAIN + "1.png,dog\n"))
    assert reading.task == "classification"
    assert samples["images/1.png"].labels == ("cat",)
    assert problems == ["line 8: images/1.png is labelled dog as well as cat"]


def test_many_images_with_a_row_a_label_are_multi_label(tmp_path):
    reading, samples, problems = read_all(write(tmp_path, PLAIN + "1.png,dog\n2.png,cat\n3.png,emu\n"))
    assert (reading.task, problems) == ("multi-label classification", [])
    assert samples["images/1.png"].labels == ("cat", "dog")


def test_a_ragged_row_is_a_fault_and_the_rest_is_read(tmp_path):
    _, samples, problems = read_all(write(tmp_path, PLAIN + "1.png,a,b,c\njust text\n"))
    assert len(samples) == 6
    assert problems == ["line 8 has 4 cells, and 2 are expected", "line 9 has 1 cells, and 2 are expected"]


def test_a_quote_that_is_never_closed_costs_no_other_row(tmp_path):
    assert labels(write(tmp_path, PLAIN.replace("2.png,dog", '2.png,"dog'))) == EXPECTED


def test_a_cell_of_several_lines_is_one_cell(tmp_path):
    text = "image,note,label\n" + "".join(f'{n}.png,"two\nlines",{kind}\n' for n, kind in enumerate(KINDS, 1))
    assert labels(write(tmp_path, text)) == EXPECTED


def test_a_cell_of_ten_megabytes_is_a_fault(tmp_path):
    _, samples, problems = read_all(write(tmp_path, PLAIN + f"7.png,{'x' * 10_000_000}\n" + f"8.png,{'y' * 200_000}\n"))
    assert len(samples) == 6
    assert problems == [
        "line 8 is longer than 1,000,000 characters",
        "line 9 has a cell of more than 100,000 characters",
    ]


def test_a_null_byte_in_a_name_is_a_fault(tmp_path):
    _, samples, problems = read_all(write(tmp_path, PLAIN + "a\0b.png,cat\n"))
    assert len(samples) == 6
    assert problems == ["line 8: a\\x00b.png is no file name"]


def test_a_row_without_an_image_and_a_label_that_is_a_text_are_faults(tmp_path):
    _, _, problems = read_all(write(tmp_path, PLAIN + f",cat\n6.png,{'long ' * 200}\n"))
    assert problems == [
        "line 8: no image is named",
        "line 9: what is given for 6.png has a label of more than 500 characters",
    ]


def test_json_lines_that_are_no_objects_are_faults(tmp_path):
    lines = '{"image": "1.png", "label": "a"}\n[1]\n{"image"\n{"image": "2.png", "label": "b"}\n' + "[" * 100_000 + "\n"
    _, samples, problems = read_all(write(tmp_path, lines, "labels.jsonl"))
    assert len(samples) == 2
    assert problems == [f"line {number} is no JSON object" for number in (2, 3, 5)]


def test_json_values_of_any_type_are_survived(tmp_path):
    lines = '{"image": "1.png", "label": 3}\n{"image": "2.png", "label": {"a": 1}}\n{"image": ["x"], "label": 1e400}\n'
    _, samples, problems = read_all(write(tmp_path, lines + '{"image": "3.png", "label": "\\ud800"}\n', "labels.jsonl"))
    assert samples["images/1.png"].labels == ("3",)
    assert samples["images/2.png"].labels == ()
    assert samples["images/3.png"].labels == ("\\ud800",)
    assert problems == ["line 3: no image is named"]


def test_a_split_and_a_group_column_are_found(tmp_path):
    rows = [("train", "p1"), ("train", "p1"), ("Val", "p2"), ("test", "p3"), ("train", "p2"), ("train", "p2")]
    text = "image,label,subset,patient_id\n" + "".join(
        f"{number}.png,{kind},{split},{patient}\n"
        for number, (kind, (split, patient)) in enumerate(zip(KINDS, rows, strict=True), 1)
    )
    reading, samples, _ = read_all(write(tmp_path, text))
    assert [samples[path].split for path in IMAGES] == ["train", "train", "validation", "test", "train", "train"]
    assert [samples[path].group for path in IMAGES] == ["p1", "p1", "p2", "p3", "p2", "p2"]
    assert "Splits are in the column 'subset'." in reading.notes
    assert "Groups are in the column 'patient_id'." in reading.notes


def test_a_column_that_says_whether_an_image_is_for_validation_is_a_split(tmp_path):
    _, samples, _ = read_all(write(tmp_path, "name,label,is_valid\n1.png,cat,False\n2.png,dog,True\n3.png,cat,False\n"))
    assert samples["images/2.png"].split == "validation"


def test_a_split_that_is_none_is_a_fault(tmp_path):
    text = "image,label,split\n1.png,cat,train\n2.png,dog,val\n3.png,cat,holdout\n4.png,dog,\n"
    _, samples, problems = read_all(write(tmp_path, text), Wishes(split_column="split"))
    assert problems == ["line 4: holdout is no split", "line 5: no split is named"]
    assert samples.keys() == {"images/1.png", "images/2.png"}


def test_a_fold_is_no_group_and_no_label(tmp_path):
    reading, samples, _ = read_all(write(tmp_path, PLAIN.replace("\n", ",0\n").replace("label,0", "label,fold")))
    assert samples["images/1.png"].group is None
    assert "(also possible" not in " ".join(reading.notes)


def test_an_image_in_two_splits_stays_in_the_earlier_and_is_a_fault(tmp_path):
    text = "image,label,split\n1.png,cat,val\n2.png,dog,train\n1.png,cat,train\n"
    _, samples, problems = read_all(write(tmp_path, text))
    assert samples["images/1.png"].split == "train"
    assert problems == ["line 2: images/1.png is in validation as well as in train, where it is left"]


def test_tables_called_after_splits_are_read_together(tmp_path):
    write(tmp_path, "image,label\n1.png,cat\n2.png,dog\n", "train.csv")
    write(tmp_path, "image,label\n3.png,cat\n", "val.csv")
    write(tmp_path, "image,label\n4.png,dog\n", "test.csv")
    reading, samples, _ = read_all(tmp_path)
    assert [samples[f"images/{n}.png"].split for n in (1, 2, 3, 4)] == ["train", "train", "validation", "test"]
    assert reading.images == 4
    assert "Splits follow from the tables' names: train.csv, val.csv and test.csv." in reading.notes


def test_a_table_of_a_split_means_the_images_in_that_splits_folder(tmp_path):
    images = ["train/1.png", "val/1.png", "train/2.png", "val/2.png"]
    write(tmp_path, "image,label\n1.png,cat\n2.png,dog\n", "train.csv", images)
    write(tmp_path, "image,label\n1.png,dog\n2.png,cat\n", "val.csv", images)
    _, samples, problems = read_all(tmp_path)
    assert problems == []
    assert samples["val/1.png"].labels == ("dog",)
    assert (samples["train/1.png"].labels, samples["train/1.png"].split) == (("cat",), "train")


def test_a_test_table_on_its_own_is_for_training(tmp_path):
    _, samples, _ = read_all(write(tmp_path, PLAIN, "test.csv"))
    assert {one.split for one in samples.values()} == {"train"}


def test_splits_follow_from_the_folders_of_the_images(tmp_path):
    write(
        tmp_path,
        "f,label\ntrain/1.png,a\ntrain/2.png,b\nval/3.png,a\n",
        images=["train/1.png", "train/2.png", "val/3.png"],
    )
    reading, samples, _ = read_all(tmp_path)
    assert samples["val/3.png"].split == "validation"
    assert "Splits follow from the folders that the images lie in." in reading.notes


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("label", ["a|b", "b", "a", "c|a", "b|c", "c"]),
        ("label", ["a;b", "b", "a", "c;a", "b;c", "c"]),
        ("tags", ["a b", "b", "a", "c a", "b c", "c"]),
        ("labels", ['"a,b"', "b", "a", '"c,a"', '"b,c"', "c"]),
        ("label", ['"[""a"", ""b""]"', '"[""b""]"', "[]", '"[""c""]"', '"[""b""]"', '"[""c""]"']),
        ("label", ["\"['a', 'b']\"", "\"['b']\"", "[]", "\"['c']\"", "\"['b']\"", "\"['c']\""]),
    ],
)
def test_several_labels_in_a_cell_are_multi_label(tmp_path, column, cells):
    text = f"image,{column}\n" + "".join(f"{number}.png,{cell}\n" for number, cell in enumerate(cells, 1))
    reading, samples, _ = read_all(write(tmp_path, text))
    assert reading.task == "multi-label classification"
    assert samples["images/1.png"].labels == ("a", "b")
    assert samples["images/2.png"].labels == ("b",)


def test_lists_in_json_lines_are_multi_label(tmp_path):
    rows = [("1.png", ["a", "b"]), ("2.png", []), ("3.png", [1])]
    lines = "".join(json.dumps({"image": image, "labels": some}) + "\n" for image, some in rows)
    reading, samples, _ = read_all(write(tmp_path, lines, "labels.jsonl"))
    assert reading.task == "multi-label classification"
    assert [samples[f"images/{n}.png"].labels for n in (1, 2, 3)] == [("a", "b"), (), ("1",)]


def test_commas_in_the_names_of_classes_do_not_part_them(tmp_path):
    text = 'image,label\n1.png,"tabby, tabby cat"\n2.png,"lion, king of beasts"\n3.png,"tabby, tabby cat"\n'
    reading, samples, _ = read_all(write(tmp_path, text))
    assert reading.task == "classification"
    assert samples["images/1.png"].labels == ("tabby, tabby cat",)


def test_columns_of_0_and_1_are_classes(tmp_path):
    reading, samples, _ = read_all(write(tmp_path, "image,dog,cat,emu\n1.png,1,1,0\n2.png,0,0,1\n3.png,0,0,0\n"))
    assert (reading.task, reading.classes) == ("multi-label classification", ("dog", "cat", "emu"))
    assert [samples[f"images/{n}.png"].labels for n in (1, 2, 3)] == [("dog", "cat"), ("emu",), ()]


def test_columns_of_minus_1_and_1_are_classes(tmp_path):
    _, samples, _ = read_all(write(tmp_path, "image_id,Smiling,Young\n1.png,-1,1\n2.png,1,1\n3.png,-1,-1\n"))
    assert samples["images/1.png"].labels == ("Young",)


def test_columns_of_0_and_1_with_one_set_in_each_row_are_single_label(tmp_path):
    reading, samples, _ = read_all(write(tmp_path, "image,dog,cat\n1.png,1.0,0.0\n2.png,0.0,1.0\n3.png,1.0,0.0\n"))
    assert reading.task == "classification"
    assert samples["images/2.png"].labels == ("cat",)


def test_a_label_column_is_found_by_content_where_no_name_says_it(tmp_path):
    text = "image,width,colour,note,blur\n" + "".join(
        f"{n}.png,64,{colour},unique {n},0.{n}\n" for n, colour in enumerate(["red", "blue"] * 3, 1)
    )
    reading, samples, _ = read_all(write(tmp_path, text))
    assert samples["images/1.png"].labels == ("red",)
    assert reading.rank == 60


def test_a_name_counts_for_more_than_a_code(tmp_path):
    text = "image,class_id,class_name\n1.png,0,cat\n2.png,1,dog\n3.png,0,cat\n"
    reading, samples, _ = read_all(write(tmp_path, text))
    assert samples["images/1.png"].labels == ("cat",)
    assert (
        "Labels are in the column 'class_name' of labels.csv (also possible: the column 'class_id')." in reading.notes
    )


def test_measurements_and_descriptions_are_no_labels(tmp_path):
    images = [f"{n}.png" for n in range(30)]
    text = "image,target,caption\n" + "".join(f"{n}.png,{n / 7:.3f},a picture of thing {n}\n" for n in range(30))
    assert nothing(write(tmp_path, text, images=images))


def test_a_column_of_0_and_1_does_not_pass_for_image_names(tmp_path):
    text = "image,label\n" + "".join(f"{n}.png,{n % 2}\n" for n in range(6))
    reading, _, _ = read_all(write(tmp_path, text, images=[f"{n}.png" for n in range(6)]))
    assert "Images are named in the column 'image' of labels.csv." in reading.notes


def test_beside_class_folders_a_column_that_only_looks_like_labels_ranks_low(tmp_path):
    images = ["cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png"]
    write(tmp_path, "image,camera_maker\n1.png,x\n2.png,y\n3.png,x\n4.png,y\n", images=images)
    assert read_all(tmp_path)[0].rank == 30


def test_the_user_may_name_the_columns(tmp_path):
    text = "image,label,size,who\n1.png,cat,big,x\n2.png,dog,small,x\n3.png,cat,big,y\n"
    wishes = Wishes(label_column="size", group_column="WHO", image_column="image")
    _, samples, _ = read_all(write(tmp_path, text), wishes)
    assert (samples["images/1.png"].labels, samples["images/1.png"].group) == (("big",), "x")


def test_a_column_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    with listed(write(tmp_path, PLAIN)) as files, pytest.raises(DatasetError) as caught:
        read(files, Wishes(label_column="breed"))
    assert str(caught.value) == "labels.csv has no column 'breed': it has image, label."


def test_a_split_column_that_names_no_splits_is_refused(tmp_path):
    with listed(write(tmp_path, PLAIN)) as files, pytest.raises(DatasetError, match="names no splits but cat, dog"):
        read(files, Wishes(split_column="label", label_column="label"))


def test_the_user_may_name_the_table(tmp_path):
    write(tmp_path, PLAIN)
    write(tmp_path, PLAIN.replace("cat", "feline"), "other/second.csv")
    assert labels(tmp_path, Wishes(labels="other/second.csv"))["images/1.png"] == ("feline",)


def test_the_table_may_lie_outside_the_dataset(tmp_path, monkeypatch):
    make(tmp_path / "data", IMAGES)
    write(tmp_path, PLAIN, "elsewhere.csv", [])
    monkeypatch.chdir(tmp_path)
    assert labels(tmp_path / "data", Wishes(labels="elsewhere.csv")) == EXPECTED


def test_a_table_in_the_dataset_may_be_named_from_the_current_folder(tmp_path, monkeypatch):
    write(tmp_path / "data", PLAIN, "tables/labels.csv")
    monkeypatch.chdir(tmp_path)
    assert labels(tmp_path / "data", Wishes(labels="data/tables/labels.csv")) == EXPECTED


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with (
        listed(make(tmp_path, IMAGES)) as files,
        pytest.raises(DatasetError, match=r"there is no label table nowhere\.csv"),
    ):
        read(files, Wishes(labels="nowhere.csv"))


def test_a_named_table_that_says_nothing_of_the_images_is_refused(tmp_path):
    with (
        listed(write(tmp_path, "a,b\n1,2\n")) as files,
        pytest.raises(DatasetError, match=r"has the columns a, b, and none"),
    ):
        read(files, Wishes(labels="labels.csv", image_column="a"))


@pytest.mark.parametrize("name", ["sample_submission", "sampleSubmission", "Sample-Submission", "my submission 2"])
def test_a_sample_submission_is_no_label_table(tmp_path, name):
    assert nothing(write(tmp_path, PLAIN, f"{name}.csv"))


def test_a_submission_that_the_user_names_is_a_label_table(tmp_path):
    assert labels(write(tmp_path, PLAIN, "submissions.csv"), Wishes(labels="submissions.csv")) == EXPECTED


TEST_ALONE = ["train/1.png", "train/2.png", "test/3.png", "test/4.png"]


def test_a_table_of_test_images_alone_is_refused(tmp_path):
    write(tmp_path, "image,label\n3.png,cat\n4.png,dog\n", "answers.csv", TEST_ALONE)
    with listed(tmp_path) as files, pytest.raises(DatasetError, match=r"answers\.csv names no image for training"):
        read(files, Wishes())


def test_a_table_of_test_images_does_not_beat_one_with_fewer_images_for_training(tmp_path):
    write(tmp_path, "image,label\n3.png,cat\n4.png,dog\n", "answers.csv", TEST_ALONE)
    write(tmp_path, "image,colour\n1.png,red\n2.png,blue\n1.png,red\n", "other.csv", TEST_ALONE)
    assert labels(tmp_path) == {"train/1.png": ("red",), "train/2.png": ("blue",)}


def test_a_split_column_that_holds_test_alone_is_refused(tmp_path):
    write(tmp_path, "image,label,split\n1.png,cat,test\n2.png,dog,test\n")
    with listed(tmp_path) as files, pytest.raises(DatasetError, match="names no image for training"):
        read(files, Wishes())


CODES = [0, 0, 0, 1, 2, 2]
PARTITIONED = dict(zip(IMAGES, ["train", "train", "train", "validation", "test", "test"], strict=True))
PARTITION = "".join(f"{number}.png {code}\n" for number, code in enumerate(CODES, 1))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list_eval_partition.txt", PARTITION),
        ("list_eval_partition.csv", "image_id,partition\n" + PARTITION.replace(" ", ",")),
        ("more.csv", "image_id,partition\n" + PARTITION.replace(" ", ",")),
        ("where.csv", "image,where\n" + "".join(f"{path},{split}\n" for path, split in PARTITIONED.items())),
        ("splits.tsv", "image\tset\n" + "".join(f"{path}\t{split}\n" for path, split in PARTITIONED.items())),
    ],
)
def test_a_table_of_images_and_splits_gives_the_splits_of_another(tmp_path, name, text):
    write(tmp_path, text, name)
    reading, samples, problems = read_all(write(tmp_path, PLAIN))
    assert problems == []
    assert {path: one.split for path, one in samples.items()} == PARTITIONED
    assert {path: one.labels for path, one in samples.items()} == EXPECTED
    assert any(f"of {name}" in note and "Splits" in note for note in reading.notes)


def test_an_image_that_only_a_table_of_splits_names_has_no_place(tmp_path):
    write(tmp_path, PARTITION + "gone.png 0\n7.png 1\n", "list_eval_partition.txt", [*IMAGES, "images/7.png"])
    assert labels(write(tmp_path, PLAIN)) == EXPECTED


def test_an_image_in_two_splits_of_a_table_of_splits_is_a_fault(tmp_path):
    write(tmp_path, PARTITION + "1.png 2\n", "list_eval_partition.txt")
    _, samples, problems = read_all(write(tmp_path, PLAIN))
    assert samples["images/1.png"].split == "train"
    assert problems == ["line 7: images/1.png is in test as well as in train, where it is left"]


def test_numbers_that_may_mean_any_split_are_neither_labels_nor_splits(tmp_path):
    write(tmp_path, PARTITION.replace("2\n", "1\n"), "partition.txt")
    reading, samples, _ = read_all(write(tmp_path, PLAIN))
    assert {one.split for one in samples.values()} == {"train"}
    assert "Not used, though it names images too: partition.txt." in reading.notes


def test_a_split_column_of_the_labels_counts_for_more_than_a_table_of_splits(tmp_path):
    write(tmp_path, PARTITION, "list_eval_partition.txt")
    text = "image,label,split\n1.png,cat,train\n2.png,dog,test\n3.png,dog,train\n"
    assert read_all(write(tmp_path, text))[1]["images/2.png"].split == "test"


def test_a_table_of_a_split_with_the_labels_0_to_2_is_no_table_of_splits(tmp_path):
    write(tmp_path, "image,label\n1.png,0\n2.png,1\n3.png,2\n", "train_split.csv")
    assert labels(tmp_path) == {"images/1.png": ("0",), "images/2.png": ("1",), "images/3.png": ("2",)}


def test_attributes_as_celeba_writes_them_are_read(tmp_path):
    text = "4\nYoung Smiling\n" + "1.png -1  1\n2.png  1  1\n3.png -1 -1\n4.png  1 -1\n"
    reading, samples, problems = read_all(write(tmp_path, text, "list_attr_celeba.txt"))
    assert (reading.task, reading.classes, problems) == ("multi-label classification", ("Young", "Smiling"), [])
    assert samples["images/2.png"].labels == ("Young", "Smiling")
    assert samples["images/3.png"].labels == ()


def test_attributes_count_for_more_than_boxes_without_classes(tmp_path):
    attributes = "image_id,Young,Smiling\n1.png,-1,1\n2.png,1,1\n3.png,-1,-1\n"
    boxes = "image_id,x_1,y_1,width,height\n" + "".join(f"{n}.png,1,2,3,4\n" for n in range(1, 7))
    write(tmp_path, attributes, "list_attr.csv")
    reading, _, _ = read_all(write(tmp_path, boxes, "list_bbox.csv"))
    assert reading.task == "multi-label classification"
    assert "Not used, though it names images too: list_bbox.csv." in reading.notes
    assert read_all(tmp_path, Wishes(task="detection"))[0].task == "detection"


def test_boxes_without_classes_rank_below_class_folders(tmp_path):
    text = "image,x1,y1,x2,y2\n1.png,1,2,3,4\n2.png,1,2,3,4\n"
    write(tmp_path, text, images=["cat/1.png", "dog/2.png"])
    assert read_all(tmp_path)[0].rank == 30


@pytest.mark.parametrize(
    ("form", "images", "note"),
    [
        ("{0}.jpg", IMAGES, "in extension:"),
        ("IMG_{0}.PNG", [f"images/img_{n}.png" for n in range(1, 7)], "in extension or in capitals:"),
        ("img_{0}", [f"images/IMG_{n}.png" for n in range(1, 7)], "in extension or in capitals:"),
        ("IMAGES/Ä{0}.jpg", [f"images/ä{n}.png" for n in range(1, 7)], "in extension or in capitals:"),
    ],
)
def test_names_that_differ_in_extension_or_case_are_found_and_said(tmp_path, form, images, note):
    text = "image,label\n" + "".join(f"{form.format(n)},{kind}\n" for n, kind in enumerate(KINDS, 1))
    reading, samples, problems = read_all(write(tmp_path, text, images=images))
    assert problems == []
    assert {path: one.labels for path, one in samples.items()} == {
        path: (kind,) for path, kind in zip(images, KINDS, strict=True)
    }
    assert any(note in one for one in reading.notes)


def test_a_name_that_fits_two_images_but_for_case_is_a_fault(tmp_path):
    text = "image,label\nimg_1.jpg,cat\nimg_2.jpg,dog\n"
    _, samples, problems = read_all(write(tmp_path, text, images=["IMG_1.png", "IMG_2.png", "Img_2.png"]))
    assert samples.keys() == {"IMG_1.png"}
    assert problems == ["line 3: img_2.jpg may be IMG_2.png or Img_2.png"]


def test_a_table_few_of_whose_names_almost_fit_is_not_read_loosely(tmp_path):
    text = "image,label\n1.jpg,cat\n" + "".join(f"{n}.jpg,dog\n" for n in range(100, 120))
    with listed(write(tmp_path, text)) as files, pytest.raises(DatasetError):
        read(files, Wishes())


def test_a_column_that_only_may_hold_labels_is_not_enough_for_names_that_almost_fit(tmp_path):
    text = "image,colour\n1.jpg,red\n2.jpg,blue\n3.jpg,red\n4.jpg,blue\n"
    with (
        listed(write(tmp_path, text)) as files,
        pytest.raises(DatasetError, match=r"names 1\.jpg in the column 'image'"),
    ):
        read(files, Wishes())


@pytest.mark.parametrize("wishes", [Wishes(), Wishes(labels="labels.csv")])
def test_names_without_their_zeros_are_refused_with_what_to_do(tmp_path, wishes):
    text = "image,label\n7,cat\n8,dog\n"
    with (
        listed(write(tmp_path, text, images=["00007.png", "00008.png"])) as files,
        pytest.raises(DatasetError) as caught,
    ):
        read(files, wishes)
    assert str(caught.value) == (
        "labels.csv names 7 in the column 'image', and the images are called 00007.png: keep the zeros that "
        "spreadsheets drop, or name another column with --image-column."
    )


def test_a_table_of_classes_is_not_taken_for_one_of_missing_images(tmp_path):
    assert nothing(write(tmp_path, "id,label\n901,cat\n902,dog\n", "classes.csv"))


def test_a_first_row_that_names_an_image_without_extension_is_no_header(tmp_path):
    images = [f"images/pug_{n}.png" for n in range(4)]
    text = "pug_0 1 x\npug_1 2 y\npug_2 1 x\npug_3 2 y\n"
    found = labels(write(tmp_path, text, "trainval.txt", images), Wishes(labels="trainval.txt"))
    assert found == {path: (label,) for path, label in zip(images, ["1", "2", "1", "2"], strict=True)}


def test_a_header_is_one_even_where_an_image_is_called_like_its_column(tmp_path):
    images = [*IMAGES, "images/image.png", "images/label.png"]
    assert labels(write(tmp_path, PLAIN, images=images)) == EXPECTED


def test_tables_that_name_no_image_are_none_of_this_layout(tmp_path):
    assert nothing(write(tmp_path, "epoch,loss\n1,0.5\n2,0.4\n"))


def test_columns_of_corners_are_boxes(tmp_path):
    text = (
        "filename,width,height,class,xmin,ymin,xmax,ymax\n1.png,64,48,cat,1,2,11,22\n1.png,64,48,dog,3,4,5,8\n"
        "2.png,64,48,,,,,\n3.png,64,48,cat,nan,1,2,3\n4.png,64,48,,1,2,3,4\n5.png,64,48,cat,1,x,3,4\n"
    )
    reading, samples, problems = read_all(write(tmp_path, text))
    assert reading.task == "detection"
    assert samples["images/1.png"].boxes == (Box("cat", 1, 2, 10, 20), Box("dog", 3, 4, 2, 4))
    assert samples["images/2.png"].boxes == ()
    assert problems == [
        "line 5: what is given for 3.png is no box: four finite numbers were expected",
        "line 6: what is given for 4.png is a box without a class",
        "line 7: what is given for 5.png is no box: four finite numbers were expected",
    ]


def test_columns_of_x_y_width_and_height_are_boxes(tmp_path):
    _, samples, _ = read_all(write(tmp_path, "image,label,x,y,width,height\n1.png,cat,1,2,10,20\n2.png,cat,1,2,3,4\n"))
    assert samples["images/1.png"].boxes == (Box("cat", 1, 2, 10, 20),)


def test_boxes_as_shares_of_the_image_are_relative(tmp_path):
    text = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n1,x,/m/0,1,0.25,0.75,0,0.5\n2,x,/m/1,1,0,1,0,1\n"
    write(tmp_path, text, "train-annotations-bbox.csv")
    write(tmp_path, "/m/0,Cat\n/m/1,Dog\n", "class-descriptions-boxable.csv")
    _, samples, _ = read_all(tmp_path)
    assert samples["images/1.png"].boxes == (Box("Cat", 0.25, 0, 0.5, 0.5, relative=True),)


def test_a_column_of_four_numbers_is_boxes(tmp_path):
    text = 'image,label,bbox\n1.png,cat,"[10, 20, 5, 6]"\n2.png,dog,"1 2 3 4"\n'
    reading, samples, _ = read_all(write(tmp_path, text))
    assert samples["images/1.png"].boxes == (Box("cat", 10, 20, 5, 6),)
    assert any("by their values" in note for note in reading.notes)


def test_boxes_without_a_class_column_are_of_one_class(tmp_path):
    _, samples, _ = read_all(write(tmp_path, "image,x1,y1,x2,y2\n1.png,1,2,3,4\n2.png,1,2,3,4\n"))
    assert samples["images/1.png"].boxes == (Box("object", 1, 2, 2, 2),)


def test_boxes_without_a_header_are_read(tmp_path):
    text = "1.png,10,20,30,40,cat\n1.png,1,2,3,4,dog\n2.png,5,6,70,80,cat\n3.png,,,,,\n"
    reading, samples, _ = read_all(write(tmp_path, text))
    assert reading.task == "detection"
    assert samples["images/1.png"].boxes == (Box("cat", 10, 20, 20, 20), Box("dog", 1, 2, 2, 2))
    assert samples["images/3.png"].boxes == ()


def test_a_wish_for_classification_leaves_boxes_aside(tmp_path):
    text = "image,label,x1,y1,x2,y2\n1.png,cat,1,2,3,4\n2.png,dog,1,2,3,4\n3.png,dog,1,2,3,4\n"
    reading, samples, _ = read_all(write(tmp_path, text), Wishes(task="classification"))
    assert (reading.task, samples["images/1.png"].labels) == ("classification", ("cat",))


@pytest.mark.parametrize(
    ("name", "split"),
    [("train.csv", "train"), ("a/labels_val.csv", "validation"), ("oidv6-test-x.csv", "test"), ("trainval.csv", None)],
)
def test_the_split_of_a_file_is_in_its_name(name, split):
    assert split_of_name(name) == split


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tail=st.one_of(
        st.binary(min_size=1, max_size=200),
        st.text(alphabet='1.png,"\n\r\t;|[]{}:x', min_size=1, max_size=120).map(str.encode),
    )
)
@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv", "labels.jsonl", "labels.parquet"])
def test_no_bytes_in_a_table_break_the_reading(tmp_path, name, tail):
    start = PLAIN.encode() if name.endswith("csv") else b""
    write(tmp_path, start + tail, name)
    with listed(tmp_path) as files:
        reading = read(files, Wishes())
        said = list(reading.samples()) if reading else []
    paths = [one.path for one in said if isinstance(one, Sample)]
    assert len(paths) == len(set(paths))
    for one in said:
        one.path.encode("utf-8", "surrogateescape")
