"""Comparing two logs, and two audits."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from cvadvisor import compare as comparing
from cvadvisor.cli import app
from cvadvisor.comparison import AuditComparison, Difference, LogComparison, Side
from cvadvisor.diagnosis import to_json
from cvadvisor.errors import UserError
from cvadvisor.inspect.logs.curves import Curve
from cvadvisor.outputs import compare_text
from tests.samples import diagnosis

HEADER = "epoch,train_loss,val_loss,val_accuracy"


def write_log(
    file: Path, *, top: float = 0.9, noise: float = 0.005, rows: int = 40, seed: int = 0, late: float = 0.0
) -> Path:
    """A run whose accuracy rises to ``top``; ``late`` is added from epoch 20 on."""
    chance = np.random.default_rng(seed)
    lines = [HEADER]
    for epoch in range(rows):
        accuracy = top * (1 - 0.85 ** (epoch + 1)) + chance.normal(0, noise) + (late if epoch >= 20 else 0)
        lines.append(f"{epoch},{2 * 0.9**epoch:.5f},{2 - accuracy + chance.normal(0, noise):.5f},{accuracy:.5f}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def compared(a: Path, b: Path) -> LogComparison:
    made = comparing.compare(a, b)
    assert isinstance(made, LogComparison)
    return made


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_a_better_metric_beyond_noise_wins(tmp_path: Path) -> None:
    a, b = write_log(tmp_path / "a.csv", top=0.8), write_log(tmp_path / "b.csv", top=0.9, seed=1)
    made = compared(a, b)
    assert (made.title, made.better, made.is_regression) == ("validation accuracy", "B", False)
    assert compared(b, a).is_regression


def test_what_noise_can_make_is_no_difference(tmp_path: Path) -> None:
    a = write_log(tmp_path / "a.csv", top=0.9, noise=0.03)
    b = write_log(tmp_path / "b.csv", top=0.91, noise=0.03, seed=1)
    assert compared(a, b).better == "neither"


def test_two_runs_that_are_the_same_are_neither_better_nor_part(tmp_path: Path) -> None:
    a, b = write_log(tmp_path / "a.csv"), write_log(tmp_path / "b.csv")
    made = compared(a, b)
    assert (made.better, made.part_at) == ("neither", None)


def test_where_they_part_is_where_they_differ_for_good(tmp_path: Path) -> None:
    a = write_log(tmp_path / "a.csv", top=0.7, noise=0.004)
    b = write_log(tmp_path / "b.csv", top=0.7, noise=0.004, seed=1, late=0.2)
    made = compared(a, b)
    assert made.part_at is not None
    assert abs(made.part_at - 20) <= 1


def test_the_metric_outranks_the_loss(tmp_path: Path) -> None:
    rows = [f"{e},1,{1 + e * 0.05},{0.5 + e * 0.01}" for e in range(30)]
    calm = [f"{e},1,{1 - e * 0.01},{0.5 + e * 0.005}" for e in range(30)]
    for name, lines in (("a.csv", calm), ("b.csv", rows)):
        (tmp_path / name).write_text("\n".join([HEADER, *lines]) + "\n")
    assert compared(tmp_path / "a.csv", tmp_path / "b.csv").better == "B"


def test_too_few_values_call_neither_better(tmp_path: Path) -> None:
    a, b = write_log(tmp_path / "a.csv", rows=3), write_log(tmp_path / "b.csv", rows=3, top=0.2)
    made = compared(a, b)
    assert (made.better, made.is_regression) == ("unknown", False)


def test_what_was_set_differently_is_listed(tmp_path: Path) -> None:
    for name, rate in (("a", 0.1), ("b", 0.01)):
        (tmp_path / name).mkdir()
        write_log(tmp_path / name / "results.csv")
        (tmp_path / name / "args.yaml").write_text(f"lr0: {rate}\noptimizer: SGD\n")
    made = compared(tmp_path / "a" / "results.csv", tmp_path / "b" / "results.csv")
    assert [(one.a, one.b) for one in made.config if "lr" in one.name] == [("0.1", "0.01")]
    assert not [one for one in made.config if one.name == "optimizer"]


def test_runs_that_share_nothing_cannot_be_compared(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("epoch,val_psnr\n" + "".join(f"{e},0.1\n" for e in range(20)))
    made = compared(write_log(tmp_path / "a.csv"), tmp_path / "b.csv")
    assert made.better == "unknown"
    assert "share no metric" in compare_text.render(made)


@given(st.lists(st.floats(-1e30, 1e30), max_size=40), st.lists(st.floats(-1e30, 1e30), max_size=40))
def test_any_two_curves_part_somewhere_on_the_first_or_nowhere(a: list[float], b: list[float]) -> None:
    curves = [Curve(np.arange(float(len(y))), np.array(y), lower_is_better=True) for y in (a, b)]
    where = comparing.part_at(*curves, 0.1)
    assert where is None or 0 <= where < min(len(a), len(b))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=60))
def test_noise_is_never_negative(values: list[float]) -> None:
    spread = comparing.noise(np.array(values, dtype=np.float64))
    assert spread is None or spread >= 0


# Audits


def test_audits_are_compared_by_findings_and_facts(tmp_path: Path) -> None:
    before = diagnosis()
    after = dataclasses.replace(before, findings=before.findings[1:], inputs=before.inputs)
    for name, made in (("a.json", before), ("b.json", after)):
        (tmp_path / name).write_text(to_json(made), encoding="utf-8")
    made = comparing.compare(tmp_path / "a.json", tmp_path / "b.json")
    assert isinstance(made, AuditComparison)
    assert [one.code for one in made.lost] == [before.findings[0].code]
    assert made.gained == made.facts == ()
    back = comparing.compare(tmp_path / "b.json", tmp_path / "a.json")
    assert back.is_regression is (before.findings[0].severity != "info")
    assert before.findings[0].code in compare_text.render(made)


def test_an_audit_and_a_log_are_two_kinds(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(to_json(diagnosis()), encoding="utf-8")
    with pytest.raises(UserError, match="compare two of one kind"):
        comparing.compare(tmp_path / "a.json", write_log(tmp_path / "b.csv"))


# The command


def test_a_regression_fails_only_where_asked(tmp_path: Path) -> None:
    a, b = write_log(tmp_path / "a.csv", top=0.9), write_log(tmp_path / "b.csv", top=0.7)
    assert command(a, b).exit_code == 0
    done = command(a, b, "--fail-on", "regression")
    assert done.exit_code == 1
    assert done.stdout.startswith("A is better, beyond noise: validation accuracy 0.7")
    assert command(b, a, "--fail-on", "regression").exit_code == 0


def test_json_says_which_is_better(tmp_path: Path) -> None:
    a, b = write_log(tmp_path / "a.csv", top=0.9), write_log(tmp_path / "b.csv", top=0.7)
    said = json.loads(command(a, b, "--format", "json").stdout)
    assert (said["kind"], said["better"], said["regression"]) == ("logs", "A", True)


@pytest.mark.parametrize("wrong", ["none.csv", "."])
def test_what_cannot_be_compared_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(wrong, write_log(tmp_path / "a.csv"))
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1


def test_text_keeps_within_the_terminal_and_shows_no_control_character() -> None:
    evil = "a\x1b[2J" + "very-long-name/" * 20
    side = Side(evil, evil, 0.5, 3.0, 0.5, 0.1)
    config = (Difference(evil, evil, None), Difference("lr", "0.1", "0.01"))
    made = LogComparison(side, side, "validation loss", True, "B", 0.1, 4.0, "epoch", config, (evil,))
    text = compare_text.render(made, width=80)
    assert max(len(line) for line in text.splitlines() if not line.startswith(("A  ", "B  "))) <= 80
    assert "\x1b" not in text
    assert compare_text.render(made, ascii_only=True).isascii()
