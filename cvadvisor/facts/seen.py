"""What stands beside the facts: which measurements ran, the curves they saw, and pictures of images."""

from typing import Literal

from cvadvisor.facts.base import facts, known, listed, optional


@facts
class Check:
    """One measurement that the audit ran, or could not run."""

    name: str = known("Name of the probe or stage.")
    title: str = known("What it measures, in a few words.")
    status: Literal["done", "not checked", "failed"] = known("What became of it.")
    reason: str | None = optional("Why it was not checked or failed, or what else has to be said of it.")
    enable: str | None = optional("How to enable it.")
    seconds: float | None = optional("Time it took.", unit="s")
    provides: tuple[str, ...] = listed("Paths of the facts it provides.")


@facts
class Series:
    """One line of a chart."""

    name: str = known("What the line shows.")
    x: tuple[float, ...] = known("Horizontal values.")
    y: tuple[float, ...] = known("Vertical values, one for each x.")


@facts
class Mark:
    """A vertical line in a chart."""

    label: str = known("What is there.")
    x: float = known("Where.")


@facts
class Curve:
    """A chart: what a probe saw."""

    name: str = known("Name, as its probe's.")
    title: str = known("What it shows.")
    x_label: str = known("Horizontal axis, with its unit.")
    y_label: str = known("Vertical axis, with its unit.")
    x_log: bool = known("Whether the horizontal axis is logarithmic.")
    series: tuple[Series, ...] = known("The lines.")
    marks: tuple[Mark, ...] = listed("Vertical lines.")
    note: str | None = optional("How to read it.")


@facts
class Thumbnail:
    """A small picture of an image that a finding shows."""

    path: str = known("File, relative to the dataset.")
    data_uri: str = known("A JPEG as a data: URI.")
