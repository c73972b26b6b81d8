"""The proposed split without leakage: what moves, what is left out, and that it leaks no more."""

import csv
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvadvisor.inspect.dataset.clean_split import propose_clean_split
from cvadvisor.inspect.dataset.components import store_components
from cvadvisor.inspect.dataset.families import find_families
from cvadvisor.inspect.dataset.files import file_row
from cvadvisor.inspect.dataset.inspection import _SEEN
from cvadvisor.inspect.dataset.look import Look
from cvadvisor.inspect.dataset.store import Store
from tests.inspect.dataset.leaking import CHANGED, SCENE, copy, found_near
from tests.inspect.dataset.making import make

BASE = [
    f"{split}/{label}/{n:02}.png"
    for split, images in (("train", 12), ("val", 4), ("test", 4))
    for label in ("cat", "dog")
    for n in range(images)
]


def written(dataset, folder):
    """Split and label of each image in the clean split; ``None`` where none was written."""
    path = folder / "clean_split.csv"
    dataset.write_clean_split(path)
    if not path.exists():
        return None
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def changed(rows):
    names = {"val": "validation"}
    return {
        path: row["split"]
        for path, row in rows.items()
        if row["split"] != names.get(path.split("/")[0], path.split("/")[0])
    }


def test_a_dataset_without_a_leak_gets_none(tmp_path, inspected):
    root = make(tmp_path / "data", BASE)
    copy(root, "train/cat/01.png", "train/cat/copy.png")
    assert written(inspected(root), tmp_path) is None


def test_a_training_copy_of_a_test_image_is_dropped_and_test_stays_as_it_is(tmp_path, inspected):
    root = make(tmp_path / "data", BASE)
    copy(root, "train/cat/01.png", "test/cat/copy.png")
    copy(root, "val/dog/01.png", "test/dog/copy.png")
    dataset = inspected(root)
    rows = written(dataset, tmp_path)
    assert changed(rows) == {"train/cat/01.png": "drop", "val/dog/01.png": "drop"}
    assert rows["train/cat/01.png"]["was"] == "train"
    assert (dataset.facts.leak.clean_moved_images, dataset.facts.leak.clean_dropped_images) == (0, 2)


def test_of_training_and_validation_the_side_with_fewer_copies_is_dropped(tmp_path, inspected, monkeypatch):
    root = make(tmp_path / "data", BASE)
    copy(root, "train/cat/01.png", "val/cat/copy.png")
    copy(root, "train/dog/01.png", "train/dog/copy.png")
    found_near(monkeypatch, ("train/dog/01.png", "val/dog/01.png", CHANGED))
    assert changed(written(inspected(root), tmp_path)) == {"train/cat/01.png": "drop", "val/dog/01.png": "drop"}


def test_the_last_training_image_of_a_class_is_not_dropped(tmp_path, inspected):
    root = make(tmp_path / "data", [*BASE, "train/owl/1.png"])
    copy(root, "train/owl/1.png", "val/owl/1.png")
    assert changed(written(inspected(root), tmp_path)) == {"val/owl/1.png": "drop"}


def test_a_scene_that_is_mostly_in_training_goes_there(tmp_path, inspected, monkeypatch):
    found_near(monkeypatch, *(("train/cat/01.png", f"train/cat/{n:02}.png", SCENE) for n in range(2, 9)))
    root = make(tmp_path / "data", BASE)
    found_near(
        monkeypatch,
        *(("train/cat/01.png", f"train/cat/{n:02}.png", SCENE) for n in range(2, 9)),
        ("train/cat/01.png", "val/cat/01.png", SCENE),
    )
    assert changed(written(inspected(root), tmp_path)) == {"val/cat/01.png": "train"}


def test_a_scene_that_is_mostly_in_test_keeps_training_images_out(tmp_path, inspected, monkeypatch):
    root = make(tmp_path / "data", BASE)
    found_near(
        monkeypatch,
        ("test/cat/00.png", "test/cat/01.png", SCENE),
        ("train/cat/01.png", "test/cat/01.png", SCENE),
    )
    assert changed(written(inspected(root), tmp_path)) == {"train/cat/01.png": "drop"}


def grouped(root, patients=20):
    """Images of patients that are dealt into splits without regard to them, and the table that names them."""
    paths, rows = [], ["image,patient_id"]
    for number in range(patients * 10):
        split = "test" if number % 10 == 9 else "val" if number % 10 >= 7 else "train"
        path = f"{split}/{'cat' if number % 20 < 10 else 'dog'}/{number:03}.png"
        paths.append(path)
        rows.append(f"{path},p{number // 10}")
    make(root, paths)
    (root / "patients.csv").write_text("\n".join(rows) + "\n")
    return root


