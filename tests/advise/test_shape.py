"""Advice acts in stages, in any order of rules, and every field keeps its history."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.advise.fields import INPUTS, field_types
from cvadvisor.advise.judge import judge
from cvadvisor.advise.recipe import History, RecipeWithHistory
from cvadvisor.advise.rule_file import Operation
from cvadvisor.advise.rules import Rule, compile_rules, load_rules
from cvadvisor.advise.shape import Act, Fired, shape_recipe
from cvadvisor.diagnosis import Source
from cvadvisor.facts import Facts
from cvadvisor.facts.race import RaceFacts
from tests import samples
from tests.probe_samples import batch_facts, lr_facts, race_facts, range_test_facts

SHIPPED = compile_rules(load_rules())
FACTS = Facts(dataset=samples.dataset_facts())


def fired(code: str, *acts: tuple[Any, ...], strength: str = "practice") -> Fired:
    """A rule that fired, with acts of (field, operation, value) or (field, operation, value, stage)."""
    rule = Rule.model_validate(
        {
            "code": code,
            "name": code.lower(),
            "severity": "info",
            "when": "dataset.classes > 0",
            "message": "m",
            "why": "w",
            "fix": "f",
            "sources": [Source(id="PAI", title="t", note="n")],
            "strength": strength,
            "fires_on": [{"dataset.classes": 1}],
            "silent_on": [{"dataset.classes": 0}],
        }
    )
    stages: dict[Operation, Any] = {"set": "prior", "scale": "adjusted", "at_most": "bounded", "at_least": "bounded"}
    made = [
        Act(
            field=field,
            stage=stage[0] if stage else stages[operation],
            operation=operation,
            value=value,
            reason=f"{code} says so.",
            rule=code,
            strength=rule.strength,
            missing="dataset.classes" if value is None else None,
        )
        for field, operation, value, *stage in acts
    ]
    return Fired(rule, tuple(made))


def shape(*rules: Fired, facts: Facts = FACTS) -> RecipeWithHistory:
    return shape_recipe(rules, facts, model="resnet50", weights="pretrained", image_size=224, seed=3)


def history(made: RecipeWithHistory, field: str) -> History:
    return next(item for item in made.history if item.field == field)


def steps(made: RecipeWithHistory, field: str) -> list[tuple[str, str | None, bool, str | None]]:
    return [(step.action, step.rule, step.applied, step.overruled_by) for step in history(made, field).steps[1:]]


def test_without_rules_every_field_has_its_default_and_a_reason() -> None:
    made = shape()
    assert [item.field for item in made.history] == list(field_types())
    assert all(len(item.steps) == 1 and item.reason for item in made.history)
    assert (made.recipe.model, made.recipe.seed, made.recipe.image_size) == ("resnet50", 3, 224)
    assert made.recipe.epochs == 30
    assert made.conflicts == ()


def test_a_default_falls_back_where_its_facts_are_not_known() -> None:
    made = shape(facts=Facts())
    assert made.recipe.epochs == 15
    assert "dataset.train_images is not known" in history(made, "epochs").reason


def test_stages_act_in_their_order_whatever_the_codes_say() -> None:
    made = shape(
        fired("AAA001", ("dropout", "at_most", 0.25)),
        fired("BBB001", ("dropout", "scale", 2.0)),
        fired("CCC001", ("dropout", "set", 0.2)),
    )
    assert made.recipe.dropout == 0.25
    assert [step.stage for step in history(made, "dropout").steps] == ["default", "prior", "adjusted", "bounded"]
    assert history(made, "dropout").reason == "AAA001 says so."


def test_a_measurement_replaces_a_rule_of_thumb_which_stays_in_the_history() -> None:
    made = shape(
        fired("AAA001", ("learning_rate", "set", 1e-4)),
        fired("BBB001", ("learning_rate", "set", 2e-3, "measured")),
    )
    assert made.recipe.learning_rate == 2e-3
    assert steps(made, "learning_rate") == [
        ("set 0.0001", "AAA001", True, None),
        ("set 0.002", "BBB001", True, None),
    ]
    assert made.conflicts == ()


def test_a_scale_is_overruled_by_a_measurement_and_a_bound_is_not() -> None:
    made = shape(
        fired("AAA001", ("learning_rate", "scale", 0.5), ("learning_rate", "at_most", 1e-3)),
        fired("BBB001", ("learning_rate", "set", 2e-3, "measured")),
    )
    assert made.recipe.learning_rate == 1e-3
    assert ("scale by 0.5", "AAA001", False, "the measurement already includes it") in steps(made, "learning_rate")


def test_a_scale_for_what_the_measurement_could_not_include_acts_on_it() -> None:
    rule = fired("AAA001", ("learning_rate", "scale", 0.5))
    rule = dataclasses.replace(rule, acts=tuple(dataclasses.replace(act, even_if_measured=True) for act in rule.acts))
    measured = fired("BBB001", ("learning_rate", "set", 2e-3, "measured"))
    plain = fired("CCC001", ("learning_rate", "scale", 0.7))
    assert shape(rule, measured, plain).recipe.learning_rate == 1e-3
    assert shape(rule).recipe.learning_rate == 5e-4


def made_by_shipped_rules(**changes: Any) -> tuple[RecipeWithHistory, set[str]]:
    """The recipe of the sample's facts, with some of them changed, and the codes that fired."""
    facts = dataclasses.replace(samples.diagnosis().facts, **changes)
    found = judge(SHIPPED, facts)
    made = shape_recipe(found.fired, facts, model="m", weights="pretrained", image_size=224, seed=0)
    assert made.conflicts == ()
    return made, {item.code for item in found.findings}


