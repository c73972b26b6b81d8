"""The learning rate, chosen by short annealed trials of the planned recipe that held-out images judge.

A range test sees the training loss of a rate that never anneals, and bounds the rate from above better than it picks
one. A trial is the planned run made short (see ``training.py``): its rate rises, anneals and is judged as the script's
is. Runs of one seed see the same batches, so that two rates are compared image by image. The field of rates is halved
as the runs grow longer; a best rate at the edge extends it.
"""

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cvadvisor.facts import Estimate
from cvadvisor.facts.learning_rate import BestAtSteps, LrFacts, RateTrial
from cvadvisor.facts.seen import Curve, Mark, Series
from cvadvisor.probe import training
from cvadvisor.probe.accuracy import Z95
from cvadvisor.probe.declaration import Cost, Measured, NotChecked, Probe
from cvadvisor.probe.lr_trials import (
    LAST_RUNS,
    MOST_SEEDS,
    ROUNDING,
    Round,
    Trial,
    around,
    best_rate,
    chosen,
    fewest_steps,
    next_rate,
    paired,
    plan_rounds,
    within_noise,
)

if TYPE_CHECKING:
    import numpy as np

    from cvadvisor.probe.session import Session
    from cvadvisor.probe.training_plan import TrainingPlan

SHARE_OF_SWEEP = 0.15
SWEEP_RUNS = 9
"""The trials may cost this share of a sweep of so many whole runs."""
LONGER_WARMUP = 0.3
LOWEST, HIGHEST = 1e-7, 10.0
"""No rate beyond these is tried."""
COMFORT = 2.0
"""Multiple of the fewest steps for which the input is not made smaller."""
USUAL_BATCH, USUAL_STEPS = 32, 1000
"""Of a run whose recipe is not known yet."""
FORWARD_STEPS = 1 / 3
"""Cost of judging an image over that of training on it."""


@dataclass(frozen=True)
class _Warmer:
    """What a longer warm-up brought."""

    share: float
    gain: Estimate


@dataclass
class _Search:
    """Trials so far, and what they may still cost, in steps."""

    session: "Session"
    plan: "TrainingPlan"
    size: int
    total: float
    images: training.TrainingImages
    pixels: "np.ndarray"
    labels: "np.ndarray"
    spent: float = 0.0
    trained: int = 0
    runs: int = 0
    trials: "list[Trial]" = field(default_factory=list)
    warmer: _Warmer | None = None

    @property
    def judging(self) -> float:
        """Cost of judging one trial, in steps."""
        return FORWARD_STEPS * len(self.labels) / self.plan.batch_size

    def run(self, rate: float, steps: int, seed: int, plan: "TrainingPlan | None" = None) -> training.Judged:
        """Train and judge once."""
        self.session.tick(round(self.spent), round(self.total))
        model = training.train(
            self.session, plan or self.plan, self.images, rate=rate, steps=steps, seed=seed, size=self.size
        )
        self.spent += steps + self.judging
        self.trained += steps
        self.runs += 1
        return training.judge(self.session, model, self.pixels, self.labels)

    def trial(self, rate: float, steps: int, seed: int) -> Trial:
        """The trial of ``rate`` at ``steps`` with one more run."""
        found = next((t for t in self.trials if t.steps == steps and math.isclose(t.rate, rate)), None)
        judged = self.run(rate, steps, seed)
        if found is None:
            found = Trial(rate, steps)
            self.trials.append(found)
        found.losses.append(judged.losses)
        found.hits.append(judged.hits)
        found.broke_down |= self.knows_nothing(judged)
        return found

    def knows_nothing(self, judged: training.Judged) -> bool:
        """Whether a model is no better than always giving the largest class: by loss and, within noise, by hits."""
        import numpy as np

        share = float(np.bincount(self.labels).max()) / len(self.labels)
        chance = share + Z95 * math.sqrt(share * (1 - share) / len(self.labels))
        return judged.loss >= math.log(len(self.session.job.classes)) and judged.accuracy <= chance

    def at(self, steps: int) -> list[Trial]:
        """The trials of ``steps`` by rate."""
        return sorted((t for t in self.trials if t.steps == steps), key=lambda t: t.rate)


