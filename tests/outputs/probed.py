"""A diagnosis in which every probe found something. Its numbers are made up."""

import dataclasses
from typing import Any

from cvadvisor.diagnosis import Diagnosis
from cvadvisor.facts import Estimate
from cvadvisor.facts.batch import BatchFacts
from cvadvisor.facts.features import (
    ClassValue,
    ClassValueFacts,
    ConfusedPair,
    ConfusionFacts,
    ScalingFacts,
    ScalingPoint,
)
from cvadvisor.facts.learning_rate import BestAtSteps, FinderPicks, LrFacts, RateTrial
from cvadvisor.facts.race import RaceEntry, RaceFacts
from cvadvisor.facts.seen import Curve, Mark, Series
from tests import probe_samples
from tests.samples import diagnosis

RATES = (2.5e-4, 7.5e-4, 2.25e-3, 6.75e-3, 2e-2)
SHORT = (1.9, 1.6, 1.4, 1.5, 2.3)
LONG = (1.3, 1.05, 1.1)


def estimate(value: float, half: float = 0.05, n: int = 150) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=n)


def lr_facts(**changes: Any) -> LrFacts:
    """Two lengths, a range within noise and a cliff."""
    tried = [(rate, 20, loss) for rate, loss in zip(RATES, SHORT, strict=True)]
    tried += [(rate, 60, loss) for rate, loss in zip(RATES[1:4], LONG, strict=True)]
    facts = probe_samples.lr_facts(
        best=2e-3,
        low=7.5e-4,
        high=6.75e-3,
        planned_steps=200,
        trials=8,
        select_images=150,
        start_loss=1.8,
        best_loss=1.05,
        best_by_seed=Estimate(value=2e-3, low=1.5e-3, high=3e-3, n=3),
        cliff=2e-2,
        cliff_ratio=10.0,
        by_steps=(BestAtSteps(steps=20, best=2.3e-3), BestAtSteps(steps=60, best=2e-3)),
        tried=tuple(
            RateTrial(rate=rate, steps=steps, seeds=3, loss=loss, accuracy=0.6, broke_down=loss >= 2.3)
            for rate, steps, loss in tried
        ),
    )
    return dataclasses.replace(facts, **changes)


def lr_curve() -> Curve:
    return Curve(
        name="lr",
        title="Learning rate: short annealed runs",
        x_label="peak learning rate",
        y_label="held-out loss (nats)",
        x_log=True,
        series=(Series(name="20 steps", x=RATES, y=SHORT), Series(name="60 steps", x=RATES[1:4], y=LONG)),
        marks=(Mark(label="recommended", x=2e-3),),
        note="Without any step the loss is 1.80.",
    )


def entry(name: str, title: str, accuracy: float, behind: Estimate, **changes: Any) -> RaceEntry:
    made = dataclasses.replace(
        probe_samples.race_facts().entries[0], name=name, title=title, accuracy=estimate(accuracy), behind=behind
    )
    return dataclasses.replace(made, **changes)


def race_facts(**changes: Any) -> RaceFacts:
    """Three strategies: the leader, one that ties and is simpler, and one that is beaten."""
    facts = probe_samples.race_facts(
        steps=100,
        planned_steps=200,
        image_size_px=64,
        leader="sgd",
        recommended="head",
        tied=True,
        tied_with=1,
        accuracy=estimate(0.8),
        left_out=("probe, head, then every layer",),
        entries=(
            entry("sgd", "every layer, SGD", 0.84, estimate(0.0, 0.0), optimizer="sgd"),
            entry("head", "head alone, augmented", 0.83, estimate(1.0, 3.0)),
            entry("probe", "linear probe on frozen features", 0.7, estimate(14.0, 4.0), steps=0),
        ),
    )
    return dataclasses.replace(facts, **changes)


def batch_facts(**changes: Any) -> BatchFacts:
    facts = probe_samples.batch_facts(
        epoch_seconds=estimate(12.0, 1.0, 18),
        run_seconds=estimate(130.0, 12.0, 18),
        left_out=("memory: there was no time", "torch.compile: there was no time"),
    )
    return dataclasses.replace(facts, **changes)


def scaling_curve() -> Curve:
    sizes = (100.0, 200.0, 400.0, 800.0)
    return Curve(
        name="scaling",
        title="Accuracy by number of training images",
        x_label="training images",
        y_label="held-out accuracy",
        x_log=True,
        series=(
            Series(name="measured", x=sizes[:3], y=(0.5, 0.6, 0.7)),
            Series(name="fitted", x=sizes[2:], y=(0.7, 0.75)),
            Series(name="lower", x=sizes, y=(0.4, 0.5, 0.6, 0.62)),
            Series(name="upper", x=sizes, y=(0.6, 0.7, 0.8, 0.88)),
        ),
    )


def probed(*, hat: str = "hat", **changes: Any) -> Diagnosis:
    """The sample diagnosis with facts of every probe; ``hat`` names one class, ``changes`` replace probes' facts."""
    pair = ConfusedPair(
        first=hat,
        second="t-shirt",
        first_as_second=9,
        second_as_first=7,
        images=122,
        share=estimate(0.13),
        times_usual=6.24,
        p=1e-6,
    )
    features = probe_samples.feature_facts(
        label_noise=estimate(0.03, 0.02),
        scaling=ScalingFacts(
            points=(ScalingPoint(images=100, draws=5, accuracy=estimate(0.5)),),
            exponent=0.2,
            predicted_images=800,
            predicted_accuracy=estimate(0.75),
            doubling_gain=estimate(5.0, 2.0),
        ),
        confusion=ConfusionFacts(pairs=(pair,), worst=pair, error_share=0.3),
        class_value=ClassValueFacts(
            classes=(
                ClassValue(label=hat, images=56, recall=estimate(0.4), error_share=0.3, gain=estimate(10.0, 4.0)),
            ),
            mean_gain=4.0,
        ),
        left_out=("split shift",),
    )
    finders = FinderPicks(fastai_valley=1e-4, fastai_steep=5e-4, torch_lr_finder=6e-4, lightning=1e-5)
    probe = probe_samples.probe_facts(
        features=features,
        lr_full=probe_samples.range_test_facts(finders=finders),
        lr=lr_facts(),
        batch=batch_facts(),
        race=race_facts(),
    )
    sample = diagnosis()
    race_curve = dataclasses.replace(sample.curves[1], name="race", title="The race as a curve")
    return dataclasses.replace(
        sample,
        facts=dataclasses.replace(sample.facts, probe=dataclasses.replace(probe, **changes)),
        curves=(*sample.curves, lr_curve(), scaling_curve(), race_curve),
    )