def little_memory(train_images: int, **probe: Any) -> RecipeWithHistory:
    """On a GPU with little memory; ``probe`` changes the range test."""
    hardware = samples.diagnosis().facts.hardware
    assert hardware is not None
    hardware = dataclasses.replace(hardware, device="cuda", gpus=1, gpu_free_bytes=2_000_000_000)
    dataset = samples.dataset_facts(train_images=train_images, imbalance_ratio=1.0, fine_detail_share=0.02)
    made, codes = made_by_shipped_rules(hardware=hardware, dataset=dataset, probe=range_test(**probe))
    assert "HRD003" in codes
    return made


def range_test(**changes: Any) -> Any:
    """Facts of a range test, without the short runs that replace it."""
    probe = samples.probe_facts(lr=None, race=None, batch=None)
    assert probe.lr_full is not None
    return dataclasses.replace(probe, lr_full=dataclasses.replace(probe.lr_full, **changes))


def test_a_batch_smaller_than_the_measured_one_lowers_the_measured_rate() -> None:
    made = little_memory(2000, batch_images=32)
    assert made.recipe.batch_size == 16
    assert made.recipe.learning_rate == pytest.approx(2e-3 * 0.5**0.5, rel=0.01)


def test_a_measured_batch_that_fits_keeps_its_rate() -> None:
    made = little_memory(64, batch_images=16)
    assert (made.recipe.batch_size, made.recipe.learning_rate) == (16, 2e-3)


@pytest.mark.parametrize(("measured_at", "rate"), [(128, 1.4e-3), (384, 2e-3)])
def test_a_rate_that_was_measured_at_a_smaller_input_is_lowered(measured_at: int, rate: float) -> None:
    plan = samples.diagnosis().facts.plan
    assert plan is not None
    plan = dataclasses.replace(plan, image_size_px=384)
    made, codes = made_by_shipped_rules(plan=plan, probe=range_test(image_size_px=measured_at))
    assert made.recipe.learning_rate == rate
    assert ("MOD010" in codes) == (measured_at < 384)


def test_a_rate_that_was_tried_replaces_one_of_a_range_test_and_is_scaled_by_what_no_run_includes_alone() -> None:
    ranged = fired("AAA001", ("learning_rate", "set", 2e-3, "measured"))
    tried = fired("BBB001", ("learning_rate", "set", 1e-3, "tried"))
    scales = [fired(f"CCC00{number}", ("learning_rate", "scale", 0.5)) for number in (1, 2)]
    flags = ({"even_if_measured": True}, {"even_if_measured": True, "even_if_tried": True})
    scales = [
        dataclasses.replace(rule, acts=tuple(dataclasses.replace(act, **flag) for act in rule.acts))
        for rule, flag in zip(scales, flags, strict=True)
    ]
    assert shape(ranged, *scales).recipe.learning_rate == 5e-4
    made = shape(ranged, tried, *scales)
    assert made.recipe.learning_rate == 5e-4
    assert ("scale by 0.5", "CCC001", False, "short runs of the recipe already include it") in steps(
        made, "learning_rate"
    )


