"""Drawing images for probes: what leaked is marked, and the training image it is the same as is drawn with it."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.drawing import LabelledImage, with_sources
from cvadvisor.inspect.dataset.inspection import Dataset
from tests.inspect.dataset.making import make

NUMBERS = range(20)
IMAGES = [f"{split}/{label}/{number}.png" for split in ("train", "val") for label in "ab" for number in NUMBERS]


def leak(dataset: Dataset, *pairs: tuple[str, str]) -> Dataset:
    """State by hand that each first file is held out and the same image as the second."""
    store = dataset.files.store
    for pair in pairs:
        file, source = (store.one("SELECT id FROM temp.file WHERE path = ?", path.encode()) for path in pair)
        store.insert("temp.leaked", [(file, source)])
    return dataset


def paths(images: Sequence[LabelledImage]) -> list[str]:
    return [image.place.path for image in images]


def test_a_held_out_image_that_leaked_knows_its_source(tmp_path: Path, inspected) -> None:
    dataset = leak(inspected(make(tmp_path, IMAGES)), ("val/a/3.png", "train/a/7.png"))
    leaked = [image for image in dataset.draw("validation", 100, 0) if image.source is not None]
    assert paths(leaked) == ["val/a/3.png"]
    assert leaked[0].source == dataset.files.store.one("SELECT id FROM temp.file WHERE path = ?", b"train/a/7.png")


def test_where_no_leak_was_found_nothing_is_marked_and_the_draw_is_as_ever(tmp_path: Path, inspected) -> None:
    dataset = leak(inspected(make(tmp_path, IMAGES)))
    held_out = dataset.draw("validation", 100, 0)
    assert {image.source for image in held_out} == {None}
    assert dataset.draw("train", 10, 0, beside=held_out) == dataset.draw("train", 10, 0)


def test_a_source_that_cannot_be_trained_on_makes_no_leak(tmp_path: Path, inspected) -> None:
    root = make(tmp_path, [*IMAGES, "train/a/broken.jpg"])
    dataset = leak(inspected(root), ("val/a/3.png", "train/a/broken.jpg"), ("val/a/4.png", "val/a/5.png"))
    assert {image.source for image in dataset.draw("validation", 100, 0)} == {None}


def test_the_sources_of_leaked_images_are_drawn_into_a_sample_of_training(tmp_path: Path, inspected) -> None:
    pairs = [(f"val/a/{number}.png", f"train/b/{number}.png") for number in NUMBERS]
    dataset = leak(inspected(make(tmp_path, IMAGES)), *pairs)
    held_out = dataset.draw("validation", 10, 0)
    drawn = dataset.draw("train", 20, 0, beside=held_out)
    assert len(drawn) == len(set(paths(drawn))) == 20
    sources = {source for path, source in pairs if path in paths(held_out)}
    assert sources
    assert sources <= set(paths(drawn))


@given(
    st.integers(0, 60).flatmap(
        lambda n: st.tuples(st.permutations(range(n)), st.lists(st.none() | st.integers(0, 80), max_size=40))
    )
)
def test_the_source_of_each_held_out_image_comes_early_enough(
    case: tuple[list[int], list[int | None]],
) -> None:
    order, sources = case
    made = with_sources(order, sources)
    known = {source for source in sources if source is not None}
    assert sorted(made) == sorted({*order, *known})
    for count, source in enumerate(sources, 1):
        assert source is None or source in made[: 2 * count]
    assert [number for number in made if number not in known] == [number for number in order if number not in known]
