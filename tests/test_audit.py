"""The main line. Most tests put a stand-in for the worker process; those that start one are marked slow."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from PIL import Image

from cvadvisor.audit import audit, write
from cvadvisor.config import CONVERTED_WEIGHTS, Settings, Wishes
from cvadvisor.diagnosis import Check, Diagnosis, to_json
from cvadvisor.facts import ProbeFacts
from cvadvisor.inspect.dataset.inspection import SCAN_TITLE
from cvadvisor.inspect.model import ModelError
from cvadvisor.outputs import html, script, text
from cvadvisor.probe import features
from cvadvisor.probe.catalog import PROBES
from cvadvisor.probe.declaration import NotChecked
from cvadvisor.probe.runner import Answer, Worker
from cvadvisor.probe.session import Session
from cvadvisor.progress import silent
from tests.digits import write_digits
from tests.probe.conftest import make_job
from tests.probe.fake_worker import smallest
from tests.samples import model_facts, probe_facts

EVERY_PROBE = {probe.name for probe in PROBES}
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, or needs names that are not UTF-8")


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("data") / "digits", classes=3, train=8, validation=4, side=16)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the worker answers to each command; an exception is raised. No process is started."""
    loaded = dataclasses.asdict(model_facts(name="test_resnet", classes=3))
    kinds = {name: get_args(get_type_hints(ProbeFacts)[name])[0] for name in EVERY_PROBE}
    known = {name: getattr(probe_facts(), name) or smallest(kinds[name]) for name in EVERY_PROBE}
    facts = {name: dataclasses.asdict(known[name]) for name in EVERY_PROBE}
    given: dict[str, Any] = {name: Answer("done", facts=facts[name], seconds=1.0) for name in EVERY_PROBE}
    given["model"] = Answer("done", facts=loaded, device="cpu", seconds=1.0)

    def ask(_worker: Worker, command: dict[str, Any], _limit_s: float, _progress: Callable[[int, int], None]) -> Answer:
        answer = given.get(command["do"], Answer("done"))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(Worker, "ask", ask)
    return given


def settings(data: Path, out: Path, **changes: Any) -> Settings:
    out.mkdir(exist_ok=True)
    wanted: dict[str, Any] = {"model": "test_resnet", "weights": "none", "budget_s": 60.0, "device": "cpu"}
    return Settings(data=data, out=out, **(wanted | changes))


def check(diagnosis: Diagnosis, name: str) -> Check:
    return next(check for check in diagnosis.checks if check.name == name)


def status(diagnosis: Diagnosis) -> dict[str, str]:
    return {check.name: check.status for check in diagnosis.checks}


def fired(diagnosis: Diagnosis) -> set[str]:
    return {finding.name for finding in diagnosis.findings}


# What an audit holds


def test_an_audit_where_all_goes_well_has_facts_of_every_subject(digits: Path, tmp_path: Path, answers: Any) -> None:
    log = tmp_path / "log.csv"
    log.write_text("epoch,train_loss,val_loss\n1,1.0,1.1\n2,0.5,0.9\n")
    facts = audit(settings(digits, tmp_path / "out", log=log)).facts
    assert None not in (facts.dataset, facts.model, facts.hardware, facts.plan, facts.run, facts.probe)


def test_every_rule_has_an_outcome_and_none_fails(digits: Path, tmp_path: Path, answers: Any) -> None:
    from cvadvisor.advise.rules import load_rules

    outcomes = audit(settings(digits, tmp_path / "out")).outcomes
    applying = [rule for rule in load_rules() if not rule.tasks or "classification" in rule.tasks]
    assert [outcome.code for outcome in outcomes] == sorted(rule.code for rule in applying)
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []


def test_every_rule_that_was_not_checked_says_why(digits: Path, tmp_path: Path) -> None:
    outcomes = audit(settings(digits, tmp_path / "out", probes=False)).outcomes
    unchecked = [outcome for outcome in outcomes if outcome.status == "not checked"]
    assert unchecked
    assert all(outcome.reason and outcome.missing for outcome in unchecked)


