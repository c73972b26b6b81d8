import itertools
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from cvadvisor.diagnosis import Curve, Mark, Series
from cvadvisor.facts import Estimate
from cvadvisor.outputs.charts import interval_bar, line_chart
from cvadvisor.outputs.overlay import Overlay, Pick
from cvadvisor.outputs.scales import log_ticks, octave_ticks, padded_octaves, shortened, ticks, vertical_range

HOSTILE = '</title></svg><script>alert(1)</script>" onload="alert(1)'
numbers = st.floats(allow_nan=False, allow_infinity=False)


def curve(*lines: tuple[tuple[float, ...], tuple[float, ...]], log: bool = False, **changes: object) -> Curve:
    series = tuple(Series(name=f"line {index}", x=x, y=y) for index, (x, y) in enumerate(lines))
    made = {"name": "c", "title": "A chart", "x_label": "step", "y_label": "loss", "x_log": log, "series": series}
    return Curve(**(made | changes))


def parsed(svg: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(str(svg))


def texts(svg: Markup) -> list[str]:
    return [element.text or "" for element in parsed(svg).iter("text")]


def test_a_chart_says_what_it_is_to_who_cannot_see_it() -> None:
    root = parsed(line_chart(curve(((1, 2), (3, 4)), marks=(Mark(label="best", x=2),))))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "A chart; best: 2"
    assert root.findtext("title") == "A chart; best: 2"


def test_nothing_in_a_chart_can_break_out_of_it() -> None:
    line = Series(name=HOSTILE, x=(1, 2), y=(1, 2))
    made = curve(
        title=HOSTILE, x_label=HOSTILE, y_label=HOSTILE, series=(line, line), marks=(Mark(label=HOSTILE, x=1),)
    )
    root = parsed(line_chart(made))
    assert not [element for element in root.iter() if element.tag == "script"]
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]


def test_lines_are_named_at_their_ends_only_where_there_are_several() -> None:
    assert "line 0" not in texts(line_chart(curve(((1, 2), (3, 4)))))
    assert {"line 0", "line 1"} <= set(texts(line_chart(curve(((1, 2), (3, 4)), ((1, 2), (3, 4))))))


def test_names_of_lines_that_end_together_do_not_overlap() -> None:
    root = parsed(line_chart(curve(*[((1, 2), (3, 4))] * 5)))
    places = sorted(float(one.get("y", 0)) for one in root.iter("text") if "name" in one.get("class", ""))
    assert all(later - earlier >= 15 for earlier, later in itertools.pairwise(places))


def test_labels_of_close_marks_stand_in_different_rows() -> None:
    marks = (Mark(label="recommended", x=1.0), Mark(label="steepest", x=1.01))
    root = parsed(line_chart(curve(((0, 10), (3, 4)), marks=marks)))
    assert len({one.get("y") for one in root.iter("text") if one.get("class") == "mark-label"}) == 2


@pytest.mark.parametrize(
    "made",
    [
        curve(),
        curve(((), ())),
        curve(((1,), (2,))),
        curve(((1,), (2,)), log=True),
        curve(((0, -1), (1, 2)), log=True),
        curve(((0, 1, 2), (5, 5, 5))),
        curve(((1, 2, 3), (0, 0, 0))),
        curve(((1, 2), (1,))),
        curve(((1, 2), (1, 2)), log=True, marks=(Mark(label="zero", x=0),)),
    ],
)
def test_odd_curves_still_draw(made: Curve) -> None:
    assert not re.search(r"\b(nan|inf)\b", line_chart(made))


def test_an_empty_curve_says_so() -> None:
    assert texts(line_chart(curve())) == ["Nothing was recorded."]


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(st.tuples(numbers, numbers), max_size=8),
    more=st.lists(st.tuples(numbers, numbers), max_size=3),
    mark=numbers,
    name=st.text(max_size=30),
    log=st.booleans(),
)
def test_any_curve_is_well_formed_and_finite(
    points: list[tuple[float, float]], more: list[tuple[float, float]], mark: float, name: str, log: bool
) -> None:
    lines = [tuple(zip(*one, strict=True)) if one else ((), ()) for one in (points, more)]
    svg = line_chart(curve(*lines, log=log, title=name, marks=(Mark(label=name, x=mark),)))
    drawn = [
        value
        for element in parsed(svg).iter()
        for attribute, value in element.attrib.items()
        if attribute in ("x", "x1", "x2", "y", "y1", "y2", "cx", "cy", "width", "height", "points", "viewBox")
    ]
    assert drawn
    assert not re.search("nan|inf", " ".join(drawn))


def test_a_range_test_that_explodes_still_shows_its_fall() -> None:
    (low, high), cut_off = vertical_range([[1.1, 1.0, 0.4, 900.0]], x_log=True)
    assert low < 0.4
    assert 1.1 < high < 2
    assert cut_off
    rates, losses = (1e-5, 1e-4, 1e-3, 1e-2), (1.1, 1.0, 0.4, 900.0)
    assert "higher values cut off" in texts(line_chart(curve((rates, losses), log=True)))


