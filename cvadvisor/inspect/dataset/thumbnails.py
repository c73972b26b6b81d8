"""Small pictures of the images that findings show."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from cvadvisor.facts.seen import Thumbnail
from cvadvisor.inspect.dataset.pixels import formats, to_rgb

SIDE_PX = 128
MOST = 60
"""Pictures in one report: about 4 KB each."""


def thumbnails(root: Path, paths: Iterable[str]) -> tuple[Thumbnail, ...]:
    """Pictures of the images at ``paths`` below ``root``, at most :data:`MOST`; what cannot be read is left out."""
    made = []
    for path in list(dict.fromkeys(paths))[:MOST]:
        data = io.BytesIO()
        try:
            with Image.open(root / path, formats=formats()) as image:
                image.draft("RGB", (SIDE_PX, SIDE_PX))
                small = to_rgb(image)
                small.thumbnail((SIDE_PX, SIDE_PX))
                small.save(data, "JPEG", quality=75)
        except Exception:  # decoders raise nearly anything on a damaged file, and a picture is not worth an audit
            continue
        made.append(
            Thumbnail(path=path, data_uri="data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode())
        )
    return tuple(made)
