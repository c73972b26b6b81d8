import ast
import csv
import dataclasses
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tokenize
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cvadvisor.advise.recipe import Recipe
from cvadvisor.inspect.dataset import pixels
from cvadvisor.inspect.dataset.archives import members
from cvadvisor.inspect.dataset.places import read_bytes
from cvadvisor.outputs import script
from tests import samples
from tests.digits import write_digits

FIELDS = [field.name for field in dataclasses.fields(Recipe)]
HOSTILE = 'x"""\n\'\'\'\\"; import os  # INJECTED\r\x0c\x00\u2028\u202e\ud83d\udc80 noqa # fmt: off {{ 7 }} {% raw %}'


def diagnosis(*, data: str = "digits", weights_file: str | None = "start.pt", **changes: Any) -> Any:
    """A diagnosis with a recipe for a tiny model that starts from a file; ``changes`` are to the recipe."""
    made = {"model": "test_resnet", "weights": "file", "image_size": 32, "batch_size": 8, "epochs": 3} | changes
    sample = samples.diagnosis(samples.recipe(**made))
    return dataclasses.replace(sample, inputs=dataclasses.replace(sample.inputs, data=data, weights_file=weights_file))


def hostile_diagnosis() -> Any:
    made = diagnosis(data=HOSTILE, weights_file=HOSTILE, model=HOSTILE)
    history = tuple(
        dataclasses.replace(
            entry, steps=tuple(dataclasses.replace(step, reason=HOSTILE, rule=HOSTILE) for step in entry.steps)
        )
        for entry in made.advice.history
    )
    return dataclasses.replace(
        made,
        tool_version=HOSTILE,
        inputs=dataclasses.replace(made.inputs, data_name=HOSTILE),
        advice=dataclasses.replace(made.advice, history=history),
    )


