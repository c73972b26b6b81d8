"""What it costs to look at every image of a dataset once, side by side with others, on the same files in one run.

    python benchmarks/scan.py --source PHOTOS --images 4000 --peers VENV/bin/python

Each contestant is a process of its own; CPU time is that of it and all of its children, start-up included, and memory
is the most that they held together. Prints a Markdown table. See README.md beside this file.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

WATCH_EVERY_S = 0.05
CLASSES = 10
PEERS = {"cleanvision": "0.3.7", "imagededup": "0.3.3", "imgcheck": "0.2.1"}
PEER_LIMIT_S = 3_600

# imagededup loads a network's weights from the internet when it is imported; hashing needs none of that.
PEER_CODE = {
    "cleanvision": """
import sys
from cleanvision import Imagelab
if __name__ == "__main__":
    Imagelab(data_path=sys.argv[1]).find_issues(verbose=False)
""",
    "imagededup": """
import sys, types
sys.modules["imagededup.methods.cnn"] = types.SimpleNamespace(CNN=None)
from imagededup.methods import PHash
if __name__ == "__main__":
    PHash(verbose=False).find_duplicates(image_dir=sys.argv[1], max_distance_threshold=10, recursive=True)
""",
    "imgcheck": """
import sys
from imgcheck.cli import main
if __name__ == "__main__":
    sys.argv = ["imgcheck", "cross-label", "--dataset", sys.argv[1], "--report", sys.argv[2] + "/report.xlsx"]
    sys.exit(main())
""",
}


@dataclass
class Cost:
    """What one contestant took."""

    name: str
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_bytes: int = 0
    absent: str | None = None
    """Why it did not run, or failed."""


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="scan-") as scratch:
        folder = Path(scratch)
        images = 200 if options.quick else options.images
        total = make_dataset(folder / "images", images, options.source, options.link)
        print(
            f"{images:,} JPEGs of {total / images / 1000:.0f} KB, {len(os.sched_getaffinity(0))} cores, "
            f"load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}\n"
        )
        costs = list(contestants(folder, None if options.quick else options.peers, options.repeat))
        report(costs, images)
        if any(cost.absent for cost in costs[:5]):
            raise SystemExit(1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=4_000, help="how many images")
    parser.add_argument(
        "--source", type=Path, help="folder of JPEGs that the images are made from; drawn where not given"
    )
    parser.add_argument(
        "--link", action="store_true", help="hard links to the source instead of variants: no peers then"
    )
    parser.add_argument("--peers", type=Path, help="Python of an environment with " + ", ".join(PEERS))
    parser.add_argument("--make-peers", type=Path, help="make that environment in this folder first")
    parser.add_argument("--repeat", type=int, default=1, help="run the floor and ours so often, and keep the best")
    parser.add_argument("--scratch", type=Path, help="folder for the images; hard links need the source's file system")
    parser.add_argument("--quick", action="store_true", help="200 drawn images and no peers, to see that it works")
    options = parser.parse_args()
    if options.make_peers:
        options.peers = make_peers(options.make_peers)
    if options.link and (options.source is None or options.peers):
        parser.error("--link needs --source, and goes without peers: they would find every image thousands of times")
    return options


def make_peers(folder: Path) -> Path:
    """An environment with the peers in it; returns its Python."""
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    wanted = [f"{name}=={version}" for name, version in PEERS.items()]
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    return python


def make_dataset(folder: Path, images: int, source: Path | None, link: bool) -> int:
    """``images`` JPEGs in class folders; returns how many bytes they have."""
    from PIL import Image

    found = sorted(source.rglob("*.jpg")) if source else []
    if source and not found:
        raise SystemExit(f"{source}: there is no .jpg in it.")
    for label in range(CLASSES):
        (folder / f"class_{label}").mkdir(parents=True)
    rng = random.Random(0)
    total = 0
    for number in range(images):
        path = folder / f"class_{number % CLASSES}" / f"{number:07}.jpg"
        if link:
            os.link(found[number % len(found)], path)
        elif found:
            with Image.open(found[number % len(found)]) as original:
                variant(original, rng, number >= len(found)).save(path, quality=original_quality(original))
        else:
            drawn(rng).save(path, quality=85)
        total += path.stat().st_size
    return total


def variant(original: "Image", rng: random.Random, changed: bool) -> "Image":  # type: ignore[name-defined]  # noqa: F821
    """The photo itself, or a crop of it at its own size, so that no two files are alike."""
    from PIL import Image

    image = original.convert("RGB")
    if not changed:
        return image
    width, height = image.size
    left, top = (int(side * rng.uniform(0, 0.3)) for side in image.size)
    box = (left, top, int(left + width * 0.7), int(top + height * 0.7))
    image = image.resize(image.size, Image.Resampling.BICUBIC, box)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else image


def original_quality(image: "Image") -> int:  # type: ignore[name-defined]  # noqa: F821
    """A quality at which the luminance table is about the image's own, so that the files stay as large."""
    table = image.quantization[0]
    return min(95, max(30, round(100 - sum(table) / 64 * 50 / 57)))


def drawn(rng: random.Random) -> "Image":  # type: ignore[name-defined]  # noqa: F821
    """A picture of 400x533 px that compresses about as a photo does."""
    from PIL import Image

    small = Image.frombytes("RGB", (40, 53), rng.randbytes(40 * 53 * 3)).resize((400, 533), Image.Resampling.BICUBIC)
    return Image.blend(small, Image.effect_noise((400, 533), 40).convert("RGB"), 0.15)


