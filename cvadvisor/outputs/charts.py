"""Charts of what the probes measured: curves and intervals."""

import math

from markupsafe import Markup

from cvadvisor.diagnosis import Curve, Series
from cvadvisor.facts import Estimate
from cvadvisor.outputs import scales
from cvadvisor.outputs.drawing import WIDTH, axes, svg
from cvadvisor.outputs.figures import number, percent, rate, visible
from cvadvisor.outputs.overlay import ROW, Overlay, Points, area, compared, pick_rows, shaded
from cvadvisor.outputs.scales import CHARACTER, Frame, shortened, width

_ROW = 18.0
_COLOURS = 6
# More points than the plot has columns cannot be seen, and would only weigh.
_MOST_POINTS = 400
# So few are worth a dot each: they were measured one by one.
_FEW_POINTS = 12

Placed = list[tuple[str, float, float, int]]


def line_chart(curve: Curve, over: Overlay | None = None) -> Markup:
    """A curve with its axes, its lines named at their ends, and its marks as labelled vertical lines.

    ``over`` is what facts add to it.
    """
    over = over or Overlay()
    every = [(line, points) for line in curve.series if (points := _points(line, curve.x_log))]
    lines = [(line, points) for line, points in every if line.name not in (over.spread or ())]
    if not lines:
        empty = Markup('<text class="label" x="0" y="30">Nothing was recorded.</text>')
        return svg(curve.title, 44, [empty])
    log = curve.x_log
    marks = [
        (visible(mark.label), scales.drawable(mark.x, log=log))
        for mark in (*curve.marks, *over.marks)
        if mark.x > 0 or not log
    ]
    names = [shortened(line.name, 14) for line, _ in lines] if len(lines) > 1 else []
    xs = [*(x for _, points in every for x, _ in points), *(x for _, x in marks), *over.ends(log=log)]
    x_range = scales.padded_log(min(xs), max(xs)) if log else scales.padded(min(xs), max(xs), exact=True)
    ys = [[y for _, y in points] for _, points in every]
    ys += [[scales.drawable(over.level[1])]] if over.level else []
    y_range, cut_off = scales.vertical_range(ys, log)
    whole = all(x == int(x) for x in xs)
    x_ticks = scales.log_ticks(*x_range) if log else scales.ticks(*x_range, whole=whole)
    y_ticks = scales.ticks(*y_range)
    left = 10 + max(map(width, y_ticks.values()))
    right = WIDTH - 14 - max(map(width, names), default=0)
    placed = _placed(marks, Frame(left, right, 0, 0, x_range, y_range, log))
    top = 30 + (_ROW * (1 + max(row for *_, row in placed)) if placed else 0)
    frame = Frame(left, right, top, top + 180, x_range, y_range, log)
    of_name = {line.name: points for line, points in every}
    spread = [of_name.get(name, []) for name in over.spread or ()]
    parts = [
        *shaded(frame, over.within),
        *(area(frame, *spread) if spread else ()),
        *axes(frame, x_ticks, y_ticks),
        *_labels(frame, curve, cut_off),
        *_marks(frame, placed),
        *_lines(frame, [points for _, points in lines]),
        *compared(frame, over.level),
        *_names(frame, names, [points[-1][1] for _, points in lines]),
        *pick_rows(frame, over.picks, frame.bottom + 48),
    ]
    spoken = [curve.title, *(f"{label}: {rate(x) if log else number(x)}" for label, x in marks)]
    return svg("; ".join(spoken), frame.bottom + 44 + (ROW * len(over.picks) + 8 if over.picks else 0), parts)


def interval_bar(measured: Estimate, baseline: float) -> Markup:
    """A share between 0 and 100 % with its interval, beside a baseline."""

    def x(share: float) -> float:
        return 6 + min(max(share, 0), 1) * (WIDTH - 12)

    drawn = Markup(
        '<rect class="track" x="6" y="20" width="{:.0f}" height="6" rx="3"/>'
        '<rect class="interval" x="{:.1f}" y="15" width="{:.1f}" height="16" rx="4"/>'
        '<rect class="baseline" x="{:.1f}" y="8" width="4" height="30"/>'
        '<circle class="dot line-0" cx="{:.1f}" cy="23" r="6"/>'
    ).format(WIDTH - 12, x(measured.low), x(measured.high) - x(measured.low), x(baseline) - 2, x(measured.value))
    title = f"{percent(measured.value)}, between {percent(measured.low)} and {percent(measured.high)}"
    return svg(f"{title}; baseline {percent(baseline)}", 46, [drawn])


