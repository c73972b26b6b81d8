"""Shape the recipe: advice acts on the defaults in stages, each of which commutes, so that no order of rules matters.

``default`` → ``prior`` (rules of thumb) → ``measured`` (a probe's value replaces them) → ``tried`` (short runs of the
recipe replace that) → ``adjusted`` (scale by what the measurement did not already include) → ``bounded`` (at most, at
least). Everything that acted, or wanted to, stays in the field's history.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from cvadvisor.advise.fields import INPUTS, field_types, fit, shown
from cvadvisor.advise.recipe import Conflict, History, Recipe, RecipeWithHistory, Stage, Step, Value
from cvadvisor.advise.rule_file import Operation, Rule, Strength
from cvadvisor.advise.rules import CompiledDefault, shipped_defaults
from cvadvisor.advise.words import Lookup, MissingFact, facts_lookup
from cvadvisor.facts import Facts

_STRENGTHS: tuple[Strength, ...] = ("measured", "paper", "practice")
_SETTING: tuple[Stage, ...] = ("prior", "measured", "tried")
_INCLUDED = {
    "measured": "the measurement already includes it",
    "tried": "short runs of the recipe already include it",
}
_ASKED = {
    "model": "The model that was asked for.",
    "weights": "The weights that could be had for the model.",
    "image_size": "The size that the weights were trained at, unless the images hold much less.",
    "seed": "The seed that was asked for.",
    "epochs": "The epochs that were asked for.",
}
_ASKED_SIZE = "The size that was asked for."


@dataclasses.dataclass(frozen=True)
class Act:
    """One advice of a rule that fired, with its value for these facts.

    Attributes:
        field: the recipe's field.
        stage: when it acts.
        operation: what it does.
        value: what it sets, scales by or bounds with; ``None`` where that rests on a fact that is not known.
        reason: why, in a sentence.
        rule: the rule's code.
        strength: what the rule rests on, which settles conflicts.
        missing: the fact that is not known.
        even_if_measured: whether it scales what was measured too.
        even_if_tried: whether it scales what runs of the recipe showed too.
    """

    field: str
    stage: Stage
    operation: Operation
    value: Value | None
    reason: str
    rule: str
    strength: Strength
    missing: str | None = None
    even_if_measured: bool = False
    even_if_tried: bool = False

    @property
    def text(self) -> str:
        """What it does, as the history says it: 'set 0.001', 'scale by 0.5', 'at most 0.003'."""
        verb = {"set": "set", "scale": "scale by", "at_most": "at most", "at_least": "at least"}[self.operation]
        return verb if self.value is None else f"{verb} {shown(self.value)}"


@dataclasses.dataclass(frozen=True)
class Fired:
    """A rule that fired, and what it does to the recipe."""

    rule: Rule
    acts: tuple[Act, ...]


def shape_recipe(
    fired: Iterable[Fired],
    facts: Facts,
    *,
    model: str,
    weights: str,
    image_size: int,
    seed: int,
    epochs: int | None = None,
    defaults: Sequence[CompiledDefault] | None = None,
) -> RecipeWithHistory:
    """The recipe that the fired rules make of the defaults. The order of ``fired`` does not matter.

    Args:
        fired: the rules that fired, as :func:`cvadvisor.advise.judge.judge` gives them.
        facts: what the defaults may depend on.
        model: as the recipe names it.
        weights: 'pretrained', 'file' or 'none': what the backbone really starts from.
        image_size: side of the square input, in px.
        seed: seed of everything random.
        epochs: epochs that were asked for; no rule changes them.
        defaults: other defaults than the shipped ones.

    Raises:
        RuleError: the shipped defaults are not valid.
        pydantic.ValidationError: a value that no field of the recipe takes.
    """
    lookup = facts_lookup(facts)
    asked: dict[str, Value] = {"model": model, "weights": weights, "image_size": image_size, "seed": seed}
    starts = {
        default.default.field: _start(default, lookup)
        for default in (shipped_defaults() if defaults is None else defaults)
    }
    if epochs is not None:
        asked["epochs"] = epochs
    reasons = _ASKED | ({"image_size": _ASKED_SIZE} if facts.plan is not None and facts.plan.image_size_asked else {})
    starts |= {name: _step("default", value, reasons[name]) for name, value in asked.items()}
    acts: dict[str, list[Act]] = {}
    for rule in fired:
        for act in rule.acts:
            acts.setdefault(act.field, []).append(act)
    history, conflicts = [], []
    for field in field_types():
        made, met = _shape_field(field, starts[field], [] if field in asked else acts.get(field, []))
        history.append(made)
        conflicts += met
    recipe = Recipe(**{made.field: made.value for made in history})  # type: ignore[arg-type]
    return RecipeWithHistory(recipe=recipe, history=tuple(history), conflicts=tuple(conflicts))


def _start(default: CompiledDefault, lookup: Lookup) -> Step:
    given = default.default
    try:
        return _step("default", default.value(lookup), given.reason)
    except MissingFact as missing:
        assert given.fallback is not None
        reason = f"{given.reason} ({missing.path} is not known, so this is a middle value.)"
        return _step("default", fit(given.field, given.fallback), reason)


def _step(stage: Stage, value: Value, reason: str) -> Step:
    return Step(stage=stage, action=f"set {shown(value)}", value=value, applied=True, reason=reason)


def _shape_field(field: str, start: Step, acts: list[Act]) -> tuple[History, list[Conflict]]:
    """One field, from its default through all stages. Sorting by code makes the history the same for every order."""
    steps, conflicts = [start], []
    value, reached = start.value, "default"
    assert field not in INPUTS or not acts
    ordered = sorted(acts, key=lambda act: (act.rule, act.operation))
    unknown = [act for act in ordered if act.value is None]
    steps += [_not_applied(act, value, f"{act.missing} is not known") for act in unknown]
    known = [act for act in ordered if act.value is not None]
    for stage in _SETTING:
        setting = [act for act in known if act.stage == stage]
        if setting:
            value, made, conflict = _set(field, stage, setting)
            steps += made
            conflicts += conflict
            reached = stage
    for act in (act for act in known if act.stage == "adjusted"):
        if not {"measured": act.even_if_measured, "tried": act.even_if_tried}.get(reached, True):
            steps.append(_not_applied(act, value, _INCLUDED[reached]))
            continue
        if act.value == 1:
            steps.append(_not_applied(act, value, f"already {shown(value)}"))
            continue
        assert isinstance(value, int | float)
        assert isinstance(act.value, int | float)
        value = fit(field, value * act.value, computed=True)
        steps.append(_applied(act, value))
    value, made, conflict = _bound(field, value, [act for act in known if act.stage == "bounded"])
    return History(field=field, value=value, steps=(*steps, *made)), conflicts + conflict


def _set(field: str, stage: Stage, acts: list[Act]) -> tuple[Value, list[Step], list[Conflict]]:
    """The value that one stage sets: the strongest rule's, then the lowest code's; equal values confirm each other."""
    winner = min(acts, key=_precedence)
    assert winner.value is not None
    value = winner.value
    losers = [act for act in acts if act.value != value]
    steps = [_not_applied(act, value, _beaten_by(winner, act)) for act in losers]
    steps += [_applied(act, value) for act in acts if act.value == value]
    conflict = [Conflict(field=field, stage=stage, winner=winner.rule, losers=_codes(losers))] if losers else []
    return value, steps, conflict


def _bound(field: str, value: Value, acts: list[Act]) -> tuple[Value, list[Step], list[Conflict]]:
    """Clamp to all bounds. Bounds that exclude each other are a conflict, which drops the weaker until none is left."""
    steps, conflicts = [], []
    bounds = list(acts)
    while True:
        lower = max((act for act in bounds if act.operation == "at_least"), key=_size, default=None)
        upper = min((act for act in bounds if act.operation == "at_most"), key=_size, default=None)
        if lower is None or upper is None or _size(lower) <= _size(upper):
            break
        winner, loser = sorted((lower, upper), key=_precedence)
        bounds.remove(loser)
        steps.append(_not_applied(loser, value, _beaten_by(winner, loser)))
        conflicts.append(Conflict(field=field, stage="bounded", winner=winner.rule, losers=(loser.rule,)))
    for act in bounds:
        assert act.value is not None
        assert isinstance(value, int | float)
        binds = value > _size(act) if act.operation == "at_most" else value < _size(act)
        if binds:
            value = fit(field, act.value)
            steps.append(_applied(act, value))
        else:
            steps.append(_not_applied(act, value, f"already {shown(value)}"))
    return value, steps, conflicts


def _precedence(act: Act) -> tuple[int, str]:
    return _STRENGTHS.index(act.strength), act.rule


def _size(act: Act) -> float:
    assert isinstance(act.value, int | float)
    return act.value


def _beaten_by(winner: Act, loser: Act) -> str:
    if winner.strength == loser.strength:
        return f"{winner.rule}: both rest on {loser.strength}, and the lower code is followed"
    return f"{winner.rule}: it rests on {winner.strength}, this on {loser.strength}"


def _codes(acts: list[Act]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(act.rule for act in acts))


def _applied(act: Act, value: Value) -> Step:
    return Step(stage=act.stage, action=act.text, value=value, applied=True, reason=act.reason, rule=act.rule)


def _not_applied(act: Act, value: Value, overruled_by: str) -> Step:
    return Step(
        stage=act.stage,
        action=act.text,
        value=value,
        applied=False,
        reason=act.reason,
        rule=act.rule,
        overruled_by=overruled_by,
    )
