"""The learning rate by short annealed trials."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from cvadvisor.probe import lr_choice, training
from cvadvisor.probe.declaration import NotChecked
from cvadvisor.probe.lr_trials import Round, Trial, chosen, next_rate, paired, plan_rounds
from cvadvisor.probe.session import Session
from tests.probe.plans import PLAN

N = 200


class Landscape:
    """Trials that cost nothing: the held-out loss is a parabola over log10(rate), which breaks down above a cliff."""

    def __init__(self, best: float, cliff: float = 1.0, noise: float = 0.02) -> None:
        self.best, self.cliff, self.noise = best, cliff, noise
        self.seen: list[tuple[float, int]] = []

    def train(self, session: Any, plan: Any, images: Any, *, rate: float, steps: int, seed: int, size: int) -> Any:
        self.seen.append((rate, steps))
        return rate, seed

    def judge(self, session: Any, model: Any, pixels: Any, labels: Any) -> training.Judged:
        rate, seed = model
        generator = np.random.default_rng(seed)
        loss = 0.5 + 0.15 * math.log10(rate / self.best) ** 2 if rate < self.cliff else 5.0
        own = np.random.default_rng(int(rate * 1e9)).normal(0, self.noise, N)
        losses = loss + generator.normal(0, 0.2, N) + own - own.mean()
        return training.Judged(losses, losses < 1)


@pytest.fixture
def landscape(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(best: float, **settings: float) -> Landscape:
        made = Landscape(best, **settings)
        monkeypatch.setattr(training, "train", made.train)
        monkeypatch.setattr(training, "judge", made.judge)
        monkeypatch.setattr(training, "start", lambda session, plan: (1e-7, 0))
        return made

    return use


def session_for(digits: Any, epochs: int = 40, allowance: float = 1e6) -> Session:
    from tests.probe.conftest import make_job

    session = Session(make_job(digits, model="test_resnet", weights="none"), lambda done, total: None, image_size=32)
    session.load_model()
    session.plan = dataclasses.replace(PLAN, epochs=epochs)
    session.allowance = allowance
    return session


@pytest.mark.parametrize("best", [1e-3, 3e-4, 3e-3])
def test_the_best_rate_is_found_near_where_the_search_begins(digits: Any, landscape: Any, best: float) -> None:
    landscape(best)
    facts = lr_choice.run(session_for(digits)).facts
    assert math.log10(facts.best) == pytest.approx(math.log10(best), abs=0.31)  # a factor of two
    assert facts.low <= facts.best <= facts.high


@pytest.mark.parametrize("best", [5e-5, 2e-2])
def test_a_best_rate_at_the_edge_extends_the_field(digits: Any, landscape: Any, best: float) -> None:
    seen = landscape(best).seen
    facts = lr_choice.run(session_for(digits, epochs=80)).facts
    rates = [rate for rate, _ in seen]
    assert min(rates) < 4 * best
    assert max(rates) > best / 4
    assert abs(math.log10(facts.best / best)) < abs(math.log10(1e-3 / best)) / 2


def test_a_cliff_is_reported_and_the_choice_stays_below_it(digits: Any, landscape: Any) -> None:
    landscape(1e-3, cliff=2e-3)
    facts = lr_choice.run(session_for(digits)).facts
    assert facts.cliff is not None
    assert facts.best < 2e-3 <= facts.cliff
    assert facts.cliff_ratio == pytest.approx(facts.cliff / facts.best)


def test_the_trials_cost_no_more_than_their_share_of_a_sweep(digits: Any, landscape: Any) -> None:
    seen = landscape(2e-5).seen
    session = session_for(digits)
    facts = lr_choice.run(session).facts
    assert facts.steps_total == sum(steps for _, steps in seen)
    assert facts.steps_total <= 0.15 * 9 * facts.planned_steps


def test_time_for_less_than_all_trials_is_used(digits: Any, landscape: Any) -> None:
    """Between the fewest trials and all that are wanted, no second is left idle."""
    landscape(1e-3)
    session = session_for(digits, epochs=6)
    whole = lr_choice.run(session).facts.steps_total
    session.allowance = 0.9 * lr_choice.cost(session).most_s
    assert lr_choice.run(session).facts.steps_total > 0.8 * whole


@pytest.mark.parametrize("size", range(32, 48))
def test_its_smallest_cost_is_enough(digits: Any, landscape: Any, size: int) -> None:
    landscape(1e-3)
    session = session_for(digits, epochs=2)
    session.image_size = size
    session.allowance = lr_choice.cost(session).least_s
    assert lr_choice.run(session).facts.image_size_px == size


def test_at_a_smaller_input_the_head_starts_at_zero(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fitted head belongs to the planned size."""
    started = []

    def start(session: Session, plan: Any) -> Any:
        started.append(plan.head_start)
        return session.fresh_model()

    monkeypatch.setattr(training, "start", start)
    session = session_for(digits, epochs=2)
    session.image_size = 96
    session.plan = dataclasses.replace(session.plan, head_start="probe")  # type: ignore[type-var]
    session.allowance = lr_choice.cost(session).least_s
    assert lr_choice.run(session).facts.image_size_px == 64
    assert set(started) == {"zero"}
    session.allowance = 1e6
    lr_choice.run(session)
    assert started[-1] == "probe"


