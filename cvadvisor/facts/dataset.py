"""Facts of a dataset: what is on disk, how it is split, and what is wrong with its files, labels, boxes and masks."""

from cvadvisor.facts.base import facts, known, listed, optional
from cvadvisor.facts.groups import GroupFacts
from cvadvisor.facts.leaks import LeakFacts
from cvadvisor.facts.shortcuts import ShortcutFacts


@facts
class ClassSize:
    """How often a class occurs in each split: readable images, or boxes where boxes are counted."""

    name: str = known("The class.")
    train: int = known("In training.")
    validation: int = known("In validation (0 where there is no such split).")
    test: int = known("In test (0 where there is no such split).")


@facts
class SizeCount:
    """Images of about one size: a cell of a grid whose steps are a quarter of an octave."""

    width_px: float = known("Mean width of the images in the cell.", unit="px")
    height_px: float = known("Mean height of the images in the cell.", unit="px")
    images: int = known("How many there are.", unit="images")


@facts
class FileProblem:
    """A file that was skipped or cannot be used, or an annotation that cannot."""

    path: str = known("Path relative to the dataset.")
    reason: str = known("Why, in a few words.")


@facts
class ImageExample:
    """An image that shows a finding."""

    path: str = known("Path relative to the dataset.")
    split: str = known("Its split.")
    label: str = known("Its class; several are separated by commas; empty where it has none.")
    measured: str = known("What was measured on it, with its unit.")


@facts
class Found:
    """Images of one kind: how many, and some to look at."""

    images: int = known("How many there are.", unit="images")
    share: float = known("Their share of the readable images.")
    examples: tuple[ImageExample, ...] = listed("The most extreme of them.")


@facts
class NamePair:
    """Two classes whose names may mean the same."""

    a: str = known("The one with more images.")
    b: str = known("The other.")
    why: str = known("'case', 'spelling' or 'plural'.")


@facts
class BoxExample:
    """A box that shows a finding."""

    path: str = known("The image, relative to the dataset.")
    split: str = known("Its split.")
    label: str = known("The box's class.")
    box: str = known("Left, top, width and height in pixels, and the image's size.")


@facts
class BoxesFound:
    """Boxes of one kind: how many, and some to look at."""

    boxes: int = known("How many there are.", unit="boxes")
    share: float = known("Their share of all boxes.")
    examples: tuple[BoxExample, ...] = listed("Some of them.")


@facts
class BoxFacts:
    """The boxes of an object-detection dataset."""

    boxes: int = known("Boxes, over all splits.", unit="boxes")
    class_boxes: tuple[ClassSize, ...] = listed("Boxes of each class in each split, largest training class first.")
    imbalance_ratio: float | None = optional(
        "Training boxes of the class with most per box of the class with fewest, of those that have any."
    )
    largest_class: str | None = optional("The class with most training boxes.")
    smallest_class: str | None = optional("The class with fewest training boxes, of those that have any.")
    images_without: int = known("Readable images that have no box.", unit="images")
    images_without_share: float = known("Their share of the readable images.")
    median_per_image: float | None = optional("Median number of boxes of an image that has any.", unit="boxes")
    most_per_image: int | None = optional("Most boxes in one image.", unit="boxes")
    median_area_share: float | None = optional("Median share of the image's area that a box covers.")
    median_side_px: float | None = optional("Median of the square root of a box's area.", unit="px")
    outside: BoxesFound = known("Boxes that reach more than a pixel and a hundredth of the side out of their image.")
    degenerate: BoxesFound = known("Boxes without area: a side of less than a pixel, or negative.")
    duplicate: BoxesFound = known("Boxes that repeat another of the same class in the image (IoU of 0.95 or more).")
    tiny: BoxesFound = known("Boxes whose longer side is under a hundredth of the image's, or under 4 px.")
    huge: BoxesFound = known("Boxes that cover 95 % of their image or more.")
    crowded: Found = known("Images with more than 100 boxes, which detectors cap by default.")


@facts
class ClassPixels:
    """How much of the masks a class covers."""

    name: str = known("The class.")
    share: float = known("Its share of the labelled pixels of training.")
    images: int = known("Masks it occurs in, over all splits.", unit="images")