def constants(text: str) -> dict[str, Any]:
    """The literal constants at the top of a script."""
    found = {}
    for node in ast.parse(text).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and node.value is not None:
            try:
                found[target.id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def skeleton(text: str) -> str:
    """The syntax tree of a script, without what its strings say."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


# --- the text ---


def test_it_compiles_and_says_how_to_run_it() -> None:
    text = script.render(diagnosis())
    compile(text, "train.py", "exec")
    assert "python train.py --epochs 1 --limit 200" in ast.get_docstring(ast.parse(text))


def test_the_recipe_is_in_it_with_its_reasons() -> None:
    made = diagnosis(learning_rate=1e-05, optimizer="sgd")
    text = script.render(made)
    found = constants(text)
    assert {name: found[name.upper()] for name in FIELDS} == dataclasses.asdict(made.advice.recipe)
    assert "LEARNING_RATE = 1e-05  # The range test fell until here. (LRN010)\n" in text


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("It falls. " * 9, "LEARNING_RATE = 0.001  # " + "It falls. " * 8 + "(LRN010)"),
        ("It falls, " * 9, "# " + "It falls, " * 8 + "It falls, (LRN010)\nLEARNING_RATE = 0.001"),
        ("It falls, " * 99, "# " + "It falls, " * 10 + "It falls… (LRN010)\nLEARNING_RATE = 0.001"),
    ],
)
def test_a_long_reason_is_shortened_to_a_line_and_keeps_its_rule(reason: str, expected: str) -> None:
    made = diagnosis()
    history = list(made.advice.history)
    place = FIELDS.index("learning_rate")
    long = dataclasses.replace(history[place].steps[1], reason=reason)
    history[place] = dataclasses.replace(history[place], steps=(long,))
    text = script.render(dataclasses.replace(made, advice=dataclasses.replace(made.advice, history=tuple(history))))
    assert f"\n{expected}\n" in text, [line for line in text.splitlines() if "It fall" in line]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_the_recipe_is_used(field: str) -> None:
    tree = ast.parse(script.render(diagnosis()))
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == field.upper()]
    assert [node for node in names if isinstance(node.ctx, ast.Load)]


def test_it_imports_nothing_but_what_everyone_has() -> None:
    imported = set()
    for node in ast.walk(ast.parse(script.render(diagnosis()))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    assert imported - sys.stdlib_module_names == {"torch", "torchvision", "timm", "PIL", "huggingface_hub"}


def test_it_is_a_pure_function_of_the_diagnosis() -> None:
    assert script.render(diagnosis()) == script.render(diagnosis())


@pytest.mark.parametrize("made", [diagnosis(), diagnosis(weights="none", weights_file=None, mixup=0.2, seed=7)])
def test_ruff_has_nothing_to_say(made: Any, tmp_path: Path) -> None:
    look_with_ruff(script.render(made), tmp_path)


def look_with_ruff(text: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(text, encoding="utf-8")
    config = str(Path(__file__).parents[2] / "pyproject.toml")
    for command in (["format", "--check", "--diff"], ["check"]):
        ruff = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--config", config, "train.py"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        if "No module named ruff" in ruff.stderr:
            pytest.skip("ruff is not installed")
        assert ruff.returncode == 0, ruff.stdout + ruff.stderr


def test_hostile_text_stays_in_strings_and_comments() -> None:
    text = script.render(hostile_diagnosis())
    compile(text, "train.py", "exec")
    assert skeleton(text) == skeleton(script.render(diagnosis()))
    where = {token.type for token in tokenize.generate_tokens(io.StringIO(text).readline) if "INJECTED" in token.string}
    assert where <= {tokenize.STRING, tokenize.COMMENT}
    assert constants(text)["MODEL"] == constants(text)["DATA"] == constants(text)["WEIGHTS_FILE"] == HOSTILE
    assert all(len(line) <= 120 for line in text.splitlines() if line.startswith("#"))
    assert text.isascii() or all(letter.isprintable() or letter == "\n" for letter in text)
    text.encode("utf-8")


@given(st.text())
def test_any_text_survives_as_a_literal(value: str) -> None:
    written = script._literal(value)
    assert ast.literal_eval(written) == value
    assert written.isprintable()


@given(st.text(), st.text(), st.integers(min_value=20, max_value=200))
def test_any_text_is_one_line_as_a_comment(value: str, tail: str, width: int) -> None:
    written = script._comment(value, width, tail)
    assert next(tokenize.generate_tokens(io.StringIO(written).readline)).type == tokenize.COMMENT
    assert written.isprintable()
    assert len(written) <= width


def test_a_value_without_a_filter_is_refused() -> None:
    with pytest.raises(TypeError, match="as it is"):
        script._only_source("print()")
    with pytest.raises(TypeError, match="cannot be written"):
        script._literal(object())


def test_too_little_for_a_script_is_refused() -> None:
    made = diagnosis()
    for poor in (
        dataclasses.replace(made, advice=None),
        dataclasses.replace(made, facts=dataclasses.replace(made.facts, dataset=None)),
        dataclasses.replace(made, facts=dataclasses.replace(made.facts, model=None)),
        dataclasses.replace(made, inputs=dataclasses.replace(made.inputs, weights_file=None)),
    ):
        with pytest.raises(ValueError):
            script.render(poor)


# --- its parts ---


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Two threads in each of several test processes stand in each other's way."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    yield
    if torch:
        torch.set_num_threads(before)


_written = iter(range(10_000))


def load(folder: Path, made: Any) -> Any:
    """Write the script into ``folder`` and import it."""
    import torch

    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "train.py"
    path.write_text(script.render(made), encoding="utf-8")
    name = f"generated_train_{next(_written)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that worker processes can unpickle its classes
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The script as a module, to test its functions."""
    return load(tmp_path_factory.mktemp("script"), diagnosis())


COLUMNS = ["path", "label", "split"]
ARCHIVED = [*COLUMNS, "container", "start", "stored", "method", "size"]


def write_samples(folder: Path, rows: list[list[Any]], columns: list[str] = COLUMNS) -> None:
    """Write ``samples.csv`` into ``folder``."""
    with (folder / "samples.csv").open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        csv.writer(file).writerows([columns, *rows])


def write_samples_of(folder: Path, data: Path) -> None:
    """Write ``samples.csv`` into ``folder``, of the class folders in the splits of the dataset ``data``."""
    files = [path.relative_to(data) for path in sorted(data.glob("*/*/*"))]
    write_samples(folder, [[path.as_posix(), path.parts[1], path.parts[0]] for path in files])


def write_samples_in(folder: Path, archive: Path, container: str = "") -> None:
    """Write ``samples.csv`` into ``folder``, of the class folders in the splits of an archive."""
    rows: list[list[Any]] = []
    for place, problem in members(archive, container, ""):
        assert problem is None
        split, label, _ = place.path.split("/")
        where = [container, place.start, place.stored, "" if place.method is None else place.method, place.size]
        rows.append([place.path, label, split, *where])
    write_samples(folder, rows, ARCHIVED)


def splits_of(train: Any, folder: Path, monkeypatch: Any) -> tuple[list[str], dict[str, Any]]:
    """What the script makes of the ``samples.csv`` in ``folder``."""
    monkeypatch.setattr(train, "HERE", folder)
    return train.find_splits(folder)


ROWS = [["b/2.png", "b", "train"], ["a/1.png", "a", "train"], ["b/3.png", "b", "validation"], ["b/4.png", "b", "test"]]


def test_samples_are_read_by_split_and_classes_are_sorted(train: Any, tmp_path: Path, monkeypatch: Any) -> None:
    write_samples(tmp_path, ROWS)
    assert splits_of(train, tmp_path, monkeypatch) == (
        ["a", "b"],
        {
            "train": [("a/1.png", 0, ()), ("b/2.png", 1, ())],
            "validation": [("b/3.png", 1, ())],
            "test": [("b/4.png", 1, ())],
        },
    )


def test_the_order_of_the_samples_does_not_matter(train: Any, tmp_path: Path, monkeypatch: Any) -> None:
    write_samples(tmp_path, ROWS)
    first = splits_of(train, tmp_path, monkeypatch)
    write_samples(tmp_path, ROWS[::-1])
    assert splits_of(train, tmp_path, monkeypatch) == first


def test_names_in_samples_may_hold_anything(train: Any, tmp_path: Path, monkeypatch: Any) -> None:
    strange = 'a, "b"\n\udcff é'
    write_samples(tmp_path, [*ROWS, [f"{strange}/1.png", strange, "train"]])
    classes, splits = splits_of(train, tmp_path, monkeypatch)
    assert strange in classes
    assert (f"{strange}/1.png", classes.index(strange), ()) in splits["train"]


def test_images_of_unknown_classes_are_left_out_and_counted(
    train: Any, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    write_samples(tmp_path, [*ROWS, ["c/4.png", "c", "validation"], ["c/5.png", "c", "validation"]])
    _, splits = splits_of(train, tmp_path, monkeypatch)
    assert splits["validation"] == [("b/3.png", 1, ())]
    assert "2 validation images are left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file or directory"),
        (b"", "there is no column label or path or split"),
        (b"path,label\n1.png,a\n", "there is no column split"),
        (b"path,label,split\n1.png,a,train\n2.png,b\n", "line 3: a value is missing or wrong"),
        (b"path,label,split\n1.png,a,train,b\n", "line 2: a value is missing or wrong"),
        (b"path,label,split\n1.png,,train\n", "line 2: a value is missing or wrong"),
        (b"path,label,split\n1.png,a,holdout\n", "line 2: a value is missing or wrong"),
        (b'path,label,split\n1.png,a,"train\n', "line 2: unexpected end of data"),
        (b"path,label,split,start\n1.png,a,train,7\n", "line 2: 'method'"),
        (b"path,label,split,container,start,stored,method,size\n1.png,a,train,,x,1,8,1\n", "line 2: invalid literal"),
        (b"path,label,split,container,start,stored,method,size\n1.png,a,train,,7,1,8,\n", "line 2: invalid literal"),
    ],
)
def test_samples_that_are_missing_or_damaged_end_in_one_line(
    train: Any, tmp_path: Path, monkeypatch: Any, capsys: Any, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "samples.csv").write_bytes(content)
    with pytest.raises(SystemExit):
        splits_of(train, tmp_path, monkeypatch)
    error = capsys.readouterr().err
    assert problem in error
    assert "samples.csv cannot be used (" in error
    assert error.endswith("): run the audit again, which writes it beside this script.\n")
    assert error.count("\n") == 1