def test_groups_are_kept_whole_and_the_splits_keep_their_sizes_and_classes(tmp_path, inspected):
    rows = written(inspected(grouped(tmp_path / "data"), group_column="patient_id"), tmp_path)
    patients: dict[int, set[str]] = {}
    for path, row in rows.items():
        patients.setdefault(int(path[-7:-4]) // 10, set()).add(row["split"])
    assert all(len(splits) == 1 for splits in patients.values())
    sizes = Counter((row["split"], row["label"]) for row in rows.values())
    assert {key: sizes[key] for key in (("validation", "cat"), ("validation", "dog"))} == {
        ("validation", "cat"): 20,
        ("validation", "dog"): 20,
    }
    assert sizes["test", "cat"] == sizes["test", "dog"] == 10
    assert not any(row["split"] == "drop" for row in rows.values())


def test_the_clean_split_can_be_audited_and_leaks_no_more(tmp_path, inspected):
    root = grouped(tmp_path / "data")
    for number in range(0, 60, 4):
        source = next(root.glob(f"*/*/{number:03}.png")).relative_to(root).as_posix()
        copy(root, source, f"{'val' if number % 8 else 'test'}/dog/copy{number:03}.png")
    before = inspected(root, group_column="patient_id")
    assert before.facts.leak.validation_images
    assert written(before, tmp_path)
    after = inspected(
        root,
        labels=str(tmp_path / "clean_split.csv"),
        label_column="label",
        split_column="split",
        group_column="patient_id",
    ).facts
    assert (after.leak.validation_images, after.leak.test_images, after.leak.clean_moved_images) == (0, 0, None)
    assert (after.group.shared_validation_images, after.group.shared_test_images) == (0, 0)
    assert (after.group.what, after.annotation_faults) == ("the column 'patient_id' of patients.csv", 0)
    assert after.unlabelled_images == before.facts.leak.clean_dropped_images


@pytest.mark.parametrize("name", ["=1.png", "-a.png"])
def test_a_path_that_looks_like_a_formula_is_read_again(tmp_path, inspected, name):
    root = make(tmp_path / "data", ["list.txt"])
    images = [f"{n}.png" for n in range(8)]
    make(root, [name, *images])
    copy(root, name, "copy.png")
    table = [f"{name},a,train", "copy.png,a,test", *(f"{path},{'ab'[n % 2]},train" for n, path in enumerate(images))]
    (root / "labels.csv").write_text("\n".join(["image,label,split", *table]) + "\n")
    before = inspected(root)
    assert written(before, tmp_path)[f"./{name}"]["split"] == "drop"
    after = inspected(root, labels=str(tmp_path / "clean_split.csv"), label_column="label", split_column="split").facts
    assert (after.images, after.missing_images, after.leak.test_images) == (9, 0, 0)


SPLITS = ("train", "validation", "test")
images_drawn = st.lists(st.tuples(st.sampled_from(SPLITS), st.sampled_from(["a", "b"])), min_size=2, max_size=24)
pairs_drawn = st.lists(
    st.tuples(st.integers(0, 23), st.integers(0, 23), st.sampled_from(["byte-identical", CHANGED, SCENE])), max_size=16
)
groups_drawn = st.lists(st.one_of(st.none(), st.integers(0, 4)), min_size=24, max_size=24)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(images_drawn, pairs_drawn, groups_drawn)
def test_no_component_is_ever_torn(images, pairs, groups):
    images = sorted(images, key=lambda one: SPLITS.index(one[0]))
    with Store(None) as store:
        store.insert("temp.file", (file_row(f"{n:02}.png", "image") for n in range(len(images))))
        looks = [Look(content_hash=b"%d" % n, width=1, height=1) for n in range(len(images))]
        columns = "path, size, mtime_ns, content_hash, width, height"
        for number, ((split, label), look) in enumerate(zip(images, looks, strict=True), 1):
            group = groups[number - 1]
            stored = None if group is None else b"%d" % group
            store.run("INSERT INTO temp.sample VALUES (?, ?, NULL, ?, NULL)", number, split, stored)
            store.run("INSERT INTO temp.label VALUES (?, ?)", number, label.encode())
            row = (b"%02d.png" % (number - 1), 0, 0, look.content_hash, 1, 1)
            store.run(f"INSERT INTO main.look ({columns}) VALUES (?, ?, ?, ?, ?, ?)", *row)
        store.connection.executescript(_SEEN)
        inside = [(a, b, tier) for a, b, tier in pairs if a < b < len(images)]
        store.insert("temp.pair", ((a + 1, b + 1, tier, "", 1.0) for a, b, tier in inside))
        find_families(store)
        store_components(store)
        clean = propose_clean_split(store)
        torn = {
            key
            for (key,) in store.rows(
                "SELECT component FROM temp.component JOIN temp.sample USING (file) GROUP BY 1 "
                "HAVING count(DISTINCT split) > 1"
            )
        }
        assert (clean is not None) == bool(torn)
        if clean is None:
            return
        rows = list(store.rows("SELECT file, key, was, split FROM temp.clean"))
        homes: dict[int, set[str]] = {}
        for _, key, _, split in rows:
            homes.setdefault(key, set()).add(split)
        assert all(len(splits - {"drop"}) == 1 for splits in homes.values())
        assert clean.moved_images + clean.dropped_images == sum(was != split for _, _, was, split in rows)
