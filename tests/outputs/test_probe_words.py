import dataclasses

from cvadvisor.facts import Facts, ProbeFacts
from cvadvisor.outputs import text
from cvadvisor.outputs.probe_words import left_out, measured, race_sentences, rate_sentences
from tests.outputs.probed import estimate, lr_facts, probed, race_facts


def test_the_summary_says_rate_and_race_in_one_sentence() -> None:
    shown = text.render(probed(), width=400)
    (line,) = [line for line in shown.splitlines() if line.startswith("Measured: ")]
    assert line == (
        "Measured: best learning rate 2e-3 (7.5e-4 to 6.75e-3 within noise); in a race of 3 strategies over 100 of"
        " the planned 200 steps, 2 tie, and 'head alone, augmented' is the simplest of those within a standard error."
    )


def test_either_alone_is_a_sentence_too() -> None:
    assert measured(Facts(probe=ProbeFacts(lr=lr_facts()))) == (
        "best learning rate 2e-3 (7.5e-4 to 6.75e-3 within noise)."
    )
    assert (measured(Facts(probe=ProbeFacts(race=race_facts()))) or "").startswith("in a race of 3 strategies")


def test_without_either_there_is_no_sentence() -> None:
    assert measured(Facts()) is None
    assert measured(Facts(probe=ProbeFacts())) is None
    assert measured(Facts(probe=ProbeFacts(race=race_facts(entries=())))) is None


def test_a_rate_without_a_range_is_said_without_one() -> None:
    assert measured(Facts(probe=ProbeFacts(lr=lr_facts(low=2e-3, high=2e-3)))) == "best learning rate 2e-3."


def test_a_winner_is_said_to_win() -> None:
    race = race_facts(recommended="sgd", tied=False, tied_with=0)
    assert race_sentences(race)[0].startswith("'every layer, SGD' wins: 100 of the planned 200 steps, 3 runs each")


def test_the_rate_comes_with_its_seeds_and_its_cliff() -> None:
    said = " ".join(rate_sentences(lr_facts()))
    assert "8 runs of up to 60 of the planned 200 steps, judged on 150 images" in said
    assert "each of the 3 seeds would pick 1.5e-3 to 3e-3" in said
    assert "At 2e-2, 10 times the best, a run ended no better" in said


def test_what_was_not_measured_of_the_rate_is_not_mentioned() -> None:
    said = " ".join(rate_sentences(lr_facts(best_by_seed=None, cliff=None, cliff_ratio=None)))
    assert "seeds" not in said
    assert "no better" not in said


def test_a_best_rate_at_the_edge_is_said_to_be_one() -> None:
    assert "a better one may lie beyond" in " ".join(rate_sentences(lr_facts(at_edge=True)))


def test_accuracy_on_images_that_chose_nothing_is_told_where_there_are_any() -> None:
    assert "chose nothing, its accuracy is 80 % (75–85 %)." in " ".join(race_sentences(race_facts()))
    assert "chose nothing" not in " ".join(race_sentences(race_facts(accuracy=None)))


def test_probes_that_left_nothing_out_are_not_listed() -> None:
    made = probed(race=race_facts(left_out=()), lr=lr_facts(gain=estimate(0.1)))
    assert [title for title, _ in left_out(made.facts)] == ["Frozen features", "Batch size and speed"]
    assert left_out(dataclasses.replace(made.facts, probe=None)) == []
