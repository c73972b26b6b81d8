"""What every chart is drawn on: inline SVG, without a library or a script.

Colours come by CSS class, so that a dark page can have its own. A chart is laid out in a box :data:`WIDTH` units wide
that scales with the page.
"""

from collections.abc import Iterable, Mapping

from markupsafe import Markup

from cvadvisor.outputs.figures import visible
from cvadvisor.outputs.scales import Frame

WIDTH = 480.0


def svg(title: str, height: float, parts: Iterable[Markup]) -> Markup:
    """A drawing of ``height`` units; ``title`` says what it shows to who cannot see it."""
    return Markup(
        '<svg class="chart" role="img" aria-label="{0}" viewBox="0 0 {1:.0f} {2:.0f}"><title>{0}</title>{3}</svg>'
    ).format(visible(title), WIDTH, height, Markup("").join(parts))


def axes(frame: Frame, x_ticks: Mapping[float, str], y_ticks: Mapping[float, str]) -> list[Markup]:
    """Lines across at ``y_ticks``, the base line, and the text of both axes' ticks."""
    across = Markup(
        '<line class="grid" x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/>'
        '<text class="tick" x="{3:.1f}" y="{4:.1f}" text-anchor="end">{5}</text>'
    )
    along = Markup('<text class="tick" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>')
    base = Markup('<line class="axis" x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/>')
    return [
        *(
            across.format(frame.left, frame.right, frame.y(tick), frame.left - 6, frame.y(tick) + 4, text)
            for tick, text in y_ticks.items()
        ),
        base.format(frame.left, frame.right, frame.bottom),
        *(along.format(frame.x(tick), frame.bottom + 18, text) for tick, text in x_ticks.items()),
    ]
