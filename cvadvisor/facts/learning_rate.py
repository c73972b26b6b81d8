"""Facts of the learning rate: range tests, and short annealed trials of the planned recipe."""

from cvadvisor.facts.base import Estimate, facts, known, listed, optional


@facts
class FinderPicks:
    """The rates that common finders would pick from one of our range tests; they are shown, and not followed."""

    fastai_valley: float | None = optional("fastai's default: the middle of the longest stretch of falling loss.")
    fastai_steep: float | None = optional("fastai's 'steep': the rate of the steepest fall over log(rate).")
    fastai_minimum: float | None = optional("fastai's 'minimum': a tenth of the rate with the lowest loss.")
    torch_lr_finder: float | None = optional("torch-lr-finder: the step of the steepest fall.")
    lightning: float | None = optional("Lightning: the steepest fall over the rate itself, without its ends.")


@facts
class LearningRateFacts:
    """A learning-rate range test: the rate rises exponentially while the loss is watched."""

    phase: str = known("'head' (backbone frozen) or 'full' (every layer).")
    optimizer: str = known("The optimiser it was run with.")
    batch_images: int = known("Images a step.", unit="images")
    image_size_px: int = known("Side of the square input used.", unit="px")
    steps: int = known("Steps of the longest run.", unit="steps")
    seeds: int = known("Runs with different batches and order.")
    lowest_tried: float = known("Where the rate started.")
    highest_tried: float = known("Where it ended: at divergence or at the end of the range.")
    loss_fell: bool = known("Whether the loss fell at any rate; if not, there is nothing to pick.")
    steepest: Estimate | None = optional(
        "The rate at which the loss fell fastest over log(rate): of the mean curve, with the range over single runs."
    )
    highest_improving: Estimate | None = optional(
        "The highest rate at which the loss still clearly fell: of the mean curve, with the range over single runs."
    )
    diverges_at: float | None = optional("The lowest rate, over seeds, at which the loss left its best for good.")
    finders: FinderPicks | None = optional("What common finders would pick from the first run.")


@facts
class RateTrial:
    """One learning rate, tried for a number of steps and judged on held-out images."""

    rate: float = known("Peak learning rate.")
    steps: int = known("Steps of each run, annealed to zero.", unit="steps")
    seeds: int = known("Runs.")
    loss: float = known("Mean loss on the images that choose, over runs.", unit="nats")
    accuracy: float = known("Mean accuracy on them.")
    broke_down: bool = known("Whether a run ended no better than a model that knows nothing.")


@facts
class BestAtSteps:
    """The best rate of runs of one length."""

    steps: int = known("Steps of each run.", unit="steps")
    best: float = known("The best rate at this length.")


@facts
class LrFacts:
    """The learning rate for the planned run, from short annealed trials of the recipe, judged on held-out loss."""

    best: float = known(
        "The recommended peak learning rate, every layer training: of rates within noise the highest, as short trials "
        "favour low ones."
    )
    low: float = known("The lowest rate whose held-out loss is within noise of the best (two standard errors).")
    high: float = known("The highest such rate.")
    optimizer: str = known("The optimiser of the trials.")
    batch_images: int = known("Images a step.", unit="images")
    image_size_px: int = known("Side of the square input used.", unit="px")
    planned_steps: int = known("Steps of the run that the recipe plans.", unit="steps")
    trial_steps: int = known("Steps of the longest trials.", unit="steps")
    steps_total: int = known("Steps of all trials together.", unit="steps")
    trials: int = known("Runs in all.")
    seeds: int = known("Runs with different batches, order and augmentation at the longest length.")
    select_images: int = known("Held-out images that chose.", unit="images")
    start_loss: float = known("Their loss before any step.", unit="nats")
    best_loss: float = known("Their loss after the longest trials at the rate nearest to the best.", unit="nats")
    gain: Estimate = known("Their loss before any step minus the one at the best rate, with its 95 % interval.")
    best_by_seed: Estimate | None = optional(
        "The best rate, with the range of the best rates of single runs at the longest length; with one run unknown."
    )
    at_edge: bool = known("Whether the best rate is the lowest or the highest that was tried: the best may lie beyond.")
    cliff: float | None = optional("The lowest rate tried that broke down.")
    cliff_ratio: float | None = optional("That rate over the best one.")
    steps_exponent: float | None = optional(
        "How the best rate moves with the length of a run: the slope of its logarithm over that of the steps."
    )
    warmup_share: float = known("Share of warm-up steps of the trials.")
    longer_warmup_share: float | None = optional("A longer warm-up that was tried at the best rate.")
    longer_warmup_gain: Estimate | None = optional("Loss that the longer warm-up saves, with its 95 % interval.")
    by_steps: tuple[BestAtSteps, ...] = listed("The best rate at each length, shortest first.")
    tried: tuple[RateTrial, ...] = listed("Everything that was tried.")
