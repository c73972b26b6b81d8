"""Logs in, judgement out: what is found, what is folded under it, and what could not be judged."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from cvadvisor.advise.rules import compile_rules
from cvadvisor.lint import lint, lint_rules, lint_run
from cvadvisor.lint_report import LintedRun
from tests.run_samples import a_run, falling, healthy

RULES = compile_rules(lint_rules())


def judged(run) -> LintedRun:
    return lint_run(run, RULES)


def alarms(run) -> set[str]:
    return {finding.name for finding in judged(run).findings if finding.severity != "info"}


def folded(run) -> dict[str, str]:
    made = judged(run)
    names = {finding.code: finding.name for finding in made.findings}
    return {one.name: names[one.under] for one in made.folded}


def write(path: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(zip(*columns.values(), strict=True))
    return path


def test_every_rule_that_was_asked_for_is_there():
    names = {rule.name for rule in lint_rules()}
    asked = """
        loss-not-finite loss-zero loss-diverged loss-spikes loss-not-improving loss-at-chance loss-oscillating
        overfitting generalisation-gap underfitting overconfident validation-frozen validation-equals-training
        validation-better-than-training perfect-too-early majority-class-collapse metric-collapse best-checkpoint-lost
        still-improving-at-end stopped-too-late learning-rate-never-decayed learning-rate-collapsed learning-rate-zero
        learning-rate-too-high learning-rate-too-low gradient-not-finite gradient-exploding gradient-vanishing
        run-truncated runs-appended steps-out-of-order no-validation too-few-epochs-to-judge noisy-validation
        step-time-degraded data-loading-bound
    """
    assert names == set(asked.split())


def test_nothing_is_said_of_a_healthy_run():
    made = judged(healthy())
    assert {finding.severity for finding in made.findings} <= {"info"}
    assert not made.not_checked


def test_a_run_that_ends_in_nan_has_one_cause():
    run = a_run(
        {
            "train/loss": [2.0, 1.5, 1.2, *[math.nan] * 7],
            "validation/loss": [2.0, 1.6, 1.4, *[math.nan] * 7],
            "validation/accuracy": [0.3, 0.5, 0.6, *[0.1] * 7],
        }
    )
    assert alarms(run) == {"loss-not-finite"}
    assert folded(run)["metric-collapse"] == "loss-not-finite"
    (finding,) = [one for one in judged(run).findings if one.name == "loss-not-finite"]
    assert finding.epoch == 4
    assert finding.causes


def test_a_diverged_run_is_not_also_overfitting_and_spiking():
    run = a_run(
        {
            "train/loss": [2.0, 1.2, 0.8, 0.6, 0.55, 2.0, 3.0, 3.4, 3.5, 3.6],
            "validation/loss": [2.0, 1.3, 1.0, 0.9, 0.85, 2.4, 3.5, 3.6, 3.7, 3.8],
        }
    )
    assert alarms(run) == {"loss-diverged"}


def test_a_rising_loss_beside_a_rising_metric_is_no_overfitting():
    epochs = 30
    run = a_run(
        {
            "train/loss": falling(2.0, 0.05, epochs),
            "validation/loss": [*falling(1.5, 0.6, 10), *[0.6 + 0.02 * step for step in range(epochs - 10)]],
            "validation/accuracy": falling(0.5, 0.9, epochs),
        }
    )
    made = judged(run)
    assert "overconfident" in {finding.name for finding in made.findings}
    assert alarms(run) == set()


def test_a_rising_loss_without_a_metric_is_overfitting():
    epochs = 30
    noise = [0.005 * (-1) ** step for step in range(epochs)]
    rising = [*falling(1.5, 0.6, 10), *[0.6 + 0.02 * step for step in range(epochs - 10)]]
    run = a_run(
        {
            "train/loss": falling(2.0, 0.05, epochs),
            "validation/loss": [value + extra for value, extra in zip(rising, noise, strict=True)],
        }
    )
    assert alarms(run) == {"overfitting"}


BENIGN = {
    "one-cycle": {"learning_rate": [*[0.01 * step for step in range(1, 7)], *[0.06 * 0.7**step for step in range(14)]]},
    "step decay": {"learning_rate": [0.1] * 10 + [0.01] * 5 + [0.001] * 5},
    "validation every fifth epoch": {"validation/loss": [None, None, None, None, 0.6] * 4},
    "training looks worse than validation": {"train/accuracy": falling(0.15, 0.6, 20, 0.004)},
    "few validation images": {"validation/accuracy": [round(v * 60) / 60 for v in falling(0.4, 0.9, 20, 0.02)]},
}


@pytest.mark.parametrize("benign", BENIGN.values(), ids=BENIGN)
def test_what_is_benign_raises_no_alarm(benign):
    usual = {"train/loss": falling(2.3, 0.3, 20, 0.01), "validation/loss": falling(2.2, 0.42, 20, 0.02)}
    assert alarms(a_run({**usual, "validation/accuracy": falling(0.3, 0.88, 20, 0.005), **benign})) == set()


def test_a_rule_without_its_series_says_what_is_missing():
    made = judged(a_run({"train/loss": falling(2.0, 1.0, 8)}))
    missing = {one.name: one.missing for one in made.not_checked}
    assert "run.gradient.is_finite" in missing["gradient-not-finite"]
    assert "no-validation" in {finding.name for finding in made.findings}


def test_files_that_cannot_be_read_are_listed_and_the_others_judged(tmp_path):
    good = write(tmp_path / "good.csv", {"epoch": range(8), "train_loss": falling(2.0, 1.0, 8)})
    empty, noise = tmp_path / "empty.csv", tmp_path / "noise.csv"
    empty.write_bytes(b"")
    noise.write_bytes(bytes(range(256)) * 50)
    report = lint([good, empty, noise])
    assert [run.path for run in report.runs] == [str(good)]
    assert [Path(one.path).name for one in report.unreadable] == ["empty.csv", "noise.csv"]
    assert all("\n" not in one.reason for one in report.unreadable)


def test_each_run_of_a_file_is_judged_by_itself(tmp_path):
    losses = falling(2.0, 0.5, 10)
    log = write(
        tmp_path / "log.csv",
        {"epoch": [*range(1, 11), *range(1, 11)], "train_loss": [*losses, *losses], "val_loss": [*losses, *losses]},
    )
    report = lint([log])
    assert [(run.number, run.of) for run in report.runs] == [(1, 2), (2, 2)]
    assert "runs-appended" in {finding.name for finding in report.runs[0].findings}


def test_columns_can_be_named(tmp_path):
    log = write(tmp_path / "log.csv", {"epoch": range(1, 9), "q": falling(2.0, 1.0, 8)})
    (run,) = lint([log], columns={"q": "train/loss"}).runs
    assert run.facts.train_loss is not None
    assert run.columns["q"] == "train/loss"
