"""The linter's findings as a page: one HTML file that needs nothing but itself, with each run's curves annotated."""

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cvadvisor.diagnosis import Evidence
from cvadvisor.facts.seen import Curve, Mark, Series
from cvadvisor.lint_report import LintedRun, LintReport, Sketch
from cvadvisor.outputs import charts, figures
from cvadvisor.outputs.lint_words import NOUNS, SEVERITIES, about, new_findings, place, summary, was_judged, worst
from cvadvisor.shipped import shipped

_MOST_MARKS = 5
_SPLITS = ("train", "validation", "test")


def render(report: LintReport) -> str:
    """The page of ``report``."""
    runs = sorted(report.runs, key=_rank)
    loud = [run for run in runs if run.findings or len(runs) == 1]
    page = _environment().get_template("lint.html.j2")
    text = page.render(
        report=report,
        summary=summary(report),
        worst=worst(new_findings(report)) or ("ok" if any(map(was_judged, runs)) else "info"),
        runs=[(run, [charts.line_chart(curve) for curve in curves(run)]) for run in loud],
        quiet=[run for run in runs if run not in loud],
    )
    return f"{text.rstrip()}\n"


def curves(run: LintedRun) -> list[Curve]:
    """Charts of the run's series, a kind each, with its findings marked where they are."""
    marks = [
        Mark(label=finding.name, x=finding.epoch)
        for finding in run.findings
        if finding.epoch is not None and finding.severity != "info"
    ][:_MOST_MARKS]
    kinds: dict[str, list[Sketch]] = {}
    for sketch in run.sketches:
        kinds.setdefault(_quantity(sketch), []).append(sketch)
    return [
        Curve(
            name=kind,
            title=f"{kind} of {run.path}",
            x_label=run.unit,
            y_label=kind,
            x_log=False,
            series=tuple(_series(sketch) for sketch in sketches),
            marks=() if kind == "Learning rate" else tuple(marks),
        )
        for kind, sketches in kinds.items()
    ]


def _quantity(sketch: Sketch) -> str:
    """What the series is, whatever it was measured on: those of one quantity share a chart."""
    words = [word for word in sketch.title.split() if word not in _SPLITS] or [sketch.column]
    text = "Learning rate" if words[:2] == ["learning", "rate"] else " ".join(words)
    return text[:1].upper() + text[1:]


def _series(sketch: Sketch) -> Series:
    points = [(x, y) for x, y in zip(sketch.epochs, sketch.values, strict=False) if y is not None]
    split = next((word for word in sketch.title.split() if word in _SPLITS), "")
    return Series(name=split or sketch.column, x=tuple(x for x, _ in points), y=tuple(y for _, y in points))


def _rank(run: LintedRun) -> int:
    severity = worst(run.findings)
    return SEVERITIES.index(severity) if severity else len(SEVERITIES)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shipped("reports/templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"about": about, "noun": NOUNS.__getitem__, "evidence": _evidence}
    environment.globals |= {"place": place, "was_judged": was_judged}
    return environment


def _evidence(fact: Evidence) -> str:
    return figures.shown(fact.value, fact.fact)


def _printable(value: Any) -> Any:
    """Neutralise control characters in everything the template writes."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return figures.visible(value, keep="\n\t")
    return value
