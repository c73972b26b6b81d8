"""Facts of the race of strategies: each trained for the same number of steps, judged on the same held-out images."""

from cvadvisor.facts.base import Estimate, facts, known, listed, optional


@facts
class RaceEntry:
    """One strategy of the race."""

    name: str = known("'probe', 'head', 'probe-then-full', 'head-then-full', 'full', 'layer-wise' or 'sgd'.")
    title: str = known("What it does, in a few words.")
    strategy: str = known("The recipe's strategy.")
    head_start: str = known("How its head starts: 'probe' or 'zero'.")
    head_epochs: int = known("Epochs of the planned run that train the head alone.", unit="epochs")
    optimizer: str = known("Its optimiser.")
    layer_decay: float = known("Each layer's rate over that of the layer after it.")
    learning_rate: float = known("Its peak learning rate.")
    steps: int = known("Steps it was trained for.", unit="steps")
    seeds: int = known("Runs with different batches, order and augmentation.")
    accuracy: Estimate = known("Accuracy on the images that choose, mean over runs.")
    loss: float = known("Loss on them, mean over runs.", unit="nats")
    behind: Estimate = known(
        "Points of accuracy behind the leader, image by image; over images and runs.", unit="points"
    )
    loss_behind: Estimate = known("Loss above the leader's, likewise.", unit="nats")


@facts
class RaceFacts:
    """Which strategy wins at equal steps, and which are level with it."""

    steps: int = known("Steps of each run.", unit="steps")
    planned_steps: int = known("Steps of the run that the recipe plans.", unit="steps")
    seeds: int = known("Runs of each strategy.")
    image_size_px: int = known("Side of the square input used.", unit="px")
    select_images: int = known("Held-out images that chose.", unit="images")
    leader: str = known("The strategy with the highest accuracy.")
    recommended: str = known(
        "The simplest strategy within a standard error of the leader, in accuracy and in loss; of equally simple ones "
        "the most accurate."
    )
    tied: bool = known("Whether the leader does not beat every other by two standard errors.")
    tied_with: int = known("Other strategies that the leader does not beat by two standard errors.")
    strategy: str = known("The recommended one as the recipe says it.")
    head_start: str = known("How its head starts.")
    head_epochs: int = known("Epochs that train its head alone.", unit="epochs")
    optimizer: str = known("Its optimiser.")
    layer_decay: float = known("Its layer decay.")
    learning_rate: float = known("Its peak learning rate.")
    rate_factor: float = known("That rate over the one that the recipe had planned before the race.")
    gain_over_probe: Estimate | None = optional(
        "Points of accuracy that the leader wins over the linear probe, image by image; unknown without pretrained "
        "features.",
        unit="points",
    )
    accuracy: Estimate | None = optional("The recommended strategy's accuracy on images that chose nothing.")
    left_out: tuple[str, ...] = listed("Strategies that there was no time for.")
    entries: tuple[RaceEntry, ...] = listed("The strategies, best first.")
