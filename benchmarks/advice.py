"""How good the advice is: the generated script against a sweep of learning rates, peers' picks, and what came true.

    python benchmarks/advice.py --quick                                  # 60 digits, no peers: does it work?
    python benchmarks/advice.py sweep picks --data digits PHOTOS --groups SENDERS.csv --scratch S --make-peers P
    python benchmarks/advice.py strategies predictions --data digits PHOTOS --scratch S --peers P/bin/python

Prints Markdown. Everything is kept in --scratch and done once: an interrupted benchmark goes on. See README.md beside
this file.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import fmean

import advice_predictions as predictions
import advice_regret as regret
from advice_data import Dataset, make
from advice_peers import FIXED, PEERS, PICKERS, STRATEGIES, asked, make_peers
from advice_raced import raced
from advice_regret import Regret
from advice_runs import Audit, Plan, Result, Run, audited, constants, results_of, threads_of
from advice_tables import bold, number, points, rates_of, row, share, spread, table

PARTS = ("sweep", "picks", "strategies", "predictions")
BATCH_IMAGES = 32
"""Images a step of the recipe for these datasets; epochs are chosen by it, and the steps that were done are printed."""
LOWEST_RATE, RATE_FACTOR = 6.25e-5, 2.0
FLIPPED = (0.0, 0.05, 0.1, 0.2)
OURS = "cvadvisor, `train.py` as generated"


@dataclass
class Cell:
    """A dataset at a length of training, and what the script did there."""

    dataset: Dataset
    audits: list[Audit]
    """One for each audit seed; the first one's script is swept."""
    swept: dict[float, dict[int, Result]]
    own: list[dict[int, Result]]
    """By audit and seed: the runs as generated."""

    @property
    def grid(self) -> dict[float, dict[int, float]]:
        """Accuracy on test by rate and seed."""
        return {
            rate: {seed: accuracy(run, self.dataset) for seed, run in of.items()} for rate, of in self.swept.items()
        }

    @property
    def ours(self) -> dict[int, float]:
        """Accuracy by seed, the mean over audits."""
        return {seed: fmean(accuracy(of[seed], self.dataset) for of in self.own) for seed in self.own[0]}

    @property
    def runs(self) -> list[Result]:
        """All of them."""
        return [run for of in (*self.swept.values(), *self.own) for run in of.values()]

    @property
    def title(self) -> str:
        """The dataset, and the steps that were done, which early stopping may have cut."""
        steps = {run["steps"] for run in self.runs if "steps" in run}
        return f"{self.dataset.name}, {max(steps, default=0)} steps"


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="advice-") as temporary:
        scratch = options.scratch or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        datasets = [dataset_of(source, options, scratch) for source in options.data]
        machine(datasets, options)
        cells: list[Cell] = []
        if {"sweep", "picks", "strategies"} & set(options.parts):
            cells = [cell(data, steps, options, scratch) for data in datasets for steps in options.steps]
        if "sweep" in options.parts:
            sweep(cells, options)
        if "picks" in options.parts:
            picks(cells, options, scratch)
        if "strategies" in options.parts:
            strategies(cells, options, scratch)
        if "predictions" in options.parts:
            predict(datasets, options, scratch)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"any of {', '.join(PARTS)}; all of them where none is given")
    parser.add_argument(
        "--data", nargs="+", default=["digits"], help="'digits', or folders with train, validation, test"
    )
    parser.add_argument(
        "--groups", type=Path, help="CSV of who sent each image of the folders: no sender in two splits"
    )
    parser.add_argument("--train", type=int, default=500, help="training images")
    parser.add_argument("--validation", type=int, default=300, help="validation images")
    parser.add_argument("--classes", type=int, help="the first so many classes only")
    parser.add_argument("--model", default="tf_efficientnet_lite0")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--steps", type=int, nargs="+", default=[60, 200, 1_000], help="lengths of training, about")
    parser.add_argument("--rates", type=int, default=9, help="points of the sweep")
    parser.add_argument("--lowest", type=float, default=LOWEST_RATE, help="its lowest rate")
    parser.add_argument("--factor", type=float, default=RATE_FACTOR, help="from one rate to the next")
    parser.add_argument("--seeds", type=int, default=3, help="runs at each rate")
    parser.add_argument("--audits", type=int, default=1, help="audits, each with a seed of its own")
    parser.add_argument("--budget", default="10m", help="time that an audit's probes may take")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time; they share the cores")
    parser.add_argument("--scratch", type=Path, help="folder that keeps data, audits and results")
    parser.add_argument("--peers", type=Path, help="Python of an environment with " + ", ".join(PEERS))
    parser.add_argument("--make-peers", type=Path, help="make that environment in this folder first")
    parser.add_argument("--quick", action="store_true", help="60 digits of three classes, three rates, no peers")
    options = parser.parse_args()
    if wrong := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(wrong))}: the parts are {', '.join(PARTS)}")
    options.parts = options.parts or list(PARTS)
    if options.make_peers:
        options.peers = make_peers(options.make_peers)
    if options.quick:
        options.data, options.classes, options.train, options.validation = ["digits"], 3, 60, 45
        options.image_size, options.steps, options.seeds, options.budget = 32, [2], 1, "30s"
        options.rates, options.lowest, options.factor = 3, 2e-4, 5.0
        options.peers = None
    return options


