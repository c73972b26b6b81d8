"""The tables of benchmarks/advice.py, in Markdown."""

from collections.abc import Sequence
from statistics import fmean

from advice_regret import Regret


def table(corner: str, columns: Sequence[str]) -> None:
    print(f"| {corner} | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")


def row(title: str, cells: Sequence[str]) -> None:
    print(f"| {title} | " + " | ".join(cells) + " |")


def bold(text: str, wanted: bool) -> str:
    return f"**{text}**" if wanted else text


def points(one: Regret) -> str:
    error = "" if one.error is None else f" ± {100 * one.error:.1f}"
    return f"{'≥ ' if one.at_least else ''}{100 * one.value:.1f}{error}"


def share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def rates_of(rates: Sequence[float]) -> str:
    """One rate, or the lowest and the highest."""
    ends = dict.fromkeys(f"{rate:.2g}" for rate in (min(rates), max(rates)))
    return " … ".join(ends)


def spread(values: Sequence[float]) -> str:
    """The mean, and the lowest and highest of several."""
    if not values:
        return "–"
    ends = f" ({min(values):.3f} … {max(values):.3f})" if len(values) > 1 else ""
    return f"{fmean(values):.3f}{ends}"
