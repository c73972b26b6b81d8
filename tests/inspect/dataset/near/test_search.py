"""What the search makes of pictures, files and names of every kind."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.datasets import load_digits

from cvadvisor.facts.leaks import CHANGED, SCENE, SIMILAR
from cvadvisor.inspect.dataset.near.search import find_near
from tests.inspect.dataset.disk import encoded, picture
from tests.inspect.dataset.near.folders import inspected_pairs, pairs_in, scanned, search, write
from tests.inspect.dataset.near.scenes import cropped, nothing, scene


def test_copies_within_a_split_and_under_another_class_are_found(tmp_path):
    for seed in range(8):
        write(tmp_path, f"train/a/{seed}.jpg", scene(seed))
        write(tmp_path, f"train/b/{seed}.jpg", ImageOps.mirror(scene(seed)))
        write(tmp_path, f"val/a/{seed}.jpg", scene(seed + 100))
        write(tmp_path, f"val/b/{seed}.jpg", cropped(0.8)(scene(seed + 100)))
    pairs = inspected_pairs(tmp_path)
    expected = {(f"{split}/a/{seed}.jpg", f"{split}/b/{seed}.jpg") for split in ("train", "val") for seed in range(8)}
    assert {pair for pair, what in pairs.items() if what.tier == CHANGED} == expected
    assert {pairs[f"train/a/{seed}.jpg", f"train/b/{seed}.jpg"].transform for seed in range(8)} == {"mirrored"}


def test_what_comes_second_is_what_is_described(tmp_path):
    """The larger picture is for validation here: it cannot be a crop of the smaller one."""
    for seed in range(6):
        write(tmp_path, f"train/a/{seed}.jpg", cropped(0.8)(scene(seed)))
        write(tmp_path, f"val/a/{seed}.jpg", scene(seed))
    with scanned(tmp_path) as store:
        pairs = search(tmp_path, store)
    said = {pairs[f"train/a/{seed}.jpg", f"val/a/{seed}.jpg"].transform.split(", ")[0] for seed in range(6)}
    assert said == {"at 80% inside a border or a wider view"}


def test_an_exact_copy_is_no_pair_of_the_search_but_a_changed_copy_of_it_is(tmp_path):
    for seed in range(4):
        write(tmp_path, f"train/a/{seed}.jpg", scene(seed))
        write(tmp_path, f"train/b/{seed}.jpg", scene(seed + 50))
        (tmp_path / f"train/b/copy {seed}.jpg").write_bytes((tmp_path / f"train/a/{seed}.jpg").read_bytes())
        write(tmp_path, f"val/a/{seed}.jpg", ImageOps.mirror(scene(seed)))
        write(tmp_path, f"val/b/{seed}.jpg", scene(seed + 60))
    pairs = inspected_pairs(tmp_path)
    for seed in range(4):
        assert pairs[f"train/a/{seed}.jpg", f"train/b/copy {seed}.jpg"].tier == "byte-identical"
        assert pairs[f"train/a/{seed}.jpg", f"val/a/{seed}.jpg"].transform == "mirrored"
        assert (f"train/b/copy {seed}.jpg", f"val/a/{seed}.jpg") not in pairs


def test_pictures_turned_by_their_exif_data_are_compared_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for seed in range(4):
        write(tmp_path, f"train/a/{seed}.jpg", scene(seed))
        stored = scene(seed).transpose(Image.Transpose.ROTATE_90)
        path = tmp_path / f"val/a/{seed}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(stored, "JPEG", quality=70, exif=exif))
    with scanned(tmp_path) as store:
        pairs = search(tmp_path, store)
    assert {what.transform for what in pairs.values() if what.tier == CHANGED} == {"saved again"}
    assert len(pairs) == 4


def test_handwritten_digits_are_not_the_same_image(tmp_path):
    digits = load_digits()
    assert tiers_among(tmp_path, [(one * (255 / 16)).astype(np.uint8) for one in digits.images[:300]]) <= {SIMILAR}


def tiers_among(root: Path, pictures: list[np.ndarray]) -> set[str]:
    """What is claimed of any two of these pictures, half of them in each split."""
    for number, pixels in enumerate(pictures):
        write(root, f"{('train', 'val')[number % 2]}/{number}.png", Image.fromarray(pixels))
    with scanned(root) as store:
        return {what.tier for what in search(root, store).values()}


def test_flat_and_nearly_blank_pictures_are_not_the_same_image(tmp_path):
    rng = np.random.default_rng(0)
    flat = [np.full((120, 160, 3), level, np.uint8) for level in range(0, 250, 25)]
    grainy = [np.clip(rng.normal(level, 2, (120, 160, 3)), 0, 255).astype(np.uint8) for level in range(60, 250, 20)]
    marked = [one.copy() for one in flat]
    for picture_ in marked:
        x, y = rng.integers(0, 110, 2)
        picture_[y : y + 3, x : x + 3] = 128
    assert tiers_among(tmp_path, flat + grainy + marked) <= {SIMILAR}


@pytest.mark.parametrize("kind", ["edge", "spot"])
def test_pictures_of_a_single_edge_or_spot_are_not_the_same_image(tmp_path, kind):
    rng = np.random.default_rng(0)
    pictures = []
    for _ in range(20):
        pixels = np.full((120, 160, 3), 255 if kind == "spot" else rng.integers(256), np.uint8)
        x, y = rng.integers(20, 100, 2)
        if kind == "edge":
            pixels[:, :x] = rng.integers(0, 256, 3)
        else:
            pixels[y : y + 12, x : x + 12] = 0
        pictures.append(pixels)
    assert tiers_among(tmp_path, pictures) <= {SIMILAR}


def test_files_that_break_or_vanish_before_they_are_compared_are_no_copies_of_anything(tmp_path):
    for seed in range(12):
        write(tmp_path, f"train/a/{seed}.jpg", scene(seed))
        write(tmp_path, f"val/a/{seed}.jpg", cropped(0.8)(scene(seed)))
    with scanned(tmp_path) as store:
        (tmp_path / "train/a/0.jpg").unlink()
        (tmp_path / "val/a/1.jpg").write_bytes(b"no picture any more")
        (tmp_path / "train/a/2.jpg").write_bytes(b"")
        (tmp_path / "val/a/2.jpg").unlink()
        data = (tmp_path / "train/a/3.jpg").read_bytes()
        (tmp_path / "train/a/3.jpg").write_bytes(data[: len(data) // 3])
        pairs = search(tmp_path, store)
    same = {pair for pair, what in pairs.items() if what.tier == CHANGED}
    assert {(f"train/a/{seed}.jpg", f"val/a/{seed}.jpg") for seed in range(4, 12)} <= same
    assert not {(f"train/a/{seed}.jpg", f"val/a/{seed}.jpg") for seed in range(3)} & same


def test_unreadable_files_are_left_out(tmp_path):
    for seed in range(5):
        write(tmp_path, f"train/a/{seed}.jpg", scene(seed))
        write(tmp_path, f"val/a/{seed}.jpg", ImageOps.mirror(scene(seed)))
    (tmp_path / "train/a/broken.jpg").write_bytes(b"\xff\xd8\xff but no more")
    (tmp_path / "val/a/broken.png").write_bytes(b"")
    with scanned(tmp_path) as store:
        pairs = search(tmp_path, store)
    assert len(pairs) == 5
    assert not [pair for pair in pairs if "broken" in "".join(pair)]


def odd_pictures() -> dict[str, Image.Image]:
    photo = scene(77, (150, 130))
    gray = np.asarray(photo.convert("L"))
    odd = {f"{width}x{height}": picture(f"{width} {height}", (width, height)) for width, height in SIZES}
    odd |= {mode: photo.convert(mode) for mode in ("1", "L", "LA", "P", "RGBA", "CMYK")}
    odd["16 bits"] = Image.fromarray(gray.astype(np.uint16) * 257)
    odd["floats"] = Image.fromarray(gray.astype(np.float32))
    holes = photo.copy()
    holes.putalpha(Image.fromarray((gray > 100).astype(np.uint8) * 255))
    odd["holes"] = holes
    return odd


SIZES = [(1, 1), (1, 500), (500, 1), (2, 2), (3, 200), (7, 7), (64, 64), (65, 63), (128, 1), (2_000, 30)]


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_odd_sizes_and_modes_are_searched_without_harm(tmp_path):
    for name, image in odd_pictures().items():
        write(tmp_path, f"train/a/{name}.tiff", image)
        write(tmp_path, f"val/b/{name}.tiff", image.transpose(Image.Transpose.ROTATE_90))
    with scanned(tmp_path) as store:
        pairs = search(tmp_path, store)
    assert all(0 <= what.score <= 1 for what in pairs.values())
    assert {what.tier for what in pairs.values()} <= {CHANGED, SCENE, SIMILAR}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_pictures_are_searched(tmp_path, count):
    (tmp_path / "train").mkdir()
    for number in range(count):
        write(tmp_path, f"train/{number}.jpg", cropped(1 - number / 10)(scene(0)))
    with scanned(tmp_path) as store:
        assert len(search(tmp_path, store)) == count // 2


def test_names_that_are_no_text_are_found(tmp_path):
    if os.name != "posix":
        pytest.skip("names are text here")
    for seed in range(3):
        write(tmp_path, f"train/{seed}.jpg", scene(seed))
        path = tmp_path / f"val/{seed}\udcff.jpg"
        path.parent.mkdir(exist_ok=True)
        try:
            path.write_bytes(encoded(ImageOps.mirror(scene(seed)), "JPEG"))
        except OSError as error:
            pytest.skip(f"the file system refuses the name: {error}")
    with scanned(tmp_path) as store:
        assert set(search(tmp_path, store)) == {(f"train/{seed}.jpg", f"val/{seed}\udcff.jpg") for seed in range(3)}


def test_progress_names_its_stages_and_goes_up_to_all(tmp_path):
    for seed in range(6):
        write(tmp_path, f"train/{seed}.jpg", scene(seed))
        write(tmp_path, f"val/{seed}.jpg", ImageOps.mirror(scene(seed)))
    told: list[tuple[str, int, int]] = []
    with scanned(tmp_path) as store:
        find_near(tmp_path, store, lambda *stage: told.append(stage))
    assert len({title for title, _, _ in told}) == 2
    last = {title: (done, total) for title, done, total in told}
    assert all(done == total for done, total in last.values())


def test_without_comparing_only_what_an_earlier_search_found_is_known(tmp_path):
    root, cache = tmp_path / "data", tmp_path / "cache"
    for seed in range(4):
        write(root, f"train/{seed}.jpg", scene(seed))
        write(root, f"val/{seed}.jpg", ImageOps.mirror(scene(seed)))
    with scanned(root, cache) as store:
        find_near(root, store, nothing, known_only=True)
        assert pairs_in(store) == {}
    with scanned(root, cache) as store:
        found = search(root, store)
    assert len(found) == 4
    write(root, "val/more.jpg", ImageOps.mirror(scene(0)))
    with scanned(root, cache) as store:
        find_near(root, store, nothing, known_only=True)
        assert pairs_in(store) == found
    with scanned(root, cache) as store:
        assert ("train/0.jpg", "val/more.jpg") in search(root, store)
