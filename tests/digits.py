"""Real handwritten digits, written out as image files."""

from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits


def write_digits(folder: Path, *, classes: int = 3, train: int = 20, validation: int = 8, side: int = 32) -> Path:
    """A small dataset below ``folder``: ``train`` and ``validation`` images of each of the first ``classes`` digits."""
    digits = load_digits()
    for digit in range(classes):
        numbers = [n for n, label in enumerate(digits.target) if label == digit]
        for split, chosen in (("train", numbers[:train]), ("validation", numbers[train : train + validation])):
            place = folder / split / str(digit)
            place.mkdir(parents=True)
            for number in chosen:
                pixels = (digits.images[number] * (255 / 16)).astype("uint8")
                Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC).save(place / f"{number}.png")
    return folder
