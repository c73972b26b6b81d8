from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.layouts.declared_names import numbered
from cvadvisor.inspect.dataset.layouts.list_lines import parse_line
from cvadvisor.inspect.dataset.layouts.lists_beside_folders import read_beside_folders
from cvadvisor.inspect.dataset.layouts.reading import Fault, Reading, Sample, Wishes
from cvadvisor.inspect.dataset.layouts.split_lists import read
from tests.inspect.dataset.making import listed, make

IMAGES = [f"images/{number}.png" for number in range(1, 6)]


def write(root: Path, images: list[str] = IMAGES, **lists: str) -> Path:
    make(root, images)
    for name, text in lists.items():
        (root / f"{name}.txt").write_text(text)
    return root


def read_all(root: Path) -> tuple[Reading, dict[str, Sample], list[str]]:
    with listed(root) as files:
        reading = read(files, Wishes())
        assert reading is not None
        said = list(reading.samples())
    samples = [one for one in said if isinstance(one, Sample)]
    assert len({one.path for one in samples}) == len(samples)
    return reading, {one.path: one for one in samples}, [one.problem for one in said if isinstance(one, Fault)]


def nothing(root: Path) -> bool:
    with listed(root) as files:
        return read(files, Wishes()) is None


def test_lists_of_paths_and_labels_are_read(tmp_path):
    write(tmp_path, train="images/1.png cat\nimages/2.png dog\n", val="images/3.png cat\n", test="images/4.png dog\n")
    reading, samples, problems = read_all(tmp_path)
    assert {path: (one.split, one.labels) for path, one in samples.items()} == {
        "images/1.png": ("train", ("cat",)),
        "images/2.png": ("train", ("dog",)),
        "images/3.png": ("validation", ("cat",)),
        "images/4.png": ("test", ("dog",)),
    }
    assert (reading.layout, reading.images, reading.rank, problems) == ("split lists", 4, 65, [])
    assert reading.why == "train.txt, val.txt and test.txt list about 4 images on disk with their labels"


@pytest.mark.parametrize("name", ["classes", "synsets", "labels", "class_names"])
def test_numbers_get_their_names_from_a_file(tmp_path, name):
    write(tmp_path, train="1.png 0\n2.png 1\n3.png 1\n", **{name: "cat\ndog\nemu\n"})
    reading, samples, _ = read_all(tmp_path)
    assert [samples[path].labels for path in IMAGES[:3]] == [("cat",), ("dog",), ("dog",)]
    assert reading.classes == ("cat", "dog", "emu")


def test_numbers_from_1_get_the_names_in_their_order(tmp_path):
    _, samples, _ = read_all(write(tmp_path, train="1.png 1\n2.png 2\n", classes="cat\ndog\n"))
    assert samples["images/2.png"].labels == ("dog",)


def test_a_number_without_a_name_is_a_fault(tmp_path):
    _, samples, problems = read_all(write(tmp_path, train="1.png 0\n2.png 7\n", classes="cat\ndog\n"))
    assert samples["images/2.png"].labels == ()
    assert problems == ["line 2: 7 is none of the 2 classes that are named"]


def test_numbers_without_a_file_of_names_are_the_labels(tmp_path):
    assert read_all(write(tmp_path, train="1.png 4\n2.png 5\n"))[1]["images/1.png"].labels == ("4",)


def test_lists_without_labels_take_the_folders_for_classes(tmp_path):
    images = ["images/cat/1.png", "images/dog/2.png", "images/cat/3.png"]
    write(tmp_path, images, train="images/cat/1.png\nimages/dog/2.png\n", val="cat/3\n")
    _, samples, _ = read_all(tmp_path)
    assert samples["images/cat/3.png"] == Sample("images/cat/3.png", "validation", ("cat",))


