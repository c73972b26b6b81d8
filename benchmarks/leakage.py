"""Who finds leaks between training and validation, and at what cost: copies are planted, then everybody looks.

    python benchmarks/leakage.py --quick                              # drawn images and no peers: does it work?
    python benchmarks/leakage.py PHOTOS --make-peers /tmp/peers --pairs /tmp/pairs
    python benchmarks/leakage.py PHOTOS --sheet /tmp/sheet.png        # only look at what is planted
    python benchmarks/leakage.py CIFAR --pairs-list CIFAR_duplicates.csv --only cvadvisor    # a published list

PHOTOS holds class folders, below train/ and validation/ or not. Prints Markdown. See README.md beside this file.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import scan
from leakage_peers import OURS, PEERS, Pair, Result, contestants
from planting import TRAIN, VALIDATION, Dataset, link_dataset, plant, read_pairs
from side_by_side import contact_sheet, write_pairs
from transforms import TRANSFORMS

GROUPS = {"ten": "the ten", "harder": "the harder", "combined": "the combinations"}
SHOWN_PAIRS = 40
SHOWN_PAIRS_OF_PEERS = 5
QUICK_SOURCES = 5


@dataclass
class Score:
    """How right a contestant's pairs are."""

    recall: dict[str, float] = field(default_factory=dict)
    """Share of the copies of each kind that are paired with their source."""
    crossed: float = 0.0
    """The same of all copies under another class than their source."""
    unplanted: list[Pair] = field(default_factory=list)
    """Pairs whose validation image was there before, and is not known to be the same."""
    others: list[Pair] = field(default_factory=list)
    """Pairs of a planted copy with an image that is not its source, nor known to be the same as its source."""


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="leakage-") as scratch:
        source = drawn(Path(scratch) / "drawn") if options.quick else options.source
        dataset = link_dataset(source, Path(scratch) / "images", options.seed)
        if options.sheet:
            sources = random.Random(options.seed).sample(dataset.train, min(8, len(dataset.train)))
            contact_sheet([dataset.folder / path for path in sources], TRANSFORMS, options.sheet)
            return
        for known in options.known:
            for a, b in read_pairs(known, dataset.names):
                dataset.sameness.join(a, b)
        listed = read_pairs(options.pairs_list, dataset.names) if options.pairs_list else []
        if not options.pairs_list:
            plant(dataset, TRANSFORMS, QUICK_SOURCES if options.quick else options.sources, options.seed)
        print(describe(dataset) + "\n", flush=True)
        (Path(scratch) / "runs").mkdir()
        chosen = {OURS} if options.quick else set(options.only.split(",")) if options.only else None
        results = list(contestants(dataset.folder, Path(scratch) / "runs", options.peers, options.fastdup, chosen))
        if options.pairs_list:
            wrong = report_listed(results, dataset, listed)
        else:
            scores = [score(result.found, dataset) for result in results]
            report(results, scores, dataset)
            wrong = [one.unplanted + one.others for one in scores]
        for result, pairs in zip(results, wrong, strict=True):
            show(result, pairs, dataset, options.pairs)
        if any(result.cost.name == OURS and result.cost.absent for result in results):
            raise SystemExit(1)
        if options.quick and (scores[0].recall["exact"] < 1 or wrong[0]):
            raise SystemExit("An exact copy was not found, or a pair is wrong.")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, nargs="?", help="the dataset: class folders, or train/ and validation/")
    parser.add_argument("--sources", type=int, default=300, help="how many training images are copied each way")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", type=Path, help="Python of an environment with " + ", ".join(scan.PEERS))
    parser.add_argument("--make-peers", type=Path, help="make that environment in this folder first")
    parser.add_argument("--fastdup", type=Path, help="Python of an environment with fastdup: run without a network")
    parser.add_argument("--only", help=f"who runs, separated by commas: {', '.join([OURS, *PEERS])}")
    parser.add_argument(
        "--known", type=Path, action="append", default=[], help="CSV path_a,path_b: a person saw that they are the same"
    )
    parser.add_argument(
        "--pairs-list", type=Path, help="CSV path_a,path_b of true leaks: plant nothing, and look for these"
    )
    parser.add_argument("--pairs", type=Path, help="folder for pictures of the pairs that are not expected")
    parser.add_argument("--sheet", type=Path, help="write a PNG of what each transform does, and stop")
    parser.add_argument("--scratch", type=Path, help="folder for the images; hard links need the source's file system")
    parser.add_argument("--quick", action="store_true", help="drawn images and no peers, to see that it works")
    options = parser.parse_args()
    if (options.source is None) != options.quick:
        parser.error("give either a dataset or --quick")
    if options.make_peers:
        options.peers = scan.make_peers(options.make_peers)
    unknown = set(options.only.split(",") if options.only else ()) - {OURS, *PEERS}
    if unknown:
        parser.error(f"--only knows {', '.join([OURS, *PEERS])}, not {', '.join(sorted(unknown))}")
    return options


def drawn(folder: Path) -> Path:
    """200 pictures in five class folders."""
    rng = random.Random(0)
    for number in range(200):
        path = folder / f"class_{number % 5}" / f"{number:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        scan.drawn(rng).resize((200, 266)).save(path, quality=85)
    return folder


def describe(dataset: Dataset) -> str:
    kinds = len({copy.transform for copy in dataset.planted})
    fewest = min((sum(copy.transform == kind.name for copy in dataset.planted) for kind in TRANSFORMS), default=0)
    planted = f", {len(dataset.planted):,} copies planted ({kinds} kinds, {fewest} or more each)" if kinds else ""
    return (
        f"{len(dataset.train):,} training and {len(dataset.validation):,} validation images{planted}; "
        f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"
    )


