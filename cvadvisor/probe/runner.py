"""Run probes in a process of their own, within a budget of time.

A crash, an out-of-memory kill or a hang in the worker becomes a *failed* check; a new worker then takes the probes that
are left. What fits is planned anew before each probe, with the time that is really left. Nothing here imports torch.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cvadvisor.facts import ModelFacts, ProbeFacts
from cvadvisor.facts.seen import Check, Curve
from cvadvisor.inspect.model import ModelError
from cvadvisor.probe.catalog import PROBES
from cvadvisor.probe.declaration import Probe
from cvadvisor.probe.planner import Candidate, LeftOut, Plan, Planned, plan
from cvadvisor.probe.process import MODEL_LIMIT_S, Answer, Worker
from cvadvisor.progress import Progress

__all__ = ["Answer", "Loaded", "ProbeRun", "Worker", "check_model_name", "load_model", "run_probes"]

CHECK_TITLE = "Starting torch and timm"
CHECK_LIMIT_S = 120.0
MODEL_TITLE = "Model and weights"
COST_LIMIT_S = 30.0
OVERRUN = 3.0
LEAST_SHARE, LEAST_S = 0.15, 20.0
"""A probe that plans with n seconds is stopped after three times as many, and not before this part of the budget or 20
seconds, as long as the smallest plans of those after it still fit: nominal seconds are not this machine's."""
GRACE_SHARE, GRACE_S, LEAST_GRACE_S = 0.08, 30.0, 2.0
"""How long past its deadline a probe may take to stop by itself before it is killed: under a tenth of the budget."""
GRAINS = 16
"""Spare time is handed out in pieces of this part of the budget, so that small delays change no plan."""
UNKNOWN_COST = (0.05, 0.2)
"""Smallest and largest plan of a probe whose cost could not be counted, in parts of the budget."""


def check_model_name(worker: Worker, name: str, progress: Progress) -> None:
    """Make sure that there is a model called ``name``, before any work is done.

    Raises:
        ModelError: there is none.
    """
    progress(CHECK_TITLE, 0, 0)
    answer = worker.ask({"do": "check", "model": name}, CHECK_LIMIT_S, lambda done, total: None)
    if answer.event == "input error":
        raise ModelError(answer.reason)


@dataclasses.dataclass(frozen=True)
class Loaded:
    """The model that the worker loaded: its facts, its device, and whether converted weights were written."""

    facts: ModelFacts
    device: str
    converted: bool


def load_model(run: "ProbeRun", worker: Worker, progress: Progress) -> Loaded | None:
    """Load the model in the worker; ``None`` if that failed, and ``run`` says why.

    Raises:
        ModelError: the user named a model, a weights file or a device that can't be used.
    """
    progress(MODEL_TITLE, 0, 0)
    answer = worker.ask({"do": "model"}, MODEL_LIMIT_S, lambda done, total: progress(MODEL_TITLE, done, total))
    if answer.event == "input error":
        raise ModelError(answer.reason)
    run.checks.append(_check("model", MODEL_TITLE, "model", answer))
    if answer.facts is None or answer.device is None:
        run.skip_rest(f"the model could not be loaded: {answer.reason}")
        return None
    return Loaded(TypeAdapter(ModelFacts).validate_python(answer.facts), answer.device, answer.converted)


@dataclasses.dataclass
class ProbeRun:
    """What the probes gave so far; ``probes`` are those to run, in their order."""

    probes: Sequence[Probe] = PROBES
    measured: dict[str, Any] = dataclasses.field(default_factory=dict)
    checks: list[Check] = dataclasses.field(default_factory=list)
    curves_of: dict[str, tuple[Curve, ...]] = dataclasses.field(default_factory=dict)

    def add(self, probe: Probe, answer: Answer) -> None:
        """Keep what became of ``probe``; facts that are none, such as a number that is not finite, make it failed."""
        if answer.event == "done":
            measured = {**self.measured, probe.provides.removeprefix("probe."): answer.facts}
            try:
                TypeAdapter(ProbeFacts).validate_python(measured)
            except ValidationError as error:
                where = ".".join(map(str, error.errors()[0]["loc"]))
                reason = f"it gave no usable value for {where}: {error.errors()[0]['msg']}"
                answer = Answer("failed", reason=reason, seconds=answer.seconds)
            else:
                self.measured = measured
                self.curves_of[probe.name] = answer.curves
        self.checks.append(_check(probe.name, probe.title, probe.provides, answer))

    def skip_rest(self, reason: str, enable: str | None = None) -> None:
        """The model and every probe that has not run yet are *not checked*, for one reason."""
        done = {check.name for check in self.checks}
        answer = Answer("not checked", reason=reason, enable=enable)
        if "model" not in done:
            self.checks.append(_check("model", MODEL_TITLE, "model", answer))
        for probe in self.probes:
            if probe.name not in done:
                self.add(probe, answer)

    def check(self, name: str) -> Check | None:
        """What became of the probe ``name``; ``None`` as long as it waits."""
        return next((check for check in self.checks if check.name == name), None)

    @property
    def curves(self) -> tuple[Curve, ...]:
        """What they saw, probe by probe."""
        return tuple(curve for curves in self.curves_of.values() for curve in curves)

    @property
    def facts(self) -> ProbeFacts:
        """The facts of the probes that are done."""
        return TypeAdapter(ProbeFacts).validate_python(self.measured)


