"""The result of linting training logs; every format of output is a pure function of it."""

from typing import Literal

from cvadvisor.diagnosis import Evidence, Severity, Source
from cvadvisor.facts.base import facts, known, listed, optional
from cvadvisor.facts.run import RunFacts

LINT_VERSION: Literal["1"] = "1"


@facts
class Cause:
    """What may be behind a finding."""

    cause: str = known("What may have gone wrong.")
    looks_like: str = known("What it would look like.")


@facts
class LintFinding:
    """A rule that fired on a run."""

    code: str = known("The rule's code.")
    name: str = known("The rule's name.")
    severity: Severity = known("How bad it is.")
    message: str = known("What was found, with its numbers.")
    why: str = known("What goes wrong, and when it does not matter.")
    evidence: tuple[Evidence, ...] = listed("The facts it read.")
    causes: tuple[Cause, ...] = listed("Likely causes, the likeliest first.")
    fix: str = known("What to do, in the imperative.")
    epoch: float | None = optional("Epoch that it is about.")
    sources: tuple[Source, ...] = listed("Where the knowledge comes from.")
    known_before: bool = known("Whether the baseline holds it already: it fails nothing.")


@facts
class Folded:
    """A rule that fired and is explained by another one."""

    code: str = known("The rule's code.")
    name: str = known("The rule's name.")
    message: str = known("What was found, with its numbers.")
    under: str = known("Code of the finding that explains it.")


@facts
class NamedRule:
    """A rule without a finding."""

    code: str = known("The rule's code.")
    name: str = known("The rule's name.")


@facts
class NotChecked:
    """A rule that could not be judged."""

    code: str = known("The rule's code.")
    name: str = known("The rule's name.")
    missing: tuple[str, ...] = listed("What the log lacks for it, in words: series or facts.")


@facts
class Ignored:
    """A finding that the configuration leaves out."""

    code: str = known("The rule's code.")
    name: str = known("The rule's name.")
    reason: str = known("Why it is ignored, in the user's words.")


@facts
class Sketch:
    """A series as the log has it, thinned to at most 200 points, for sparklines and charts."""

    column: str = known("As the log calls it.")
    title: str = known("What it is: 'validation loss'.")
    epochs: tuple[float, ...] = listed("Where each point lies: epochs, else steps, else rows.")
    values: tuple[float | None, ...] = listed("Values; none where the log says NaN or infinity.")


@facts
class LintedRun:
    """One run of a log, judged."""

    path: str = known("The log, relative to the working folder where it lies in it.")
    format: str = known("What kind of log it is.")
    number: int = known("Which run of its file, from 1.")
    of: int = known("Runs in its file.")
    unit: Literal["epoch", "step", "row"] = known("What its sketches count in.")
    facts: RunFacts = known("What was measured.")
    findings: tuple[LintFinding, ...] = listed("Rules that fired, the worst first.")
    folded: tuple[Folded, ...] = listed("Rules that fired and that a finding explains.")
    passed: tuple[NamedRule, ...] = listed("Rules that found nothing.")
    not_checked: tuple[NotChecked, ...] = listed("Rules that could not be judged.")
    ignored: tuple[Ignored, ...] = listed("Findings that the configuration leaves out.")
    sketches: tuple[Sketch, ...] = listed("Its main series.")
    columns: dict[str, str] = known("Each column and what it was taken for; empty where it is not known.")


@facts
class Unreadable:
    """A file that was given and could not be judged."""

    path: str = known("The file.")
    reason: str = known("Why, in one line, and what to do.")


@facts
class LintReport:
    """Everything that linting found."""

    version: Literal["1"] = known("Version of this format.")
    tool_version: str = known("Version of cvadvisor.")
    runs: tuple[LintedRun, ...] = listed("Every run, in the order of the files.")
    unreadable: tuple[Unreadable, ...] = listed("Files that were given and could not be judged.")
