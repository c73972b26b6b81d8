import dataclasses

from cvadvisor.outputs import html
from cvadvisor.outputs.probe_section import Block, blocks
from tests.outputs.probed import batch_facts, estimate, lr_facts, probed, race_facts
from tests.outputs.svg import parsed, texts
from tests.outputs.test_html import HOSTILE, page
from tests.samples import diagnosis


def block(title: str, **changes: object) -> Block:
    return next(one for one in blocks(probed(**changes)) if one.title == title)


def test_each_subject_has_a_block_and_every_curve_is_drawn_once() -> None:
    made = blocks(probed())
    assert [one.title for one in made] == [
        "Learning rate",
        "Race of strategies",
        "Frozen features",
        "Batch size, memory and speed",
        "One batch",
    ]
    titles = [chart.title for one in made for chart in one.charts]
    assert sorted(titles) == sorted(
        {curve.title for curve in probed().curves if curve.name != "race"} | {"Accuracy at equal steps"}
    )


def test_a_curve_of_no_known_probe_is_shown_all_the_same() -> None:
    made = probed()
    odd = dataclasses.replace(made.curves[0], name="another", title="Another measurement")
    last = blocks(dataclasses.replace(made, curves=(*made.curves, odd)))[-1]
    assert [chart.title for chart in last.charts] == ["Another measurement"]


def test_the_trials_show_what_is_within_noise_the_cliff_and_the_start() -> None:
    chart = block("Learning rate").charts[0]
    assert {"recommended", "breaks down", "without any step", "20 steps", "60 steps"} <= set(texts(chart.drawing))
    assert [one.get("class") for one in parsed(chart.drawing).iter("rect")] == ["within"]
    assert "Shaded: within noise of the best, 7.5e-4 to 6.75e-3." in (chart.note or "")


def test_a_best_rate_without_a_range_shades_nothing() -> None:
    chart = block("Learning rate", lr=lr_facts(low=2e-3, high=2e-3)).charts[0]
    assert not list(parsed(chart.drawing).iter("rect"))
    assert "Shaded" not in (chart.note or "")


def test_what_finders_would_pick_stands_below_the_range_test_beside_our_choice() -> None:
    chart = block("Learning rate").charts[1]
    assert texts(chart.drawing)[-5:] == [
        "chosen by trials 2e-3",
        "fastai, valley 1e-4",
        "fastai, steep 5e-4",
        "torch-lr-finder 6e-4",
        "Lightning 1e-5",
    ]


def test_a_finder_without_a_pick_has_no_row() -> None:
    assert "minimum" not in " ".join(texts(block("Learning rate").charts[1].drawing))


def test_the_race_says_who_leads_who_ties_and_who_is_behind() -> None:
    written = texts(block("Race of strategies").charts[0].drawing)
    assert {"84 %, leads", "83 %, ties", "70 %, 14.0 points behind"} <= set(written)


def test_the_strategy_that_is_advised_is_the_bold_one() -> None:
    drawing = block("Race of strategies").charts[0].drawing
    bold = [one.text for one in parsed(drawing).iter("text") if "mark-label" in one.get("class", "")]
    assert bold == ["head alone, augmented"]


def test_the_race_without_entries_is_left_to_its_curve() -> None:
    made = blocks(probed(race=race_facts(entries=())))
    assert "Race of strategies" not in [one.title for one in made]
    assert [chart.title for chart in made[-1].charts] == ["The race as a curve"]


def test_confused_classes_and_those_whose_images_pay_are_tables() -> None:
    confused, paying = block("Frozen features").tables
    assert confused.rows == (("hat and t-shirt", (("16 of 122", ""), ("13 %", "8–18 %"), ("6.2 ×", ""))),)
    assert paying.rows == (("hat", (("56", ""), ("40 %", "35–45 %"), ("10.0", "6.0–14.0"))),)


def test_a_short_time_keeps_its_seconds_and_a_long_one_is_in_minutes() -> None:
    assert dict(block("Batch size, memory and speed").figures)["the whole run"] == ("130 s", "118–142")
    long = dict(block("Batch size, memory and speed", batch=batch_facts(run_seconds=estimate(7200.0, 600.0))).figures)
    assert long["the whole run"] == ("2 h", "1 h 50 min–2 h 10 min")


def test_a_diagnosis_without_probes_has_no_section() -> None:
    made = diagnosis()
    bare = dataclasses.replace(made, curves=(), facts=dataclasses.replace(made.facts, probe=None))
    assert blocks(bare) == []
    assert "measurements" not in [one.get("id") for one in page(bare).all("section")]


def test_parts_that_were_left_out_are_listed_as_not_checked() -> None:
    text = page(probed()).text
    unchecked = text[text.find("What was not checked") : text.find("What passed")]
    assert "Batch size and speed memory: there was no time · torch.compile: there was no time" in unchecked
    assert "Frozen features split shift" in unchecked
    assert "Strategies probe, head, then every layer" in unchecked


def test_a_report_in_which_only_parts_are_missing_does_not_say_that_all_was_checked() -> None:
    made = dataclasses.replace(probed(), checks=(), outcomes=())
    assert "Every measurement ran" not in page(made).text


def test_no_name_of_a_class_gets_out_of_the_section() -> None:
    made = page(probed(hat=HOSTILE))
    assert (made.open, made.mismatched) == ([], [])
    assert not made.all("script")
    assert not [name for _, attributes in made.elements for name in attributes if name.startswith("on")]


def test_the_headline_says_which_rates_are_as_good() -> None:
    assert "measured: 7.5e-4 to 6.75e-3 are within noise of the best" in page(probed()).text


def test_the_section_is_a_pure_function() -> None:
    assert html.render(probed()) == html.render(probed())