def test_without_probes_all_that_did_not_run_is_listed_with_how_to_enable_it(digits: Path, tmp_path: Path) -> None:
    made = audit(settings(digits, tmp_path / "out", probes=False))
    for name in EVERY_PROBE | {"model"}:
        assert check(made, name).status == "not checked"
        assert "--no-probes" in (check(made, name).enable or "")
    assert made.advice is None


def test_no_path_of_this_machine_is_in_the_results(digits: Path, tmp_path: Path, answers: Any) -> None:
    log = tmp_path / "log.csv"
    log.write_text("epoch,train_loss\n1,1.0\n")
    made = audit(settings(digits, tmp_path / "out", log=log))
    for output in (to_json(made), html.render(made), script.render(made), text.render(made)):
        assert str(tmp_path) not in output
        assert str(digits.parent) not in output


def test_the_data_is_found_from_the_folder_of_the_results(digits: Path, tmp_path: Path, answers: Any) -> None:
    chosen = settings(digits, tmp_path / "out")
    assert (chosen.out / audit(chosen).inputs.data).resolve() == digits.resolve()


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"seed": 7}, "--seed 7"),
        ({"budget_s": 90.0}, "--budget 90s"),
        ({"weights": "none"}, "--weights none"),
        ({"device": "cpu"}, "--device cpu"),
        ({"probes": False}, "--no-probes"),
        ({"images": False}, "--no-images"),
    ],
)
def test_the_command_that_repeats_an_audit_has_every_option(
    digits: Path, tmp_path: Path, answers: Any, changes: dict[str, Any], option: str
) -> None:
    assert option in audit(settings(digits, tmp_path / "out", **changes)).inputs.command


def test_the_log_is_part_of_the_command_that_repeats_an_audit(digits: Path, tmp_path: Path, answers: Any) -> None:
    log = tmp_path / "log.csv"
    log.write_text("epoch,train_loss\n1,1.0\n")
    assert "--log log.csv" in audit(settings(digits, tmp_path / "out", log=log)).inputs.command


# Layouts and tasks


def boxes(root: Path) -> Path:
    """A small detection dataset, as YOLO has it."""
    for number in range(6):
        for folder, data in (("images", None), ("labels", f"{number % 2} 0.5 0.5 0.4 0.4\n")):
            path = root / folder / f"{number}.{'txt' if data else 'png'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if data:
                path.write_text(data)
            else:
                Image.effect_noise((40, 40), 30 + number).convert("RGB").save(path)
    (root / "data.yaml").write_text("train: images\nnames: [cat, dog]\n")
    return root


def test_a_task_without_probes_is_inspected_and_says_so(tmp_path: Path, answers: Any) -> None:
    made = audit(settings(boxes(tmp_path / "boxes"), tmp_path / "out"))
    assert made.facts.dataset is not None
    assert made.facts.dataset.box is not None
    assert made.facts.dataset.box.boxes == 6
    assert made.facts.plan is not None
    assert made.facts.plan.task == "detection"
    assert {check(made, name).reason for name in EVERY_PROBE} == {"there are no probes for detection yet"}
    assert made.advice is None
    assert set(write(made, tmp_path / "out")) == {"audit.json", "leakage.csv", "report.html", "samples.csv"}
    assert "before you train on boxes" in text.render(made)


def test_rules_for_other_tasks_are_left_out(digits: Path, tmp_path: Path, answers: Any) -> None:
    detection = {one.code for one in audit(settings(boxes(tmp_path / "boxes"), tmp_path / "out")).outcomes}
    classification = {one.code for one in audit(settings(digits, tmp_path / "out")).outcomes}
    assert "BOX001" in detection - classification
    assert "DAT012" in classification - detection


def test_what_was_said_of_the_layout_is_part_of_the_command_that_repeats_an_audit(
    digits: Path, tmp_path: Path, answers: Any
) -> None:
    wishes = Wishes(layout="class-folders", task="classification")
    command = audit(settings(digits, tmp_path / "out", wishes=wishes, use_cache=False)).inputs.command
    assert "--layout class-folders --task classification --no-cache" in command