def dataset_of(source: str, options: argparse.Namespace, scratch: Path) -> Dataset:
    groups = None if source == "digits" else options.groups
    sizes = f"{options.train}-{options.validation}-{options.classes or 'all'}"
    folder = scratch / "data" / f"{Path(source).name}-{sizes}{'-senders' if groups else ''}"
    return make(
        source,
        folder,
        train=options.train,
        validation=options.validation,
        classes=options.classes,
        seed=0,
        groups=groups,
    )


def machine(datasets: Sequence[Dataset], options: argparse.Namespace) -> None:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "timm"))
    cores = len(os.sched_getaffinity(0))
    print(
        f"{options.model}, weights {options.weights}, {options.image_size} px; {options.seeds} seeds, {options.audits} "
        f"audits; {cores} cores, load {os.getloadavg()[0]:.1f}, device {options.device}, Python "
        f"{platform.python_version()}, {versions}; {options.jobs} runs at a time, {threads_of(options.jobs)} threads "
        "each\n"
    )
    for data in datasets:
        error = regret.share_error(0.7, data.test)
        print(
            f"- {data.name}: {data.train} training, {data.validation} validation and {data.test} test images, "
            f"{data.classes} classes; an accuracy of .7 on test has a standard error of {100 * error:.1f} points"
        )
    print()


