"""Small logs for tests, and short ways to look at what was read from them."""

from pathlib import Path

from cvadvisor.inspect.logs.log import Run
from cvadvisor.inspect.logs.read import read_logs


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder: Path, name: str, content: str | bytes) -> list[Run]:
    return list(read_logs(written(folder, name, content)))


def meant(run: Run) -> dict[str, list[float]]:
    """Values by 'split/quantity/part', those of unknown columns by '?column'."""
    return {
        "/".join(filter(None, (s.split, s.quantity, s.part))) if s.quantity else f"?{s.column}": s.values.tolist()
        for s in run.series
    }