def test_a_line_that_rises_is_not_cut_off() -> None:
    assert not vertical_range([[0.3, 0.6, 0.9], [0.4, 0.5, 0.8]], x_log=True)[1]
    assert not vertical_range([[0.3, 0.29, 0.8, 0.9]], x_log=False)[1]


def test_a_spike_survives_thinning() -> None:
    losses = [1.0] * 5000
    losses[2345] = 2.0
    svg = line_chart(curve((tuple(range(5000)), tuple(losses))))
    line = next(element for element in parsed(svg).iter("polyline"))
    heights = [float(point.split(",")[1]) for point in line.get("points", "").split()]
    assert len(heights) <= 401
    assert heights.count(min(heights)) == 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 100, ["0", "20", "40", "60", "80", "100"]),
        (1000, 1001, ["1,000.0", "1,000.2", "1,000.4", "1,000.6", "1,000.8", "1,001.0"]),
        (0, 1.2, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
    ],
)
def test_ticks_are_round_and_tell_apart(low: float, high: float, expected: list[str]) -> None:
    assert list(ticks(low, high).values()) == expected


def test_steps_have_whole_ticks() -> None:
    assert list(ticks(0, 3, whole=True).values()) == ["0", "1", "2", "3"]
    assert list(ticks(0, 11, whole=True).values()) == ["0", "5", "10"]


def test_rates_have_ticks_at_powers_of_ten() -> None:
    assert list(log_ticks(1e-6, 0.3).values()) == ["1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "0.1"]
    assert list(log_ticks(1e-3, 1e-2).values()) == ["1e-3", "2e-3", "5e-3", "1e-2"]


def test_lengths_in_pixels_have_ticks_at_powers_of_two() -> None:
    assert list(octave_ticks(50, 1100, most=7).values()) == ["64", "128", "256", "512", "1,024"]
    assert list(octave_ticks(1, 100_000, most=7).values()) == ["1", "8", "64", "512", "4,096", "32,768"]


def test_a_narrow_range_of_lengths_has_ticks_between_powers_of_two() -> None:
    assert list(octave_ticks(*padded_octaves(500, 500), most=7).values()) == ["256", "384", "512", "768"]


def test_a_long_name_keeps_its_ends() -> None:
    assert shortened("class_with_a_long_name_0001", 15) == "class_with…0001"
    assert len(shortened("x" * 5000, 15)) == 15
    assert shortened("日本語の長い名前です", 10) == "日本語…す"


def test_the_interval_bar_names_its_numbers() -> None:
    svg = interval_bar(Estimate(value=0.86, low=0.8, high=0.92, n=142), 0.57)
    assert parsed(svg).get("aria-label") == "86 %, between 80 % and 92 %; baseline 57 %"


def test_an_area_stands_for_its_two_lines() -> None:
    lines = [Series(name=name, x=(1, 2), y=y) for name, y in (("mean", (2, 3)), ("low", (1, 2)), ("high", (3, 4)))]
    root = parsed(line_chart(curve(series=tuple(lines)), Overlay(spread=("low", "high"))))
    assert len(list(root.iter("polyline"))) == 1
    assert [one.get("class") for one in root.iter("polygon")] == ["spread"]


def test_a_shaded_range_has_room_on_both_sides() -> None:
    root = parsed(line_chart(curve(((1e-3, 2e-3), (1, 2)), log=True), Overlay(within=(1e-3, 2e-3))))
    (area,) = root.iter("rect")
    (axis,) = [one for one in root.iter("line") if one.get("class") == "axis"]
    left, right = float(area.get("x", 0)), float(area.get("x", 0)) + float(area.get("width", 0))
    assert float(axis.get("x1", 0)) + 5 < left < right < float(axis.get("x2", 0)) - 5


def test_each_pick_has_a_row_of_its_own_within_the_drawing() -> None:
    picks = tuple(Pick(f"finder {index}", 1e-3) for index in range(5))
    root = parsed(line_chart(curve(((1e-4, 1e-2), (1, 2)), log=True), Overlay(picks=picks)))
    rows = [float(one.get("y", 0)) for one in root.iter("text") if (one.text or "").startswith("finder")]
    assert len(set(rows)) == 5
    assert max(rows) <= float((root.get("viewBox") or "").split()[3])


def test_a_pick_beyond_the_curve_is_still_in_the_chart() -> None:
    chart = line_chart(curve(((1e-4, 1e-2), (1, 2)), log=True), Overlay(picks=(Pick("far", 1.0), Pick("none", 0.0))))
    places = [float(one.get("cx", 0)) for one in parsed(chart).iter("circle")]
    assert max(places) <= 480
    assert "far 1" in texts(chart)
    assert "none 0" not in texts(chart)


def test_a_level_to_compare_with_is_within_the_range() -> None:
    chart = line_chart(curve(((1, 2), (3, 4))), Overlay(level=("the start", 1.0)))
    (level,) = [one for one in parsed(chart).iter("line") if one.get("class") == "diagonal"]
    (axis,) = [one for one in parsed(chart).iter("line") if one.get("class") == "axis"]
    assert float(level.get("y1", 0)) <= float(axis.get("y1", 0))
    assert "the start" in texts(chart)
