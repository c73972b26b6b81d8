import pytest
from PIL import Image

from cvadvisor.inspect.dataset.leaks import MOST_EXAMPLES
from tests.inspect.dataset.making import encoded, make, picture

BASE = ["train/cat/1.png", "train/dog/1.png", "val/cat/1.png", "val/dog/1.png", "test/cat/1.png", "test/dog/1.png"]


@pytest.fixture
def duplicates(inspected):
    return lambda root: inspected(root).facts.leak


def copy(root, source, target):
    (root / target).parent.mkdir(parents=True, exist_ok=True)
    (root / target).write_bytes((root / source).read_bytes())


def test_different_images_are_no_duplicates(tmp_path, duplicates):
    found = duplicates(make(tmp_path, BASE))
    assert (found.validation_images, found.test_images) == (0, 0)
    assert (found.repeated_train_images, found.conflicting_images) == (0, 0)


def test_a_training_image_in_validation_is_a_leak(tmp_path, duplicates):
    root = make(tmp_path, BASE)
    copy(root, "train/cat/1.png", "val/cat/9.png")
    found = duplicates(root)
    assert (found.validation_images, found.test_images) == (1, 0)
    (pair,) = found.validation_pairs
    assert (pair.split_a, pair.path_a, pair.split_b, pair.path_b) == (
        *("train", "train/cat/1.png"),
        *("validation", "val/cat/9.png"),
    )
    assert pair.tier == "byte-identical"


def test_a_resaved_copy_is_a_leak_of_the_same_pixels(tmp_path, duplicates):
    root = make(tmp_path, BASE)
    (root / "val/cat/9.bmp").write_bytes(encoded(picture("train/cat/1.png"), "BMP"))
    found = duplicates(root)
    assert found.validation_images == 1
    assert found.validation_pairs[0].tier == "same pixels"


@pytest.mark.parametrize("size", [(300, 220), (640, 480), (90, 70)])
def test_a_jpeg_saved_in_a_lossless_format_is_a_leak_of_the_same_pixels(tmp_path, duplicates, size):
    root = make(tmp_path, BASE)
    for number in range(8):
        photo = picture(f"photo {number}", (size[0] // 10, size[1] // 10)).resize(size)
        (root / f"train/cat/{number}.jpg").write_bytes(encoded(photo, "JPEG", quality=90))
    with Image.open(root / "train/cat/3.jpg") as image:
        (root / "val/cat/copy.png").write_bytes(encoded(image))
    with Image.open(root / "train/cat/5.jpg") as image:
        (root / "test/cat/copy.bmp").write_bytes(encoded(image, "BMP"))
    found = duplicates(root)
    assert (found.validation_images, found.test_images) == (1, 1)
    assert [(pair.path_a, pair.tier) for pair in (*found.validation_pairs, *found.test_pairs)] == [
        ("train/cat/3.jpg", "same pixels"),
        ("train/cat/5.jpg", "same pixels"),
    ]


def test_a_leak_is_explained_by_its_closest_copy(tmp_path, duplicates):
    root = make(tmp_path, BASE)
    (root / "train/cat/0.bmp").write_bytes(encoded(picture("train/cat/1.png"), "BMP"))
    copy(root, "train/cat/1.png", "val/cat/9.png")
    (pair,) = duplicates(root).validation_pairs
    assert (pair.path_a, pair.tier) == ("train/cat/1.png", "byte-identical")


def test_a_validation_image_in_test_is_a_leak_of_test(tmp_path, duplicates):
    root = make(tmp_path, BASE)
    copy(root, "val/cat/1.png", "test/cat/9.png")
    found = duplicates(root)
    assert (found.validation_images, found.test_images) == (0, 1)
    assert found.test_pairs[0].split_a == "validation"


def test_each_leaked_file_counts(tmp_path, duplicates):
    root = make(tmp_path, BASE)
    for number in range(20, 40):
        copy(root, "train/cat/1.png", f"val/cat/{number}.png")
    found = duplicates(root)
    assert found.validation_images == 20
    assert len(found.validation_pairs) == MOST_EXAMPLES
    assert found.validation_pairs[0].path_b == "val/cat/20.png"


def test_repeats_in_training_count_beyond_the_first(tmp_path, duplicates):
    root = make(tmp_path, BASE)
    copy(root, "train/cat/1.png", "train/cat/2.png")
    copy(root, "train/cat/1.png", "train/cat/3.png")
    found = duplicates(root)
    assert (found.repeated_train_images, found.conflicting_images) == (2, 0)


def test_one_image_under_two_classes_is_one_conflict(tmp_path, duplicates):
    root = make(tmp_path, BASE)
    copy(root, "train/cat/1.png", "train/dog/9.png")
    copy(root, "train/cat/1.png", "train/dog/8.png")
    found = duplicates(root)
    assert found.conflicting_images == 1
    (pair,) = found.conflicts
    assert (pair.label_a, pair.label_b) == ("cat", "dog")
    assert found.repeated_train_images == 1


def test_one_image_under_two_classes_in_two_splits_is_a_leak_and_a_conflict(tmp_path, duplicates):
    root = make(tmp_path, BASE)
    copy(root, "train/cat/1.png", "test/dog/9.png")
    found = duplicates(root)
    assert (found.test_images, found.conflicting_images) == (1, 1)


def test_blank_images_of_one_size_are_no_leak(tmp_path, duplicates):
    root = make(tmp_path, BASE)
    white = picture().point(lambda value: 255)
    (root / "train/cat/white.png").write_bytes(encoded(white, "PNG"))
    (root / "val/dog/white.bmp").write_bytes(encoded(white, "BMP"))
    found = duplicates(root)
    assert (found.validation_images, found.conflicting_images) == (0, 0)


def test_blank_images_are_a_leak_where_they_are_the_same_bytes(tmp_path, duplicates):
    root = make(tmp_path, BASE)
    (root / "train/cat/white.png").write_bytes(encoded(picture().point(lambda value: 255)))
    copy(root, "train/cat/white.png", "val/cat/white.png")
    assert duplicates(root).validation_images == 1


def test_unreadable_files_are_no_duplicates(tmp_path, duplicates):
    root = make(tmp_path, [*BASE, "train/cat/a.jpg", "val/cat/b.jpg"])
    assert duplicates(root).validation_images == 0
