import json
from pathlib import Path

import lint
import pytest
from lint_peers import OURS, PEERS, Answer, ask, handed_over, trainer_state, understand_ours

LABEL = {
    "healthy": False,
    "must": ["overfitting"],
    "any_of": [["loss-spikes", "loss-diverged"]],
    "may": ["noisy-validation"],
    "info": ["too-few-epochs-to-judge"],
}


def answer(*findings: tuple[str, str]) -> Answer:
    one = Answer(read=True)
    for name, severity in findings:
        one.add(name, severity)
    return one


def test_a_must_and_one_of_each_group_are_enough() -> None:
    said = answer(("overfitting", "warning"), ("loss-spikes", "info"))
    assert lint.mark(said, lint.verdict(LABEL)) == lint.Marks([], [])


def test_what_is_not_reported_is_missed() -> None:
    assert lint.mark(answer(), lint.verdict(LABEL)).missed == ["overfitting", "loss-diverged|loss-spikes"]


def test_a_finding_that_no_label_allows_is_false_from_warning_on() -> None:
    said = answer(("underfitting", "warning"), ("loss-zero", "info"), ("noisy-validation", "error"))
    assert lint.mark(said, lint.verdict(LABEL)).false == ["underfitting"]


def test_a_folded_name_is_a_miss_that_says_where_it_is() -> None:
    said = Answer(read=True, folded=frozenset({"loss-spikes"}))
    assert lint.with_place(said)("loss-diverged|loss-spikes") == "loss-diverged|loss-spikes (folded: loss-spikes)"


def test_of_two_findings_with_one_name_the_worse_counts() -> None:
    assert answer(("a", "info"), ("a", "WARN"), ("a", "info")).alarms == {"a"}


def test_the_runs_of_a_file_are_taken_together(tmp_path: Path) -> None:
    finding = {"name": "overfitting", "severity": "warning"}
    said = {
        "runs": [
            {"path": "a.csv", "findings": [], "folded": [{"name": "loss-spikes"}]},
            {"path": str(tmp_path / "a.csv"), "findings": [finding], "folded": []},
        ],
        "unreadable": [{"path": "b.csv", "reason": "empty"}],
    }
    answers = understand_ours(said, tmp_path, ["a.csv", "b.csv", "c.csv"])
    assert (answers["a.csv"].alarms, answers["a.csv"].folded) == ({"overfitting"}, {"loss-spikes"})
    assert (answers["b.csv"].read, answers["b.csv"].why, answers["c.csv"]) == (False, "empty", Answer())


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        ("losslint", {"runs": [{"points": 3}], "findings": [{"check": "x", "severity": "error"}]}),
        ("trainproof", {"reports": [{"num_records": 3, "findings": [{"id": "x", "level": "FAIL"}]}]}),
        ("runmedic", [{"series": {"loss": {}}, "findings": [{"check": "x", "severity": "critical"}]}]),
        ("finetune-doctor", {"findings": [{"check": "x", "severity": "WARNING"}]}),
    ],
)
def test_what_a_peer_says_is_understood(peer: str, said: object) -> None:
    one = ask(peer, ["echo", json.dumps(said)])
    assert (one.read, one.alarms) == (True, {"x"})


@pytest.mark.parametrize("peer", sorted(PEERS))
def test_a_peer_that_stops_with_an_error_has_read_nothing(peer: str) -> None:
    one = ask(peer, ["sh", "-c", "echo no such format >&2; exit 2"])
    assert (one.read, one.alarms, one.why) == (False, frozenset(), "no such format")


def test_our_csv_becomes_a_trainer_state(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("epoch,lr,train_loss,val_loss,val_acc\n1,0.1,nan,2,0.5\n2,0.1,1,,\n3,0")
    state = json.loads(trainer_state(log, tmp_path).read_text())
    first, held, second = state["log_history"][:3]
    assert (first["learning_rate"], str(first["loss"])) == (0.1, "nan")
    assert (held["eval_loss"], held["eval_accuracy"], held["step"]) == (2, 0.5, 100)
    assert (second["loss"], state["global_step"]) == (1, 300)


def test_a_peer_gets_a_log_under_its_own_name(tmp_path: Path) -> None:
    log = tmp_path / "owner__repo__events.out.tfevents.1"
    log.write_bytes(b"x")
    copy = handed_over(log, tmp_path / "peer" / "0")
    assert (copy.name, copy.read_bytes()) == ("events.out.tfevents.1", b"x")


def test_a_table_counts_alarms_of_everybody(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(json.dumps({"csv/a.csv": LABEL}))
    ours = {"runs": [{"path": "csv/a.csv", "findings": [{"name": "loss-zero", "severity": "error"}], "folded": []}]}
    (tmp_path / "ours.json").write_text(json.dumps(ours))
    options = lint.argparse.Namespace(logs=tmp_path, ours_json=tmp_path / "ours.json", peers=None)
    lint.real(options, tmp_path)
    said = capsys.readouterr().out
    assert f"|  | {OURS} |" in said
    assert "| faulty logs with an alarm | 1 of 1 (1) |" in said
    assert "- `csv/a.csv` missed overfitting, loss-diverged|loss-spikes" in said
    assert "- `csv/a.csv` false loss-zero" in said


def test_the_rows_of_the_speed_logs_can_be_read(tmp_path: Path) -> None:
    lines = lint.write_rows(lint.SHORT_ROWS, tmp_path / "short.csv").read_text().splitlines()
    assert (len(lines), lines[0].count(","), lines[-1].count(",")) == (91, 3, 3)
