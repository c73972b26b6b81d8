import dataclasses
import re
from html.parser import HTMLParser

import pytest

from cvadvisor.advise.recipe import Conflict
from cvadvisor.diagnosis import Diagnosis, Outcome, Source, Thumbnail
from cvadvisor.facts import Estimate, Facts
from cvadvisor.facts.dataset import ClassSize, NamePair
from cvadvisor.facts.features import LeakEffectFacts
from cvadvisor.outputs import html
from tests.samples import advice, dataset_facts, diagnosis, probe_facts, recipe

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e'
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Every element with its attributes, whether each was closed, and the text a reader sees."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.mismatched: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.mismatched.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += f" {data}"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(made: Diagnosis | None = None) -> Page:
    return Page(html.render(made or diagnosis()))


def empty(**changes: object) -> Diagnosis:
    nothing = {"advice": None, "facts": Facts(), "findings": (), "outcomes": (), "checks": (), "curves": ()}
    return diagnosis(**(nothing | {"timings_s": {}, "environment": {}} | changes))


def hostile() -> Diagnosis:
    """A diagnosis in which every name that a user or a disk can choose attacks the page."""
    made = diagnosis()
    finding = dataclasses.replace(
        made.findings[0],
        message=HOSTILE,
        fix=HOSTILE,
        why=HOSTILE,
        advice=(HOSTILE,),
        params={HOSTILE: HOSTILE},
        sources=(Source(id="x", title=HOSTILE, note=HOSTILE, url="javascript:alert(1)"),),
    )
    sizes = (ClassSize(name=HOSTILE, train=3, validation=2, test=1), ClassSize(name="b", train=1, validation=0, test=0))
    curve = dataclasses.replace(made.curves[0], title=HOSTILE, x_label=HOSTILE, y_label=HOSTILE, note=HOSTILE)
    return dataclasses.replace(
        made,
        inputs=dataclasses.replace(made.inputs, data_name=HOSTILE, model=HOSTILE, command=HOSTILE),
        findings=(finding, *made.findings[1:]),
        facts=dataclasses.replace(made.facts, dataset=dataset_facts(class_sizes=sizes, largest_class=HOSTILE)),
        curves=(curve,),
        environment={HOSTILE: HOSTILE},
        thumbnails=(Thumbnail(path="train/hat/1.jpg", data_uri="data:image/svg+xml;base64,PHN2Zz4="),),
    )


@pytest.mark.parametrize("made", [diagnosis(), hostile(), empty(), empty(interrupted=True)])
def test_every_element_that_opens_also_closes_in_order(made: Diagnosis) -> None:
    parsed = page(made)
    assert (parsed.open, parsed.mismatched) == ([], [])


