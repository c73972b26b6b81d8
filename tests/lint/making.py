"""Reports made by hand, for outputs to render."""

import dataclasses
import types
import typing
from collections.abc import Callable
from typing import Any

from cvadvisor.diagnosis import Evidence, Severity
from cvadvisor.facts.run import RunFacts
from cvadvisor.lint_report import (
    Cause,
    Folded,
    Ignored,
    LintedRun,
    LintFinding,
    LintReport,
    NamedRule,
    NotChecked,
    Sketch,
    Unreadable,
)


def run_facts(**known: Any) -> RunFacts:
    """Facts of a run of 30 epochs: those that are always known have a value, the others are not known."""
    values: dict[type, Any] = {str: "log.csv", int: 30, float: 1.0, bool: True}
    hints = typing.get_type_hints(RunFacts)
    missing = (dataclasses.MISSING, None)
    made = {}
    for field in dataclasses.fields(RunFacts):  # type: ignore[arg-type]
        optional = isinstance(hints[field.name], types.UnionType)
        if not optional and field.default is dataclasses.MISSING and field.default_factory in missing:
            made[field.name] = values.get(hints[field.name], ())
        elif hints[field.name] in values:
            made[field.name] = values[hints[field.name]]
    return RunFacts(**{**made, **known})


def finding(
    code: str = "RUN003", name: str = "loss-diverged", severity: Severity = "error", **changed: Any
) -> LintFinding:
    known: dict[str, Any] = {
        "code": code,
        "name": name,
        "severity": severity,
        "message": "Training loss rose from 0.52 to 8.1 at epoch 12 and never came back (noise 0.03).",
        "why": "A run that diverged has learned nothing since.",
        "evidence": (Evidence(fact="run.train_loss.last", value=8.1, description="Last value."),),
        "causes": (
            Cause(cause="The learning rate is too high", looks_like="The loss rose while the rate was highest."),
            Cause(cause="Half precision overflowed", looks_like="The loss jumps to infinity within a step."),
        ),
        "fix": "Lower the learning rate from 0.1 to 0.01, or warm up for longer.",
        "epoch": 12.0,
        "known_before": False,
    }
    return LintFinding(**{**known, **changed})


def sketch(title: str, values: typing.Sequence[float | None], **changed: Any) -> Sketch:
    epochs = tuple(float(epoch) for epoch in range(1, len(values) + 1))
    known: dict[str, Any] = {"column": title.replace(" ", "_"), "title": title, "epochs": epochs}
    return Sketch(**{**known, "values": tuple(values), **changed})


def linted(*findings: LintFinding, path: str = "runs/exp7/results.csv", **changed: Any) -> LintedRun:
    known: dict[str, Any] = {
        "path": path,
        "format": "Ultralytics results.csv",
        "number": 1,
        "of": 1,
        "unit": "epoch",
        "facts": run_facts(),
        "findings": findings,
        "folded": (),
        "passed": (NamedRule(code="RUN005", name="loss-not-improving"), NamedRule(code="RUN002", name="loss-zero")),
        "not_checked": (NotChecked(code="RUN027", name="gradient-exploding", missing=("gradient norm",)),),
        "ignored": (),
        "sketches": (
            sketch("train loss", [2.3 * 0.8**epoch for epoch in range(12)] + [1.0, 3.0, 8.1, 8.0]),
            sketch("validation accuracy", [0.1 + 0.05 * epoch for epoch in range(16)]),
        ),
        "columns": {"train/box_loss": "train/loss/box", "metrics/mAP50-95(B)": "validation/map", "my col": ""},
    }
    return LintedRun(**{**known, **changed})


def report(*runs: LintedRun, **changed: Any) -> LintReport:
    return LintReport(**{"version": "1", "tool_version": "0.0", "runs": runs, **changed})


def faulty() -> LintReport:
    """A diverged run that explains another finding, a run with a warning, a healthy one, and a file that is no log."""
    folded = (Folded(code="RUN008", name="overfitting", message="It overfits.", under="RUN003"),)
    notes = finding(
        "RUN018",
        "best-checkpoint-lost",
        "warning",
        message="Validation accuracy was best at epoch 9.",
        causes=(),
        fix="Use the checkpoint of epoch 9.",
        epoch=9.0,
    )
    ignored = (Ignored(code="RUN034", name="noisy-validation", reason="40 images by design"),)
    return report(
        linted(notes, path="runs/exp8/log.csv", number=2, of=2),
        linted(finding(), folded=folded, ignored=ignored),
        linted(path="runs/healthy.csv"),
        unreadable=(Unreadable(path="runs/noise.bin", reason="is no text and no event file: nothing to read."),),
    )


Fake = Callable[..., LintReport]
