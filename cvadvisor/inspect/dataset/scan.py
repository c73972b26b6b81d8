"""Read and decode every image once, over all cores, and keep what the facts need: sizes, hashes, a few statistics."""

import hashlib
import logging
import os
import stat
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError
from PIL import ImageFile as PillowFile

from cvadvisor.inspect.dataset.layouts import ImageFile, Layout
from cvadvisor.inspect.dataset.pixels import STATISTICS_SIZE, fine_detail, formats, is_blank, is_grayscale, to_rgb
from cvadvisor.inspect.printable import printable

MAX_FILE_BYTES = 500_000_000
# Pillow's own limit (twice its MAX_IMAGE_PIXELS): half a gigabyte of RGB. A header that claims more is not believed.
MAX_PIXELS = 178_956_970

# From this size on, images are decoded one at a time, so that memory does not grow with the number of cores.
_LARGE_PIXELS = 32_000_000
_ONE_LARGE = threading.Lock()

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")

_TASK_IMAGES = 16  # images a task: small ones take less time than the hand-over of a task
_TASKS_A_CORE = 4


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """What one read and one decode of an image showed. ``error`` is None where it decoded in full."""

    file: ImageFile
    error: str | None = None
    """Why it could not be read, in a few words."""
    size_bytes: int = 0
    width: int = 0
    """In pixels, as the image is shown (after EXIF rotation); 0 where it could not be read."""
    height: int = 0
    content_hash: bytes | None = None
    """128-bit hash of the file."""
    pixel_hash: bytes | None = None
    """128-bit hash of size and pixels from :func:`to_rgb`: equal for a copy saved in another lossless format."""
    grayscale: bool = False
    fine_detail: float = 0.0
    """Share of the gray-level variance at 128 px that is lost when the image is halved; 0 where it is blank."""
    blank: bool = False
    """Whether almost every pixel has the same value."""


class _Unreadable(Exception):
    """A file that is no image for us; the message is the reason, in a few words."""


def scan(layout: Layout, progress: Callable[[int, int], None] | None = None) -> tuple[ScannedImage, ...]:
    """Scan every image of ``layout``, in its order. An image that cannot be read is a result with an ``error``.

    Args:
        layout: the images.
        progress: called in this thread with (images done, images in all), every few images.
    """
    scanned: list[ScannedImage] = []
    for part in _in_order(layout.root, layout.images):
        scanned += part
        if progress:
            progress(len(scanned), len(layout.images))
    return tuple(scanned)


def scan_image(root: Path, file: ImageFile) -> ScannedImage:
    """Read and decode one image in full; whatever is wrong with the file ends up in ``error``."""
    try:
        data = _read(root / file.path)
    except _Unreadable as error:
        return ScannedImage(file, error=str(error))
    content_hash = hashlib.blake2b(data, digest_size=16).digest()
    try:
        with _open(data) as image, _ONE_LARGE if image.width * image.height > _LARGE_PIXELS else nullcontext():
            return ScannedImage(file, size_bytes=len(data), content_hash=content_hash, **_measure(image))
    except Exception as error:  # whatever a decoder raises on damaged data, one file must not end the scan
        return ScannedImage(file, error=_reason(error, data), size_bytes=len(data), content_hash=content_hash)


def _in_order(root: Path, images: Sequence[ImageFile]) -> Iterator[list[ScannedImage]]:
    """Results in order, with few tasks under way; leaving early stops the threads at their next image."""
    stop = threading.Event()

    def task(part: Sequence[ImageFile]) -> list[ScannedImage]:
        return [scan_image(root, file) for file in part if not stop.is_set()]

    cores = _cores()
    waiting: deque[Future[list[ScannedImage]]] = deque()
    with _strict_pillow(), ThreadPoolExecutor(cores, thread_name_prefix="scan") as pool:
        try:
            for start in range(0, len(images), _TASK_IMAGES):
                waiting.append(pool.submit(task, images[start : start + _TASK_IMAGES]))
                if len(waiting) >= cores * _TASKS_A_CORE:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _strict_pillow() -> Iterator[None]:
    """Pillow without warnings and without its tolerance of truncated files, which a caller may have switched on."""
    tolerant, PillowFile.LOAD_TRUNCATED_IMAGES = PillowFile.LOAD_TRUNCATED_IMAGES, False
    log = logging.getLogger("PIL")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    formats()  # loads the decoders in this thread
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        PillowFile.LOAD_TRUNCATED_IMAGES = tolerant
        log.setLevel(level)


def _read(path: Path) -> bytes:
    try:
        # Not blocking: the file may have become a pipe since it was listed.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb", buffering=0) as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise _Unreadable("not a regular file")
            if status.st_size > MAX_FILE_BYTES:
                raise _Unreadable(f"too large: {status.st_size / 1e6:,.0f} MB")
            data = file.readall()
    except FileNotFoundError:
        raise _Unreadable("a link to nothing" if path.is_symlink() else "vanished") from None
    except PermissionError:
        raise _Unreadable("no permission") from None
    except OSError as error:
        raise _Unreadable((error.strerror or "cannot be read").lower()) from None
    if not data:
        raise _Unreadable("empty file")
    return data


def _open(data: bytes) -> Image.Image:
    """Read the header, and refuse a claimed size that would not fit into memory."""
    try:
        image = Image.open(BytesIO(data), formats=formats())
        width, height = image.size
    except Image.DecompressionBombError:
        width, height = _claimed_size(data)
    if width * height > MAX_PIXELS:
        raise _Unreadable(f"too large: {width}x{height} pixels")
    return image


def _claimed_size(data: bytes) -> tuple[int, int]:
    """The size in the header, from the decoder itself: ``Image.open`` refuses a large one without naming it."""
    for name in formats():
        factory, accept = Image.OPEN[name]
        if accept and accept(data[:16]) is True:
            return factory(BytesIO(data), "").size
    raise _Unreadable("too large")


def _reason(error: Exception, data: bytes) -> str:
    """A decoder's error in a few plain words."""
    text = str(error)
    if isinstance(error, _Unreadable):
        return text
    if isinstance(error, MemoryError | Image.DecompressionBombError):  # a bomb: in a frame or tile, past the header
        return "too large"
    declared = int.from_bytes(data[4:8], "little") + 8 if data.startswith(b"RIFF") else 0
    if "truncated" in text.lower() or declared > len(data):
        return "truncated"
    if isinstance(error, UnidentifiedImageError):
        return "damaged header" if data.startswith(_SIGNATURES) else f"not an image{_what_it_is(data)}"
    return f"damaged: {printable(text)[:80]}" if text else "damaged"


def _what_it_is(data: bytes) -> str:
    """What is often found under an image's name, after a download or checkout that went wrong."""
    start = data[:200].lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return ": a Git LFS pointer"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<svg")):
        return ": a web page or SVG"
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return " Pillow can read: HEIC"
    return ""


def _measure(image: Image.Image) -> dict[str, Any]:
    """Decode in full, and return the fields of ``ScannedImage`` that pixels determine."""
    image.load()
    pixels = to_rgb(image)
    digest = hashlib.sha256(b"%dx%d" % pixels.size)  # SHA-256: processors have instructions for it
    digest.update(pixels.tobytes())
    sample = pixels.resize(STATISTICS_SIZE, Image.Resampling.NEAREST)
    blank = is_blank(sample)
    return {
        "width": pixels.width,
        "height": pixels.height,
        "pixel_hash": digest.digest()[:16],
        "grayscale": is_grayscale(sample),
        "fine_detail": 0.0 if blank else fine_detail(pixels),
        "blank": blank,
    }
