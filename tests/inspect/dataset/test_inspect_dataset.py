import json
import subprocess
import sys

import pytest
from pydantic import TypeAdapter

from cvadvisor.errors import UserError
from cvadvisor.facts import DatasetFacts
from cvadvisor.inspect.dataset import DatasetError, inspect_dataset
from cvadvisor.inspect.dataset.splits import held_out
from cvadvisor.inspect.dataset.summary import count_mirror_sensitive
from tests.inspect.dataset.disk import encoded, make, name_or_skip, picture

TRAIN = [*(f"train/cat/{number}.png" for number in range(6)), *(f"train/dog/{number}.png" for number in range(3))]
SPLITS = [*TRAIN, "val/cat/1.png", "val/bird/1.png", "test/dog/1.png"]


def as_json(facts):
    return json.loads(TypeAdapter(DatasetFacts).dump_json(facts))


def test_classes_are_those_with_a_readable_training_image(tmp_path):
    root = make(tmp_path, [*SPLITS, "train/broken/1.jpg"])
    assert inspect_dataset(root).classes == ("cat", "dog")


def test_images_are_those_that_decode(tmp_path):
    root = make(tmp_path, [*SPLITS, "train/cat/broken.jpg"])
    dataset = inspect_dataset(root)
    assert len(dataset.images) == len(SPLITS)
    assert len(dataset.layout.images) == len(SPLITS) + 1


def test_files_and_images_are_counted(tmp_path):
    facts = inspect_dataset(make(tmp_path, [*SPLITS, "train/cat/broken.jpg", "README.md"])).facts
    assert (facts.files, facts.images, facts.readable_images, facts.unreadable_images, facts.other_files) == (
        *(len(SPLITS) + 2, len(SPLITS) + 1),
        *(len(SPLITS), 1, 1),
    )


def test_class_sizes_come_largest_training_class_first(tmp_path):
    facts = inspect_dataset(make(tmp_path, SPLITS)).facts
    assert [(size.name, size.train, size.validation, size.test) for size in facts.class_sizes] == [
        ("cat", 6, 1, 0),
        ("dog", 3, 0, 1),
        ("bird", 0, 1, 0),
    ]


def test_imbalance_is_between_classes_that_have_training_images(tmp_path):
    facts = inspect_dataset(make(tmp_path, SPLITS)).facts
    assert (facts.imbalance_ratio, facts.largest_class, facts.smallest_class) == (2.0, "cat", "dog")
    assert (facts.smallest_class_images, facts.mean_class_images, facts.classes) == (3, 4.5, 3)
    assert facts.largest_class_share == pytest.approx(6 / 9)


def test_classes_that_a_split_lacks_are_named(tmp_path):
    facts = inspect_dataset(make(tmp_path, SPLITS)).facts
    assert (facts.classes_missing_from_train, facts.missing_from_train) == (1, ("bird",))
    assert (facts.classes_missing_from_validation, facts.missing_from_validation) == (1, ("dog",))
    assert facts.smallest_validation_class_images == 0


def test_the_validation_splits_size_and_error_are_known(tmp_path):
    facts = inspect_dataset(make(tmp_path, SPLITS)).facts
    assert (facts.validation_images, facts.test_images) == (2, 1)
    assert facts.validation_share == pytest.approx(2 / 9)
    assert facts.validation_standard_error == pytest.approx((0.25 / 2) ** 0.5)


def test_what_splits_would_say_is_unknown_without_them(tmp_path):
    facts = inspect_dataset(make(tmp_path, TRAIN)).facts
    assert (facts.has_validation_split, facts.has_test_split) == (False, False)
    for name in (
        "validation_images",
        "validation_share",
        "leaked_validation_images",
        "leaked_test_images",
        "test_images",
    ):
        assert getattr(facts, name) is None


def test_a_validation_split_without_a_readable_image_has_no_error_and_no_leaks(tmp_path):
    facts = inspect_dataset(make(tmp_path, [*TRAIN, "val/cat/1.jpg"])).facts
    assert (facts.has_validation_split, facts.validation_images) == (True, 0)
    assert (facts.validation_standard_error, facts.leaked_validation_share) == (None, None)


def test_sizes_in_pixels_are_medians_over_readable_images(tmp_path):
    root = make(tmp_path, [])
    for label in ("a", "b"):
        (root / label).mkdir()
        for index, size in enumerate([(10, 20), (30, 40), (50, 200)]):
            (root / label / f"{index}.png").write_bytes(encoded(picture(f"{label}{index}", size)))
    facts = inspect_dataset(root).facts
    assert (facts.median_width_px, facts.median_height_px, facts.median_short_side_px) == (30.0, 40.0, 30.0)
    assert facts.smallest_short_side_px == 10
    assert facts.extreme_aspect_share == pytest.approx(1 / 3)
    assert facts.median_aspect_ratio == pytest.approx(2.0)


