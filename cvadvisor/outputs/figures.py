"""Numbers and names as people read them: ``1e-3``, ``86 % (80–92 %)``, ``48 MB``, ``not known``."""

import re
from typing import Any

from cvadvisor.advise.recipe import Recipe, Value
from cvadvisor.facts import Estimate
from cvadvisor.facts.dataset import BoxesFound, Found
from cvadvisor.outputs.vocabulary import described, unit

UNKNOWN = "not known"

# Facts carry no unit for a share or a learning rate; their names say it.
_SHARES = ("_share", "accuracy", "_probability", "recall", "label_noise")
_TEST_RATES = ("lowest_tried", "highest_tried", "steepest", "highest_improving", "diverges_at")
_RATES = ("learning_rate", *_TEST_RATES, "fastai_", "torch_lr_finder", "lightning")
# What the trials of the learning rate say; elsewhere these words mean something else.
_TRIAL_RATES = ("best", "best_by_seed", "low", "high", "cliff", "rate")

# Characters that move the cursor, colour a terminal or reverse the text around them: a file or a class may be so named.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")


def visible(text: str, *, keep: str = "") -> str:
    """``text`` with each control character shown as its escape, those in ``keep`` apart; so on one line."""

    def escaped(found: re.Match[str]) -> str:
        return found.group() if found.group() in keep else found.group().encode("unicode_escape").decode()

    return _UNSEEN.sub(escaped, text)


def shown(value: Any, name: str = "", measure: str | None = None) -> str:
    """``value`` of the fact or field ``name`` for a person; ``name`` may be a dotted path.

    Byte counts, seconds and shares bring their unit; for any other, ``measure`` is left to the caller.
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Estimate):
        low, high = shown(value.low, name, measure), shown(value.high, name, measure)
        return f"{shown(value.value, name, measure)} ({between(low, high)})"
    if isinstance(value, Found):
        return f"{counted(value.images, 'image')}, {percent(value.share)}" if value.images else "none"
    if isinstance(value, BoxesFound):
        return f"{counted(value.boxes, 'box', 'boxes')}, {percent(value.share)}" if value.boxes else "none"
    if isinstance(value, tuple):
        return ", ".join(shown(item, name, measure) for item in value)
    if measure == "bytes":
        return size(value)
    if measure == "s":
        return seconds(value)
    if isinstance(value, int):
        return f"{value:,}"
    if _is_share(name):
        return percent(value)
    return rate(value) if _is_rate(name) else number(value)


def setting(value: Value, field: str) -> str:
    """``value`` of the recipe's ``field``, with its unit; ``off`` where the field says that 0 is."""
    known = described(Recipe).get(field)
    if known is None:
        return shown(value, field)
    if value == 0 and not isinstance(value, bool) and "0 is off" in (known.description or ""):
        return "off"
    measure = unit(known)
    return f"{shown(value, field)} {singular(measure, value)}" if measure else shown(value, field)


def singular(measure: str, count: Any) -> str:
    """The unit ``measure`` as it follows ``count``: ``1 image``, ``1 box``."""
    if count != 1:
        return measure
    return measure.removesuffix("es") if measure.endswith("xes") else measure.removesuffix("s")


def has_own_unit(name: str, measure: str | None) -> bool:
    """Whether :func:`shown` writes the unit of ``name`` itself."""
    return measure in ("bytes", "s") or _is_share(name)


def _is_share(name: str) -> bool:
    return any(part in name for part in _SHARES) or name.rpartition(".")[2] == "share"


def _is_rate(name: str) -> bool:
    owner, _, last = name.rpartition(".")
    return any(part in name for part in _RATES) or (owner in ("", "probe.lr") and last in _TRIAL_RATES)


def between(low: str, high: str) -> str:
    """A range; a unit that both ends share is said once."""
    (_, *units), (_, *high_units) = low.split(" "), high.split(" ")
    if len(units) == 1 and units == high_units:
        low = low.removesuffix(f" {units[0]}")
    separator = " to " if "e-" in low + high or low.startswith("-") else "–"
    return f"{low}{separator}{high}"


def percent(share: float) -> str:
    """A share as a percentage, with more digits the nearer it is to nothing or to everything."""
    value = share * 100
    rest = round(min(abs(value), abs(100 - value)), 9)
    if 0 < rest < 0.005:
        return "under 0.01 %" if value < 50 else "over 99.99 %"
    digits = 0 if rest >= 10 or rest == 0 else 1 if rest >= 1 else 2
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if digits else text} %"


def rate(value: float) -> str:
    """A learning rate: ``1e-3``, ``4.47e-4``; plain from 0.1 up."""
    if value == 0 or abs(value) >= 0.1:
        return number(value)
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def number(value: float) -> str:
    """A plain number with at most three significant digits after the point."""
    if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e9):
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def size(count: float) -> str:
    """Bytes in the unit that fits: ``48 MB``."""
    for name, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {name}"
    return f"{count:,.0f} bytes"


def seconds(count: float) -> str:
    """A time: ``0.4 s``, ``12 s``, ``5 min``, ``1 h 5 min``."""
    if count < 60:
        return f"{count:.3g} s" if count < 59.5 else "1 min"
    minutes = round(count / 60)
    hours, rest = divmod(minutes, 60)
    parts = ([f"{hours} h"] if hours else []) + ([f"{rest} min"] if rest or not hours else [])
    return " ".join(parts)


def counted(count: int, noun: str, many: str | None = None) -> str:
    """``1 error``, ``2 errors``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def joined(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
