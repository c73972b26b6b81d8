"""Load the model and run probes on a dataset that was looked at: for an audit, and for one probe alone."""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any

from cvadvisor.advise.rules import CompiledRule
from cvadvisor.config import CONVERTED_WEIGHTS, Settings
from cvadvisor.diagnosis import Check
from cvadvisor.facts import Facts, HardwareFacts
from cvadvisor.inspect.dataset.drawing import LabelledImage
from cvadvisor.inspect.dataset.inspection import Dataset
from cvadvisor.judging import RulesInUse, judged
from cvadvisor.plan import fit
from cvadvisor.probe.declaration import Probe
from cvadvisor.probe.runner import ProbeRun, Worker, load_model, run_probes
from cvadvisor.probe.session import Job, Sample
from cvadvisor.progress import Progress

PROBED_TASK = "classification"
"""The one task that probes and the training script are written for yet."""
MOST_TRAIN_SAMPLES, MOST_HELD_OUT_SAMPLES = 4000, 2000
"""Images that are offered to probes, drawn by seed."""
SEVERITY_WEIGHTS = {"error": 4.0, "warning": 2.0, "info": 1.0}
RECIPE_WEIGHT = 2.0
"""What a rule weighs more that shapes the recipe: the script is what a user runs."""
LEAST_WEIGHT = 0.5
"""A probe that no rule waits for still has facts to show."""


@dataclasses.dataclass
class Probed:
    """What is known of a dataset and a model; it grows as probes finish.

    Attributes:
        facts: those of the dataset, the machine and the plan, and when it is loaded of the model; not the probes'.
        run: what the probes gave.
        converted: whether weights had to be converted for the script.
        weights: as the recipe says it: 'pretrained', 'file' or 'none'.
    """

    facts: Facts
    run: ProbeRun
    converted: bool = False
    weights: str = "none"


def load(
    settings: Settings,
    dataset: Dataset,
    probed: Probed,
    worker: Worker,
    progress: Progress,
    *,
    keep_weights: bool = True,
) -> bool:
    """Load the model in the worker, and note in ``probed`` what follows from it; whether that worked.

    With ``keep_weights``, weights that had to be converted for the script are written into ``settings.out``.

    Raises:
        ModelError: the user named a model, a weights file or a device that can't be used.
        UserError: the model does not take the size that was asked for.
    """
    facts = probed.facts
    assert facts.plan is not None
    assert facts.hardware is not None
    worker.job = make_job(settings, dataset, facts.hardware, keep_weights=keep_weights)
    loaded = load_model(probed.run, worker, progress)
    if loaded is None:
        return False
    probed.converted = loaded.converted
    from_file = loaded.converted or settings.weights_file is not None
    probed.weights = "file" if from_file else "pretrained" if loaded.facts.pretrained else "none"
    probed.facts = dataclasses.replace(
        facts,
        model=loaded.facts,
        plan=fit(facts.plan, loaded.facts, dataset),
        hardware=dataclasses.replace(facts.hardware, device=loaded.device),
    )
    return True


def probe(
    settings: Settings,
    probed: Probed,
    checks: Sequence[Check],
    rules: RulesInUse,
    worker: Worker,
    progress: Progress,
    only_needed: Collection[str] = (),
    only_used: Collection[str] = (),
) -> None:
    """Run the probes of ``probed.run`` within the budget; ``checks`` say why other facts are missing.

    ``rules`` say what each probe is worth, and shape the recipe that training probes try.
    ``only_needed`` names probes that run only where another can't do without, ``only_used`` those that others are the
    better for: they get as little time as goes.
    """
    assert probed.facts.plan is not None
    assert probed.facts.plan.image_size_px is not None
    values = {
        one.name: 0.0
        if one.name in only_needed
        else LEAST_WEIGHT
        if one.name in only_used
        else waiting_weight(one.provides, rules.judging)
        for one in probed.run.probes
    }
    recipe = _recipe_so_far(settings, probed, checks, rules)
    run_probes(probed.run, worker, probed.facts.plan.image_size_px, settings.budget_s, recipe, progress, values)


def waiting_weight(provides: str, rules: Sequence[CompiledRule]) -> float:
    """What the rules weigh together that read a fact below ``provides``; a little where there is none."""
    waiting = [
        compiled.rule
        for compiled in rules
        if any(path == provides or path.startswith(f"{provides}.") for path in compiled.reads)
    ]
    return LEAST_WEIGHT + sum(SEVERITY_WEIGHTS[rule.severity] + RECIPE_WEIGHT * bool(rule.advice) for rule in waiting)


def with_needs(probe: Probe, probes: Sequence[Probe]) -> tuple[Probe, ...]:
    """``probe`` and, before it, all of ``probes`` that it needs or uses."""
    named = {one.name: one for one in probes}
    wanted = {probe.name}
    for one in reversed(probes):
        if one.name in wanted:
            wanted |= {name for name in (*one.needs, *one.uses) if name in named}
    return tuple(one for one in probes if one.name in wanted)


def make_job(settings: Settings, dataset: Dataset, hardware: HardwareFacts, *, keep_weights: bool) -> Job:
    """What the worker needs to know: sampled images of both sides, the model, the device."""
    index = {name: number for number, name in enumerate(dataset.classes)}

    def samples(images: list[LabelledImage]) -> list[Sample]:
        return [Sample(image.place, index[image.label], leaked=image.source is not None) for image in images]

    held_out = dataset.draw("validation", MOST_HELD_OUT_SAMPLES, settings.seed)
    train = dataset.draw("train", MOST_TRAIN_SAMPLES, settings.seed, beside=held_out)
    return Job(
        root=str(dataset.files.root.resolve()),
        classes=list(dataset.classes),
        train=samples(train),
        held_out=samples(held_out),
        held_out_from=dataset.held_out_from(),
        train_images=dataset.facts.train_images,
        validation_images=dataset.facts.validation_images or dataset.facts.proposed_validation_images,
        model=settings.model,
        weights=settings.weights,
        weights_file=str(settings.weights_file.resolve()) if settings.weights_file else None,
        device=settings.device,
        cores=hardware.cpu_cores,
        seed=settings.seed,
        budget_s=settings.budget_s,
        save_weights=str((settings.out / CONVERTED_WEIGHTS).resolve()) if keep_weights else None,
    )


def _recipe_so_far(
    settings: Settings, probed: Probed, checks: Sequence[Check], rules: RulesInUse
) -> Callable[[], dict[str, Any] | None]:
    """Gives the recipe that the facts known by then make: training probes try what the script would run."""

    def recipe() -> dict[str, Any] | None:
        facts = dataclasses.replace(probed.facts, probe=probed.run.facts)
        so_far = judged(
            facts,
            (*checks, *probed.run.checks),
            rules,
            weights=probed.weights,
            seed=settings.seed,
            epochs=settings.epochs,
        )
        return None if so_far.advice is None else dataclasses.asdict(so_far.advice.recipe)

    return recipe
