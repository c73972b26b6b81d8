"""The verdict: one sentence of counts and names, the same in every output. It weighs nothing; the rules did."""

from cvadvisor.diagnosis import Check, Diagnosis, Finding, Outcome, Status
from cvadvisor.outputs.figures import counted, joined

_NOUNS = {"error": "error", "warning": "warning", "info": "note"}


def verdict(diagnosis: Diagnosis) -> str:
    """The sentence that a reader needs if they read only one."""
    errors, warnings = (len(having(diagnosis, severity)) for severity in ("error", "warning"))
    what, failed = subject(diagnosis), _failed(diagnosis)
    train = f"train {what}" if what == " on ".join(_names(diagnosis)) else f"train on {what}"
    if errors:
        sentence = f"Fix {counted(errors, 'error')} before you {train}."
    elif "model" in failed:
        sentence = f"{what} could not be judged: the model could not be loaded."
    elif warnings:
        worth = "is worth a look" if warnings == 1 else "are worth a look"
        sentence = f"{counted(warnings, 'warning')} {worth} before you {train}."
    elif not judged(diagnosis):
        sentence = f"Nothing could be judged yet about how to {train}."
    elif failed:
        sentence = f"{what} could not be fully judged: {counted(len(failed), 'measurement')} failed."
    elif any(with_status(diagnosis, status) for status in ("not checked", "ignored", "failed")):
        sentence = f"Nothing that was checked stands in the way: you can {train}."
    else:
        sentence = f"Nothing stands in the way: you can {train}."
    if diagnosis.interrupted:
        first = sentence[0] if what and sentence.startswith(what) else sentence[0].lower()
        return f"Stopped early. So far: {first}{sentence[1:]}"
    return sentence


def subject(diagnosis: Diagnosis) -> str:
    """What was audited: model and dataset, or the dataset alone where no model was asked to learn its task."""
    dataset = diagnosis.facts.dataset
    plan = diagnosis.facts.plan
    no_model = (dataset is not None and dataset.task != "classification") or (plan is not None and not plan.probes)
    if diagnosis.facts.model is None and no_model:
        return diagnosis.inputs.data_name
    return " on ".join(_names(diagnosis))


def _names(diagnosis: Diagnosis) -> list[str]:
    return [name for name in (diagnosis.inputs.model, diagnosis.inputs.data_name) if name]


def besides(diagnosis: Diagnosis) -> str:
    """What the verdict leaves out: the milder findings, and what became of the other rules."""
    named_no_warning = having(diagnosis, "error") or "model" in _failed(diagnosis)
    severities = ("warning", "info") if named_no_warning else ("info",)
    milder = [counted(len(found), _NOUNS[s]) for s in severities if (found := having(diagnosis, s))]
    rules = [f"{counted(len(with_status(diagnosis, 'passed')), 'rule')} passed"]
    if unchecked := with_status(diagnosis, "not checked"):
        rules.append(f"{len(unchecked)} could not be checked")
    if ignored := with_status(diagnosis, "ignored"):
        rules.append(f"{len(ignored)} {'is' if len(ignored) == 1 else 'are'} ignored")
    if failed := with_status(diagnosis, "failed"):
        rules.append(f"{len(failed)} failed")
    sentences = [f"{joined(milder)} besides."] if milder else []
    if diagnosis.outcomes:
        sentences.append(f"{joined(rules)}.")
    return " ".join(sentences)


def having(diagnosis: Diagnosis, *severities: str) -> list[Finding]:
    """The findings of these severities, the most important first."""
    return [finding for finding in diagnosis.findings if finding.severity in severities]


def with_status(diagnosis: Diagnosis, status: Status) -> list[Outcome]:
    """The rules that came out so."""
    return [outcome for outcome in diagnosis.outcomes if outcome.status == status]


def _failed(diagnosis: Diagnosis) -> list[str]:
    """Names of the measurements that failed."""
    return [check.name for check in diagnosis.checks if check.status == "failed"]


def judged(diagnosis: Diagnosis) -> int:
    """How many rules had the facts they need."""
    return len(with_status(diagnosis, "fired")) + len(with_status(diagnosis, "passed"))


def by_reason(diagnosis: Diagnosis, status: Status) -> dict[str, list[Outcome]]:
    """The rules that came out so ('not checked', 'ignored'), by the reason they share, the commonest reason first."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in with_status(diagnosis, status):
        reason = outcome.reason or (
            f"Not known: {', '.join(outcome.missing)}." if outcome.missing else "No reason was given."
        )
        groups.setdefault(reason, []).append(outcome)
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def unmeasured_by_reason(diagnosis: Diagnosis) -> list[list[Check]]:
    """The measurements that were not made or failed, those with one reason together."""
    groups: dict[tuple[str, str | None, str | None], list[Check]] = {}
    for check in diagnosis.checks:
        if check.status != "done":
            groups.setdefault((check.status, check.reason, check.enable), []).append(check)
    return list(groups.values())
