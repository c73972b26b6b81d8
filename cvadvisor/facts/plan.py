"""Facts of the plan: what the user asked the audit for."""

from cvadvisor.facts.base import facts, known, optional


@facts
class PlanFacts:
    """What was asked for."""

    task: str = known("'classification'.")
    budget_s: float = known("Time that probes may take.", unit="s")
    seed: int = known("Seed of every probe and of the recipe.")
    weights: str = known("'default', 'none' or 'file': the weights that were asked for.")
    probes: bool = known("Whether probes were asked for.")
    image_size_px: int | None = optional("Side of the square input that probes and the recipe use.", unit="px")
