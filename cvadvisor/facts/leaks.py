"""Facts of images that occur more than once: in two splits, under two classes, or twice in one."""

from cvadvisor.facts.base import facts, known, listed, optional

BYTES, PIXELS, CHANGED, SCENE, SIMILAR = (
    "byte-identical",
    "same pixels",
    "same image, transformed",
    "same scene",
    "similar",
)
TIERS = (BYTES, PIXELS, CHANGED, SCENE, SIMILAR)
"""In how many ways two files may show the same, the surest first."""
EXACT = (BYTES, PIXELS)
SAME_IMAGE = (*EXACT, CHANGED)
"""The tiers in which two files are one image."""


@facts
class ImagePair:
    """Two files that show the same image, the same scene, or something alike."""

    split_a: str = known("Split of the first file.")
    path_a: str = known("First file, relative to the dataset.")
    label_a: str = known("Class of the first file; several are separated by commas.")
    split_b: str = known("Split of the second file.")
    path_b: str = known("Second file, relative to the dataset.")
    label_b: str = known("Class of the second file.")
    tier: str = known(
        "'byte-identical', 'same pixels' (another file that decodes to the same pixels), 'same image, transformed', "
        "'same scene' or 'similar'."
    )
    transform: str = known("What makes the second file of the first: 'mirrored', 'cropped to 80 %' …; may be empty.")
    score: float = known("How far the two agree, 0 to 1: 1 for the same pixels.")


@facts
class LeakTier:
    """How many images occur more than once in one way. Each counts in its first tier only, in the order above."""

    tier: str = known("As in ImagePair.")
    train_images: int = known("Training images beyond the first of each image or scene.", unit="images")
    validation_images: int | None = optional("Validation images that training holds too.", unit="images")
    validation_share: float | None = optional("Their share of the validation split.")
    test_images: int | None = optional("Test images that training or validation holds too.", unit="images")
    test_share: float | None = optional("Their share of the test split.")


@facts
class LeakFacts:
    """Images that occur more than once. 'The same image' means the first three tiers."""

    validation_images: int | None = optional(
        "Validation images that are the same image as a training image; unknown without such a split.", unit="images"
    )
    validation_share: float | None = optional("Their share of the validation split.")
    validation_kinds: str | None = optional("How many of them in which way, in words; unknown where there are none.")
    test_images: int | None = optional(
        "Test images that are the same image as a training or validation image; unknown without such a split.",
        unit="images",
    )
    test_share: float | None = optional("Their share of the test split.")
    test_kinds: str | None = optional("How many of them in which way, in words; unknown where there are none.")
    repeated_train_images: int = known("Training images beyond the first of each image in each class.", unit="images")
    conflicting_images: int = known(
        "Different images that occur under two classes or more, in whichever splits.", unit="images"
    )
    scene_validation_images: int | None = optional(
        "Further validation images that show the same scene as a training image.", unit="images"
    )
    scene_validation_share: float | None = optional("Their share of the validation split.")
    scene_test_images: int | None = optional(
        "Further test images that show the same scene as a training or validation image.", unit="images"
    )
    scene_test_share: float | None = optional("Their share of the test split.")
    clean_moved_images: int | None = optional(
        "Images that the proposed clean split moves to another split; unknown where there is nothing to clean.",
        unit="images",
    )
    clean_dropped_images: int | None = optional("Images that it leaves out of every split.", unit="images")
    tiers: tuple[LeakTier, ...] = listed("The counts by tier; tiers without an image are left out.")
    validation_pairs: tuple[ImagePair, ...] = listed("Leaked validation images beside a training image of each tier.")
    test_pairs: tuple[ImagePair, ...] = listed("Leaked test images beside a training or validation image.")
    conflicts: tuple[ImagePair, ...] = listed("Images under two classes.")
    repeats: tuple[ImagePair, ...] = listed("Training images beside an earlier one that they repeat.")
    validation_scenes: tuple[ImagePair, ...] = listed("Validation images beside a training image of the same scene.")
    test_scenes: tuple[ImagePair, ...] = listed("Test images beside an earlier split's image of the same scene.")
