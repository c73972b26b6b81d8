"""Facts judged by the rules, and the recipe that follows."""

from collections.abc import Sequence
from dataclasses import dataclass

from cvadvisor.advise.judge import judge
from cvadvisor.advise.recipe import RecipeWithHistory
from cvadvisor.advise.rules import CompiledRule
from cvadvisor.advise.shape import shape_recipe
from cvadvisor.diagnosis import Check, Finding, Outcome
from cvadvisor.facts import Facts


@dataclass(frozen=True)
class Judged:
    """What the rules make of the facts."""

    outcomes: tuple[Outcome, ...]
    findings: tuple[Finding, ...]
    advice: RecipeWithHistory | None


def judged(
    facts: Facts, checks: Sequence[Check], rules: Sequence[CompiledRule], *, weights: str, seed: int, epochs: int | None
) -> Judged:
    """Judge ``facts`` by ``rules`` and shape the recipe, where a model and the size of its input are known.

    Args:
        facts: what is known.
        checks: say why facts are missing.
        rules: compiled.
        weights: as the recipe says it: 'pretrained', 'file' or 'none'.
        seed: of the recipe.
        epochs: those that were asked for.
    """
    outcomes, findings, fired = judge(rules, facts, checks)
    advice = None
    if facts.model is not None and facts.plan is not None and facts.plan.image_size_px is not None:
        advice = shape_recipe(
            fired,
            facts,
            model=facts.model.name,
            weights=weights,
            image_size=facts.plan.image_size_px,
            seed=seed,
            epochs=epochs,
        )
    return Judged(outcomes, findings, advice)