def _points(line: Series, log: bool) -> Points:
    """The points that can be drawn, thinned where there are many."""
    pairs = zip(line.x, line.y, strict=False)
    points = [(scales.drawable(x, log=log), scales.drawable(y)) for x, y in pairs if x > 0 or not log]
    if len(points) <= _MOST_POINTS:
        return points
    # The lowest and highest of each bucket keep every spike visible.
    per_bucket = math.ceil(len(points) / (_MOST_POINTS // 2))
    thinned: Points = []
    for start in range(0, len(points), per_bucket):
        bucket = range(start, min(start + per_bucket, len(points)))
        ends = {min(bucket, key=lambda i: points[i][1]), max(bucket, key=lambda i: points[i][1])}
        thinned += [points[i] for i in sorted(ends)]
    return thinned if thinned[-1] == points[-1] else [*thinned, points[-1]]


def _labels(frame: Frame, curve: Curve, cut_off: bool) -> list[Markup]:
    """The axes' labels, and a note where values above the axis are cut off."""
    label = Markup('<text class="label" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    middle = (frame.left + frame.right) / 2
    labels = [
        label.format(0, 14, "start", shortened(curve.y_label, 28 if cut_off else 56)),
        label.format(middle, frame.bottom + 38, "middle", shortened(curve.x_label, 48)),
    ]
    if cut_off:
        labels.append(label.format(WIDTH, 14, "end", "higher values cut off"))
    return labels


def _placed(marks: list[tuple[str, float]], frame: Frame) -> Placed:
    """Label, value, centre of the label and its row, so that no two labels overlap."""
    ends: list[float] = []
    placed = []
    for label, value in sorted(marks, key=lambda mark: mark[1]):
        text = shortened(label, 36)
        half = width(text) / 2
        centre = max(half, min(WIDTH - half, frame.x(value)))
        row = next((index for index, end in enumerate(ends) if end + CHARACTER <= centre - half), len(ends))
        ends[row : row + 1] = [centre + half]
        placed.append((text, value, centre, row))
    return placed


def _marks(frame: Frame, placed: Placed) -> list[Markup]:
    one = Markup(
        '<line class="mark" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>'
        '<text class="mark-label" x="{3:.1f}" y="{4:.1f}" text-anchor="middle">{5}</text>'
    )
    return [
        one.format(frame.x(value), 38 + _ROW * row, frame.bottom, centre, 34 + _ROW * row, label)
        for label, value, centre, row in placed
    ]


def _lines(frame: Frame, lines: list[Points]) -> list[Markup]:
    """The lines in a box of their own, which cuts off what lies outside the range."""
    drawn: list[Markup] = []
    for index, points in enumerate(lines):
        colour = f"line-{index % _COLOURS}"
        # Far above the box is as good as infinitely far, and keeps the coordinates short.
        places = [(frame.x(x), max(frame.y(y), frame.top - 1000)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        drawn.append(Markup('<polyline class="line {}" points="{}"/>').format(colour, path))
        dot = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3"/>')
        drawn += [dot.format(colour, *place) for place in (places if len(places) <= _FEW_POINTS else places[-1:])]
    # A little wider than the frame, so that a dot on its edge stays round.
    box = (frame.left - 4, frame.top, frame.right - frame.left + 8, frame.bottom - frame.top + 4)
    opening = '<svg x="{0:.1f}" y="{1:.1f}" width="{2:.1f}" height="{3:.1f}" viewBox="{0:.1f} {1:.1f} {2:.1f} {3:.1f}">'
    return [Markup(opening).format(*box), *drawn, Markup("</svg>")]


def _names(frame: Frame, names: list[str], ends: list[float]) -> list[Markup]:
    """Each line's name beside its end, moved apart where ends are close."""
    places: dict[int, float] = {}
    lowest = frame.top + 6
    for index in sorted(range(len(names)), key=lambda index: -ends[index]):
        places[index] = max(lowest, min(frame.y(ends[index]) + 4, frame.bottom))
        lowest = places[index] + _ROW
    overshoot = max(0.0, lowest - _ROW - frame.bottom)
    text = Markup('<text class="name line-{}" x="{:.1f}" y="{:.1f}">{}</text>')
    return [
        text.format(index % _COLOURS, frame.right + 8, places[index] - overshoot, name)
        for index, name in enumerate(names)
    ]
