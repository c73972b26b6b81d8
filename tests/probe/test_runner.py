import os
import signal
from pathlib import Path

import pytest

from cvadvisor.inspect.model import ModelError
from cvadvisor.probe.runner import ProbeRun, Worker, check_model_name, load_model, run_probes
from cvadvisor.progress import silent

SMALL = {"model": "test_resnet", "weights": "none", "budget_s": 60.0}


def ask_overfit(worker: Worker, limit_s: float = 120.0, progress=lambda done, total: None):
    return worker.ask({"do": "overfit", "image_size": 32, "seconds": 60}, limit_s, progress)


@pytest.mark.slow
def test_a_killed_worker_is_a_failed_probe_and_the_next_one_still_runs(digits: Path, job_for) -> None:
    with Worker(job_for(digits, **SMALL)) as worker:
        load_model(ProbeRun(), worker, silent)
        killed = ask_overfit(worker, progress=lambda done, total: os.kill(worker._process.pid, signal.SIGKILL))
        assert killed.event == "failed"
        assert killed.reason is not None
        assert "memory" in killed.reason
        assert ask_overfit(worker).event == "done"


@pytest.mark.slow
def test_a_worker_that_hangs_is_a_failed_probe(digits: Path, job_for) -> None:
    with Worker(job_for(digits, **SMALL)) as worker:
        load_model(ProbeRun(), worker, silent)
        os.kill(worker._process.pid, signal.SIGSTOP)
        answer = ask_overfit(worker, limit_s=0.5)
    assert answer.event == "failed"
    assert answer.reason is not None
    assert "did not answer" in answer.reason


@pytest.mark.slow
def test_without_pretrained_weights_only_the_probes_that_need_none_run(digits: Path, job_for) -> None:
    run = ProbeRun()
    with Worker(job_for(digits, **SMALL)) as worker:
        loaded = load_model(run, worker, silent)
        run_probes(run, worker, 32, 60.0, lambda: None, silent)
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
