"""The main line: inspect, probe, advise, write."""

import contextlib
import dataclasses
import importlib.metadata
import os
import platform
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cvadvisor import __version__, probing
from cvadvisor.config import CLEAN_SPLIT, CONVERTED_WEIGHTS, LEAKAGE, RESULT_FILES, SAMPLES, Settings, Wishes
from cvadvisor.diagnosis import Check, Diagnosis, Inputs, to_json
from cvadvisor.facts import Facts, PlanFacts, RunFacts
from cvadvisor.inspect.dataset.inspection import SCAN_TITLE, Dataset, inspect_dataset
from cvadvisor.inspect.dataset.layouts.reading import Reading
from cvadvisor.inspect.dataset.thumbnails import thumbnails
from cvadvisor.inspect.hardware import inspect_hardware
from cvadvisor.inspect.model import own_file
from cvadvisor.inspect.printable import printable
from cvadvisor.judging import RulesInUse, judged, rules_in_use
from cvadvisor.probe.runner import ProbeRun, Worker, check_model_name
from cvadvisor.progress import Progress, silent

MOST_SHOWN, MOST_SHOWN_OF_A_KIND = 12, 6
"""Entries of a list that get pictures: leaks, label suspects …; images that stand out in one way."""


@dataclasses.dataclass
class _Measured:
    """What an audit knows so far."""

    dataset: Dataset
    checks: list[Check]
    probed: probing.Probed
    timings_s: dict[str, float]
    interrupted: bool = False


def audit(settings: Settings, progress: Progress = silent) -> Diagnosis:
    """Audit a dataset, a model and a training log.

    It writes nothing into ``settings.out`` but weights that had to be converted for the script, and the lists of
    samples and leaks, which :func:`write` puts in their places.

    Raises:
        DatasetError: the dataset can't be understood.
        ModelError: the model's name, its weights file or the device is wrong.
        LogError: the training log can't be read.
        UserError: ``settings.rules`` name a rule or threshold that does not exist, or the user's own is not valid.
        KeyboardInterrupt: stopped before there was anything to report. Stopped later, the diagnosis says so.
    """
    created = datetime.now(UTC).isoformat(timespec="seconds")
    rules = rules_in_use(settings.rules, *filter(None, (settings.data, settings.log)))  # quick to find wrong
    with Worker() as worker:
        measured = _inspect(settings, worker, progress)
        with contextlib.closing(measured.dataset):
            try:
                _probe_if_asked(settings, measured, rules, worker, progress)
                return _conclude(settings, measured, rules, created)
            except KeyboardInterrupt:
                measured.interrupted = True
                measured.probed.run.skip_rest("the audit was interrupted", "run it again and let it finish")
                return _conclude(settings, measured, rules, created)


def _conclude(settings: Settings, measured: _Measured, rules: RulesInUse, created: str) -> Diagnosis:
    """List the samples and leaks, and judge what was measured."""
    settings.out.mkdir(parents=True, exist_ok=True)
    measured.dataset.write_samples(_unfinished(settings.out, SAMPLES))
    measured.dataset.write_leakage(_unfinished(settings.out, LEAKAGE))
    measured.dataset.write_clean_split(_unfinished(settings.out, CLEAN_SPLIT))
    return _advise(settings, measured, rules, created)


def write(diagnosis: Diagnosis, out: Path) -> dict[str, Path]:
    """Write the results into ``out``.

    They are ``audit.json``, ``report.html``, ``samples.csv``, ``leakage.csv``, where there is a leak to remove
    ``clean_split.csv``, and where there is a recipe ``train.py``.

    Returns:
        The files by name. Each is written beside its place first, so that none is ever half there.
    """
    from cvadvisor.outputs import html, script

    texts = {"audit.json": to_json(diagnosis), "report.html": html.render(diagnosis)}
    if diagnosis.advice is not None:
        texts["train.py"] = script.render(diagnosis)
    written = {}
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        _unfinished(out, name).write_text(text, encoding="utf-8")
    for name in RESULT_FILES:
        if (unfinished := _unfinished(out, name)).exists():
            written[name] = unfinished.replace(out / name)
        else:
            (out / name).unlink(missing_ok=True)  # of an earlier audit, which --force gave up
    return written


