import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from cvadvisor.errors import UserError
from cvadvisor.facts import DatasetFacts
from cvadvisor.inspect.dataset.class_names import count_mirror_sensitive
from cvadvisor.inspect.dataset.layouts.reading import DatasetError
from tests.inspect.dataset.making import encoded, make, name_or_skip, picture

TRAIN = [*(f"train/cat/{number}.png" for number in range(6)), *(f"train/dog/{number}.png" for number in range(3))]
SPLITS = [*TRAIN, "val/cat/1.png", "val/bird/1.png", "test/dog/1.png"]


def as_json(facts):
    return json.loads(TypeAdapter(DatasetFacts).dump_json(facts))


def test_classes_are_those_with_a_readable_training_image(tmp_path, inspected):
    root = make(tmp_path, [*SPLITS, "train/broken/1.jpg"])
    assert inspected(root).classes == ("cat", "dog")


def test_files_and_images_are_counted(tmp_path, inspected):
    facts = inspected(make(tmp_path, [*SPLITS, "train/cat/broken.jpg", "README.md"])).facts
    assert (facts.files, facts.images, facts.readable_images, facts.unreadable_images, facts.other_files) == (
        *(len(SPLITS) + 2, len(SPLITS) + 1),
        *(len(SPLITS), 1, 1),
    )


def test_class_sizes_come_largest_training_class_first(tmp_path, inspected):
    facts = inspected(make(tmp_path, SPLITS)).facts
    assert [(size.name, size.train, size.validation, size.test) for size in facts.class_sizes] == [
        ("cat", 6, 1, 0),
        ("dog", 3, 0, 1),
        ("bird", 0, 1, 0),
    ]


def test_imbalance_is_between_classes_that_have_training_images(tmp_path, inspected):
    facts = inspected(make(tmp_path, SPLITS)).facts
    assert (facts.imbalance_ratio, facts.largest_class, facts.smallest_class) == (2.0, "cat", "dog")
    assert (facts.smallest_class_images, facts.mean_class_images, facts.classes) == (3, 4.5, 3)
    assert facts.largest_class_share == pytest.approx(6 / 9)


def test_classes_that_a_split_lacks_are_named(tmp_path, inspected):
    facts = inspected(make(tmp_path, SPLITS)).facts
    assert (facts.classes_missing_from_train, facts.missing_from_train) == (1, ("bird",))
    assert (facts.classes_missing_from_validation, facts.missing_from_validation) == (1, ("dog",))
    assert facts.smallest_validation_class_images == 0


def test_the_validation_splits_size_and_error_are_known(tmp_path, inspected):
    facts = inspected(make(tmp_path, SPLITS)).facts
    assert (facts.validation_images, facts.test_images) == (2, 1)
    assert facts.validation_share == pytest.approx(2 / 9)
    assert facts.validation_standard_error == pytest.approx((0.25 / 2) ** 0.5)


def test_what_splits_would_say_is_unknown_without_them(tmp_path, inspected):
    facts = inspected(make(tmp_path, TRAIN)).facts
    assert (facts.has_validation_split, facts.has_test_split) == (False, False)
    for name in ("validation_images", "validation_share", "test_images"):
        assert getattr(facts, name) is None
    assert (facts.leak.validation_images, facts.leak.test_images, facts.leak.clean_moved_images) == (None, None, None)


def test_a_validation_split_without_a_readable_image_has_no_error_and_no_leaks(tmp_path, inspected):
    facts = inspected(make(tmp_path, [*TRAIN, "val/cat/1.jpg"])).facts
    assert (facts.has_validation_split, facts.validation_images) == (True, 0)
    assert (facts.validation_standard_error, facts.leak.validation_share) == (None, None)


def test_sizes_in_pixels_are_medians_over_readable_images(tmp_path, inspected):
    root = make(tmp_path, [])
    for label in ("a", "b"):
        (root / label).mkdir()
        for index, size in enumerate([(10, 20), (30, 40), (50, 200)]):
            (root / label / f"{index}.png").write_bytes(encoded(picture(f"{label}{index}", size)))
    facts = inspected(root).facts
    assert (facts.median_width_px, facts.median_height_px, facts.median_short_side_px) == (30.0, 40.0, 30.0)
    assert facts.smallest_short_side_px == 10
    assert facts.extreme_aspect_share == pytest.approx(1 / 3)
    assert facts.median_aspect_ratio == pytest.approx(2.0)


def test_unreadable_examples_give_path_and_reason(tmp_path, inspected):
    root = make(tmp_path, [*TRAIN, "train/cat/broken.jpg"])
    (example,) = inspected(root).facts.unreadable_examples
    assert (example.path, example.reason) == ("train/cat/broken.jpg", "not an image")


