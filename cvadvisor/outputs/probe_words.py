"""What the probes found, in a sentence each, and what they left out."""

from cvadvisor.facts import Facts
from cvadvisor.facts.learning_rate import LrFacts
from cvadvisor.facts.race import RaceEntry, RaceFacts
from cvadvisor.outputs.figures import between, counted, number, rate, shown


def measured(facts: Facts) -> str | None:
    """The measured learning rate with its range, and how the race ended, in one sentence; ``None`` without either."""
    probe = facts.probe
    parts = []
    if probe is not None and probe.lr is not None:
        parts.append(f"best learning rate {rate(probe.lr.best)}{_range(probe.lr)}")
    if probe is not None and probe.race is not None and probe.race.entries:
        race = probe.race
        strategies = counted(len(race.entries), "strategy", "strategies")
        parts.append(f"in a race of {strategies} over {_length(race)}, {_outcome(race)}")
    return f"{'; '.join(parts)}." if parts else None


def rate_sentences(lr: LrFacts) -> list[str]:
    """What the trials of the learning rate say."""
    tried = f"{counted(lr.trials, 'run')} of up to {lr.trial_steps:,} of the planned {lr.planned_steps:,} steps"
    said = [
        f"Best learning rate {rate(lr.best)}{_range(lr)}: {tried}, judged on {counted(lr.select_images, 'image')} that"
        " nothing trains on."
    ]
    if lr.best_by_seed is not None:
        ends = between(rate(lr.best_by_seed.low), rate(lr.best_by_seed.high))
        said.append(f"Alone, each of the {lr.best_by_seed.n} seeds would pick {ends}.")
    if lr.cliff is not None:
        times = f", {number(lr.cliff_ratio)} times the best" if lr.cliff_ratio is not None else ""
        said.append(f"At {rate(lr.cliff)}{times}, a run ended no better than a model that knows nothing.")
    if lr.at_edge:
        said.append("The best is the last that was tried on its side: a better one may lie beyond.")
    return said


def race_sentences(race: RaceFacts) -> list[str]:
    """How the race ended, and how sure that is."""
    outcome = _outcome(race)
    runs = f"{_length(race)}, {counted(race.seeds, 'run')} each at {race.image_size_px} px"
    said = [f"{outcome[0].upper()}{outcome[1:]}: {runs}."]
    if race.accuracy is not None:
        said.append(
            f"On {counted(race.accuracy.n, 'image')} that chose nothing, its accuracy is"
            f" {shown(race.accuracy, 'accuracy')}."
        )
    return said


def standing(race: RaceFacts, entry: RaceEntry) -> str:
    """Where ``entry`` stands against the leader, in a few words."""
    if entry.name == race.leader:
        return "leads"
    if max(entry.behind.low, entry.loss_behind.low) <= 0:
        return "ties"
    if entry.behind.low <= 0:
        return f"loss {entry.loss_behind.value:.2f} higher"
    return f"{entry.behind.value:.1f} points behind"


def left_out(facts: Facts) -> list[tuple[str, tuple[str, ...]]]:
    """Parts that probes were not able to measure: the probe in words, and the parts."""
    probe = facts.probe
    if probe is None:
        return []
    owners = (("Frozen features", probe.features), ("Batch size and speed", probe.batch), ("Strategies", probe.race))
    return [(title, owner.left_out) for title, owner in owners if owner is not None and owner.left_out]


def _range(lr: LrFacts) -> str:
    ends = between(rate(lr.low), rate(lr.high))
    return f" ({ends} within noise)" if lr.low < lr.high else ""


def _length(race: RaceFacts) -> str:
    return f"{race.steps:,} of the planned {race.planned_steps:,} steps"


def _outcome(race: RaceFacts) -> str:
    title = next((entry.title for entry in race.entries if entry.name == race.recommended), race.recommended)
    if race.tied:
        return f"{race.tied_with + 1} tie, and '{title}' is the simplest of those within a standard error"
    return f"'{title}' wins"
