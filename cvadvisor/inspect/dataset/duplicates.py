"""Files that hold exactly the same image: leaks between splits, repeats in training, one image under two classes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cvadvisor.facts.dataset import ImagePair
from cvadvisor.inspect.dataset.layouts import Split
from cvadvisor.inspect.dataset.scan import ScannedImage
from cvadvisor.inspect.printable import printable

MOST_EXAMPLES = 12


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Exact duplicates among readable images. Near-duplicates (resized, re-compressed, cropped) are not seen here."""

    leaked_validation_images: int
    """Validation images that training holds too."""
    leaked_test_images: int
    """Test images that training or validation holds too."""
    duplicate_training_images: int
    """Training images beyond the first of each image in each class."""
    conflicting_label_images: int
    """Different images that occur under two classes or more, in whichever splits; each counts once, not each file."""
    leak_examples: tuple[ImagePair, ...]
    conflict_examples: tuple[ImagePair, ...]


def find_duplicates(images: Iterable[ScannedImage]) -> Duplicates:
    """Compare every readable image with every other, by the hashes that the scan took."""
    groups = _groups(images)
    validation_leaks = _leaks(groups, "validation", into=("train",))
    test_leaks = _leaks(groups, "test", into=("train", "validation"))
    conflicts = [pair for group in groups if (pair := _conflict(group))]
    return Duplicates(
        leaked_validation_images=len(validation_leaks),
        leaked_test_images=len(test_leaks),
        duplicate_training_images=sum(_repeats(group) for group in groups),
        conflicting_label_images=len(conflicts),
        leak_examples=tuple(_pair(*pair) for pair in (validation_leaks + test_leaks)[:MOST_EXAMPLES]),
        conflict_examples=tuple(_pair(*pair) for pair in conflicts[:MOST_EXAMPLES]),
    )


def _groups(images: Iterable[ScannedImage]) -> list[list[ScannedImage]]:
    """Images that occur more than once, each as the list of its files, in the scan's order.

    Any two blank images of one size have the same pixels, which says nothing about where they come from: they are one
    image only where the files are the same byte for byte.
    """
    first: dict[tuple[bool, bytes | None], ScannedImage | list[ScannedImage]] = {}
    for image in images:
        if image.error is None:
            key = (image.blank, image.content_hash if image.blank else image.pixel_hash)
            known = first.setdefault(key, image)
            if isinstance(known, list):
                known.append(image)
            elif known is not image:
                first[key] = [known, image]
    return [group for group in first.values() if isinstance(group, list)]


def _leaks(
    groups: Sequence[list[ScannedImage]], split: Split, into: tuple[Split, ...]
) -> list[tuple[ScannedImage, ScannedImage]]:
    """Each image of ``split`` that one of the splits ``into`` holds too, behind the file it repeats; by its path."""
    leaks: list[tuple[ScannedImage, ScannedImage]] = []
    for group in groups:
        if sources := [image for image in group if image.file.split in into]:
            leaks += ((_closest(sources, image), image) for image in group if image.file.split == split)
    return sorted(leaks, key=lambda pair: pair[1].file.path)


def _closest(sources: Sequence[ScannedImage], image: ScannedImage) -> ScannedImage:
    """The copy that explains a leak best: the same bytes before the same pixels."""
    return next((source for source in sources if source.content_hash == image.content_hash), sources[0])


def _repeats(group: list[ScannedImage]) -> int:
    counts = Counter(image.file.label for image in group if image.file.split == "train")
    return sum(count - 1 for count in counts.values())


def _conflict(group: list[ScannedImage]) -> tuple[ScannedImage, ScannedImage] | None:
    """The first file, and the first after it that has another class."""
    other = next((image for image in group if image.file.label != group[0].file.label), None)
    return (group[0], other) if other else None


def _pair(a: ScannedImage, b: ScannedImage) -> ImagePair:
    return ImagePair(
        split_a=a.file.split,
        path_a=printable(a.file.path),
        label_a=printable(a.file.label),
        split_b=b.file.split,
        path_b=printable(b.file.path),
        label_b=printable(b.file.label),
        tier="byte-identical" if a.content_hash == b.content_hash else "same pixels",
    )