@pytest.mark.parametrize("rows", [[], ROWS[:2], [ROWS[0], ROWS[2]]])
def test_too_few_samples_to_train_on_are_refused(
    train: Any, tmp_path: Path, monkeypatch: Any, capsys: Any, rows: list[list[str]]
) -> None:
    write_samples(tmp_path, rows)
    with pytest.raises(SystemExit):
        splits_of(train, tmp_path, monkeypatch)
    assert "it takes 2 and 1." in capsys.readouterr().err


def archived(data: Path, file: Path) -> Path:
    """The folder ``data`` as an archive, tar or zip by the name of ``file``."""
    if file.suffix == ".tar":
        with tarfile.open(file, "w") as tar:
            tar.add(data, "")
    else:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(data.rglob("*.*")):
                compression = zipfile.ZIP_STORED if path.stem.endswith("1") else None
                archive.write(path, path.relative_to(data).as_posix(), compression)
    return file


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_images_in_archives_are_read_as_the_audit_reads_them(
    train: Any, tmp_path: Path, monkeypatch: Any, name: str
) -> None:
    write_digits(tmp_path / "digits", train=3, validation=1)
    file = archived(tmp_path / "digits", tmp_path / name)
    write_samples_in(tmp_path, file)
    _, splits = splits_of(train, tmp_path, monkeypatch)
    places = {place.path: place for place, _ in members(file, "", "")}
    assert len(splits["train"]) == 9
    for path, _, place in splits["train"]:
        expected = read_bytes(file, places[path])
        assert train.read_member(file / place[0], *place[1:]).getvalue() == expected
        assert expected == (tmp_path / "digits" / path).read_bytes()


def test_an_image_that_its_archive_lost_is_skipped_and_named(train: Any, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    split = train.Split(
        tmp_path, [("a/1.png", 0, ("a.zip", 10, 10, 8, 10)), ("b/1.png", 1, ("b.zip", 0, 1, 8, 1))], 32, augment=False
    )
    for index, path in enumerate(["a/1.png", "b/1.png"]):
        tensor, label, problem = split[index, 0]
        assert tensor is None
        assert label == index
        assert problem.startswith(f"{path}: ")


def test_a_limit_keeps_every_class_and_its_share(train: Any) -> None:
    images = [(f"{label}/{n}.png", label, ()) for label, size in enumerate((800, 190, 10)) for n in range(size)]
    chosen = train.limited(images, 100, 0)
    assert [sum(image[1] == which for image in chosen) for which in range(3)] == [80, 19, 1]
    assert chosen == train.limited(images, 100, 0) != train.limited(images, 100, 1)
    assert {image[1] for image in train.limited(images, 3, 1)} == {0, 1, 2}
    assert train.limited(images, None, 0) == train.limited(images, 5000, 0) == images


def test_sixteen_bits_transparency_and_orientation_are_read(train: Any, tmp_path: Path) -> None:
    Image.new("I;16", (8, 8), 32768).save(tmp_path / "deep.png")
    assert train.read_image(tmp_path / "deep.png", 8).getpixel((0, 0)) == (128, 128, 128)
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(tmp_path / "palette.png", transparency=0)
    assert train.read_image(tmp_path / "palette.png", 8).getpixel((0, 0)) == (255, 255, 255)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 32)).save(tmp_path / "turned.jpg", exif=exif)
    assert train.read_image(tmp_path / "turned.jpg", 64).size == (32, 64)
    Image.new("CMYK", (64, 64)).save(tmp_path / "print.jpg")
    assert train.read_image(tmp_path / "print.jpg", 64).mode == "RGB"


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        ("F", (-1.5, 0.5, 2.5), (0, 127, 255)),
        ("F", (7.0, 7.0, 7.0), (0, 0, 0)),
        ("I", (-5, 100, 255), (0, 100, 255)),
        ("I", (0, 400, 1023), (0, 100, 255)),
        ("I;16", (0, 1600, 4095), (0, 100, 255)),
        ("I;16", (0, 25600, 65535), (0, 100, 255)),
        ("I", (0, 25600, 70000), (0, 100, 255)),
    ],
)
def test_deep_gray_is_read_as_the_audit_reads_it(
    train: Any, tmp_path: Path, mode: str, values: tuple[Any, ...], expected: tuple[int, ...]
) -> None:
    deep = Image.new(mode, (3, 1))
    for place, value in enumerate(values):
        deep.putpixel((place, 0), value)
    deep.save(tmp_path / "deep.tif")
    image = train.read_image(tmp_path / "deep.tif", 1)
    assert [image.getpixel((place, 0)) for place in range(3)] == [(value,) * 3 for value in expected]
    with Image.open(tmp_path / "deep.tif") as file:
        assert image.tobytes() == pixels.to_rgb(file).tobytes()


