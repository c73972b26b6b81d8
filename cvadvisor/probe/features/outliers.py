"""Training images that lie far from all others, of whichever class."""

from typing import TYPE_CHECKING

from cvadvisor.facts.features import Outlier, OutlierFacts
from cvadvisor.inspect.printable import printable
from cvadvisor.probe import regression

if TYPE_CHECKING:
    import numpy as np

NEIGHBOUR = 5
"""The distance to the fifth neighbour counts, so that a handful of odd images do not excuse each other."""
COMPONENTS = 64
"""Distances in more dimensions are all alike."""
MOST_DEVIATIONS = 4.5
"""Robust standard deviations of the logarithm of that distance beyond which an image lies far out. Photos of clothes,
digits and CIFAR images reach 3.9; digits among clothes 5 to 7.5, photos among digits 7 to 8; and digits among CIFAR's
images, which are of everything, 3 at most: there it sees nothing."""
LEAST_IMAGES = 30
SHOWN = 12


def outliers(x: "np.ndarray", y: "np.ndarray", paths: list[str], names: list[str]) -> OutlierFacts | None:
    """Rank the images by their distance to their neighbours.

    Args:
        x: features (images, features): the second-to-last stage, where strange images lie farther out.
        y: classes (images,).
        paths: files, one an image.
        names: of the classes.

    Returns:
        ``None`` where there are too few images.
    """
    import numpy as np

    if len(y) < LEAST_IMAGES:
        return None
    far = deviations(x)
    order = np.argsort(-far, kind="stable")
    found = int((far > MOST_DEVIATIONS).sum())
    return OutlierFacts(
        images=len(y),
        found=found,
        share=found / len(y),
        examples=tuple(
            Outlier(path=printable(paths[i]), label=printable(names[y[i]]), deviations=float(far[i]))
            for i in order[: min(SHOWN, found)]
        ),
    )


def deviations(x: "np.ndarray") -> "np.ndarray":
    """Robust standard deviations of each image's log distance to its neighbours (images,)."""
    import numpy as np

    z = regression.compress(regression.standardise(x)[0])
    if z.shape[1] > COMPONENTS:
        z = z - z.mean(0)
        _, vectors = np.linalg.eigh(z.T @ z)
        z = z @ vectors[:, -COMPONENTS:]
    squares = (z**2).sum(1)
    distance = np.empty(len(z))
    for start in range(0, len(z), 1024):
        block = z[start : start + 1024]
        apart = squares[start : start + 1024, None] + squares - 2 * block @ z.T
        k = min(NEIGHBOUR, len(z) - 1)
        distance[start : start + 1024] = np.sqrt(np.maximum(np.partition(apart, k, axis=1)[:, k], 0))  # 0 is itself
    logs = np.log(np.maximum(distance, 1e-6))
    middle = np.median(logs)
    # a dataset of many kinds has a long tail of its own: its 95th percentile counts where that is farther out
    spread = 1.4826 * float(np.median(np.abs(logs - middle)))
    scale = max(spread, float(np.quantile(logs, 0.95) - middle) / 1.645)
    robust: np.ndarray = (logs - middle) / max(scale, 0.02)
    return robust
