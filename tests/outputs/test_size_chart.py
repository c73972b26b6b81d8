import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.facts.dataset import SizeCount
from cvadvisor.outputs.size_chart import MOST_DOTS, size_scatter
from tests.outputs.svg import numbers, parsed, texts

lengths = st.floats(allow_nan=False, allow_infinity=False)


def size(width: float, height: float, images: int = 1) -> SizeCount:
    return SizeCount(width_px=width, height_px=height, images=images)


def dots(*sizes: SizeCount, input_px: int | None = None) -> list[dict[str, str]]:
    return [dict(one.attrib) for one in parsed(size_scatter(sizes, input_px)).iter("circle")]


def test_the_area_of_a_dot_is_its_number_of_images() -> None:
    large, small = dots(size(300, 400, 900), size(200, 200, 100))
    assert float(large["r"]) / float(small["r"]) == pytest.approx(3, rel=0.02)


def test_a_single_image_among_many_can_still_be_seen() -> None:
    assert min(float(one["r"]) for one in dots(size(300, 400, 10**6), size(200, 200))) >= 2


def test_square_images_lie_on_the_diagonal() -> None:
    root = parsed(size_scatter([size(100, 100, 5), size(800, 800)]))
    line = next(one for one in root.iter("line") if one.get("class") == "diagonal")
    x, y = float(line.get("x1", 0)), float(line.get("y1", 0))
    for one in root.iter("circle"):
        assert float(one.get("cx", 0)) - x == pytest.approx(y - float(one.get("cy", 0)), abs=0.3)


def test_the_input_is_a_square_from_the_corner_to_its_side() -> None:
    svg = size_scatter([size(224, 224, 5), size(800, 600)], 224)
    area = next(one for one in parsed(svg).iter("rect"))
    dot = next(one for one in parsed(svg).iter("circle"))
    right = float(area.get("x", 0)) + float(area.get("width", 0))
    assert (right, float(area.get("y", 0))) == pytest.approx(
        (float(dot.get("cx", 0)), float(dot.get("cy", 0))), abs=0.2
    )
    assert "input 224" in texts(svg)


def test_without_a_known_input_no_square_is_drawn() -> None:
    assert not list(parsed(size_scatter([size(1, 1), size(2, 2)])).iter("rect"))


def test_a_common_size_says_so_when_pointed_at() -> None:
    root = parsed(size_scatter([size(300, 400, 1720), size(400, 300)]))
    assert root.find("circle/title").text == "300 × 400 px: 1,720 images"  # type: ignore[union-attr]


def test_without_images_or_with_one_size_and_no_input_there_is_nothing_to_compare() -> None:
    assert size_scatter([]) == ""
    assert size_scatter([], 224) == ""
    assert size_scatter([size(32, 32, 50_000)]) == ""
    assert size_scatter([size(32, 32, 0), size(64, 64, -1)], 224) == ""


def test_one_image_is_shown_beside_the_input() -> None:
    assert len(dots(size(1, 100_000), input_px=224)) == 1


def test_the_rarest_of_very_many_sizes_are_left_out() -> None:
    sizes = [size(10 + i, 20 + i, 1 + (i == 999) * 50) for i in range(1000)]
    svg = size_scatter(sizes)
    assert len(list(parsed(svg).iter("circle"))) == MOST_DOTS
    assert "most often 1,009 × 1,019 px, 51 images" in str(svg)
    assert len(str(svg)) < 25_000


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.tuples(lengths, lengths, st.integers(-5, 10**12)), max_size=12),
    input_px=st.none() | st.integers(-5, 10**9),
)
def test_any_sizes_are_well_formed_and_finite(rows: list[tuple[float, float, int]], input_px: int | None) -> None:
    svg = size_scatter([size(*row) for row in rows], input_px)
    assert not svg or not re.search("nan|inf", numbers(svg))
    places = [
        float(value)
        for one in (parsed(svg).iter("circle") if svg else [])
        for value in (one.attrib["cx"], one.attrib["cy"])
    ]
    assert all(0 <= place <= 520 for place in places)
