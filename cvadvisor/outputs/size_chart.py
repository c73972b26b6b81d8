"""How large the images are: width against height."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from cvadvisor.facts.dataset import SizeCount
from cvadvisor.outputs.drawing import WIDTH, axes, svg
from cvadvisor.outputs.figures import counted, number
from cvadvisor.outputs.scales import Frame, drawable, octave_ticks, padded_octaves, width

_LARGEST_DOT = 20.0
_SMALLEST_DOT = 2.0
_TOP = 26.0
MOST_DOTS = 250
"""Dots in one chart. More would only weigh; the rarest are left out."""
_NAMED_DOTS = 40
_MOST_TICKS = 7


def size_scatter(sizes: Sequence[SizeCount], input_px: int | None = None) -> Markup:
    """A dot for each size, its area the number of images, on logarithmic axes of one range.

    The diagonal is where images are square; a square marks the model's input of ``input_px`` a side, where it is known.
    Empty where there is nothing to compare: no images, or one size and no input.
    """
    shown = sorted((size for size in sizes if size.images > 0), key=lambda size: -size.images)[:MOST_DOTS]
    if not shown or (len(shown) == 1 and not input_px):
        return Markup("")
    dots = [(_pixels(size.width_px), _pixels(size.height_px), size.images) for size in shown]
    side = _pixels(input_px) if input_px and input_px > 0 else None
    lengths = [length for dot in dots for length in dot[:2]] + ([side] if side else [])
    reach = padded_octaves(min(lengths), max(lengths))
    ticks = octave_ticks(*reach, most=_MOST_TICKS)
    left = 10 + max(map(width, ticks.values()))
    # Square, so that the diagonal is one and a turned image lies where a person expects it.
    plot = WIDTH - _LARGEST_DOT / 2 - left
    frame = Frame(left, left + plot, _TOP, _TOP + plot, reach, reach, x_log=True, y_log=True)
    parts = [*axes(frame, ticks, ticks), *_upright(frame, ticks), _diagonal(frame)]
    if side:
        parts.append(_input_area(frame, side))
    parts += [*_dots(frame, dots), *_titles(frame)]
    if side:
        parts.append(_input_label(frame, side))
    most = f"most often {_size(*dots[0][:2])}, {counted(dots[0][2], 'image')}"
    return svg(f"Width against height of the images; {most}", frame.bottom + 44, parts)


def _pixels(length: float) -> float:
    """A length that a logarithm can take."""
    return max(0.5, drawable(length))


def _size(across: float, down: float) -> str:
    return f"{number(round(across))} × {number(round(down))} px"


def _upright(frame: Frame, ticks: dict[float, str]) -> list[Markup]:
    line = Markup('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>')
    return [line.format(frame.x(tick), frame.top, frame.bottom) for tick in ticks]


def _diagonal(frame: Frame) -> Markup:
    return Markup(
        '<line class="diagonal" x1="{0:.1f}" y1="{1:.1f}" x2="{2:.1f}" y2="{3:.1f}"/>'
        '<text class="label halo" x="{4:.1f}" y="{5:.1f}" text-anchor="end">square</text>'
    ).format(frame.left, frame.bottom, frame.right, frame.top, frame.right - 20, frame.top + 14)


def _dots(frame: Frame, dots: list[tuple[float, float, int]]) -> list[Markup]:
    """The dots, the largest below; the commonest say their size when pointed at."""
    plain = Markup('<circle class="size" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>')
    named = Markup('<circle class="size" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"><title>{}</title></circle>')
    most = drawable(dots[0][2])
    drawn = []
    for index, (across, down, images) in enumerate(dots):
        radius = max(_SMALLEST_DOT, _LARGEST_DOT * math.sqrt(drawable(images) / most))
        shape = named if index < _NAMED_DOTS else plain
        said = f"{_size(across, down)}: {counted(images, 'image')}"
        drawn.append(shape.format(frame.x(across), frame.y(down), radius, said))
    return drawn


def _titles(frame: Frame) -> list[Markup]:
    return [
        Markup('<text class="label" x="0" y="14">height (px)</text>'),
        Markup('<text class="label" x="{:.1f}" y="{:.1f}" text-anchor="middle">width (px)</text>').format(
            (frame.left + frame.right) / 2, frame.bottom + 38
        ),
    ]


def _input_area(frame: Frame, side: float) -> Markup:
    return Markup('<rect class="input" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        frame.left, frame.y(side), frame.x(side) - frame.left, frame.bottom - frame.y(side)
    )


def _input_label(frame: Frame, side: float) -> Markup:
    return Markup('<text class="mark-label halo" x="{:.1f}" y="{:.1f}">input {}</text>').format(
        frame.left + 8, frame.bottom - 10, number(side)
    )