def test_names_with_spaces_and_without_extension_are_read(tmp_path):
    make(tmp_path, ["my images/a b.png", "my images/c.png"])
    write(tmp_path, [], train="my images/a b.png golden retriever\nc\tdog\n")
    _, samples, _ = read_all(tmp_path)
    assert samples["my images/a b.png"].labels == ("golden retriever",)
    assert samples["my images/c.png"].labels == ("dog",)


def test_a_list_that_is_called_after_no_split_is_training(tmp_path):
    reading, samples, _ = read_all(write(tmp_path, ann="1.png,cat\n2.png,dog\n3.png,cat\n"))
    assert {one.split for one in samples.values()} == {"train"}
    assert reading.rank == 60


def test_a_second_list_of_the_same_images_is_left_aside_and_said(tmp_path):
    reading, _, _ = read_all(write(tmp_path, ann="1.png cat\n2.png dog\n", trainval="1.png cat\n"))
    assert "Not used, though it lists images too: trainval.txt." in reading.notes


def test_an_image_in_two_lists_stays_in_the_first_and_is_a_fault(tmp_path):
    _, samples, problems = read_all(write(tmp_path, train="1.png cat\n2.png dog\n", val="1.png cat\n3.png dog\n"))
    assert samples["images/1.png"].split == "train"
    assert problems == ["line 1: images/1.png is in train.txt too, where it is left"]


def test_an_image_with_two_labels_keeps_the_first_and_is_a_fault(tmp_path):
    _, samples, problems = read_all(write(tmp_path, train="1.png cat\n2.png dog\n1.png dog\n"))
    assert samples["images/1.png"].labels == ("cat",)
    assert problems == ["line 3: images/1.png is labelled dog as well as cat"]


def test_a_listed_image_that_the_disk_lacks_comes_by_its_name(tmp_path):
    assert read_all(write(tmp_path, train="1.png cat\n2.png dog\ngone.png cat\n"))[1]["gone.png"].labels == ("cat",)


def test_lines_that_name_no_image_are_faults(tmp_path):
    _, samples, problems = read_all(write(tmp_path, train=f"1.png cat\n2.png dog\n\n# note\na\0b\n{'x' * 6_000}\n"))
    assert len(samples) == 2
    assert problems == [f"line {number} is no line of text that names an image" for number in (5, 6)]


@pytest.mark.parametrize(
    "text",
    [
        "images/1.png masks/1.png\nimages/2.png masks/2.png\n",
        "1.png dog,0,1,1,2\n1.png cat,1,2,3,3\n",
        "1.png 0 1 1 1\n2.png 1 2 2 1\n",
        "1  1\n2 -1\n3  1\n",
        "images/1.png\nimages/2.png\n",
        "2 0.13 0.30 0.26 0.20\n4 0.26 0.45 0.13 0.30\n",
        "some words\nabout the data\n",
    ],
)
def test_lists_of_masks_boxes_presence_or_nothing_are_no_labels(tmp_path, text):
    assert nothing(write(tmp_path, train=text))


def test_captions_are_no_labels(tmp_path):
    images = [f"{number}.png" for number in range(30)]
    assert nothing(write(tmp_path, images, captions="".join(f"{n}.png a picture of {n}\n" for n in range(30))))


def test_the_lists_of_pascal_voc_are_none_of_this_layout(tmp_path):
    make(tmp_path, ["JPEGImages/1.png", "JPEGImages/2.png"])
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    (tmp_path / "ImageSets/Main/cat_train.txt").write_text("1  1\n2  0\n")
    assert nothing(tmp_path)


def test_a_validation_list_alone_is_training(tmp_path):
    assert {one.split for one in read_all(write(tmp_path, val="1.png cat\n2.png dog\n"))[1].values()} == {"train"}