def test_unreadable_examples_give_path_and_reason(tmp_path):
    root = make(tmp_path, [*TRAIN, "train/cat/broken.jpg"])
    (example,) = inspect_dataset(root).facts.unreadable_examples
    assert (example.path, example.reason) == ("train/cat/broken.jpg", "not an image")


def test_too_few_readable_classes_are_refused_with_the_first_bad_file(tmp_path):
    root = make(tmp_path, ["cat/1.png", "dog/1.jpg"])
    with pytest.raises(DatasetError, match=r"only the class cat has .* 1 of 2 images .* dog/1.jpg, not an image"):
        inspect_dataset(root)


def test_the_error_is_one_that_the_command_line_understands():
    assert issubclass(DatasetError, UserError)


NAMES = [
    "with space",
    "日本語",
    "<script>alert(1)</script>".replace("/", "_"),
    "new\nline",
    "\x1b[31mred",
    "\u202eright",
    b"\xff\xfe",
    "'\"",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_survives_and_is_printable_in_the_facts(tmp_path, name):
    folder = name_or_skip(tmp_path / "data", name)
    for number in range(3):
        (folder / f"{folder.name}{number}.png").write_bytes(encoded(picture(f"same {number % 2}")))
    dataset = inspect_dataset(make(tmp_path / "data", ["cat/1.png", "cat/2.png"]))
    assert folder.name in dataset.classes
    shown = as_json(dataset.facts)["class_sizes"][0]["name"]
    assert not any(ord(character) < 32 for character in shown)
    assert dataset.facts.duplicate_training_images == 1


def test_a_name_that_is_not_utf8_is_shown_with_its_bytes(tmp_path):
    name_or_skip(tmp_path / "data", b"caf\xe9")
    root = make(tmp_path / "data", ["cat/1.png", "caf\udce9/1.png"])
    assert "caf\\xe9" in [size["name"] for size in as_json(inspect_dataset(root).facts)["class_sizes"]]


def test_probes_are_judged_by_the_datasets_own_validation_images_of_known_classes(tmp_path):
    train, judged, source = inspect_dataset(make(tmp_path, SPLITS)).probe_split()
    assert ([image.path for image in judged], source) == (["val/cat/1.png"], "validation")
    assert len(train) == len(TRAIN)


def test_probes_are_judged_by_the_held_out_fifth_without_a_validation_split(tmp_path):
    train, judged, source = inspect_dataset(make(tmp_path, TRAIN)).probe_split()
    expected = held_out({label: [path for path in TRAIN if f"/{label}/" in path] for label in ("cat", "dog")})
    assert source == "train"
    assert {image.path for image in judged} == set(expected)
    assert {image.path for image in train} == set(TRAIN) - set(expected)


def test_an_unreadable_image_does_not_move_the_held_out_fifth(tmp_path):
    root = make(tmp_path, TRAIN)
    before = {image.path for image in inspect_dataset(root).probe_split()[1]}
    fitted = sorted(set(TRAIN) - before)[0]
    (root / fitted).write_bytes(b"broken")
    assert {image.path for image in inspect_dataset(root).probe_split()[1]} == before


@pytest.mark.parametrize(
    "label",
    [
        *("a", "7", "left", "turn_left", "TurnRight", "Left-Arrow", "clockwise", "counter_clockwise", "anticlockwise"),
        *("mirrored", "zero", "Nine", "letter_b", "digit 4", "ß"),
    ],
)
def test_a_class_whose_name_a_mirror_contradicts_is_counted(label):
    assert count_mirror_sensitive([label]) == 1


@pytest.mark.parametrize(
    "label", ["cat", "t-shirt", "leftovers", "brightness", "10", "one piece", "turnstone", "", "_", "copyright"]
)
def test_other_names_are_not_counted(label):
    assert count_mirror_sensitive([label]) == 0


def test_a_scan_imports_no_deep_learning_library():
    code = (
        "import sys, cvadvisor.inspect.dataset, cvadvisor.inspect.hardware as h, cvadvisor.inspect.logs.table;"
        "h.inspect_hardware();"
        "print([m for m in ('torch', 'torchvision', 'timm', 'sklearn', 'pandas') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
