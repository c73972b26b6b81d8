"""Each kind of odd image is planted once among ordinary ones; nothing else may be found."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

ORDINARY = 24
SIDE = 200


def photo(seed: int, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    """Coloured shapes with edges over a smooth ground, with a little noise: about as detailed as a photo."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(int(level) for level in rng.integers(60, 180, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = rng.integers(0, size[0]), rng.integers(0, size[1])
        reach = int(rng.integers(2, 40))
        draw.ellipse((x, y, x + reach, y + reach), fill=tuple(int(level) for level in rng.integers(0, 256, 3)))
    noise = rng.normal(0, 2, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def saved(image: Image.Image, format_: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **({"quality": 92} | options if format_ == "JPEG" else options))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def ordinary() -> list[bytes]:
    return [saved(photo(seed)) for seed in range(ORDINARY)]


def write(root: Path, images: list[bytes], odd: tuple[str, bytes] | None = None) -> Path:
    for number, data in enumerate(images):
        path = root / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if odd:
        (root / "a" / odd[0]).write_bytes(odd[1])
    return root


def kinds(facts: object) -> dict[str, int]:
    found = {name: getattr(facts, name) for name in KINDS}
    return {name: one.images for name, one in found.items() if one.images}


def deep() -> bytes:
    gray = np.asarray(photo(99).convert("L")).astype(np.uint16) * 257
    return saved(Image.fromarray(gray), "PNG")


def transparent() -> Image.Image:
    image = photo(99).convert("RGBA")
    image.putalpha(Image.radial_gradient("L").resize(image.size))
    return image


def noisy() -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 60, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(np.asarray(photo(99)) + noise, 0, 255).astype(np.uint8))


def animated() -> bytes:
    frames = [photo(seed) for seed in (97, 98)]
    return saved(frames[0], "WEBP", save_all=True, append_images=frames[1:])


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(photo(99), exif=exif)


KINDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "blank": ("x.png", lambda: saved(Image.new("RGB", (SIDE, SIDE), "white"), "PNG")),
    "dark": ("x.jpg", lambda: saved(ImageEnhance.Brightness(photo(99)).enhance(0.06))),
    "bright": ("x.jpg", lambda: saved(photo(99).point(lambda level: 235 + level // 13))),
    "low_contrast": ("x.jpg", lambda: saved(photo(99).point(lambda level: 120 + level // 16))),
    "blurred": ("x.jpg", lambda: saved(photo(99).filter(ImageFilter.GaussianBlur(4)))),
    "noisy": ("x.jpg", lambda: saved(noisy())),
    "overcompressed": ("x.jpg", lambda: saved(photo(99), quality=8)),
    "tiny": ("x.jpg", lambda: saved(photo(99).resize((24, 24)))),
    "extreme_aspect": ("x.jpg", lambda: saved(photo(99, (800, 150)))),
    "gray_in_colour": ("x.jpg", lambda: saved(photo(99).convert("L"))),
    "transparent": ("x.png", lambda: saved(transparent(), "PNG")),
    "cmyk": ("x.jpg", lambda: saved(photo(99).convert("CMYK"))),
    "deep": ("x.png", deep),
    "animated": ("x.webp", animated),
    "rotated": ("x.jpg", rotated),
    "misnamed": ("x.png", lambda: saved(photo(99))),
    "bordered": ("x.jpg", lambda: saved(ImageOps.expand(photo(99), (0, 40), "black"))),
}
# A deep gray image has no colour either.
BESIDES = {"deep": {"gray_in_colour"}, "tiny": {"blurred", "noisy"}, "overcompressed": {"blurred"}}


@pytest.mark.parametrize("kind", KINDS)
def test_one_odd_image_among_ordinary_ones_is_found(tmp_path, inspected, ordinary, kind):
    name, make = KINDS[kind]
    facts = inspected(write(tmp_path, ordinary, (name, make()))).facts
    found = kinds(facts)
    assert found.pop(kind) == 1
    assert set(found) <= BESIDES.get(kind, set())
    (example,) = getattr(facts, kind).examples
    assert (example.path, example.label, example.split) == (f"a/{name}", "a", "train")
    assert example.measured


def test_ordinary_images_are_not_odd(tmp_path, inspected, ordinary):
    assert kinds(inspected(write(tmp_path, ordinary)).facts) == {}


@pytest.mark.parametrize(
    "kind", ["dark", "bright", "low_contrast", "blurred", "noisy", "overcompressed", "tiny", "extreme_aspect"]
)
def test_what_all_images_are_is_not_odd(tmp_path, inspected, kind):
    changes: dict[str, Callable[[int], bytes]] = {
        "dark": lambda seed: saved(ImageEnhance.Brightness(photo(seed)).enhance(0.06)),
        "bright": lambda seed: saved(photo(seed).point(lambda level: 235 + level // 13)),
        "low_contrast": lambda seed: saved(photo(seed).point(lambda level: 120 + level // 16)),
        "blurred": lambda seed: saved(photo(seed).filter(ImageFilter.GaussianBlur(4))),
        "noisy": lambda seed: saved(Image.effect_noise((SIDE, SIDE), 60 + seed)),
        "overcompressed": lambda seed: saved(photo(seed), quality=8),
        "tiny": lambda seed: saved(photo(seed).resize((24, 24))),
        "extreme_aspect": lambda seed: saved(photo(seed, (800, 150))),
    }
    facts = inspected(write(tmp_path, [changes[kind](seed) for seed in range(ORDINARY)])).facts
    assert getattr(facts, kind).images == 0


def test_a_dataset_in_gray_has_no_odd_gray_images(tmp_path, inspected):
    facts = inspected(write(tmp_path, [saved(photo(seed).convert("L")) for seed in range(ORDINARY)])).facts
    assert (facts.gray_in_colour.images, facts.grayscale_share) == (0, 1.0)


def test_the_most_extreme_come_first_and_are_capped(tmp_path, inspected, ordinary):
    root = write(tmp_path, ordinary * 3)
    for number in range(20):
        (root / "b" / f"long{number:02d}.jpg").write_bytes(saved(photo(number, (500 + 20 * number, 100))))
    found = inspected(root).facts.extreme_aspect
    assert (found.images, found.share) == (20, pytest.approx(20 / 92))
    assert [example.path for example in found.examples[:2]] == ["b/long19.jpg", "b/long18.jpg"]
    assert len(found.examples) == 12
