"""Leaked images by features: pairs across the splits whose features nearly agree, verified pixel by pixel.

Features find copies that the dataset stage's own search does not guess; whether two files are one image is said by that
stage's verification alone. Most pairs of nearly the same features are different images of one kind.
"""

from typing import TYPE_CHECKING

from cvadvisor.facts.features import LeakCandidate, LeakCandidateFacts
from cvadvisor.inspect.printable import printable
from cvadvisor.probe import regression
from cvadvisor.probe.features.forward import Features

if TYPE_CHECKING:
    import numpy as np

    from cvadvisor.probe.session import Sample, Session

LEAST_COSINE = 0.5
"""Of standardised features: copies that were cropped, mirrored or recoloured reach it, few different images do."""
MOST_CANDIDATES = 200
"""The most alike: verification decodes both images of each."""
SHOWN = 24


def leak_candidates(
    session: "Session", train: Features, held_out: Features, leaked: "np.ndarray", samples: "dict[str, Sample]"
) -> LeakCandidateFacts:
    """Look for held-out images that training holds too, beside those that are known.

    Args:
        session: for the dataset's place, the names of the classes and the clock.
        train: the training images.
        held_out: the held-out images.
        leaked: which of them are known to be leaked (held-out images,).
        samples: where each image is, by its path.
    """
    import numpy as np

    first, second, cosine = _alike(train.pooled, held_out.pooled, np.flatnonzero(~leaked))
    pairs = [(samples[train.paths[a]], samples[held_out.paths[b]]) for a, b in zip(first, second, strict=True)]
    images = len(train.paths) + len(held_out.paths)
    confirmed = _confirmed(session, pairs, cosine, images) if pairs else []
    names, where = session.job.classes, session.job.held_out_from
    return LeakCandidateFacts(
        candidates=len(pairs),
        found=len(confirmed),
        pairs=tuple(
            LeakCandidate(
                split_a="train",
                path_a=printable(pairs[i][0].path),
                label_a=printable(names[pairs[i][0].label]),
                split_b=where,
                path_b=printable(pairs[i][1].path),
                label_b=printable(names[pairs[i][1].label]),
                cosine=float(cosine[i]),
            )
            for i in confirmed[:SHOWN]
        ),
    )


def _alike(x: "np.ndarray", x_held: "np.ndarray", rows: "np.ndarray") -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Of each held-out image the nearest training image, where it is near: their rows and cosine, the nearest first."""
    import numpy as np

    z, mean, std = regression.standardise(x)
    z_held = (x_held[rows] - mean) / std
    z, z_held = (one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-12) for one in (z, z_held))
    nearest, cosine = np.zeros(len(rows), int), np.zeros(len(rows))
    for start in range(0, len(rows), 1024):
        similarity = z_held[start : start + 1024] @ z.T
        nearest[start : start + 1024] = similarity.argmax(1)
        cosine[start : start + 1024] = similarity.max(1)
    order = np.argsort(-cosine, kind="stable")[:MOST_CANDIDATES]
    order = order[cosine[order] >= LEAST_COSINE]
    return nearest[order], rows[order], np.minimum(cosine[order], 1.0)


def _confirmed(
    session: "Session", pairs: "list[tuple[Sample, Sample]]", cosine: "np.ndarray", images: int
) -> list[int]:
    """Which ``pairs`` are one image, by the dataset stage's own verification."""
    from pathlib import Path

    import numpy as np

    from cvadvisor.facts.leaks import CHANGED
    from cvadvisor.inspect.dataset.near.candidates import Guesses
    from cvadvisor.inspect.dataset.near.verify import verify
    from cvadvisor.probe.features.decoded_pictures import DecodedPictures, placements

    pictures = DecodedPictures.of(
        Path(session.job.root), [one.place for pair in pairs for one in pair], images, session.tick
    )
    readable = [i for i in range(len(pairs)) if pictures.readable[2 * i] and pictures.readable[2 * i + 1]]
    if not readable:
        return []
    maps = placements()
    which = np.repeat(np.array(readable), len(maps))
    guesses = Guesses(2 * which, 2 * which + 1, np.tile(maps, (len(readable), 1, 1)), cosine[which].astype(np.float32))
    matches = verify(pictures, guesses, lambda: None, session.tick)
    same = {int(first) // 2 for first, tier in zip(matches.first, matches.tier, strict=True) if tier == CHANGED}
    same |= {i for i in readable if pictures.identical(2 * i, 2 * i + 1)}
    return sorted(same)
