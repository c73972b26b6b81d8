"""Lint training logs: read them, measure each run, judge it by the rules, and fold what follows from something else."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cvadvisor import __version__
from cvadvisor.advise.judge import Judgement, judge
from cvadvisor.advise.rule_file import Rule
from cvadvisor.advise.rules import CompiledRule, compile_rules, load_log_rules
from cvadvisor.advise.words import MissingFact, facts_lookup
from cvadvisor.diagnosis import Finding, from_json
from cvadvisor.errors import UserError
from cvadvisor.facts import DatasetFacts, Facts
from cvadvisor.inspect.logs.find import is_surely_meant
from cvadvisor.inspect.logs.log import LogError, Run, Series
from cvadvisor.inspect.logs.main_series import main_series, positions, unit
from cvadvisor.inspect.logs.measure import measure
from cvadvisor.inspect.logs.read import find_logs, read_logs
from cvadvisor.inspect.printable import printable
from cvadvisor.judging import all_rules
from cvadvisor.lint_report import (
    LINT_VERSION,
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

if TYPE_CHECKING:
    from cvadvisor.rule_settings import RuleSettings

_SKETCHED = 200


def lint(
    paths: Sequence[Path],
    *,
    data: Path | None = None,
    columns: Mapping[str, str] | None = None,
    settings: "RuleSettings | None" = None,
) -> LintReport:
    """Judge every run of the logs at ``paths``.

    Args:
        paths: log files, or folders that are searched for them.
        data: an ``audit.json`` of the dataset, for its classes.
        columns: what columns hold, where the names mislead: 'split/quantity' or 'split/quantity/part' by name.
        settings: which rules judge, and how severely.

    Raises:
        UserError: ``data`` is no audit, or the settings name a rule or parameter that does not exist.
    """
    dataset = from_json(data).facts.dataset if data is not None else None
    rules = compile_rules(lint_rules(settings))
    runs: list[LintedRun] = []
    unreadable = []
    for path in find_logs(paths):
        try:
            with np.errstate(all="ignore"):
                runs.extend([lint_run(run, rules, dataset, settings) for run in read_logs(path, columns=columns)])
        except LogError as error:
            if not is_surely_meant(path, paths):
                continue
            unreadable.append(Unreadable(path=_shown(path), reason=" ".join(str(error).split())))
        except Exception as error:  # a bug of ours on one log must not lose the others
            reason = f"{_shown(path)} could not be judged, which is a fault of cvadvisor: {type(error).__name__}"
            unreadable.append(Unreadable(path=_shown(path), reason=f"{reason}: {' '.join(str(error).split())[:200]}"))
    return LintReport(version=LINT_VERSION, tool_version=__version__, runs=tuple(runs), unreadable=tuple(unreadable))


def lint_rules(settings: "RuleSettings | None" = None) -> tuple[Rule, ...]:
    """The rules that judge logs, as the settings have them: selected, with their severities and parameters.

    Raises:
        UserError: the settings name a rule or parameter that does not exist, or select no rule on logs.
        RuleError: a rule of the user's own is not valid.
    """
    if settings is None:
        return tuple(filter(_reads_logs_only, load_log_rules()))
    # A configuration may name any rule, as it serves audits too; without one the others need not be read.
    rules = all_rules(settings) if settings.names_rules or settings.folders else load_log_rules()
    selected = [one for one in rules if _reads_logs_only(one) and settings.is_selected(one.code, one.name)]
    if not selected:
        raise UserError(f"No rule on training logs is among those selected: {', '.join(settings.select)[:200]}.")
    return tuple(selected)


def lint_run(
    run: Run,
    rules: Sequence[CompiledRule],
    dataset: DatasetFacts | None = None,
    settings: "RuleSettings | None" = None,
) -> LintedRun:
    """Judge one run."""
    classes = dataset.classes if dataset is not None else None
    facts = measure(run, classes or None, dataset.largest_class_share if dataset is not None else None)
    judgement = judge(rules, Facts(run=facts))
    shown = _shown(run.path)
    texts = {item.rule.code: item.rule for item in rules}
    kept, ignored = [], []
    under = _folds(judgement.findings, texts)
    for finding in judgement.findings:
        reason = settings.ignored(finding.code, finding.name, shown) if settings is not None else None
        if reason is None:
            kept.append(finding)
        else:
            ignored.append(Ignored(code=finding.code, name=finding.name, reason=reason))
    # What is folded under an ignored finding stays folded, but for errors: they would fail the build by themselves.
    dropped = {one.code for one in ignored}
    for finding in kept:
        if finding.severity == "error" and under.get(finding.code) in dropped:
            del under[finding.code]
    lookup = facts_lookup(Facts(run=facts))

    def epoch_of(rule: Rule) -> float | None:
        try:
            return float(lookup(rule.at)) if rule.at else None
        except MissingFact:
            return None

    return LintedRun(
        path=shown,
        format=run.format,
        number=run.number,
        of=run.of,
        unit=unit(run),
        facts=facts,
        findings=tuple(
            _finding(finding, texts[finding.code], epoch_of(texts[finding.code]))
            for finding in kept
            if finding.code not in under
        ),
        folded=tuple(
            Folded(code=finding.code, name=finding.name, message=_sentence(finding.message), under=under[finding.code])
            for finding in kept
            if finding.code in under
        ),
        passed=_passed(judgement),
        not_checked=tuple(
            NotChecked(code=one.code, name=one.name, missing=one.missing or (one.reason or "",))
            for one in judgement.outcomes
            if one.status in ("not checked", "failed")
        ),
        ignored=tuple(ignored),
        sketches=tuple(_sketch(run, series) for series in main_series(run)),
        columns={
            printable(one.column): "/".join(part for part in (one.split, one.quantity, one.part) if part)
            for one in run.series
        },
    )


def _reads_logs_only(rule: Rule) -> bool:
    from cvadvisor.advise.expression import names_in
    from cvadvisor.advise.rule_load import facts_among, words_of

    return all(name.startswith("run.") for name in facts_among(names_in(rule.when, words_of(rule))))


def _folds(findings: Sequence[Finding], texts: Mapping[str, Rule]) -> dict[str, str]:
    """Code of each finding that another explains, and the code of that one: the first that nothing explains itself."""
    order = {finding.code: place for place, finding in enumerate(findings)}

    def explains(other: Finding, finding: Finding) -> bool:
        """Of two that explain each other, the more important one does."""
        if finding.name not in texts[other.code].explains:
            return False
        return other.name not in texts[finding.code].explains or order[other.code] < order[finding.code]

    explained = {finding.code: [other.code for other in findings if explains(other, finding)] for finding in findings}
    roots = [code for code, by in explained.items() if not by]
    if not roots and findings:  # rules that explain each other: the most important stays
        roots = [findings[0].code]
    under = {}
    for code, by in explained.items():
        if code in roots:
            continue
        direct = [other for other in by if other in roots]
        under[code] = min(direct or by, key=lambda other: order[other])
    # What is folded under something folded goes under its root.
    for code in under:
        seen = {code}
        while under[code] in under and under[code] not in seen:
            seen.add(under[code])
            under[code] = under[under[code]]
    return under


def _finding(finding: Finding, rule: Rule, epoch: float | None) -> LintFinding:
    return LintFinding(
        code=finding.code,
        name=finding.name,
        severity=finding.severity,
        message=_sentence(finding.message),
        why=finding.why,
        evidence=finding.evidence,
        causes=tuple(Cause(cause=one.cause, looks_like=one.looks_like) for one in rule.causes),
        fix=finding.fix,
        epoch=epoch,
        sources=finding.sources,
        known_before=False,
    )


def _sentence(text: str) -> str:
    """A message that begins with the name of a series, as a sentence."""
    return text[:1].upper() + text[1:]


def _passed(judgement: Judgement) -> tuple[NamedRule, ...]:
    return tuple(NamedRule(code=one.code, name=one.name) for one in judgement.outcomes if one.status == "passed")


def _sketch(run: Run, series: Series) -> Sketch:
    x, y = positions(run, series), series.values
    keep = np.linspace(0, len(y) - 1, min(len(y), _SKETCHED)).round().astype(int)
    title = " ".join(part for part in (series.split, series.quantity.replace("_", " "), series.part) if part)
    values = tuple(float(value) if np.isfinite(value) else None for value in y[keep])
    return Sketch(
        column=printable(series.column), title=title, epochs=tuple(float(one) for one in x[keep]), values=values
    )


def _shown(path: Path) -> str:
    """The path relative to the working folder, where it lies in it."""
    try:
        return printable(os.path.relpath(path)) if Path(path).resolve().is_relative_to(Path.cwd()) else printable(path)
    except (OSError, ValueError):
        return printable(path)
