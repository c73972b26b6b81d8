from pathlib import Path

import advice_data
import advice_predictions
import advice_raced
import advice_regret as regret
import advice_runs
import advice_tables
import pytest
from advice_regret import Regret

SWEEP = {1e-4: {0: 0.2, 1: 0.4}, 1e-3: {0: 0.6, 1: 0.8}, 1e-2: {0: 0.5, 1: 0.5}}
DATA = advice_data.Dataset("digits", "x", 2, 1, 1, 1, "digest")
SCRIPT = """
# A reason.
DATA = "../data"
STRATEGY = "full"
HEAD_LEARNING_RATE = 0.01
LEARNING_RATE = 0.001
SEED = 0
BATCH_SIZE = 32
def main(lr=LEARNING_RATE):
    return lr * HEAD_LEARNING_RATE / LEARNING_RATE
"""


def script(folder: Path, text: str = SCRIPT) -> Path:
    folder.mkdir()
    (folder / "samples.csv").write_text("path,label,split\n")
    (folder / "train.py").write_text(text)
    return folder / "train.py"


def test_between_two_rates_accuracy_is_linear_in_the_logarithm() -> None:
    assert regret.accuracy_at({1e-4: 0.3, 1e-2: 0.7}, 1e-3) == (pytest.approx(0.5), False)


@pytest.mark.parametrize(("rate", "expected"), [(1e-6, 0.3), (1.0, 0.7)])
def test_outside_of_the_sweep_accuracy_is_that_of_the_edge_and_said_to_be(rate: float, expected: float) -> None:
    assert regret.accuracy_at({1e-4: 0.3, 1e-2: 0.7}, rate) == (expected, True)


def test_the_edge_itself_is_inside() -> None:
    assert regret.accuracy_at({1e-4: 0.3, 1e-2: 0.7}, 1e-2) == (0.7, False)


def test_the_regret_of_picks_is_the_best_mean_minus_the_mean_at_the_picks() -> None:
    found = regret.of_picks(SWEEP, [1e-3, 1e-2])
    assert found == Regret(pytest.approx(0.7 - (0.7 + 0.5) / 2), at_least=False)


def test_a_pick_outside_of_the_sweep_has_at_least_its_regret() -> None:
    assert regret.of_picks(SWEEP, [1e-3, 1e-7]).at_least


def test_the_regret_of_runs_is_paired_by_seed() -> None:
    found = regret.of_runs(SWEEP, {0: 0.5, 1: 0.7})
    assert found == Regret(pytest.approx(0.1), error=pytest.approx(0.0))


def test_one_seed_has_no_error() -> None:
    assert regret.of_runs({1e-3: {0: 0.5}}, {0: 0.4}).error is None


def test_a_best_rate_at_the_edge_is_told() -> None:
    assert not regret.on_edge(SWEEP)
    assert regret.on_edge({rate: SWEEP[rate] for rate in (1e-4, 1e-3)})


def test_the_grid_has_nine_rates_a_factor_apart() -> None:
    rates = regret.grid(6.25e-5, 9, 2)
    assert (len(rates), rates[0], rates[4], rates[-1]) == (9, 6.25e-5, 1e-3, 1.6e-2)


def test_mean_and_worst_regret_over_cells() -> None:
    mean, worst = regret.together([Regret(0.01, error=0.01), Regret(0.05, at_least=True)])
    assert mean == Regret(pytest.approx(0.03), at_least=True)
    assert worst == Regret(0.05, at_least=True)


def test_regrets_are_printed_in_points() -> None:
    assert advice_tables.points(Regret(0.0123, error=0.004)) == "1.2 ± 0.4"
    assert advice_tables.points(Regret(0.4, at_least=True)) == "≥ 40.0"


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("# A reason.", "# Another."), True),
        (("LEARNING_RATE = 0.001", "LEARNING_RATE = 0.002"), True),
        (("SEED = 0", "SEED = 7"), True),
        (("../data", "../elsewhere"), True),
        (("BATCH_SIZE = 32", "BATCH_SIZE = 16"), False),
        (("return lr *", "return 2 * lr *"), False),
    ],
)
def test_a_run_is_known_by_what_its_script_does(tmp_path: Path, change: tuple[str, str], same: bool) -> None:
    one, other = script(tmp_path / "a"), script(tmp_path / "b", SCRIPT.replace(*change))
    assert (advice_runs.fingerprint(one) == advice_runs.fingerprint(other)) == same


def test_the_share_of_the_head_counts_where_it_is_trained_first(tmp_path: Path) -> None:
    text = SCRIPT.replace('"full"', '"head-then-full"')
    one = advice_runs.fingerprint(script(tmp_path / "a", text))
    scaled = text.replace("0.001", "0.002").replace("0.01", "0.02")
    assert advice_runs.fingerprint(script(tmp_path / "b", scaled)) == one
    assert advice_runs.fingerprint(script(tmp_path / "c", text.replace("0.01", "0.02"))) != one


def test_a_rate_that_is_used_elsewhere_counts(tmp_path: Path) -> None:
    text = SCRIPT + "print(LEARNING_RATE)\n"
    one, other = script(tmp_path / "a", text), script(tmp_path / "b", text.replace("= 0.001", "= 0.002"))
    assert advice_runs.fingerprint(one) != advice_runs.fingerprint(other)