def test_a_second_audit_looks_at_what_changed_alone(digits: Path, tmp_path: Path, answers: Any) -> None:
    data = shutil.copytree(digits, tmp_path / "data")
    looked: list[int] = []

    def progress(title: str, _done: int, total: int) -> None:
        if title == SCAN_TITLE:
            looked.append(total)

    images = [audit(settings(data, tmp_path / "out"), progress).facts.dataset.images for _ in range(2)]  # type: ignore[union-attr]
    assert images[0] == images[1]
    assert max(looked) == images[0]
    looked.clear()
    changed = next(data.rglob("*.png"))
    changed.write_bytes(changed.read_bytes() + b"\0")
    audit(settings(data, tmp_path / "out"), progress)
    assert set(looked) <= {0, 1}


def test_a_damaged_cache_is_built_anew_and_that_is_said(digits: Path, tmp_path: Path, answers: Any) -> None:
    chosen = settings(digits, tmp_path / "out", cache=tmp_path / "cache")
    audit(chosen)
    (kept,) = (tmp_path / "cache").glob("*.sqlite")
    kept.write_bytes(b"not a database at all" * 1000)
    made = audit(chosen)
    assert "was damaged and was built anew" in (check(made, "dataset").reason or "")
    assert "was damaged and was built anew" in text.render(made).replace("\n    ", " ")


# What can go wrong while it runs


def test_a_probe_that_fails_is_reported_and_the_audit_goes_on(digits: Path, tmp_path: Path, answers: Any) -> None:
    answers["overfit"] = Answer("failed", reason="its process was killed", seconds=3.0)
    made = audit(settings(digits, tmp_path / "out"))
    assert check(made, "overfit").status == "failed"
    assert check(made, "overfit").reason == "its process was killed"
    assert check(made, "lr_full").status == "done"
    assert made.facts.probe is not None
    assert made.facts.probe.overfit is None
    assert "train.py" in write(made, tmp_path / "out")


def test_a_rule_that_needs_a_failed_probe_says_that_it_failed(digits: Path, tmp_path: Path, answers: Any) -> None:
    answers["overfit"] = Answer("failed", reason="its process was killed")
    made = audit(settings(digits, tmp_path / "out"))
    outcome = next(outcome for outcome in made.outcomes if outcome.name == "cannot-overfit-a-batch")
    assert outcome.status == "not checked"
    assert outcome.reason is not None
    assert "failed" in outcome.reason
    assert "its process was killed" in outcome.reason


def test_a_model_that_does_not_load_leaves_a_report_without_a_recipe(
    digits: Path, tmp_path: Path, answers: Any
) -> None:
    answers["model"] = Answer("failed", reason="ran out of memory")
    made = audit(settings(digits, tmp_path / "out"))
    assert status(made)["model"] == "failed"
    assert all(status(made)[name] == "not checked" for name in EVERY_PROBE)
    assert made.advice is None
    assert set(write(made, tmp_path / "out")) == {"audit.json", "leakage.csv", "report.html", "samples.csv"}


def test_a_wrong_model_is_the_users_error(digits: Path, tmp_path: Path, answers: Any) -> None:
    answers["model"] = Answer("input error", reason="timm has no model named 'x'")
    with pytest.raises(ModelError, match="timm has no model named 'x'"):
        audit(settings(digits, tmp_path / "out"))


def test_an_interrupt_during_a_probe_keeps_what_was_measured(digits: Path, tmp_path: Path, answers: Any) -> None:
    answers["overfit"] = KeyboardInterrupt()
    made = audit(settings(digits, tmp_path / "out"))
    assert made.interrupted
    assert status(made)["features"] == "done"
    assert status(made)["overfit"] == status(made)["lr_full"] == "not checked"
    assert "interrupted" in (check(made, "lr_full").reason or "")
    assert made.advice is not None


