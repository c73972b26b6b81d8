"""Strategies by rank: what each reached, with its interval, on one axis."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cvadvisor.facts import Estimate
from cvadvisor.outputs import scales
from cvadvisor.outputs.drawing import WIDTH, svg
from cvadvisor.outputs.figures import percent, visible
from cvadvisor.outputs.scales import Frame, cells, shortened

_ROW = 46.0
_SIDE = 10.0
# Narrower than elsewhere: a name and what is said of it share a line, of which neither is bold but one name.
_CHARACTER = 7.9


@dataclass(frozen=True)
class Ranked:
    """One row: what it is, a share with its interval, what is said of it, and whether it is the one that is advised."""

    title: str
    share: Estimate
    said: str
    advised: bool = False


def rank_chart(title: str, rows: Sequence[Ranked]) -> Markup:
    """A dot with its interval for each of ``rows``, in their order; empty where there are none."""
    if not rows:
        return Markup("")
    ends = [scales.drawable(end) for row in rows for end in (row.share.low, row.share.high, row.share.value)]
    low, high = scales.padded(min(ends), max(ends))
    reach = low, max(low + 1e-3, min(1.0, high))
    frame = Frame(_SIDE, WIDTH - _SIDE, 0.0, _ROW * len(rows), reach, (0.0, 1.0), x_log=False)
    line = Markup('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1:.1f}"/>')
    tick = Markup('<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    parts = []
    for value in scales.ticks(*frame.x_range):
        x = frame.x(value)
        anchor = "start" if x < 2 * _SIDE else "end" if x > WIDTH - 2 * _SIDE else "middle"
        parts += [line.format(x, frame.bottom), tick.format(x, frame.bottom + 18, anchor, percent(value))]
    for index, row in enumerate(rows):
        parts += _row(frame, row, _ROW * index)
    spoken = "; ".join(f"{row.title}: {percent(row.share.value)}, {row.said}" for row in rows)
    return svg(f"{title}; {spoken}", frame.bottom + 24, parts)


def _row(frame: Frame, row: Ranked, top: float) -> list[Markup]:
    said = visible(row.said)
    room = int(WIDTH / _CHARACTER) - cells(said) - 2
    words = Markup(
        '<text class="{} halo" x="0" y="{:.1f}">{}</text>'
        '<text class="tick halo" x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>'
    ).format("mark-label" if row.advised else "row-name", top + 15, shortened(row.title, room), WIDTH, top + 15, said)
    left, right, dot = (
        max(frame.left, min(frame.right, frame.x(scales.drawable(value))))
        for value in (row.share.low, row.share.high, row.share.value)
    )
    drawn = Markup(
        '<rect class="interval" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="10" rx="3"/>'
        '<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="5"/>'
    ).format(left, top + 22, right - left, "line-1" if row.advised else "line-0", dot, top + 27)
    return [words, drawn]
