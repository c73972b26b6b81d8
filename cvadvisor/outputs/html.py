"""The report: one HTML file that needs nothing but itself, no network and no script."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cvadvisor.advise.recipe import Recipe
from cvadvisor.diagnosis import Diagnosis, Evidence
from cvadvisor.facts import Estimate
from cvadvisor.facts.learning_rate import LrFacts
from cvadvisor.outputs import charts, dataset_section, figures, probe_section, probe_words, shortcut_section, verdict
from cvadvisor.outputs.examples import examples
from cvadvisor.outputs.fact_rows import subjects
from cvadvisor.outputs.vocabulary import described, unit_of
from cvadvisor.shipped import shipped

# More than these are a list for a program, and audit.json has it.
_SHOWN_EXAMPLES = 12


def render(diagnosis: Diagnosis) -> str:
    """The report of ``diagnosis``, as the text of one HTML file."""
    return _environment().get_template("report.html.j2").render(_context(diagnosis))


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
    environment.filters |= {
        "shown": figures.shown,
        "setting": figures.setting,
        "counted": figures.counted,
        "moment": _moment,
        "words": lambda name: name.replace("_", " "),
        "evidence": _evidence,
        "interval": _interval,
    }
    return environment


def _context(diagnosis: Diagnosis) -> dict[str, Any]:
    probe = diagnosis.facts.probe
    features = probe.features if probe else None
    dataset = dataset_section.section(diagnosis)
    return {
        "d": diagnosis,
        "verdict": verdict.verdict(diagnosis),
        "subject": verdict.subject(diagnosis),
        "besides": verdict.besides(diagnosis),
        "judged": verdict.judged(diagnosis),
        "urgent": verdict.having(diagnosis, "error", "warning"),
        "notes": verdict.having(diagnosis, "info"),
        "fired": {finding.code for finding in diagnosis.findings},
        "dataset": dataset,
        "shortcuts": shortcut_section.section(diagnosis),
        "below": {code: kind for kind in dataset.get("found", []) for code in kind.codes},
        "examples": {finding.code: examples(diagnosis, finding.show) for finding in diagnosis.findings},
        "shown_examples": _SHOWN_EXAMPLES,
        "passed": verdict.with_status(diagnosis, "passed"),
        "failed": verdict.with_status(diagnosis, "failed"),
        "ignored_rules": verdict.by_reason(diagnosis, "ignored"),
        "unchecked_rules": verdict.by_reason(diagnosis, "not checked"),
        "unmeasured": verdict.unmeasured_by_reason(diagnosis),
        "recipe_words": {name: field.description for name, field in described(Recipe).items()},
        "measured": probe_section.blocks(diagnosis),
        "left_out": probe_words.left_out(diagnosis.facts),
        "interval_chart": charts.interval_bar(features.linear_accuracy, features.majority_accuracy) if features else "",
        "subjects": subjects(diagnosis.facts),
        **_script(diagnosis),
    }


def _script(diagnosis: Diagnosis) -> dict[str, str | None]:
    """The training script, or why there is none; neither where there is no recipe to make one from."""
    if diagnosis.advice is None:
        return {"script": None, "script_problem": None}
    from cvadvisor.outputs import script

    try:
        return {"script": script.render(diagnosis), "script_problem": None}
    except ValueError as problem:
        return {"script": None, "script_problem": str(problem)}


def _printable(value: Any) -> Any:
    """Neutralise control characters in everything a template writes; line ends and tabs stay, as scripts need them."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return figures.visible(value, keep="\n\t")
    return value


def _moment(created: str) -> str:
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return created
    zone = " UTC" if moment.utcoffset() == timedelta(0) else ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"


def _evidence(fact: Evidence) -> str:
    unit = unit_of(fact.fact)
    text = figures.shown(fact.value, fact.fact, unit)
    if unit is None or figures.has_own_unit(fact.fact, unit):
        return text
    return f"{text} {figures.singular(unit, fact.value)}"


def _interval(measured: Estimate | LrFacts, name: str) -> str:
    return figures.between(figures.shown(measured.low, name), figures.shown(measured.high, name))
