"""Facts of one training run, read from its log."""

from cvadvisor.facts.base import facts, known, optional


@facts
class RunFacts:
    """One training run, a row an epoch."""

    path: str = known("The log's file name.")
    epochs: int = known("Rows read.", unit="epochs")
    losses_are_finite: bool = known("Whether every loss in the log is a finite number.")
    first_train_loss: float | None = optional("Training loss of the first row.")
    last_train_loss: float | None = optional("Training loss of the last row.")
    last_validation_loss: float | None = optional("Validation loss of the last row.")
    best_validation_loss: float | None = optional("Lowest validation loss.")
    best_validation_loss_epoch: int | None = optional(
        "Row of the lowest validation loss, counted from 1.", unit="epochs"
    )
    validation_loss_rise: float | None = optional("Last validation loss over the lowest one, minus 1.")
    best_validation_accuracy: float | None = optional("Highest validation accuracy.")
    last_validation_accuracy: float | None = optional("Validation accuracy of the last row.")
    highest_learning_rate: float | None = optional("Highest learning rate in the log.")
    last_learning_rate: float | None = optional("Learning rate of the last row.")
    learning_rate_decay: float | None = optional("Last learning rate over the highest one.")
