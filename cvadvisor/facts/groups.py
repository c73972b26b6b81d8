"""Facts of groups: images of one person, recording or place, which belong in one split."""

from cvadvisor.facts.base import facts, known, listed, optional


@facts
class GroupCandidate:
    """A way to group the images that was looked at."""

    what: str = known("What names the groups: a column, a part of the file names, folders, EXIF times …")
    groups: int = known("Groups of two images or more.")
    images: int = known("Images in them.", unit="images")
    examples: tuple[str, ...] = listed("Some of the groups' names.")
    likeness: float | None = optional(
        "Mean correlation of what two images of a group look like, about the mean of their classes and splits: 0 by "
        "chance, 1 alike; unknown where there is nothing to compare."
    )
    likeness_by_chance: float | None = optional(
        "The most that it was when groups were shuffled within class and split."
    )
    p: float | None = optional("Share of up to 999 shuffles, the groups themselves among them, at least as alike.")
    verdict: str = known("'believed', or why it is not.")


@facts
class GroupPair:
    """Two images of one group in two splits."""

    group: str = known("The group.")
    split_a: str = known("Split of the first image.")
    path_a: str = known("First image, relative to the dataset.")
    label_a: str = known("Class of the first image; several are separated by commas.")
    split_b: str = known("Split of the second image.")
    path_b: str = known("Second image, relative to the dataset.")
    label_b: str = known("Class of the second image.")


@facts
class GroupFacts:
    """What belongs together, and whether the splits keep it together."""

    what: str | None = optional("What names the groups that are believed; unknown where none are.")
    certainty: str | None = optional(
        "'named' by the user, 'confirmed' by what the images look like, 'likely' (a column's name, or weaker likeness) "
        "or 'scenes' (pictures of one scene, whatever their names)."
    )
    evidence: str | None = optional("What speaks for them, in a sentence.")
    groups: int | None = optional("Groups, over all splits; images that are in none do not count.")
    train_groups: int | None = optional("Groups in training.")
    validation_groups: int | None = optional("Groups in validation.")
    test_groups: int | None = optional("Groups in test.")
    shared_validation_images: int | None = optional(
        "Validation images of groups that training holds too; unknown without groups or such a split.", unit="images"
    )
    shared_validation_share: float | None = optional("Their share of the validation split.")
    shared_test_images: int | None = optional(
        "Test images of groups that training or validation holds too; unknown without groups or such a split.",
        unit="images",
    )
    shared_test_share: float | None = optional("Their share of the test split.")
    validation_pairs: tuple[GroupPair, ...] = listed("Validation images beside training images of their group.")
    test_pairs: tuple[GroupPair, ...] = listed("Test images beside training or validation images of their group.")
    candidates: tuple[GroupCandidate, ...] = listed("Every way to group the images that was looked at.")
