"""Logs in, judgement out: what is found, what is folded under it, and what could not be judged."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
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
    assert "run.gradient.not_finite_share" in missing["gradient-not-finite"]
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


NOISY = falling(2.3, 0.3, 20, 0.01)


@pytest.mark.parametrize("metric", ["balanced_accuracy", "kappa", "mcc", "psnr", "ssim", "specificity"])
def test_any_metric_of_the_task_outranks_the_loss(metric):
    rising = [*falling(1.5, 0.6, 8), *[0.6 + 0.05 * step for step in range(12)]]
    run = a_run({"train/loss": NOISY, "validation/loss": rising, f"validation/{metric}": falling(0.3, 0.8, 20, 0.004)})
    assert alarms(run) == set()


def test_a_rate_and_a_loss_that_are_printed_as_zero_are_not_zero():
    run = a_run(
        {
            "train/loss": [*[round(value, 4) for value in falling(0.5, 0.0001, 14)], 0.0001, *[0.0] * 5],
            "validation/accuracy": falling(0.5, 0.95, 20, 0.003),
            "learning_rate": [0.0001] * 10 + [0.0] * 10,
        }
    )
    assert alarms(run) == set()


def test_a_skipped_step_of_half_precision_is_no_alarm():
    norms = falling(2.0, 1.0, 60, 0.05)
    norms[7] = norms[40] = math.inf
    assert alarms(a_run({"train/loss": falling(2.3, 0.3, 60, 0.01), "gradient_norm": norms})) == set()


def test_a_resumed_run_may_begin_perfect():
    series = {"train/loss": falling(0.1, 0.02, 12, 0.001), "validation/accuracy": [0.9991] * 11 + [0.9992]}
    assert alarms(a_run(series, epoch=np.arange(20.0, 32.0))) == set()


def test_to_ignore_a_cause_ignores_what_follows_from_it(tmp_path):
    from cvadvisor.project_config import RuleSettings

    losses = [2.0, 1.0, *["nan"] * 8]
    log = write(tmp_path / "log.csv", {"epoch": range(10), "train_loss": losses, "val_acc": [0.5, 0.6, *[0.1] * 8]})
    (run,) = lint([log], settings=RuleSettings(ignore={"loss-not-finite": "on purpose"})).runs
    assert [one.name for one in run.ignored] == ["loss-not-finite"]
    assert [one.name for one in run.findings if one.severity != "info"] == []


def test_a_nan_that_stands_for_a_blank_is_one(tmp_path):
    columns = {"epoch": range(20), "train_loss": NOISY, "val_loss": ["nan", "nan", "nan", "nan", 0.6] * 4}
    (run,) = lint([write(tmp_path / "log.csv", columns)]).runs
    assert run.facts.losses_are_finite
    assert run.facts.validation_loss is not None
    assert run.facts.validation_loss.points == 4


def test_a_table_with_a_column_of_phases_has_training_and_validation(tmp_path):
    rows = [(epoch, phase, loss) for epoch, loss in enumerate(NOISY) for phase in ("train", "val")]
    epochs, phases, losses = zip(*rows, strict=True)
    (run,) = lint([write(tmp_path / "log.csv", {"epoch": epochs, "phase": phases, "loss": losses})]).runs
    assert run.facts.train_loss is not None
    assert run.facts.validation_loss is not None
    assert (run.facts.train_loss.points, run.facts.validation_loss.points) == (20, 20)


@pytest.mark.parametrize("value", ["1e308", "-1e308", "5e-324", "1e-310"])
def test_numbers_at_the_end_of_what_there_is_can_be_judged(tmp_path, value):
    columns = {
        "epoch": range(10),
        "train_loss": [2, 1, *[value] * 8],
        "grad_norm": [1, *[value] * 9],
        "lr": [value] * 10,
    }
    report = lint([write(tmp_path / "log.csv", columns)])
    assert not report.unreadable


def test_a_chart_of_wandb_names_its_run(tmp_path):
    log = write(
        tmp_path / "chart.csv", {"Step": range(20), "exp-3 - train_loss": NOISY, "exp-3 - train_loss__MIN": NOISY}
    )
    (run,) = lint([log]).runs
    assert run.facts.train_loss is not None


def test_a_fault_of_ours_on_one_log_does_not_lose_the_others(tmp_path, monkeypatch):
    import cvadvisor.lint as engine

    first, second = (write(tmp_path / name, {"epoch": range(9), "train_loss": falling(2, 1, 9)}) for name in "ab")
    original = engine.measure

    def breaks(run, *rest):
        if run.path == first:
            raise ZeroDivisionError("a bug")
        return original(run, *rest)

    monkeypatch.setattr(engine, "measure", breaks)
    report = lint([first, second])
    assert len(report.runs) == 1
    assert "fault of cvadvisor" in report.unreadable[0].reason


def test_a_table_with_a_row_a_value_is_read_as_a_run_for_each_id(tmp_path):
    rows = [
        (run, key, value, step)
        for run in ("a", "b")
        for key, values in (("train_loss", NOISY), ("val_loss", NOISY))
        for step, value in enumerate(values)
    ]
    ids, keys, values, steps = zip(*rows, strict=True)
    log = write(tmp_path / "metrics.csv", {"run_id": ids, "key": keys, "value": values, "step": steps})
    runs = lint([log]).runs
    assert [run.number for run in runs] == [1, 2]
    assert all(run.facts.validation_loss and run.facts.validation_loss.points == 20 for run in runs)


def test_a_loss_that_leaps_up_and_down_is_called_so():
    rng = np.random.default_rng(0)
    losses = [1.8 + 0.5 * (-1) ** step + 0.08 * rng.standard_normal() for step in range(40)]
    assert "loss-oscillating" in alarms(a_run({"train/loss": losses}))


def test_a_negative_loss_that_climbs_for_good_has_diverged():
    losses = [-2.0, -2.4, -2.6, *[-2.0 + 2 * step for step in range(20)]]
    assert "loss-diverged" in alarms(a_run({"train/loss": losses}))


def test_a_folder_is_searched_for_logs_that_died_and_not_for_what_only_looks_like_one(tmp_path):
    write(tmp_path / "good.csv", {"epoch": range(8), "train_loss": falling(2.0, 1.0, 8)})
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / "results.csv").write_text("epoch,train/loss\n")
    (tmp_path / "page.md").write_text("# Loss\n\nThe loss of epoch 3 is shown in `val_loss`.\n")
    (tmp_path / ".ci").mkdir()
    write(tmp_path / ".ci" / "log.csv", {"epoch": range(8), "train_loss": falling(2.0, 1.0, 8)})
    report = lint([tmp_path])
    assert [Path(run.path).name for run in report.runs] == ["good.csv"]
    assert [Path(one.path).name for one in report.unreadable] == ["results.csv"]
