import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cvadvisor.facts.seen import Check
from cvadvisor.inspect.model import ModelError
from cvadvisor.probe.runner import ProbeRun, Worker, check_model_name, duration, load_model, run_probes
from cvadvisor.progress import Progress, silent
from tests.probe import fake_worker

SMALL: dict[str, Any] = {"model": "test_resnet", "weights": "none", "budget_s": 120.0}
Probed = Callable[..., dict[str, Check]]


@pytest.fixture
def probed(tmp_path: Path, job_for: Any) -> Probed:
    """Run the stand-in probes; ``told`` says what each does. Gives what became of each."""

    def run(told: str = "", budget_s: float = 20.0, progress: Progress = silent) -> dict[str, Check]:
        made = ProbeRun(fake_worker.PROBES)
        with Worker(job_for(tmp_path, model=told, budget_s=budget_s), fake_worker.PROGRAM) as worker:
            if load_model(made, worker, silent):
                run_probes(made, worker, 32, budget_s, lambda: None, progress)
            pids.append(worker)
        facts = made.facts
        for check in made.checks:
            if check.name != "model":
                assert (getattr(facts, check.name) is not None) == (check.status == "done")
        return {check.name: check for check in made.checks}

    pids: list[Worker] = []
    return run


def status(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.status for name, check in checks.items()}


# Isolation


def test_where_all_goes_well_every_probe_is_done(probed: Probed) -> None:
    assert status(probed()) == dict.fromkeys(["model", "features", "overfit", "lr"], "done")


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("crash", "exit code 7"),
        ("killed", "memory ran out"),
        ("exit", "sys.exit('no')"),
        ("raise", "ValueError: bad shape"),
        ("memory", "ran out of memory"),
        ("nan", "not finite"),
        ("odd", "no usable value"),
        ("hang", "did not answer"),
    ],
)
def test_a_probe_that_ends_badly_is_failed_and_the_others_still_run(probed: Probed, what: str, why: str) -> None:
    checks = probed(f"overfit={what}")
    assert status(checks) == {"model": "done", "features": "done", "overfit": "failed", "lr": "done"}
    assert why in (checks["overfit"].reason or "")


@pytest.mark.parametrize("what", ["print", "read"])
def test_what_a_probe_prints_or_reads_does_not_disturb_its_answer(probed: Probed, what: str) -> None:
    assert status(probed(f"overfit={what}"))["overfit"] == "done"


def test_a_probe_that_needs_one_that_failed_is_not_checked_and_says_so(probed: Probed) -> None:
    checks = probed("features=raise")
    assert status(checks) == {"model": "done", "features": "failed", "overfit": "done", "lr": "not checked"}
    assert (checks["lr"].reason or "").startswith("it needs 'Fake features', and that failed: ValueError")


def test_a_probe_that_needs_one_that_can_not_run_here_says_how_to_enable_it(probed: Probed) -> None:
    checks = probed("features=not here")
    assert status(checks)["features"] == status(checks)["lr"] == "not checked"
    assert "says nothing here" in (checks["lr"].reason or "")
    assert checks["lr"].enable == "--weights default"


def test_what_died_with_a_process_is_made_again_for_the_probe_that_needs_it(probed: Probed) -> None:
    titles: list[str] = []
    checks = probed("overfit=killed", progress=lambda title, done, total: titles.append(title))
    assert "Fake features: a probe, again" in titles
    assert status(checks)["lr"] == "done"


def test_what_died_with_a_process_and_can_not_be_made_again_leaves_out_the_probe_that_needs_it(probed: Probed) -> None:
    checks = probed("overfit=killed,features=crash again")
    assert status(checks) == {"model": "done", "features": "done", "overfit": "failed", "lr": "not checked"}
    assert checks["lr"].reason == "it needs 'Fake features', and their process died"


@pytest.mark.parametrize("what", ["crash", "exit", "raise"])
def test_a_model_whose_code_ends_badly_leaves_every_probe_not_checked(probed: Probed, what: str) -> None:
    checks = probed(f"model={what}")
    assert status(checks) == {"model": "failed"} | dict.fromkeys(["features", "overfit", "lr"], "not checked")
    assert "could not be loaded" in (checks["lr"].reason or "")


