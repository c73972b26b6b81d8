"""Small pictures of the images that findings show."""

import base64
import io
import warnings
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from cvadvisor.facts.seen import Thumbnail
from cvadvisor.inspect.dataset.pixels import open_image, to_rgb
from cvadvisor.inspect.dataset.places import Place, read_bytes

SIDE_PX = 112
MOST = 60
"""Pictures in one report: about 2.4 KB each."""


def thumbnails(root: Path, places: Mapping[str, Place]) -> tuple[Thumbnail, ...]:
    """Pictures of images of the dataset at ``root``, at most :data:`MOST`; what cannot be read is left out.

    Args:
        root: the dataset.
        places: where each image is, by the name that the picture is to have.
    """
    made = []
    for path, place in islice(places.items(), MOST):
        data = io.BytesIO()
        try:
            with warnings.catch_warnings(action="ignore"), open_image(read_bytes(root, place)) as image:
                image.draft("RGB", (SIDE_PX, SIDE_PX))
                small = to_rgb(image)
                small.thumbnail((SIDE_PX, SIDE_PX))
                small.save(data, "JPEG", quality=65)
        except Exception:  # decoders raise nearly anything on a damaged file, and a picture is not worth an audit
            continue
        made.append(
            Thumbnail(path=path, data_uri="data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode())
        )
    return tuple(made)
