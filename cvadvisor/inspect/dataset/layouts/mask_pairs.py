"""Which folders hold the masks of which folders' images, and how a mask's name follows from its image's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cvadvisor.inspect.dataset.layouts.lookup import IMAGE_FOLDERS, split_word, stem_of, with_stem
from cvadvisor.inspect.dataset.store import to_bytes, to_text

if TYPE_CHECKING:
    from cvadvisor.inspect.dataset.files import Files, Folder

MASK_FOLDERS = frozenset(
    {"masks", "mask", "labels", "label", "annotations", "annotation", "annots", "annot", "gt", "gts", "gtfine"}
    | {"groundtruth", "ground_truth", "groundtruths", "ground truth", "segmentationclass", "segmentation", "seg"}
    | {"segmentations", "segmentation_masks", "mask_images", "label_images", "targets", "labelids", "gtcoarse"}
    | {"segmentationclassaug", "segmentationclassraw", "semantic", "masks_machine", "masks_png"}
)
"""What folders of masks are called, in lower case."""

_IMAGE_FOLDERS = IMAGE_FOLDERS | {
    "rgb",
    "input",
    "inputs",
    "original",
    "originals",
    "original_images",
    "raw",
    "images_png",
}
# A folder of masks may be called as its folder of images is, and one of these: trainannot, train_masks, image-gt.
_ENDINGS = ("annot", "_masks", "_mask", "_labels", "_label", "_gt", "-masks", "-mask", "-gt", "_annotations", "_seg")
# Or both have long names that end so (ISIC: …_Training_Input and …_Training_GroundTruth): then the files' names decide.
_LONG_MASKS = re.compile(r".+[-_ ](masks?|labels?|gt|ground[-_ ]?truth|segmentations?|annotations?)")
_LONG_IMAGES = re.compile(r".+[-_ ](inputs?|images?|imgs?|data|rgb)")

# Cityscapes has several masks an image: of those, the one that is trained on comes first.
CITYSCAPES_SUFFIXES = ("_labelTrainIds", "_labelIds", "_instanceIds", "_color")
_SUFFIXES = (
    "",
    *(f"_gt{kind}{suffix}" for kind in ("Fine", "Coarse") for suffix in CITYSCAPES_SUFFIXES),
    *(
        "_mask",
        "-mask",
        "_masks",
        "_gt",
        "_GT",
        "-gt",
        "_L",
        "_P",
        "_label",
        "_labels",
        "_lab",
        "_seg",
        "_segmentation",
    ),
    *("_annotation", "_groundtruth", "_Segmentation", "_anno", "_target", "_Mask", " mask", ".mask"),
)
_PREFIXES = ("", "gt_", "mask_", "label_", "seg_", "GT_", "Mask_")
_IMAGE_SUFFIXES = ("", "_leftImg8bit", "_sat", "_image", "_img", "_rgb")
_IMAGE_PREFIXES = ("", "image_", "img_", "im_")
_SNIFFED = 40
_LEAST_MATCHED = 0.5
# Part of the files that are masks, where they lie among the images: half, but for the luck of those that are looked at.
_LEAST_MASKS = 0.25


@dataclass(frozen=True, slots=True)
class Naming:
    """How names without extension go together: what stands around the part that image and mask share."""

    mask_prefix: str = ""
    mask_suffix: str = ""
    image_prefix: str = ""
    image_suffix: str = ""

    def mask_of(self, image_stem: str) -> str | None:
        """The mask's name for an image's, both without extension; ``None`` where the image is not called that way."""
        core = _between(image_stem, self.image_prefix, self.image_suffix)
        return None if core is None else f"{self.mask_prefix}{core}{self.mask_suffix}"

    def image_of(self, mask_stem: str) -> str | None:
        """The image's name for a mask's."""
        core = _between(mask_stem, self.mask_prefix, self.mask_suffix)
        return None if core is None else f"{self.image_prefix}{core}{self.image_suffix}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A folder of images and the folder of their masks, which may be the same one."""

    images: str
    masks: str
    naming: Naming
    about: int
    """About how many images have a mask."""


def find_pairs(files: "Files") -> list[Pair]:
    """Every folder of images that has masks, with the folder that holds most of them."""
    best: dict[str, Pair] = {}
    for masks in files.top.below():
        if not masks.images:
            continue
        stems = some_stems(files, masks.path)
        for images in _candidates(files, masks):
            pair = _match(files, images, masks, stems)
            known = best.get(images.path)
            if pair is not None and (known is None or pair.about > known.about):
                best[images.path] = pair
    masks_of_others = {pair.masks for pair in best.values() if pair.masks != pair.images}
    return [pair for _, pair in sorted(best.items()) if pair.images not in masks_of_others]