def test_short_runs_at_the_planned_size_and_batch_are_not_corrected_for_them() -> None:
    plan, hardware = samples.diagnosis().facts.plan, samples.diagnosis().facts.hardware
    assert plan is not None
    assert hardware is not None
    probe = samples.probe_facts(lr=lr_facts(batch_images=16, image_size_px=384))
    made, codes = made_by_shipped_rules(
        plan=dataclasses.replace(plan, image_size_px=384),
        hardware=dataclasses.replace(hardware, device="cuda", gpus=1, gpu_free_bytes=2_000_000_000),
        probe=dataclasses.replace(
            probe, lr_full=range_test_facts(image_size_px=128), batch=batch_facts(recommended=16)
        ),
    )
    assert codes >= {"LRN006", "MOD010", "HRD003", "BAT007"}
    assert (made.recipe.learning_rate, made.recipe.batch_size) == (1e-3, 16)


@pytest.mark.parametrize(("ratio", "rate"), [(8.0, 1e-3), (2.0, 1e-3), (1.5, 7.5e-4)])
def test_a_tried_rate_close_below_a_cliff_keeps_a_margin(ratio: float, rate: float) -> None:
    probe = samples.probe_facts(lr=lr_facts(cliff_ratio=ratio, cliff=ratio * 1e-3))
    assert made_by_shipped_rules(probe=probe)[0].recipe.learning_rate == pytest.approx(rate)


@pytest.mark.parametrize(("lr", "rate"), [(None, 0.06), (lr_facts(optimizer="sgd", best=0.02), 0.02)])
def test_the_winner_of_the_race_has_its_own_rate_until_trials_replace_it(lr: Any, rate: float) -> None:
    probe = dataclasses.replace(range_test(), race=race_facts(optimizer="sgd", rate_factor=30.0), lr=lr)
    made, codes = made_by_shipped_rules(probe=probe)
    assert "RAC003" in codes
    assert (made.recipe.optimizer, made.recipe.learning_rate) == ("sgd", pytest.approx(rate))


@pytest.mark.parametrize(("asked", "reason"), [(True, "The size that was asked for."), (False, "weights were trained")])
def test_the_size_of_the_input_says_where_it_comes_from(asked: bool, reason: str) -> None:
    plan = samples.diagnosis().facts.plan
    made, _ = made_by_shipped_rules(plan=dataclasses.replace(plan, image_size_asked=asked))
    [history] = [one for one in made.history if one.field == "image_size"]
    assert reason in history.steps[-1].reason


def test_a_range_test_in_which_nothing_fell_measures_no_rate() -> None:
    flat = range_test(loss_fell=False, steepest=None, highest_improving=None, diverges_at=None)
    made, codes = made_by_shipped_rules(probe=flat)
    assert "LRN005" in codes
    assert not codes & {"LRN001", "LRN003", "LRN004"}
    assert "measured" not in {step.stage for step in history(made, "learning_rate").steps}
    assert "measured" not in {step.stage for step in history(made, "batch_size").steps}


def test_features_that_say_little_let_early_layers_learn_at_the_full_rate() -> None:
    probe = samples.probe_facts()
    assert probe.features is not None
    low = dataclasses.replace(probe.features.linear_accuracy, value=0.6, low=0.55, high=0.65)
    probe = dataclasses.replace(probe, features=dataclasses.replace(probe.features, linear_accuracy=low))
    model = samples.model_facts(batch_norm_layers=0, other_norm_layers=25)
    made, codes = made_by_shipped_rules(probe=probe, model=model, dataset=samples.dataset_facts(train_images=300))
    assert codes >= {"MOD005", "TRF003", "PRB007", "REG003"}
    assert (made.recipe.layer_decay, made.recipe.dropout) == (1.0, 0.2)


def test_scales_multiply_where_nothing_was_measured() -> None:
    made = shape(fired("AAA001", ("learning_rate", "scale", 0.5)), fired("BBB001", ("learning_rate", "scale", 0.7)))
    assert made.recipe.learning_rate == pytest.approx(3.5e-4)


def test_a_bound_that_does_not_bind_is_recorded() -> None:
    made = shape(fired("AAA001", ("learning_rate", "at_most", 0.01), ("epochs", "at_least", 40)))
    assert steps(made, "learning_rate") == [("at most 0.01", "AAA001", False, "already 0.001")]
    assert steps(made, "epochs") == [("at least 40", "AAA001", True, None)]
    assert made.recipe.epochs == 40