def test_an_interrupt_while_the_model_loads_lists_the_model_too(digits: Path, tmp_path: Path, answers: Any) -> None:
    answers["model"] = KeyboardInterrupt()
    made = audit(settings(digits, tmp_path / "out"))
    assert made.interrupted
    assert status(made)["model"] == "not checked"
    assert "interrupted" in (check(made, "model").reason or "")


def test_an_interrupt_before_there_is_anything_to_report_ends_the_audit(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cvadvisor.audit.inspect_dataset", stopped)
    with pytest.raises(KeyboardInterrupt):
        audit(settings(digits, tmp_path / "out"))


# Files


def test_writing_leaves_no_temporary_file(digits: Path, tmp_path: Path, answers: Any) -> None:
    out = tmp_path / "out"
    written = write(audit(settings(digits, out)), out)
    assert sorted(path.name for path in out.iterdir()) == [
        "audit.json",
        "leakage.csv",
        "report.html",
        "samples.csv",
        "train.py",
    ]
    assert set(written) == {"audit.json", "leakage.csv", "report.html", "samples.csv", "train.py"}


def test_results_without_a_recipe_leave_no_script_of_an_earlier_audit(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    chosen = settings(digits, out, probes=False)
    (out / "train.py").write_text("of an earlier audit")
    write(audit(chosen), out)
    assert not (out / "train.py").exists()


def test_weights_that_an_earlier_audit_converted_are_not_taken_for_this_ones(
    digits: Path, tmp_path: Path, answers: Any
) -> None:
    answers["model"].facts.update(weights="none", pretrained=False, weights_source=None)
    chosen = settings(digits, tmp_path / "out")
    (chosen.out / CONVERTED_WEIGHTS).write_bytes(b"of an earlier audit")
    made = audit(chosen)
    assert made.inputs.weights_file is None
    assert made.advice is not None
    assert made.advice.recipe.weights == "none"


def test_a_weights_file_is_named_relative_to_the_results(digits: Path, tmp_path: Path, answers: Any) -> None:
    file = tmp_path / "w.safetensors"
    file.touch()
    made = audit(settings(digits, tmp_path / "out", weights="file", weights_file=file))
    assert made.inputs.weights_file == "../w.safetensors"
    assert made.advice is not None
    assert made.advice.recipe.weights == "file"


# Pictures in the report


def leaking(digits: Path, folder: Path, image: Path | None = None) -> Path:
    """A copy of the digits in which one training image (``image``, if given) is in validation too."""
    data = Path(shutil.copytree(digits, folder / "leaking"))
    first = image or min(data.glob("train/0/*.png"))
    for split in ("train", "validation"):
        shutil.copy(first, data / split / "0" / f"leak{first.suffix}")
    return data


def test_probes_are_told_which_held_out_images_training_holds_too(
    digits: Path, tmp_path: Path, answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []
    ask = Worker.ask

    def overheard(worker: Worker, *command: Any) -> Answer:
        jobs.append(worker.job)
        return ask(worker, *command)

    monkeypatch.setattr(Worker, "ask", overheard)
    audit(settings(leaking(digits, tmp_path), tmp_path / "out"))
    job = jobs[-1]
    assert job is not None
    assert [sample.path for sample in job.held_out if sample.leaked] == ["validation/0/leak.png"]
    assert not any(sample.leaked for sample in job.train)


def test_images_that_a_finding_shows_are_in_the_report(digits: Path, tmp_path: Path) -> None:
    made = audit(settings(leaking(digits, tmp_path), tmp_path / "out", probes=False))
    assert "validation-leak" in fired(made)
    assert "validation/0/leak.png" in {thumbnail.path for thumbnail in made.thumbnails}


def test_no_image_is_in_the_report_if_none_is_wanted(digits: Path, tmp_path: Path) -> None:
    made = audit(settings(leaking(digits, tmp_path), tmp_path / "out", probes=False, images=False))
    assert "validation-leak" in fired(made)
    assert made.thumbnails == ()
    assert "data:image" not in html.render(made)


@pytest.mark.parametrize(
    ("mode", "extension"),
    [("RGB", "png"), ("RGB", "jpg"), ("CMYK", "jpg"), ("L", "jpg"), ("RGBA", "png"), ("I;16", "png"), ("P", "gif")],
)
def test_a_picture_can_be_of_any_kind_and_smaller_than_a_thumbnail(
    digits: Path, tmp_path: Path, mode: str, extension: str
) -> None:
    image = tmp_path / f"small.{extension}"
    noise = Image.effect_noise((20, 20), 60)
    (Image.new("I;16", (20, 20), 40_000) if mode == "I;16" else noise.convert("RGB").convert(mode)).save(image)
    made = audit(settings(leaking(digits, tmp_path, image), tmp_path / "out", probes=False))
    assert f"validation/0/leak.{extension}" in {thumbnail.path for thumbnail in made.thumbnails}


def test_damaged_exif_data_costs_an_image_nothing(digits: Path, tmp_path: Path) -> None:
    image = tmp_path / "damaged.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    Image.effect_noise((20, 20), 60).convert("RGB").save(image, exif=exif)
    described = image.read_bytes()
    image.write_bytes(described.replace(b"\x01\x0e\x00\x02", b"\x01\x00\x00\x02"))  # a width that is text
    assert image.read_bytes() != described
    made = audit(settings(leaking(digits, tmp_path, image), tmp_path / "out", probes=False))
    assert made.facts.dataset is not None
    assert made.facts.dataset.unreadable_images == 0
    assert "validation/0/leak.jpg" in {thumbnail.path for thumbnail in made.thumbnails}


@linux
def test_no_other_program_is_started_for_a_file_that_is_no_image(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(shutil.copytree(digits, tmp_path / "data"))
    page = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n"
    (data / "train" / "0" / "postscript.png").write_bytes(page)
    ghostscript = tmp_path / "bin" / "gs"
    ghostscript.parent.mkdir()
    ghostscript.write_text(f'#!/bin/sh\n[ "$1" = --version ] || touch "{tmp_path}/was-run"\n')
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(ghostscript.parent), prepend=os.pathsep)
    made = audit(settings(data, tmp_path / "out", probes=False))
    assert made.facts.dataset is not None
    assert made.facts.dataset.unreadable_images == 1
    assert not (tmp_path / "was-run").exists()


# Names


@linux
def test_a_dataset_whose_own_name_is_not_utf8_can_be_audited(digits: Path, tmp_path: Path, answers: Any) -> None:
    data = Path(shutil.copytree(digits, os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")))
    made = audit(settings(data, tmp_path / "out"))
    assert json.loads(to_json(made))["inputs"]["data_name"] == r"caf\xe9"
    write(made, tmp_path / "out")


@linux
def test_a_log_whose_name_is_not_utf8_can_be_read(digits: Path, tmp_path: Path) -> None:
    log = Path(os.fsdecode(os.fsencode(tmp_path) + b"/l\xe9g.csv"))
    log.write_text("epoch,train_loss\n1,1.0\n")
    made = audit(settings(digits, tmp_path / "out", probes=False, log=log))
    write(made, tmp_path / "out")
    assert made.inputs.log == r"../l\xe9g.csv"


# With a worker that is real


def without_time(made: Diagnosis) -> dict[str, Any]:
    content = json.loads(to_json(made))
    for key in ("created", "timings_s"):
        del content[key]
    for one in content["checks"]:
        del one["seconds"]
    for memory in ("memory_bytes", "gpu_free_bytes"):  # what other programs leave
        del content["facts"]["hardware"][memory]
    del content["facts"]["probe"]["batch"]
    content["curves"] = [curve for curve in content["curves"] if curve["name"] != "batch"]
    for kind in ("findings", "outcomes"):  # those that judge speed and memory
        content[kind] = [one for one in content[kind] if not one["code"].startswith("BAT")]
    return content


@pytest.mark.slow
def test_the_same_seed_gives_the_same_results(tmp_path: Path) -> None:
    data = write_digits(tmp_path / "digits", classes=2, train=4, validation=2, side=16)
    # A budget that a busy machine does not use up either, for few epochs: what is cut short depends on the clock.
    wishes = {"budget_s": 240.0, "epochs": 8, "use_cache": False}
    first, second = (audit(settings(data, tmp_path / name, **wishes)) for name in ("a", "b"))
    assert {status(first)[name] for name in ("overfit", "lr_full", "lr", "race")} == {"done"}
    assert without_time(first) == without_time(second)


@pytest.fixture(scope="module")
def without_weights(tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    """An audit that asked for pretrained weights with no hub and no cache, of classes with odd names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        patch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
        folder = tmp_path_factory.mktemp("weightless")
        data = write_digits(folder / "data", classes=3, train=6, validation=3, side=16)
        if sys.platform == "linux":
            for split in ("train", "validation"):
                (data / split / "0").rename(os.fsdecode(os.fsencode(data / split) + b"/z\xe9ro\n"))
        return audit(settings(data, folder / "out", weights="default", budget_s=30.0))


@pytest.mark.slow
def test_without_weights_to_be_had_it_says_so(without_weights: Diagnosis) -> None:
    assert without_weights.facts.model is not None
    assert without_weights.facts.model.weights == "unavailable"
    assert "pretrained-weights-unavailable" in fired(without_weights)


@pytest.mark.slow
def test_without_weights_to_be_had_features_are_not_checked(without_weights: Diagnosis) -> None:
    listed = check(without_weights, "features")
    assert listed.status == "not checked"
    assert "pretrained weights" in (listed.reason or "")
    assert "--weights" in (listed.enable or "")


@pytest.mark.slow
def test_without_weights_to_be_had_the_recipe_starts_from_none(without_weights: Diagnosis) -> None:
    assert without_weights.advice is not None
    assert without_weights.advice.recipe.weights == "none"


@linux
@pytest.mark.slow
def test_classes_whose_names_are_not_utf8_get_through_the_worker(without_weights: Diagnosis, tmp_path: Path) -> None:
    assert status(without_weights)["model"] == "done"
    assert set(write(without_weights, tmp_path)) == {"audit.json", "report.html", "train.py"}


@linux
@pytest.mark.slow
def test_a_worker_that_is_killed_is_a_failed_probe_in_a_finished_report(digits: Path, tmp_path: Path) -> None:
    before = set(children())

    def kill_worker(title: str, done: int, total: int) -> None:
        if title.startswith("Frozen features"):
            for child in set(children()) - before:
                os.kill(child, signal.SIGKILL)

    made = audit(settings(digits, tmp_path / "out"), kill_worker)
    assert check(made, "features").status == "failed"
    assert "killed" in (check(made, "features").reason or "")
    assert made.advice is not None
    assert "its process was killed" in html.render(made)
    assert set(children()) == before


def children() -> list[int]:
    """Processes that this one started and that have not ended."""
    found = []
    for file in Path("/proc/self/task").glob("*/children"):
        found += [int(number) for number in file.read_text().split()]
    return found


@pytest.mark.slow
def test_a_file_in_the_working_folder_is_never_run(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    made = audit(settings(digits, tmp_path / "out", budget_s=1.0), silent)
    assert not (tmp_path / "was-run").exists()
    assert status(made)["model"] == "done"


@pytest.mark.slow
@pytest.mark.parametrize(("train", "validation"), [(1, 0), (1, 1), (2, 0)])
def test_a_handful_of_images_breaks_no_measurement(tmp_path: Path, train: int, validation: int) -> None:
    root = write_digits(tmp_path / "data", classes=2, train=train, validation=validation, side=16)
    session = Session(make_job(root, classes=["0", "1"]), lambda done, total: None, image_size=64)
    session.load_model()
    with contextlib.suppress(NotChecked):
        features.run(session)
