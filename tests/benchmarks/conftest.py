"""The benchmarks are scripts beside each other, not a package: their folder has to be on the path."""

import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(FOLDER))
collect_ignore_glob = [] if FOLDER.is_dir() else ["test_*.py"]