def _unfinished(out: Path, name: str) -> Path:
    return out / f".{name}.tmp"


def _last_run(log: Path, columns: Mapping[str, str] | None) -> RunFacts:
    """The facts of the log's last run: of several in one file, the one that counts."""
    from cvadvisor.inspect.logs.measure import measure
    from cvadvisor.inspect.logs.read import read_logs

    return measure(list(read_logs(log, columns=columns))[-1])


def _inspect(settings: Settings, worker: Worker, progress: Progress) -> _Measured:
    """Everything that needs no training: dataset, log, hardware, plan."""
    checks = []
    timings: dict[str, float] = {}
    run = None
    if settings.log is not None:  # first, as it is quick to find wrong
        with _timed(timings, "log"):
            run = _last_run(settings.log, settings.columns)
        checks.append(Check(name="log", title="Training log", status="done", provides=("run",)))
    else:
        reason, enable = "no training log was given", "--log FILE"
        missing = Check(
            name="log", title="Training log", status="not checked", reason=reason, enable=enable, provides=("run",)
        )
        checks.append(missing)
    with _timed(timings, "dataset"):
        dataset = inspect_dataset(
            settings.data,
            settings.wishes,
            cache=settings.cache,
            use_cache=settings.use_cache,
            understood=lambda reading: _check_model(settings, reading, worker, progress),
            progress=progress,
        )
    checks.append(
        Check(
            name="dataset",
            title=SCAN_TITLE,
            status="done",
            reason=" ".join(dataset.notes) or None,
            seconds=timings["dataset"],
            provides=("dataset",),
        )
    )
    hardware = inspect_hardware(settings.device)
    checks.append(Check(name="hardware", title="Hardware", status="done", provides=("hardware",)))
    plan = PlanFacts(
        task=dataset.reading.task,
        budget_s=settings.budget_s,
        seed=settings.seed,
        weights=settings.weights,
        probes=settings.probes,
        epochs=settings.epochs,
        image_size_px=settings.image_size,
    )
    facts = Facts(dataset=dataset.facts, run=run, hardware=hardware, plan=plan)
    return _Measured(dataset, checks, probing.Probed(facts, ProbeRun()), timings)


def _check_model(settings: Settings, reading: Reading, worker: Worker, progress: Progress) -> None:
    """A misspelt model is quick to find, and the scan may take long."""
    if settings.probes and reading.task == probing.PROBED_TASK:
        check_model_name(worker, settings.model, progress)


def _probe_if_asked(
    settings: Settings, measured: _Measured, rules: RulesInUse, worker: Worker, progress: Progress
) -> None:
    """Run the probes, or say why none runs."""
    task = measured.dataset.reading.task
    if not settings.probes:
        measured.probed.run.skip_rest("probes were turned off", "audit without --no-probes")
    elif task != probing.PROBED_TASK:
        measured.probed.run.skip_rest(f"there are no probes for {task} yet")
    else:
        with _timed(measured.timings_s, "model"):
            loaded = probing.load(settings, measured.dataset, measured.probed, worker, progress)
        if loaded:
            with _timed(measured.timings_s, "probes"):
                probing.probe(settings, measured.probed, measured.checks, rules, worker, progress)


def _advise(settings: Settings, measured: _Measured, rules: RulesInUse, created: str) -> Diagnosis:
    """Judge the facts by the rules and shape the recipe."""
    probed, probes = measured.probed, measured.probed.run
    facts = dataclasses.replace(probed.facts, probe=probes.facts)
    checks = (*measured.checks, *probes.checks)
    inputs = _inputs(settings, converted=probed.converted)
    with _timed(measured.timings_s, "rules"):
        made = judged(facts, checks, rules, weights=probed.weights, seed=settings.seed, epochs=settings.epochs)
    findings = made.findings
    shown = _shown_paths(facts, [finding.show for finding in findings if finding.show]) if settings.images else []
    return Diagnosis(
        schema_version="1",
        tool_version=__version__,
        created=created,
        interrupted=measured.interrupted,
        inputs=inputs,
        facts=facts,
        outcomes=made.outcomes,
        findings=findings,
        checks=checks,
        advice=made.advice,
        curves=probes.curves,
        thumbnails=thumbnails(measured.dataset.files.root, measured.dataset.places(shown)),
        timings_s=measured.timings_s,
        environment=_environment(),
    )


