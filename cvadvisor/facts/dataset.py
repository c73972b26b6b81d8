"""Facts of a dataset: what is on disk, how it is split, and what is wrong with its files."""

from cvadvisor.facts.base import facts, known, listed, optional


@facts
class ClassSize:
    """How many readable images a class has in each split."""

    name: str = known("The class, as its folder is named.")
    train: int = known("Training images.", unit="images")
    validation: int = known("Validation images (0 where there is no such split).", unit="images")
    test: int = known("Test images (0 where there is no such split).", unit="images")


@facts
class UnreadableFile:
    """An image file that could not be decoded in full."""

    path: str = known("Path relative to the dataset.")
    reason: str = known("Why it could not be read, in a few words.")


@facts
class ImagePair:
    """Two files that hold the same image."""

    split_a: str = known("Split of the first file.")
    path_a: str = known("First file, relative to the dataset.")
    label_a: str = known("Class of the first file.")
    split_b: str = known("Split of the second file.")
    path_b: str = known("Second file, relative to the dataset.")
    label_b: str = known("Class of the second file.")
    tier: str = known("'byte-identical' or 'same pixels' (another file that decodes to the same pixels).")


@facts
class DatasetFacts:
    """An image-classification dataset as it lies on disk."""

    layout: str = known("'class folders with splits' or 'class folders'.")
    train_folder: str = known("Folder of the training classes, relative to the dataset; '.' for the dataset itself.")
    validation_folder: str | None = optional("Folder of the validation classes, relative to the dataset.")
    test_folder: str | None = optional("Folder of the test classes, relative to the dataset.")
    files: int = known("Files found below the dataset's folder.", unit="files")
    images: int = known("Files with an image's extension, inside a class folder.", unit="images")
    readable_images: int = known("Images that decode in full.", unit="images")
    unreadable_images: int = known("Images that are empty, truncated or otherwise cannot be decoded.", unit="images")
    other_files: int = known("Files that are no image or lie outside every class folder; left alone.", unit="files")
    total_bytes: int = known("Size of all image files.", unit="bytes")

    classes: int = known("Classes, over all splits.")
    class_sizes: tuple[ClassSize, ...] = listed("Images of each class in each split, largest training class first.")
    train_images: int = known("Readable training images.", unit="images")
    validation_images: int | None = optional("Readable validation images; unknown without such a split.", unit="images")
    test_images: int | None = optional("Readable test images; unknown without such a split.", unit="images")
    has_validation_split: bool = known("Whether the dataset brings a validation split.")
    has_test_split: bool = known("Whether the dataset brings a test split.")
    validation_share: float | None = optional("Validation images per training image.")
    validation_standard_error: float | None = optional(
        "Largest standard error that an accuracy on the validation split can have: sqrt(0.25 / n)."
    )

    imbalance_ratio: float | None = optional(
        "Training images of the largest class per image of the smallest non-empty one."
    )
    largest_class: str | None = optional("The class with most training images.")
    smallest_class: str | None = optional("The class with fewest training images, among those that have any.")
    largest_class_share: float | None = optional("Share of training images in the largest class.")
    smallest_class_images: int | None = optional("Training images of the smallest non-empty class.", unit="images")
    mean_class_images: float | None = optional("Training images a class, on average.", unit="images")
    classes_missing_from_train: int = known("Classes that occur in validation or test but not in training.")
    missing_from_train: tuple[str, ...] = listed("Their names.")
    classes_missing_from_validation: int | None = optional("Training classes with no validation image.")
    missing_from_validation: tuple[str, ...] = listed("Their names.")
    smallest_validation_class_images: int | None = optional("Fewest validation images in a class.", unit="images")
    mirror_sensitive_classes: int = known(
        "Classes whose name is a single letter or digit, or says left, right, clockwise …: mirroring changes them."
    )

    median_width_px: float | None = optional("Median width.", unit="px")
    median_height_px: float | None = optional("Median height.", unit="px")
    median_short_side_px: float | None = optional("Median of the shorter side.", unit="px")
    smallest_short_side_px: int | None = optional("Shortest side of any readable image.", unit="px")
    median_aspect_ratio: float | None = optional("Median of longer side over shorter side.")
    extreme_aspect_share: float | None = optional(
        "Share of images more than three times as long as wide, or the reverse."
    )
    grayscale_share: float | None = optional("Share of images without colour.")
    fine_detail_share: float | None = optional(
        "Median share of an image's gray-level variance that is lost when it is halved from 128 px and enlarged again."
    )
    blank_images: int | None = optional("Images in which almost every pixel has the same value.", unit="images")

    unreadable_examples: tuple[UnreadableFile, ...] = listed("Unreadable files, the first few.")
    leaked_validation_images: int | None = optional(
        "Validation images whose pixels are also in training.", unit="images"
    )
    leaked_validation_share: float | None = optional("Their share of the validation split.")
    leaked_test_share: float | None = optional("Leaked test images as a share of the test split.")
    leaked_test_images: int | None = optional(
        "Test images whose pixels are also in training or validation.", unit="images"
    )
    duplicate_training_images: int = known("Training images that repeat another of the same class.", unit="images")
    conflicting_label_images: int = known("Images that occur under two classes.", unit="images")
    leak_examples: tuple[ImagePair, ...] = listed("Pairs across splits, the first few.")
    conflict_examples: tuple[ImagePair, ...] = listed("Pairs under two classes, the first few.")
