"""How a copied image differs from its original: the changes that benchmarks/leakage.py plants, each seeded.

Sizes are shares of the image, so that a picture of 32 px gets the same caption, border or blur as one of 500 px.
"""

import io
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps, ImageStat

Change = Callable[[Image.Image, random.Random], Image.Image]
Group = Literal["ten", "harder", "combined", "beside"]

USUAL_QUALITY = 90
CAPTIONS = ("SUMMER SALE 2024", "best photo of the day", "copyright of its owner", "Breaking news: see page 4")
WATERMARKS = ("SAMPLE", "stock photo", "PREVIEW ONLY", "@somebody")


@dataclass(frozen=True)
class Transform:
    """One way to change a copy."""

    name: str
    group: Group
    """``ten``: what every tool is measured on. ``beside``: shown, but in no mean."""
    change: Change | None
    """What happens to the RGB image; None copies the file's bytes."""
    quality: int | None = None
    """JPEG quality of the copy. None: a JPEG is written at 90, anything else without loss."""


def crop(share: float, *, centred: bool = False) -> Change:
    """Keep ``share`` of each side, at a random offset."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        kept = [max(1, round(side * share)) for side in image.size]
        left, top = (
            round((side - keep) * (0.5 if centred else rng.random()))
            for side, keep in zip(image.size, kept, strict=True)
        )
        return image.crop((left, top, left + kept[0], top + kept[1]))

    return change


def scale(factor: float) -> Change:
    """Resize both sides by ``factor``."""

    def change(image: Image.Image, rng: random.Random) -> Image.Image:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        return image.resize(size, Image.Resampling.BICUBIC)

    return change


def then(first: Change, second: Change) -> Change:
    """Both, one after the other."""
    return lambda image, rng: second(first(image, rng), rng)


def as_it_is(image: Image.Image, rng: random.Random) -> Image.Image:
    return image


def flip(image: Image.Image, rng: random.Random) -> Image.Image:
    return ImageOps.mirror(image)


def quarter_turn(image: Image.Image, rng: random.Random) -> Image.Image:
    return image.transpose(rng.choice((Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)))


def brighter(image: Image.Image, rng: random.Random) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1.2)


def gray(image: Image.Image, rng: random.Random) -> Image.Image:
    return image.convert("L")


def caption(image: Image.Image, rng: random.Random) -> Image.Image:
    """Outlined text over 90 % of the width, at a random height."""
    image = image.copy()
    text = rng.choice(CAPTIONS)
    at_100 = ImageFont.load_default(100).getlength(text)
    size = max(4.0, min(100 * 0.9 * image.width / at_100, 0.15 * image.height))
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(image)
    _, top, _, bottom = draw.textbbox((0, 0), text, font)
    place = (0.05 * image.width, rng.uniform(0.02, 0.98) * (image.height - (bottom - top)) - top)
    ink, edge = ("white", "black") if rng.random() < 0.5 else ("black", "white")
    draw.text(place, text, ink, font, stroke_width=max(1, round(size / 15)), stroke_fill=edge)
    return image


def border(image: Image.Image, rng: random.Random) -> Image.Image:
    """A white or black frame, a tenth of each side wide, around the image."""
    wide = (max(1, round(image.width * 0.1)), max(1, round(image.height * 0.1)))
    return ImageOps.expand(image, wide, rng.choice(("white", "black")))


def tilt(image: Image.Image, rng: random.Random) -> Image.Image:
    """Turn by 5° to either side; the corners are filled with black or white, or cut off."""
    angle = rng.choice((-5, 5))
    corners = rng.choice(("black", "white", "cut"))
    turned = image.rotate(angle, Image.Resampling.BICUBIC, fillcolor="black" if corners == "cut" else corners)
    if corners != "cut":
        return turned
    radians = math.radians(abs(angle))
    longer = max(image.width / image.height, image.height / image.width)
    return crop(1 / (math.cos(radians) + longer * math.sin(radians)), centred=True)(turned, rng)


def colour_shift(image: Image.Image, rng: random.Random) -> Image.Image:
    """Every hue turned by 20 to 40°, or another white balance: red and blue 15 to 25 % apart, in opposite ways."""
    sign = rng.choice((-1, 1))
    if rng.random() < 0.5:
        turn = sign * round(rng.uniform(20, 40) / 360 * 256)
        hue, saturation, value = image.convert("HSV").split()
        return Image.merge("HSV", (hue.point(lambda at: (at + turn) % 256), saturation, value)).convert("RGB")
    gain = sign * rng.uniform(0.15, 0.25)
    red, green, blue = image.split()
    red, blue = red.point(lambda at: min(255, at * (1 + gain))), blue.point(lambda at: min(255, at * (1 - gain)))
    return Image.merge("RGB", (red, green, blue))


def blur(image: Image.Image, rng: random.Random) -> Image.Image:
    """A Gaussian of 2 px where the longest side has 256."""
    return image.filter(ImageFilter.GaussianBlur(2 * max(image.size) / 256))


def perspective(image: Image.Image, rng: random.Random) -> Image.Image:
    """Each corner comes from up to 8 % of a side further inside."""
    width, height = image.size
    corners = [(0, 0), (width, 0), (width, height), (0, height)]

    def inside(at: int, side: int) -> float:
        return at + (1 if at == 0 else -1) * rng.uniform(0, 0.08) * side

    origins = [(inside(x, width), inside(y, height)) for x, y in corners]
    rows, values = [], []
    for (x, y), (from_x, from_y) in zip(corners, origins, strict=True):
        rows += [
            [x, y, 1, 0, 0, 0, -from_x * x, -from_x * y],
            [0, 0, 0, x, y, 1, -from_y * x, -from_y * y],
        ]
        values += [from_x, from_y]
    found = np.linalg.solve(np.array(rows, float), np.array(values, float)).tolist()
    return image.transform(image.size, Image.Transform.PERSPECTIVE, found, Image.Resampling.BICUBIC)


def watermark(image: Image.Image, rng: random.Random) -> Image.Image:
    """Slanted text all over the image, 45 % opaque, black on a bright image and white on a dark one."""
    size = max(5.0, 0.1 * min(image.size))
    font, text = ImageFont.load_default(size), rng.choice(WATERMARKS)
    across = math.ceil(math.hypot(*image.size)) + 2
    layer = Image.new("L", (across, across))
    draw = ImageDraw.Draw(layer)
    step = max(1.0, font.getlength(text) + 2 * size)
    start_x, start_y = rng.uniform(-step, 0), rng.uniform(-3 * size, 0)
    for row in range(math.ceil((across - start_y) / (3 * size))):
        for column in range(math.ceil((across - start_x) / step)):
            draw.text((start_x + column * step, start_y + row * 3 * size), text, 115, font)
    layer = layer.rotate(30, Image.Resampling.BICUBIC)
    left, top = (across - image.width) // 2, (across - image.height) // 2
    mask = layer.crop((left, top, left + image.width, top + image.height))
    ink = "black" if ImageStat.Stat(image.convert("L")).mean[0] > 128 else "white"
    return Image.composite(Image.new("RGB", image.size, ink), image, mask)


TRANSFORMS = (
    Transform("exact", "ten", None),
    Transform("JPEG q50", "ten", as_it_is, 50),
    Transform("half size", "ten", scale(0.5)),
    Transform("crop 80 %", "ten", crop(0.8)),
    Transform("h-flip", "ten", flip),
    Transform("rot 90", "ten", quarter_turn),
    Transform("bright +20 %", "ten", brighter),
    Transform("gray", "ten", gray),
    Transform("text", "ten", caption),
    Transform("border", "ten", border),
    Transform("crop 70 %", "harder", crop(0.7)),
    Transform("rotation 5°", "harder", tilt),
    Transform("colour shift", "harder", colour_shift),
    Transform("blur", "harder", blur),
    Transform("JPEG q20", "harder", as_it_is, 20),
    Transform("quarter size", "harder", scale(0.25)),
    Transform("perspective", "harder", perspective),
    Transform("watermark", "harder", watermark),
    Transform("crop 80 % + h-flip", "combined", then(crop(0.8), flip)),
    Transform("half size + JPEG q50", "combined", scale(0.5), 50),
    Transform("rot 90 + bright +20 %", "combined", then(quarter_turn, brighter)),
    Transform("border + text", "combined", then(border, caption)),
    Transform("gray + crop 90 %", "combined", then(crop(0.9), gray)),
    Transform("crop 80 %, centred", "beside", crop(0.8, centred=True)),
)


def copied(data: bytes, suffix: str, transform: Transform, seed: str) -> tuple[bytes, str]:
    """The bytes of a changed copy of an image file, and the suffix that they go under. Raises what Pillow does."""
    if transform.change is None:
        return data, suffix
    with Image.open(io.BytesIO(data)) as opened:
        image = transform.change(ImageOps.exif_transpose(opened).convert("RGB"), random.Random(seed))
    file = io.BytesIO()
    if transform.quality is not None or suffix.lower() in (".jpg", ".jpeg"):
        image.save(file, "JPEG", quality=transform.quality or USUAL_QUALITY)
        return file.getvalue(), ".jpg"
    image.save(file, "PNG", compress_level=1)
    return file.getvalue(), ".png"
