"""``cvadvisor probe``: what goes to which stream, exit codes, and both formats. Most tests put stand-ins for probes."""

import dataclasses
import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cvadvisor.advise.rules import compile_rules, load_rules
from cvadvisor.cli import app
from cvadvisor.facts import Facts, ProbeFacts
from cvadvisor.facts.seen import Check, Curve, Mark, Series
from cvadvisor.outputs import probe_text
from cvadvisor.outputs.scales import cells
from cvadvisor.probe.catalog import PROBES
from cvadvisor.probe.process import Worker
from cvadvisor.probe_report import ProbeReport
from cvadvisor.probing import LEAST_WEIGHT, waiting_weight, with_needs
from tests.digits import write_digits
from tests.probe import fake_worker
from tests.samples import probe_facts


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("data") / "digits", classes=3, train=8, validation=4, side=16)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes and a worker that need no torch."""
    monkeypatch.setattr("cvadvisor.probe_alone.PROBES", fake_worker.PROBES)
    monkeypatch.setattr("cvadvisor.probe_alone.Worker", functools.partial(Worker, program=fake_worker.PROGRAM))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["probe", *map(str, arguments), "--no-cache", "--device", "cpu"])


def said(result: Result) -> list[str]:
    """What is on standard error besides progress."""
    return [line for line in result.stderr.splitlines() if not line.startswith("[")]


@pytest.mark.usefixtures("stand_ins")
def test_the_facts_of_a_probe_are_printed_with_what_they_mean(digits: Path) -> None:
    result = run("features", digits)
    assert result.exit_code == 0, result.stderr
    assert "Fake features: a probe" in result.stdout
    assert "knn_accuracy" in result.stdout
    assert "50 % (40–60 %), n = 10" in result.stdout
    assert "Accuracy of the nearest training" in result.stdout
    assert said(result) == []


@pytest.mark.usefixtures("stand_ins")
def test_as_json_the_facts_have_dotted_names_and_nothing_else_is_on_standard_output(digits: Path) -> None:
    result = run("lr", digits, "--format", "json")
    made = json.loads(result.stdout)
    assert set(made) == {"version", "facts", "curves", "seconds"}
    assert {"probe.lr.best", "probe.lr.low", "probe.lr.high"} <= set(made["facts"])
    assert all(name.startswith("probe.lr.") for name in made["facts"])
    assert made["seconds"] > 0


@pytest.mark.usefixtures("stand_ins")
def test_as_json_an_estimate_is_four_facts(digits: Path) -> None:
    facts = json.loads(run("features", digits, "--format", "json").stdout)["facts"]
    parts = {name.rpartition(".")[2]: value for name, value in facts.items() if ".knn_accuracy." in name}
    assert parts == {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}


@pytest.mark.usefixtures("stand_ins")
def test_what_a_probe_needs_runs_before_it_and_nothing_else_does(digits: Path) -> None:
    progress = run("lr", digits).stderr
    assert progress.index("Fake features") < progress.index("Fake lr")
    assert "Fake overfit" not in progress


@pytest.mark.usefixtures("stand_ins")
def test_changed_copies_are_not_looked_for(digits: Path) -> None:
    assert "changed copies" not in run("overfit", digits).stderr


@pytest.mark.usefixtures("stand_ins")
def test_a_probe_that_fails_is_exit_code_2_and_one_line(digits: Path) -> None:
    result = run("overfit", digits, "--model", "overfit=raise")
    assert result.exit_code == 2
    (line,) = said(result)
    assert line.startswith("cvadvisor: Fake overfit failed: ValueError: bad shape (fake_worker.py, line ")


@pytest.mark.usefixtures("stand_ins")
def test_a_probe_that_fails_is_valid_json_without_facts(digits: Path) -> None:
    result = run("overfit", digits, "--model", "overfit=killed", "--format", "json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["facts"] == {}


@pytest.mark.usefixtures("stand_ins")
def test_a_probe_whose_need_can_not_be_met_says_so(digits: Path) -> None:
    result = run("lr", digits, "--model", "features=not here")
    assert result.exit_code == 2
    (line,) = said(result)
    assert "it needs 'Fake features'" in line
    assert "--weights default" in line


@pytest.mark.usefixtures("stand_ins")
def test_a_model_that_does_not_load_is_exit_code_2_and_one_line(digits: Path) -> None:
    result = run("lr", digits, "--model", "model=raise")
    assert result.exit_code == 2
    (line,) = said(result)
    assert "the model could not be loaded" in line


@pytest.mark.usefixtures("stand_ins")
def test_a_budget_that_is_too_small_says_which_would_do(digits: Path) -> None:
    result = run("lr", digits, "--budget", "1s", "--model", "model=slow")
    assert result.exit_code == 2
    (line,) = said(result)
    assert "left out: it needs about " in line
    assert "Try --budget 10s." in line


@pytest.mark.usefixtures("stand_ins")
def test_a_probe_that_is_not_there_is_refused_with_those_that_are(digits: Path) -> None:
    result = run("race", digits)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said(result) == ["cvadvisor: there is no probe 'race': choose one of features, overfit, lr."]


@pytest.mark.usefixtures("stand_ins")
def test_the_result_can_go_to_a_file(digits: Path, tmp_path: Path) -> None:
    result = run("overfit", digits, "--format", "json", "--output", tmp_path / "made.json")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "probe.overfit.fitted" in json.loads((tmp_path / "made.json").read_text())["facts"]


def test_a_file_that_exists_is_refused_before_anything_runs(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "made.json").write_text("mine")
    result = run("overfit", digits, "--output", tmp_path / "made.json")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert (tmp_path / "made.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (["--budget", "soon"], "--budget soon"),
        (["--seed", "-1"], "--seed -1"),
        (["--weights", "missing.pth"], "--weights missing.pth"),
    ],
)
def test_a_wrong_option_is_one_line(digits: Path, wrong: list[str], what: str) -> None:
    result = run("overfit", digits, *wrong)
    assert result.exit_code == 2
    (line,) = said(result)
    assert line.startswith(f"cvadvisor: {what}")


def test_a_dataset_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = run("overfit", tmp_path / "missing")
    assert result.exit_code == 2
    assert len(said(result)) == 1


def test_help_loads_no_deep_learning_library() -> None:
    program = (
        "import sys\nfrom cvadvisor.cli import app\ntry:\n    app(['probe', '--help'])\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *[name for name in ('torch', 'timm', 'sklearn', 'numpy', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED"


@pytest.mark.slow
def test_a_real_probe_gives_its_facts(digits: Path) -> None:
    result = run("overfit", digits, "--model", "test_resnet", "--weights", "none", "--format", "json", "--budget", "2m")
    assert result.exit_code == 0, result.stderr
    made = json.loads(result.stdout)
    assert made["facts"]["probe.overfit.batch_images"] == 16
    assert made["curves"]


# The text


def report(**changes: Any) -> ProbeReport:
    facts = Facts(probe=ProbeFacts(overfit=probe_facts().overfit))
    check = Check(name="overfit", title="Overfit: can it", status="done", seconds=2.0, provides=("probe.overfit",))
    curve = Curve(
        name="overfit",
        title="Overfitting",
        x_label="step",
        y_label="loss (nats)",
        x_log=False,
        series=(Series(name="loss", x=(0.0, 1.0, 2.0), y=(2.3, 1.0, 0.1)),),
        marks=(Mark(label="memorised", x=2.0),),
    )
    made = ProbeReport(check=check, before=(), facts=facts, curves=(curve,), about="test_resnet", seconds=9.0)
    return dataclasses.replace(made, **changes)


@pytest.mark.parametrize("width", [60, 80, 110])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(cells, probe_text.render(report(), width=width).splitlines())) <= width


def test_a_curve_is_a_row_of_blocks_with_its_ends() -> None:
    text = probe_text.render(report())
    assert "  █▄▁\n" in text
    assert "loss (nats) 0.1 to 2.3, step 0 to 2" in text
    assert "memorised at 2" in text


def test_a_terminal_without_typography_gets_none() -> None:
    assert probe_text.render(report(), ascii_only=True).isascii()


def test_a_need_that_was_left_out_is_told() -> None:
    left = Check(name="features", title="Features", status="not checked", reason="no time", enable="--budget 3m")
    assert "Features was not checked: no time. Try --budget 3m." in probe_text.render(report(before=(left,)))


# Values


def test_a_probe_is_worth_what_the_rules_weigh_that_wait_for_it() -> None:
    rules = compile_rules(load_rules())
    assert waiting_weight("probe.overfit", rules) > LEAST_WEIGHT
    assert waiting_weight("probe.nothing", rules) == LEAST_WEIGHT


def test_every_probe_alone_comes_after_all_that_it_needs() -> None:
    for probe in PROBES:
        wanted = with_needs(probe, PROBES)
        assert wanted[-1] is probe
        assert {need for one in wanted for need in one.needs} <= {one.name for one in wanted}
