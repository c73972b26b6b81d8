"""Every rule ends in one of four outcomes, and says why."""

import dataclasses
from pathlib import Path
from typing import Any

from cvadvisor.advise.judge import judge
from cvadvisor.advise.rules import compile_rules, load_rules
from cvadvisor.diagnosis import Check
from cvadvisor.facts import Facts
from cvadvisor.facts.groups import GroupFacts
from cvadvisor.inspect.logs.measure import measure
from tests import samples
from tests.advise.making import a_rule, compiled
from tests.run_samples import healthy
from tests.shortcut_samples import shortcut_facts

DATASET = Facts(dataset=samples.dataset_facts(imbalance_ratio=7.06, blank=None))


def test_the_four_outcomes_are_told_apart(tmp_path: Path) -> None:
    rules = compiled(
        tmp_path,
        a_rule(
            code="TST004", name="fails", when="dataset.classes / (dataset.classes - 3) > 1", params=None, message="x"
        ),
        a_rule(code="TST003", name="unknown", when="model.pretrained", params=None),
        a_rule(code="TST002", name="passes", params={"ratio": 8.0}),
        a_rule(code="TST001", name="fires"),
    )
    found = judge(rules, DATASET)
    assert [(item.code, item.status) for item in found.outcomes] == [
        ("TST001", "fired"),
        ("TST002", "passed"),
        ("TST003", "not checked"),
        ("TST004", "failed"),
    ]
    assert found.outcomes[2].missing == ("model.pretrained",)
    assert "division by zero" in (found.outcomes[3].reason or "")
    assert [item.code for item in found.findings] == ["TST001"]
    assert [item.rule.code for item in found.fired] == ["TST001"]


def test_a_rule_that_is_decided_before_an_unknown_fact_is_checked(tmp_path: Path) -> None:
    rules = compiled(
        tmp_path,
        a_rule(code="TST001", name="and", when="dataset.classes > 5 and model.pretrained", params=None),
        a_rule(code="TST002", name="or", when="dataset.classes > 1 or model.pretrained", params=None),
        a_rule(code="TST003", name="reached", when="dataset.classes > 1 and model.pretrained", params=None),
    )
    assert [item.status for item in judge(rules, DATASET).outcomes] == ["passed", "fired", "not checked"]


def test_a_finding_carries_what_a_reader_needs(tmp_path: Path) -> None:
    rule = a_rule(
        when="dataset.imbalance_ratio >= param.ratio or model.pretrained",
        message="{dataset.largest_class} has {dataset.imbalance_ratio:.1f} times.",
        advice=[{"field": "learning_rate", "scale": "=1 / dataset.imbalance_ratio"}, {"field": "tta", "set": False}],
        show="dataset.leak.validation_pairs",
    )
    (finding,) = judge(compiled(tmp_path, rule), DATASET).findings
    assert finding.message == "t-shirt has 7.1 times."
    assert [(item.fact, item.value) for item in finding.evidence] == [
        ("dataset.imbalance_ratio", 7.06),
        ("dataset.largest_class", "t-shirt"),
    ]
    assert finding.evidence[0].description.startswith("Training images of the largest class")
    assert finding.params == {"ratio": 5.0}
    assert finding.advice == ("learning_rate: scale by 0.1416", "tta: set false")
    assert finding.show == "dataset.leak.validation_pairs"


def test_findings_come_by_severity_then_priority_then_code(tmp_path: Path) -> None:
    kinds = [("TST001", "info", 99), ("TST002", "warning", 10), ("TST003", "warning", 90), ("TST004", "error", 0)]
    rules = [a_rule(code=c, name=c.lower(), severity=s, priority=p) for c, s, p in kinds]
    rules.append(a_rule(code="TST000", name="first-of-equals", priority=90))
    codes = [item.code for item in judge(compiled(tmp_path, *rules), DATASET).findings]
    assert codes == ["TST004", "TST000", "TST003", "TST002", "TST001"]


def reason(folder: Path, when: str, *checks: Check) -> str:
    rules = compiled(folder, a_rule(when=when, params=None))
    (outcome,) = judge(rules, DATASET, checks).outcomes
    assert outcome.status == "not checked"
    return outcome.reason or ""


CHECKS = (
    Check(name="scan", title="Dataset scan", status="done", provides=("dataset",)),
    Check(
        name="lr_full",
        title="Range test of the full network",
        status="not checked",
        reason="the budget was used up",
        enable="--budget 10m",
        provides=("probe.lr_full",),
    ),
    Check(name="probes", title="Probes", status="failed", reason="out of memory.", provides=("probe",)),
)


def test_a_missing_fact_names_the_check_that_would_provide_it(tmp_path: Path) -> None:
    expected = "Range test of the full network was not checked: the budget was used up. Enable: --budget 10m"
    assert reason(tmp_path, "probe.lr_full.highest_improving.value > 0", *CHECKS) == expected


def test_the_longest_matching_provider_is_named(tmp_path: Path) -> None:
    assert reason(tmp_path, "probe.lr_head.seeds > 0", *CHECKS) == "Probes failed: out of memory."


def test_each_cause_is_named_once(tmp_path: Path) -> None:
    text = reason(tmp_path, "probe.lr_full.seeds > probe.lr_head.seeds + probe.lr_head.steps", *CHECKS)
    assert text == (
        "Range test of the full network was not checked: the budget was used up. Enable: --budget 10m; "
        "Probes failed: out of memory."
    )


