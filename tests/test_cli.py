"""The command line as a user meets it: exit codes, what goes to which stream, and errors of one line."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from cvadvisor import __version__
from cvadvisor.advise.message import readable
from cvadvisor.advise.rules import load_rules
from cvadvisor.cli import app
from cvadvisor.diagnosis import from_json, json_schema, to_json
from cvadvisor.inspect.hardware import inspect_hardware
from cvadvisor.outputs import text
from tests.digits import write_digits
from tests.samples import diagnosis

SMALL = ("--model", "test_resnet", "--weights", "none", "--device", "cpu")
DEEP_LEARNING = ("torch", "torchvision", "timm", "sklearn")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, or needs names that are not UTF-8")


@pytest.fixture(autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no hub to download from."""
    folder = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_CACHE", str(folder.with_name(f"{folder.name}-hub")))
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("data") / "digits", classes=3, train=8, validation=4, side=16)


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str


def cvadvisor(*arguments: object) -> Done:
    """Run a command in this process."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def process(*arguments: object, **options: object) -> Done:
    """Run a command in a process of its own, as a shell would."""
    command = [sys.executable, "-m", "cvadvisor", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", **options)  # type: ignore[call-overload]
    return Done(done.returncode, done.stdout, done.stderr)


def refused(*arguments: object) -> str:
    """The one line in which a wrong call is refused, after whatever progress was shown."""
    done = cvadvisor(*arguments)
    assert done.code == 2, done
    assert done.out == ""
    lines = [line for line in done.err.splitlines() if not line.startswith("[")]
    assert len(lines) == 1, done.err
    assert lines[0].startswith("cvadvisor: ")
    assert lines[0].endswith((".", "?", ")"))
    return lines[0]


# A whole audit


@dataclass(frozen=True)
class Audited:
    """An audit that was run once for several tests."""

    done: Done
    out: Path

    def read(self, name: str) -> str:
        return (self.out / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def audited(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    out = tmp_path_factory.mktemp("audited") / "out"
    return Audited(process("audit", digits, *SMALL, "--budget", "60s", "--out", out, "--fail-on", "never"), out)


@pytest.mark.slow
def test_an_audit_writes_a_report_a_record_and_a_script(audited: Audited) -> None:
    assert audited.done.code == 0, audited.done.err
    assert sorted(path.name for path in audited.out.iterdir()) == [
        "audit.json",
        "leakage.csv",
        "report.html",
        "samples.csv",
        "train.py",
    ]


@pytest.mark.slow
def test_the_summary_and_where_the_files_are_is_all_that_is_on_standard_output(audited: Audited) -> None:
    summary = text.render(from_json(audited.out / "audit.json"))
    assert audited.done.out.startswith(summary)
    rest = audited.done.out.removeprefix(summary)
    assert str(audited.out / "report.html") in rest
    assert str(audited.out / "train.py") in rest
    assert len(rest.strip().splitlines()) <= 3


@pytest.mark.slow
def test_progress_and_nothing_else_is_on_standard_error(audited: Audited) -> None:
    lines = audited.done.err.splitlines()
    assert all(line.startswith("[") and line.endswith(" …") for line in lines), lines
    for title in ("Every image, once", "Model and weights", "Overfit one batch"):
        assert sum(title in line for line in lines) == 1


@pytest.mark.slow
def test_the_record_fits_the_published_schema(audited: Audited) -> None:
    jsonschema.validate(json.loads(audited.read("audit.json")), json_schema(), jsonschema.Draft202012Validator)


@pytest.mark.slow
def test_the_script_is_valid_python(audited: Audited) -> None:
    compile(audited.read("train.py"), "train.py", "exec")


@pytest.mark.slow
@pytest.mark.parametrize(("format", "name"), [("html", "report.html"), ("json", "audit.json"), ("script", "train.py")])
def test_rendering_the_record_gives_what_the_audit_wrote(audited: Audited, format: str, name: str) -> None:
    done = cvadvisor("render", audited.out / "audit.json", "--format", format)
    assert done == Done(0, audited.read(name), "")


@pytest.mark.slow
def test_rendering_the_record_as_text_gives_the_summary(audited: Audited) -> None:
    done = cvadvisor("render", audited.out / "audit.json")
    assert (done.code, done.err) == (0, "")
    assert audited.done.out.startswith(done.out)


@pytest.mark.slow
def test_a_rendering_can_go_into_a_file(audited: Audited, here: Path) -> None:
    assert cvadvisor("render", audited.out / "audit.json", "--format", "html", "--output", "r.html") == Done(0, "", "")
    assert (here / "r.html").read_bytes() == (audited.out / "report.html").read_bytes()


# Exit codes


@pytest.fixture
def leaking(digits: Path, tmp_path: Path) -> Path:
    data = Path(shutil.copytree(digits, tmp_path / "leaking"))
    shutil.copy(min(data.glob("train/0/*")), data / "validation" / "0" / "again.png")
    return data


@pytest.mark.parametrize(("fail_on", "code"), [("error", 1), ("warning", 1), ("never", 0)])
def test_a_leak_is_an_error_and_the_user_decides_if_that_fails(leaking: Path, fail_on: str, code: int) -> None:
    assert cvadvisor("audit", leaking, "--no-probes", "--fail-on", fail_on).code == code


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("never", 0)])
def test_warnings_fail_only_where_they_are_asked_to(digits: Path, fail_on: str, code: int) -> None:
    assert cvadvisor("audit", digits, "--no-probes", "--fail-on", fail_on).code == code


def test_a_failing_audit_has_written_its_results_all_the_same(leaking: Path, here: Path) -> None:
    assert cvadvisor("audit", leaking, "--no-probes").code == 1
    assert sorted(path.name for path in (here / "cvadvisor-out").iterdir()) == [
        "audit.json",
        "clean_split.csv",
        "leakage.csv",
        "report.html",
        "samples.csv",
    ]


def test_a_second_audit_gets_a_folder_of_its_own(digits: Path, here: Path) -> None:
    for _ in range(2):
        cvadvisor("audit", digits, "--no-probes")
    assert sorted(path.name for path in here.iterdir()) == ["cvadvisor-out", "cvadvisor-out-2"]


# Wrong calls


def test_data_that_is_missing_is_refused() -> None:
    assert "nowhere does not exist: give the folder" in refused("audit", "nowhere", "--no-probes")


def test_data_that_is_a_file_is_refused(here: Path) -> None:
    (here / "data.zip").touch()
    assert "data.zip cannot be read as an archive" in refused("audit", "data.zip", "--no-probes")


def test_an_empty_folder_is_refused_with_the_layout_that_is_expected(here: Path) -> None:
    (here / "data").mkdir()
    line = refused("audit", "data", "--no-probes")
    assert "data: it holds no image: it is empty" in line
    assert "Expected <class>/*.jpg" in line


def test_a_folder_without_images_is_refused_with_what_is_in_it(here: Path) -> None:
    (here / "data").mkdir()
    (here / "data" / "notes.txt").touch()
    assert "found 1 .txt file" in refused("audit", "data", "--no-probes")


def test_a_single_class_is_refused_by_its_name(digits: Path, here: Path) -> None:
    shutil.copytree(digits / "train" / "0", here / "data" / "cats")
    assert "only one class has images, cats/" in refused("audit", "data", "--no-probes")


def test_images_without_class_folders_are_refused(digits: Path, here: Path) -> None:
    shutil.copytree(digits / "train" / "0", here / "data")
    assert "without class folders" in refused("audit", "data", "--no-probes")


def test_a_refused_call_leaves_nothing_behind(here: Path) -> None:
    refused("audit", "nowhere", "--no-probes")
    assert list(here.iterdir()) == []


def test_weights_that_do_not_exist_are_refused(digits: Path) -> None:
    assert "--weights nope.pth: no such file" in refused("audit", digits, "--weights", "nope.pth", "--no-probes")


@pytest.mark.parametrize("budget", ["soon", "0", "-5s"])
def test_a_budget_that_is_no_duration_is_refused_with_an_example(digits: Path, budget: str) -> None:
    assert f"--budget {budget}: give a duration such as 90s" in refused(
        "audit", digits, f"--budget={budget}", "--no-probes"
    )


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_that_generators_do_not_take_is_refused(digits: Path, seed: int) -> None:
    assert f"--seed {seed}" in refused("audit", digits, f"--seed={seed}", "--no-probes")


def test_results_into_a_file_are_refused(digits: Path, here: Path) -> None:
    (here / "out").touch()
    assert "--out out is a file: name a folder" in refused("audit", digits, "--out", "out", "--no-probes")


def test_results_below_a_file_are_refused(digits: Path, here: Path) -> None:
    (here / "file").touch()
    assert "cannot be written" in refused("audit", digits, "--out", "file/out", "--no-probes")


def test_results_under_a_name_that_is_too_long_are_refused(digits: Path) -> None:
    assert "cannot be written" in refused("audit", digits, "--out", "x" * 300, "--no-probes")


def test_results_that_are_there_already_are_kept(digits: Path, here: Path) -> None:
    (here / "out").mkdir()
    (here / "out" / "audit.json").write_text("precious")
    assert "out already holds audit.json" in refused("audit", digits, "--out", "out", "--no-probes")
    assert (here / "out" / "audit.json").read_text() == "precious"


def test_results_that_are_there_already_are_replaced_with_force(digits: Path, here: Path) -> None:
    (here / "out").mkdir()
    (here / "out" / "audit.json").write_text("old")
    assert cvadvisor("audit", digits, "--no-probes", "--out", "out", "--force").code == 0
    assert from_json(here / "out" / "audit.json").inputs.data_name == "digits"


def test_a_log_without_a_loss_is_refused_with_its_columns(digits: Path, here: Path) -> None:
    (here / "log.csv").write_text("step,speed\n1,2\n")
    line = refused("audit", digits, "--log", "log.csv", "--no-probes")
    assert "no column of losses" in line
    assert "speed" in line


def test_a_log_that_does_not_exist_is_refused(digits: Path) -> None:
    assert "log.csv does not exist" in refused("audit", digits, "--log", "log.csv", "--no-probes")


def test_a_record_that_does_not_exist_is_refused() -> None:
    assert "audit.json cannot be read: No such file or directory" in refused("render", "audit.json")


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xfe\x00", b"{}", b"[1, 2]"])
def test_a_file_that_is_no_record_is_refused(here: Path, content: bytes) -> None:
    (here / "audit.json").write_bytes(content)
    assert "audit.json is not an audit.json of cvadvisor" in refused("render", "audit.json")


def test_a_record_of_another_version_is_refused_with_both_versions(here: Path) -> None:
    (here / "audit.json").write_text(json.dumps(json.loads(to_json(diagnosis())) | {"schema_version": "99"}))
    assert "schema version '99'; this cvadvisor reads '1'" in refused("render", "audit.json")


def test_a_script_of_an_audit_without_a_recipe_is_refused(digits: Path) -> None:
    cvadvisor("audit", digits, "--no-probes", "--out", "out")
    assert "no recipe, so there is no script" in refused("render", "out/audit.json", "--format", "script")


def test_a_rendering_never_replaces_a_file_without_force(here: Path) -> None:
    (here / "audit.json").write_text(to_json(diagnosis()))
    (here / "mine.txt").write_text("mine")
    assert "mine.txt exists" in refused("render", "audit.json", "--output", "mine.txt")
    assert (here / "mine.txt").read_text() == "mine"
    assert cvadvisor("render", "audit.json", "--output", "mine.txt", "--force").code == 0


def test_a_rendering_into_a_folder_that_is_missing_is_refused(here: Path) -> None:
    (here / "audit.json").write_text(to_json(diagnosis()))
    assert "cannot be written: No such file" in refused("render", "audit.json", "--output", "no/where.html")


@pytest.mark.parametrize(
    ("wanted", "near"), [("clas-imbalance", "class-imbalance"), ("validation-leek", "validation-leak")]
)
def test_a_rule_that_does_not_exist_is_refused_with_the_nearest(wanted: str, near: str) -> None:
    line = refused("rule", wanted)
    assert f"no rule '{wanted}'" in line
    assert near in line.lower()


def test_a_demo_over_somebodys_results_is_refused(here: Path) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "audit.json").write_text("mine")
    assert "already holds audit.json" in refused("demo", "--out", "mine")


def test_an_option_that_does_not_exist_exits_with_2(digits: Path) -> None:
    done = cvadvisor("audit", digits, "--colour", "red")
    assert done.code == 2
    assert "--colour" in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_a_model_that_does_not_exist_is_refused_with_the_nearest(digits: Path) -> None:
    line = refused("audit", digits, "--model", "resnet5O", "--budget", "1s")
    assert "timm has no model named 'resnet5O'" in line
    assert "resnet50" in line


@pytest.mark.slow
def test_weights_of_a_model_with_a_tag_that_does_not_exist_are_refused(digits: Path) -> None:
    assert "nonsense" in refused("audit", digits, "--model", "test_resnet.nonsense", "--budget", "1s")


@pytest.mark.slow
def test_weights_that_do_not_fit_the_model_are_refused(digits: Path, here: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"stem.weight": torch.zeros(1)}, here / "w.safetensors")
    line = refused("audit", digits, "--model", "test_resnet", "--weights", "w.safetensors", "--budget", "1s")
    assert "w.safetensors does not fit test_resnet" in line


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, ("boom",))


@pytest.mark.slow
def test_weights_that_would_run_code_are_refused_and_run_none(digits: Path, here: Path) -> None:
    (here / "w.pth").write_bytes(pickle.dumps({"weight": Bomb()}))
    line = refused("audit", digits, "--model", "test_resnet", "--weights", "w.pth", "--budget", "1s")
    assert "cannot be read safely" in line
    assert not (here / "boom").exists()


@pytest.mark.slow
@pytest.mark.skipif(inspect_hardware("auto").device == "cuda", reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(digits: Path) -> None:
    line = refused("audit", digits, *SMALL[:4], "--device", "cuda", "--budget", "1s")
    assert "--device cuda" in line
    assert "use --device cpu" in line


# What is wrong with the data is no reason to stop


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def messy(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """An audit of data with everything in it that may be there and should not."""
    folder = tmp_path_factory.mktemp("messy")
    data = Path(shutil.copytree(digits, folder / "data"))
    train = data / "train"
    good = min(train.glob("0/*.png"))
    names = ["one image", "日本語 und Ümlaut", "<img src=x onerror=alert(1)>", "{{ 7 * 7 }}", "-rf", "%s%n"]
    for name in names:
        (train / name).mkdir()
        shutil.copy(good, train / name / f"{name}.png")
    # No file name may hold a slash, but a path does.
    (train / "<script>alert(1)<" / "script>").mkdir(parents=True)
    shutil.copy(good, train / "<script>alert(1)<" / "script>" / "x.png")
    (data / "validation" / "only here").mkdir()
    shutil.copy(good, data / "validation" / "only here" / "<b>bold<b>.png")
    (train / "0" / "truncated.png").write_bytes(good.read_bytes()[:60])
    (train / "0" / "empty.png").touch()
    (train / "<script>alert(1)<" / "script>" / "words.png").write_text("not an image")
    (train / "0" / "notes.txt").write_text("hello")
    (data / "README.md").write_text("hello")
    if sys.platform == "linux":
        place = os.fsencode(train) + b"/\xff\n\x1b[31m"
        os.mkdir(place)  # noqa: PTH102 - its name is not text
        shutil.copy(good, os.fsdecode(place + b"/\xfe.png"))
    done = cvadvisor("audit", data, "--no-probes", "--out", folder / "out", "--fail-on", "never")
    return Audited(done, folder / "out")


def test_an_audit_of_messy_data_ends_with_a_report(messy: Audited) -> None:
    assert messy.done.code == 0
    assert sorted(path.name for path in messy.out.iterdir()) == [
        "audit.json",
        "clean_split.csv",
        "leakage.csv",
        "report.html",
        "samples.csv",
    ]


def test_files_that_do_not_decode_are_counted_and_shown_with_the_reason(messy: Audited) -> None:
    dataset = from_json(messy.out / "audit.json").facts.dataset
    assert dataset is not None
    reasons = {file.path.rpartition("/")[2]: file.reason for file in dataset.unreadable_examples}
    assert reasons == {"truncated.png": "truncated", "empty.png": "empty file", "words.png": "not an image"}


def test_files_that_are_no_images_are_counted_apart(messy: Audited) -> None:
    dataset = from_json(messy.out / "audit.json").facts.dataset
    assert dataset is not None
    assert dataset.other_files == 2


def test_a_validation_class_that_training_lacks_is_an_error_that_is_found(messy: Audited) -> None:
    findings = {finding.name: finding for finding in from_json(messy.out / "audit.json").findings}
    assert "only here" in findings["class-missing-from-train"].message


def test_no_rule_fails_on_messy_data(messy: Audited) -> None:
    outcomes = from_json(messy.out / "audit.json").outcomes
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []


def test_no_name_becomes_part_of_the_page(messy: Audited) -> None:
    page = Page(messy.read("report.html"))
    assert "<script>alert(1)</script>" in page.text
    assert not page.tags & {"script", "b", "iframe", "object"}


def test_no_name_is_taken_for_a_template(messy: Audited) -> None:
    assert "{{ 7 * 7 }}" in Page(messy.read("report.html")).text


def test_no_name_reaches_the_terminal_as_an_escape(messy: Audited) -> None:
    assert "\x1b" not in messy.done.out + messy.done.err


def test_a_record_of_messy_data_is_rendered_as_it_was(messy: Audited) -> None:
    assert cvadvisor("render", messy.out / "audit.json", "--format", "html").out == messy.read("report.html")
    assert cvadvisor("render", messy.out / "audit.json", "--format", "json").out == messy.read("audit.json")


def test_a_summary_can_be_written_where_its_characters_do_not_exist(digits: Path, here: Path) -> None:
    data = Path(shutil.copytree(digits, here / "日本語"))
    done = process("audit", data, "--no-probes", "--out", "ö", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.code, "Traceback" in done.err) == (0, False), done.err
    assert "report.html" in done.out


# Interrupts


@linux
@pytest.mark.slow
def test_an_interrupt_ends_in_a_report_of_what_is_known(digits: Path, here: Path) -> None:
    command = [sys.executable, "-m", "cvadvisor", "audit", str(digits), *SMALL, "--budget", "60s", "--out", "out"]
    audit = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True
    )
    assert audit.stderr is not None
    seen = ""
    for line in audit.stderr:
        seen += line
        if "Overfit one batch" in line:
            break
    workers = Path(f"/proc/{audit.pid}/task/{audit.pid}/children").read_text().split()
    os.killpg(audit.pid, signal.SIGINT)  # as a terminal does: to the whole group
    out, err = audit.communicate(timeout=120)
    assert audit.returncode == 130, seen + err
    assert "Traceback" not in seen + err

    made = from_json(here / "out" / "audit.json")
    assert made.interrupted
    status = {check.name: (check.status, check.reason) for check in made.checks}
    assert status["model"] == ("done", None)
    assert status["overfit"] == status["lr_full"] == ("not checked", "the audit was interrupted")
    assert out.startswith(text.render(made))
    assert "interrupted" in (here / "out" / "report.html").read_text(encoding="utf-8")
    assert workers
    assert not [worker for worker in workers if still_runs(worker)]


def still_runs(pid: str) -> bool:
    """Whether a process lives on; one that is ending gets a moment."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True


