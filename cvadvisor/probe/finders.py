"""What common learning-rate finders would pick from a range test: shown beside our choice, never followed.

Each function follows the rule that its package documents, on losses that are smoothed as that package smooths them.
"""

from typing import TYPE_CHECKING

from cvadvisor.facts.learning_rate import FinderPicks

if TYPE_CHECKING:
    import numpy as np

FAST_BETA = 0.98
"""fastai and Lightning: share of the running mean that stays, corrected for its start."""
SLOW_SHARE = 0.05
"""torch-lr-finder: share of a new loss in its running mean."""
SKIP_START, SKIP_END = 10, 5
"""Points that finders leave out at the ends."""
FEWEST = SKIP_START + SKIP_END + 5


def finder_picks(rates: "np.ndarray", losses: "np.ndarray") -> FinderPicks | None:
    """The picks from one run: its ``losses`` (steps,) at rising ``rates`` (steps,); ``None`` if it is too short."""
    import numpy as np

    if len(losses) < FEWEST:
        return None
    fast, slow = running_mean(losses), np.array(losses, float)
    for step in range(1, len(slow)):
        slow[step] = SLOW_SHARE * losses[step] + (1 - SLOW_SHARE) * slow[step - 1]
    kept, kept_rates = fast[len(fast) // 10 : -SKIP_END], rates[len(fast) // 10 : -SKIP_END]
    inner, inner_rates = slow[SKIP_START:-SKIP_END], rates[SKIP_START:-SKIP_END]
    last, last_rates = fast[SKIP_START:-1], rates[SKIP_START:-1]
    return FinderPicks(
        fastai_valley=float(kept_rates[valley(kept)]),
        fastai_steep=float(kept_rates[(np.diff(kept) / np.diff(np.log(kept_rates))).argmin()]),
        fastai_minimum=float(kept_rates[kept.argmin()]) / 10,
        torch_lr_finder=float(inner_rates[np.gradient(inner).argmin()]),
        lightning=float(last_rates[np.gradient(last, last_rates).argmin()]),
    )


def running_mean(losses: "np.ndarray") -> "np.ndarray":
    """Exponential running mean of ``losses`` (steps,), corrected for its start at zero."""
    import numpy as np

    means, mean = [], 0.0
    for step, loss in enumerate(losses, start=1):
        mean = FAST_BETA * mean + (1 - FAST_BETA) * float(loss)
        means.append(mean / (1 - FAST_BETA**step))
    return np.array(means)


def valley(losses: "np.ndarray") -> int:
    """Middle of the longest falling subsequence of ``losses``, by its end and its length in points."""
    longest = [1] * len(losses)
    end = 0
    for i in range(1, len(losses)):
        longest[i] = max((longest[j] + 1 for j in range(i) if losses[i] < losses[j]), default=1)
        if longest[i] > longest[end]:
            end = i
    section = longest[end] / 3
    return max(0, end - longest[end]) + int(section) + int(section / 2)
