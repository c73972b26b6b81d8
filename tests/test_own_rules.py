"""Rules of the user's own, and the configuration of rules, in an audit. A stand-in takes the worker's place."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from typer.testing import CliRunner, Result

from cvadvisor.advise.recipe import History
from cvadvisor.audit import audit
from cvadvisor.cli import app
from cvadvisor.config import Settings
from cvadvisor.diagnosis import Diagnosis, Outcome, from_json
from cvadvisor.errors import UserError
from cvadvisor.facts import ProbeFacts
from cvadvisor.outputs import html, text
from cvadvisor.probe.catalog import PROBES
from cvadvisor.probe.runner import Answer, Worker
from cvadvisor.rule_settings import RuleSettings
from cvadvisor.shipped import shipped
from tests.advise.making import a_rule
from tests.digits import write_digits
from tests.probe.fake_worker import smallest
from tests.samples import model_facts, probe_facts

FEW: dict[str, Any] = {
    "when": "dataset.train_images < param.images",
    "params": {"images": 100},
    "message": "{dataset.train_images} training images.",
    "advice": [{"field": "dropout", "at_least": 0.35, "reason": "House rule."}],
    "fires_on": [{"dataset.train_images": 99}],
    "silent_on": [{"dataset.train_images": 100}],
}


@pytest.fixture(autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    folder = tmp_path_factory.mktemp("here")
    (folder / ".git").mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("data") / "digits", classes=3, train=8, validation=4, side=16)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the worker was asked; it answers as a sound one, and no process is started."""
    commands: list[dict[str, Any]] = []
    kinds = get_type_hints(ProbeFacts)
    known = {one.name: getattr(probe_facts(), one.name) or smallest(get_args(kinds[one.name])[0]) for one in PROBES}
    given = {name: Answer("done", facts=dataclasses.asdict(facts)) for name, facts in known.items()}
    model = dataclasses.asdict(model_facts(name="test_resnet", classes=3))
    given["model"] = Answer("done", facts=model, device="cpu")

    def ask(_worker: Worker, command: dict[str, Any], _limit_s: float, _progress: Callable[[int, int], None]) -> Answer:
        commands.append(command)
        return given.get(command["do"], Answer("done"))

    monkeypatch.setattr(Worker, "ask", ask)
    return commands


def own(folder: Path, *rules: dict[str, Any]) -> Path:
    folder.mkdir()
    (folder / "own.yaml").write_text(yaml.safe_dump(list(rules), sort_keys=False), encoding="utf-8")
    return folder


def audited(data: Path, out: Path, rules: RuleSettings | None = None, **changes: Any) -> Diagnosis:
    wanted: dict[str, Any] = {"model": "test_resnet", "weights": "none", "budget_s": 60.0, "device": "cpu"}
    return audit(Settings(data=data, out=out, rules=rules, **(wanted | changes)))


def outcome(made: Diagnosis, code: str) -> Outcome:
    return next(one for one in made.outcomes if one.code == code)


def history(made: Diagnosis, field: str) -> History:
    assert made.advice is not None
    return next(one for one in made.advice.history if one.field == field)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(*arguments: object) -> str:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line


# Rules of one's own


def test_a_rule_of_ones_own_fires_in_an_audit_and_shapes_the_recipe(digits: Path, tmp_path: Path) -> None:
    made = audited(digits, tmp_path / "out", RuleSettings(folders=(own(tmp_path / "mine", a_rule(**FEW)),)))
    assert outcome(made, "TST001").status == "fired"
    assert next(one.message for one in made.findings if one.code == "TST001") == "24 training images."
    assert history(made, "dropout").value == 0.35
    assert [(step.rule, step.reason) for step in history(made, "dropout").steps if step.applied][-1] == (
        "TST001",
        "House rule.",
    )
    assert "TST001" in html.render(made)