def test_an_interrupt_before_there_is_anything_to_report_says_so(
    digits: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cvadvisor.audit.inspect_dataset", stopped)
    done = cvadvisor("audit", digits, "--no-probes")
    assert done.code == 130
    assert "nterrupted before there was anything to report" in done.err
    assert list(here.iterdir()) == []


# Quick to start


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["rules"], ["rule", "DAT001"], ["audit", "--help"], ["render", "--help"]],
    ids=" ".join,
)
def test_what_only_prints_loads_no_heavy_library(arguments: list[str]) -> None:
    assert loaded(arguments, (*DEEP_LEARNING, "pandas", "numpy", "PIL")) == []


def test_an_audit_without_probes_loads_no_deep_learning_library(digits: Path) -> None:
    assert loaded(["audit", str(digits), "--no-probes"], (*DEEP_LEARNING, "pandas")) == []


def test_rendering_loads_nothing_that_measures(here: Path) -> None:
    (here / "audit.json").write_text(to_json(diagnosis()))
    arguments = ["render", "audit.json", "--format", "html"]
    assert loaded(arguments, (*DEEP_LEARNING, "pandas", "numpy", "PIL")) == []


def loaded(arguments: list[str], libraries: tuple[str, ...]) -> list[str]:
    """Which of ``libraries`` a process has loaded after it ran a command that goes well."""
    program = f"""
import sys
from cvadvisor.cli import app
try:
    app({arguments!r})
except SystemExit as end:
    assert not end.code, end.code
print("\\nLOADED", *[name for name in {libraries!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("LOADED")[2].split()


# Help and rules


def test_the_module_runs_as_a_program() -> None:
    assert process("--version") == Done(0, f"cvadvisor {__version__}\n", "")


def test_help_names_every_command() -> None:
    done = cvadvisor("--help")
    assert done.code == 0
    for command in ("audit", "demo", "render", "rule", "rules"):
        assert command in done.out


def test_the_list_of_rules_names_every_rule() -> None:
    done = cvadvisor("rules")
    assert done.code == 0
    for rule in load_rules():
        assert rule.code in done.out
        assert rule.name in done.out


def test_every_rule_is_explained_by_its_code() -> None:
    for rule in load_rules():
        done = cvadvisor("rule", rule.code)
        assert done.code == 0
        assert done.out.startswith(f"{rule.code}  {rule.name}")
        assert readable(rule.fix, rule.params) in " ".join(done.out.split())


@pytest.mark.parametrize("wanted", ["dat012", "class-imbalance", "Class-Imbalance"])
def test_a_rule_is_found_by_its_name_and_in_any_case(wanted: str) -> None:
    assert cvadvisor("rule", wanted) == cvadvisor("rule", "DAT012")


def test_output_into_a_pipe_that_closes_is_no_crash() -> None:
    command = f"{sys.executable} -m cvadvisor rules | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stdout == "Batch size, memory and speed\n"
    assert done.stderr == ""