def contestants(folder: Path, peers: Path | None, repeat: int) -> Iterator[Cost]:
    """Run everybody, one after the other; the files are in the page cache from the first on."""
    images = folder / "images"
    for path in images.rglob("*.jpg"):
        path.read_bytes()
    yield best(repeat, lambda: run("decode floor: read, SHA-256, scaled decode", own("floor", images)))

    def cold() -> Cost:
        shutil.rmtree(folder / "cache", ignore_errors=True)
        return run("cvadvisor, first scan", own("ours", images, folder / "cache"))

    yield best(repeat, cold)
    yield best(repeat, lambda: run("cvadvisor, nothing changed", own("ours", images, folder / "cache")))
    whole = own("inspected", images, folder / "whole")
    yield run("cvadvisor, whole inspection", whole)
    yield run("cvadvisor, whole inspection, nothing changed", whole)
    for name, version in PEERS.items():
        title = f"{name} {version}"
        if peers is None:
            yield Cost(title, absent="not run")
            continue
        script = folder / f"peer_{name}.py"
        script.write_text(PEER_CODE[name])
        yield run(title, [str(peers), str(script), str(images), str(folder)])


def own(part: str, *paths: Path) -> list[str]:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import scan; scan.{part}(*sys.argv[1:])"
    return [sys.executable, "-P", "-c", code, *map(str, paths)]


def best(times: int, measure: Callable[[], Cost]) -> Cost:
    return min((measure() for _ in range(times)), key=lambda cost: (cost.absent is not None, cost.cpu_s))


def floor(images: str) -> None:
    """What nobody who decodes every image whole can go below, in a process a core as everybody else."""
    import simplejpeg

    paths = sorted(Path(images).rglob("*.jpg"))
    cores = len(os.sched_getaffinity(0))
    children = []
    for core in range(cores):
        if child := os.fork():
            children.append(child)
            continue
        for path in paths[core::cores]:
            with path.open("rb") as file:
                data = file.read()
            hashlib.sha256(data).digest()
            simplejpeg.decode_jpeg(data, "RGB", min_height=96, min_width=96, min_factor=reduction(data))
        os._exit(0)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise SystemExit("a child failed")


def reduction(data: bytes) -> int:
    import simplejpeg

    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    return next((factor for factor in (8, 4, 2) if min(height, width) >= 96 * factor), 1)


def ours(images: str, cache: str) -> None:
    """List the files and look at every one, as an audit does."""
    from cvadvisor.inspect.dataset.cache import with_store
    from cvadvisor.inspect.dataset.files import Files
    from cvadvisor.inspect.dataset.scan import scan
    from cvadvisor.inspect.dataset.store import Store

    def work(store: Store) -> int:
        Files(Path(images), store)
        store.run("INSERT INTO temp.sample SELECT id, 'train', NULL, NULL, NULL FROM temp.file WHERE kind = 'image'")
        scan(Path(images), store, "image")
        wanted = (
            "SELECT count(*) FROM temp.sample JOIN temp.file ON id = file JOIN look USING (path) WHERE error IS NULL"
        )
        return int(store.one(wanted)) - int(store.one("SELECT count(*) FROM temp.sample"))

    missing, notes = with_store(Path(images), Path(cache), True, work)
    if missing or notes:
        raise SystemExit(f"{-missing} images have no look; {notes}")


def inspected(images: str, cache: str) -> None:
    """Everything that an audit does with a dataset before any probe: layout, samples, scan, splits, copies, facts."""
    from contextlib import closing

    from cvadvisor.inspect.dataset.inspection import inspect_dataset

    with closing(inspect_dataset(Path(images), cache=Path(cache))) as dataset:
        if dataset.facts.unreadable_images:
            raise SystemExit(f"{dataset.facts.unreadable_images} images have no look")


def run(name: str, command: list[str]) -> Cost:
    """Run ``command`` and measure it and its children."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
        watch = Watch(process.pid)
        timer = threading.Timer(PEER_LIMIT_S, lambda: os.killpg(process.pid, 9))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        cost = Cost(name, usage.ru_utime + usage.ru_stime, time.monotonic() - started, watch.stop())
        if process.returncode:
            said.seek(0)
            last = said.read()[-400:].decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            cost.absent = f"failed: {last[0]}"
    return cost


class Watch:
    """The most memory that a process and its children held together, looked at twenty times a second."""

    def __init__(self, process: int) -> None:
        self.peak, self._process, self._over = 0, process, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(WATCH_EVERY_S):
            self.peak = max(self.peak, sum(map(resident, tree(self._process))))

    def stop(self) -> int:
        """The peak, in bytes."""
        self._over.set()
        self._thread.join()
        return self.peak


def tree(process: int) -> Iterator[int]:
    """A process and all below it."""
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from tree(int(child))


def resident(process: int) -> int:
    """Memory of a process in bytes, shared pages divided among those who share them where the system tells."""
    for file, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            for line in Path(f"/proc/{process}/{file}").read_text().splitlines():
                if line.startswith(key):
                    return int(line.split()[1]) * 1024
        except OSError:
            continue
    return 0


def report(costs: list[Cost], images: int) -> None:
    """The table. Ratios are of CPU time to that of our first scan."""
    base = costs[1].cpu_s or 1.0
    print("| | CPU ms an image | CPU to ours | wall s | peak MB |")
    print("|---|---|---|---|---|")
    for cost in costs:
        if cost.absent:
            print(f"| {cost.name} | {cost.absent} | | | |")
            continue
        print(
            f"| {cost.name} | {cost.cpu_s / images * 1000:.3f} | {cost.cpu_s / base:.2f} | {cost.wall_s:.1f} "
            f"| {cost.peak_bytes / 1e6:.0f} |"
        )


if __name__ == "__main__":
    main()