def test_too_few_readable_classes_are_refused_with_the_first_bad_file(tmp_path, inspected):
    root = make(tmp_path, ["cat/1.png", "dog/1.jpg"])
    with pytest.raises(DatasetError, match=r"only the class cat has .* 1 of 2 images .* dog/1.jpg, not an image"):
        inspected(root)


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
def test_any_name_survives_and_is_printable_in_the_facts(tmp_path, inspected, name):
    folder = name_or_skip(tmp_path / "data", name)
    for number in range(3):
        (folder / f"{folder.name}{number}.png").write_bytes(encoded(picture(f"same {number % 2}")))
    dataset = inspected(make(tmp_path / "data", ["cat/1.png", "cat/2.png"]))
    assert folder.name in dataset.classes
    shown = as_json(dataset.facts)["class_sizes"][0]["name"]
    assert not any(ord(character) < 32 for character in shown)
    assert dataset.facts.leak.repeated_train_images == 1


def test_a_name_that_is_not_utf8_is_shown_with_its_bytes(tmp_path, inspected):
    name_or_skip(tmp_path / "data", b"caf\xe9")
    root = make(tmp_path / "data", ["cat/1.png", "caf\udce9/1.png"])
    assert "caf\\xe9" in [size["name"] for size in as_json(inspected(root).facts)["class_sizes"]]


def paths(dataset, split, most=1000):
    return sorted(image.place.path for image in dataset.draw(split, most, 0))


def test_probes_are_judged_by_the_datasets_own_validation_images_of_known_classes(tmp_path, inspected):
    dataset = inspected(make(tmp_path, SPLITS))
    assert (paths(dataset, "validation"), dataset.held_out_from()) == (["val/cat/1.png"], "validation")
    assert paths(dataset, "train") == sorted(TRAIN)


def test_a_validation_split_is_proposed_where_there_is_none(tmp_path, inspected):
    dataset = inspected(make(tmp_path, TRAIN))
    train, held_out = paths(dataset, "train"), paths(dataset, "validation")
    assert sorted(train + held_out) == sorted(TRAIN)
    assert sorted(Path(path).parent.name for path in held_out) == ["cat", "dog"]
    assert (dataset.facts.proposed_validation_images, dataset.held_out_from()) == (2, "train")
    assert dataset.facts.group.groups is None


def test_the_proposed_split_never_changes(tmp_path, inspected):
    root = make(tmp_path, [f"{label}/{number}.png" for label in ("hat", "shoe") for number in range(10)])
    assert paths(inspected(root), "validation") == ["hat/2.png", "hat/3.png", "shoe/6.png", "shoe/7.png"]


def test_copies_of_one_file_stay_on_one_side(tmp_path, inspected):
    root = make(tmp_path, [f"{label}/{number}.png" for label in "ab" for number in range(20)])
    for number in range(20):
        (root / f"a/copy of {number}.png").write_bytes((root / f"a/{number}.png").read_bytes())
    held_out = paths(inspected(root), "validation")
    copied = {path.replace("copy of ", "") for path in held_out if "copy of" in path}
    assert copied == {path for path in held_out if path.startswith("a/") and "copy of" not in path}
    assert len(copied) == 4


def test_a_draw_depends_on_the_seed_alone(tmp_path, inspected):
    dataset = inspected(make(tmp_path, SPLITS))
    assert dataset.draw("train", 4, 1) == dataset.draw("train", 4, 1)
    assert len(dataset.draw("train", 4, 1)) == 4
    assert dataset.draw("train", 9, 1) != dataset.draw("train", 9, 2)


def rows(dataset, folder):
    dataset.write_samples(folder / "samples.csv")
    with (folder / "samples.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def test_the_samples_are_the_readable_images_with_label_and_split(tmp_path, inspected):
    root = make(tmp_path / "data", [*SPLITS, "train/cat/broken.jpg"])
    found = {row["path"]: (row["label"], row["split"]) for row in rows(inspected(root), tmp_path)}
    assert len(found) == len(SPLITS)
    assert found["val/bird/1.png"] == ("bird", "validation")
    assert found["train/dog/0.png"] == ("dog", "train")


def test_the_samples_hold_the_proposed_split(tmp_path, inspected):
    dataset = inspected(make(tmp_path / "data", TRAIN))
    held_out = [row["path"] for row in rows(dataset, tmp_path) if row["split"] == "validation"]
    assert sorted(held_out) == paths(dataset, "validation")


def test_every_file_is_accounted_for(tmp_path, inspected):
    litter = [".hidden/1.png", "Thumbs.db", "notes.txt", "stray.png", "train/cat/.DS_Store"]
    facts = inspected(make(tmp_path, [*SPLITS, "train/cat/broken.jpg", *litter])).facts
    parts = (facts.images, facts.unlabelled_images, facts.mask_files, facts.other_files, facts.skipped_files)
    assert sum(parts) == facts.files
    assert (facts.images, facts.unlabelled_images, facts.skipped_files) == (len(SPLITS) + 1, 1, 0)
    assert facts.unlabelled_examples == ("stray.png",)


def test_classes_that_are_declared_and_never_seen_are_named(tmp_path, inspected):
    root = make(tmp_path, SPLITS)
    (root / "train" / "ghost").mkdir()
    facts = inspected(root).facts
    assert (facts.empty_class_count, facts.empty_classes) == (1, ("ghost",))


def test_the_evenness_of_classes_is_measured(tmp_path, inspected):
    facts = inspected(make(tmp_path, [f"{label}/{n}.png" for label in "abcd" for n in range(5)])).facts
    assert (facts.effective_classes, facts.class_gini) == (pytest.approx(4.0), pytest.approx(0.0))
    assert (facts.median_class_images, facts.tail_class_share) == (5.0, 0.0)


def test_uneven_classes_have_fewer_effective_classes_and_a_gini(tmp_path, inspected):
    facts = inspected(make(tmp_path, [*(f"a/{n}.png" for n in range(30)), "b/1.png", "c/1.png"])).facts
    assert facts.effective_classes == pytest.approx(1.3193, abs=0.0001)
    assert facts.class_gini == pytest.approx(0.604, abs=0.001)
    assert facts.tail_class_share == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "label",
    [
        *("left", "turn_left", "TurnRight", "Left-Arrow", "clockwise", "counter_clockwise", "anticlockwise"),
        *("mirrored", "zero", "Nine", "letter_b", "digit 4"),
    ],
)
def test_a_class_whose_name_a_mirror_contradicts_is_counted(label):
    assert count_mirror_sensitive([label]) == 1


