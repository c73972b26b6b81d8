"""The vocabulary: typed, documented facts. This package imports nothing else of ours."""

from cvadvisor.facts.base import Estimate, facts, optional
from cvadvisor.facts.dataset import DatasetFacts
from cvadvisor.facts.hardware import HardwareFacts
from cvadvisor.facts.model import ModelFacts
from cvadvisor.facts.plan import PlanFacts
from cvadvisor.facts.probe import ProbeFacts
from cvadvisor.facts.run import RunFacts

__all__ = ["DatasetFacts", "Estimate", "Facts", "HardwareFacts", "ModelFacts", "PlanFacts", "ProbeFacts", "RunFacts"]


@facts
class Facts:
    """Everything that is known, by subject. Rules name a fact by its path here: ``dataset.imbalance_ratio``."""

    dataset: DatasetFacts | None = optional("The dataset.")
    model: ModelFacts | None = optional("The model.")
    run: RunFacts | None = optional("One training run, from its log.")
    probe: ProbeFacts | None = optional("What short training measured.")
    hardware: HardwareFacts | None = optional("The machine.")
    plan: PlanFacts | None = optional("What was asked for.")
