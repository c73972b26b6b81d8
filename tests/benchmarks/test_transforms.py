import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops
from transforms import TRANSFORMS, Transform, copied

BY_NAME = {transform.name: transform for transform in TRANSFORMS}


def picture(width: int = 100, height: int = 60) -> bytes:
    image = Image.merge(
        "RGB", [Image.linear_gradient("L").rotate(turn).resize((width, height)) for turn in (0, 90, 45)]
    )
    return saved(image)


def saved(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def changed(name: str, data: bytes, seed: str = "0") -> Image.Image:
    return Image.open(io.BytesIO(copied(data, ".png", BY_NAME[name], seed)[0]))


def test_an_exact_copy_has_the_bytes_of_its_source() -> None:
    assert copied(b"not an image", ".webp", BY_NAME["exact"], "0") == (b"not an image", ".webp")


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("crop 80 %", (80, 48)),
        ("crop 70 %", (70, 42)),
        ("half size", (50, 30)),
        ("quarter size", (25, 15)),
        ("rot 90", (60, 100)),
        ("border", (120, 72)),
        ("crop 80 % + h-flip", (80, 48)),
        ("h-flip", (100, 60)),
    ],
)
def test_a_copy_has_the_size_that_its_transform_says(name: str, size: tuple[int, int]) -> None:
    assert changed(name, picture()).size == size


def test_two_transforms_are_applied_one_after_the_other() -> None:
    data = picture()
    cropped_and_flipped, gray = changed("crop 80 % + h-flip", data), changed("gray + crop 90 %", data)
    unflipped = cropped_and_flipped.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert ImageChops.difference(unflipped, changed("crop 80 %", data)).getbbox() is None
    assert (gray.mode, gray.size) == ("L", (90, 54))


def test_the_format_of_a_copy_is_lossless_where_its_source_is_and_a_jpeg_where_quality_matters() -> None:
    assert copied(picture(), ".png", BY_NAME["h-flip"], "0")[1] == ".png"
    assert copied(picture(), ".JPEG", BY_NAME["h-flip"], "0")[1] == ".jpg"
    assert copied(picture(), ".png", BY_NAME["JPEG q20"], "0")[1] == ".jpg"


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.name)
def test_a_seed_gives_one_copy(transform: Transform) -> None:
    data = picture()
    assert copied(data, ".png", transform, "a") == copied(data, ".png", transform, "a")


@pytest.mark.parametrize("transform", TRANSFORMS[1:], ids=lambda transform: transform.name)
def test_a_copy_differs_from_its_source(transform: Transform) -> None:
    data = picture(320, 240)
    with Image.open(io.BytesIO(data)) as source, changed(transform.name, data) as copy:
        assert copy.size != source.size or ImageChops.difference(source, copy.convert("RGB")).getbbox()


@given(st.sampled_from(TRANSFORMS), st.integers(1, 40), st.integers(1, 40), st.text(max_size=3))
def test_any_size_can_be_changed(transform: Transform, width: int, height: int, seed: str) -> None:
    data, _ = copied(saved(Image.new("RGB", (width, height), "teal")), ".png", transform, seed)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