@pytest.mark.parametrize(
    "label",
    [
        "a",
        "7",
        "ß",
        "猫",
        "cat",
        "t-shirt",
        "leftovers",
        "brightness",
        "10",
        "one piece",
        "turnstone",
        "",
        "_",
        "copyright",
    ],
)
def test_other_names_are_not_counted(label):
    assert count_mirror_sensitive([label]) == 0


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("0123456789", 10),
        ("01234", 0),  # kinds that were numbered
        (["0", "1"], 0),
        (list(map(str, range(100))), 0),
        ("ABCDEFGHIKLMNOPQRSTUVWXY", 24),
        ("AB", 0),
        ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 36),
    ],
)
def test_single_characters_count_where_the_classes_are_an_alphabet_or_the_digits(labels, expected):
    assert count_mirror_sensitive(labels) == expected


def test_a_scan_imports_no_deep_learning_library():
    code = (
        "import sys, cvadvisor.inspect.dataset.inspection, cvadvisor.inspect.logs.read;"
        "import cvadvisor.inspect.hardware as h;"
        "h.inspect_hardware();"
        "print([m for m in ('torch', 'torchvision', 'timm', 'sklearn', 'pandas') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_results_of_an_earlier_audit_inside_the_dataset_are_not_part_of_it(tmp_path, inspected):
    root = make(tmp_path / "data", TRAIN)
    before = inspected(root)
    for folder in (root / "cvadvisor-out", root):
        folder.mkdir(exist_ok=True)
        before.write_samples(folder / "samples.csv")
        for name in ("audit.json", "report.html", "train.py"):
            (folder / name).write_text("{}")
    make(root, ["train/cat/added.png"])
    facts = inspected(root).facts
    assert facts.layout == "class folders with splits"
    assert (facts.images, facts.has_validation_split, facts.unlabelled_images) == (len(TRAIN) + 1, False, 0)
    assert facts.skipped_files == 0


def test_images_of_formats_that_are_not_read_are_counted_apart(tmp_path, inspected):
    facts = inspected(make(tmp_path, [*TRAIN, "train/cat/photo.HEIC", "train/dog/scan.dcm", "notes.txt"])).facts
    assert (facts.unread_image_files, facts.other_files) == (2, 3)
    assert facts.unread_image_examples == ("train/cat/photo.HEIC", "train/dog/scan.dcm")


@pytest.mark.parametrize("name", ["1.jpe", "1.jfif", "1.JPEG"])
def test_every_common_extension_is_an_image(tmp_path, inspected, name):
    root = make(tmp_path, TRAIN)
    (root / "train" / "cat" / name).write_bytes(encoded(picture(name, (40, 40)), "JPEG"))
    facts = inspected(root).facts
    assert (facts.images, facts.misnamed.images) == (len(TRAIN) + 1, 0)


def test_groups_that_lie_in_two_splits_are_counted(tmp_path, inspected):
    names = [f"{number}.png" for number in range(12)]
    root = make(tmp_path, names)
    splits = ["train"] * 8 + ["val"] * 2 + ["test"] * 2
    groups = ["p1", "p2", "p3", "p4"] * 2 + ["p1", "p9", "p9", "p8"]
    rows = [
        f"{name},{'ab'[number % 2]},{split},{group}"
        for number, (name, split, group) in enumerate(zip(names, splits, groups, strict=True))
    ]
    (root / "labels.csv").write_text("\n".join(["image,label,split,patient", *rows]) + "\n")
    group = inspected(root).facts.group
    assert (group.groups, group.what) == (6, "the column 'patient'")
    assert (group.shared_validation_images, group.shared_validation_share) == (1, 0.5)
    assert (group.shared_test_images, group.shared_test_share) == (1, 0.5)
