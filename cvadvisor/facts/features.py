"""Facts that one pass of the frozen backbone over the images gives."""

from cvadvisor.facts.base import Estimate, facts, known, listed, optional


@facts
class LabelSuspect:
    """A training image whose label the other images contradict."""

    path: str = known("File, relative to the dataset.")
    label: str = known("The class it is filed under.")
    suggested: str = known("The class that a classifier trained on the other images gives it.")
    label_probability: float = known("Out-of-fold probability of the class it is filed under.")
    suggested_probability: float = known("Out-of-fold probability of the suggested class.")


@facts
class LeakEffectFacts:
    """What held-out images that training holds too do to the score, on the images that the frozen features used.

    A leaked image is always used together with a training image that it is the same as. A linear classifier remembers
    single images less than a network that is fine-tuned: the effect on that may be larger.
    """

    leaked_images: int = known("Held-out images used that are the same image as a training image.", unit="images")
    clean_images: int = known("The other held-out images used.", unit="images")
    linear_leaked_accuracy: Estimate | None = optional(
        "The linear classifier's accuracy on the leaked images; unknown without one, or with fewer than 5 others."
    )
    linear_clean_accuracy: Estimate | None = optional(
        "The linear classifier's accuracy without the leaked images; unknown in the same cases."
    )
    linear_inflation: Estimate | None = optional(
        "Points by which the leaked images raise the linear classifier's accuracy on the held-out images; unknown "
        "where none of the images used leaked, or fewer than 5 did not.",
        unit="points",
    )
    linear_inflation_error: float | None = optional("Standard error of that.", unit="points")
    knn_leaked_accuracy: Estimate | None = optional("The nearest neighbours' accuracy on the leaked images.")
    knn_clean_accuracy: Estimate | None = optional("The nearest neighbours' accuracy without the leaked images.")
    knn_inflation: Estimate | None = optional(
        "Points by which the leaked images raise the nearest neighbours' accuracy.", unit="points"
    )
    knn_inflation_error: float | None = optional("Standard error of that.", unit="points")


@facts
class StatisticsFacts:
    """Which batch-norm statistics suit the data: those of pretraining, or those of the training images.

    The same regression, with its penalty chosen anew, on the features that either gives; compared image by image.
    """

    images: int = known("Training images that the statistics were measured anew on, without labels.", unit="images")
    source_accuracy: Estimate = known("Accuracy on held-out images with the statistics of pretraining.")
    adapted_accuracy: Estimate = known("Accuracy on held-out images with the statistics of the training images.")
    adapted_gain: Estimate = known("Adapted minus source accuracy on held-out images.", unit="points")
    fold_log_loss_gain: Estimate = known(
        "Source minus adapted log loss, out of fold on training images: positive where adapted ones are better.",
        unit="nats",
    )
    best: str = known(
        "'adapted' where the training folds choose it and held-out images confirm it, both by two standard errors, "
        "else 'source'."
    )


@facts
class ScalingPoint:
    """Accuracy with a part of the training images."""

    images: int = known("Training images.", unit="images")
    draws: int = known("Draws of so many images.")
    accuracy: Estimate = known("Mean accuracy over the draws on held-out images.")


@facts
class ScalingFacts:
    """How accuracy grows with the number of training images: logistic regressions on features, on nested draws."""

    points: tuple[ScalingPoint, ...] = listed("Accuracy by number of training images, rising.")
    exponent: float = known("c of the fitted curve error = b · images^-c: 0 means that more images bring nothing.")
    predicted_images: int = known("Twice the training images used.", unit="images")
    predicted_accuracy: Estimate = known("Accuracy that the curve gives for them.")
    doubling_gain: Estimate = known("What doubling the training images should bring.", unit="points")


@facts
class ShiftSuspect:
    """A held-out image that does not look like training."""

    path: str = known("File, relative to the dataset.")
    label: str = known("Its class.")
    held_out_score: float = known("How strongly a classifier takes it for a held-out image, 0.5 being undecided.")


@facts
class ShiftFacts:
    """Can a classifier tell held-out from training images of the same class?"""

    train_images: int = known("Training images compared.", unit="images")
    held_out_images: int = known("Held-out images compared, without leaked ones.", unit="images")
    auc: Estimate = known(
        "Chance that a held-out image of a class scores above a training image of that class, out of fold: 0.5 means "
        "that nothing tells them apart; far below means that images repeat across the splits."
    )
    examples: tuple[ShiftSuspect, ...] = listed("The held-out images that give it away most.")


@facts
class Outlier:
    """A training image far from all others."""

    path: str = known("File, relative to the dataset.")
    label: str = known("The class it is filed under.")
    deviations: float = known("Robust standard deviations by which it is farther from its neighbours than is usual.")


@facts
class OutlierFacts:
    """Training images that lie far from all others, of whichever class."""

    images: int = known("Training images looked at.", unit="images")
    found: int = known("Those that lie far out.", unit="images")
    share: float = known("Their share.")
    examples: tuple[Outlier, ...] = listed("The farthest.")


@facts
class ConfusedPair:
    """Two classes that are taken for each other."""

    first: str = known("One class.")
    second: str = known("The other.")
    first_as_second: int = known("Images of the first that are taken for the second.", unit="images")
    second_as_first: int = known("Images of the second that are taken for the first.", unit="images")
    images: int = known("Images of both.", unit="images")
    share: Estimate = known("Share of the images of both that are taken for the other.")
    times_usual: float = known("That share over the mean of all other pairs, which has one image added.")
    p: float = known("Chance of so many where all pairs are alike, times the number of pairs; at most 1.")


