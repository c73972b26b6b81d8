"""`cvadvisor lint` as a user and a CI job meet it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import cvadvisor.lint
from cvadvisor.cli import app
from cvadvisor.lint_report import LintReport
from cvadvisor.rule_settings import RuleSettings
from tests.lint.making import faulty, finding, linted, report

DEEP_LEARNING = ("torch", "torchvision", "timm", "sklearn", "pandas")


class Engine:
    """Stands for the judging: gives one report, and keeps what it was asked."""

    def __init__(self) -> None:
        self.report = faulty()
        self.paths: Sequence[Path] = ()
        self.asked: dict[str, Any] = {}

    def __call__(self, paths: Sequence[Path], **asked: Any) -> LintReport:
        self.paths, self.asked = paths, asked
        return self.report

    @property
    def settings(self) -> RuleSettings:
        made: RuleSettings = self.asked["settings"]
        return made


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setattr(cvadvisor.lint, "lint", made)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return made


def lint(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["lint", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(*arguments: object) -> str:
    result = lint(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


# Exit codes


def test_an_error_fails_and_a_warning_does_not_unless_asked(engine: Engine) -> None:
    assert lint("a").exit_code == 1
    engine.report = report(linted(finding(severity="warning")))
    assert lint("a").exit_code == 0
    assert lint("a", "--fail-on", "warning").exit_code == 1
    engine.report = faulty()
    assert lint("a", "--fail-on", "never").exit_code == 0


def test_nothing_that_could_be_judged_is_two(engine: Engine) -> None:
    engine.report = report(linted(passed=()))
    assert lint("a").exit_code == 2
    engine.report = report()
    done = lint("a")
    assert (done.exit_code, done.stderr) == (2, "cvadvisor: no training log found.\n")


def test_unreadable_files_are_a_line_each_and_fail_only_where_nothing_else_was_judged(engine: Engine) -> None:
    done = lint("a", "--fail-on", "never")
    assert done.exit_code == 0
    assert done.stderr == "cvadvisor: runs/noise.bin: is no text and no event file: nothing to read.\n"
    engine.report = report(unreadable=faulty().unreadable)
    assert lint("a").exit_code == 2


# Settings


def test_rules_are_given_with_commas_or_by_repeating(engine: Engine) -> None:
    lint("a", "b", "--select", "RUN001, overfitting", "--select", "RUN", "--ignore", "loss-zero")
    assert engine.paths == [Path("a"), Path("b")]
    assert engine.settings.select == ("RUN001", "overfitting", "RUN")
    assert engine.settings.ignored("RUN000", "loss-zero", "a") is not None


def test_a_rule_that_does_not_exist_is_refused_with_the_nearest() -> None:
    assert "did you mean 'overfitting'?" in refused("a", "--select", "overfiting")
    assert "--ignore" in refused("a", "--ignore", "RUN,")


def test_to_select_no_rule_on_logs_is_refused() -> None:
    assert "No rule on training logs is among those selected: DAT012." in refused("a", "--select", "DAT012")


def test_columns_are_mapped_and_the_command_line_overrules_the_configuration(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "cvadvisor.toml").write_text('[map]\nacc = "train/accuracy"\nx = "val/loss"\n')
    lint("a", "--map", "acc=val/accuracy", "--map", "a=b=learning_rate")
    assert engine.asked["columns"] == {"acc": "val/accuracy", "x": "val/loss", "a=b": "learning_rate"}


@pytest.mark.parametrize("wrong", ["acc", "=val/accuracy", "acc=", "acc=a/b/c/d"])
def test_a_mapping_that_says_nothing_is_refused(engine: Engine, wrong: str) -> None:
    assert "--map" in refused("a", "--map", wrong)


def test_the_configuration_says_what_fails(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "cvadvisor.toml").write_text('fail-on = "never"\n')
    assert lint("a").exit_code == 0
    assert lint("a", "--fail-on", "error").exit_code == 1


# Output


def test_an_output_file_is_not_replaced_without_force(engine: Engine, tmp_path: Path) -> None:
    assert lint("a", "--output", "out.json", "--format", "json").exit_code == 1
    assert json.loads((tmp_path / "out.json").read_text())["version"] == "1"
    assert "out.json exists" in lint("a", "--output", "out.json").stderr
    assert lint("a", "--output", "out.json", "--format", "json", "--force").exit_code == 1


def test_the_step_summary_is_appended_to(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    lint("a", "--format", "github")
    assert summary.read_text().startswith("before\n## Training logs\n")


def test_a_step_summary_that_cannot_be_written_fails_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/no/such/folder/summary.md")
    done = lint("a", "--format", "github", "--fail-on", "never")
    assert done.exit_code == 0
    assert "the step summary cannot be written" in done.stderr


# Baseline


def test_known_findings_do_not_fail_and_new_ones_do(engine: Engine) -> None:
    assert lint("a", "--write-baseline", "known.json").exit_code == 0
    assert lint("a", "--baseline", "known.json").exit_code == 0
    engine.report = report(*faulty().runs, linted(finding(), path="new.csv"))
    assert lint("a", "--baseline", "known.json").exit_code == 1


def test_a_baseline_replaces_a_baseline_but_no_other_file(engine: Engine, tmp_path: Path) -> None:
    assert lint("a", "--write-baseline", "known.json").exit_code == 0
    assert lint("a", "--write-baseline", "known.json").exit_code == 0
    (tmp_path / "mine.json").write_text("{}")
    assert "is no baseline" in refused_with_report("a", "--write-baseline", "mine.json")
    assert (tmp_path / "mine.json").read_text() == "{}"


def refused_with_report(*arguments: object) -> str:
    done = lint(*arguments)
    assert done.exit_code == 2
    return done.stderr


def test_a_baseline_that_is_missing_is_a_wrong_call(engine: Engine) -> None:
    assert "--write-baseline" in refused_with_report("a", "--baseline", "none.json")


# The whole command


def csv_log(file: Path, rows: int = 30) -> Path:
    lines = [
        f"{epoch},{2.0 * 0.9**epoch:.4f},{2.1 * 0.92**epoch:.4f},{1 - 0.8 * 0.9**epoch:.4f}" for epoch in range(rows)
    ]
    file.write_text("\n".join(["epoch,train_loss,val_loss,val_accuracy", *lines]) + "\n")
    return file


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cvadvisor", "lint", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, **options)


def test_linting_imports_no_deep_learning_and_no_pandas(tmp_path: Path) -> None:
    log = csv_log(tmp_path / "log.csv")
    code = (
        "import sys\nfrom cvadvisor.cli import main\nsys.argv = ['cvadvisor', 'lint', sys.argv[1]]\n"
        f"try:\n    main()\nexcept SystemExit:\n    pass\nprint(sorted(set({DEEP_LEARNING}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, log], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
    assert "1 run: " in done.stdout


def test_a_console_without_block_characters_gets_ascii(tmp_path: Path) -> None:
    csv_log(tmp_path / "log.csv")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = process("log.csv", cwd=tmp_path, env=environment)
    assert done.stdout.isascii()
    assert "\\u" not in done.stdout
    assert "1 run: " in done.stdout


def test_an_interrupt_is_one_line(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> LintReport:
        raise KeyboardInterrupt

    monkeypatch.setattr(cvadvisor.lint, "lint", interrupted)
    done = lint("a")
    assert (done.exit_code, done.stderr) == (130, "cvadvisor: interrupted.\n")