def plan_of(dataset: Dataset, steps: int, options: argparse.Namespace, seed: int = 0) -> Plan:
    epochs = max(1, round(steps / (dataset.train // BATCH_IMAGES)))
    return Plan(options.model, options.weights, options.image_size, epochs, options.budget, options.device, seed)


def cell(dataset: Dataset, steps: int, options: argparse.Namespace, scratch: Path) -> Cell:
    """Audit, sweep, and run as generated; whatever was done before is read."""
    audits = [audited(dataset, plan_of(dataset, steps, options, seed), scratch) for seed in range(options.audits)]
    seeds = range(options.seeds)
    rates = regret.grid(options.lowest, options.rates, options.factor)

    def runs(audit: Audit, rate: float | None) -> list[Run]:
        return [Run(audit.script, rate, seed, options.device) for seed in seeds]

    def made(audit: Audit, wanted: list[Run]) -> list[Result]:
        return results_of(wanted, audit, scratch / "results.jsonl", options.jobs)

    # What the first script does is asked for at once, so that its workers need not start twice.
    first = made(audits[0], [run for rate in (None, *rates) for run in runs(audits[0], rate)])
    rest = [result for audit in audits[1:] for result in made(audit, runs(audit, None))]
    grouped = [dict(zip(seeds, of, strict=True)) for of in batched([*first, *rest], options.seeds)]
    swept = dict(zip(rates, grouped[1 : 1 + len(rates)], strict=True))
    return Cell(dataset, audits, swept, [grouped[0], *grouped[1 + len(rates) :]])


def batched(results: Sequence[Result], size: int) -> Iterator[Sequence[Result]]:
    """``results`` in groups of ``size``."""
    return (results[start : start + size] for start in range(0, len(results), size))


def accuracy(run: Result, dataset: Dataset) -> float:
    """Accuracy on test; that of chance where the run ended without a model."""
    return float(run.get("accuracy", dataset.chance))


def sweep(cells: Sequence[Cell], options: argparse.Namespace) -> None:
    """Accuracy at every rate, ours, and what either cost."""
    print("## The generated script at other rates: accuracy on test\n")
    table("learning rate", [one.title for one in cells])
    for rate in cells[0].grid:
        row(
            f"{rate:.3g}",
            [bold(f"{regret.means(one.grid)[rate]:.3f}", regret.best_rate(one.grid) == rate) for one in cells],
        )
    row(OURS, [f"{fmean(one.ours.values()):.3f}" for one in cells])
    row("its rate", [rates_of([constants(audit.script)["LEARNING_RATE"] for audit in one.audits]) for one in cells])
    row("its regret, points", [points(regret.of_runs(one.grid, one.ours)) for one in cells])
    row("strategy", [", ".join(sorted({constants(audit.script)["STRATEGY"] for audit in one.audits})) for one in cells])
    row("rate probe over the sweep, core seconds", [share(seconds_share(one, options.jobs)) for one in cells])
    row("rate probe over the sweep, steps", [share(steps_share(one)) for one in cells])
    row("all probes, s", [f"{fmean(audit.probe_seconds for audit in one.audits):.0f}" for one in cells])
    row("an audit's rate probe, s", [number(one.audits[0].seconds("lr")) for one in cells])
    print("\nThe sweep's cost is that of one run at each rate.")
    for one in cells:
        if regret.on_edge(one.grid):
            print(f"\n**{one.title}: the best rate is the sweep's lowest or highest; extend it.**")
        troubles = sorted({run["trouble"] for run in one.runs if "trouble" in run})
        if troubles:
            count = f"{sum('trouble' in run for run in one.runs)} of {len(one.runs)}"
            print(f"\n{one.title}: {count} runs gave no model and count as chance: {'; '.join(troubles)}")
    print()


def sweep_cost(one: Cell, what: str) -> float:
    """'seconds' or 'steps' of a sweep with one seed."""
    runs = [run for of in one.swept.values() for run in of.values() if what in run]
    return fmean(run[what] for run in runs) * len(one.swept) if runs else 0.0


def seconds_share(one: Cell, jobs: int) -> float | None:
    """Core seconds of the rate probe, which has every core, over those of the sweep, whose runs share them."""
    spent = [audit.seconds("lr") for audit in one.audits]
    known = [seconds for seconds in spent if seconds is not None]
    whole = sweep_cost(one, "seconds") * threads_of(jobs)
    return fmean(known) * threads_of(1) / whole if known and whole else None


def steps_share(one: Cell) -> float | None:
    spent = [audit.fact("probe.lr.steps_total") for audit in one.audits]
    known = [steps for steps in spent if steps is not None]
    whole = sweep_cost(one, "steps")
    return fmean(known) / whole if known and whole else None


def picks(cells: Sequence[Cell], options: argparse.Namespace, scratch: Path) -> None:
    """Everybody's pick and its regret on the sweep."""
    print("## Regret of everybody's learning rate, in points, and the rates\n")
    table("", [*(one.title for one in cells), "mean", "worst"])
    ours = [regret.of_runs(one.grid, one.ours) for one in cells]
    theirs = [[constants(audit.script)["LEARNING_RATE"] for audit in one.audits] for one in cells]
    regrets_row(OURS, ours, theirs)
    for name, rate in FIXED.items():
        regrets_row(name, [regret.of_picks(one.grid, [rate]) for one in cells], [[rate]] * len(cells))
    for who, names in PICKERS.items() if options.peers else ():
        answers = [by_seed(who, one, options, scratch) for one in cells]
        for name in names:
            picked = [[answer["picks"][name] for answer in of if name in answer.get("picks", {})] for of in answers]
            pairs = zip(cells, picked, strict=True)
            found = [regret.of_picks(one.grid, rates) if rates else None for one, rates in pairs]
            regrets_row(f"{who}, {name}", found, picked)
    print("\n≥: a rate lies outside of the sweep, and is judged at its edge.\n")


def by_seed(who: str, one: Cell, options: argparse.Namespace, scratch: Path) -> list[Result]:
    """A peer's answers; of those that failed, the reason is printed to standard error."""
    cache, threads = scratch / "peers.jsonl", threads_of(options.jobs)
    found = [
        asked(who, seed, one.audits[0], options.peers, cache, options.device, threads) for seed in range(options.seeds)
    ]
    for answer in found:
        if "trouble" in answer:
            print(f"{who}, seed {answer['seed']}: {answer['trouble']}", file=sys.stderr)
    return found


def regrets_row(name: str, found: Sequence[Regret | None], rates: Sequence[Sequence[float]]) -> None:
    cells = [
        f"{points(one)} ({rates_of(of)})" if one else "no pick" for one, of in zip(found, rates, strict=True)
    ]  # fmt: skip
    known = [one for one in found if one]
    summary = [points(one) for one in regret.together(known)] if known else ["–", "–"]
    row(name, [*cells, *summary])


def strategies(cells: Sequence[Cell], options: argparse.Namespace, scratch: Path) -> None:
    """Test accuracy of whole strategies with as many training steps: the raced ones, and peers'."""
    print("## Whole strategies, as many training steps: accuracy on test\n")
    table("", [one.title for one in cells])
    row(OURS, [spread(list(one.ours.values())) for one in cells])
    full = [in_full(one, options, scratch) for one in cells]
    for name in dict.fromkeys(name for of in full for name in of):
        row(f"raced: {name}", [spread(list(of[name].values())) if name in of else "–" for of in full])
    row("what the race recommends", [str(one.audits[0].fact("probe.race.recommended") or "no race") for one in cells])
    behind = [regret.of_runs(of, one.ours) if of else None for of, one in zip(full, cells, strict=True)]
    row("ours behind the best of the raced, points", [points(one) if one else "–" for one in behind])
    row("within two standard errors of it", [within_noise(one) for one in behind])
    logistic: dict[str, float] = {}
    for one in cells:
        if one.dataset.digest not in logistic:
            logistic[one.dataset.digest] = predictions.head_on_test(one.audits[0], options.device)
    row("logistic regression on frozen features (no steps)", [f"{logistic[one.dataset.digest]:.3f}" for one in cells])
    for who, title in STRATEGIES.items() if options.peers else ():
        answers = [by_seed(who, one, options, scratch) for one in cells]
        row(title, [spread([answer["accuracy"] for answer in of if "accuracy" in answer]) for of in answers])
    print("\nThe steps of a search for the rate come on top, for us and for peers.\n")


def within_noise(one: Regret | None) -> str:
    if one is None or one.error is None:
        return "–"
    return "yes" if one.value <= 2 * one.error else "**no**"


def in_full(one: Cell, options: argparse.Namespace, scratch: Path) -> dict[str, dict[int, float]]:
    """Accuracy on test by raced strategy and seed, each trained in full."""
    seeds = range(options.seeds)
    runs = raced(one.audits[0], seeds, options.device, scratch / "results.jsonl", options.jobs)
    return {name: {seed: accuracy(run, one.dataset) for seed, run in of.items()} for name, of in runs.items()}


def predict(datasets: Sequence[Dataset], options: argparse.Namespace, scratch: Path) -> None:
    """What the audit of the shortest training predicted, and what came true."""
    print("## Predictions\n")
    table("", ["predicted", "95 %", "came true", "holds"])
    for data in datasets:
        plan = plan_of(data, min(options.steps), options)
        audit = audited(data, plan, scratch)
        found = list(predictions.head(audit, options.device))
        if not options.quick:  # more audits, and a run that has every core
            found += predictions.epoch_time(audit, scratch / "results.jsonl", options.device)
            found += predictions.noise(data, plan, scratch, list(FLIPPED), options.seeds)
            found += predictions.scaling(audit, plan, scratch)
        for one in found:
            said = one.said or {}
            form: Callable[[float], str] = (lambda value: f"{value:.2f} s") if one.unit == "s" else "{:.3f}".format
            interval = f"{form(said['low'])} … {form(said['high'])}" if said else "–"
            holds = "–" if one.holds is None else "yes" if one.holds else "**no**"
            row(
                f"{data.name}: {one.what}",
                [form(said["value"]) if said else "not in the audit", interval, form(one.true), holds],
            )
    print(
        f"\nHolds: the head within {predictions.ERRORS_WITHIN:g} standard errors (of both figures), an epoch within "
        f"{predictions.TIME_WITHIN:.0%}, wrong labels within {100 * predictions.NOISE_WITHIN:g} points, more data "
        "within the interval.\n"
    )


if __name__ == "__main__":
    main()