def test_steps_are_counted_without_images_held_out_of_training(digits: Any) -> None:
    session = session_for(digits, epochs=2)
    whole = lr_choice.planned_steps(session, session.plan)  # type: ignore[arg-type]
    session.job.held_out_from, session.job.train_images = "train", len(session.job.train) + len(session.job.held_out)
    assert lr_choice.planned_steps(session, session.plan) == whole  # type: ignore[arg-type]


def test_noise_widens_the_range(digits: Any, landscape: Any) -> None:
    landscape(1e-3, noise=0.0)
    sure = lr_choice.run(session_for(digits)).facts
    landscape(1e-3, noise=0.5)
    unsure = lr_choice.run(session_for(digits)).facts
    assert unsure.high / unsure.low > sure.high / sure.low


def test_the_same_seed_gives_the_same_facts(digits: Any) -> None:
    session = session_for(digits, epochs=6)
    assert lr_choice.run(session).facts == lr_choice.run(session).facts


def test_too_little_time_is_not_checked(digits: Any) -> None:
    with pytest.raises(NotChecked, match="trials need"):
        lr_choice.run(session_for(digits, allowance=0.001))


def test_a_recipe_that_trains_nothing_needs_no_rate(digits: Any) -> None:
    session = session_for(digits)
    session.plan = dataclasses.replace(PLAN, strategy="probe-only")
    with pytest.raises(NotChecked, match="needs no rate"):
        lr_choice.run(session)


def test_where_every_rate_breaks_down_there_is_no_rate_to_give(digits: Any, landscape: Any) -> None:
    landscape(1e-3, cliff=1e-9)
    with pytest.raises(NotChecked, match="broke down at every rate"):
        lr_choice.run(session_for(digits))


@pytest.mark.parametrize("images", range(180, 230))
def test_the_fewest_steps_are_enough_for_two_trials(images: int) -> None:
    judging = images / 3 / 32
    assert plan_rounds(2 * (30 + judging), 1000, judging) == [Round(30, 2)]


def test_rounds_never_plan_beyond_their_steps() -> None:
    for total in (40, 113, 340, 1620, 5000):
        for planned in (20, 60, 200, 1000):
            rounds = plan_rounds(total, planned, 1.6)
            assert sum(one.runs * (one.steps + 1.6) for one in rounds) <= total
            assert all(30 <= one.steps <= planned or one.steps == planned for one in rounds)


def test_few_steps_make_two_long_trials_and_many_a_second_round() -> None:
    assert plan_rounds(81, 60, 1.6) == [Round(38, 2)]
    assert plan_rounds(270, 200, 1.6) == [Round(88, 3)]
    first, last = plan_rounds(1620, 1000, 1.6)
    assert first.runs > last.runs
    assert last.steps >= 2 * first.steps
    assert plan_rounds(40, 60, 1.6) == []


def test_the_search_goes_up_where_training_helps_and_down_where_it_harms() -> None:
    assert next_rate([trial(1e-3, 0.8)], start_loss=1.0) == pytest.approx(2e-3)
    assert next_rate([trial(1e-3, 1.2)], start_loss=1.0) == pytest.approx(5e-4)
    assert next_rate([trial(1e-3, 0.8), trial(2e-3, 0.5)], start_loss=1.0) == pytest.approx(4e-3)
    assert next_rate([trial(1e-3, 0.8), trial(2e-3, 3.0)], start_loss=1.0) == pytest.approx(5e-4)
    assert next_rate([trial(5e-4, 0.9), trial(1e-3, 0.8), trial(2e-3, 3.0)], start_loss=1.0) is None


def test_of_rates_that_tie_the_highest_is_chosen_but_not_next_to_a_breakdown() -> None:
    level = [trial(2.5e-4, 0.80), trial(5e-4, 0.81), trial(1e-3, 0.82), trial(4e-3, 1.5)]
    assert chosen(level).rate == 1e-3
    cliff = dataclasses.replace(trial(1.5e-3, 5.0), broke_down=True)
    assert chosen([*level[:3], cliff]).rate == 5e-4


def trial(rate: float, loss: float) -> Trial:
    noise = np.random.default_rng(int(rate * 1e7)).normal(0, 0.3, N)
    return Trial(rate, 60, [loss + noise - noise.mean()], [np.ones(N, bool)], broke_down=loss > 2.3)


def test_a_difference_carries_its_interval() -> None:
    estimate = paired(np.random.default_rng(0).normal(0.5, 1, 400))
    assert estimate.low < 0.5 < estimate.high
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 / 20, rel=0.1)