def mask_at(files: "Files", folder: str, stem: str) -> str | None:
    """The mask of that name; PNG before what may blur it."""
    found = with_stem(files, folder, stem)
    return min(found, key=lambda path: (not path.lower().endswith(".png"), path), default=None)


def some_stems(files: "Files", folder: str) -> list[str]:
    """Names without extension of a few images in ``folder``, as they come: sorting them all would take its time."""
    query = f"SELECT name FROM temp.file WHERE folder = ? AND kind = 'image' LIMIT {_SNIFFED}"
    return [stem_of(to_text(name)) for (name,) in files.store.rows(query, to_bytes(folder))]


def _candidates(files: "Files", masks: "Folder") -> Iterator["Folder"]:
    """Folders whose images the masks in ``masks`` may belong to; the last is the folder itself."""
    parts = masks.path.split("/") if masks.path else []
    for at in reversed(range(len(parts))):
        name = parts[at].lower()
        wanted = set(_IMAGE_FOLDERS) if name in MASK_FOLDERS else set()
        for ending in _ENDINGS:
            if name.endswith(ending) and (rest := name.removesuffix(ending)):
                wanted |= {rest, f"{rest}s", f"{rest}_images", f"{rest}-images"}
        long = _LONG_MASKS.fullmatch(name) is not None
        # Most folders, and there may be ten thousand of classes, are called like nothing of this.
        above = files.folder("/".join(parts[:at])) if wanted or long else None
        if above is None:
            continue
        if name in MASK_FOLDERS and at == len(parts) - 1 and above.images:
            yield above
        for sibling in above.folders:
            its_name = sibling.name.lower()
            alike = long and _LONG_IMAGES.fullmatch(its_name) and split_word(its_name) == split_word(name)
            if (its_name in wanted or alike) and its_name != name:
                inner = "/".join(parts[at + 1 :])
                found = files.folder(f"{sibling.path}/{inner}" if inner else sibling.path)
                if found is not None and found.images:
                    yield found
    yield masks


def _match(files: "Files", images: "Folder", masks: "Folder", stems: list[str]) -> Pair | None:
    """The pair, where most masks of ``stems`` that are named in one way have an image."""
    good: dict[Naming, int] = {}
    for naming in _namings(stems):
        if images is masks and not (naming.mask_prefix or naming.mask_suffix):
            continue  # each image would be its own mask
        matching = [stem for stem in map(naming.image_of, stems) if stem is not None]
        # In one folder images come between the masks; Cityscapes has several masks an image.
        least = 1 if _city(naming) else (_LEAST_MASKS if images is masks else _LEAST_MATCHED) * len(stems)
        if len(matching) >= least:
            hits = sum(1 for stem in matching if with_stem(files, images.path, stem))
            if hits and hits >= _LEAST_MATCHED * len(matching) and hits >= _LEAST_MATCHED * least:
                good[naming] = hits
    if not good:
        return None
    best = min(good, key=lambda one: (_city(one), -good[one], _SUFFIXES.index(one.mask_suffix)))
    about = good[best]
    if len(stems) == _SNIFFED:  # there may be more
        about = max(min(about * masks.images // len(stems), images.images), 1)
    return Pair(images.path, masks.path, best, about)


def _city(naming: Naming) -> int:
    """Place among Cityscapes' kinds of mask, from 1; 0 for any other dataset."""
    return next((i for i, suffix in enumerate(CITYSCAPES_SUFFIXES, 1) if naming.mask_suffix.endswith(suffix)), 0)


def _namings(stems: list[str]) -> Iterator[Naming]:
    """Ways of naming that at least one of ``stems`` may follow as a mask."""
    prefixes = [prefix for prefix in _PREFIXES if any(stem.startswith(prefix) for stem in stems)]
    suffixes = [suffix for suffix in _SUFFIXES if any(stem.endswith(suffix) for stem in stems)]
    for prefix in prefixes:
        for suffix in suffixes:
            if any(_between(stem, prefix, suffix) for stem in stems):
                for image_prefix in _IMAGE_PREFIXES:
                    for image_suffix in _IMAGE_SUFFIXES:
                        yield Naming(prefix, suffix, image_prefix, image_suffix)


def _between(stem: str, prefix: str, suffix: str) -> str | None:
    """What stands between prefix and suffix; ``None`` where they are not there or nothing is between them."""
    if len(stem) <= len(prefix) + len(suffix) or not stem.startswith(prefix) or not stem.endswith(suffix):
        return None
    return stem[len(prefix) : len(stem) - len(suffix)]
