"""Facts of shortcuts: how much of the classes the files' metadata gives away, without a look at any picture."""

from cvadvisor.facts.base import Estimate, facts, known, listed, optional


@facts
class MetadataKind:
    """What one kind of metadata tells of the classes, by cross-validation.

    ``closed_share`` is the larger of two shares of a way: that of accuracy, from the largest class's share to 1, and
    that of balanced accuracy, from chance to 1; each goes to the lower end of its 95 % interval. Of size, only what it
    adds to shape alone counts.
    """

    name: str = known("'size', 'shape', 'format', 'compression', 'camera', 'border', 'colour', 'name', 'number' …")
    what: str = known("What was looked at, in words.")
    split: str = known("The split whose images were judged.")
    accuracy: Estimate = known("Share of the images whose class it tells, knowing how frequent each class is.")
    majority_share: float = known("Share that always naming the largest class gets right.")
    balanced_accuracy: Estimate = known("Recall averaged over the classes, all taken for equally frequent.")
    chance_share: float = known("Balanced accuracy by chance: one over the number of classes.")
    closed_share: float = known("How far it surely goes from guessing (0) to knowing every class (1).")
    chance_probability: float = known("Probability of as high an accuracy if it told nothing: binomial, one-sided.")
    evidence: str = known("The value that sets one class apart most, and how frequent it is in that class and others.")
    validation_closed_share: float | None = optional(
        "How much of the way from chance to 1 the balanced accuracy on validation goes, learnt from training."
    )


@facts
class GivenAway:
    """A class that one kind of metadata sets apart from all others.

    ``told_apart`` is the share of the class that is told from the others, less the share of the others that is taken
    for it, by cross-validation; of size, what it adds to shape alone.
    """

    label: str = known("The class.")
    kind: str = known("The kind of metadata.")
    what: str = known("What was looked at, in words.")
    value: str = known("The value that sets it apart.")
    class_share: float = known("Share of the class's training images that have it.")
    others_share: float = known("Share of the other training images that have it.")
    told_apart: Estimate = known("How well it is told from the others: 0 by chance, 1 without an error.")
    validation_told_apart: float | None = optional("The same on validation, learnt from training.")


@facts
class PairsApart:
    """Pairs of classes that one kind of metadata tells apart with almost no error."""

    what: str = known("What was looked at, in words.")
    pairs: int = known("Pairs of classes of which it tells 95 % of the images right.")
    share: float = known("Their share of all pairs.")
    evidence: str = known("A value that some of the classes have and others do not.")


@facts
class ShortcutFacts:
    """What metadata gives away of the classes: of the training images, a sample where there are many."""

    images: int = known("Training images that were judged.", unit="images")
    classes: int = known("Classes compared: the largest with ten training images or more.")
    together: MetadataKind = known("All kinds together that a model could see.")
    strongest: MetadataKind = known("The kind that tells most, of those that say how a file was made.")
    shape: MetadataKind = known("The ratio of width to height alone, which may follow from what is shown.")
    order: MetadataKind = known("What tells most of file names, numbers in them and the time in EXIF data.")
    pairs: PairsApart = known("The kind that tells most pairs of classes apart.")
    most_given_away: GivenAway = known("The class that is set apart most.")
    most_given_away_by_shape: GivenAway = known("The class that the ratio of width to height alone sets apart most.")
    kinds: tuple[MetadataKind, ...] = listed("Every kind alone, the one that tells most first.")
    given_away: tuple[GivenAway, ...] = listed("Classes that are set apart at least half, the first few.")