def test_a_validation_list_alone_is_said_to_lack_one_of_training(tmp_path):
    reading, _, _ = read_all(write(tmp_path, val="1.png cat\n2.png dog\n"))
    assert reading.notes[0] == "All images that val.txt lists are for training: there is no list of training."
    assert not any("Not used" in note for note in reading.notes)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("list_eval_partition", "00012"),
        ("partition", "00111"),
        ("train_val_test_split", "00012"),
        ("splits", ["train", "train", "val", "test", "test"]),
        ("where", ["train", "train", "val", "test", "test"]),
    ],
)
def test_a_list_of_images_and_their_splits_is_no_list_of_labels(tmp_path, name, labels):
    assert nothing(write(tmp_path, **{name: "".join(f"{n}.png {label}\n" for n, label in enumerate(labels, 1))}))


def test_a_list_of_splits_is_known_beyond_its_first_thousand_lines(tmp_path):
    first = "".join("1.png 0\n" for _ in range(1_500))
    assert nothing(write(tmp_path, list_eval_partition=f"{first}2.png 1\n3.png 2\n"))


def test_a_list_called_after_one_split_may_have_the_classes_0_to_2(tmp_path):
    _, samples, _ = read_all(write(tmp_path, train_split="1.png 0\n2.png 1\n3.png 2\n"))
    assert samples["images/3.png"].labels == ("2",)


BIRDS = ["images/001.Wren/a.png", "images/001.Wren/b.png", "images/002.Owl/c.png", "images/002.Owl/d.png"]
NUMBERED = "".join(f"{n} {path.removeprefix('images/')}\n" for n, path in enumerate(BIRDS, 1))


def test_splits_by_the_number_in_front_of_an_image_are_read(tmp_path):
    write(tmp_path, BIRDS, numbered=NUMBERED, train_test_split="1 1\n2 0\n3 1\n4 0\n", image_class_labels="1 1\n2 1\n")
    reading, samples, problems = read_all(tmp_path)
    assert [samples[path].split for path in BIRDS] == ["train", "test", "train", "test"]
    assert samples[BIRDS[0]].labels == ("001.Wren",)
    assert (reading.rank, problems) == (65, [])
    assert (
        reading.notes[0] == "Splits are in train_test_split.txt, by the number in front of each image in numbered.txt."
    )


def test_splits_by_number_that_lack_images_are_left_aside(tmp_path):
    write(tmp_path, BIRDS, numbered=NUMBERED, train_test_split="1 1\n2 0\n")
    assert {one.split for one in read_all(tmp_path)[1].values()} == {"train"}


PETS = [f"images/{name}_{n}.png" for name in ("Great_Dane", "pug") for n in range(3)]
TRIMAPS = [path.replace("images", "annotations/trimaps") for path in PETS]


def test_of_several_numbers_that_the_first_decides_it_is_the_class(tmp_path):
    write(
        tmp_path,
        [*PETS, *TRIMAPS],
        trainval="Great_Dane_0 1 2 1\nGreat_Dane_1 1 2 1\npug_0 2 2 2\npug_1 2 2 2\n",
        test="Great_Dane_2 1 2 1\npug_2 2 2 2\nGreat_Dane_2 1 2 1\npug_2 2 2 2\n",
        list="# image class species breed\n"
        + "".join(f"{path[7:-4]} {1 + ('pug' in path)} 2 {1 + ('pug' in path)}\n" for path in PETS),
    )
    reading, samples, problems = read_all(tmp_path)
    assert {path: (one.split, one.labels) for path, one in samples.items()} == {
        path: ("test" if "_2" in path else "train", ("pug" if "pug" in path else "Great_Dane",)) for path in PETS
    }
    assert (reading.classes, problems) == (("Great_Dane", "pug"), [])
    assert "Not used, though it lists images too: list.txt." in reading.notes


def test_several_numbers_stay_numbers_where_names_do_not_say_the_class(tmp_path):
    _, samples, _ = read_all(write(tmp_path, train="1.png 1 5\n2.png 1 5\n3.png 2 6\n4.png 2 6\n"))
    assert samples["images/3.png"].labels == ("2",)


