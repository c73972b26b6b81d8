from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cvadvisor.inspect.dataset.layouts.reading import Box, DatasetError, Fault, Reading, Sample, Task, Wishes
from cvadvisor.inspect.dataset.layouts.voc import read
from cvadvisor.inspect.dataset.layouts.voc_xml import NotVoc, parse
from tests.inspect.dataset.making import encoded, faults_of, listed, make, samples_of

OBJECT = "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>8</ymax></bndbox></object>"
BOX = Box("cat", 1, 2, 4, 6)


def xml(name: str, *objects: str) -> str:
    return f"<annotation><filename>{name}</filename>{''.join(objects)}</annotation>"


def write(root: Path, texts: dict[str, str]) -> Path:
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def reading_of(root: Path, task: Task | None = None) -> Reading | None:
    with listed(root) as files:
        reading = read(files, Wishes(task=task))
        if reading is None:
            return None
        everything = list(reading.samples())
        assert list(reading.samples()) == everything
        return Reading(**{**vars(reading), "samples": lambda: iter(everything)})


@pytest.fixture
def voc(tmp_path):
    make(tmp_path, [f"JPEGImages/{name}.png" for name in "abc"])
    return write(tmp_path, {f"Annotations/{name}.xml": xml(f"{name}.png", OBJECT) for name in "abc"})


def test_lists_give_the_splits_and_lists_of_a_class_are_left_aside(voc):
    lists = {
        "train.txt": "a\n",
        "val.txt": "b\n",
        "test.txt": "c\n",
        "trainval.txt": "a\nb\n",
        "cat_train.txt": "c 1\n",
    }
    write(voc, {f"ImageSets/Main/{name}": text for name, text in lists.items()})
    reading = reading_of(voc)
    assert samples_of(reading) == [
        Sample("JPEGImages/a.png", "train", boxes=(BOX,)),
        Sample("JPEGImages/b.png", "validation", boxes=(BOX,)),
        Sample("JPEGImages/c.png", "test", boxes=(BOX,)),
    ]
    assert faults_of(reading) == []


def test_without_lists_everything_is_training(voc):
    reading = reading_of(voc)
    assert [sample.split for sample in samples_of(reading)] == ["train"] * 3
    assert reading is not None
    assert (reading.layout, reading.task, reading.rank, reading.images) == ("voc", "detection", 90, 3)


def test_images_that_no_list_names_are_left_alone(voc):
    write(voc, {"ImageSets/Main/train.txt": "# a comment\n\na\n"})
    assert [sample.path for sample in samples_of(reading_of(voc))] == ["JPEGImages/a.png"]


def test_an_image_in_two_lists_counts_in_the_first_and_is_a_fault(voc):
    write(voc, {"ImageSets/Main/train.txt": "a\nb\n", "ImageSets/Main/val.txt": "b\nc\n"})
    reading = reading_of(voc)
    assert [sample.split for sample in samples_of(reading)] == ["train", "train", "validation"]
    expected = "b is also in ImageSets/Main/train.txt, which counts"
    assert faults_of(reading) == [Fault("ImageSets/Main/val.txt", expected)]


def test_a_listed_image_without_annotation_is_a_fault_unless_it_is_a_test_image(voc):
    make(voc, ["JPEGImages/d.png", "JPEGImages/e.png"])
    write(voc, {"ImageSets/Main/train.txt": "a\nd\n", "ImageSets/Main/test.txt": "e\n"})
    assert faults_of(reading_of(voc)) == [Fault("ImageSets/Main/train.txt", "d has no annotation")]


def test_a_listed_name_that_is_nowhere_is_a_missing_image(voc):
    write(voc, {"ImageSets/Main/train.txt": "a\ngone\n"})
    paths = [sample.path for sample in samples_of(reading_of(voc))]
    assert paths == ["JPEGImages/a.png", "JPEGImages/gone"]


def test_an_annotation_without_its_image_names_a_missing_image(voc):
    write(voc, {"Annotations/gone.xml": xml("gone.jpg", OBJECT)})
    assert "gone.jpg" in [sample.path for sample in samples_of(reading_of(voc))]


def test_xml_beside_the_images_in_split_folders_is_read(tmp_path):
    make(tmp_path, ["train/a.png", "valid/b.png"])
    reading = reading_of(write(tmp_path, {"train/a.xml": xml("a.png", OBJECT), "valid/b.xml": xml("b.png")}))
    assert [(s.path, s.split, len(s.boxes)) for s in samples_of(reading)] == [
        ("train/a.png", "train", 1),
        ("valid/b.png", "validation", 0),
    ]


def test_the_file_name_counts_where_the_names_differ(tmp_path):
    make(tmp_path, ["images/photo.png"])
    reading = reading_of(write(tmp_path, {"annotations/1.xml": xml("photo.png", OBJECT)}))
    assert [sample.path for sample in samples_of(reading)] == ["images/photo.png"]