def run_probes(
    run: ProbeRun,
    worker: Worker,
    image_size: int,
    budget_s: float,
    recipe: Callable[[], dict[str, Any] | None],
    progress: Progress,
    values: Mapping[str, float] | None = None,
) -> None:
    """Run the probes of ``run`` that fit into ``budget_s`` seconds, at ``image_size`` px; ``run`` keeps what each gave.

    What the worker has taken until now, but for weights that it fetched, is part of the budget.

    Args:
        run: the probes, and what they give.
        worker: with the model loaded.
        image_size: side of the square input in px.
        budget_s: seconds.
        recipe: gives the recipe that follows from what is known so far: probes try what the script would run.
        progress: told how far each probe is.
        values: the weight of what waits for each probe's facts, by probe; 0 for one that runs for another's sake.
    """
    state = _State(run, worker, budget_s, time.monotonic() + budget_s - worker.spent_s, worker.spent_s, values)
    planned = None
    while state.waiting():
        known = recipe()
        state.ask_costs(image_size, known)
        state.give_up_dependents()
        planned = state.plan()
        if not planned.runs:
            break
        first = planned.runs[0]
        probe = next(probe for probe in run.probes if probe.name == first.name)
        title = f"{probe.title}, again" if run.check(probe.name) else probe.title
        progress(title, 0, 0)
        deadline = state.deadline_s(first, planned)
        command = {"do": probe.name, "image_size": image_size, "recipe": known}
        command |= {"seconds": first.seconds, "deadline": deadline}
        state.note(probe, worker.ask(command, deadline + state.grace_s, _titled(title, progress)))
    for left in planned.left_out if planned else ():
        state.leave_out(left)
    order = ["model", *(probe.name for probe in run.probes)]
    run.checks.sort(key=lambda check: order.index(check.name))


