"""The race of strategies: who wins, and who is recommended where several tie."""

import dataclasses
import zlib
from typing import Any

import numpy as np
import pytest

from cvadvisor.probe import race, training
from cvadvisor.probe.declaration import NotChecked
from cvadvisor.probe.lr_choice import planned_steps
from cvadvisor.probe.race import outcome, running, strategies
from cvadvisor.probe.session import Session
from tests.probe.plans import PLAN

PROBE_PLAN = dataclasses.replace(PLAN, strategy="head-then-full", head_start="probe", head_epochs=1, epochs=8)


def session_for(digits: Any, allowance: float = 1e6) -> Session:
    from tests.probe.conftest import make_job

    session = Session(make_job(digits, model="test_resnet", weights="none"), lambda done, total: None, image_size=32)
    facts = session.load_model()
    session.fitted_head = (np.zeros((3, facts.feature_dim)), np.zeros(3))
    session.plan, session.allowance = PROBE_PLAN, allowance
    return session


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make each strategy right on a given share of 400 images, the same images first, whatever it trains."""

    def use(**shares: float) -> None:
        def name(plan: Any) -> str:
            if plan.strategy in ("probe-only", "head-only"):
                return str(plan.strategy).removesuffix("-only")
            if plan.optimizer == "sgd":
                return "sgd"
            if plan.layer_decay == strategies.LAYER_WISE:
                return "layer_wise"
            if plan.strategy == "head-then-full":
                return "head_then_full"
            return "probe_then_full" if plan.head_start == "probe" else "full"

        def judge(session: Any, model: Any, pixels: Any, labels: Any) -> training.Judged:
            hits = np.random.default_rng(model[1]).permutation(400) < shares.get(name(model[0]), 0.5) * 400
            noise = np.random.default_rng(zlib.crc32(name(model[0]).encode()) + model[1]).normal(0, 0.5, 400)
            return training.Judged(np.where(hits, 0.1, 3.0) + noise, hits)

        def train(session: Any, plan: Any, images: Any, *, rate: float, steps: int, seed: int, size: int) -> Any:
            return plan, seed

        monkeypatch.setattr(training, "start", lambda session, plan: (plan, 0))
        monkeypatch.setattr(training, "train", train)
        monkeypatch.setattr(training, "judge", judge)

    return use


def test_a_clear_winner_is_recommended(digits: Any, scores: Any) -> None:
    scores(probe=0.5, probe_then_full=0.8)
    facts = race.run(session_for(digits)).facts
    assert (facts.leader, facts.recommended, facts.tied) == ("probe-then-full", "probe-then-full", False)
    assert (facts.strategy, facts.head_start, facts.head_epochs) == ("full", "probe", 0)
    assert facts.gain_over_probe.value == pytest.approx(30)
    assert facts.gain_over_probe.low > 0
    assert facts.entries[0].name == "probe-then-full"


def test_of_equals_the_simpler_one_is_recommended(digits: Any, scores: Any) -> None:
    scores(probe=0.5, probe_then_full=0.8, sgd=0.805, full=0.8025)
    facts = race.run(session_for(digits)).facts
    assert facts.leader == "sgd"
    assert facts.recommended == "full"  # as simple as 'probe-then-full', and the better of the two
    assert facts.tied


def test_where_nothing_beats_the_probe_the_probe_is_recommended(digits: Any, scores: Any) -> None:
    scores(probe=0.5, probe_then_full=0.505)
    facts = race.run(session_for(digits)).facts
    assert facts.recommended == "probe"
    assert facts.strategy == "probe-only"


def test_the_winner_is_judged_on_images_that_chose_nothing(digits: Any, scores: Any) -> None:
    scores(probe_then_full=0.8)
    session = session_for(digits)
    facts = race.run(session).facts
    assert facts.accuracy is not None
    chosen, unseen = {s.path for s in session.select}, {s.path for s in session.judge}
    assert chosen
    assert unseen
    assert not chosen & unseen
    assert not chosen & {s.path for s in session.job.train}


def test_the_simplest_that_leads_ties_too(digits: Any, scores: Any) -> None:
    scores(probe=0.801, probe_then_full=0.8)
    facts = race.run(session_for(digits)).facts
    assert (facts.leader, facts.recommended, facts.tied, facts.tied_with) == ("probe", "probe", True, 1)
    leads = facts.entries[0]
    assert (leads.behind.low, leads.behind.high, leads.loss_behind.high) == (0, 0, 0)


def test_a_tie_in_accuracy_that_the_loss_decides_is_none() -> None:
    probe, full = (strategies.Runner(name, name, PROBE_PLAN) for name in ("probe", "probe-then-full"))
    probe.hits, full.hits = [np.arange(100) < 50], [np.arange(100) < 51]
    probe.losses, full.losses = [np.full(100, 1.0)], [np.full(100, 0.6)]
    assert outcome.level([probe, full], full) == [full]
    probe.losses = full.losses
    assert outcome.level([probe, full], full) == [probe, full]


@pytest.mark.parametrize(("rivals", "fewest", "most"), [(1, 0.1, 0.3), (6, 0.4, 0.6)])
def test_how_often_something_no_better_than_the_probe_is_recommended(rivals: int, fewest: float, most: float) -> None:
    generator, races = np.random.default_rng(0), 400

    def race_of_equals() -> str:
        hard, ran = generator.normal(1.1, 1.2, 150), []
        for number in range(rivals + 1):
            score = hard + generator.normal(0, 0.8, 150)
            hits, losses = [score > 0], [np.log1p(np.exp(-score))]
            ran.append(strategies.Runner(str(number), "", PROBE_PLAN, number > 0, hits, losses))
        leader = max(ran, key=lambda runner: runner.accuracy)
        return outcome.level(ran, leader, outcome.LEVEL_ERRORS)[0].name

    assert fewest < sum(race_of_equals() != "0" for _ in range(races)) / races < most


def test_of_what_ties_only_what_is_within_one_standard_error_may_be_recommended() -> None:
    probe, full = (strategies.Runner(name, name, PROBE_PLAN) for name in ("probe", "probe-then-full"))
    generator = np.random.default_rng(0)
    full.hits, full.losses = [generator.random(150) < 0.72], [np.full(150, 1.0)]
    probe.losses = full.losses
    probe.hits = [generator.random(150) < 0.65]
    behind = outcome.points_behind(full, probe)
    assert 1 < 2 * behind.value / (behind.value - behind.low) < 2  # a single run of few images says no more
    sizes = outcome.Sizes(60, 60, 32, 150)
    facts = outcome.measured([probe, full], sizes, 1e-3, ()).facts
    assert (facts.tied, facts.tied_with, facts.recommended) == (True, 1, "probe-then-full")


@pytest.mark.parametrize("steps", [1.5, 4.0])
def test_little_time_leaves_the_less_important_out_and_shortens_no_race(digits: Any, scores: Any, steps: float) -> None:
    scores()
    session = session_for(digits)
    planned = planned_steps(session, PROBE_PLAN)
    session.allowance = steps * planned * session.step_seconds(32, PLAN.batch_size)
    facts = race.run(session).facts
    assert {entry.name for entry in facts.entries} >= {"probe", "probe-then-full"}
    assert facts.left_out
    assert running.TELLING_PART * planned <= facts.steps <= planned


@pytest.mark.parametrize("size", [32, 33, 47, 64])
@pytest.mark.parametrize("fitted", [True, False])
def test_its_smallest_cost_is_enough_for_a_race(digits: Any, scores: Any, fitted: bool, size: int) -> None:
    scores()
    session = session_for(digits)
    session.image_size = size
    if not fitted:
        session.fitted_head = None
    session.allowance = running.cost(session).least_s
    assert race.run(session).facts.seeds == 1
    session.allowance *= 0.9
    with pytest.raises(NotChecked):
        race.run(session)


def test_a_race_that_the_clock_ends_before_every_layer_trained_is_no_race(digits: Any, scores: Any) -> None:
    scores()
    session = session_for(digits)

    def late(done: int, total: int) -> None:
        if done or session.ended:  # type: ignore[attr-defined]
            raise NotChecked("the time is up")
        session.ended = True  # type: ignore[attr-defined]

    session.ended = False  # type: ignore[attr-defined]
    session.tick = late  # type: ignore[method-assign]
    with pytest.raises(NotChecked, match="time is up"):
        race.run(session)


def test_a_few_images_that_all_point_one_way_prove_nothing() -> None:
    ahead, behind = (strategies.Runner("x", "x", PROBE_PLAN) for _ in range(2))
    ahead.hits, behind.hits = [np.array([True] * 6)], [np.array([True] * 3 + [False] * 3)]
    assert outcome.points_behind(ahead, behind).low < 0


def test_a_race_is_never_run_at_a_smaller_input(digits: Any, scores: Any) -> None:
    """The fitted head belongs to the planned size: at another one it knows little, and every layer would win."""
    scores()
    session = session_for(digits)
    session.image_size = 128
    session.allowance = running.cost(session).least_s
    assert race.run(session).facts.image_size_px == 128


def test_no_time_at_all_is_not_checked(digits: Any) -> None:
    with pytest.raises(NotChecked, match="a race of"):
        race.run(session_for(digits, allowance=0.001))


def test_without_a_fitted_head_only_what_starts_at_zero_races() -> None:
    names = [runner.name for runner in strategies.strategies(PROBE_PLAN, fitted=False)]
    assert names == ["full", "layer-wise", "sgd"]


def test_a_real_race_repeats_itself(digits: Any) -> None:
    session = session_for(digits)
    session.plan = dataclasses.replace(PROBE_PLAN, epochs=2)
    first, again = race.run(session).facts, race.run(session).facts
    assert first == again
    assert len(first.entries) == 7


@pytest.mark.parametrize(("decay", "races"), [(0.75, False), (0.9, True), (1.0, False)])
def test_lower_rates_of_early_layers_race_where_the_recipe_leaves_room_for_them(decay: float, races: bool) -> None:
    runners = strategies.strategies(dataclasses.replace(PROBE_PLAN, layer_decay=decay), fitted=True)
    assert ("layer-wise" in {runner.name for runner in runners}) == races
