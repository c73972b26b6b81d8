"""Pictures for a person to look at: what each transform does, and pairs that somebody calls the same image."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps
from transforms import Transform, copied

CELL_PX = 110
LABEL_PX = 190
PAIR_PX = 256
MOST_PAIRS = 300


def contact_sheet(sources: Sequence[Path], transforms: Iterable[Transform], file: Path) -> None:
    """Write a PNG with a row for each transform and a column for each of ``sources``, the originals on top."""
    chosen = list(transforms)
    sheet = Image.new("RGB", (LABEL_PX + CELL_PX * len(sources), CELL_PX * (len(chosen) + 1)), "lightgray")
    draw = ImageDraw.Draw(sheet)
    for row, transform in enumerate([None, *chosen]):
        draw.text((6, row * CELL_PX + CELL_PX // 2), transform.name if transform else "original", "black", _font())
        for column, path in enumerate(sources):
            data = path.read_bytes()
            if transform:
                data, _ = copied(data, path.suffix, transform, f"{transform.name}/{path}")
            with Image.open(io.BytesIO(data)) as image:
                fitted, place = _fitted(image, CELL_PX - 6), (LABEL_PX + column * CELL_PX + 3, row * CELL_PX + 3)
                sheet.paste(fitted, place)
                draw.text((place[0] + 2, place[1] + CELL_PX - 22), f"{image.width}x{image.height}", "red", _font(10))
    sheet.save(file)


def write_pairs(dataset: Path, rows: Sequence[tuple[str, str, str, str]], folder: Path) -> None:
    """Write pairs as a CSV and the first 300 of them side by side as PNGs, numbered by the line of the CSV.

    Args:
        dataset: the dataset that the pairs were found in.
        rows: of each pair, the two images in the original dataset (of a planted copy, its source), which is what
            ``benchmarks/leakage.py --known`` reads; then the two images that were found.
        folder: where ``pairs.csv`` and the pictures go; made anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("[0-9]*.png"):
        old.unlink()
    with (folder / "pairs.csv").open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file)
        writer.writerow(("path_a", "path_b", "found_a", "found_b"))
        writer.writerows(rows)
    for number, (*_, found_a, found_b) in enumerate(rows[:MOST_PAIRS], start=2):
        pair = (found_a, found_b)
        both = Image.new("RGB", (2 * PAIR_PX + 6, PAIR_PX + 36), "white")
        draw = ImageDraw.Draw(both)
        for side, path in enumerate(pair):
            with Image.open(dataset / path) as image:
                both.paste(_fitted(image, PAIR_PX), (side * (PAIR_PX + 6), 0))
            draw.text((4, PAIR_PX + 2 + 16 * side), path.encode("ascii", "replace").decode(), "black", _font(12))
        both.save(folder / f"{number:04}.png")


def _fitted(image: Image.Image, side: int) -> Image.Image:
    """The image as large as fits into a square of ``side`` px, small ones enlarged with sharp pixels."""
    upright = ImageOps.exif_transpose(image).convert("RGB")
    small = max(upright.size) * 2 <= side
    return ImageOps.contain(upright, (side, side), Image.Resampling.NEAREST if small else Image.Resampling.BICUBIC)


def _font(size: float = 14) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