def run(session: "Session") -> Measured:
    """Choose the learning rate of the planned recipe.

    Raises:
        NotChecked: there is no plan that trains, no held-out image, or too little time for the fewest trials.
    """
    plan = session.plan
    if plan is None or plan.strategy == "probe-only" or plan.epochs < 1:
        raise NotChecked("the recipe trains no layer but the head on frozen features, which needs no rate")
    size, total = _affordable(session, plan)
    if training.keep_to_the_clock(session, plan, size, total):
        size, total = _affordable(session, plan)
    if size != session.image_size:  # the fitted head belongs to the planned size
        plan = replace(plan, head_start="zero")
    images = training.training_images(session, plan, size, training.needed(session, plan, total))
    pixels, labels, _ = session.images(size, session.select)
    if len(labels) < 2:
        raise NotChecked("there are too few held-out images to choose by", "a larger validation split")
    search = _Search(session, plan, size, total, images, pixels, labels)
    rounds = plan_rounds(total, planned_steps(session, plan), search.judging)
    if not rounds:
        raise NotChecked("there is no time for two trials", "a larger --budget, or a GPU")
    start = training.judge(session, training.start(session, plan), pixels, labels)
    try:
        _look_around(search, rounds[0], plan.learning_rate, start.loss)
        for one in rounds[1:]:
            _take_further(search, rounds[0].steps, one)
    except NotChecked:
        if len(search.trials) < LAST_RUNS:
            raise
    if all(trial.broke_down for trial in search.trials):
        lowest = min(trial.rate for trial in search.trials)
        raise NotChecked(f"training broke down at every rate that was tried, the lowest of them {lowest:.1e}")
    return _measured(search, start)