@facts
class ConfusedImage:
    """A training image that is taken for the other class of the most confused pair."""

    path: str = known("File, relative to the dataset.")
    label: str = known("Its class.")
    predicted: str = known("The class it is taken for, out of fold.")


@facts
class ConfusionFacts:
    """Which classes are taken for each other, by out-of-fold predictions of training images."""

    pairs: tuple[ConfusedPair, ...] = listed("The most confused pairs, by the surest share first.")
    worst: ConfusedPair | None = optional("The first of them; unknown where no two classes are confused.")
    error_share: float | None = optional("The worst pair's share of all errors.")
    examples: tuple[ConfusedImage, ...] = listed("Images of the worst pair that are taken for the other class.")


@facts
class ClassValue:
    """What more images bring to one class."""

    label: str = known("The class.")
    images: int = known("Its training images used.", unit="images")
    recall: Estimate = known("Share of its held-out images that are recognised, with all training images.")
    error_share: float = known("Its share of all errors on held-out images.")
    gain: Estimate = known(
        "Slope of its recall for each doubling of all training images, over the draws.", unit="points"
    )


@facts
class ClassValueFacts:
    """Which classes gain from more images. All classes grow together in the draws: a class's own share is not apart."""

    classes: tuple[ClassValue, ...] = listed("The classes that gain most, surest first.")
    mean_gain: float = known("Mean gain over classes.", unit="points")
    best: ClassValue | None = optional(
        "The class whose gain is surely above the mean of all; unknown where no class can be told from the others."
    )


@facts
class LeakCandidate:
    """A training and a held-out image that are the same image, which the dataset stage had not found."""

    split_a: str = known("Split of the first file.")
    path_a: str = known("First file, relative to the dataset.")
    label_a: str = known("Class of the first file.")
    split_b: str = known("Split of the second file.")
    path_b: str = known("Second file, relative to the dataset.")
    label_b: str = known("Class of the second file.")
    cosine: float = known("Cosine of the two images' features about their mean.")


@facts
class LeakCandidateFacts:
    """Pairs across the splits with nearly the same features, that were not known as leaked."""

    candidates: int = known("Pairs with nearly the same features, looked at pixel by pixel.")
    found: int = known("Held-out images that this confirmed to be the same image as a training image.", unit="images")
    pairs: tuple[LeakCandidate, ...] = listed("The confirmed pairs, the surest first.")


@facts
class FeatureFacts:
    """What the frozen backbone's features alone can do, from one pass over the images."""

    train_images: int = known("Training images used.", unit="images")
    validation_images: int = known("Held-out images used.", unit="images")
    image_size_px: int = known("Side of the square input used.", unit="px")
    held_out_from: str = known("'validation' (the dataset's own) or 'train' (a stratified fifth held back).")
    majority_accuracy: float = known("Accuracy of always answering with the largest training class.")
    knn_accuracy: Estimate = known("Accuracy of the nearest training neighbours by cosine, on held-out images.")
    linear_accuracy: Estimate = known("Accuracy of a logistic regression on the features, on held-out images.")
    linear_macro_f1: float = known("Its F1 averaged over classes.")
    linear_train_accuracy: float = known("Its accuracy on the images it was fitted to.")
    linear_log_loss: float = known("Its mean negative log-likelihood on held-out images.", unit="nats")
    linear_l2: float = known("The L2 penalty that held-out folds of the training images chose.")
    label_check_images: int | None = optional(
        "Training images whose labels were checked: fewer than were used, where classes are many or have under five.",
        unit="images",
    )
    label_check_classes: int | None = optional("Classes whose labels were checked.")
    label_check_accuracy: float | None = optional(
        "Share of training labels that a classifier trained on the other images predicts; the check is as good as this."
    )
    label_suspects: int | None = optional("Training images whose label looks wrong.", unit="images")
    label_suspect_share: float | None = optional("Their share of the training images looked at.")
    label_suspect_examples: tuple[LabelSuspect, ...] = listed("The most suspicious, worst first.")
    label_noise: Estimate | None = optional(
        "Share of training labels that are wrong, estimated. The interval is as wide as the check is unsure itself."
    )
    leak: LeakEffectFacts | None = optional("What leaked images do to the score.")
    statistics: StatisticsFacts | None = optional(
        "Which batch-norm statistics suit the data; unknown without batch normalisation."
    )
    source_distance: float | None = optional(
        "How unlike the source the images are: Kullback-Leibler divergence of a channel's Gaussian before batch "
        "normalisation, images of the dataset from those of pretraining, mean over channels and layers. "
        "About 0.01 for photographs, 0.1 for digits, 1 and more for noise; small inputs add to it.",
        unit="nats",
    )
    scaling: ScalingFacts | None = optional("How accuracy grows with the number of training images.")
    shift: ShiftFacts | None = optional(
        "Whether held-out images differ from training ones; unknown where they were drawn from training."
    )
    confusion: ConfusionFacts | None = optional("Which classes are taken for each other.")
    outliers: OutlierFacts | None = optional("Training images far from all others.")
    class_value: ClassValueFacts | None = optional("Which classes gain from more images.")
    leak_search: LeakCandidateFacts | None = optional("Images that leaked and that the dataset stage had not found.")
    left_out: tuple[str, ...] = listed("Analyses that the time was too short for.")