@facts
class MaskFacts:
    """The masks of a semantic-segmentation dataset."""

    masks: int = known("Masks that decode.", unit="masks")
    kind: str = known("'index' (a value is a class) or 'colour' (a colour is a class).")
    class_pixels: tuple[ClassPixels, ...] = listed("Each class's share of the labelled pixels, largest first.")
    imbalance_ratio: float | None = optional(
        "Labelled training pixels of the class that covers most per pixel of the one that covers least."
    )
    smallest_class: str | None = optional("The class that covers least, of those that occur.")
    ignored_share: float | None = optional("Share of the pixels that are marked as no class (255, void).")
    images_without: Found = known("Images that have no mask.")
    unreadable: Found = known("Images whose mask cannot be decoded.")
    size_mismatch: Found = known("Images whose mask has another size.")
    unknown_values: Found = known("Images whose mask holds values that stand for no class.")
    empty: Found = known("Images whose mask is all background or void: nothing is marked in it.")
    lossy: Found = known("Images whose mask is stored as JPEG, which blurs indices into each other.")


@facts
class DatasetFacts:
    """A dataset as it lies on disk."""

    task: str = known("'classification', 'multi-label classification', 'detection' or 'segmentation'.")
    layout: str = known("How it is laid out.")
    layout_reason: str = known("What was seen that makes it this layout.")
    layout_notes: tuple[str, ...] = listed("Choices that were made in reading it.")
    layout_alternatives: tuple[str, ...] = listed("Other readings that were possible, and why they were not chosen.")
    files: int = known("Files found.", unit="files")
    images: int = known("Images in use: each has a place in a split.", unit="images")
    readable_images: int = known("Images in use that decode in full.", unit="images")
    unreadable_images: int = known(
        "Images in use that are empty, truncated or otherwise cannot be decoded.", unit="images"
    )
    unlabelled_images: int = known("Image files that nothing gives a label or a place to; left alone.", unit="images")
    missing_images: int = known("Images that the labels name and the disk lacks.", unit="images")
    mask_files: int = known("Image files that are masks.", unit="files")
    other_files: int = known(
        "Files that are no images: annotations, hidden and system files, and the rest.", unit="files"
    )
    unread_image_files: int = known(
        "Other files whose extension is that of an image format that is not read: HEIC, DICOM, camera raw …",
        unit="files",
    )
    skipped_files: int = known("Files and folders that cannot be used: no permission, no regular file …", unit="files")
    annotation_faults: int = known("Places in annotations that could not be used.")
    total_bytes: int = known("Size of all images in use.", unit="bytes")
    unreadable_examples: tuple[FileProblem, ...] = listed("Unreadable images, the first few.")
    unlabelled_examples: tuple[str, ...] = listed("Image files without a label, the first few.")
    unread_image_examples: tuple[str, ...] = listed("Images of formats that are not read, the first few.")
    missing_examples: tuple[str, ...] = listed("Missing images, the first few.")
    skipped_examples: tuple[FileProblem, ...] = listed("Skipped files, the first few.")
    annotation_fault_examples: tuple[FileProblem, ...] = listed("Unusable places in annotations, the first few.")

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
    proposed_validation_images: int | None = optional(
        "Training images that the audit sets aside for validation, where the dataset brings no such split.",
        unit="images",
    )

    imbalance_ratio: float | None = optional(
        "Training images of the largest class per image of the smallest non-empty one."
    )
    effective_classes: float | None = optional(
        "Number of equally large classes that would be as varied: exp(entropy of the training labels)."
    )
    class_gini: float | None = optional(
        "Gini coefficient of the training classes' sizes: 0 all alike, towards 1 uneven."
    )
    largest_class: str | None = optional("The class with most training images.")
    smallest_class: str | None = optional("The class with fewest training images, among those that have any.")
    largest_class_share: float | None = optional("Share of training images in the largest class.")
    smallest_class_images: int | None = optional("Training images of the smallest non-empty class.", unit="images")
    mean_class_images: float | None = optional("Training images a class, on average.", unit="images")
    median_class_images: float | None = optional("Training images of the class in the middle.", unit="images")
    tail_class_share: float | None = optional("Share of classes that have under a tenth of the largest class's images.")
    classes_missing_from_train: int = known("Classes that occur in validation or test but not in training.")
    missing_from_train: tuple[str, ...] = listed("Their names.")
    classes_missing_from_validation: int | None = optional("Training classes with no validation image.")
    missing_from_validation: tuple[str, ...] = listed("Their names.")
    smallest_validation_class_images: int | None = optional("Fewest validation images in a class.", unit="images")
    mirror_sensitive_classes: int = known(
        "Classes whose name says left, right, clockwise …, or is one of an alphabet or of the ten digits."
    )
    empty_classes: tuple[str, ...] = listed("Classes that the dataset declares and no readable image has.")
    empty_class_count: int = known("How many those are.")
    twin_classes: tuple[NamePair, ...] = listed("Classes whose names differ by case, spelling or a plural alone.")
    twin_class_count: int = known("How many such pairs there are.")
    case_twin_count: int = known("Pairs of them that differ by case, punctuation or a plural alone.")
    spelling_twin_count: int = known("Pairs of them that differ by one letter.")
    junk_classes: tuple[str, ...] = listed("Classes named like a rest: other, misc, unknown, skip …")
    junk_class_count: int = known("How many those are.")
    labels_per_image: float | None = optional("Labels an image has on average, where it may have several.")

    validation_label_shift: float | None = optional(
        "Total variation distance between the label distributions of training and validation: 0 alike, 1 disjoint."
    )
    validation_label_shift_by_chance: float | None = optional(
        "The 95th percentile of that distance if validation were drawn at random from training."
    )
    test_label_shift: float | None = optional("The same distance between training and test.")
    test_label_shift_by_chance: float | None = optional("Its 95th percentile by chance.")
    validation_size_ratio: float | None = optional("Median shorter side in validation over the one in training.")
    test_size_ratio: float | None = optional("Median shorter side in test over the one in training.")
    validation_colour_shift: float | None = optional(
        "Largest difference between the mean brightness or channel of validation and training, in standard deviations "
        "of an image."
    )
    test_colour_shift: float | None = optional("The same between test and training.")

    size_counts: tuple[SizeCount, ...] = listed("How many images have about which size, most frequent first.")
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
        "Median share of an image's gray-level variance that is lost when it is halved from 96 px and enlarged again."
    )
    channel_means: tuple[float, ...] = listed("Mean of red, green and blue over all pixels, for pixels in 0…1.")
    channel_stds: tuple[float, ...] = listed("Standard deviation of red, green and blue over all pixels, likewise.")
    cameras: int | None = optional("Camera models that EXIF data names; unknown where no image has any.")

    blank: Found | None = optional("Images in which almost every pixel has the same value.")
    dark: Found | None = optional("Images that are nearly black, and much darker than the others.")
    bright: Found | None = optional("Images that are nearly white, and much brighter than the others.")
    low_contrast: Found | None = optional("Images with hardly any contrast, and much less than the others.")
    blurred: Found | None = optional("Images with hardly any fine detail, and much less than the others.")
    noisy: Found | None = optional(
        "Images with strong noise between neighbouring pixels, and much more than the others."
    )
    overcompressed: Found | None = optional("JPEG files saved at a low quality, and much lower than the others.")
    tiny: Found | None = optional("Images whose shorter side is tiny, and much shorter than the others'.")
    extreme_aspect: Found | None = optional("Images that are very long or very wide, unlike the others.")
    gray_in_colour: Found | None = optional("Images without colour in a dataset in colour.")
    transparent: Found | None = optional("Images with transparent pixels, which a naive loader shows or hides.")
    cmyk: Found | None = optional("CMYK images, which a naive loader turns to wrong colours or refuses.")
    deep: Found | None = optional("Images of more than 8 bits a channel, which a naive loader clips to white.")
    animated: Found | None = optional("Files with several frames, of which loaders read the first.")
    rotated: Found | None = optional("Images that EXIF data turns and many loaders do not.")
    misnamed: Found | None = optional("Images whose extension names another format.")
    damaged: Found | None = optional(
        "Images that decode with a complaint of the decoder: some of their pixels are wrong."
    )
    bordered: Found | None = optional("Images with a border of one colour along two opposite sides.")

    leak: LeakFacts | None = optional("Images that occur more than once: in two splits, in training, in two classes.")
    shortcuts: ShortcutFacts | None = optional(
        "What metadata gives away of the classes; unknown without two classes of ten training images or more."
    )
    group: GroupFacts | None = optional("Groups: which images belong together, and whether the splits keep them so.")
    box: BoxFacts | None = optional("Boxes, where the task is detection.")
    mask: MaskFacts | None = optional("Masks, where the task is segmentation.")
