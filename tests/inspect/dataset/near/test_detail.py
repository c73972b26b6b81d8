"""The larger picture of an image that comparing it with others needs: how it is made, kept and read again."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cvadvisor.inspect.dataset import jpeg
from cvadvisor.inspect.dataset.look import DETAIL_SIDE_PX, LARGE_PIXELS, DetailLook, detail
from cvadvisor.inspect.dataset.scan import scan
from cvadvisor.inspect.dataset.store import Store, to_bytes
from tests.inspect.dataset.disk import encoded, listed, make, picture
from tests.inspect.dataset.near.scenes import Array, scene


@pytest.fixture
def store() -> Iterator[Store]:
    with Store(None) as store:
        yield store


@pytest.fixture
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "Pillow":
        monkeypatch.setattr(jpeg, "simplejpeg", None)
    elif jpeg.simplejpeg is None:
        pytest.skip("simplejpeg is not installed")
    return request.param


def shown(data: bytes) -> Array:
    """The pixels of the detail of an image file, as numbers that can be subtracted."""
    found = detail(data)
    assert found is not None
    assert found.jpeg is not None
    return jpeg.decode_small(found.jpeg, "RGB").astype(int)


def squeezed(image: Image.Image) -> Array:
    return np.asarray(image.convert("RGB").resize((DETAIL_SIDE_PX,) * 2, Image.Resampling.BOX)).astype(int)


def wanted(store: Store, *names: str) -> None:
    store.run("DROP TABLE IF EXISTS temp.wanted")
    store.run("CREATE TEMP TABLE wanted (file INTEGER PRIMARY KEY)")
    for name in names:
        store.run("INSERT INTO temp.wanted SELECT id FROM temp.file WHERE path = ?", to_bytes(name))


def kept(store: Store) -> dict[bytes, bytes | None]:
    return dict(store.rows("SELECT path, jpeg FROM main.detail_look"))


@pytest.mark.parametrize("decoder", ["simplejpeg", "Pillow"], indirect=True)
@pytest.mark.parametrize("extension", ["JPEG", "PNG", "BMP", "WEBP", "TIFF"])
def test_it_is_the_image_squeezed_to_a_square(decoder, extension):
    image = scene(1, (320, 200))
    found = shown(encoded(image, extension, **({"quality": 95} if extension == "JPEG" else {})))
    assert found.shape == (DETAIL_SIDE_PX, DETAIL_SIDE_PX, 3)
    assert np.abs(found - squeezed(image)).mean() < 5


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 3), (128, 128), (4_000, 20), (40, 3_000)])
def test_every_shape_has_one(size):
    assert shown(encoded(picture(size=size))).shape == (DETAIL_SIDE_PX, DETAIL_SIDE_PX, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F", "I"])
def test_every_mode_has_one(mode):
    image = scene(2, (90, 70))
    if mode in ("I;16", "F", "I"):
        image = Image.fromarray(
            np.asarray(image.convert("L")).astype({"I;16": "uint16", "F": "float32", "I": "int32"}[mode])
        )
    data = encoded(image if mode in ("I;16", "F", "I") else image.convert(mode), "TIFF")
    assert shown(data).shape == (DETAIL_SIDE_PX, DETAIL_SIDE_PX, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["JPEG", "PNG"])
def test_it_is_upright(extension, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = scene(3, (320, 200))
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    upright = image.transpose(turns[orientation]) if orientation in turns else image
    assert np.abs(shown(encoded(image, extension, exif=exif)) - squeezed(upright)).mean() < 6


def test_colours_keep_their_resolution():
    stripes = np.zeros((DETAIL_SIDE_PX, DETAIL_SIDE_PX, 3), np.uint8)
    stripes[:, ::2, 0] = 200
    stripes[:, 1::2, 2] = 200
    assert np.abs(shown(encoded(Image.fromarray(stripes))) - stripes).mean() < 12


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_what_is_no_image_has_none(data):
    assert detail(data) == DetailLook(None)


@pytest.mark.parametrize("extension", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_image_has_one_or_none_but_no_error(extension, share):
    data = encoded(picture(size=(90, 80)), extension)
    found = detail(data[: int(len(data) * share)])
    assert found is not None


@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore")  # that the metadata is damaged
@given(st.integers(0, 2**32), st.integers(1, 20), st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"]))
def test_damaged_bytes_do_no_harm(seed, damages, extension):
    rng = np.random.default_rng(seed)
    data = bytearray(encoded(picture(size=(40, 30)), extension))
    for place in rng.integers(0, len(data), damages):
        data[place] = rng.integers(256)
    found = detail(bytes(data))
    if found is not None and found.jpeg is not None:
        assert jpeg.decode_small(found.jpeg, "RGB").shape == (DETAIL_SIDE_PX, DETAIL_SIDE_PX, 3)


def test_a_very_large_image_waits_until_it_is_alone():
    side = int(LARGE_PIXELS**0.5) + 8
    data = encoded(Image.new("L", (side, side), 80), "PNG")
    assert detail(data) is None
    found = detail(data, large=True)
    assert found is not None
    assert found.jpeg is not None


@pytest.mark.parametrize("decoder", ["simplejpeg", "Pillow"], indirect=True)
def test_pixels_that_were_encoded_here_are_decoded_to_about_the_same(decoder):
    rgb = squeezed(scene(4)).astype(np.uint8)
    data = jpeg.encode_rgb(rgb, 95)
    assert np.abs(jpeg.decode_small(data, "RGB").astype(int) - rgb).mean() < 3
    gray = np.asarray(Image.fromarray(rgb).convert("L"))
    found = jpeg.decode_small(jpeg.encode_gray(gray, 90), "L")
    assert found.shape == gray.shape
    assert np.abs(found.astype(int) - gray).mean() < 3


def test_both_decoders_see_the_same_in_what_either_encoded(monkeypatch):
    if jpeg.simplejpeg is None:
        pytest.skip("simplejpeg is not installed")
    rgb = squeezed(scene(5)).astype(np.uint8)
    fast = jpeg.simplejpeg
    encoders = {}
    for name, module in (("simplejpeg", fast), ("Pillow", None)):
        monkeypatch.setattr(jpeg, "simplejpeg", module)
        encoders[name] = jpeg.encode_rgb(rgb, 95), jpeg.encode_gray(rgb[:, :, 1].copy(), 90)
    for colour, gray in encoders.values():
        for data, mode in ((colour, "RGB"), (gray, "L")):
            seen = []
            for module in (fast, None):
                monkeypatch.setattr(jpeg, "simplejpeg", module)
                seen.append(jpeg.decode_small(data, mode).astype(int))
            assert np.abs(seen[0] - seen[1]).max() <= 3


def test_only_files_that_are_wanted_are_looked_at(tmp_path, store):
    root = make(tmp_path, ["a/1.png", "a/2.png", "b/1.png"])
    listed(root, store)
    wanted(store, "a/2.png", "b/1.png")
    scan(root, store, "detail")
    found = kept(store)
    assert set(found) == {b"a/2.png", b"b/1.png"}
    for path, data in found.items():
        seen = detail((root / path.decode()).read_bytes())
        assert seen is not None
        assert data == seen.jpeg


def test_no_wanted_file_is_no_work(tmp_path, store):
    root = make(tmp_path, ["a/1.png"])
    listed(root, store)
    wanted(store)
    scan(root, store, "detail")
    assert kept(store) == {}


def test_files_that_cannot_be_read_have_a_row_without_a_picture(tmp_path, store):
    root = make(tmp_path, ["a/good.png", "a/gone.png", "a/empty.png", "a/text.png"])
    (root / "a/empty.png").write_bytes(b"")
    (root / "a/text.png").write_bytes(b"text")
    listed(root, store)
    (root / "a/gone.png").unlink()
    wanted(store, "a/good.png", "a/gone.png", "a/empty.png", "a/text.png")
    scan(root, store, "detail")
    found = kept(store)
    assert found.pop(b"a/good.png") is not None
    assert found == {b"a/gone.png": None, b"a/empty.png": None, b"a/text.png": None}


def change(path: Path, image: Image.Image, seconds: int) -> None:
    path.write_bytes(encoded(image))
    os.utime(path, (seconds, seconds))


def test_what_is_kept_is_looked_at_again_where_the_file_has_changed(tmp_path):
    root = make(tmp_path / "data", ["a/1.png", "a/2.png"])
    seen = []
    for turn in (1, 2):
        with Store(tmp_path / "cache.sqlite") as store:
            if turn == 2:
                change(root / "a/2.png", picture("another"), 5_000)
            listed(root, store)
            wanted(store, "a/1.png", "a/2.png")
            told = []
            scan(root, store, "detail", lambda done, total, told=told: told.append(total))
            assert told[-1] == (2 if turn == 1 else 1)
            seen.append(kept(store))
    assert seen[0][b"a/1.png"] == seen[1][b"a/1.png"]
    assert seen[0][b"a/2.png"] != seen[1][b"a/2.png"]


def test_it_is_small():
    found = detail(encoded(scene(6, (640, 480)), "JPEG", quality=95))
    assert found is not None
    assert len(found.jpeg or b"") < 30_000
    with Image.open(io.BytesIO(found.jpeg or b"")) as image:
        assert image.size == (DETAIL_SIDE_PX, DETAIL_SIDE_PX)