def test_a_worker_that_dies_while_nobody_asks_it_is_started_again(tmp_path: Path, job_for: Any) -> None:
    with Worker(job_for(tmp_path), fake_worker.PROGRAM) as worker:
        load_model(ProbeRun(fake_worker.PROBES), worker, silent)
        first = worker._process
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        assert not worker.running
        assert worker.ask({"do": "cost", "image_size": 32}, 30.0, lambda done, total: None).event == "done"


def test_an_interrupt_leaves_no_process_behind(tmp_path: Path, job_for: Any) -> None:
    def interrupt(title: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    made = ProbeRun(fake_worker.PROBES)
    with Worker(job_for(tmp_path, model="features=overrun"), fake_worker.PROGRAM) as worker:
        load_model(made, worker, silent)
        process = worker._process
        with pytest.raises(KeyboardInterrupt):
            run_probes(made, worker, 32, 20.0, lambda: None, interrupt)
    assert process is not None
    assert process.poll() is not None
    made.skip_rest("the audit was interrupted")
    assert {check.status for check in made.checks if check.name != "model"} == {"not checked"}


# Budget


def test_a_probe_that_overruns_is_stopped_and_the_others_still_run(probed: Probed) -> None:
    checks = probed("overfit=overrun")
    assert status(checks) == {"model": "done", "features": "done", "overfit": "not checked", "lr": "done"}
    assert "time budget was used up" in (checks["overfit"].reason or "")


def test_a_budget_that_is_too_small_leaves_probes_out_and_says_what_they_need(probed: Probed) -> None:
    checks = probed(budget_s=0.05)
    for name in ("features", "overfit", "lr"):
        assert checks[name].status == "not checked"
        assert (checks[name].reason or "").startswith("left out: it needs about ")
        assert (checks[name].enable or "").startswith("--budget ")


def test_what_the_worker_took_before_is_part_of_the_budget(tmp_path: Path, job_for: Any) -> None:
    made = ProbeRun(fake_worker.PROBES)
    with Worker(job_for(tmp_path), fake_worker.PROGRAM) as worker:
        load_model(made, worker, silent)
        worker.spent_s = 100.0
        run_probes(made, worker, 32, 60.0, lambda: None, silent)
    assert {check.status for check in made.checks if check.name != "model"} == {"not checked"}


def test_a_probe_that_nothing_waits_for_runs_only_for_one_that_needs_it(tmp_path: Path, job_for: Any) -> None:
    made = ProbeRun(fake_worker.PROBES)
    with Worker(job_for(tmp_path), fake_worker.PROGRAM) as worker:
        load_model(made, worker, silent)
        run_probes(made, worker, 32, 30.0, lambda: None, silent, {"features": 0.0, "overfit": 0.0, "lr": 1.0})
    reasons = {check.name: check.reason for check in made.checks}
    assert reasons["overfit"] == "left out: nothing that runs needs it"
    assert made.facts.features is not None
    assert made.facts.lr is not None


@pytest.mark.parametrize(("seconds", "said"), [(31, "40s"), (100, "100s"), (101, "2m"), (3600, "60m"), (7000, "2h")])
def test_a_duration_is_said_as_a_person_types_it(seconds: float, said: str) -> None:
    assert duration(seconds) == said


# Real models


@pytest.mark.slow
def test_without_pretrained_weights_only_the_probes_that_need_none_run(digits: Path, job_for) -> None:
    run = ProbeRun()
    with Worker(job_for(digits, **SMALL)) as worker:
        loaded = load_model(run, worker, silent)
        run_probes(run, worker, 32, SMALL["budget_s"], lambda: None, silent)
    status = {check.name: check.status for check in run.checks}
    assert loaded is not None
    assert not loaded.facts.pretrained
    assert loaded.device == "cpu"
    assert status["features"] == status["lr_head"] == "not checked"
    assert status["overfit"] == "done"
    assert run.facts.features is None
    assert run.facts.overfit is not None


@pytest.mark.slow
def test_a_model_that_does_not_exist_is_an_error_with_the_nearest_names(digits: Path, job_for) -> None:
    with Worker() as worker, pytest.raises(ModelError, match="resnet50"):
        check_model_name(worker, "resnet5O", silent)


def test_probes_that_did_not_run_are_listed_with_the_reason() -> None:
    run = ProbeRun()
    run.skip_rest("probes were turned off", "leave out --no-probes")
    assert {check.status for check in run.checks} == {"not checked"}
    assert {check.reason for check in run.checks} == {"probes were turned off"}
