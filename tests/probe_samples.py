"""What probes found on a sane dataset with a sound model: plausible numbers for tests of rules and outputs."""

import dataclasses
from typing import Any

from cvadvisor.facts import Estimate
from cvadvisor.facts.batch import BatchFacts, Throughput
from cvadvisor.facts.features import (
    ClassValue,
    ClassValueFacts,
    ConfusedPair,
    ConfusionFacts,
    FeatureFacts,
    LabelSuspect,
    LeakCandidateFacts,
    OutlierFacts,
    ScalingFacts,
    ScalingPoint,
    ShiftFacts,
    StatisticsFacts,
)
from cvadvisor.facts.learning_rate import BestAtSteps, FinderPicks, LearningRateFacts, LrFacts, RateTrial
from cvadvisor.facts.overfit import OverfitFacts
from cvadvisor.facts.probe import ProbeFacts
from cvadvisor.facts.race import RaceEntry, RaceFacts


def estimate(value: float, low: float, high: float, n: int = 142) -> Estimate:
    return Estimate(value=value, low=low, high=high, n=n)


def probe_facts(**changes: Any) -> ProbeFacts:
    """Every probe ran and found nothing odd; of 688 training labels one looks wrong."""
    range_test = range_test_facts()
    facts = ProbeFacts(
        features=feature_facts(),
        overfit=overfit_facts(),
        lr_head=dataclasses.replace(range_test, phase="head"),
        lr_full=range_test,
        lr=lr_facts(),
        batch=batch_facts(),
        race=race_facts(),
    )
    return dataclasses.replace(facts, **changes)


def feature_facts(**changes: Any) -> FeatureFacts:
    """A linear classifier that does well; more images would help a little, and everywhere alike."""
    facts = FeatureFacts(
        train_images=688,
        validation_images=142,
        image_size_px=224,
        held_out_from="validation",
        majority_accuracy=0.57,
        knn_accuracy=estimate(0.78, 0.71, 0.85),
        linear_accuracy=estimate(0.86, 0.80, 0.92),
        linear_macro_f1=0.82,
        linear_train_accuracy=0.99,
        linear_log_loss=0.41,
        linear_l2=1.0,
        label_check_images=688,
        label_check_classes=3,
        label_check_accuracy=0.95,
        label_suspects=1,
        label_suspect_share=0.0015,
        label_suspect_examples=(
            LabelSuspect(
                path="train/hat/7.jpg",
                label="hat",
                suggested="t-shirt",
                label_probability=0.01,
                suggested_probability=0.97,
            ),
        ),
        label_noise=estimate(0.005, 0.0, 0.019, 688),
        statistics=StatisticsFacts(
            images=672,
            source_accuracy=estimate(0.86, 0.80, 0.92),
            adapted_accuracy=estimate(0.72, 0.65, 0.79),
            adapted_gain=estimate(-14.0, -21.0, -7.0),
            fold_log_loss_gain=estimate(-0.4, -0.5, -0.3, 688),
            best="source",
        ),
        source_distance=0.02,
        scaling=ScalingFacts(
            points=tuple(
                ScalingPoint(images=images, draws=3, accuracy=estimate(value, value - 0.05, value + 0.05))
                for images, value in ((86, 0.75), (172, 0.79), (344, 0.83), (688, 0.86))
            ),
            exponent=0.25,
            predicted_images=1376,
            predicted_accuracy=estimate(0.88, 0.82, 0.93),
            doubling_gain=estimate(2.0, 0.5, 3.5),
        ),
        shift=ShiftFacts(train_images=688, held_out_images=141, auc=estimate(0.52, 0.46, 0.58, 141)),
        confusion=ConfusionFacts(
            worst=ConfusedPair(
                first="hat",
                second="t-shirt",
                first_as_second=6,
                second_as_first=5,
                images=454,
                share=estimate(0.024, 0.013, 0.043, 454),
                times_usual=1.4,
                p=0.6,
            ),
            error_share=0.3,
        ),
        outliers=OutlierFacts(images=688, found=0, share=0.0),
        class_value=ClassValueFacts(
            mean_gain=1.0,
            best=ClassValue(
                label="hat",
                images=56,
                recall=estimate(0.7, 0.4, 0.9, 12),
                error_share=0.2,
                gain=estimate(3.0, 1.5, 4.5),
            ),
        ),
        leak_search=LeakCandidateFacts(candidates=2, found=0),
    )
    return dataclasses.replace(facts, **changes)


def overfit_facts(**changes: Any) -> OverfitFacts:
    """A sound model, whose library head starts too high."""
    facts = OverfitFacts(
        batch_images=16,
        image_size_px=224,
        learning_rate=1e-3,
        max_steps=60,
        chance_loss=1.0986,
        library_head_is_finite=True,
        library_head_loss=3.3,
        library_head_loss_ratio=3.0,
        initial_loss=1.0986,
        final_loss=0.01,
        final_accuracy=1.0,
        fitted=True,
        steps_to_fit=9,
        gradients_are_finite=True,
        nonfinite_parameters=0,
        dead_parameters=0,
        frozen_parameters=0,
        frozen_parameter_share=0.0,
        first_layer_gradient=0.2,
        weakest_gradient_examples=("conv_stem.weight",),
        largest_relative_gradient=3.0,
        largest_gradient_examples=("classifier.weight",),
        relu_units=10_000,
        dead_unit_share=0.05,
        deadest_layer="blocks.6.0.bn1.act",
        deadest_layer_share=0.2,
        output_variation=0.8,
        foreign_share=0.0,
        head_reaches_output=True,
        evaluation_loss=0.02,
        evaluation_is_finite=True,
        evaluation_is_repeatable=True,
    )
    return dataclasses.replace(facts, **changes)


