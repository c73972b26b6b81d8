"""What the report says of shortcuts: how much each kind of metadata tells of the classes, beside the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cvadvisor.diagnosis import Diagnosis
from cvadvisor.facts import Estimate
from cvadvisor.facts.shortcuts import GivenAway, MetadataKind, ShortcutFacts
from cvadvisor.outputs.drawing import WIDTH, svg
from cvadvisor.outputs.figures import percent, visible
from cvadvisor.outputs.scales import drawable, shortened, width

_FACTS = "dataset.shortcuts."
_ROW = 24.0
_TOP = 24.0
_MOST_CELLS = 16


@dataclass(frozen=True)
class Section:
    """What the template needs."""

    codes: tuple[str, ...]
    """The findings on shortcuts; without any there is little to show."""
    chart: Markup
    note: str
    given_away: tuple[GivenAway, ...]
    """The classes that are set apart, where there is a finding."""
    in_validation: bool
    """Whether it is known of any of them what validation says."""


def section(diagnosis: Diagnosis) -> Section | None:
    """The section on shortcuts; ``None`` where metadata was not compared with classes."""
    dataset = diagnosis.facts.dataset
    if dataset is None or dataset.shortcuts is None:
        return None
    facts = dataset.shortcuts
    codes = tuple(
        finding.code
        for finding in diagnosis.findings
        if any(evidence.fact.startswith(_FACTS) for evidence in finding.evidence)
    )
    given = facts.given_away if codes else ()
    return Section(
        codes=codes,
        chart=kind_bars([*facts.kinds, facts.together]),
        note=_note(facts),
        given_away=given,
        in_validation=any(one.validation_told_apart is not None for one in given),
    )


def kind_bars(kinds: Sequence[MetadataKind]) -> Markup:
    """The accuracy that each kind of metadata alone reaches, with a line at the largest class's share."""
    if not kinds:
        return Markup("")
    left = 8 + max(width(visible(kind.name)) for kind in kinds)
    texts = [f"{_with_error(kind.accuracy)}, balanced {_with_error(kind.balanced_accuracy)}" for kind in kinds]
    right = WIDTH - 8 - max(map(width, texts))

    def x(share: float) -> float:
        return left + (right - left) * min(max(drawable(share), 0.0), 1.0)

    baseline = kinds[0].majority_share
    bottom = _TOP + _ROW * len(kinds)
    name = Markup('<text class="tick" x="0" y="{:.1f}">{}<title>{}</title></text>')
    bar = Markup(
        '<rect class="track" x="{0:.1f}" y="{1:.1f}" width="{2:.1f}" height="14"/>'
        '<rect class="split-train" x="{0:.1f}" y="{1:.1f}" width="{3:.1f}" height="14"/>'
        '<text class="tick" x="{4:.1f}" y="{5:.1f}">{6}</text>'
    )
    parts = []
    for row, (kind, text) in enumerate(zip(kinds, texts, strict=True)):
        top = _TOP + _ROW * row
        parts.append(name.format(top + 13, shortened(kind.name, _MOST_CELLS), visible(kind.what)[:200]))
        share = x(kind.accuracy.value) - left
        parts.append(bar.format(left, top + 2, right - left, share, right + 8, top + 13, text))
    label = f"largest class {percent(baseline)}"
    # The label stays within the drawing, whichever end the line is near.
    middle = min(max(x(baseline), width(label) / 2), WIDTH - width(label) / 2)
    line = Markup(
        '<line class="mark" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>'
        '<text class="label" x="{3:.1f}" y="12" text-anchor="middle">{4}</text>'
    )
    parts.append(line.format(x(baseline), _TOP - 6, bottom, middle, label))
    return svg(f"Accuracy from metadata alone; {label}", bottom, parts)


def _with_error(share: Estimate) -> str:
    """``30 ± 1 %``: the share and its standard error, a quarter of the 95 % interval."""
    points = 100 * (drawable(share.high) - drawable(share.low)) / 4
    error = f"{points:.0f}" if points >= 0.95 else f"{points:.1f}"
    return f"{100 * drawable(share.value):.0f} ± {error} %"


def _note(facts: ShortcutFacts) -> str:
    strongest = facts.strongest
    return (
        f"Share of the training images whose class each kind tells, and its standard error, by cross-validation on "
        f"{facts.images:,} images of {facts.classes} classes, without a look at any picture. Balanced: the recall "
        f"averaged over the classes, {percent(strongest.chance_share)} by chance."
    )
