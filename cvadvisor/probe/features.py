"""One pass of frozen features, which serves many facts: what the backbone knows before any training.

Pretrained features with a nearest-neighbour vote and a logistic regression rank backbones and settle whether
fine-tuning is needed; the same pass starts the head, and points at wrong labels.
"""

from typing import TYPE_CHECKING, Any

from cvadvisor.facts.probe import FeatureFacts
from cvadvisor.probe import regression
from cvadvisor.probe.accuracy import accuracy
from cvadvisor.probe.declaration import Measured, NotChecked, Probe
from cvadvisor.probe.label_issues import check_labels
from cvadvisor.probe.leak_effect import leak_effect

if TYPE_CHECKING:
    import numpy as np

    from cvadvisor.probe.session import Sample, Session

TRAIN_LADDER = (4000, 2000, 1000, 500, 250)
"""Training images to use, the largest that fits the time; held-out images are at most half as many."""
BATCH = 32
GRID = 3
"""Side of the grid that the second-to-last stage is pooled to, where labels are checked."""
MOST_GRID_FEATURES = 4096
"""Wider grids are pooled more coarsely: their label check would take longer than the forward passes."""
SUSPECTS_SHOWN = 24


def run(session: "Session") -> Measured:
    """Measure what frozen features can do.

    Raises:
        NotChecked: the backbone has no pretrained weights, or there are too few images.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    assert session.facts is not None
    if not session.facts.pretrained:
        raise NotChecked("frozen features say nothing without pretrained weights", "--weights default or a FILE")
    session.seed_everything()
    train, held_out = _plan(session)
    x_train, grid, y_train, paths = _features(session, "features-train", train)
    x_test, _, y_test, test_paths = _features(session, "features-held-out", held_out)
    if len(set(y_train.tolist())) < 2 or len(y_test) < 2:
        raise NotChecked("too few readable images to learn from and to test on")
    session.features = {"x": x_train, "y": y_train}
    leaked_paths = {sample.path for sample in held_out if sample.leaked}
    leaked = np.array([path in leaked_paths for path in test_paths])
    # matrix libraries that wait for each other's threads made these small fits fifty times slower
    with threadpool_limits(limits=1):
        return Measured(_facts(session, (x_train, grid, y_train, paths), (x_test, y_test, leaked)))


PROBE = Probe("features", "Frozen features: what the backbone knows before training", "probe.features", 0.5, run)


def _facts(
    session: "Session",
    train: "tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]",
    test: "tuple[np.ndarray, np.ndarray, np.ndarray]",
) -> FeatureFacts:
    """Fit on the training images' features, grid, labels and paths; judge on held-out features and labels.

    The third of ``test`` says of each image whether training holds it too.
    """
    import numpy as np

    x_train, grid, y_train, paths = train
    x_test, y_test, leaked = test
    classes, seed = session.job.classes, session.job.seed
    z_train, mean, std = regression.standardise(x_train)
    z_test = (x_test - mean) / std
    penalty = regression.choose_penalty(regression.compress(z_train), y_train, len(classes), seed)
    fitted = regression.fit(z_train, y_train, penalty)
    session.fitted_head = _head(fitted, mean, std, len(classes))
    probability = regression.probabilities(fitted, z_test, len(classes))
    predicted = probability.argmax(1)
    linear_hits = predicted == y_test
    knn_hits = regression.neighbours(z_train, y_train, z_test) == y_test
    majority = np.bincount(y_train).argmax()
    labels = check_labels([x_train, grid], y_train, paths, classes, seed, session.tick)
    return FeatureFacts(
        train_images=len(y_train),
        validation_images=len(y_test),
        image_size_px=session.image_size,
        held_out_from=session.job.held_out_from,
        majority_accuracy=float((y_test == majority).mean()),
        knn_accuracy=accuracy(knn_hits),
        linear_accuracy=accuracy(linear_hits),
        linear_macro_f1=_macro_f1(y_test, predicted),
        linear_train_accuracy=float((fitted.predict(z_train) == y_train).mean()),
        linear_log_loss=regression.log_loss(probability, y_test),
        linear_l2=penalty,
        label_check_accuracy=labels.accuracy if labels else None,
        label_suspects=len(labels.suspects) if labels else None,
        label_suspect_share=len(labels.suspects) / len(y_train) if labels else None,
        label_suspect_examples=labels.suspects[:SUSPECTS_SHOWN] if labels else (),
        leak=leak_effect(leaked, linear_hits, knn_hits),
    )


def _plan(session: "Session") -> "tuple[list[Sample], list[Sample]]":
    """As many images as nominally fit this probe's share of the budget; at least the lowest rung."""
    from cvadvisor.probe.session import DECODE_S

    allowance = PROBE.share * session.job.budget_s
    each = session.forward_seconds(session.image_size) + DECODE_S
    for rung in TRAIN_LADDER:
        train, held_out = session.job.train[:rung], session.job.held_out[: rung // 2]
        if (len(train) + len(held_out)) * each <= allowance:
            break
    return train, held_out


def _features(
    session: "Session", part: str, samples: "list[Sample]"
) -> "tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]":
    """Pooled features (images, feature_dim), the second-to-last stage on a grid (images, …), labels and paths."""
    import numpy as np
    import torch

    pixels, labels, paths = session.images(part, session.image_size, samples)
    session.forget(part)
    model = session.fresh_model().eval()
    pooled, grids = [], []
    with torch.inference_mode():
        for start in range(0, len(pixels), BATCH):
            x = session.batch(pixels[start : start + BATCH])
            final, stage = _stages(model, x)
            pooled.append(model.forward_head(final, pre_logits=True).float().cpu().numpy())
            side = GRID if stage.shape[1] * GRID**2 <= MOST_GRID_FEATURES else 2
            side = side if stage.shape[1] * side**2 <= MOST_GRID_FEATURES else 1
            grids.append(torch.nn.functional.adaptive_avg_pool2d(stage, side).flatten(1).float().cpu().numpy())
            session.tick(start, len(pixels))
    if not pooled:
        raise NotChecked("no image could be read")
    features = np.concatenate(pooled)
    if not np.isfinite(features).all():
        raise FloatingPointError("the backbone's features are not finite: its weights or its normalisation are broken")
    return features, np.concatenate(grids), labels, paths


def _stages(model: Any, x: Any) -> tuple[Any, Any]:
    """The backbone's output, and a feature map (images, channels, height, width) of its second-to-last stage."""
    if hasattr(model, "forward_intermediates"):
        final, maps = model.forward_intermediates(x)
        return final, maps[-2] if len(maps) > 1 else maps[-1]
    final = model.forward_features(x)
    return final, final if final.ndim == 4 else final.flatten(1)[:, :, None, None]


def _head(fitted: Any, mean: "np.ndarray", std: "np.ndarray", classes: int) -> "tuple[np.ndarray, np.ndarray]":
    """The regression as a head's weight (classes, features) and bias (classes,) on raw features."""
    import numpy as np

    coefficient, intercept = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:  # one row that tells the second class from the first
        coefficient, intercept = np.stack([-coefficient[0], coefficient[0]]) / 2, np.array([-1, 1]) * intercept[0] / 2
    weight, bias = np.zeros((classes, coefficient.shape[1])), np.full(classes, -10.0)
    weight[fitted.classes_] = coefficient / std
    bias[fitted.classes_] = intercept - (coefficient * (mean / std)).sum(1)
    return weight, bias


def _macro_f1(truth: "np.ndarray", predicted: "np.ndarray") -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(truth, predicted, average="macro", zero_division=0))