def _shown_paths(facts: Facts, fact_paths: list[str]) -> list[str]:
    """Images that findings show: every path in the first entries of each listed fact."""
    paths = []
    for fact in fact_paths:
        value: Any = facts
        for name in fact.split("."):
            value = getattr(value, name, None)
        most = MOST_SHOWN_OF_A_KIND if fact.endswith(".examples") else MOST_SHOWN
        for entry in (value or ())[:most]:
            paths += [getattr(entry, name) for name in ("path", "path_a", "path_b") if hasattr(entry, name)]
    return paths


def _inputs(settings: Settings, *, converted: bool) -> Inputs:
    """The inputs, with paths relative to the results, so that a report gives away no home folder."""
    weights_file = None
    if converted:
        weights_file = CONVERTED_WEIGHTS
    elif settings.weights_file is not None:
        weights_file = _relative(settings.weights_file, settings.out)
    name = printable(settings.data.resolve().name)
    given = name if settings.data.is_absolute() else printable(settings.data)
    model, given_model = settings.model, settings.model
    if (own := own_file(settings.model)) is not None:
        file, build = own
        model = f"{_relative(file, settings.out)}:{build}"
        given_model = f"{printable(file.name if file.is_absolute() else file)}:{build}"
    arguments = ["cvadvisor", "audit", given, "--model", given_model, "--seed", str(settings.seed)]
    if settings.weights != "default":
        arguments += ["--weights", printable(settings.weights_file.name) if settings.weights_file else settings.weights]
    if settings.log:
        arguments += ["--log", printable(settings.log.name)]
    if settings.device != "auto":
        arguments += ["--device", settings.device]
    for option, number in (("--epochs", settings.epochs), ("--image-size", settings.image_size)):
        arguments += [option, str(number)] if number is not None else []
    arguments += _layout_options(settings.wishes)
    for folder in settings.rules.folders if settings.rules is not None else ():
        arguments += ["--rules", printable(_given(folder))]
    arguments += ["--no-cache"] * (not settings.use_cache)
    arguments += ["--no-probes"] * (not settings.probes) + ["--no-images"] * (not settings.images)
    return Inputs(
        data=_relative(settings.data, settings.out),
        data_name=name,
        model=model,
        weights=settings.weights,
        weights_file=weights_file,
        log=_relative(settings.log, settings.out) if settings.log else None,
        command=shlex.join([*arguments, "--budget", f"{settings.budget_s:.0f}s"]),
    )


def _given(folder: Path) -> Path:
    """``folder`` from the working folder, where it lies in it: no home folder is given away."""
    here, there = Path.cwd().resolve(), folder.resolve()
    return there.relative_to(here) if there.is_relative_to(here) else Path(there.name)


def _layout_options(wishes: Wishes) -> list[str]:
    options = []
    for field in dataclasses.fields(wishes):
        value = getattr(wishes, field.name)
        if value is not None:
            value = "multi-label" if value == "multi-label classification" else value
            options += [f"--{field.name.replace('_', '-')}", printable(value)]
    return options


def _relative(path: Path, folder: Path) -> str:
    try:
        return printable(Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix())
    except ValueError:  # another drive
        return printable(path.resolve().as_posix())


def _environment() -> dict[str, str]:
    """Versions of what took part, without importing it."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in ("torch", "torchvision", "timm", "scikit-learn", "pillow"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def _timed(timings_s: dict[str, float], stage: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        timings_s[stage] = round(time.monotonic() - started, 3)
