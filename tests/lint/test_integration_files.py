"""The GitHub Action, the pre-commit hook and the page about linting say what the command knows."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cvadvisor.advise.rules import load_rules
from cvadvisor.cli import app
from cvadvisor.project_config import read_config

ROOT = Path(__file__).parents[2]


def action() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return read


def help_of(command: str) -> str:
    return CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).stdout


def test_no_script_of_the_action_has_an_input_pasted_into_it() -> None:
    scripts = [step["run"] for step in action()["runs"]["steps"] if "run" in step]
    assert scripts
    assert not [script for script in scripts if "${{" in script]


def test_the_scripts_of_the_action_are_bash() -> None:
    for step in action()["runs"]["steps"]:
        if "run" in step:
            subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)


def test_the_action_uses_options_that_exist() -> None:
    used = set(re.findall(r"(--[a-z-]+) \"\$", action()["runs"]["steps"][-1]["run"]))
    assert used >= {"--format", "--fail-on", "--output", "--baseline", "--data"}
    assert not [option for option in used if option not in help_of("lint")]


@pytest.mark.parametrize(
    "name", ["runs/detect/train/results.csv", "a/trainer_state.json", "history.csv", "metrics.csv"]
)
def test_the_hook_calls_lint_on_logs(name: str) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["entry"] == "cvadvisor lint"
    assert re.search(hook["files"], name)


@pytest.mark.parametrize("name", ["package.json", "labels.csv", "my_results_of_it.py"])
def test_the_hook_leaves_other_files_alone(name: str) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert not re.search(hook["files"], name)


@pytest.mark.parametrize("command", ["lint", "compare", "watch"])
def test_every_option_is_documented(command: str) -> None:
    page = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    options = set(re.findall(r"(--[a-z][a-z-]+)", help_of(command))) - {"--help"}
    assert not [option for option in options if option not in page]


def test_the_documented_configuration_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    config = read_config(tmp_path / "pyproject.toml")
    assert config is not None
    assert config.fail_on == "warning"
    config.rules.check(load_rules())
