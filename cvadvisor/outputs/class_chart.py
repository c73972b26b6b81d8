"""How often each class occurs, as horizontal bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from markupsafe import Markup

from cvadvisor.facts.dataset import ClassPixels, ClassSize
from cvadvisor.outputs.drawing import WIDTH, svg
from cvadvisor.outputs.figures import percent, visible
from cvadvisor.outputs.scales import CHARACTER, drawable, shortened, width

_Class = TypeVar("_Class", ClassSize, ClassPixels)

_ROW = 24.0
_LEGEND = 26.0
_MOST = 24
"""Rows that a person reads; of more classes the middle is left out."""


@dataclass(frozen=True)
class _Bar:
    name: str
    parts: tuple[tuple[str, float], ...]
    """CSS class and length of each part, in the bar's own unit."""
    text: str


def class_bars(sizes: Sequence[ClassSize], noun: str = "images") -> Markup:
    """Images (or boxes: ``noun``) of each class, a part of the bar for each split."""
    if not sizes:
        return Markup("")
    splits = [split for split in ("train", "validation", "test") if any(getattr(size, split) for size in sizes)]
    splits = splits or ["train"]
    bars = [_class_bar(size, splits) for size in sizes]
    between = [size.train for size in _between(sizes)]
    note = f"of {min(between):,} to {max(between):,} training {noun} each" if between else ""
    return _chart(f"{noun.capitalize()} of each class: {' + '.join(splits)}", bars, note, _legend(splits, _left(bars)))


def pixel_bars(classes: Sequence[ClassPixels]) -> Markup:
    """Each class's share of the labelled pixels."""
    if not classes:
        return Markup("")
    bars = [
        _Bar(one.name, (("split-train", max(0.0, drawable(one.share))),), percent(drawable(one.share)))
        for one in classes
    ]
    between = [drawable(one.share) for one in _between(classes)]
    note = f"of {percent(min(between))} to {percent(max(between))} each" if between else ""
    return _chart("Share of the labelled pixels of each class", bars, note, [])


def _class_bar(size: ClassSize, splits: list[str]) -> _Bar:
    counts = {split: max(0, getattr(size, split)) for split in splits}
    parts = tuple((f"split-{split}", drawable(count)) for split, count in counts.items())
    return _Bar(size.name, parts, " + ".join(f"{count:,}" for count in counts.values()))


def _ends(count: int) -> tuple[int, int]:
    """How many of ``count`` classes are shown from the top, and how many from the bottom."""
    return (count, 0) if count <= _MOST else (_MOST * 2 // 3, _MOST // 3)


def _between(classes: Sequence[_Class]) -> Sequence[_Class]:
    """The classes that are left out."""
    head, tail = _ends(len(classes))
    return classes[head : len(classes) - tail]


def _left(bars: Sequence[_Bar]) -> float:
    """Where bars begin: beside the widest name that is shown."""
    return 8 + min(150.0, max(width(visible(bar.name)) for bar in bars))


def _chart(title: str, bars: Sequence[_Bar], note: str, legend: list[Markup]) -> Markup:
    head, tail = _ends(len(bars))
    shown = [*bars[:head], *bars[len(bars) - tail :]]
    left = _left(bars)
    right = WIDTH - 8 - max(width(bar.text) for bar in shown)
    longest = max(sum(length for _, length in bar.parts) for bar in shown) or 1
    top = _LEGEND if legend else 4.0
    parts = list(legend)
    for index, bar in enumerate(shown):
        if tail and index == head:
            parts.append(_left_out(len(bars) - head - tail, note, top))
            top += _ROW
        parts += _drawn(bar, left, top, (right - left) / longest)
        top += _ROW
    return svg(title, top, parts)


def _drawn(bar: _Bar, left: float, top: float, scale: float) -> list[Markup]:
    name = Markup('<text class="tick" x="0" y="{:.1f}">{}<title>{}</title></text>')
    part = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="14"/>')
    text = Markup('<text class="tick" x="{:.1f}" y="{:.1f}">{}</text>')
    parts = [name.format(top + 13, shortened(bar.name, int((left - 8) / CHARACTER)), visible(bar.name)[:400])]
    x = left
    for colour, length in bar.parts:
        parts.append(part.format(colour, x, top + 2, length * scale))
        x += length * scale
    return [*parts, text.format(x + 8, top + 13, bar.text)]


def _legend(splits: list[str], left: float) -> list[Markup]:
    parts = []
    for split in splits if len(splits) > 1 else []:
        key = Markup('<rect class="split-{}" x="{:.1f}" y="3" width="10" height="10" rx="2"/>')
        text = Markup('<text class="label" x="{:.1f}" y="13">{}</text>')
        parts += [key.format(split, left), text.format(left + 15, split)]
        left += 30 + width(split)
    return parts


def _left_out(count: int, note: str, top: float) -> Markup:
    return Markup('<text class="label" x="0" y="{:.1f}">… {:,} classes between, {}</text>').format(
        top + 13, count, note
    )