def test_a_check_that_ran_without_finding_the_fact_says_so(tmp_path: Path) -> None:
    text = reason(tmp_path, "dataset.blank.images > 0", *CHECKS)
    assert text == (
        "Dataset scan gave no value for dataset.blank.images (images in which almost every pixel has the same value: "
        "how many there are)."
    )


def test_a_fact_that_no_check_provides_is_described(tmp_path: Path) -> None:
    assert reason(tmp_path, "run.epochs > 0", *CHECKS) == (
        "run.epochs is not known: epochs, or, where the log counts none, values of its longest series."
    )


def test_advice_that_rests_on_an_unknown_fact_is_left_out_and_says_so(tmp_path: Path) -> None:
    rule = a_rule(advice=[{"field": "learning_rate", "at_most": "=probe.lr_full.diverges_at"}])
    (fired,) = judge(compiled(tmp_path, rule), DATASET).fired
    assert (fired.acts[0].value, fired.acts[0].missing) == (None, "probe.lr_full.diverges_at")


def test_advice_that_breaks_fails_its_rule_alone(tmp_path: Path) -> None:
    broken = a_rule(advice=[{"field": "sampler", "set": "=dataset.layout"}])
    found = judge(compiled(tmp_path, broken, a_rule(code="TST002", name="sound")), DATASET)
    assert [item.status for item in found.outcomes] == ["failed", "fired"]
    assert "sampler is one of" in (found.outcomes[0].reason or "")


def test_shipped_rules_on_nothing_check_nothing_and_break_nothing() -> None:
    found = judge(compile_rules(load_rules()), Facts())
    assert {item.status for item in found.outcomes} == {"not checked"}


def test_a_rule_for_other_tasks_is_left_out(tmp_path: Path) -> None:
    rules = compiled(
        tmp_path,
        a_rule(code="TST001", name="for-boxes", tasks=["detection"]),
        a_rule(code="TST002", name="for-labels", tasks=["classification", "multi-label classification"]),
        a_rule(code="TST003", name="for-all"),
    )
    found = judge(rules, DATASET)
    assert [item.code for item in found.outcomes] == ["TST002", "TST003"]
    assert [item.code for item in found.findings] == ["TST002", "TST003"]


def test_a_rule_on_images_that_stand_out_names_them_as_evidence_and_shows_them(tmp_path: Path) -> None:
    rule = a_rule(
        when="dataset.dark.images > 0",
        params=None,
        message="{dataset.dark.images} image(s) ({dataset.dark.share:.1%}) (is|are) dark.",
        show="dataset.dark.examples",
    )
    dark = Facts(dataset=samples.dataset_facts(dark=samples.found(1, of=50)))
    (finding,) = judge(compiled(tmp_path, rule), dark).findings
    assert finding.message == "1 image (2.0%) is dark."
    assert finding.show == "dataset.dark.examples"
    assert [(item.fact, item.value) for item in finding.evidence] == [
        ("dataset.dark.images", 1),
        ("dataset.dark.share", 0.02),
    ]
    assert finding.evidence[0].description.startswith("Images that are nearly black")


def with_features(facts: Facts, **changes: Any) -> Facts:
    assert facts.probe is not None
    assert facts.probe.features is not None
    features = dataclasses.replace(facts.probe.features, **changes)
    return dataclasses.replace(facts, probe=dataclasses.replace(facts.probe, features=features))


def test_shipped_rules_judge_a_whole_diagnosis_without_failing() -> None:
    sample = samples.diagnosis()
    facts = with_features(sample.facts, label_check_accuracy=0.995)
    found = judge(compile_rules(load_rules()), facts, sample.checks)
    assert "failed" not in {item.status for item in found.outcomes}
    assert {item.name for item in found.findings if item.severity != "info"} == {
        "validation-leak",
        "unreadable-images",
        "class-imbalance",
        "label-suspects",
    }


def test_a_sane_dataset_and_a_healthy_run_raise_no_alarm() -> None:
    sample = samples.diagnosis()
    clean = samples.dataset_facts(
        unreadable_images=0,
        leak=samples.leak_facts(validation_images=0, validation_share=0.0),
        group=GroupFacts(
            certainty="confirmed",
            groups=100,
            shared_validation_images=0,
            shared_validation_share=0.0,
            shared_test_images=0,
            shared_test_share=0.0,
        ),
        shortcuts=shortcut_facts(),
        imbalance_ratio=3.0,
        train_images=1500,
    )
    known = with_features(sample.facts, label_suspects=0, label_suspect_share=0.0, label_check_accuracy=0.95)
    run = measure(healthy())
    assert sample.facts.plan is not None
    plan = dataclasses.replace(
        sample.facts.plan,
        image_size_px=224,
        enlarged_share=0.0,
        shrunk_share=0.6,
        cropped_share=0.25,
        normalisation_offset=0.6,
        normalisation_scale=0.52,
    )
    facts = dataclasses.replace(known, dataset=clean, run=run, plan=plan)
    found = judge(compile_rules(load_rules()), facts, sample.checks)
    assert [item.name for item in found.findings if item.severity != "info"] == []
    assert {item.status for item in found.outcomes} == {"fired", "passed"}
