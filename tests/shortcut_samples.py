"""Facts of shortcuts for tests: of a dataset in which metadata tells nothing, or gives some classes away."""

from cvadvisor.facts import Estimate
from cvadvisor.facts.shortcuts import GivenAway, MetadataKind, PairsApart, ShortcutFacts


def kind(name: str, accuracy: float = 0.26, majority: float = 0.26) -> MetadataKind:
    """One that tells next to nothing, unless ``accuracy`` says otherwise."""
    return MetadataKind(
        name=name,
        what=f"{name} of the file",
        split="train",
        accuracy=Estimate(value=accuracy, low=max(0.0, accuracy - 0.04), high=min(1.0, accuracy + 0.04), n=500),
        majority_share=majority,
        balanced_accuracy=Estimate(value=0.2, low=0.19, high=0.21, n=500),
        chance_share=0.1,
        closed_share=0.1,
        chance_probability=0.01,
        evidence="PNG in 100% of hat and 0% of the others",
    )


def given_away(label: str = "hat", validation: float | None = 1.0, told: float = 0.98) -> GivenAway:
    """A class that is given away by its format."""
    return GivenAway(
        label=label,
        kind="format",
        what="file format",
        value="PNG",
        class_share=1.0,
        others_share=0.02,
        told_apart=Estimate(value=told, low=max(-1.0, told - 0.03), high=min(1.0, told + 0.03), n=62),
        validation_told_apart=validation,
    )


def shortcut_facts(*given: GivenAway) -> ShortcutFacts:
    """Facts of ten classes of which ``given`` are given away; without any the format tells next to nothing."""
    format_, shape, number = kind("format", 0.31), kind("shape"), kind("number")
    return ShortcutFacts(
        images=1535,
        classes=10,
        together=kind("together", 0.32),
        strongest=format_,
        shape=shape,
        order=number,
        pairs=PairsApart(what="file format", pairs=9 * len(given), share=0.2 * len(given), evidence=format_.evidence),
        most_given_away=given[0] if given else given_away(told=0.05),
        most_given_away_by_shape=given_away(told=0.2),
        kinds=(format_, shape, kind("size")),
        given_away=given,
    )
