"""The summary on the terminal: the verdict, the dataset, what to fix, the recipe in brief, and what was not checked."""

import re
import textwrap
from collections.abc import Iterator

from cvadvisor.advise.recipe import History, RecipeWithHistory
from cvadvisor.diagnosis import Check, Diagnosis, Finding
from cvadvisor.outputs.dataset_words import brief
from cvadvisor.outputs.examples import examples
from cvadvisor.outputs.figures import counted, joined, setting, visible
from cvadvisor.outputs.probe_words import measured
from cvadvisor.outputs.verdict import besides, by_reason, having, unmeasured_by_reason, verdict

# Beyond this many findings the rest are named by their codes: a summary that scrolls away is none.
_MOST_FINDINGS = 10
_MOST_NOTES = 4
# A message may quote a path or a name of any length.
_MOST_LINES = 5
_COLOURS = {"error": "31", "warning": "33"}
_AUGMENTATION = {
    "crop_scale": "crops from",
    "horizontal_flip": "mirroring",
    "color_jitter": "colour",
    "random_erasing": "erasing",
    "mixup": "mixup",
    "cutmix": "cutmix",
}


def render(diagnosis: Diagnosis, *, width: int = 88, color: bool = False) -> str:
    """The summary as plain text of lines up to ``width`` characters; ``color`` paints the severities (ANSI)."""
    blocks = [_head(diagnosis, width, color), *_findings(diagnosis, width, color)]
    if diagnosis.advice is not None:
        blocks.append(["Recipe", *_table(_recipe(diagnosis.advice), width)])
    if rows := list(_not_checked(diagnosis)):
        blocks.append(["Not checked", *_table(rows, width)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _head(diagnosis: Diagnosis, width: int, color: bool) -> list[str]:
    lines = [_painted(line, "1", color) for line in _wrapped(verdict(diagnosis), width)]
    rest = besides(diagnosis)
    if diagnosis.advice is None:
        rest = f"{rest} There is not enough to make a recipe.".strip()
    probed = measured(diagnosis.facts)
    probed_lines = _wrapped(f"Measured: {probed}", width) if probed else []
    return [*lines, *_wrapped(rest, width), *_dataset(diagnosis, width), *probed_lines]


def _dataset(diagnosis: Diagnosis, width: int) -> list[str]:
    """What the dataset is, and the choices that were made in reading it, which a user may want to overrule."""
    dataset = diagnosis.facts.dataset
    if dataset is None:
        return []
    notes = list(dataset.layout_notes[:_MOST_NOTES])
    if dataset.layout_alternatives:
        notes.insert(0, f"Read as {dataset.layout} because {dataset.layout_reason.rstrip('.')}.")
        notes += [f"Not read as {other}" for other in dataset.layout_alternatives[:_MOST_NOTES]]
    notes += [check.reason for check in diagnosis.checks if check.status == "done" and check.reason]
    lines = _wrapped(f"Dataset: {brief(dataset)}", width)
    return lines + [line for note in notes for line in _wrapped(note, width, "  - ", "    ")]


def _findings(diagnosis: Diagnosis, width: int, color: bool) -> Iterator[list[str]]:
    urgent = having(diagnosis, "error", "warning")
    shown, rest = urgent[:_MOST_FINDINGS], urgent[_MOST_FINDINGS:]
    margin = 10 + max((len(visible(finding.code)) for finding in shown), default=0) + 2
    for finding in shown:
        yield _finding(finding, _for_example(diagnosis, finding), margin, width, color)
    if rest:
        codes = ", ".join(finding.code for finding in rest)
        yield _wrapped(f"And {counted(len(rest), 'more finding')}: {codes}.", width)


def _for_example(diagnosis: Diagnosis, finding: Finding) -> str | None:
    """The first thing that the report shows for ``finding``: a file, or a name, and what is wrong with it."""
    found = examples(diagnosis, finding.show)
    if not found:
        return None
    first = found[0]
    names = [picture.path for picture in first.pictures] or [first.name or " and ".join(first.said.values())]
    rest = f", and {counted(len(found) - 1, 'more example')} in the report" if len(found) > 1 else ""
    if "tier" in first.said:
        return f"such as {' ~ '.join(names)} ({first.said.get('transform') or first.said['tier']}){rest}"
    reason = first.said.get("reason") or first.said.get("measured") or first.said.get("box")
    return f"such as {' and '.join(names)}{f': {reason}' if reason and first.pictures else ''}{rest}"


def _finding(finding: Finding, example: str | None, margin: int, width: int, color: bool) -> list[str]:
    start = f"{finding.severity:<10}{visible(finding.code)}".ljust(margin)
    message = _wrapped(finding.message, width, start, " " * margin)
    if example:
        message += _wrapped(example, width, " " * margin, " " * (margin + 2))
    fix = _wrapped(f"fix: {finding.fix}", width, " " * margin, " " * (margin + 5))
    painted = _painted(finding.severity, _COLOURS.get(finding.severity, "0"), color)
    return [painted + message[0].removeprefix(finding.severity), *message[1:], *fix]


def _recipe(advice: RecipeWithHistory) -> list[tuple[str, str]]:
    recipe, history = advice.recipe, {one.field: one for one in advice.history}

    def row(label: str, field: str, value: str | None = None) -> tuple[str, str]:
        text = value or setting(getattr(recipe, field), field)
        return label, f"{text}: {_reason(history[field])}" if field in history else text

    rates = [setting(recipe.learning_rate, "learning_rate")]
    if recipe.strategy != "head-only":
        if recipe.head_epochs:
            rates.append(f"head alone {setting(recipe.head_learning_rate, 'head_learning_rate')}")
        if recipe.layer_decay != 1:
            rates.append(f"each layer below × {setting(recipe.layer_decay, 'layer_decay')}")
    if recipe.strategy == "probe-only":
        rate = ("learning rate", "none: a regression on frozen features needs none")
    else:
        rate = row("learning rate", "learning_rate", ", ".join(rates))
    return [
        row("strategy", "strategy"),
        rate,
        row("batch", "batch_size"),
        row("epochs", "epochs"),
        row("metric", "metric"),
        _augmentation(advice, history),
    ]


def _augmentation(advice: RecipeWithHistory, history: dict[str, History]) -> tuple[str, str]:
    """What is switched on, and the reason that a rule gave for one of the settings, where one did."""
    recipe = advice.recipe
    parts = []
    for field, word in _AUGMENTATION.items():
        value = getattr(recipe, field)
        if value is True:
            parts.append(word)
        elif value and (field, value) != ("crop_scale", 1):
            parts.append(f"{word} {setting(value, field)}")
    reasons = [_reason(history[field]) for field in _AUGMENTATION if field in history]
    ruled = [reason for reason in reasons if reason.endswith("]")] or reasons
    return "augmentation", ": ".join([joined(parts) or "none", *ruled[:1]])


def _reason(history: History) -> str:
    """The first sentence of the reason, and its rule; the report has it in full."""
    step = next((step for step in reversed(history.steps) if step.applied), None)
    if step is None:
        return "no reason was recorded"
    short = re.split(r"(?<=[.!?])\s+(?=[A-Z])", step.reason, maxsplit=1)[0]
    return f"{short} [{step.rule}]" if step.rule else short


def _not_checked(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    """One row for the measurements that were not made, one for the rules that wait for facts."""
    unmeasured = unmeasured_by_reason(diagnosis)
    if unmeasured:
        yield "measurements", "; ".join(map(_unmeasured, unmeasured))
    groups = by_reason(diagnosis, "not checked")
    count = sum(map(len, groups.values()))
    if unmeasured and count:
        yield "rules", f"{count} could not be judged without what is missing."
    elif count:
        yield "rules", f"{count}, most often for this reason: {next(iter(groups))}"


def _unmeasured(checks: list[Check]) -> str:
    """What was not measured, and how to have it or, failing that, why not."""
    titles, first = joined([check.title.split(":")[0] for check in checks]), checks[0]
    if first.status == "failed" or first.enable is None:
        return f"{titles}: {(first.reason or first.status).rstrip('.')}"
    return f"{titles} ({first.enable})"


def _table(rows: list[tuple[str, str]], width: int) -> list[str]:
    margin = max(len(label) for label, _ in rows) + 4
    return [line for label, text in rows for line in _wrapped(text, width, f"  {label}".ljust(margin), " " * margin)]


def _wrapped(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    """``text`` in lines, control characters neutralised; ``first`` and ``later`` begin them."""
    return textwrap.wrap(
        visible(text),
        max(width, len(later) + 12),
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
        max_lines=_MOST_LINES,
        placeholder=" …",
    )


def _painted(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color else text
