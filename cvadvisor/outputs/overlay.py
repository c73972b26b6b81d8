"""What facts add to a probe's curve: an area between two lines, a range of rates, and what others would pick."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cvadvisor.facts.seen import Mark
from cvadvisor.outputs import scales
from cvadvisor.outputs.drawing import WIDTH
from cvadvisor.outputs.figures import rate, visible
from cvadvisor.outputs.scales import Frame, shortened, width

Points = list[tuple[float, float]]

ROW = 20.0
"""Height of one pick's row."""
_GAP = 9.0
_BESIDE = 1.5


@dataclass(frozen=True)
class Pick:
    """A rate, and who would pick it; ``ours`` is the one that is followed."""

    label: str
    x: float
    ours: bool = False


@dataclass(frozen=True)
class Overlay:
    """What to draw with a curve.

    Attributes:
        spread: names of the two lines between which an area is drawn, in place of the lines.
        within: ends of a range along the horizontal axis, which is shaded.
        level: a value on the vertical axis to compare with, and what it is.
        marks: further vertical lines.
        picks: dots in rows of their own below the chart.
    """

    spread: tuple[str, str] | None = None
    within: tuple[float, float] | None = None
    level: tuple[str, float] | None = None
    marks: tuple[Mark, ...] = ()
    picks: tuple[Pick, ...] = ()

    def ends(self, *, log: bool) -> list[float]:
        """Horizontal values that the chart has to have room for; a shaded range also has some beside it."""
        values = [pick.x for pick in self.picks]
        if self.within is not None and log:
            values += [min(self.within) / _BESIDE, max(self.within) * _BESIDE]
        elif self.within is not None:
            values += self.within
        return [scales.drawable(value, log=log) for value in values if value > 0 or not log]


def shaded(frame: Frame, ends: tuple[float, float] | None) -> list[Markup]:
    """The range between ``ends``, as an area over the height of the chart."""
    if ends is None or (frame.x_log and min(ends) <= 0) or ends[0] == ends[1]:
        return []
    left, right = (frame.x(scales.drawable(end, log=frame.x_log)) for end in sorted(ends))
    area = Markup('<rect class="within" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
    return [area.format(left, frame.top, right - left, frame.bottom - frame.top)]


def compared(frame: Frame, level: tuple[str, float] | None) -> list[Markup]:
    """A line across at a value to compare with, and its name on it."""
    if level is None:
        return []
    line = Markup(
        '<line class="diagonal" x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/>'
        '<text class="label halo" x="{3:.1f}" y="{4:.1f}">{5}</text>'
    )
    y = frame.y(scales.drawable(level[1]))
    return [line.format(frame.left, frame.right, y, frame.left + 6, y - 5, shortened(level[0], 32))]


def area(frame: Frame, lower: Points, upper: Points) -> list[Markup]:
    """The area between two lines."""
    if not lower or not upper:
        return []
    places = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in [*lower, *reversed(upper)])
    return [Markup('<polygon class="spread" points="{}"/>').format(places)]


def pick_rows(frame: Frame, picks: Sequence[Pick], top: float) -> list[Markup]:
    """A row for each pick, from ``top`` down: a dot on the chart's own axis, and who picks it beside it."""
    one = Markup(
        '<line class="grid" x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/>'
        '<circle class="dot {3}" cx="{4:.1f}" cy="{2:.1f}" r="4"/>'
        '<text class="{5} halo" x="{6:.1f}" y="{7:.1f}" text-anchor="{8}">{9}</text>'
    )
    drawn = []
    shown = [pick for pick in picks if pick.x > 0 or not frame.x_log]
    for index, pick in enumerate(shown):
        y = top + ROW * (index + 0.5)
        x = frame.x(scales.drawable(pick.x, log=frame.x_log))
        text = shortened(f"{visible(pick.label)} {rate(pick.x)}", 32)
        fits = x + _GAP + width(text) <= WIDTH
        where, anchor = (x + _GAP, "start") if fits else (x - _GAP, "end")
        dot, words = ("line-0", "mark-label") if pick.ours else ("pick", "label")
        drawn.append(one.format(frame.left, frame.right, y, dot, x, words, where, y + 4, anchor, text))
    return drawn
