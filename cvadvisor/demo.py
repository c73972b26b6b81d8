"""The demo: plant flaws into real images, audit them, and check that every flaw is found.

The images are the handwritten digits that scikit-learn ships; the backbone is EfficientNet-Lite0 with ImageNet weights
from a package that carries them. Nothing is downloaded.
"""

import dataclasses
import importlib.util
import random
from pathlib import Path

from cvadvisor.config import Settings, SettingsError, prepare_out
from cvadvisor.diagnosis import Diagnosis
from cvadvisor.inspect.model import WHEEL, WHEEL_MODEL
from cvadvisor.progress import Progress

SIDE_PX = 32
SPLITS = (("train", 0.7), ("validation", 0.15), ("test", 0.15))
RARE_DIGIT, RARE_KEPT = 8, 15
LEAKED, MISLABELLED = 12, 6
BUDGET_S = 100.0
IMAGE_SIZE_PX = 64
"""The digits have 8 px: at the model's 224 a slow machine had no time to look at all labels."""


@dataclasses.dataclass(frozen=True)
class Planted:
    """The flaws in the demo's dataset: paths relative to it."""

    leaked: tuple[str, ...]
    truncated: str
    mislabelled: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Shown:
    """How the demo went."""

    text: str
    all_found: bool
    interrupted: bool


def run(out: Path | None, progress: Progress, *, force: bool) -> Shown:
    """Make the dataset in ``out``, audit it there, and compare what was found with what was planted.

    Raises:
        SettingsError: the package with the weights is missing, or the folder can't be used.
    """
    from cvadvisor.audit import audit, write

    if importlib.util.find_spec(WHEEL.replace("-", "_")) is None:
        raise SettingsError(f"The demo needs the package {WHEEL}: pip install 'cvadvisor[demo]'.")
    folder = prepare_out(out, "cvadvisor-demo", force=force)
    data = folder / "digits"
    if data.exists() and not (data / ".cvadvisor-demo").exists():
        raise SettingsError(f"{data} exists and was not made by the demo: choose another --out.")
    planted = make_digits(data)
    settings = Settings(
        data=data, out=folder, model=WHEEL_MODEL, image_size=IMAGE_SIZE_PX, budget_s=BUDGET_S, use_cache=False
    )
    diagnosis = audit(settings, progress)
    written = write(diagnosis, folder)
    return _show(diagnosis, planted, written)


def make_digits(data: Path) -> Planted:
    """Write the digits as PNG files into ``data``/train, validation and test, with flaws planted."""
    import shutil

    from PIL import Image
    from sklearn.datasets import load_digits

    if data.exists():
        shutil.rmtree(data)
    data.mkdir(parents=True)
    (data / ".cvadvisor-demo").touch()
    chosen = random.Random(0)
    digits = load_digits()
    by_split: dict[str, list[Path]] = {name: [] for name, _ in SPLITS}
    for digit in range(10):
        numbers = [n for n, label in enumerate(digits.target) if label == digit]
        chosen.shuffle(numbers)
        start = 0
        for split, share in SPLITS:
            part = numbers[start : start + round(share * len(numbers))]
            start += len(part)
            if split == "train" and digit == RARE_DIGIT:
                part = part[:RARE_KEPT]  # the imbalance
            for number in part:
                path = data / split / str(digit) / f"digit_{number:04d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = (digits.images[number] * (255 / 16)).astype("uint8")
                Image.fromarray(pixels).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC).save(path)
                by_split[split].append(path)
    train = [path for path in by_split["train"] if path.parent.name != str(RARE_DIGIT)]
    chosen.shuffle(train)
    return Planted(
        leaked=tuple(_leak(path, data, chosen) for path in train[:LEAKED]),
        truncated=_truncate(train[LEAKED], data),
        mislabelled=tuple(_mislabel(path, data, chosen) for path in train[LEAKED + 1 : LEAKED + 1 + MISLABELLED]),
    )


def _leak(path: Path, data: Path, chosen: random.Random) -> str:
    """Copy a training image into validation under another name, half of them saved anew."""
    from PIL import Image

    copy = data / "validation" / path.parent.name / f"photo_{path.stem[6:]}.png"
    if chosen.random() < 0.5:
        copy.write_bytes(path.read_bytes())
    else:
        with Image.open(path) as image:
            image.save(copy, compress_level=1)
    return copy.relative_to(data).as_posix()


def _truncate(path: Path, data: Path) -> str:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path.relative_to(data).as_posix()


def _mislabel(path: Path, data: Path, chosen: random.Random) -> str:
    wrong = chosen.choice([d for d in range(10) if str(d) not in (path.parent.name, str(RARE_DIGIT))])
    return path.rename(data / "train" / str(wrong) / path.name).relative_to(data).as_posix()


def _show(diagnosis: Diagnosis, planted: Planted, written: dict[str, Path]) -> Shown:
    """What was planted, what was found, and where to go next."""
    facts = diagnosis.facts
    assert facts.dataset is not None
    fired = {finding.name for finding in diagnosis.findings}
    features = facts.probe.features if facts.probe else None
    labels_checked = features is not None and "label suspects" not in features.left_out
    suspects = {suspect.path for suspect in features.label_suspect_examples} if features else set()
    unreadable = {file.path for file in facts.dataset.unreadable_examples}
    mislabelled = len(suspects & set(planted.mislabelled))
    leaked = facts.dataset.leak.validation_images if facts.dataset.leak else None
    rows = [
        (
            f"digit {RARE_DIGIT} has {RARE_KEPT} training images, the others over 100",
            f"imbalance of {facts.dataset.imbalance_ratio or 1:.1f} to 1",
            "class-imbalance" in fired,
        ),
        (
            f"{LEAKED} training images copied into validation",
            f"{leaked} leaked images",
            leaked == LEAKED and "validation-leak" in fired,
        ),
        (
            "1 truncated file",
            f"{facts.dataset.unreadable_images} unreadable file",
            planted.truncated in unreadable and "unreadable-images" in fired,
        ),
        (
            f"{MISLABELLED} wrong labels",
            f"{mislabelled} of them among {len(suspects)} suspects" if labels_checked else "not checked: no time left",
            mislabelled == MISLABELLED and "label-suspects" in fired if labels_checked else None,
        ),
    ]
    lines = ["", "Planted                                              Found"]
    lines += [f"{what:<52} {'–' if ok is None else 'yes' if ok else 'NO':<4} {found}" for what, found, ok in rows]
    all_found = all(ok for *_, ok in rows)
    lines += ["", "Every planted flaw was found." if all_found else "Not every planted flaw was found."]
    lines += ["", f"Report:  {written['report.html']}"]
    if "train.py" in written:
        lines += [f"Next:    python {written['train.py']} --epochs 1"]
    lines += [f"Or:      cvadvisor audit YOUR_DATA --model {WHEEL_MODEL}"]
    return Shown("\n".join(lines), all_found, diagnosis.interrupted)
