from collections.abc import Iterator
from pathlib import Path

import leakage
import pytest
import scan
from leakage import report, report_listed, score, share, show
from leakage_peers import Result, read_leakage
from planting import Dataset, Planted
from transforms import TRANSFORMS

from tests.inspect.dataset.making import make

COLUMNS = "split_a,path_a,label_a,split_b,path_b,label_b,tier,transform,score"


def dataset() -> Dataset:
    """Two exact copies, the second under another class, beside one validation image."""
    copies = [
        Planted("validation/a/c0.png", "train/a/0.png", "exact", crossed=False),
        Planted("validation/b/c1.png", "train/a/1.png", "exact", crossed=True),
    ]
    train = [f"train/a/{number}.png" for number in range(4)]
    return Dataset(Path(), train, ["validation/a/9.png"], copies)


def test_a_copy_that_is_paired_with_its_source_is_found() -> None:
    one = score({("train/a/0.png", "validation/a/c0.png")}, dataset())
    assert (one.recall["exact"], one.crossed, one.unplanted, one.others) == (0.5, 0.0, [], [])


def test_copies_under_another_class_are_counted_by_themselves() -> None:
    assert score({("train/a/1.png", "validation/b/c1.png")}, dataset()).crossed == 1


def test_a_pair_with_another_image_than_the_source_is_wrong() -> None:
    pair = ("train/a/3.png", "validation/a/c0.png")
    one = score({pair}, dataset())
    assert (one.recall["exact"], one.others) == (0, [pair])


def test_a_pair_with_an_image_that_was_there_before_is_wrong() -> None:
    pair = ("train/a/3.png", "validation/a/9.png")
    assert score({pair}, dataset()).unplanted == [pair]


def test_what_a_person_called_the_same_is_right() -> None:
    data = dataset()
    data.sameness.join("train/a/0.png", "train/a/3.png")
    data.sameness.join("train/a/2.png", "validation/a/9.png")
    one = score({("train/a/3.png", "validation/a/c0.png"), ("train/a/2.png", "validation/a/9.png")}, data)
    assert (one.recall["exact"], one.unplanted, one.others) == (0.5, [], [])


def test_pairs_between_training_and_validation_are_read_whichever_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "leakage.csv"
    file.write_text(
        f"{COLUMNS}\n"
        "train,train/a/0.png,a,validation,validation/a/1.png,a,byte-identical,,1\n"
        'validation,validation/a/2.png,a,train,train/a/3.png,a,"same image, transformed",crop,0.9\n'
        "train,train/a/4.png,a,train,train/a/5.png,a,same pixels,,1\n"
        "train,train/a/6.png,a,validation,validation/a/6.png,a,same scene,,0.5\n"
        "train,train/a/7.png,a,test,test/a/7.png,a,same pixels,,0.5\n"
    )
    assert read_leakage(file) == {
        ("train/a/0.png", "validation/a/1.png"),
        ("train/a/3.png", "validation/a/2.png"),
    }


def test_a_published_list_is_scored_by_pairs_and_by_images(capsys: pytest.CaptureFixture[str]) -> None:
    listed = [("train/a/0.png", "validation/a/9.png"), ("validation/a/9.png", "train/a/1.png")]
    found = {("train/a/0.png", "validation/a/9.png"), ("train/a/2.png", "validation/a/8.png")}
    extra = report_listed([Result(scan.Cost("somebody"), found)], dataset(), listed)
    assert extra == [[("train/a/2.png", "validation/a/8.png")]]
    said = capsys.readouterr().out
    assert "| listed pairs found, of 2 | 1 (.500) |" in said
    assert "| validation images in them, of 1 | 1 (1) |" in said
    assert "| validation images beyond the list | 1 |" in said


def test_who_failed_has_no_figures(capsys: pytest.CaptureFixture[str]) -> None:
    data = dataset()
    data.planted = [Planted(f"validation/a/{kind.name}", "train/a/0.png", kind.name, False) for kind in TRANSFORMS]
    results = [Result(scan.Cost("well")), Result(scan.Cost("broken", absent="failed: so"))]
    report(results, [score(result.found, data) for result in results], data)
    lines = capsys.readouterr().out.splitlines()
    assert "| exact | 0 | – |" in lines
    assert all(line.count("|") == 4 for line in lines)


@pytest.mark.parametrize(("value", "shown"), [(1, "1"), (0, "0"), (0.9999, ".999"), (0.0001, ".001"), (0.5, ".500")])
def test_only_all_and_none_are_shown_as_one_and_zero(value: float, shown: str) -> None:
    assert share(value) == shown


def by_bytes(images: Path, *_: object) -> Iterator[Result]:
    """A contestant that knows images by their bytes alone."""
    train = {path.read_bytes(): path for path in (images / "train").rglob("*.*")}
    pairs = [(train.get(path.read_bytes()), path) for path in (images / "validation").rglob("*.*")]
    found = {(str(a.relative_to(images)), str(b.relative_to(images))) for a, b in pairs if a}
    yield Result(scan.Cost("cvadvisor", cpu_s=1.0, wall_s=1.0, peak_bytes=1), found)


@pytest.mark.slow
def test_a_contestant_that_knows_bytes_finds_the_exact_copies_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(leakage, "contestants", by_bytes)
    monkeypatch.setattr("sys.argv", ["leakage.py", "--quick", "--pairs", str(tmp_path / "pairs")])
    leakage.main()
    said = capsys.readouterr().out
    assert "160 training and 40 validation images, 120 copies planted" in said
    assert "| exact | 1 |" in said
    assert "| JPEG q50 | 0 |" in said
    assert "| **mean of the ten** | **.100** |" in said
    assert (tmp_path / "pairs/cvadvisor/pairs.csv").read_text() == "path_a,path_b,found_a,found_b\n"


def test_unexpected_pairs_are_shown_side_by_side_and_named_by_the_original_dataset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path, ["train/a/3.png", "validation/a/c0.png", "validation/a/9.png"])
    data = dataset()
    data.folder = tmp_path
    data.names = {"a/0.png": "train/a/0.png", "a/3.png": "train/a/3.png", "a/9.png": "validation/a/9.png"}
    pairs = [("train/a/3.png", "validation/a/c0.png"), ("train/a/3.png", "validation/a/9.png")]
    show(Result(scan.Cost("some body, 3")), pairs, data, tmp_path / "pairs")
    assert "`validation/a/c0.png` (exact of `train/a/0.png`)" in capsys.readouterr().out
    written = tmp_path / "pairs" / "some-body"
    assert sorted(path.name for path in written.iterdir()) == ["0002.png", "0003.png", "pairs.csv"]
    assert [line.split(",")[:2] for line in (written / "pairs.csv").read_text().split()[1:]] == [
        ["a/3.png", "a/0.png"],
        ["a/3.png", "a/9.png"],
    ]
