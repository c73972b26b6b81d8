"""Who diagnoses training logs right: real logs with an engineer's verdicts, planted faults, and what it costs.

    python benchmarks/lint.py planted --quick                    # a few faults, one seed, no peers: does it work?
    python benchmarks/lint.py real LOGS --make-peers /tmp/peers  # LOGS holds labels.json
    python benchmarks/lint.py planted --seeds 5 --keep /tmp/planted --peers /tmp/peers/bin/python
    python benchmarks/lint.py speed --peers /tmp/peers/bin/python

Prints Markdown. See README.md beside this file.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import scan
from leakage import share
from lint_peers import OURS, PEERS, Answer, ask_ours, ask_peer, make_peers, ours_command, peer_command, trainer_state

QUICK = {"lr-zero", "validation-equals-training", "two-runs-in-a-file", "cosine-sgd", "step-decay"}
LONG_ROWS = 1_000_000
SHORT_ROWS = 90
Answers = Mapping[str, Mapping[str, Answer]]
"""Of each contestant, its answer to each log."""


@dataclass
class Verdict:
    """What a careful engineer says of a log."""

    healthy: bool
    must: frozenset[str] = frozenset()
    any_of: tuple[frozenset[str], ...] = ()
    allowed: frozenset[str] = frozenset()
    """Neither missed nor false."""


@dataclass
class Marks:
    """How right an answer with our names is."""

    missed: list[str] = field(default_factory=list)
    """Names, or groups joined with '|', that were not found."""
    false: list[str] = field(default_factory=list)
    """Names at warning or above that nobody asked for."""


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="lint-") as scratch:
        if options.what == "real":
            real(options, Path(scratch))
        elif options.what == "planted":
            planted(options, Path(scratch))
        else:
            speed(options, Path(scratch))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="what", required=True)
    on_real = parts.add_parser("real", help="logs that people have labelled")
    on_real.add_argument("logs", type=Path, help="folder with the logs and labels.json")
    on_planted = parts.add_parser("planted", help="small networks with planted faults, trained here")
    on_planted.add_argument("--seeds", type=int, default=5)
    on_planted.add_argument("--first-seed", type=int, default=0)
    on_planted.add_argument("--keep", type=Path, help="folder for the logs; those that are there are not trained again")
    on_planted.add_argument("--quick", action="store_true", help="five cases, one seed, no peers")
    on_speed = parts.add_parser("speed", help="a million rows, 90 rows, and --help")
    on_speed.add_argument("--repeat", type=int, default=3, help="run ours so often, and keep the best")
    for part in (on_real, on_planted, on_speed):
        part.add_argument("--peers", type=Path, help="Python of an environment with " + ", ".join(PEERS))
        part.add_argument("--make-peers", type=Path, help="make that environment in this folder first")
    for part in (on_real, on_planted):
        part.add_argument("--ours-json", type=Path, help="judge this saved answer instead of running cvadvisor lint")
    options = parser.parse_args()
    if options.make_peers:
        options.peers = make_peers(options.make_peers)
    if options.what == "planted" and options.quick:
        options.seeds, options.peers = 1, None
    return options


def ask_all(
    options: argparse.Namespace, folder: Path, names: Sequence[str], scratch: Path
) -> dict[str, dict[str, Answer]]:
    answers = {OURS: ask_ours(folder, names, options.ours_json)}
    for peer in PEERS if options.peers else ():
        answers[peer] = ask_peer(peer, options.peers, folder, names, scratch)
    return answers


def real(options: argparse.Namespace, scratch: Path) -> None:
    verdicts = read_verdicts(options.logs / "labels.json")
    answers = ask_all(options, options.logs, sorted(verdicts), scratch)
    marks = {name: mark(answers[OURS][name], verdict) for name, verdict in verdicts.items()}
    musts = sum(len(verdict.must) for verdict in verdicts.values())
    groups = sum(len(verdict.any_of) for verdict in verdicts.values())
    missed = [name for one in marks.values() for name in one.missed]
    missed_groups = sum("|" in name for name in missed)
    print(f"{len(verdicts)} logs, {sum(one.healthy for one in verdicts.values())} of them healthy\n")
    head(answers)
    by_format = [Path(name).parts[0] for name in verdicts]
    row("files read", [f"{sum(one.read for one in said.values())} of {len(said)}" for said in answers.values()])
    for kind in sorted(set(by_format)):
        inside = [name for name in verdicts if Path(name).parts[0] == kind]
        row(f"… {kind}", [f"{sum(said[name].read for name in inside)} of {len(inside)}" for said in answers.values()])
    for healthy, title in ((False, "faulty logs with an alarm"), (True, "healthy logs with an alarm")):
        chosen = [name for name, one in verdicts.items() if one.healthy == healthy]
        row(
            title, [share_of(sum(bool(said[name].alarms) for name in chosen), len(chosen)) for said in answers.values()]
        )
    nobody = ["–"] * (len(answers) - 1)
    row("`must` found", [share_of(musts - len(missed) + missed_groups, musts), *nobody])
    row("`any_of` groups found", [share_of(groups - missed_groups, groups), *nobody])
    row("alarms that no label allows", [str(sum(len(one.false) for one in marks.values())), *nobody])
    print()
    for name, one in sorted(marks.items()):
        answer = answers[OURS][name]
        if not answer.read:
            print(f"- `{name}` not read: {answer.why or 'it is not in the answer'}")
        if one.missed:
            print(f"- `{name}` missed {', '.join(map(with_place(answer), one.missed))}")
        if one.false:
            print(f"- `{name}` false {', '.join(one.false)}")


def read_verdicts(labels: Path) -> dict[str, Verdict]:
    """The verdicts of ``labels.json``, by path."""
    return {name: verdict(entry) for name, entry in json.loads(labels.read_text()).items()}


def verdict(entry: Mapping[str, Any]) -> Verdict:
    must, groups = frozenset(entry["must"]), tuple(frozenset(group) for group in entry.get("any_of", ()))
    return Verdict(entry["healthy"], must, groups, must.union(entry["may"], entry["info"], *groups))


def mark(answer: Answer, verdict: Verdict) -> Marks:
    """Judge an answer; a finding counts as found whatever its severity, and as false from warning on."""
    names = answer.found.keys()
    missed = [*sorted(verdict.must - names), *("|".join(sorted(one)) for one in verdict.any_of if not one & names)]
    return Marks(missed, sorted(answer.alarms - verdict.allowed))


def with_place(answer: Answer) -> Any:
    """Says of a missed name, or of a group, which of it is folded under another finding."""

    def say(missed: str) -> str:
        folded = answer.folded.intersection(missed.split("|"))
        return missed + (f" (folded: {', '.join(sorted(folded))})" if folded else "")

    return say


def planted(options: argparse.Namespace, scratch: Path) -> None:
    from lint_faults import FAULTS, HEALTHY, INVISIBLE, write_log

    folder = options.keep or scratch / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    cases = [case for case in (*FAULTS, *INVISIBLE, *HEALTHY) if not options.quick or case.name in QUICK]
    logs: dict[str, Any] = {}
    for case in cases:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            path = folder / f"{case.kind}_{case.name}__{seed}.csv"
            logs[path.name] = case
            if not path.is_file():
                write_log(case, seed, folder)
    answers = ask_all(options, folder, sorted(logs), scratch)
    verdicts = {name: verdict_on(case) for name, case in logs.items()}
    marks = {name: mark(answers[OURS][name], verdicts[name]) for name in logs}
    report_planted(cases, logs, answers, marks)
    report_rules(verdicts, answers[OURS])
    if options.quick and any(one.missed or one.false for one in marks.values()):
        raise SystemExit("A fault was missed, or an alarm is false.")


def verdict_on(case: Any) -> Verdict:
    """Any right rule will do; what else is right is allowed."""
    return Verdict(not case.found, any_of=(case.found,) if case.found else (), allowed=case.found | case.may)


def report_planted(cases: Sequence[Any], logs: Mapping[str, Any], answers: Answers, marks: Mapping[str, Marks]) -> None:
    """A table of the faults and one of the healthy runs, then what was missed and what is false."""
    runs = {case.name: [name for name, one in logs.items() if one is case] for case in cases}
    kinds = {kind: [case for case in cases if case.kind == kind] for kind in ("fault", "invisible", "healthy")}

    def alarms(kind: str) -> list[str]:
        names = [name for case in kinds[kind] for name in runs[case.name]]
        return [share_of(sum(bool(said[name].alarms) for name in names), len(names)) for said in answers.values()]

    print("| fault | right rule | false alarms | " + " | ".join(f"{name}: any alarm" for name in answers) + " |")
    print("|---" * (len(answers) + 3) + "|")
    for case in kinds["fault"]:
        names = runs[case.name]
        hits = sum(not marks[name].missed for name in names)
        said = [str(sum(bool(one[name].alarms) for name in names)) for one in answers.values()]
        row(f"{case.name} ({len(names)})", [str(hits), str(sum(len(marks[name].false) for name in names)), *said])
    faults = [name for case in kinds["fault"] for name in runs[case.name]]
    right = share_of(sum(not marks[name].missed for name in faults), len(faults))
    row("**all faults**", [f"**{right}**", str(sum(len(marks[name].false) for name in faults)), *alarms("fault")])
    for case in kinds["invisible"]:
        names = runs[case.name]
        said = [str(sum(bool(one[name].alarms) for name in names)) for one in answers.values()]
        row(f"no log can show: {case.name} ({len(names)})", ["–", str(sum(len(marks[n].false) for n in names)), *said])
    print()
    head(answers, "healthy runs with an alarm")
    for case in kinds["healthy"]:
        names = runs[case.name]
        row(f"{case.name} ({len(names)})", [str(sum(bool(said[n].alarms) for n in names)) for said in answers.values()])
    row("**all healthy runs**", [f"**{cell}**" for cell in alarms("healthy")])
    print()
    for name, one in marks.items():
        if one.missed:
            found = ", ".join(sorted(answers[OURS][name].found)) or "nothing"
            print(
                f"- `{name}` missed; said {found}; folded {', '.join(sorted(answers[OURS][name].folded)) or 'nothing'}"
            )
        if one.false:
            print(f"- `{name}` false {', '.join(one.false)}")


def report_rules(verdicts: Mapping[str, Verdict], answers: Mapping[str, Answer]) -> None:
    """Of each rule: on how many runs it is among the right ones, on how many of those it spoke, and falsely."""
    rules = sorted({rule for one in verdicts.values() for group in one.any_of for rule in group}
                   | {rule for one in answers.values() for rule in one.alarms})  # fmt: skip
    print("\n| rule | a right answer on | reported there | only right answer on | reported there | false alarms |")
    print("|---|---|---|---|---|---|")
    for rule in rules:
        right = [name for name, one in verdicts.items() if any(rule in group for group in one.any_of)]
        only = [name for name in right if verdicts[name].any_of == (frozenset({rule}),)]
        false = sum(rule in answers[name].alarms - one.allowed for name, one in verdicts.items())
        told = [str(sum(rule in answers[name].found for name in names)) for names in (right, only)]
        row(rule, [str(len(right)), told[0], str(len(only)), told[1], str(false)])


def speed(options: argparse.Namespace, scratch: Path) -> None:
    """Wall and CPU time, start-up included, and memory of everybody on a long and on a short log."""
    for rows in (LONG_ROWS, SHORT_ROWS):
        log = write_rows(rows, scratch / f"{rows}.csv")
        size = f"{log.stat().st_size / 1e6:.0f} MB" if rows == LONG_ROWS else f"{log.stat().st_size / 1e3:.0f} KB"
        print(f"{rows:,} rows ({size}), {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}, "
              f"Python {sys.version.split()[0]}\n")  # fmt: skip
        costs = [measured(OURS, ours_command([log]), options.repeat)]
        if rows == SHORT_ROWS:
            costs.append(measured(f"{OURS} --help", [sys.executable, "-m", "cvadvisor", "--help"], options.repeat))
        for peer in PEERS if options.peers else ():
            path = trainer_state(log, scratch) if peer == "finetune-doctor" else log
            title = f"{peer} {PEERS[peer].version}" + (" (trainer_state.json)" if path != log else "")
            costs.append(measured(title, peer_command(peer, options.peers, path), options.repeat if rows < 1000 else 1))
        print("| | wall s | CPU s | peak MB |\n|---|---|---|---|")
        for cost in costs:
            # Memory is looked at twenty times a second: too seldom for what is over in a tenth of one.
            peak = f"{cost.peak_bytes / 1e6:.0f}" if cost.wall_s > 1 else "–"
            figures = [f"{cost.wall_s:.2f}", f"{cost.cpu_s:.2f}", peak]
            row(cost.name, ["–"] * 3 if cost.absent else figures)
        print()
        for cost in costs:
            if cost.absent:
                print(f"{cost.name}: {cost.absent}\n")


def measured(name: str, command: Sequence[str], repeat: int) -> scan.Cost:
    """The best of ``repeat`` runs; exit 1, findings, is as good as 0."""
    lenient = ["sh", "-c", '"$@"; [ $? -lt 2 ]', "sh", *command]
    return scan.best(repeat, lambda: scan.run(name, lenient))


def write_rows(rows: int, path: Path) -> Path:
    """A log without a fault: a loss that falls, and the learning rate on a cosine."""
    import numpy as np

    rng, at = np.random.default_rng(0), np.arange(rows) / rows
    loss = 0.2 + 2 * np.exp(-6 * at) + 0.03 * rng.normal(size=rows)
    lr = 0.05 * (1 + np.cos(np.pi * at))
    epochs = np.arange(rows) if rows == SHORT_ROWS else np.floor(100 * at)
    held = 0.25 + 2 * np.exp(-6 * at) + 0.01 * rng.normal(size=rows)
    with path.open("w") as file:
        if rows == SHORT_ROWS:
            file.write("epoch,train_loss,val_loss,lr\n")
            file.writelines(
                f"{epoch},{a:.5f},{b:.5f},{c:.6g}\n" for epoch, a, b, c in zip(epochs, loss, held, lr, strict=True)
            )
        else:
            file.write("step,epoch,train_loss,lr\n")
            file.writelines(
                f"{step},{epoch:.0f},{a:.4f},{c:.6f}\n"
                for step, (epoch, a, c) in enumerate(zip(epochs, loss, lr, strict=True))
            )
    return path


def head(answers: Answers, title: str = "") -> None:
    print(
        f"| {title} | "
        + " | ".join(f"{name} {PEERS[name].version}" if name in PEERS else name for name in answers)
        + " |"
    )
    print("|---" * (len(answers) + 1) + "|")


def row(title: str, cells: Sequence[str]) -> None:
    print(f"| {title} | " + " | ".join(cells) + " |")


def share_of(part: int, whole: int) -> str:
    return f"{part} of {whole} ({share(part / whole)})" if whole else "0"


if __name__ == "__main__":
    main()
