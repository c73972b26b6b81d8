"""Judge facts by rules: each ends as fired, passed, not checked or ignored (and why) or failed; never as silence."""

from collections.abc import Sequence
from typing import NamedTuple

from cvadvisor.advise.message import listed, render_message
from cvadvisor.advise.rules import CompiledAdvice, CompiledRule, Rule
from cvadvisor.advise.shape import Act, Fired
from cvadvisor.advise.words import Lookup, MissingFact, fact_words, facts_lookup, with_params
from cvadvisor.diagnosis import Check, Evidence, Finding, Outcome, Severity, Status
from cvadvisor.facts import Facts

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


class Ignored(NamedTuple):
    """A rule that the user does not want to judge by, and why."""

    rule: Rule
    reason: str


class Judgement(NamedTuple):
    """What rules say about facts.

    Attributes:
        outcomes: what became of every rule that applies to the dataset's task, by code.
        findings: the rules that fired, the most important first.
        fired: the same rules with what they do to the recipe, for :func:`cvadvisor.advise.shape.shape_recipe`.
    """

    outcomes: tuple[Outcome, ...]
    findings: tuple[Finding, ...]
    fired: tuple[Fired, ...]


def judge(
    rules: Sequence[CompiledRule], facts: Facts, checks: Sequence[Check] = (), ignored: Sequence[Ignored] = ()
) -> Judgement:
    """Judge ``facts`` by ``rules``; ``checks`` say why facts are missing and what would provide them.

    A rule for other tasks than the dataset's is left out. One that breaks is reported as failed and stops no other. Of
    those in ``ignored`` the outcomes say why; they neither fire nor shape anything.
    """
    lookup = facts_lookup(facts)
    outcomes = [_outcome(rule, "ignored", (), reason) for rule, reason in ignored if _applies(rule, facts)]
    findings, fired = [], []
    for compiled in (item for item in rules if _applies(item.rule, facts)):
        rule = compiled.rule
        try:
            if not compiled.fires(lookup):
                outcomes.append(_outcome(rule, "passed"))
                continue
            acts = tuple(_act(compiled, item, lookup) for item in compiled.advice)
            found = Fired(rule, acts)
            finding = _finding(compiled, acts, lookup)
        except MissingFact as missing:
            paths = _missing(compiled, missing.path, lookup)
            outcomes.append(_outcome(rule, "not checked", paths, _why_missing(paths, checks)))
        except Exception as error:  # a rule's bug must not hide what the other rules found
            outcomes.append(_outcome(rule, "failed", (), f"{type(error).__name__}: {error}"))
        else:
            outcomes.append(_outcome(rule, "fired"))
            findings.append(finding)
            fired.append(found)
    priority = {item.rule.code: item.rule.priority for item in rules}
    findings.sort(key=lambda item: (_SEVERITIES.index(item.severity), -priority[item.code], item.code))
    outcomes.sort(key=lambda item: item.code)
    fired.sort(key=lambda item: item.rule.code)
    return Judgement(tuple(outcomes), tuple(findings), tuple(fired))


def _applies(rule: Rule, facts: Facts) -> bool:
    return not rule.tasks or facts.dataset is None or facts.dataset.task in rule.tasks


def _outcome(rule: Rule, status: Status, missing: tuple[str, ...] = (), reason: str | None = None) -> Outcome:
    return Outcome(
        code=rule.code, name=rule.name, severity=rule.severity, status=status, missing=missing, reason=reason
    )


def _act(compiled: CompiledRule, item: CompiledAdvice, lookup: Lookup) -> Act:
    rule, advice = compiled.rule, item.advice
    missing = value = None
    try:
        value = item.value(lookup)
    except MissingFact as error:
        missing = error.path
    return Act(
        field=advice.field,
        stage=advice.acts_in,
        operation=advice.operation,
        value=value,
        reason=render_message(advice.reason or rule.message, with_params(lookup, rule.params)),
        rule=rule.code,
        strength=rule.strength,
        missing=missing,
        even_if_measured=advice.even_if_measured or advice.even_if_tried,
        even_if_tried=advice.even_if_tried,
    )


def _finding(compiled: CompiledRule, acts: tuple[Act, ...], lookup: Lookup) -> Finding:
    rule = compiled.rule
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=rule.severity,
        message=render_message(rule.message, with_params(lookup, rule.params)),
        why=rule.why,
        fix=render_message(rule.fix, with_params(lookup, rule.params)),
        strength=rule.strength,
        evidence=_evidence((*compiled.reads, *compiled.mentions), lookup),
        params=rule.params,
        sources=rule.sources,
        advice=tuple(f"{act.field}: {act.text}" for act in acts if act.value is not None),
        show=rule.show,
    )


def _evidence(paths: tuple[str, ...], lookup: Lookup) -> tuple[Evidence, ...]:
    """The facts that a rule read, as far as they are known: a rule may be decided before it reads them all."""
    made = []
    for path in dict.fromkeys(paths):
        word = fact_words()[path]
        try:
            value = lookup(path)
        except MissingFact:
            continue
        if isinstance(value, tuple):
            value = listed(value) if word.items else len(value)
        made.append(Evidence(fact=path, value=value, description=word.description))
    return tuple(made)


def _missing(compiled: CompiledRule, reached: str, lookup: Lookup) -> tuple[str, ...]:
    """The missing fact that the rule reached, then the others that it may read."""
    others = []
    for path in compiled.reads:
        try:
            lookup(path)
        except MissingFact:
            others.append(path)
    return tuple(dict.fromkeys((reached, *others)))


def _why_missing(paths: tuple[str, ...], checks: Sequence[Check]) -> str:
    """Why these facts are missing and what would enable them, one sentence for each cause."""
    return "; ".join(dict.fromkeys(_why_one_missing(path, checks) for path in paths))


def _why_one_missing(path: str, checks: Sequence[Check]) -> str:
    description = fact_words()[path].description.rstrip(".")
    candidates = [(len(prefix), check) for check in checks for prefix in check.provides if _covers(prefix, path)]
    if not candidates:
        return f"{path} is not known: {description[0].lower()}{description[1:]}."
    check = max(candidates, key=lambda pair: pair[0])[1]
    title = check.title.rstrip(".")
    if check.status == "done":
        return f"{title} gave no value for {path} ({description[0].lower()}{description[1:]})."
    verb = "was not checked" if check.status == "not checked" else "failed"
    reason = f": {check.reason.rstrip('.')}" if check.reason else ""
    enable = f" Enable: {check.enable}" if check.enable else ""
    return f"{title} {verb}{reason}.{enable}"


def _covers(prefix: str, path: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}.")