def test_the_key_of_a_run_is_that_of_its_rate_however_it_came_by_it(tmp_path: Path) -> None:
    file = script(tmp_path / "a")
    keys = [
        advice_runs.key(advice_runs.Run(file, rate, seed, "cpu"), DATA, "does", 1)
        for rate, seed in ((None, 0), (1e-3, 0), (2e-3, 0), (None, 1))
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_result_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text('{"key": "a", "accuracy": 0.5}\n{"key": "b", "accur')
    assert list(advice_runs.kept(file)) == ["a"]


def test_workers_run_scripts_and_report_how_each_ended(tmp_path: Path) -> None:
    good = tmp_path / "good.py"
    good.write_text(
        "import json, pathlib, sys\n"
        "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\n"
        "print('said on standard output')\n"
        "split = {'accuracy': float(sys.argv[2]), 'macro_f1': 0.1}\n"
        "cost = {'steps': 3, 'seconds': 2.0, 'best_epoch': 1}\n"
        "(out / 'metrics.json').write_text(json.dumps({'test': split, 'validation': split, **cost}))\n"
        "(out / 'log.csv').write_text('epoch,phase,val_accuracy,seconds\\n0,probe,.5,9\\n1,full,.6,1\\n')\n"
    )
    bad = tmp_path / "bad.py"
    bad.write_text("import sys\nprint('the loss is no number', file=sys.stderr)\nsys.exit(1)\n")
    dead = tmp_path / "dead.py"
    dead.write_text("import os\nos._exit(9)\n")
    found: dict[str, advice_runs.Result] = {}
    commands = {"a": [str(good), "--lr", "0.5"], "b": [str(bad)], "c": [str(dead)], "d": [str(good), "--lr", "0.25"]}
    advice_runs.spread(commands, 1, 1, found.__setitem__)
    assert (found["a"]["accuracy"], found["d"]["accuracy"]) == (0.5, 0.25)
    assert (found["a"]["epoch_s"], found["a"]["probe_validation_accuracy"]) == (1.0, 0.5)
    assert found["b"] == {"trouble": "the loss is no number"}
    assert found["c"] == {"trouble": "the process died (9)"}


def test_flipped_labels_are_as_many_as_asked_for_and_in_training_only(tmp_path: Path) -> None:
    data = advice_data.make("digits", tmp_path / "a", train=60, validation=15, classes=3, seed=0, groups=None)
    flipped = advice_data.with_flipped_labels(data, tmp_path / "b", 0.1, 0)
    places = [
        {file.name: file.parent.relative_to(one.folder).parts for file in Path(one.folder).glob("*/*/*")}
        for one in (data, flipped)
    ]
    moved = [name for name in places[0] if places[0][name] != places[1][name]]
    assert len(moved) == 6
    assert {places[1][name][0] for name in moved} == {"train"}


def test_half_of_the_training_images_of_each_class_are_kept(tmp_path: Path) -> None:
    data = advice_data.make("digits", tmp_path / "a", train=60, validation=15, classes=3, seed=0, groups=None)
    half = advice_data.with_half_the_training(data, tmp_path / "b", 0)
    sizes = [len(list(place.iterdir())) for place in sorted(Path(half.folder, "train").iterdir())]
    assert (half.train, half.test, half.validation, max(sizes) - min(sizes) <= 1) == (30, data.test, 15, True)


def test_no_sender_is_in_two_splits(tmp_path: Path) -> None:
    found = {
        "train": [("a", tmp_path / f"{number}.jpg") for number in range(300)],
        "validation": [("a", tmp_path / f"{number}.jpg") for number in range(300, 400)],
        "test": [("a", tmp_path / f"{number}.jpg") for number in range(400, 500)],
    }
    senders = {str(number): f"sender {number % 60}" for number in range(500)}
    chosen = advice_data.by_sender(found, senders, train=60, validation=20, seed=0)
    of = {split: {senders[file.stem] for _, file in items} for split, items in chosen.items()}
    assert not of["train"] & of["validation"] | of["train"] & of["test"] | of["validation"] & of["test"]


ENTRY = {"name": "head", "strategy": "head-only", "head_start": "probe", "head_epochs": 4, "optimizer": "adamw",
         "layer_decay": 0.9, "learning_rate": 3e-4}  # fmt: skip


def test_a_raced_strategy_is_the_script_with_its_constants(tmp_path: Path) -> None:
    text = SCRIPT + 'HEAD_START = "zero"  # why\nHEAD_EPOCHS = 0\nOPTIMIZER = "sgd"\nLAYER_DECAY = 0.5\n'
    audit = advice_runs.Audit(script(tmp_path / "a", text).parent, DATA, 4)
    made = advice_raced.variant(audit, ENTRY)
    found = advice_runs.constants(made)
    assert {name: found[name.upper()] for name in advice_raced.FIELDS} == {
        name: ENTRY[name] for name in advice_raced.FIELDS
    }
    assert found["HEAD_LEARNING_RATE"] == 3e-4
    assert found["BATCH_SIZE"] == 32


def test_a_script_without_the_constants_makes_no_raced_strategy(tmp_path: Path) -> None:
    audit = advice_runs.Audit(script(tmp_path / "a").parent, DATA, 4)
    with pytest.raises(ValueError, match="0 lines that set HEAD_START"):
        advice_raced.variant(audit, ENTRY)


def test_an_estimate_is_read_from_dotted_facts() -> None:
    facts = {"a.value": 0.5, "a.low": 0.4, "a.high": 0.6, "b.value": 0.5}
    assert advice_predictions.estimate(facts, "a") == {"value": 0.5, "low": 0.4, "high": 0.6}
    assert advice_predictions.estimate(facts, "b") is None