def test_equal_values_confirm_each_other() -> None:
    made = shape(fired("AAA001", ("metric", "set", "macro-F1")), fired("BBB001", ("metric", "set", "macro-F1")))
    assert all(applied for _, _, applied, _ in steps(made, "metric"))
    assert made.conflicts == ()


@pytest.mark.parametrize(
    ("strengths", "winner"),
    [
        (("practice", "paper"), "BBB001"),
        (("paper", "measured"), "BBB001"),
        (("measured", "practice"), "AAA001"),
        (("paper", "paper"), "AAA001"),
    ],
)
def test_a_conflict_is_settled_by_strength_then_code_and_reported(strengths: Sequence[str], winner: str) -> None:
    made = shape(
        fired("AAA001", ("dropout", "set", 0.1), strength=strengths[0]),
        fired("BBB001", ("dropout", "set", 0.3), strength=strengths[1]),
    )
    (conflict,) = made.conflicts
    assert (conflict.field, conflict.stage, conflict.winner) == ("dropout", "prior", winner)
    assert made.recipe.dropout == (0.1 if winner == "AAA001" else 0.3)
    (loser,) = [step for step in history(made, "dropout").steps if not step.applied]
    assert loser.rule in conflict.losers
    assert (loser.overruled_by or "").startswith(winner)


def test_bounds_that_exclude_each_other_are_a_conflict() -> None:
    made = shape(
        fired("AAA001", ("dropout", "at_least", 0.3)),
        fired("BBB001", ("dropout", "at_most", 0.1), strength="paper"),
        fired("CCC001", ("dropout", "set", 0.2)),
    )
    assert made.recipe.dropout == 0.1
    assert [(item.stage, item.winner, item.losers) for item in made.conflicts] == [("bounded", "BBB001", ("AAA001",))]


def test_advice_without_a_value_is_recorded_and_does_nothing() -> None:
    made = shape(fired("AAA001", ("learning_rate", "at_most", None)))
    assert made.recipe.learning_rate == 1e-3
    assert steps(made, "learning_rate") == [("at most", "AAA001", False, "dataset.classes is not known")]


def test_whole_numbers_stay_whole() -> None:
    made = shape(fired("AAA001", ("epochs", "scale", 0.55)))
    assert made.recipe.epochs == 16
    assert isinstance(made.recipe.epochs, int)


