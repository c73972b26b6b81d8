"""Whom benchmarks/advice.py compares with: their environment, and how each is asked.

They are the real packages, in an environment of their own on top of this one, whose torch and timm they use.
"""

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from advice_runs import Audit, Result, constants, kept

PEERS = {
    "fastai": "2.8.12",
    "lightning": "2.6.6",
    "torch-lr-finder": "0.2.2",
    "transformers": "5.23.0",
    "accelerate": "1.15.0",
}
PICKERS = {
    "fastai": ("valley", "steep", "minimum/10"),
    "torch-lr-finder": ("steepest",),
    "Lightning": ("suggestion",),
}
"""Who picks a rate, and the picks that one run of it gives."""
FIXED = {
    "fixed 2e-3": 2e-3,
    "fixed 1e-3": 1e-3,
    "AutoGluon's 1e-4": 1e-4,
    "Hugging Face's 5e-5": 5e-5,
}
STRATEGIES = {
    "fastai fine_tune": "fastai `lr_find` + `fine_tune`",
    "Lightning fit": "Lightning `lr_find`, then AdamW",
    "Hugging Face": "Hugging Face Trainer defaults",
}
LIMIT_S = 7_200
RUNS = Path(__file__).with_name("advice_peer_runs.py")


def make_peers(folder: Path) -> Path:
    """An environment in ``folder`` that has this one's packages and the peers; returns its Python."""
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    # venv's --system-site-packages would mean those of the Python below, not of the environment that this runs in.
    (Path(site) / "below.pth").write_text(sysconfig.get_path("purelib") + "\n")
    wanted = [f"{name}=={version}" for name, version in PEERS.items()]
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    return python


def asked(who: str, seed: int, audit: Audit, python: Path, cache: Path, device: str, threads: int) -> Result:
    """What ``who`` (a key of PICKERS or STRATEGIES) does on the data of ``audit``, kept in ``cache``.

    A peer is given the data, backbone, weights, batch size, input size, crop and flip of the script of ``audit``. A
    pick does not depend on how long the training is to be.

    Returns:
        'picks' (rates by name) or 'accuracy' on test, with 'seconds' and 'steps'; or 'trouble'.
    """
    own = constants(audit.script)
    task: dict[str, Any] = {
        "who": who,
        "seed": seed,
        "device": device,
        "threads": threads,
        "model": own["MODEL"],
        "batch_size": own["BATCH_SIZE"],
        "image_size": own["IMAGE_SIZE"],
        "crop_scale": own["CROP_SCALE"],
        "flip": own["HORIZONTAL_FLIP"],
        "mean": own["MEAN"],
        "std": own["STD"],
        "pretrained": own["WEIGHTS"] == "pretrained",
        "epochs": audit.epochs if who in STRATEGIES else 0,
    }
    weights = audit.folder / "weights.safetensors"
    stored = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.exists() else ""
    code = hashlib.sha256(RUNS.read_bytes()).hexdigest()
    name = hashlib.sha256(json.dumps([task, stored, audit.dataset.digest, PEERS, code]).encode()).hexdigest()[:32]
    if name in (found := kept(cache)):
        return found[name]
    task |= {"data": audit.dataset.folder, "weights": str(weights.resolve()) if stored else None}
    about = {"key": name, "who": who, "dataset": audit.dataset.name, "epochs": audit.epochs, "seed": seed}
    result = {**about, **ask(python, task)}
    with cache.open("a") as file:
        file.write(json.dumps(result) + "\n")
    return result


def ask(python: Path, task: dict[str, Any]) -> Result:
    """Run ``task`` in the peers' environment, in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(task["threads"]), "HF_HUB_OFFLINE": "1", "MPLBACKEND": "Agg"}
    print(f"{task['who']}, seed {task['seed']}", file=sys.stderr)
    command = [str(python.absolute()), str(RUNS), json.dumps(task)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=LIMIT_S)
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))
    except subprocess.TimeoutExpired:
        return {"trouble": f"took more than {LIMIT_S} s"}
    except (ValueError, IndexError):
        return {"trouble": (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1][:200]}
