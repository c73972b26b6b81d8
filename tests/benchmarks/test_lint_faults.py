import csv
import math
from dataclasses import replace
from pathlib import Path
from random import Random

import lint_faults
import pytest
from lint_faults import FAULTS, HEALTHY, INVISIBLE, Case, write_log
from lint_training import Recipe, scheduled, train

from cvadvisor.advise.rule_load import load_rules

SMALL = Recipe(images=200, validation_images=50, epochs=3, hidden=16)
CASES = {case.name: case for case in (*FAULTS, *INVISIBLE, *HEALTHY)}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_case_has_its_own_name_and_kind() -> None:
    assert len(CASES) == len(FAULTS) + len(INVISIBLE) + len(HEALTHY)
    assert all(case.found and case.kind == "fault" for case in FAULTS)
    assert all(not case.found and case.kind == "invisible" for case in INVISIBLE)
    assert all(not case.found and not case.may and case.kind == "healthy" for case in HEALTHY)


def test_a_log_is_the_same_for_the_same_seed_and_case(tmp_path: Path) -> None:
    first = write_log(Case("a", SMALL), 0, tmp_path).read_text()
    assert write_log(Case("a", SMALL), 0, tmp_path).read_text() == first
    assert write_log(Case("a", SMALL), 1, tmp_path).read_text() != first
    assert write_log(Case("b", SMALL), 0, tmp_path).read_text() != first


def test_training_lowers_the_loss() -> None:
    rows = train(SMALL, 0)
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]  # type: ignore[operator]


def test_float16_overflow_writes_nan() -> None:
    rows = train(replace(SMALL, loss_scale_growth=1e4), 0)
    assert math.isfinite(rows[0]["train_loss"] or math.nan)
    assert math.isnan(rows[-1]["train_loss"] or 0.0)


def test_an_optimiser_of_another_network_changes_nothing() -> None:
    rows = train(replace(SMALL, updates=False, batch_norm=False), 0)
    assert rows[0]["val_loss"] == rows[-1]["val_loss"]


def test_validation_that_was_not_made_is_blank(tmp_path: Path) -> None:
    rows = rows_of(write_log(Case("every", replace(SMALL, validate_every=2)), 0, tmp_path))
    assert [bool(row["val_loss"]) for row in rows] == [False, True, False]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "one-cycle", "restarts", "warm-up", "step", "constant"])
def test_a_schedule_never_leaves_zero_to_the_peak(schedule: str) -> None:
    rates = [scheduled(Recipe(schedule=schedule, lr=2.0), at / 100) for at in range(100)]
    assert 0 <= min(rates) <= max(rates) == pytest.approx(2.0, rel=0.02)


def test_a_cut_log_ends_within_a_row() -> None:
    text = "a,b,c,d,e\n" + "1.00000,2.00000,3.00000,4.00000,5.00000\n" * 20
    cut = lint_faults.cut_in_a_row(text, Random(0))
    assert cut.splitlines()[-1].count(",") < 4
    assert text.startswith(cut)


def test_an_appended_run_starts_again_with_the_first_epoch() -> None:
    text = "epoch\n" + "".join(f"{epoch}\n" for epoch in range(1, 10))
    assert lint_faults.appended(text, Random(0)).splitlines().count("1") == 2


def test_rows_out_of_order_are_all_there() -> None:
    rows: list[lint_faults.Row] = [{"epoch": epoch} for epoch in range(20)]
    moved = lint_faults.out_of_order(rows, Random(0))
    assert moved != rows
    assert sorted(moved, key=lambda row: row["epoch"] or 0) == rows


def test_the_rules_that_count_as_right_exist() -> None:
    named = {name for case in CASES.values() for name in case.found | case.may}
    assert named <= {rule.name for rule in load_rules()}