ACTS = st.one_of(
    st.tuples(
        st.just("dropout"), st.just("set"), st.sampled_from([0.0, 0.1, 0.2]), st.sampled_from(["prior", "measured"])
    ),
    st.tuples(st.just("dropout"), st.just("scale"), st.sampled_from([0.5, 0.7, 1.3])),
    st.tuples(st.just("dropout"), st.sampled_from(["at_most", "at_least"]), st.sampled_from([0.05, 0.15, 0.25])),
    st.tuples(st.just("epochs"), st.just("scale"), st.sampled_from([0.3, 1.7])),
    st.tuples(st.just("metric"), st.just("set"), st.sampled_from(["accuracy", "macro-F1"])),
)
RULES = st.lists(st.tuples(ACTS, st.sampled_from(["measured", "paper", "practice"])), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(RULES, st.randoms())
def test_the_order_of_rules_never_matters(acts: list[Any], random: Any) -> None:
    rules = [fired(f"TST{index:03}", act, strength=strength) for index, (act, strength) in enumerate(acts)]
    expected = shape(*rules)
    random.shuffle(rules)
    assert shape(*rules) == expected
    for item in expected.history:
        assert [step for step in item.steps if step.applied][-1].value == item.value


def some_facts(draw: Any) -> Facts:
    """Facts of all kinds, sane or not; some are unknown."""
    classes = draw(st.integers(2, 200))
    dataset = samples.dataset_facts(
        classes=classes,
        train_images=draw(st.integers(4, 100_000)),
        imbalance_ratio=draw(st.sampled_from([None, 1.0, 5.0, 60.0])),
        mean_class_images=draw(st.sampled_from([2.0, 9.9, 10.0, 500.0])),
        fine_detail_share=draw(st.sampled_from([None, 0.02, 0.3])),
        mirror_sensitive_classes=draw(st.sampled_from([0, 10])),
        median_short_side_px=draw(st.sampled_from([None, 8.0, 300.0])),
        extreme_aspect_share=draw(st.sampled_from([0.0, 0.5])),
    )
    pretrained = draw(st.booleans())
    norms = draw(st.sampled_from([0, 49]))
    model = samples.model_facts(
        pretrained=pretrained,
        weights="pretrained" if pretrained else "none",
        batch_norm_layers=norms,
        classes=classes,
    )
    probe = samples.probe_facts()
    rate = draw(st.floats(1e-6, 1.0))
    assert probe.lr_full is not None
    assert probe.lr_full.highest_improving is not None
    estimate = dataclasses.replace(probe.lr_full.highest_improving, value=rate)
    full = dataclasses.replace(
        probe.lr_full,
        highest_improving=estimate,
        diverges_at=draw(st.sampled_from([None, 1e-3, 0.5])),
        image_size_px=draw(st.sampled_from([128, 384])),
    )
    flat = dataclasses.replace(full, loss_fell=False, steepest=None, highest_improving=None)
    accuracy = draw(st.sampled_from([0.4, 0.86, 0.99]))
    assert probe.features is not None
    linear = dataclasses.replace(probe.features.linear_accuracy, value=accuracy, low=accuracy - 0.05, high=accuracy)
    probe = dataclasses.replace(
        probe,
        lr_full=draw(st.sampled_from([None, full, flat])),
        features=dataclasses.replace(probe.features, linear_accuracy=linear) if pretrained else None,
        lr=draw(st.sampled_from([None, lr_facts(cliff_ratio=draw(st.sampled_from([None, 1.5, 8.0])))])),
        batch=draw(st.sampled_from([None, batch_facts(recommended=draw(st.sampled_from([None, 0, 5, 153])))])),
        race=draw(st.sampled_from([None, some_race(draw, pretrained)])),
    )
    sample = samples.diagnosis().facts
    assert sample.plan is not None
    plan = dataclasses.replace(sample.plan, image_size_px=draw(st.sampled_from([None, 224, 384])))
    probe_or_none = draw(st.sampled_from([None, probe]))
    return Facts(dataset=dataset, model=model, probe=probe_or_none, hardware=sample.hardware, plan=plan)


def some_race(draw: Any, pretrained: bool) -> RaceFacts:
    """A race that one of its strategies won; without pretrained weights no head starts from a probe."""
    start = "probe" if pretrained else "zero"
    strategies = (
        [("probe-only", 0), ("head-only", 30), ("head-then-full", 1), ("full", 0)] if pretrained else [("full", 0)]
    )
    strategy, head_epochs = draw(st.sampled_from(strategies))
    return race_facts(
        strategy=strategy,
        head_epochs=head_epochs,
        head_start=start,
        tied=draw(st.booleans()),
        optimizer=draw(st.sampled_from(["adamw", "sgd"])),
        rate_factor=draw(st.sampled_from([10.0, 100.0])),
        layer_decay=draw(st.sampled_from([0.75, 1.0])),
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_shipped_rules_never_contradict_each_other_and_make_coherent_recipes(data: Any) -> None:
    facts = some_facts(data.draw)
    assert facts.model is not None
    found = judge(SHIPPED, facts)
    assert "failed" not in {item.status for item in found.outcomes}
    weights = "pretrained" if facts.model.pretrained else "none"
    made = shape_recipe(found.fired, facts, model="m", weights=weights, image_size=224, seed=0)
    recipe = made.recipe
    assert made.conflicts == ()
    assert recipe.horizontal_flip or not recipe.tta
    assert recipe.strategy != "full" or recipe.head_epochs == 0
    assert facts.model.pretrained == (recipe.head_start == "probe")
    assert recipe.batch_norm == "train" or facts.model.pretrained
    assert recipe.strategy != "probe-only" or facts.model.pretrained
    assert recipe.epochs > recipe.head_epochs or recipe.strategy == "head-only"
    assert 0 < recipe.learning_rate <= 1
    assert 0 <= recipe.dropout < 0.5
    assert 0.3 <= recipe.crop_scale <= 1
    assert 0 < recipe.layer_decay <= 1


def test_no_rule_may_act_on_what_the_user_chose() -> None:
    assert not {item.field for rule in load_rules() for item in rule.advice} & set(INPUTS)