TINY = ["train/n1/images/1.png", "train/n2/images/2.png", "val/images/v1.png", "val/images/v2.png"]


def test_a_split_without_class_folders_takes_its_labels_from_its_list(tmp_path):
    make(tmp_path, [*TINY, "test/images/t.png", "train/n1/n1_boxes.txt"])
    write(tmp_path, [], **{"val/val_annotations": "v1.png\tn2\t0\t0\t62\t62\nv2.png\tn1\t0\t0\t62\t62\n"})
    reading, samples, problems = read_all(tmp_path)
    assert {path: (one.split, one.labels) for path, one in samples.items()} == {
        TINY[0]: ("train", ("n1",)),
        TINY[1]: ("train", ("n2",)),
        TINY[2]: ("validation", ("n2",)),
        TINY[3]: ("validation", ("n1",)),
    }
    assert (reading.classes, reading.images, reading.rank, problems) == (("n1", "n2"), 4, 65, [])


def test_lines_of_such_a_list_that_cannot_be_used_are_faults(tmp_path):
    make(tmp_path, [*TINY, "val/images/v3.png", "val/images/v4.png", "val/images/v5.png"])
    lines = "v1.png n2\nv2.png n1\nv3.png n1\nv4.png n1\nv1.png n1\nv5.png emu\n1.png n1\n"
    write(tmp_path, [], **{"val/list": lines})
    _, samples, problems = read_all(tmp_path)
    assert samples["val/images/v1.png"].labels == ("n2",)
    assert sorted(problems) == [
        "line 5: val/images/v1.png is labelled n1 as well as n2",
        "line 6: emu is none of the classes of training",
        "line 7: 1.png lies outside the folder of validation",
    ]


def test_a_list_of_other_things_beside_class_folders_is_not_read(tmp_path):
    make(tmp_path, TINY)
    with listed(write(tmp_path, [], **{"val/notes": "v1.png good\nv2.png bad\n"})) as files:
        assert read_beside_folders(files) is None


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ("a/b.jpg 3", ("a/b.jpg", "3")),
        ("a/b.jpg,cat", ("a/b.jpg", "cat")),
        ("a b.JPG\tgolden retriever", ("a b.JPG", "golden retriever")),
        ('"a, b.png" "cat"', ("a, b.png", "cat")),
        ("a.jpg.png x", ("a.jpg.png", "x")),
        ("a/b", ("a/b", None)),
        ("a/b 3", ("a/b", "3")),
        ("# comment", None),
        ("  ", None),
    ],
)
def test_a_line_is_an_image_and_perhaps_a_label(line, parsed):
    assert parse_line(line) == parsed


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["cat", "", "dog"], {0: "cat", 1: "dog"}),
        (["0 cat", "1 dog"], {0: "cat", 1: "dog"}),
        (["1: cat", "2: dog"], {1: "cat", 2: "dog"}),
        (["cat 0", "dog 1"], {0: "cat", 1: "dog"}),
        (["7 up", "99 red balloons"], {0: "7 up", 1: "99 red balloons"}),
        ([], {}),
    ],
)
def test_names_are_numbered_by_what_their_lines_say(lines, names):
    assert numbered(lines) == names


@given(st.text(max_size=200))
def test_any_line_is_parsed_without_losing_its_name(line):
    parsed = parse_line(line)
    assert parsed is None or parsed[0] == "" or parsed[0] in line


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.one_of(st.binary(max_size=200), st.text(alphabet="1.png ,\n\t", max_size=100).map(str.encode)))
def test_no_bytes_in_a_list_break_the_reading(tmp_path, tail):
    write(tmp_path)
    (tmp_path / "train.txt").write_bytes(b"1.png cat\n2.png dog\n" + tail)
    with listed(tmp_path) as files:
        reading = read(files, Wishes())
        said = list(reading.samples()) if reading else []
    paths = [one.path for one in said if isinstance(one, Sample)]
    assert len(paths) == len(set(paths))
