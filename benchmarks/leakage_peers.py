"""Who looks for leaks in benchmarks/leakage.py: how each is run, and which pairs it found."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import scan
from planting import TRAIN, VALIDATION

Pair = tuple[str, str]
"""Paths of a training and of a validation image, relative to the dataset."""

OURS = "cvadvisor"
SAME_IMAGE = {"byte-identical", "same pixels", "same image, transformed"}

# Each writes the pairs that it found, absolute or relative to the dataset, one a line, as CSV: (dataset, scratch, CSV).
_WRITE = """
import csv, os, sys
folder, scratch, out = sys.argv[1:4]
def write(pairs):
    with open(out, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        csv.writer(file).writerows(pairs)
"""
# One representative set can hold many images: only pairs between the splits are written.
_CLEANVISION = """
from cleanvision import Imagelab
if __name__ == "__main__":
    lab = Imagelab(data_path=folder)
    lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, verbose=False)
    def pairs():
        for kind in ("exact_duplicates", "near_duplicates"):
            for found in lab.info[kind]["sets"]:
                held = [os.path.relpath(path, folder).startswith("validation" + os.sep) for path in found]
                yield from ((a, b) for a, x in zip(found, held) if not x for b, y in zip(found, held) if y)
    write(pairs())
"""
# imagededup loads a network's weights from the internet when it is imported; hashing needs none of that.
_IMAGEDEDUP = """
import types
sys.modules["imagededup.methods.cnn"] = types.SimpleNamespace(CNN=None)
from imagededup.methods import PHash
if __name__ == "__main__":
    found = PHash(verbose=False).find_duplicates(image_dir=folder, max_distance_threshold=10, recursive=True)
    write((a, b) for a, others in found.items() for b in others)
"""
# The two splits are its two classes: so it sees every pair between them, within a class and across.
_IMGCHECK = """
from imgcheck.cross_label import check_cross_label_duplicates
if __name__ == "__main__":
    rows = check_cross_label_duplicates(folder, scratch + "/report.xlsx", rotation_invariant={rotation_invariant})
    write((row["_Image A Path"], row["_Image B Path"]) for row in rows)
"""
# Of each image it keeps two neighbours by default, too few where one source has several planted copies.
_FASTDUP = """
os.environ["SENTRY_OPT_OUT"] = "1"
os.chdir(scratch)
import fastdup
if __name__ == "__main__":
    search = fastdup.create(work_dir=scratch + "/work", input_dir=folder)
    search.run(threshold=0.9, overwrite=True, nearest_neighbors_k=20)
    found = search.similarity()
    write(zip(found["filename_from"], found["filename_to"]))
"""
PEERS = {
    "imagededup": (f"imagededup {scan.PEERS['imagededup']}, pHash 10", _IMAGEDEDUP),
    "imgcheck": (f"imgcheck {scan.PEERS['imgcheck']}", _IMGCHECK.format(rotation_invariant=False)),
    "imgcheck-invariant": (
        f"imgcheck {scan.PEERS['imgcheck']}, rotation-invariant",
        _IMGCHECK.format(rotation_invariant=True),
    ),
    "cleanvision": (f"cleanvision {scan.PEERS['cleanvision']}", _CLEANVISION),
    "fastdup": ("fastdup 2.54, similarity .9, 20 neighbours", _FASTDUP),
}


@dataclass
class Result:
    """What a contestant found between the splits, and what that took."""

    cost: scan.Cost
    found: set[Pair] = field(default_factory=set)


def contestants(
    images: Path, scratch: Path, peers: Path | None, fastdup: Path | None, only: set[str] | None
) -> Iterator[Result]:
    """Run everybody, one after the other.

    Args:
        images: the dataset.
        scratch: an empty folder.
        peers: Python of an environment with the peers, None for no peers.
        fastdup: Python of an environment with fastdup, whose pins others do not share.
        only: names of those that run; None for all.
    """
    if only is None or OURS in only:
        yield ours(images, scratch / OURS)
    for name, (title, code) in PEERS.items():
        python = fastdup if name == "fastdup" else peers
        if python is None or (only is not None and name not in only):
            continue
        if name == "fastdup" and not without_network():
            yield Result(scan.Cost(title, absent="not run: it cannot be cut off from the network here"))
        else:
            yield peer(title, code, python, images, scratch / name)


def ours(images: Path, scratch: Path) -> Result:
    """An audit without probes, pictures and cache; exit code 1, findings, is as good as 0."""
    scratch.mkdir()
    quiet = ("--no-probes", "--no-images", "--no-cache", "--fail-on", "never")
    command = [sys.executable, "-m", "cvadvisor", "audit", str(images), *quiet, "--out", str(scratch / "out")]
    cost = scan.run(OURS, command)
    file = scratch / "out" / "leakage.csv"
    if cost.absent is None and not file.is_file():
        cost.absent = "failed: it wrote no leakage.csv"
    return Result(cost, set() if cost.absent else read_leakage(file))


def read_leakage(file: Path) -> set[Pair]:
    """The pairs between training and validation that our leakage.csv calls the same image."""
    with file.open(newline="", encoding="utf-8", errors="surrogateescape") as text:
        rows = [row for row in csv.DictReader(text) if row["tier"] in SAME_IMAGE]
    return _between(Path(), ((row["path_a"], row["path_b"]) for row in rows))


def peer(title: str, code: str, python: Path, images: Path, scratch: Path) -> Result:
    """Run a peer's script in its own environment, without a network where the system lets us."""
    scratch.mkdir()
    script, found = scratch / "find.py", scratch / "pairs.csv"
    script.write_text(_WRITE + code)
    command = [*without_network(), str(python), str(script), str(images), str(scratch), str(found)]
    cost = scan.run(title, command)
    if cost.absent:
        return Result(cost)
    with found.open(newline="", encoding="utf-8", errors="surrogateescape") as text:
        return Result(cost, _between(images, ((row[0], row[1]) for row in csv.reader(text))))


def without_network() -> list[str]:
    """What to put before a command so that it reaches no network: some peers report on their users by default."""
    for cut in (["unshare", "-n"], ["unshare", "-r", "-n"]):
        if shutil.which("unshare") and subprocess.run([*cut, "true"], capture_output=True).returncode == 0:
            return cut
    return []


def _between(images: Path, pairs: Iterator[Pair]) -> set[Pair]:
    """Pairs of a training and a validation image, in that order, relative to the dataset."""
    found = set()
    for pair in pairs:
        a, b = sorted(os.path.relpath(path, images) if Path(path).is_absolute() else path for path in pair)
        if a.startswith(f"{TRAIN}/") and b.startswith(f"{VALIDATION}/"):
            found.add((a, b))
    return found
