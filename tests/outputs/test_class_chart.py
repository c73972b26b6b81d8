import re

from hypothesis import given, settings
from hypothesis import strategies as st

from cvadvisor.facts.dataset import ClassPixels, ClassSize
from cvadvisor.outputs.class_chart import class_bars, pixel_bars
from tests.outputs.svg import attacked, numbers, parsed, texts

HOSTILE = '</title></svg><script>alert(1)</script>" onload="alert(1)'
counts = st.integers(min_value=0, max_value=10**18)


def sizes(count: int) -> tuple[ClassSize, ...]:
    return tuple(ClassSize(name=f"class {i}", train=count - i, validation=1, test=0) for i in range(count))


def pixels(count: int) -> tuple[ClassPixels, ...]:
    return tuple(ClassPixels(name=f"class {i}", share=0.5 / 2**i, images=i) for i in range(count))


def test_few_classes_are_all_shown() -> None:
    assert {"class 0", "class 19", "20 + 1"} <= set(texts(class_bars(sizes(20))))


def test_of_many_classes_the_largest_and_smallest_are_shown_with_a_note() -> None:
    found = texts(class_bars(sizes(1000)))
    assert {"class 0", "class 999"} <= set(found)
    assert "class 500" not in found
    assert "… 976 classes between, of 9 to 984 training images each" in found


def test_boxes_are_called_boxes() -> None:
    svg = class_bars(sizes(30), "boxes")
    assert "… 6 classes between, of 9 to 14 training boxes each" in texts(svg)
    assert parsed(svg).get("aria-label") == "Boxes of each class: train + validation"


def test_a_dataset_without_classes_has_no_chart() -> None:
    assert class_bars([]) == ""
    assert pixel_bars([]) == ""


def test_classes_without_images_still_draw() -> None:
    assert "0" in texts(class_bars([ClassSize(name="a", train=0, validation=0, test=0)]))


def test_pixels_are_shares_of_what_is_labelled() -> None:
    assert texts(pixel_bars(pixels(2))) == ["class 0", "50 %", "class 1", "25 %"]


def test_of_many_classes_of_pixels_the_middle_is_left_out() -> None:
    assert "… 6 classes between, of under 0.01 % to under 0.01 % each" in texts(pixel_bars(pixels(30)))


def test_the_longest_bar_ends_before_its_number_and_within_the_drawing() -> None:
    rectangles = parsed(pixel_bars(pixels(3))).iter("rect")
    ends = [float(one.get("x", 0)) + float(one.get("width", 0)) for one in rectangles]
    assert max(ends) < 480 - 8 - 9 * len("50 %") + 1


def test_a_name_cannot_break_out_of_the_chart() -> None:
    assert not attacked(class_bars([ClassSize(name=HOSTILE, train=2, validation=1, test=1)]))
    assert not attacked(pixel_bars([ClassPixels(name=HOSTILE, share=1.0, images=1)]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=40), counts, counts, counts), min_size=1, max_size=40))
def test_any_classes_are_well_formed_and_finite(rows: list[tuple[str, int, int, int]]) -> None:
    made = [ClassSize(name=name, train=a, validation=b, test=c) for name, a, b, c in rows]
    drawn = numbers(class_bars(made))
    assert not re.search("nan|inf|e[+]", drawn)
