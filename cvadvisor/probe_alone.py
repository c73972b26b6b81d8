"""Run one probe alone: look at the dataset, load the model, run what the probe needs, and it."""

import contextlib

from cvadvisor import probing
from cvadvisor.config import Settings
from cvadvisor.errors import UserError
from cvadvisor.facts import Facts, PlanFacts
from cvadvisor.inspect.dataset.inspection import Dataset, inspect_dataset
from cvadvisor.inspect.dataset.layouts.reading import Reading
from cvadvisor.inspect.hardware import inspect_hardware
from cvadvisor.inspect.printable import printable
from cvadvisor.judging import RulesInUse, rules_in_use
from cvadvisor.probe.catalog import PROBES
from cvadvisor.probe.declaration import Probe
from cvadvisor.probe.runner import ProbeRun, Worker, check_model_name
from cvadvisor.probe_report import ProbeReport
from cvadvisor.progress import Progress, silent


def probe_alone(settings: Settings, name: str, progress: Progress = silent) -> ProbeReport:
    """Run the probe called ``name``, and before it what it needs, as small as that goes.

    Changed copies are not looked for: held-out images that training holds in another form count as held out unless an
    audit found them before.

    Raises:
        UserError: there is no such probe, the dataset can't be understood or is for another task, or the model's name,
            its weights file, the size of its input, the device or a rule is wrong.
    """
    probe = next((one for one in PROBES if one.name == name), None)
    if probe is None:
        raise UserError(f"there is no probe {name!r}: choose one of {', '.join(one.name for one in PROBES)}.")
    rules = rules_in_use(settings.rules, settings.data)
    with Worker() as worker:

        def understood(reading: Reading) -> None:
            if reading.task != probing.PROBED_TASK:
                raise UserError(
                    f"{printable(settings.data)} is for {reading.task}: there are probes for "
                    f"{probing.PROBED_TASK} only; give --task {probing.PROBED_TASK} if it is that."
                )
            check_model_name(worker, settings.model, progress)

        dataset = inspect_dataset(
            settings.data,
            settings.wishes,
            cache=settings.cache,
            use_cache=settings.use_cache,
            understood=understood,
            progress=progress,
            changed_copies=False,
        )
        with contextlib.closing(dataset):
            return _probe(settings, probe, probing.with_needs(probe, PROBES), dataset, rules, worker, progress)


def _probe(
    settings: Settings,
    probe: Probe,
    wanted: tuple[Probe, ...],
    dataset: Dataset,
    rules: RulesInUse,
    worker: Worker,
    progress: Progress,
) -> ProbeReport:
    plan = PlanFacts(
        task=dataset.reading.task,
        budget_s=settings.budget_s,
        seed=settings.seed,
        weights=settings.weights,
        probes=True,
        epochs=settings.epochs,
        image_size_px=settings.image_size,
    )
    facts = Facts(dataset=dataset.facts, hardware=inspect_hardware(settings.device), plan=plan)
    probed = probing.Probed(facts, ProbeRun(wanted))
    if probing.load(settings, dataset, probed, worker, progress, keep_weights=False):
        needed = [one.name for one in wanted if one is not probe and one.name not in probe.uses]
        probing.probe(settings, probed, (), rules, worker, progress, only_needed=needed, only_used=probe.uses)
    run = probed.run
    check = run.check(probe.name)
    assert check is not None
    return ProbeReport(
        check=check,
        before=tuple(one for one in run.checks if one is not check),
        facts=Facts(probe=run.facts),
        curves=run.curves_of.get(probe.name, ()),
        about=_about(settings, probed.facts, dataset),
        seconds=worker.spent_s,
    )


def _about(settings: Settings, facts: Facts, dataset: Dataset) -> str:
    """On what it was measured: model, input, data, device."""
    parts = [settings.model]
    if facts.model is not None:
        parts[0] += ", pretrained" if facts.model.pretrained else ", random weights"
    if facts.plan is not None and facts.plan.image_size_px is not None:
        parts.append(f"{facts.plan.image_size_px} px")
    shown = printable(settings.data.resolve().name)
    parts.append(f"{shown}: {dataset.facts.train_images:,} training images, {len(dataset.classes):,} classes")
    if facts.hardware is not None:
        parts.append(facts.hardware.device)
    return "; ".join(parts)