def planned_steps(session: "Session", plan: "TrainingPlan") -> int:
    """Steps of the run that the recipe plans, an epoch's last, smaller batch being dropped as in the script."""
    return plan.epochs * max(1, session.script_train_images // plan.batch_size)


def _affordable(session: "Session", plan: "TrainingPlan") -> tuple[int, float]:
    """Input size and steps of all trials: within the time, and within a share of what a sweep would cost."""
    wanted, least = _wanted(session, plan), _least(session, plan.batch_size, planned_steps(session, plan))
    for size in session.sizes():
        steps = training.affordable_steps(session, plan, size) + ROUNDING
        if steps >= min(max(wanted, least), COMFORT * least):
            return size, max(least, min(steps, wanted))
    if steps >= least:
        return size, min(steps, max(wanted, least))
    seconds = least * session.step_seconds(session.sizes()[-1], plan.batch_size)
    raise NotChecked(f"the fewest trials need about {seconds:.0f} s here", "a larger --budget, or a GPU")


def _least(session: "Session", batch: int, planned: int) -> float:
    """Steps of the fewest trials for a run of ``planned`` steps."""
    return LAST_RUNS * (fewest_steps(planned) + FORWARD_STEPS * len(session.select) / batch)


def _wanted(session: "Session", plan: "TrainingPlan") -> float:
    """Steps that all trials may cost, judging them included: a share of the steps of a sweep of whole runs."""
    return SHARE_OF_SWEEP * SWEEP_RUNS * planned_steps(session, plan)


def _look_around(search: _Search, one: Round, centre: float, start_loss: float) -> None:
    """Try ``centre`` and, one after the other, what lies beyond the best; then a longer warm-up and other seeds."""
    search.trial(centre, one.steps, 0)
    runs = 1
    while runs < one.runs and (rate := next_rate(search.at(one.steps), start_loss)) is not None:
        if not LOWEST <= rate <= HIGHEST:
            break
        search.trial(rate, one.steps, 0)
        runs += 1
    if runs < one.runs and search.plan.warmup_share < LONGER_WARMUP:
        _warm_up_longer(search, one.steps)
        runs += 1
    for seed in range(1, MOST_SEEDS):
        near = around(search.at(one.steps))
        if not near or runs + len(near) > one.runs:
            break
        for trial in near:
            search.trial(trial.rate, one.steps, seed)
            runs += 1


def _take_further(search: _Search, steps: int, one: Round) -> None:
    """Try the two best rates of the trials of ``steps`` steps again, for longer."""
    tried = search.at(steps)
    best = chosen(tried)
    others = [trial for trial in tried if trial is not best and not trial.broke_down]
    for trial in [best, *sorted(others, key=lambda other: other.loss)][: one.runs]:
        search.trial(trial.rate, one.steps, MOST_SEEDS)


def _warm_up_longer(search: _Search, steps: int) -> None:
    """Try a longer warm-up at the best rate."""
    best = chosen(search.at(steps))
    judged = search.run(best.rate, steps, 0, replace(search.plan, warmup_share=LONGER_WARMUP))
    search.warmer = _Warmer(LONGER_WARMUP, paired(best.losses[0] - judged.losses))


def _measured(search: _Search, start: training.Judged) -> Measured:
    """Facts and chart of all trials."""
    lengths = sorted({trial.steps for trial in search.trials})
    sound = [search.at(steps) for steps in lengths if not all(trial.broke_down for trial in search.at(steps))]
    final = max(sound, key=lambda tried: (len(tried) >= LAST_RUNS, tried[0].steps))
    top, warmer, first = chosen(final), search.warmer, search.at(lengths[0])
    best = best_rate(final)
    within = [
        trial.rate
        for steps in lengths
        for trial in search.at(steps)
        if within_noise(trial, min(search.at(steps), key=lambda other: other.loss)) and not trial.broke_down
    ]
    broken = [trial.rate for trial in search.trials if trial.broke_down and trial.rate > best]
    runs = min(len(trial.losses) for trial in around(final) or [top])
    by_run = [best_rate([trial.only(run) for trial in around(final)]) for run in range(runs)] if runs > 1 else []
    by_steps = [BestAtSteps(steps=n, best=best_rate(search.at(n))) for n in lengths if len(search.at(n)) >= LAST_RUNS]
    facts = LrFacts(
        best=best,
        low=min([best, *within]),
        high=max([best, *within]),
        optimizer=search.plan.optimizer,
        batch_images=search.plan.batch_size,
        image_size_px=search.size,
        planned_steps=planned_steps(search.session, search.plan),
        trial_steps=top.steps,
        steps_total=search.trained,
        trials=search.runs,
        seeds=runs,
        select_images=len(search.labels),
        start_loss=start.loss,
        best_loss=top.loss,
        gain=paired(start.losses - top.each),
        best_by_seed=Estimate(value=best, low=min([best, *by_run]), high=max([best, *by_run]), n=runs)
        if by_run
        else None,
        at_edge=chosen(first) in (first[0], first[-1]),
        cliff=min(broken, default=None),
        cliff_ratio=min(broken) / best if broken else None,
        steps_exponent=_exponent(by_steps),
        warmup_share=search.plan.warmup_share,
        longer_warmup_share=warmer.share if warmer else None,
        longer_warmup_gain=warmer.gain if warmer else None,
        by_steps=tuple(by_steps),
        tried=tuple(_fact(trial) for trial in sorted(search.trials, key=lambda t: (t.steps, t.rate))),
    )
    return Measured(facts, (_chart(search, facts),))


def _exponent(by_steps: list[BestAtSteps]) -> float | None:
    """Slope of log(best rate) over log(steps), between the shortest and the longest trials."""
    if len(by_steps) < 2:
        return None
    first, last = by_steps[0], by_steps[-1]
    return math.log(last.best / first.best) / math.log(last.steps / first.steps)


def _fact(trial: Trial) -> RateTrial:
    accuracy = sum(float(hits.mean()) for hits in trial.hits) / len(trial.hits)
    return RateTrial(
        rate=trial.rate,
        steps=trial.steps,
        seeds=len(trial.losses),
        loss=trial.loss,
        accuracy=accuracy,
        broke_down=trial.broke_down,
    )


def _chart(search: _Search, facts: LrFacts) -> Curve:
    chance = math.log(len(search.session.job.classes))
    series = [
        Series(
            name=f"{steps} steps",
            x=tuple(trial.rate for trial in search.at(steps)),
            y=tuple(min(trial.loss, chance) for trial in search.at(steps)),
        )
        for steps in sorted({trial.steps for trial in search.trials})
    ]
    return Curve(
        name="lr",
        title="Learning rate: short annealed runs of the recipe, judged on held-out images",
        x_label="peak learning rate",
        y_label="held-out loss (nats)",
        x_log=True,
        series=tuple(series),
        marks=(Mark(label="recommended", x=facts.best),),
        note=(
            f"Without any step the loss is {facts.start_loss:.2f}; a model that knows nothing has {chance:.2f}, where "
            "the curves are cut off."
        ),
    )


def cost(session: "Session") -> Cost:
    """Seconds of the fewest trials at the smallest size, and of as many as are worth it at the planned one."""
    plan = session.plan
    batch = plan.batch_size if plan else USUAL_BATCH
    least = _least(session, batch, planned_steps(session, plan) if plan else USUAL_STEPS)
    wanted = max(least, _wanted(session, plan) if plan else SHARE_OF_SWEEP * SWEEP_RUNS * USUAL_STEPS)
    return Cost(
        least_s=training.seconds_of(session, least, session.sizes()[-1], batch),
        most_s=training.seconds_of(session, wanted, session.image_size, batch),
    )


PROBE = Probe("lr", "Learning rate: short runs of the recipe", "probe.lr", run, cost, uses=("features",))
