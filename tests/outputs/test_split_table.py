from typing import Any

from cvadvisor.outputs.split_table import Cell, Row, names, rows
from tests.samples import dataset_facts


def row(title: str, **changes: Any) -> Row:
    return next(one for one in rows(dataset_facts(**changes)) if one.title.startswith(title))


def test_only_splits_that_there_are_have_a_column() -> None:
    assert names(dataset_facts()) == ["train", "validation", "test"]
    assert names(dataset_facts(validation_images=None)) == ["train", "test"]


def test_every_row_has_a_cell_for_every_split() -> None:
    facts = dataset_facts(validation_images=None)
    assert {len(one.cells) for one in rows(facts)} == {2}


def test_an_accuracy_is_known_to_its_standard_error() -> None:
    assert [cell.text for cell in row("Accuracy").cells] == ["", "± 4.2 %", "± 4.9 %"]


def test_an_accuracy_means_nothing_where_boxes_are_found() -> None:
    assert not [one for one in rows(dataset_facts(task="detection")) if one.title.startswith("Accuracy")]
    assert [one for one in rows(dataset_facts(task="multi-label classification")) if one.title.startswith("Accuracy")]


def test_a_label_shift_above_chance_is_unusual() -> None:
    cells = row("Labels", test_label_shift=0.2).cells
    assert cells == (
        Cell(),
        Cell("0.008", "chance 0.08"),
        Cell("0.2", "chance 0.093", unusual=True),
    )


def test_classes_that_occur_are_counted_in_each_split() -> None:
    sizes = dataset_facts().class_sizes
    empty = type(sizes[0])(name="gone", train=0, validation=2, test=0)
    assert [cell.text for cell in row("Classes", class_sizes=(*sizes, empty)).cells] == ["3", "4", "3"]


def test_what_is_known_of_no_split_has_no_row() -> None:
    facts = dataset_facts(validation_colour_shift=None, test_colour_shift=None, class_sizes=())
    assert not [one for one in rows(facts) if one.title.startswith(("Colour", "Classes"))]


def test_an_empty_split_has_no_standard_error() -> None:
    assert [cell.text for cell in row("Accuracy", validation_images=0).cells] == ["", "", "± 4.9 %"]
