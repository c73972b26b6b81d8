"""The rules that a command judges by, facts judged by them, and the recipe that follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cvadvisor.advise.judge import Ignored, judge
from cvadvisor.advise.recipe import RecipeWithHistory
from cvadvisor.advise.rules import CompiledRule, Rule, compile_rules, load_rules
from cvadvisor.advise.shape import shape_recipe
from cvadvisor.diagnosis import Check, Finding, Outcome
from cvadvisor.facts import Facts
from cvadvisor.rule_settings import RuleSettings


@dataclass(frozen=True)
class RulesInUse:
    """The rules to judge by, and those that the user left out."""

    judging: tuple[CompiledRule, ...]
    ignored: tuple[Ignored, ...] = ()


@dataclass(frozen=True)
class Judged:
    """What the rules make of the facts."""

    outcomes: tuple[Outcome, ...]
    findings: tuple[Finding, ...]
    advice: RecipeWithHistory | None


def all_rules(settings: RuleSettings) -> tuple[Rule, ...]:
    """The shipped rules and the user's own, with the severities and thresholds that ``settings`` want.

    Raises:
        UserError: the settings name a rule or parameter that does not exist.
        RuleError: a rule of the user's own is not valid.
    """
    rules = load_rules(settings.folders)
    settings.check(rules)
    return tuple(map(settings.adjusted, rules))


def rules_in_use(settings: RuleSettings | None = None, *paths: Path) -> RulesInUse:
    """The rules that ``settings`` want for what is at ``paths``, compiled, and those that they leave out.

    Raises:
        UserError: as :func:`all_rules`.
    """
    settings = settings or RuleSettings()
    judging, ignored = [], []
    for rule in all_rules(settings):
        reason = settings.left_out(rule, *paths)
        if reason is None:
            judging.append(rule)
        else:
            ignored.append(Ignored(rule, reason))
    return RulesInUse(compile_rules(judging), tuple(ignored))


def judged(
    facts: Facts, checks: Sequence[Check], rules: RulesInUse, *, weights: str, seed: int, epochs: int | None
) -> Judged:
    """Judge ``facts`` by ``rules`` and shape the recipe, where a model and the size of its input are known.

    Args:
        facts: what is known.
        checks: say why facts are missing.
        rules: as :func:`rules_in_use` gives them.
        weights: as the recipe says it: 'pretrained', 'file' or 'none'.
        seed: of the recipe.
        epochs: those that were asked for.
    """
    outcomes, findings, fired = judge(rules.judging, facts, checks, rules.ignored)
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
