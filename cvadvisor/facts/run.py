"""Facts of one training run, read from its log.

What is called *in noise* is a difference over the noise of a single value: of how much neighbouring values differ by
chance (see :func:`cvadvisor.inspect.logs.curves.noise`). Epochs are those that the log counts; where it counts only
steps, they are steps, and rows where it counts nothing.
"""

from cvadvisor.facts.base import facts, known, optional


@facts
class CurveFacts:
    """What one series does. *Better* is lower for a loss or an error, and higher for any other metric."""

    column: str = known("What the log calls it.")
    points: int = known("Values it has, one an epoch where it is logged more often.")
    not_finite_epoch: float | None = optional("Where a value first is no finite number.")
    first: float | None = optional("First value.")
    last: float | None = optional("Last value: of five or more, the median of the last three.")
    best: float | None = optional("Best value, after each was replaced by the median of itself and its neighbours.")
    best_epoch: float | None = optional("Where that was.")
    last_epoch: float | None = optional("Where the last value was.")
    points_after_best: int | None = optional("Values after the best one.")
    noise: float | None = optional("Standard deviation of a single value around the curve; from four values on.")
    gain: float | None = optional("How much better the best value is than the first.")
    relative_gain: float | None = optional("The same over the size of the first.")
    fallback: float | None = optional("How much worse the last value is than the best; 0 where it is not.")
    relative_fallback: float | None = optional("The same over the size of the best.")
    fallback_in_noise: float | None = optional("The same in noise; 1,000 at most.")
    fallback_sureness: float | None = optional(
        "How much worse the later half of what follows the best is than what lies around the best, in standard errors."
    )
    late_gain: float | None = optional("How much better it got after its first fifth, over the best value in that.")
    start_ratio: float | None = optional("First value over the median of the others.")
    constant_share: float | None = optional("Share of the values that are exactly the commonest one; from three on.")
    zeros: int | None = optional("Values that are exactly 0.")
    next_gain: float | None = optional("What a quarter more of the run would gain at the slope of its last third.")
    relative_next_gain: float | None = optional("The same over the size of the last value.")
    slope_sureness: float | None = optional("That slope over its standard error: positive where it gets better.")
    spike_epoch: float | None = optional("Where the largest was.")
    spike_ratio: float | None = optional("The largest over what was usual around it.")
    collapse: float | None = optional(
        "Deepest fall below the best so far, over two values or more, as a share of the best."
    )
    collapse_epoch: float | None = optional("Where that began.")
    turning_share: float | None = optional("Share of the values that are a peak or a trough beyond noise.")
    relative_noise: float | None = optional("Noise over how far the values lie apart, highest from lowest.")


@facts
class ScheduleFacts:
    """What the learning rate does; of several groups of parameters, the one with the highest rate."""

    column: str = known("What the log calls it.")
    first: float = known("First value.")
    highest: float = known("Highest value.")
    last: float = known("Last value.")
    decay: float | None = optional("Last value over the highest.")
    zero_share: float = known("Share of its values, the first and the last tenth aside, that are 0.")
    tiny_from: float = known("Share of the run after which it stays below a thousandth of its highest; 1 if never.")
    tiny_after: float | None = optional("How many times as high it was a tenth of the run before.")
    climb: float | None = optional("How far the loss climbed while the rate did, over its lowest value in that time.")
    climb_in_noise: float | None = optional("The same in noise; 1,000 at most.")


@facts
class GradientFacts:
    """What the norm of the gradient does."""

    column: str = known("What the log calls it.")
    not_finite_share: float = known("Share of its values that are no finite number.")
    not_finite_epoch: float | None = optional("Where it first is none.")
    start: float | None = optional("Median of its first fifth.")
    end: float | None = optional("Median of its last fifth.")
    largest: float | None = optional("Largest value.")
    largest_epoch: float | None = optional("Where that was.")
    growth: float | None = optional("Largest value over the median of all; at most a billion.")


@facts
class RunFacts:
    """One training run."""

    path: str = known("The log's file name.")
    format: str = known("What kind of log it is.")
    number: int = known("Which run of its file, from 1.")
    of: int = known("Runs in its file.")
    rows: int = known("Rows read.")
    epochs: int = known("Epochs, or, where the log counts none, values of its longest series.", unit="epochs")
    planned_epochs: float | None = optional("Epochs that were planned.", unit="epochs")
    planned_share: float | None = optional("Share of the planned epochs that it has.")
    is_cut: bool = known("Whether the log ends in the middle of something.")
    cut: str | None = optional("In the middle of what.")
    stopped_early: bool = known("Whether it ended well after its best value, as early stopping makes it.")
    disordered_rows: int | None = optional("Rows that stand before rows of an earlier epoch or step.")
    unit: str = known("What it is counted in: epoch, step or row.")
    starts_anew: bool = known("Whether it begins with the first epoch, and does not resume.")
    has_validation: bool = known("Whether anything was measured on other images than the training's.")
    losses_are_finite: bool | None = optional("Whether every loss is a finite number.")
    not_finite_epoch: float | None = optional("Where a loss first is not.")
    train_loss: CurveFacts | None = optional("Training loss.")
    validation_loss: CurveFacts | None = optional("Validation loss.")
    metric: CurveFacts | None = optional("The task's metric on validation images: what the run is judged by.")
    train_metric: CurveFacts | None = optional("The same metric on training images.")
    has_train_metric: bool = known("Whether that metric was measured on training images too.")
    has_validation_loss: bool = known("Whether there is a validation loss.")
    metric_step: float = known("One over the validation images, where so few that the metric's steps show it; else 0.")
    has_metric: bool = known("Whether a metric of the task was measured on validation images.")
    judged: CurveFacts | None = optional("What the run is judged by: the metric, or else the validation loss.")
    judged_name: str | None = optional("What that is, in words.")
    spike_ratio: float | None = optional("The largest spike of a loss over what was usual around it; 0 without one.")
    spike_epoch: float | None = optional("Where that was.")
    metric_name: str | None = optional("What the metric is: accuracy, map, dice …")
    metric_is_share: bool | None = optional("Whether it lies between 0 and 1, and more is better.")
    metric_gap: float | None = optional("Training metric over validation metric at the end, as a difference.")
    loss_gap: float | None = optional("Validation loss over training loss at the end.")
    loss_gap_growth: float | None = optional("That ratio over what it was in the first third of the run.")
    equal_share: float | None = optional(
        "Share of the different training values that the validation value of the same epoch equals."
    )
    classes: int | None = optional("Classes, from the configuration or the dataset.")
    loss_over_chance: float | None = optional("Best validation loss (else training loss) over ln(classes).")
    metric_over_chance: float | None = optional("Best validation accuracy minus that of the largest class or a guess.")
    optimizer: str | None = optional("The optimiser's name, lower case.")
    learning_rate: ScheduleFacts | None = optional("The learning rate.")
    is_adaptive: bool | None = optional("Whether the optimiser is of Adam's kind, which needs rates of 0.01 and less.")
    peak_learning_rate: float | None = optional("Highest learning rate of the log, or else the configured one.")
    gradient: GradientFacts | None = optional("The gradient's norm.")
    slowdown: float | None = optional("Median seconds an epoch or step of the last third over those of the first.")
    data_share: float | None = optional("Share of a step's time that goes into waiting for data.")
