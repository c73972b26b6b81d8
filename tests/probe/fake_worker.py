"""A worker process with stand-ins for the model and the probes, for tests of what happens around them.

Run as a program it serves commands, as ``cvadvisor.probe.worker`` does. It needs no torch, so it starts at once. What a
probe does is told by the job's model name: ``overfit=crash`` makes the probe 'overfit' crash.
"""

import dataclasses
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from cvadvisor.facts import Estimate, ModelFacts, ProbeFacts
from cvadvisor.probe import worker
from cvadvisor.probe.declaration import Cost, Measured, NotChecked, Probe
from cvadvisor.probe.session import Session

PROGRAM = (str(Path(__file__).resolve()),)
COST = Cost(least_s=0.2, most_s=0.5)


@dataclasses.dataclass
class Odd:
    """What no probe may give."""

    value: float


def smallest(model: Any, **changes: Any) -> Any:
    """The smallest instance of a facts model: every field that has to be known has some value."""
    hints = get_type_hints(model)
    needed = [field for field in dataclasses.fields(model) if model.__pydantic_fields__[field.name].is_required()]
    return model(**{**{field.name: _value(hints[field.name]) for field in needed}, **changes})


def _value(kind: Any) -> Any:
    if kind is Estimate:
        return Estimate(value=0.5, low=0.4, high=0.6, n=10)
    if get_origin(kind) is tuple:
        return tuple(_value(item) for item in get_args(kind) if item is not ...)
    if dataclasses.is_dataclass(kind):
        return smallest(kind)
    return {bool: True, int: 1, float: 0.5, str: "some"}[kind]


def load(session: Session) -> ModelFacts:
    act(session, "model")
    session.job.device = "cpu"
    return smallest(ModelFacts, name="fake")


def act(session: Session, name: str) -> None:
    """Do what the job's model name tells the probe ``name`` to do."""
    told = dict(part.split("=") for part in session.job.model.split(",") if "=" in part)
    before = Path(session.job.root, f"{name}-ran-before")
    match told.get(name):
        case "crash":
            os._exit(7)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crash again" if before.exists():
            os._exit(7)
        case "crash again":
            before.touch()
        case "hang":
            time.sleep(1e6)
        case "overrun":
            while True:
                session.tick(1, 2)
                time.sleep(0.01)
        case "slow":
            time.sleep(1.2)
        case "exit":
            sys.exit("no")
        case "raise":
            raise ValueError("bad shape")
        case "memory":
            raise MemoryError
        case "not here":
            raise NotChecked("it says nothing here", "--weights default")
        case "print":
            for _ in range(20_000):
                print('{"event": "done", "id": 1, "facts": {}}')
                print("noise", file=sys.stderr)
        case "read":
            assert sys.stdin.read() == ""


def _run(name: str) -> Any:
    def run(session: Session) -> Measured:
        act(session, name)
        if name == "features":
            session.features = {"x": None}  # type: ignore[dict-item]
        if name == "lr" and not session.features:
            raise NotChecked("there are no features")
        if session.job.model == f"{name}=nan":
            return Measured(Odd(float("nan")))
        if session.job.model == f"{name}=odd":
            return Measured(Odd(1.0))
        return Measured(smallest(get_args(get_type_hints(ProbeFacts)[name])[0]))

    return run


def _cost(session: Session) -> Cost:
    return COST


def _probe(name: str, *needs: str) -> Probe:
    return Probe(name, f"Fake {name}: a probe", f"probe.{name}", _run(name), _cost, needs)


PROBES = (_probe("features"), _probe("overfit"), _probe("lr", "features"))

if __name__ == "__main__":
    worker.check_name = lambda name: None
    worker.main(PROBES, load)
