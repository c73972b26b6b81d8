import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.layouts.reading import Fault, Reading, Sample, Wishes
from cvadvisor.inspect.dataset.layouts.webdataset import read
from tests.inspect.dataset.making import listed


def shard(file: Path, members: Mapping[str, Any]) -> Path:
    """A tar of ``members``: text, bytes, or what becomes JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as archive:
        for name, content in members.items():
            text = content if isinstance(content, str | bytes) else json.dumps(content)
            data = text.encode() if isinstance(text, str) else text
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file


def pairs(labels: list[Any], suffix: str = "cls") -> dict[str, Any]:
    """An image and its sidecar for each of ``labels``."""
    members: dict[str, Any] = {}
    for number, label in enumerate(labels):
        members |= {f"{number:04}.jpg": b"pixels", f"{number:04}.{suffix}": label}
    return members


def reading_of(root: Path, **wishes: Any) -> Reading | None:
    with listed(root) as files:
        return read(files, Wishes(**wishes))


def given_by(root: Path, **wishes: Any) -> list[Sample | Fault]:
    with listed(root) as files:
        reading = read(files, Wishes(**wishes))
        assert reading is not None
        given = list(reading.samples())
        assert given == list(reading.samples())
        return given


def labels_in(root: Path, **wishes: Any) -> list[str]:
    return [one.labels[0] for one in given_by(root, **wishes) if isinstance(one, Sample)]


def faults_in(root: Path) -> list[Fault]:
    return [one for one in given_by(root) if isinstance(one, Fault)]


def test_the_class_is_in_a_cls_file_beside_the_image(tmp_path: Path) -> None:
    shard(tmp_path / "000.tar", {"a/1.jpg": b"x", "a/1.cls": "cat\n", "a/2.png": b"x", "a/2.cls": "dog"})
    assert given_by(tmp_path) == [
        Sample("000.tar/a/1.jpg", "train", ("cat",)),
        Sample("000.tar/a/2.png", "train", ("dog",)),
    ]


def test_a_single_tar_is_a_dataset(tmp_path: Path) -> None:
    file = shard(tmp_path / "cats.tar", {"train/1.jpg": b"x", "train/1.cls": "0", "val/1.jpg": b"x", "val/1.cls": "1"})
    assert given_by(file) == [Sample("train/1.jpg", "train", ("0",)), Sample("val/1.jpg", "validation", ("1",))]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"label": 3, "width": 7}, "3"),
        ({"class": "tabby"}, "tabby"),
        ({"cls": [2]}, "2"),
        ({"label": 5, "class_name": "tench"}, "tench"),
        ({"category": 4.0}, "4"),
        ({"label": True}, "true"),
    ],
)
def test_the_class_is_a_key_of_a_json_file(tmp_path: Path, content: dict[str, Any], expected: str) -> None:
    shard(tmp_path / "000.tar", {"1.jpg": b"x", "1.json": content})
    assert labels_in(tmp_path) == [expected]


def test_the_key_can_be_wished_for(tmp_path: Path) -> None:
    shard(tmp_path / "000.tar", {"1.jpg": b"x", "1.cls": "0", "1.json": {"label": 0, "breed": "pug"}})
    assert labels_in(tmp_path, label_column="breed") == ["pug"]


@pytest.mark.parametrize(
    ("shards", "expected"),
    [
        (["imagenet-train-000000.tar", "imagenet-val-000000.tar"], ["train", "validation"]),
        (["test/0.tar", "train/0.tar"], ["test", "train"]),
        (["0.tar", "1.tar"], ["train", "train"]),
    ],
)
def test_the_split_is_in_the_name_of_the_shard_or_its_folder(
    tmp_path: Path, shards: list[str], expected: list[str]
) -> None:
    for name in shards:
        shard(tmp_path / name, pairs(["cat"]))
    assert [one.split for one in given_by(tmp_path) if isinstance(one, Sample)] == expected


def test_numbers_are_named_by_a_list_of_classes(tmp_path: Path) -> None:
    shard(tmp_path / "000.tar", pairs(["1", "0"]))
    (tmp_path / "classes.txt").write_text("cat\ndog\nfox\n")
    assert labels_in(tmp_path) == ["dog", "cat"]
    reading = reading_of(tmp_path)
    assert reading is not None
    assert reading.classes == ("cat", "dog", "fox")


@pytest.mark.parametrize(
    "feature",
    [{"names": ["cat", "dog"], "_type": "ClassLabel"}, {"class_label": {"names": {"0": "cat", "1": "dog"}}}],
)
def test_numbers_are_named_by_a_description_of_the_dataset(tmp_path: Path, feature: dict[str, Any]) -> None:
    shard(tmp_path / "000.tar", pairs(["1", "0"]))
    (tmp_path / "dataset_info.json").write_text(json.dumps({"features": {"image": {}, "label": feature}}))
    assert labels_in(tmp_path) == ["dog", "cat"]


def test_a_list_that_does_not_fit_the_labels_is_left_alone(tmp_path: Path) -> None:
    shard(tmp_path / "000.tar", pairs(["7", "0"]))
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    assert labels_in(tmp_path) == ["7", "0"]


def test_a_text_is_a_class_where_few_differ_and_a_caption_where_many_do(tmp_path: Path) -> None:
    shard(tmp_path / "few/000.tar", pairs(["cat", "dog"] * 5, "txt"))
    shard(tmp_path / "many/000.tar", pairs([f"a photo of cat {n}" for n in range(10)], "txt"))
    assert labels_in(tmp_path / "few") == ["cat", "dog"] * 5
    assert reading_of(tmp_path / "many") is None


def test_of_several_images_of_a_sample_one_is_used(tmp_path: Path) -> None:
    shard(tmp_path / "000.tar", {"1.depth.png": b"x", "1.jpg": b"x", "1.cls": "cat", "1-2.jpg": b"x", "1-2.cls": "dog"})
    assert [one.path for one in given_by(tmp_path)] == ["000.tar/1-2.jpg", "000.tar/1.jpg"]


def test_images_without_a_sidecar_are_left_alone(tmp_path: Path) -> None:
    shard(tmp_path / "000.tar", {"1.jpg": b"x", "1.cls": "cat", "2.jpg": b"x"})
    assert [one.path for one in given_by(tmp_path)] == ["000.tar/1.jpg"]


@pytest.mark.parametrize(
    ("suffix", "content", "problem"),
    [
        ("cls", "", "empty file"),
        ("cls", " \n", "it is empty"),
        ("cls", "a\nb", "it is no name or number of a class"),
        ("cls", "-1", "no class has the number -1"),
        ("json", "{", "it is not valid JSON"),
        ("json", "[" * 100_000, "it is not valid JSON"),
        ("json", "[1]", "it is no JSON object"),
        ("json", "{}", "it has no key label"),
        ("json", '{"label": null}', "its label is no class"),
        ("json", '{"label": NaN}', "its label is no class"),
        ("json", '{"label": {"a": 1}}', "its label is no class"),
        ("json", '{"label": [1, 2]}', "its label lists several classes"),
        ("json", '{"label": 1' + "0" * 400 + "}", "its label is no class"),
    ],
)
def test_a_sidecar_that_cannot_be_used_is_a_fault(tmp_path: Path, suffix: str, content: str, problem: str) -> None:
    good: Any = "cat" if suffix == "cls" else {"label": "cat"}
    shard(tmp_path / "000.tar", {"1.jpg": b"x", f"1.{suffix}": good, "2.jpg": b"x", f"2.{suffix}": content})
    assert faults_in(tmp_path) == [Fault(f"000.tar/2.{suffix}", problem)]


def test_it_is_no_webdataset_without_tars_images_or_sidecars(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("1.jpg", "1.cls"):
        (tmp_path / "folder" / name).write_text("0")
    shard(tmp_path / "alone/000.tar", {"cat/1.jpg": b"x", "dog/1.jpg": b"x"})
    shard(tmp_path / "text/000.tar", {"1.cls": "0"})
    assert [reading_of(tmp_path / name) for name in ("folder", "alone", "text")] == [None] * 3


def test_what_was_seen_is_said(tmp_path: Path) -> None:
    for name in ("train-0.tar", "val-0.tar", "extra.tar"):
        shard(tmp_path / name, pairs([{"label": 0}, {"label": 1}], "json"))
    reading = reading_of(tmp_path)
    assert reading is not None
    assert reading.why == "3 tar shards hold images with a .json of the same name beside each"
    assert reading.images == 6
    assert reading.notes == (
        "Labels are in the key 'label' of each image's .json.",
        "Splits are in the names of the shards or their folders.",
        "Shards whose names speak of no split are training, such as extra.tar.",
    )


@given(st.lists(st.one_of(st.binary(max_size=30), st.text(max_size=30).map(str.encode)), min_size=1, max_size=6))
def test_any_sidecar_gives_a_sample_a_fault_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    for suffix in ("cls", "json"):
        file = shard(tmp_path_factory.getbasetemp() / "any.tar", pairs(contents, suffix))
        with listed(file) as files:
            if reading := read(files, Wishes()):
                given_ones = list(reading.samples())
                assert len(given_ones) == len(contents)
