"""Whether what an audit predicts comes true: the head's accuracy, wrong labels, more data, and time."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from advice_data import Dataset, with_flipped_labels, with_half_the_training
from advice_regret import share_error
from advice_runs import Audit, Plan, Run, constants, probed, results_of

NOISE_WITHIN = 0.03
TIME_WITHIN = 0.2
ERRORS_WITHIN = 2.0
"""What the predictions are to reach: share of labels, share of the time, standard errors."""
PENALTIES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)


@dataclass(frozen=True)
class Prediction:
    """A prediction beside what came true."""

    what: str
    said: dict[str, float] | None
    """value, low and high; None where the audit says nothing."""
    true: float
    holds: bool | None
    unit: str = ""


def scored(what: str, said: Any, true: float, within: float, unit: str = "") -> Prediction:
    """``said`` (value, low, high) is right if it is no further than ``within`` from the truth."""
    return Prediction(what, said, true, said and abs(said["value"] - true) <= within, unit)


def head(audit: Audit, device: str) -> Iterator[Prediction]:
    """The linear classifier's accuracy, predicted from held-out images, against another one on the test images."""
    said = audit.fact("probe.features.linear_accuracy")
    true = head_on_test(audit, device)
    predicted_error = (said["high"] - said["low"]) / (2 * 1.96) if said else math.nan
    error = math.hypot(predicted_error, share_error(true, audit.dataset.test))
    yield scored("accuracy of the head", said, true, ERRORS_WITHIN * error)


def noise(dataset: Dataset, plan: Plan, scratch: Path, shares: list[float], seeds: int) -> Iterator[Prediction]:
    """The estimated share of wrong labels with ``shares`` of the training labels flipped on purpose.

    The mean over ``seeds`` draws of the labels, between the lowest and the highest of them.
    """
    for share in shares:
        said = []
        for seed in range(seeds if share else 1):
            place = scratch / "data" / f"{dataset.digest[:12]}-flipped-{share:g}-{seed}"
            flipped = with_flipped_labels(dataset, place, share, seed) if share else dataset
            found = estimate(probed(flipped, plan, "features", scratch), "probe.features.label_noise")
            said += [found["value"]] if found else []
        true = round(share * dataset.train) / dataset.train
        mean = {"value": fmean(said), "low": min(said), "high": max(said)} if said else None
        yield scored(f"wrong labels, {share:.0%} flipped (lowest … highest of {len(said)})", mean, true, NOISE_WITHIN)


def scaling(audit: Audit, plan: Plan, scratch: Path) -> Iterator[Prediction]:
    """The head's accuracy with all training images, predicted from half of them, on the same held-out images."""
    place = scratch / "data" / f"{audit.dataset.digest[:12]}-half-{plan.seed}"
    half = with_half_the_training(audit.dataset, place, plan.seed)
    said = estimate(probed(half, plan, "features", scratch), "probe.features.scaling.predicted_accuracy")
    measured = audit.fact("probe.features.linear_accuracy")
    if measured:
        holds = said and said["low"] <= measured["value"] <= said["high"]
        yield Prediction("accuracy of the head from half the data", said, measured["value"], holds)


def estimate(facts: dict[str, Any], name: str) -> dict[str, float] | None:
    """The value and the interval of the fact ``name``, or None where it is not known."""
    said = {part: facts.get(f"{name}.{part}") for part in ("value", "low", "high")}
    return said if None not in said.values() else None  # type: ignore[return-value]


def epoch_time(audit: Audit, cache: Path, device: str) -> Iterator[Prediction]:
    """Seconds of an epoch of every layer, against a run of the script with the whole machine."""
    [run] = results_of([Run(audit.script, None, 0, device)], audit, cache, jobs=1)
    if true := run.get("epoch_s"):
        said = audit.fact("probe.batch.epoch_seconds")
        yield scored("an epoch", said, true, TIME_WITHIN * true, "s")


def head_on_test(audit: Audit, device: str) -> float:
    """Accuracy on test of scikit-learn's logistic regression on the frozen backbone's features.

    The penalty is the one with the least loss on validation images. Normalisation keeps the statistics of pretraining.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    splits = {split: features(audit, split, device) for split in ("train", "validation", "test")}
    x, y = splits["train"]
    held_out, truth = splits["validation"]
    fits = [make_pipeline(StandardScaler(), LogisticRegression(C=c / len(y) * 100, max_iter=300)) for c in PENALTIES]
    best = min(
        (fit.fit(x, y) for fit in fits),
        key=lambda fit: log_loss(truth, fit.predict_proba(held_out), labels=np.unique(y)),
    )
    return float(best.score(*splits["test"]))


def features(audit: Audit, split: str, device: str) -> tuple[Any, Any]:
    """The frozen backbone's features (images, width) and the classes (images,) of a split of the audit's dataset."""
    import timm
    import torch
    from PIL import Image, ImageOps
    from safetensors.torch import load_file
    from torchvision.transforms.v2 import functional

    own = constants(audit.script)
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    model = timm.create_model(own["MODEL"], pretrained=own["WEIGHTS"] == "pretrained", num_classes=0)
    if own["WEIGHTS"] == "file":
        model.load_state_dict(load_file(audit.folder / own["WEIGHTS_FILE"]), strict=False)
    model.eval().to(device)
    files = sorted(Path(audit.dataset.folder).glob(f"{split}/*/*"))
    size, found = own["IMAGE_SIZE"], []
    for start in range(0, len(files), 64):
        images = []
        for file in files[start : start + 64]:
            with Image.open(file) as image:
                fitted = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
            pixels = functional.to_dtype(functional.pil_to_tensor(fitted), torch.float32, scale=True)
            images.append(functional.normalize(pixels, own["MEAN"], own["STD"]))
        with torch.no_grad():
            found.append(model(torch.stack(images).to(device)).float().cpu())
    return torch.cat(found).numpy(), [file.parent.name for file in files]
