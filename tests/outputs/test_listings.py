import dataclasses

import pytest

from cvadvisor.facts import Facts, ProbeFacts
from cvadvisor.facts.learning_rate import RateTrial
from cvadvisor.facts.seen import Check
from cvadvisor.outputs import probe_text
from cvadvisor.outputs.listings import MOST_ROWS, listings, table
from cvadvisor.outputs.scales import cells
from cvadvisor.probe_report import ProbeReport
from tests.outputs.probed import batch_facts, lr_facts, probed, race_facts


def report(facts: ProbeFacts, provides: str) -> ProbeReport:
    check = Check(name=provides.removeprefix("probe."), title="A probe", status="done", provides=(provides,))
    return ProbeReport(check=check, before=(), facts=Facts(probe=facts), curves=(), about="x", seconds=1.0)


def test_what_was_tried_is_a_table_and_no_count() -> None:
    shown = probe_text.render(report(ProbeFacts(lr=lr_facts()), "probe.lr"), width=90)
    assert "listed" not in shown
    lines = shown.splitlines()
    start = lines.index("tried: Everything that was tried.")
    assert lines[start + 1].split() == ["rate", "steps", "seeds", "loss", "accuracy", "broke", "down"]
    assert lines[start + 2].split() == ["2.5e-4", "20", "3", "1.9", "60", "%", "no"]


def test_the_race_is_a_table_of_its_entries_and_not_a_curve() -> None:
    made = report(ProbeFacts(race=race_facts()), "probe.race")
    shown = probe_text.render(dataclasses.replace(made, curves=probed().curves[-1:]), width=100)
    assert "every layer, SGD" in shown
    assert "The race as a curve" not in shown


def test_nested_lists_are_found_and_empty_ones_left_out() -> None:
    paths = [one.path for one in listings(probed().facts, ("probe.features",))]
    assert "probe.features.confusion.pairs" in paths
    assert "probe.features.confusion.examples" not in paths


def test_a_long_list_says_how_many_it_does_not_show() -> None:
    trial = RateTrial(rate=1e-3, steps=20, seeds=1, loss=1.0, accuracy=0.5, broke_down=False)
    shown = probe_text.render(report(ProbeFacts(lr=lr_facts(tried=(trial,) * 25)), "probe.lr"))
    assert shown.count("1e-3     20") == MOST_ROWS
    assert "and 15 others, which --format json lists" in shown


@pytest.mark.parametrize("width", [60, 80, 110])
def test_no_table_is_wider_than_the_terminal(width: int) -> None:
    facts = probed(hat="a class with a very long name " * 5).facts
    for one in listings(facts, ("probe.features", "probe.race", "probe.lr")):
        assert max(map(cells, table(one, width))) <= width


def test_a_name_cannot_move_the_cursor() -> None:
    (pairs,) = [
        one for one in listings(probed(hat="\x1b[31m").facts, ("probe.features",)) if one.path.endswith("pairs")
    ]
    assert "\x1b" not in "\n".join(table(pairs, 80))


def test_parts_left_out_have_a_line_each() -> None:
    shown = probe_text.render(report(ProbeFacts(batch=batch_facts()), "probe.batch"))
    assert "Left out, and so not known:\n  memory: there was no time\n  torch.compile: there was no time\n" in shown
