import numpy as np
import pytest
from PIL import Image

from tests.inspect.dataset.making import encoded


def flat(root, split, count, colour, size=(40, 30)):
    """Images of about one colour; their brightness varies a little from image to image."""
    for number in range(count):
        rng = np.random.default_rng((count, number, *colour))
        level = np.array(colour) + rng.normal(0, 10)
        noise = rng.normal(0, 8, (size[1], size[0], 3))
        path = root / split / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(level + noise, 0, 255).astype(np.uint8)
        path.write_bytes(encoded(Image.fromarray(pixels)))


def test_splits_of_one_kind_do_not_differ(tmp_path, inspected):
    for split in ("train", "val", "test"):
        flat(tmp_path, split, 30 if split == "train" else 24, (120, 100, 90))
    facts = inspected(tmp_path).facts
    assert (facts.validation_size_ratio, facts.test_size_ratio) == (1.0, 1.0)
    assert facts.validation_colour_shift < 0.6
    assert facts.test_colour_shift == pytest.approx(facts.validation_colour_shift)


def test_a_darker_and_smaller_validation_split_is_seen(tmp_path, inspected):
    flat(tmp_path, "train", 30, (120, 100, 90))
    flat(tmp_path, "val", 24, (60, 50, 45), size=(20, 15))
    facts = inspected(tmp_path).facts
    assert facts.validation_size_ratio == 0.5
    assert facts.validation_colour_shift > 3


def test_splits_of_few_images_are_not_compared(tmp_path, inspected):
    flat(tmp_path, "train", 30, (120, 100, 90))
    flat(tmp_path, "val", 10, (60, 50, 45))
    facts = inspected(tmp_path).facts
    assert (facts.validation_size_ratio, facts.validation_colour_shift) == (None, None)


def test_channel_statistics_are_those_of_the_pixels(tmp_path, inspected):
    flat(tmp_path, "train", 24, (200, 100, 50))
    facts = inspected(tmp_path).facts
    pixels = np.concatenate(
        [np.asarray(Image.open(path)).reshape(-1, 3) / 255 for path in sorted(tmp_path.rglob("*.png"))]
    )
    assert facts.channel_means == pytest.approx(pixels.mean(axis=0), abs=0.002)
    assert facts.channel_stds == pytest.approx(pixels.std(axis=0), abs=0.003)


def test_sizes_are_counted_by_cells_with_most_images_first(tmp_path, inspected):
    flat(tmp_path, "train", 20, (120, 100, 90))
    flat(tmp_path, "val", 6, (120, 100, 90), size=(400, 300))
    counts = inspected(tmp_path).facts.size_counts
    assert [(count.width_px, count.height_px, count.images) for count in counts] == [(40, 30, 20), (400, 300, 6)]


def test_a_label_shift_is_told_from_chance(tmp_path, inspected):
    flat(tmp_path, "train", 60, (120, 100, 90))
    flat(tmp_path, "val", 40, (120, 100, 90))
    for path in sorted((tmp_path / "val" / "b").iterdir())[:16]:
        path.rename(tmp_path / "val" / "a" / f"moved-{path.name}")
    facts = inspected(tmp_path).facts
    assert facts.validation_label_shift == pytest.approx(0.4)
    assert 0.1 < facts.validation_label_shift_by_chance < 0.2