def test_the_recipe_that_probes_try_is_shaped_by_it_too(
    digits: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    audited(digits, tmp_path / "out", RuleSettings(folders=(own(tmp_path / "mine", a_rule(**FEW)),)))
    tried = [one["recipe"]["dropout"] for one in asked if one.get("recipe")]
    assert tried
    assert set(tried) == {0.35}


def test_the_command_that_repeats_the_audit_names_the_folder(digits: Path, here: Path) -> None:
    folder = own(here / "mine", a_rule(**FEW))
    made = audited(digits, here / "out", RuleSettings(folders=(folder,)), probes=False)
    assert "--rules mine " in made.inputs.command
    assert str(here) not in made.inputs.command


def test_the_example_of_the_guide_can_be_tried_as_it_stands(digits: Path, here: Path) -> None:
    guide = (shipped("rules") / "README.md").read_text(encoding="utf-8").partition("## Rules of your own")[2]
    (here / "our-rules").mkdir()
    (here / "our-rules" / "ours.yaml").write_text(guide.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    (source,) = re.findall(r"`(releases: .*?)`", guide)
    (here / "our-rules" / "sources.yaml").write_text(source, encoding="utf-8")
    assert "Notes on our releases" in run("rule", "OUR001", "--rules", "our-rules").stdout
    done = run("audit", digits, "--model", "test_resnet", "--weights", "none", "--rules", "our-rules", "--out", "out")
    assert "OUR001" in done.stdout
    recipe = from_json(here / "out" / "audit.json").advice
    assert recipe is not None
    assert recipe.recipe.dropout >= 0.2


def test_every_command_on_rules_takes_several_folders(here: Path) -> None:
    first, second = own(here / "a", a_rule()), own(here / "b", a_rule(code="TST002", name="another"))
    listed = run("rules", "--rules", first, "--rules", second).stdout
    assert "TST001" in listed
    assert "TST002" in listed
    assert run("rule", "another", "--rules", second).stdout.startswith("TST002  another")
    assert "There is no rule 'another'" in refused("rule", "another", "--rules", first)


def test_a_rule_of_ones_own_on_logs_judges_them(here: Path) -> None:
    folder = own(
        here / "mine",
        a_rule(
            when="run.epochs < param.epochs",
            params={"epochs": 50},
            message="{run.epochs} epochs.",
            fires_on=[{"run.epochs": 49}],
            silent_on=[{"run.epochs": 50}],
        ),
    )
    (here / "log.csv").write_text("epoch,train_loss,val_loss\n1,2.0,1.9\n2,1.0,1.2\n3,0.9,1.1\n")
    assert "TST001" in run("lint", "log.csv", "--rules", folder).stdout
    assert "TST001" not in run("lint", "log.csv").stdout


@pytest.mark.parametrize("command", [("audit", "data"), ("probe", "lr", "data"), ("lint", "log.csv"), ("rules",)])
def test_a_broken_rule_is_one_line_that_names_file_and_line(digits: Path, here: Path, command: tuple[str, ...]) -> None:
    own(here / "mine", a_rule(when="dataset.imbalance > 3"))
    arguments = [digits if one == "data" else one for one in command]
    line = refused(*arguments, "--rules", "mine")
    assert line.startswith("cvadvisor: mine/own.yaml:4: TST001 a-test: when: unknown fact 'dataset.imbalance'")
    assert not (here / "cvadvisor-out").exists()


def test_a_rule_whose_types_do_not_fit_is_refused_before_anything_is_looked_at(digits: Path, here: Path) -> None:
    own(here / "mine", a_rule(when="dataset.imbalance_ratio > 'many'", params=None))
    assert "mine/own.yaml:1: TST001 a-test: when: " in refused("audit", digits, "--rules", "mine")


def test_a_folder_that_is_not_there_is_refused(digits: Path) -> None:
    assert "nowhere holds no rules: there is no such folder." in refused("audit", digits, "--rules", "nowhere")


# The configuration


def configured(here: Path, said: str) -> None:
    (here / "pyproject.toml").write_text(f"[tool.cvadvisor]\n{said}\n", encoding="utf-8")


def shown(digits: Path, here: Path, *more: object) -> tuple[Result, Diagnosis]:
    done = run("audit", digits, "--no-probes", "--out", here / "out", "--force", *more)
    return done, from_json(here / "out" / "audit.json")


def test_an_ignored_rule_neither_fires_nor_passes_and_the_report_says_why(digits: Path, here: Path) -> None:
    fires = {one.code for one in shown(digits, here)[1].findings}
    assert "DAT015" in fires
    configured(here, '[tool.cvadvisor.ignore]\ntiny-dataset = "a trial"\nDAT001 = "leaks are wanted"')
    done, made = shown(digits, here)
    for code, reason in (("DAT015", "a trial"), ("DAT001", "leaks are wanted")):
        assert (outcome(made, code).status, outcome(made, code).reason) == ("ignored", reason)
    assert "DAT015" not in {one.code for one in made.findings}
    assert "2 are ignored" in done.stdout
    page = html.render(made)
    ignored = page.partition("Ignored rules")[2].partition("</section>")[0]
    assert "a trial" in ignored
    assert "DAT015" in ignored
    assert "DAT001" not in page.partition('id="passed"')[2].partition("</section>")[0]


def test_an_ignored_rule_does_not_shape_the_recipe(digits: Path, tmp_path: Path) -> None:
    made = audited(digits, tmp_path / "out")
    steps = [step for one in made.advice.history for step in one.steps if step.rule]  # type: ignore[union-attr]
    code = steps[0].rule
    assert code is not None
    again = audited(digits, tmp_path / "again", RuleSettings(ignore={code: "we know better"}))
    assert code not in {step.rule for one in again.advice.history for step in one.steps}  # type: ignore[union-attr]
    assert outcome(again, code).status == "ignored"


def test_rules_that_are_not_selected_are_listed_as_ignored(digits: Path, here: Path) -> None:
    configured(here, 'select = ["DAT015"]')
    done, made = shown(digits, here)
    assert [one.code for one in made.outcomes if one.status != "ignored"] == ["DAT015"]
    assert outcome(made, "DAT001").reason == "it is not among the rules that are selected"
    assert "Traceback" not in done.output


def test_a_rule_is_ignored_for_the_dataset_that_a_glob_names(digits: Path, here: Path) -> None:
    configured(here, '[tool.cvadvisor.per-path-ignores.digits]\nDAT015 = "a trial"')
    assert outcome(shown(digits, here)[1], "DAT015").status == "ignored"
    configured(here, '[tool.cvadvisor.per-path-ignores.photos]\nDAT015 = "a trial"')
    assert outcome(shown(digits, here)[1], "DAT015").status == "fired"


def test_thresholds_and_severities_are_replaced(digits: Path, here: Path) -> None:
    own(here / "mine", a_rule(**FEW))
    configured(
        here,
        'rules = ["mine"]\n[tool.cvadvisor.params.TST001]\nimages = 24\n[tool.cvadvisor.severities]\nDAT015 = "error"',
    )
    done, made = shown(digits, here)
    assert outcome(made, "TST001").status == "passed"
    assert outcome(made, "DAT015").severity == "error"
    assert done.exit_code == 1
    assert "images = 24" in run("rule", "TST001").stdout


def test_the_configuration_says_what_fails_and_the_command_line_overrules_it(digits: Path, here: Path) -> None:
    configured(here, 'fail-on = "warning"')
    assert shown(digits, here)[0].exit_code == 1
    assert shown(digits, here, "--fail-on", "never")[0].exit_code == 0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('[tool.cvadvisor.ignore]\ntiny-datset = "x"', "There is no rule 'tiny-datset'; did you mean 'tiny-dataset'?"),
        ('select = ["DAT999"]', "There is no rule 'DAT999'; did you mean 'DAT099'?"),
        ("[tool.cvadvisor.params.DAT012]\nratios = 3", "has no threshold 'ratios'; did you mean 'ratio'?"),
        ('[tool.cvadvisor.params.DAT012]\nratio = "x"', "The threshold ratio of DAT012 is like 5.0, not 'x'."),
        ('selct = ["DAT"]', "unknown key 'selct'; did you mean 'select'?"),
        ('rules = ["nowhere"]', "nowhere holds no rules: there is no such folder."),
    ],
)
@pytest.mark.parametrize("command", ["audit", "lint"])
def test_what_is_wrong_is_one_line_that_names_the_nearest(
    digits: Path, here: Path, command: str, said: str, expected: str
) -> None:
    (here / "log.csv").write_text("epoch,train_loss\n1,2.0\n2,1.0\n")
    configured(here, said)
    assert expected in refused(command, digits if command == "audit" else "log.csv")


def test_from_python_nothing_is_read_from_the_working_folder(digits: Path, here: Path) -> None:
    configured(here, 'select = ["DAT999"]')
    assert outcome(audited(digits, here / "out", probes=False), "DAT015").status == "fired"
    with pytest.raises(UserError, match="DAT999"):
        audited(digits, here / "again", RuleSettings(select=("DAT999",)), probes=False)


def test_the_summary_on_the_terminal_counts_what_is_ignored(digits: Path, tmp_path: Path) -> None:
    made = audited(digits, tmp_path / "out", RuleSettings(ignore={"DAT015": "a trial"}), probes=False)
    assert "1 is ignored" in text.render(made)
