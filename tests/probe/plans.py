"""A training plan for tests."""

from cvadvisor.probe.training_plan import TrainingPlan

PLAN = TrainingPlan(
    strategy="full",
    head_start="zero",
    epochs=2,
    head_epochs=0,
    batch_size=8,
    optimizer="adamw",
    learning_rate=1e-3,
    head_learning_rate=1e-3,
    layer_decay=0.9,
    schedule="cosine",
    warmup_share=0.1,
    weight_decay=0.05,
    batch_norm="train",
    dropout=0.0,
    label_smoothing=0.0,
    mixup=0.0,
    cutmix=0.0,
    crop_scale=0.6,
    horizontal_flip=True,
    color_jitter=0.2,
    random_erasing=0.0,
    sampler="shuffle",
    precision="auto",
)