def score(found: set[Pair], dataset: Dataset) -> Score:
    """Judge ``found`` by what was planted and by what is known to be the same."""
    same = dataset.sameness.image
    planted = {copy.path: copy for copy in dataset.planted}
    hit: set[str] = set()
    result = Score()
    for train, validation in sorted(found):
        copy = planted.get(validation)
        if same(train) == same(copy.source if copy else validation):
            hit.add(validation)
        else:
            (result.others if copy else result.unplanted).append((train, validation))
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for copy in dataset.planted:
        by_kind[copy.transform].append(copy.path in hit)
    result.recall = {kind: mean(hits) for kind, hits in by_kind.items()}
    result.crossed = mean([copy.path in hit for copy in dataset.planted if copy.crossed])
    return result


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def report(results: Sequence[Result], scores: Sequence[Score], dataset: Dataset) -> None:
    """The table of what was planted: recall, what is wrong, and what it cost."""
    head(results)
    for group, name in GROUPS.items():
        kinds = [transform.name for transform in TRANSFORMS if transform.group == group]
        for kind in kinds:
            row(kind, results, [share(one.recall[kind]) for one in scores])
        means = [mean([one.recall[kind] for kind in kinds]) for one in scores]
        row(f"**mean of {name}**", results, [f"**{share(value)}**" for value in means])
    for transform in TRANSFORMS:
        if transform.group == "beside":
            row(f"beside: {transform.name}", results, [share(one.recall[transform.name]) for one in scores])
    row("all copies under another class", results, [share(one.crossed) for one in scores])
    row(
        f"wrong: of {len(dataset.validation):,} unplanted images, paired",
        results,
        [f"{len({validation for _, validation in one.unplanted}):,}" for one in scores],
    )
    row(
        f"wrong: of {len(dataset.planted):,} copies, paired with another image",
        results,
        [f"{len({validation for _, validation in one.others}):,}" for one in scores],
    )
    costs(results, dataset)


def report_listed(results: Sequence[Result], dataset: Dataset, pairs: Sequence[Pair]) -> list[list[Pair]]:
    """The table of a published list; returns what each contestant found beyond it."""
    both_ways = {*pairs, *((b, a) for a, b in pairs)}
    listed = {(a, b) for a, b in both_ways if a.startswith(f"{TRAIN}/") and b.startswith(f"{VALIDATION}/")}
    images = {validation for _, validation in listed}
    extra = [
        sorted(pair for pair in result.found - listed if len({dataset.sameness.image(path) for path in pair}) > 1)
        for result in results
    ]
    head(results)
    hits = [share_of(result.found & listed, listed) for result in results]
    row(f"listed pairs found, of {len(listed):,}", results, hits)
    found = [{validation for _, validation in result.found & listed} for result in results]
    row(f"validation images in them, of {len(images):,}", results, [share_of(one, images) for one in found])
    row("pairs beyond the list", results, [f"{len(pairs):,}" for pairs in extra])
    beyond = [{validation for _, validation in pairs} - images for pairs in extra]
    row("validation images beyond the list", results, [f"{len(one):,}" for one in beyond])
    costs(results, dataset)
    return extra


def head(results: Sequence[Result]) -> None:
    print("| | " + " | ".join(result.cost.name for result in results) + " |")
    print("|---" * (len(results) + 1) + "|")


def row(name: str, results: Sequence[Result], cells: Sequence[str]) -> None:
    """One line; a contestant that failed has no figures."""
    shown = ("–" if result.cost.absent else cell for result, cell in zip(results, cells, strict=True))
    print(f"| {name} | " + " | ".join(shown) + " |")


def costs(results: Sequence[Result], dataset: Dataset) -> None:
    row("CPU ms an image", results, [f"{result.cost.cpu_s / dataset.images * 1000:.3f}" for result in results])
    row("wall s", results, [f"{result.cost.wall_s:.1f}" for result in results])
    row("peak MB", results, [f"{result.cost.peak_bytes / 1e6:.0f}" for result in results])


def share(value: float) -> str:
    """Three digits and no zero before the point; 1 and 0 only for all and none."""
    if value in (0, 1):
        return str(int(value))
    return f"{min(0.999, max(0.001, value)):.3f}".removeprefix("0")


def share_of(part: Collection[object], whole: Collection[object]) -> str:
    return f"{len(part):,} ({share(len(part) / len(whole))})" if whole else "0"


def show(result: Result, pairs: Sequence[Pair], dataset: Dataset, folder: Path | None) -> None:
    """Name the pairs that nobody expected, so that a person can look at each before it is called wrong."""
    if result.cost.absent:
        print(f"\n{result.cost.name}: {result.cost.absent}")
        return
    copies = {copy.path: copy for copy in dataset.planted}
    if pairs:
        most = SHOWN_PAIRS if result.cost.name == OURS else SHOWN_PAIRS_OF_PEERS
        print(f"\n{result.cost.name}: {len(pairs):,} pairs that are not expected; the first {min(most, len(pairs))}:\n")
        for train, validation in pairs[:most]:
            copy = copies.get(validation)
            origin = f" ({copy.transform} of `{copy.source}`)" if copy else ""
            print(f"- `{train}` `{validation}`{origin}".encode(errors="replace").decode())
    if folder:
        original = {place: path for path, place in dataset.names.items()}
        rows = [
            (original[train], original[copies[image].source if image in copies else image], train, image)
            for train, image in pairs
        ]
        write_pairs(dataset.folder, rows, folder / result.cost.name.split(",")[0].replace(" ", "-"))


if __name__ == "__main__":
    main()