def test_the_images_of_a_split_of_annotations_are_those_of_the_same_split(tmp_path):
    make(tmp_path, ["images/train/a.png", "images/val/a.png"])
    texts = {"annotations/train/a.xml": xml("a.png", OBJECT), "annotations/val/a.xml": xml("a.png")}
    reading = reading_of(write(tmp_path, texts))
    assert [(sample.split, len(sample.boxes)) for sample in samples_of(reading)] == [("train", 1), ("validation", 0)]


def test_other_xml_is_no_voc(tmp_path):
    make(tmp_path, ["a.png"])
    labelme = "<annotation><object><name>cat</name><polygon/></object></annotation>"
    assert reading_of(write(tmp_path, {"a.xml": labelme, "b.xml": "<svg/>", "c.xml": "no XML"})) is None


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("<object><bndbox/></object>", "object 2: no name"),
        ("<object><name>cat</name></object>", "object 2: no bndbox"),
        ("<object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>x</xmax><ymax>1e999</ymax></bndbox></object>",
         "object 2: xmax, ymax are no numbers"),
    ],
)  # fmt: skip
def test_an_object_that_gives_no_box_is_a_fault_and_the_rest_is_read(voc, item, problem):
    write(voc, {"Annotations/a.xml": xml("a.png", OBJECT, item)})
    reading = reading_of(voc)
    assert samples_of(reading)[0].boxes == (BOX,)
    assert faults_of(reading) == [Fault("Annotations/a.xml", problem)]


def test_damaged_xml_is_a_fault(voc):
    write(voc, {"Annotations/a.xml": "<annotation><filename>"})
    reading = reading_of(voc)
    assert len(samples_of(reading)) == 2
    assert faults_of(reading)[0].problem.startswith("damaged XML: ")


@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_in_any_coding(coding):
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><annotation><filename>&c;</filename></annotation>'
    with pytest.raises(NotVoc, match="document type"):
        parse(bomb.encode(coding))


def test_xml_that_is_nested_without_end_is_refused():
    with pytest.raises(NotVoc, match="nested too deeply"):
        parse(b"<a>" * 100_000)


def test_parts_of_an_object_are_no_objects():
    part = OBJECT.replace("object>", "part>")
    annotation = parse(xml("a.png", OBJECT.replace("</object>", f"{part}</object>")).encode())
    assert annotation.boxes == (BOX,)


@given(data=st.binary(max_size=200) | st.text(alphabet="<>/annotion&;b!\"' ", max_size=80).map(str.encode))
def test_bytes_are_an_annotation_or_refused(data):
    with suppress(NotVoc):
        parse(data)


@pytest.fixture
def segmented(voc):
    for name in "abc":
        (voc / "SegmentationClass").mkdir(exist_ok=True)
        (voc / f"SegmentationClass/{name}.png").write_bytes(encoded(Image.new("L", (12, 10), 8)))
    return write(voc, {"ImageSets/Segmentation/train.txt": "a\n", "ImageSets/Segmentation/val.txt": "b\n"})


def test_masks_for_as_many_images_as_boxes_make_it_segmentation(segmented):
    reading = reading_of(segmented)
    assert reading is not None
    assert (reading.layout, reading.task, reading.rank) == ("voc", "segmentation", 90)
    assert samples_of(reading) == [
        Sample("JPEGImages/a.png", "train", mask="SegmentationClass/a.png"),
        Sample("JPEGImages/b.png", "validation", mask="SegmentationClass/b.png"),
    ]
    assert reading.masks is not None
    assert (reading.masks.names[8], reading.masks.names[(64, 0, 0)]) == ("cat", "cat")
    assert "--task detection" in reading.notes[-1]


def test_fewer_masks_than_boxes_make_it_detection(segmented):
    (segmented / "SegmentationClass/c.png").unlink()
    reading = reading_of(segmented)
    assert reading is not None
    assert reading.task == "detection"
    assert "--task segmentation" in reading.notes[-1]


def test_the_task_that_was_asked_for_decides(segmented):
    reading = reading_of(segmented, task="detection")
    assert reading is not None
    assert reading.task == "detection"


@pytest.mark.parametrize("text", ['<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "<annotation>"])
def test_xml_called_as_the_images_are_that_cannot_be_read_is_refused_with_the_reason(tmp_path, text):
    make(tmp_path, ["JPEGImages/a.png"])
    write(tmp_path, {"Annotations/a.xml": text})
    with pytest.raises(DatasetError, match=r"Annotations/a\.xml .* \((it declares a document type|damaged XML)"):
        reading_of(tmp_path)


def test_xml_that_cannot_be_read_and_is_called_as_no_image_is_not_looked_at(tmp_path):
    make(tmp_path, ["cat/a.png"])
    assert reading_of(write(tmp_path, {".idea/x.xml": "<a>", "project.xml": "<a>", "cat/b.xml": "<a>"})) is None