@dataclasses.dataclass
class _State:
    """Where a run of probes stands.

    Attributes:
        end: when the budget is used up, by the monotonic clock.
        restart_s: what starting the worker and loading the model takes.
        live: probes whose results the worker's process holds.
        lost: those whose results died with a process and could not be had again.
        costs: what the worker said of each probe's cost.
    """

    run: ProbeRun
    worker: Worker
    budget_s: float
    end: float
    restart_s: float
    values: Mapping[str, float] | None
    live: set[str] = dataclasses.field(default_factory=set)
    lost: set[str] = dataclasses.field(default_factory=set)
    costs: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    deaths: int = 0

    def __post_init__(self) -> None:
        self.deaths = self.worker.deaths

    @property
    def grace_s(self) -> float:
        return max(LEAST_GRACE_S, min(GRACE_S, GRACE_SHARE * self.budget_s))

    def waiting(self) -> list[Probe]:
        return [probe for probe in self.run.probes if self.run.check(probe.name) is None]

    def is_done(self, name: str) -> bool:
        check = self.run.check(name)
        return check is not None and check.status == "done"

    def ask_costs(self, image_size: int, recipe: dict[str, Any] | None) -> None:
        """Ask what each probe costs, where that takes no new process; those that can't run here are not checked."""
        if not self.costs or self.worker.running:
            command = {"do": "cost", "image_size": image_size, "recipe": recipe}
            answer = self.worker.ask(command, COST_LIMIT_S, lambda done, total: None)
            self.costs = answer.facts or self.costs
        for probe in self.waiting():
            if reason := self.costs.get(probe.name, {}).get("reason"):
                enable = self.costs[probe.name].get("enable")
                self.run.add(probe, Answer("not checked", reason=reason, enable=enable))

    def give_up_dependents(self) -> None:
        """Probes that need one that gave nothing are not checked."""
        for probe in self.waiting():
            for need in probe.needs:
                check = self.run.check(need)
                if check is not None and check.status != "done":
                    became = "failed" if check.status == "failed" else "was not checked"
                    reason = f"it needs {_short(check.title)}, and that {became}: {check.reason}"
                    self.run.add(probe, Answer("not checked", reason=reason, enable=check.enable))
                    break

    def plan(self) -> Plan:
        """What runs in the time that is left: waiting probes, and those that have to run again for their sake."""
        if not self.worker.running and self.worker.deaths > self.deaths:
            self.live.clear()
            self.deaths = self.worker.deaths
        left = self.end - time.monotonic() - (0.0 if self.worker.running else self.restart_s)
        needed = {name for probe in self.waiting() for name in self._starts_from(probe)}
        candidates = []
        for probe in self.run.probes:
            least_s, most_s = self._cost(probe)
            value = 1.0 if self.values is None else self.values.get(probe.name, 0.0)
            if self.run.check(probe.name) is None:
                candidates.append(Candidate(probe.name, self._starts_from(probe), least_s, most_s, value))
            elif probe.name in needed - self.live - self.lost:
                candidates.append(Candidate(probe.name, self._starts_from(probe), least_s, least_s, 0.0))
        return plan(candidates, left, self.live, grain_s=self.budget_s / GRAINS)

    def deadline_s(self, first: Planned, planned: Plan) -> float:
        """Seconds after which ``first`` is stopped: as late as the smallest plans of the others allow."""
        left = self.end - time.monotonic()
        others = planned.least_after_first()
        if others:
            others += self.grace_s + self.restart_s  # it may hang
        wanted = max(OVERRUN * first.seconds, min(LEAST_S, LEAST_SHARE * self.budget_s))
        return max(0.0, min(left, max(first.seconds, min(wanted, left - others))))

    def note(self, probe: Probe, answer: Answer) -> None:
        """Keep an answer, the first one of each probe; a second one only brings back what a dead process held."""
        again = self.run.check(probe.name) is not None
        if not again:
            self.run.add(probe, answer)
        if self.worker.deaths > self.deaths:
            self.live.clear()
            self.deaths = self.worker.deaths
        if answer.event == "done" and self.is_done(probe.name):
            self.live.add(probe.name)
        elif again:
            self.lost.add(probe.name)

    def leave_out(self, left: LeftOut) -> None:
        """Say of a probe that did not run why that is."""
        if self.run.check(left.name) is not None:
            return  # it was to run again for another's sake
        enable = None
        if left.lacking_s is not None:
            reason = f"left out: it needs about {max(1, math.ceil(left.lacking_s))} s more"
            enable = f"--budget {duration(self.budget_s + left.lacking_s)}"
        elif left.lacking_need is not None:
            need = self.run.check(left.lacking_need)
            reason = f"it needs {_short(need.title) if need else left.lacking_need}, and their process died"
        else:
            reason = "left out: nothing that runs needs it"
        probe = next(probe for probe in self.run.probes if probe.name == left.name)
        self.run.add(probe, Answer("not checked", reason=reason, enable=enable))

    def _starts_from(self, probe: Probe) -> tuple[str, ...]:
        """What has to be in the process: its needs, and what it uses where that was there once."""
        return (*probe.needs, *(name for name in probe.uses if self.is_done(name) and name not in self.lost))

    def _cost(self, probe: Probe) -> tuple[float, float]:
        cost = self.costs.get(probe.name, {})
        if "least_s" not in cost:
            least, most = UNKNOWN_COST
            return least * self.budget_s, most * self.budget_s
        return cost["least_s"], max(cost["least_s"], cost["most_s"])


def duration(seconds: float) -> str:
    """``seconds`` rounded up to what a person would type: ``40s``, ``3m``, ``2h``."""
    for unit, size, most in (("s", 1, 100), ("m", 60, 100 * 60)):
        step = 10 * size if unit == "s" else size
        if seconds <= most:
            return f"{math.ceil(seconds / step) * step // size}{unit}"
    return f"{math.ceil(seconds / 3600)}h"


def _short(title: str) -> str:
    return f"'{title.partition(':')[0]}'"


def _titled(title: str, progress: Progress) -> Callable[[int, int], None]:
    return lambda done, total: progress(title, done, total)


def _check(name: str, title: str, provides: str, answer: Answer) -> Check:
    status = answer.event if answer.event in ("done", "not checked") else "failed"
    return Check(
        name=name,
        title=title,
        status=status,  # type: ignore[arg-type]
        reason=answer.reason,
        enable=answer.enable,
        seconds=answer.seconds or None,
        provides=(provides,),
    )