def range_test_facts(**changes: Any) -> LearningRateFacts:
    """Two range tests of the whole network that agree."""
    facts = LearningRateFacts(
        phase="full",
        optimizer="adamw",
        batch_images=32,
        image_size_px=224,
        steps=40,
        seeds=2,
        lowest_tried=1e-6,
        highest_tried=0.3,
        loss_fell=True,
        steepest=estimate(4e-4, 3e-4, 6e-4, 2),
        highest_improving=estimate(2e-3, 1.5e-3, 3e-3, 2),
        diverges_at=2e-2,
        finders=FinderPicks(
            fastai_valley=6e-4, fastai_steep=4e-4, fastai_minimum=3e-4, torch_lr_finder=4e-4, lightning=2e-5
        ),
    )
    return dataclasses.replace(facts, **changes)


def lr_facts(**changes: Any) -> LrFacts:
    """Trials at the planned size, whose best rate lies in the middle of the field and far from the cliff."""
    facts = LrFacts(
        best=1e-3,
        low=5e-4,
        high=2e-3,
        optimizer="adamw",
        batch_images=32,
        image_size_px=224,
        planned_steps=252,
        trial_steps=60,
        steps_total=300,
        trials=5,
        seeds=3,
        select_images=71,
        start_loss=0.41,
        best_loss=0.30,
        gain=estimate(0.11, 0.05, 0.17, 71),
        best_by_seed=estimate(1e-3, 1e-3, 2e-3, 3),
        at_edge=False,
        cliff=8e-3,
        cliff_ratio=8.0,
        steps_exponent=-0.2,
        warmup_share=0.1,
        longer_warmup_share=0.3,
        longer_warmup_gain=estimate(0.0, -0.03, 0.03, 71),
        by_steps=(BestAtSteps(steps=60, best=1e-3),),
        tried=tuple(
            RateTrial(rate=rate, steps=60, seeds=1, loss=loss, accuracy=accuracy, broke_down=rate > 5e-3)
            for rate, loss, accuracy in ((5e-4, 0.33, 0.87), (1e-3, 0.30, 0.89), (2e-3, 0.32, 0.88), (8e-3, 1.1, 0.5))
        ),
    )
    return dataclasses.replace(facts, **changes)


def batch_facts(**changes: Any) -> BatchFacts:
    """Two cores of a CPU that computes far longer than it reads images."""
    facts = BatchFacts(
        device="cpu",
        image_size_px=224,
        batch_images=32,
        precision="float32",
        train_ms=estimate(60.0, 55.0, 66.0, 8),
        evaluate_ms=estimate(15.0, 14.0, 16.0, 8),
        decode_ms=estimate(4.0, 3.8, 4.2, 100),
        workers=0,
        loading_share=0.06,
        workers_needed=1,
        epoch_train_images=672,
        epoch_validation_images=142,
        epoch_seconds=estimate(46.0, 40.0, 52.0, 8),
        head_epoch_seconds=estimate(16.0, 14.0, 18.0, 8),
        epochs=12,
        run_seconds=estimate(520.0, 450.0, 590.0, 8),
        noise_scale=estimate(20.0, 10.0, 40.0, 8),
        noise_scale_images=256,
        throughput=tuple(
            Throughput(batch_images=images, images_per_s=speed) for images, speed in ((4, 12.0), (8, 16.0), (16, 16.5))
        ),
        knee_batch=8,
        mixed_precision="bfloat16",
        mixed_precision_speedup=estimate(0.9, 0.8, 1.0, 5),
        channels_last_speedup=estimate(1.9, 1.7, 2.1, 5),
        compile_speedup=estimate(1.05, 0.95, 1.15, 5),
        compile_seconds=60.0,
        compile_failed=False,
        memory_available_bytes=6_000_000_000,
        memory_base_bytes=200_000_000,
        memory_per_image_bytes=30_000_000,
        largest_tried=16,
        recommended=153,
    )
    return dataclasses.replace(facts, **changes)


def race_facts(**changes: Any) -> RaceFacts:
    """Fitting the head and then training every layer beats the linear probe, at half of the planned steps."""
    rows = (("probe-then-full", "probe, then every layer", 126, 0.91), ("probe", "linear probe", 0, 0.86))
    facts = RaceFacts(
        steps=126,
        planned_steps=252,
        seeds=3,
        image_size_px=224,
        select_images=71,
        leader="probe-then-full",
        recommended="probe-then-full",
        tied=False,
        tied_with=0,
        strategy="full",
        head_start="probe",
        head_epochs=0,
        optimizer="adamw",
        layer_decay=0.9,
        learning_rate=1e-3,
        rate_factor=1.0,
        gain_over_probe=estimate(5.0, 1.0, 9.0, 71),
        accuracy=estimate(0.90, 0.83, 0.97, 71),
        entries=tuple(
            RaceEntry(
                name=name,
                title=title,
                strategy="full" if steps else "probe-only",
                head_start="probe",
                head_epochs=0,
                optimizer="adamw",
                layer_decay=0.9,
                learning_rate=1e-3,
                steps=steps,
                seeds=3,
                accuracy=estimate(accuracy, accuracy - 0.07, accuracy + 0.07, 71),
                loss=0.3,
                behind=estimate(91 - 100 * accuracy, 0.0, 100 * (91 - 100 * accuracy) / 55, 71),
                loss_behind=estimate(0.91 - accuracy, 0.0, 2 * (0.91 - accuracy), 71),
            )
            for name, title, steps, accuracy in rows
        ),
    )
    return dataclasses.replace(facts, **changes)