@pytest.mark.parametrize("made", [diagnosis(), hostile()])
def test_no_name_makes_a_script_or_an_event_handler(made: Diagnosis) -> None:
    parsed = page(made)
    assert not parsed.all("script")
    assert not [name for _, attributes in parsed.elements for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("made", [diagnosis(), hostile()])
def test_nothing_is_fetched(made: Diagnosis) -> None:
    parsed = page(made)
    loaded = [value for tag in ("link", "img", "script") for one in parsed.all(tag) for value in one.values() if value]
    assert not [value for value in loaded if "http" in value or value.startswith("//")]
    assert "url(" not in html.render(made)
    assert "@import" not in html.render(made)


def test_the_page_forbids_itself_everything_but_its_own_style_and_pictures() -> None:
    policies = [one["content"] for one in page().all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    ]


def test_the_page_fits_a_phone() -> None:
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page().all("meta")


def test_the_page_follows_a_dark_system() -> None:
    assert "prefers-color-scheme: dark" in html.render(diagnosis())


def test_control_characters_are_written_out() -> None:
    source = html.render(hostile())
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", source)
    assert r"\x1b[31m\u202e" in source


def test_only_https_sources_are_links() -> None:
    made = diagnosis()
    urls = ["https://example.org/paper", "http://example.org/plain", "javascript:alert(1)", None]
    sources = tuple(Source(id=str(i), title=f"Source {i}", note="", url=url) for i, url in enumerate(urls))
    parsed = page(dataclasses.replace(made, findings=(dataclasses.replace(made.findings[0], sources=sources),)))
    outward = [link["href"] for link in parsed.all("a") if not (link["href"] or "").startswith("#")]
    assert outward == ["https://example.org/paper"]
    assert all(f"Source {i}" in parsed.text for i in range(4))


def test_every_inner_link_has_a_target() -> None:
    parsed = page()
    targets = {attributes.get("id") for _, attributes in parsed.elements}
    assert {link["href"] for link in parsed.all("a")} <= {f"#{target}" for target in targets}


def test_the_verdict_comes_first_and_the_script_after_the_facts() -> None:
    text = page().text
    order = [
        "1 could not be checked and 1 failed.",
        "Do this first",
        "A linear head on frozen features",
        "A leaked image is graded on its memory.",
        "1 note worth knowing",
        "Every setting of the training script",
        "Dataset 936 images in 3 classes",
        "Images of each class",
        "What short training measured",
        "What was not checked",
        "What passed",
        "facts, ",
        "The training script The recipe",
        "To make it again",
    ]
    places = [text.find(part) for part in order]
    assert -1 not in places
    assert places == sorted(places)


def test_the_first_three_fixes_leave_notes_out() -> None:
    text = page().text
    first = text[text.find("Do this first") : text.find("Images 936")]
    assert "DAT001" in first
    assert "DAT030" in first
    assert "REC003" not in first


def test_headline_numbers_are_for_people() -> None:
    text = page().text
    assert "86 % 95 % interval 80–92 %, n = 142" in text
    assert "Always answering the largest class: 57 %" in text
    assert "Learning rate 1e-3" in text


def with_leak(leak: LeakEffectFacts) -> Diagnosis:
    sample, probed = diagnosis(), probe_facts()
    assert probed.features is not None
    probe = dataclasses.replace(probed, features=dataclasses.replace(probed.features, leak=leak))
    return dataclasses.replace(sample, facts=dataclasses.replace(sample.facts, probe=probe))


def test_the_headline_score_stands_beside_the_one_without_leaked_images() -> None:
    clean = Estimate(value=0.83, low=0.76, high=0.89, n=130)
    inflation = Estimate(value=3.1, low=1.5, high=4.7, n=142)
    leak = LeakEffectFacts(leaked_images=12, clean_images=130, linear_clean_accuracy=clean, linear_inflation=inflation)
    text = page(with_leak(leak)).text
    assert "Without the 12 leaked images: 83 % (76–89 %)" in text
    assert "3.1 points (1.5–4.7), n = 142" in text


def test_a_score_that_no_leak_touched_stands_alone() -> None:
    assert "Without the" not in page(with_leak(LeakEffectFacts(leaked_images=0, clean_images=142))).text
    assert "Without the" not in page().text


def test_an_interrupted_audit_says_so() -> None:
    assert "Stopped early. So far: fix 1 error" in page(diagnosis(interrupted=True)).text


def test_an_audit_that_knows_nothing_renders() -> None:
    text = page(empty(interrupted=True)).text
    assert "nothing could be judged" in text
    assert "There is not enough to make a recipe." in text
    assert "The dataset not known" in text


def test_what_was_not_checked_is_not_called_passed() -> None:
    text = page().text
    unchecked = text[text.find("What was not checked") : text.find("What passed")]
    assert "RUN001 loss-not-finite" in unchecked
    assert "No training log was given: add --log FILE." in unchecked
    assert "DAT099 broken: ZeroDivisionError" in unchecked
    assert "Training log no log was given · To enable: --log FILE" in unchecked


def test_rules_not_checked_for_one_reason_are_listed_once() -> None:
    outcomes = tuple(
        Outcome(code=f"RUN00{i}", name=f"rule-{i}", severity="info", status="not checked", reason="No log.")
        for i in range(3)
    )
    assert page(diagnosis(outcomes=outcomes)).text.count("No log.") == 1


def test_a_pair_is_shown_side_by_side_with_both_labels() -> None:
    uri = "data:image/jpeg;base64,/9j/4AAQ"
    thumbnails = tuple(Thumbnail(path=path, data_uri=uri) for path in ("train/hat/1.jpg", "validation/hat/2.jpg"))
    parsed = page(diagnosis(thumbnails=thumbnails))
    assert [one["alt"] for one in parsed.all("img")] == ["train/hat/1.jpg", "validation/hat/2.jpg"]
    assert "hat in train" in parsed.text
    assert "mirrored same image, transformed, agreement 0.97" in parsed.text


@pytest.mark.parametrize(
    "data_uri",
    ["https://example.org/x.jpg", "data:image/svg+xml;base64,PHN2Zz4=", 'data:image/jpeg;base64,AA" onload="alert(1)'],
)
def test_a_thumbnail_that_is_no_jpeg_is_left_out(data_uri: str) -> None:
    assert not page(diagnosis(thumbnails=(Thumbnail(path="train/hat/1.jpg", data_uri=data_uri),))).all("img")


def test_a_label_suspect_is_a_sentence() -> None:
    assert "Filed as hat , looks like t-shirt (1 % against 97 %)" in page().text


@pytest.mark.parametrize(
    ("show", "said"),
    [
        ("dataset.unreadable_examples", "truncated: 41 bytes are missing"),
        ("dataset.missing_from_train", "a class <b>"),
        ("dataset.missing_examples", "Fix"),
        ("dataset.twin_classes", "Hat and hat differ by case alone"),
        ("dataset.dark.examples", "Fix"),
        ("dataset.no_such_fact", "Fix"),
        ("run.no_such_subject", "Fix"),
    ],
)
def test_any_list_of_examples_can_be_shown(show: str, said: str) -> None:
    made = diagnosis()
    twins = (NamePair(a="Hat", b="hat", why="case"),)
    facts = dataclasses.replace(
        made.facts, dataset=dataset_facts(missing_from_train=("a class <b>",), twin_classes=twins)
    )
    finding = dataclasses.replace(made.findings[0], show=show)
    assert said in page(dataclasses.replace(made, facts=facts, findings=(finding,))).text


def test_evidence_has_its_unit_and_thresholds() -> None:
    text = page().text
    assert "dataset.leak.validation_images 1 image Leaked." in text
    assert "param.ratio 5 Threshold of this rule." in text
    assert "pyproject" not in text


def test_the_recipe_shows_what_was_overruled_and_why() -> None:
    text = page().text
    assert "scale by 0.5 : Imbalance asks for less. DAT012 Overruled: the measurement already includes it." in text
    assert "measured The range test fell until here. LRN010" in text


def test_every_field_of_the_recipe_is_there() -> None:
    text = page().text
    section = text[text.find("Every setting of") : text.find("What short training measured")]
    assert [field.name for field in dataclasses.fields(recipe()) if f" {field.name} " not in section] == []


def test_conflicts_are_reported() -> None:
    conflict = Conflict(field="dropout", stage="prior", winner="DAT012", losers=("REG002",))
    made = diagnosis(advice=dataclasses.replace(advice(), conflicts=(conflict,)))
    assert "dropout : DAT012 was followed over REG002 ." in page(made).text


def test_unknown_facts_say_so_and_bytes_are_megabytes() -> None:
    text = page().text
    assert "hardware.gpu_memory_bytes not known" in text
    assert "dataset.total_bytes 48 MB" in text
    assert "dataset.leak.validation_share 0.7 %" in text


def test_a_recipe_without_a_dataset_says_why_there_is_no_script() -> None:
    assert "There is no script. The diagnosis knows no dataset" in page(diagnosis(facts=Facts())).text


def test_a_report_is_light() -> None:
    assert len(html.render(diagnosis()).encode()) < 200_000


def test_rendering_is_a_pure_function() -> None:
    assert html.render(diagnosis()) == html.render(diagnosis())
