"""How the search among descriptors grows: time, memory, and what the cells lose against comparing everything.

    python benchmarks/neighbours.py                       # 250,000 and 1,000,000 descriptors
    python benchmarks/neighbours.py --counts 20000        # quickly

Descriptors are drawn around centres, since pictures of a dataset resemble each other; for every hundredth there is a
copy at a cosine of 0.8, as of a cropped picture. Each count runs in a process of its own. Prints Markdown.
"""

import argparse
import os
import subprocess
import sys
import time

import numpy as np

from cvadvisor.inspect.dataset.near.descriptors import LENGTH, Descriptors
from cvadvisor.inspect.dataset.near.neighbours import Wholes, best

COPY_COSINE, COPY_OF_EVERY = 0.8, 100
CENTRES, SPREAD = 2_000, 1.0
BLOCK = 100_000
PARTNERS = 3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--counts", default="250000,1000000", help="numbers of descriptors, separated by commas")
    options.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.one:
        print(measured(given.one))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}\n")
    print("| descriptors | copies found | CPU s | CPU µs a descriptor | wall s | peak MB |\n|---|---|---|---|---|---|")
    for count in given.counts.split(","):
        started = time.monotonic()
        process = subprocess.Popen([sys.executable, __file__, "--one", count], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        found = process.stdout.read().strip()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{count} descriptors: ended with {status}")
        cpu = usage.ru_utime + usage.ru_stime
        wall, peak = time.monotonic() - started, usage.ru_maxrss / 1024
        print(f"| {int(count):,} | {found} | {cpu:.0f} | {cpu / int(count) * 1e6:.0f} | {wall:.0f} | {peak:.0f} |")


def measured(count: int) -> str:
    """The share of the copies that the search finds, as a percentage."""
    rng = np.random.default_rng(0)
    centres = unit(rng.standard_normal((CENTRES, LENGTH), np.float32))
    vectors = np.empty((count, LENGTH), np.float32)
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        noise = unit(rng.standard_normal((size, LENGTH), np.float32))
        vectors[start : start + size] = unit(centres[rng.integers(CENTRES, size=size)] + SPREAD * noise)
    sources = np.arange(0, count, COPY_OF_EVERY)
    noise = unit(rng.standard_normal((len(sources), LENGTH), np.float32))
    noise = unit(noise - (noise * vectors[sources]).sum(1, keepdims=True) * vectors[sources])
    copies = COPY_COSINE * vectors[sources] + (1 - COPY_COSINE**2) ** 0.5 * noise
    wholes = Wholes(descriptors(vectors, 0), count)
    hit = np.zeros(len(copies), bool)
    for start in range(0, count, BLOCK):  # every descriptor is searched for, as every picture of a dataset is
        best(wholes.near(descriptors(vectors[start : start + BLOCK], start)), PARTNERS)
    found = best(wholes.near(descriptors(copies, count)), PARTNERS)
    copy = found.partial - count
    hit[copy[found.whole == sources[copy]]] = True
    return f"{hit.mean():.1%}"


def descriptors(vectors: np.ndarray, first: int) -> Descriptors:
    """Descriptors of as many pictures, numbered from ``first``."""
    numbers = np.arange(first, first + len(vectors), dtype=np.int32)
    zeros = np.zeros(len(vectors), np.int32)
    return Descriptors(np.ascontiguousarray(vectors, np.float32), numbers, zeros, zeros.astype(np.uint8))


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