def test_no_file_starts_another_program(train: Any, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "really.png", format="EPS")
    with pytest.raises(OSError, match="cannot identify"):
        train.read_image(tmp_path / "really.png", 8)
    assert train.FORMATS == pixels._FORMATS


def test_a_large_jpeg_is_decoded_no_smaller_than_needed(train: Any, tmp_path: Path) -> None:
    Image.new("RGB", (1600, 800)).save(tmp_path / "large.jpg")
    assert train.read_image(tmp_path / "large.jpg", 100).size == (200, 100)


def test_the_rate_warms_up_and_falls_to_zero(train: Any) -> None:
    rates = [train.rate_factor(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == rates[10] == 1
    assert rates == [*sorted(rates[:10]), *sorted(rates[10:], reverse=True)]
    assert rates[-1] < 0.001
    assert train.rate_factor(0, 1) == 1


def test_layers_have_their_own_rates_and_biases_no_decay(train: Any) -> None:
    model = train.build_model(3, "none", 32)
    groups = train.build_optimizer(model, "full").param_groups
    scale_of = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    assert scale_of[id(model.fc.weight)] == 1
    assert scale_of[id(model.conv1[0].weight)] < scale_of[id(model.layer4[0].conv1.weight)] < 1
    assert all((group["weight_decay"] == 0) == (p.ndim <= 1) for group in groups for p in group["params"])
    head = train.build_optimizer(model, "head").param_groups
    assert {id(p) for group in head for p in group["params"]} == {id(p) for p in model.fc.parameters()}
    assert not model.conv1[0].weight.requires_grad


def test_classes_are_drawn_evenly(train: Any) -> None:
    draws = train.Draws([("a", 0, ())] * 900 + [("b", 1, ())] * 100, 0)
    first = [index for index, _ in draws]
    assert 400 < sum(index < 900 for index in first) < 600
    draws.epoch = 1
    assert first != [index for index, _ in draws]


def test_the_head_is_the_logistic_regression(train: Any) -> None:
    import numpy as np
    import torch
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    digits = load_digits()
    x, y = torch.tensor(digits.data, dtype=torch.float32), torch.tensor(digits.target)
    head = torch.nn.Linear(64, 10)
    train.PROBE_PENALTIES = (0.01,)
    logits = train.fit_head(head, x[:800], y[:800], x[800:], y[800:])
    scaler = StandardScaler().fit(digits.data[:800])
    reference = LogisticRegression(C=1 / (0.01 * 800), max_iter=2000, tol=1e-6)
    reference.fit(scaler.transform(digits.data[:800]), digits.target[:800])
    expected = reference.predict_proba(scaler.transform(digits.data[800:]))
    assert np.abs(logits.softmax(1).numpy() - expected).max() < 0.02
    assert torch.allclose(logits, head(x[800:]), atol=1e-3)


def test_metrics_are_scikit_learns(train: Any) -> None:
    import torch
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(50, 6, generator=generator), torch.randint(0, 4, (50,), generator=generator)
    logits[:, 5] = -100  # a class in neither truth nor prediction
    metrics, recall = train.measure(logits, labels)
    predicted = logits.argmax(1)
    assert metrics["accuracy"] == accuracy_score(labels, predicted)
    assert metrics["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert recall[:4] == pytest.approx(recall_score(labels, predicted, average=None, labels=range(4)))
    assert recall[4:] == [None, None]


def test_a_model_of_fixed_size_is_built_for_the_size_asked_for(train: Any, monkeypatch: Any) -> None:
    import torch

    monkeypatch.setattr(train, "MODEL", "test_vit")
    model = train.build_model(3, "none", 64)
    assert model(torch.zeros(1, 3, 64, 64)).tolist() == [[0, 0, 0]]  # the head is at zero
    assert train.build_optimizer(model, "full").param_groups


def test_a_head_of_another_kind_is_refused(train: Any, monkeypatch: Any, capsys: Any) -> None:
    import torch

    convolution = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 32), torch.nn.Flatten())
    monkeypatch.setattr(train, "make_model", lambda *_: convolution)
    with pytest.raises(SystemExit):
        train.build_model(3, "none", 32)
    assert "is not one linear layer" in capsys.readouterr().err


OWN = """
from torch import nn


class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU())
        self.out = nn.Linear(4 * 15 * 15, 7)
        self.aux = nn.Linear(4, num_classes)

    def forward(self, x):
        maps = self.body(x)
        logits = self.out(maps.view(len(x), -1))
        return {"logits": logits, "aux": self.aux(maps.mean((2, 3)))} if self.training else logits
"""


def other_library(folder: Path, name: str, asked: str) -> Any:
    """The script for a model that is not timm's, as a module; the user's own lies above it."""
    (folder / "own.py").write_text(OWN)
    made = diagnosis(model=name, weights="pretrained")
    return load(folder / "out", dataclasses.replace(made, inputs=dataclasses.replace(made.inputs, model=asked)))


@pytest.mark.parametrize(
    ("name", "asked", "feature_dim"),
    [
        ("own.py:Net", "../own.py:Net", 900),
        ("torchvision:mnasnet0_5", "mnasnet0_5", 1280),
        ("deit_tiny_distilled_patch16_224", "deit_tiny_distilled_patch16_224", 192),
    ],
)
def test_models_from_elsewhere_and_with_several_heads_start_from_a_linear_probe(
    tmp_path: Path, name: str, asked: str, feature_dim: int
) -> None:
    import torch

    train = other_library(tmp_path, name, asked)
    model = train.build_model(3, "none", 32)
    x = torch.randn(4, 3, 32, 32)
    assert model.train()(x).tolist() == [[0, 0, 0]] * 4
    features = train.features(model.eval(), x)
    assert features.shape == (4, feature_dim)
    for head in model.logit_heads:
        torch.nn.init.constant_(head.weight, 0.1)
    assert torch.allclose(model(x), 0.1 * features.sum(1, keepdim=True).expand(4, 3), atol=1e-4)
    scales = [group["lr_scale"] for group in train.build_optimizer(model, "full").param_groups]
    assert min(scales) < max(scales) == 1


@pytest.mark.parametrize(
    ("name", "asked"), [("own.py:Net", "../own.py:Net"), ("torchvision:resnet18", "torchvision:resnet18")]
)
def test_ruff_has_nothing_to_say_of_scripts_for_other_libraries(tmp_path: Path, name: str, asked: str) -> None:
    other_library(tmp_path, name, asked)
    look_with_ruff((tmp_path / "out" / "train.py").read_text(encoding="utf-8"), tmp_path)


def test_dropout_reaches_the_head_of_any_model(tmp_path: Path) -> None:
    import torch

    train = other_library(tmp_path, "own.py:Net", "../own.py:Net")
    train.DROPOUT = 0.5
    model = train.build_model(3, "none", 32)
    torch.nn.init.ones_(model.logit_heads[0].weight)
    x = torch.randn(4, 3, 32, 32)
    assert not torch.equal(model.train()(x), model(x))
    assert torch.equal(model.eval()(x), model(x))


@pytest.mark.parametrize(
    ("strategy", "head_start", "epochs", "expected"),
    [
        ("head-then-full", "probe", 12, ("probe", "frozen", 12, 3)),
        ("head-then-full", "probe", 3, ("probe", "frozen", 3, 2)),
        ("head-then-full", "probe", 1, ("probe", "frozen", 1, 0)),
        ("head-then-full", "zero", 1, ("zero", "frozen", 1, 1)),
        ("full", "probe", 5, ("probe", "frozen", 5, 0)),
        ("probe-only", "zero", 5, ("probe", "frozen", 0, 0)),
    ],
)
def test_the_last_epoch_trains_every_layer(
    train: Any, monkeypatch: Any, strategy: str, head_start: str, epochs: int, expected: tuple[Any, ...]
) -> None:
    for name, value in {"STRATEGY": strategy, "HEAD_START": head_start, "HEAD_EPOCHS": 3}.items():
        monkeypatch.setattr(train, name, value)
    assert train.plan(train.argparse.Namespace(weights="pretrained", epochs=epochs)) == expected
    assert train.plan(train.argparse.Namespace(weights="none", epochs=epochs)) == ("zero", "train", epochs, 0)


# --- it trains ---


def prepare(folder: Path, **changes: Any) -> Any:
    """A folder with digits, their list, start weights and the script, imported."""
    import timm
    import torch

    torch.manual_seed(0)
    train = load(folder, diagnosis(**changes))
    write_samples_of(folder, write_digits(folder / "digits", train=12, validation=6))
    torch.save(timm.create_model("test_resnet", num_classes=1000).state_dict(), folder / "start.pt")
    return train


def run(train: Any, monkeypatch: Any, *flags: str) -> int:
    """Run the script with ``flags``; gives its exit status."""
    monkeypatch.setattr(sys, "argv", ["train.py", *flags])
    try:
        train.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def read_log(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def checkpoint(path: Path) -> dict[str, Any]:
    import torch

    return torch.load(path, weights_only=True)


def same(first: Path, second: Path) -> bool:
    """Whether two checkpoints hold the same weights, bit by bit."""
    import torch

    a, b = checkpoint(first)["model"], checkpoint(second)["model"]
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow
def test_a_run_as_a_user_starts_it(tmp_path: Path) -> None:
    prepare(tmp_path)
    strange = '2 "\n' + (os.fsdecode(b"\xff") if sys.platform == "linux" else "")
    for split in ("train", "validation"):
        (tmp_path / "digits" / split / "2").rename(tmp_path / "digits" / split / strange)
    broken = tmp_path / "digits/train" / strange / "broken.png"
    broken.write_bytes(next((tmp_path / "digits/train/0").glob("*.png")).read_bytes()[:60])
    (tmp_path / "digits/validation/1/empty.jpg").touch()
    write_samples_of(tmp_path, tmp_path / "digits")
    result = subprocess.run(
        [sys.executable, tmp_path / "train.py", "--workers", "2"],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    skipped = sorted(line.split(":")[0] for line in result.stdout.splitlines() if line.startswith("skipped"))
    assert skipped == [f'skipped train/2 "{"?" * len(strange[3:])}/broken.png', "skipped validation/1/empty.jpg"]
    assert "37 train images, 19 validation images, 0 test images in 3 classes" in result.stdout
    rows = read_log(tmp_path / "run")
    assert [(row["epoch"], row["phase"]) for row in rows] == [
        ("0", "probe"),
        ("1", "head"),
        ("2", "full"),
        ("3", "full"),
    ]
    measured = ["train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_macro_f1"]
    assert list(rows[0]) == ["epoch", "phase", "lr", *measured, "seconds"]
    assert float(rows[0]["val_accuracy"]) > 0.6  # even random features tell 0, 1 and 2 apart
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["metric"] == "macro-F1"
    assert metrics["validation"].keys() == {"accuracy", "macro_f1", "loss", "n"}
    assert metrics["validation"]["n"] == 18
    assert metrics["test"] is None
    assert metrics["per_class"]["validation"].keys() == {"0", "1", strange}
    assert (metrics["steps"], metrics["epochs"]) == (12, 3)
    assert metrics["classes"] == ["0", "1", strange]
    best, last = checkpoint(tmp_path / "run/best.pt"), checkpoint(tmp_path / "run/last.pt")
    assert best["epoch"] == metrics["best_epoch"]
    assert best["metric"] == pytest.approx(max(float(row["val_macro_f1"]) for row in rows), rel=1e-4)
    assert last["epoch"] == 3
    assert last["optimizer"]["state"]
    assert not list((tmp_path / "run").glob("*.tmp"))


@pytest.mark.slow
def test_a_users_own_model_is_trained_resumed_and_started_from_a_file(tmp_path: Path, monkeypatch: Any) -> None:
    import torch

    train = other_library(tmp_path, "own.py:Net", "../own.py:Net")
    write_samples_of(tmp_path / "out", write_digits(tmp_path / "out" / "digits", train=12, validation=6))
    assert run(train, monkeypatch, "--epochs", "2") == 0
    assert (tmp_path / "out" / "run" / "metrics.json").exists()
    assert run(train, monkeypatch, "--epochs", "2", "--resume") == 0
    torch.save(train.make_model(3, False, 32).state_dict(), tmp_path / "start.pt")
    flags = ["--weights", str(tmp_path / "start.pt"), "--out", str(tmp_path / "again"), "--epochs", "1"]
    monkeypatch.setattr(train, "HEAD_START", "zero")
    assert run(train, monkeypatch, *flags) == 0


@pytest.mark.slow
def test_a_resumed_run_ends_as_if_it_had_never_stopped(tmp_path: Path, monkeypatch: Any) -> None:
    wild = {"mixup": 0.4, "cutmix": 1.0, "dropout": 0.3, "random_erasing": 0.5, "color_jitter": 0.4}
    train = prepare(tmp_path, epochs=5, head_epochs=2, patience=9, **wild)
    assert run(train, monkeypatch, "--out", str(tmp_path / "whole"), "--limit", "30") == 0
    whole = read_log(tmp_path / "whole")
    for stop in (0, 1, 3):  # before the first epoch, within a phase, and in the second phase
        out = tmp_path / f"stopped{stop}"
        with monkeypatch.context() as patched:
            epochs_done = iter(range(stop + 1))
            train_epoch = train.train_epoch

            def stopping(
                *arguments: Any, train_epoch: Any = train_epoch, left: Any = epochs_done, stop: int = stop
            ) -> Any:
                if next(left) == stop:
                    raise KeyboardInterrupt
                return train_epoch(*arguments)

            patched.setattr(train, "train_epoch", stopping)
            with pytest.raises(KeyboardInterrupt):
                run(train, patched, "--out", str(out), "--limit", "30")
        assert len(read_log(out)) == stop + 1
        assert run(train, monkeypatch, "--out", str(out), "--resume") == 0
        assert same(tmp_path / "whole/last.pt", out / "last.pt")
        assert same(tmp_path / "whole/best.pt", out / "best.pt")
        resumed = read_log(out)
        assert [row | {"seconds": ""} for row in resumed] == [row | {"seconds": ""} for row in whole]
    assert {row["train_accuracy"] for row in whole} == {""}


@pytest.mark.slow
def test_workers_change_nothing_even_where_processes_are_spawned(tmp_path: Path, monkeypatch: Any) -> None:
    train = prepare(tmp_path, epochs=3, head_epochs=0, dropout=0.3, mixup=0.4)
    assert run(train, monkeypatch, "--out", str(tmp_path / "none"), "--workers", "0") == 0
    (tmp_path / "spawn.py").write_text(
        "import multiprocessing, train\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method('spawn')\n"
        "    train.main()\n"
    )
    result = subprocess.run(
        [sys.executable, tmp_path / "spawn.py", "--workers", "1", "--out", tmp_path / "spawned"],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    assert same(tmp_path / "none/last.pt", tmp_path / "spawned/last.pt")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits.zip", "digits.tar", "shards/digits.tar"])
def test_a_run_on_an_archive_is_the_run_on_its_folder(tmp_path: Path, monkeypatch: Any, name: str) -> None:
    train = prepare(tmp_path, epochs=1, head_epochs=0)
    assert run(train, monkeypatch, "--out", str(tmp_path / "folder")) == 0
    (tmp_path / "shards").mkdir()
    archive = archived(tmp_path / "digits", tmp_path / name)
    folder, _, container = name.rpartition("/")
    write_samples_in(tmp_path, archive, container if folder else "")
    data = tmp_path / folder if folder else archive
    assert run(train, monkeypatch, "--out", str(tmp_path / "archive"), "--data", str(data)) == 0
    assert same(tmp_path / "folder/last.pt", tmp_path / "archive/last.pt")


@pytest.mark.slow
def test_frozen_statistics_stay_and_others_follow_the_data(tmp_path: Path, monkeypatch: Any) -> None:
    for mode in ("frozen", "train"):
        train = prepare(tmp_path / mode, epochs=1, batch_norm=mode, optimizer="sgd", patience=1)
        start = checkpoint(tmp_path / mode / "start.pt")
        assert run(train, monkeypatch) == 0
        last = checkpoint(tmp_path / mode / "run/last.pt")["model"]
        assert (last["bn1.running_mean"] == start["bn1.running_mean"]).all() == (mode == "frozen")
        assert not (last["conv1.0.weight"] == start["conv1.0.weight"]).all()


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "batch"), [("train", 20), ("train", 35), ("frozen", 20)])
def test_a_head_is_fitted_to_the_statistics_that_it_will_be_used_with(
    tmp_path: Path, monkeypatch: Any, mode: str, batch: int
) -> None:
    import timm
    import torch

    train = prepare(tmp_path, strategy="probe-only", batch_norm=mode, batch_size=batch)
    assert run(train, monkeypatch) == 0
    state = checkpoint(tmp_path / "run/last.pt")["model"]
    source = checkpoint(tmp_path / "start.pt")
    assert (state["bn1.running_var"] == source["bn1.running_var"]).all() == (mode == "frozen")
    if mode == "train":
        digits = train.Split(tmp_path / "digits", train.find_splits(tmp_path / "digits")[1]["train"], 32, augment=False)
        model = timm.create_model("test_resnet", num_classes=3)
        model.load_state_dict(state)
        first, seen = next(m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)), []
        first.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
        model.eval()(torch.stack([digits[index, 0][0] for index in range(len(digits))]))
        near = 0.02 if batch == 35 else 1e-5  # an image by itself is left out
        assert torch.allclose(first.running_mean, seen[0].mean((0, 2, 3)), atol=near)
        assert torch.allclose(first.running_var, seen[0].var((0, 2, 3)), rtol=0.1)


@pytest.mark.slow
def test_statistics_that_were_measured_leave_training_as_it_was(tmp_path: Path, monkeypatch: Any) -> None:
    train = prepare(tmp_path)
    model = train.build_model(3, str(tmp_path / "start.pt"), 32)
    usual = [(module.momentum, module.training) for module in model.eval().modules() if hasattr(module, "momentum")]
    arguments = train.argparse.Namespace(seed=0, workers=0, device="cpu", batch_size=8, image_size=32)
    loaders = train.make_loaders(tmp_path / "digits", train.find_splits(tmp_path / "digits")[1], arguments)
    train.measure_statistics(model, loaders["fit"], train.torch.device("cpu"))
    assert usual == [(module.momentum, module.training) for module in model.modules() if hasattr(module, "momentum")]
    assert len({image[1] for image in loaders["fit"].dataset.images[:8]}) > 1


@pytest.mark.slow
def test_a_probe_alone_trains_no_layer(tmp_path: Path, monkeypatch: Any) -> None:
    train = prepare(tmp_path, strategy="probe-only")
    assert run(train, monkeypatch) == 0
    last, start = checkpoint(tmp_path / "run/last.pt"), checkpoint(tmp_path / "start.pt")
    assert all((last["model"][name] == start[name]).all() for name in start if not name.startswith("fc."))
    assert [row["phase"] for row in read_log(tmp_path / "run")] == ["probe"]
    assert json.loads((tmp_path / "run/metrics.json").read_text())["steps"] == 0


@pytest.mark.slow
def test_a_head_alone_trains_at_the_learning_rate(tmp_path: Path, monkeypatch: Any) -> None:
    rates = {"learning_rate": 0.02, "head_learning_rate": 0.0001}
    train = prepare(tmp_path, strategy="head-only", head_epochs=3, epochs=3, **rates)
    assert run(train, monkeypatch) == 0
    last, start = checkpoint(tmp_path / "run/last.pt"), checkpoint(tmp_path / "start.pt")
    assert all((last["model"][name] == start[name]).all() for name in start if not name.startswith("fc."))
    rows = read_log(tmp_path / "run")
    assert [row["phase"] for row in rows] == ["probe", "head", "head", "head"]
    assert 0.002 < max(float(row["lr"] or 0) for row in rows) <= 0.02


@pytest.mark.slow
def test_without_weights_everything_trains_and_it_says_so(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    train = prepare(tmp_path)
    assert run(train, monkeypatch, "--weights", "none", "--epochs", "1") == 0
    assert "without weights" in capsys.readouterr().out
    assert [row["phase"] for row in read_log(tmp_path / "run")] == ["full"]
    state = checkpoint(tmp_path / "run/last.pt")["model"]
    assert state["bn1.running_mean"].abs().sum() > 0
    assert run(train, monkeypatch, "--weights", "none") == 2
    error = capsys.readouterr().err
    assert "--resume" in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_training_stops_early_and_a_loss_that_is_no_number_ends_it(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    train = prepare(tmp_path, head_epochs=0, patience=2, epochs=9, learning_rate=1e-9)
    assert run(train, monkeypatch, "--out", str(tmp_path / "flat")) == 0
    assert len(read_log(tmp_path / "flat")) == 3
    assert "stops early" in capsys.readouterr().out
    assert run(train, monkeypatch, "--out", str(tmp_path / "mad"), "--lr", "1e30") == 1
    error = capsys.readouterr().err
    assert re.fullmatch(r"train.py: the loss is no longer a finite number in epoch \d: try a lower --lr.\n", error)
    assert len(read_log(tmp_path / "mad")) >= 2


@pytest.mark.parametrize("name", ["log.csv", "metrics.json", "best.pt", "last.pt"])
def test_nothing_is_written_over(train: Any, tmp_path: Path, monkeypatch: Any, capsys: Any, name: str) -> None:
    (tmp_path / name).write_text("mine")
    assert run(train, monkeypatch, "--out", str(tmp_path)) == 2
    error = capsys.readouterr().err
    assert f"already holds {name}: pass " in error
    assert "another --out." in error
    assert ("--resume" in error) == (name == "last.pt")
    assert error.count("\n") == 1
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


@pytest.mark.slow
def test_a_run_stopped_before_its_first_checkpoint_can_start_again(tmp_path: Path, monkeypatch: Any) -> None:
    train = prepare(tmp_path, strategy="probe-only")
    with monkeypatch.context() as patched:
        patched.setattr(train, "fit_head", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(train, patched)
    assert run(train, monkeypatch) == 0


def test_out_of_reach_of_the_hub_only_the_cache_is_asked(train: Any, monkeypatch: Any) -> None:
    class Session:
        def head(self, *_: Any, **__: Any) -> None:
            raise OSError("no network")

    monkeypatch.setattr(train.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(train, "get_session", Session)
    train.go_offline_if_cut_off()
    assert train.constants.HF_HUB_OFFLINE
    monkeypatch.setattr(train.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(Session, "head", lambda *_, **__: None)
    train.go_offline_if_cut_off()
    assert not train.constants.HF_HUB_OFFLINE


@pytest.mark.slow
def test_mistakes_end_in_one_line_that_helps(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    import timm
    import torch

    train = prepare(tmp_path)
    state = timm.create_model("test_resnet").state_dict()
    torch.save({"state_dict": state | {"layer1.0.conv1.weight": torch.zeros(2, 3)}}, tmp_path / "wrong.pt")
    torch.save({name: state[name] for name in list(state)[5:]}, tmp_path / "less.pt")
    torch.save({"code": os.system}, tmp_path / "evil.pt")
    for flags, hint in {
        ("--data", str(tmp_path / "nowhere")): "pass --data DIR",
        ("--device", "tpu9"): "'tpu9' cannot be used",
        ("--device", "meta"): "'meta' cannot be used",
        ("--weights", str(tmp_path / "no.pt")): "does not exist",
        ("--weights", str(tmp_path / "evil.pt")): "cannot be read",
        ("--weights", str(tmp_path / "less.pt")): f"has no tensor {next(iter(state))}",
        ("--weights", str(tmp_path / "wrong.pt")): "layer1.0.conv1.weight is (2, 3) in the file and (32, 32, 3, 3)",
        ("--resume",): "last.pt cannot be read",
    }.items():
        assert run(train, monkeypatch, "--out", str(tmp_path / "out"), *flags) == 1, flags
        error = capsys.readouterr().err
        assert hint in error
        assert error.count("\n") == 1, error
    monkeypatch.setattr(train, "go_offline_if_cut_off", lambda: None)
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: (_ for _ in ()).throw(OSError("no network\nat all")))
    assert run(train, monkeypatch, "--weights", "pretrained") == 1
    assert "(no network): pass --weights FILE or --weights none." in capsys.readouterr().err
