"""Facts that short training on the device measures."""

from cvadvisor.facts.base import facts, optional
from cvadvisor.facts.batch import BatchFacts
from cvadvisor.facts.features import FeatureFacts
from cvadvisor.facts.learning_rate import LearningRateFacts, LrFacts
from cvadvisor.facts.overfit import OverfitFacts
from cvadvisor.facts.race import RaceFacts


@facts
class ProbeFacts:
    """What was measured; a probe that did not run leaves its facts unknown."""

    features: FeatureFacts | None = optional("Frozen features.")
    overfit: OverfitFacts | None = optional("Overfit one batch.")
    lr_head: LearningRateFacts | None = optional("Range test of the head.")
    lr_full: LearningRateFacts | None = optional("Range test of the full network.")
    lr: LrFacts | None = optional("The learning rate, chosen by short annealed trials.")
    batch: BatchFacts | None = optional("Batch size, memory and speed.")
    race: RaceFacts | None = optional("Strategies raced at equal steps.")
