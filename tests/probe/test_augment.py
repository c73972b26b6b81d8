"""Crops, flips and colours on the device, against what torchvision draws for the script."""

import dataclasses

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from cvadvisor.probe.augment import RATIOS, augment, crop_boxes, jitter
from tests.probe.plans import PLAN

STILL = dataclasses.replace(PLAN, crop_scale=1.0, horizontal_flip=False, color_jitter=0.0)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
    np.random.seed(0)


def test_crops_lie_within_the_image_and_keep_their_share_and_ratio() -> None:
    aspects = np.random.uniform(0.5, 2, 2000)
    left, top, width, height = crop_boxes(aspects, 0.5).T
    ratio = width * aspects / height
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (left + width <= 1 + 1e-9).all()
    assert (top + height <= 1 + 1e-9).all()
    assert (ratio > RATIOS[0] - 1e-6).all()
    assert (ratio < RATIOS[1] + 1e-6).all()
    drawn = width * height < 0.999
    assert (width * height)[drawn & (aspects > 0.8) & (aspects < 1.25)].min() >= 0.5 - 1e-6


def test_crops_are_distributed_as_torchvisions() -> None:
    ours = crop_boxes(np.full(4000, 1.3), 0.4)
    theirs = [v2.RandomResizedCrop(8, scale=(0.4, 1.0)).make_params([torch.zeros(3, 1000, 1300)]) for _ in range(4000)]
    shares = np.array([each["height"] * each["width"] / 1.3e6 for each in theirs])
    lefts = np.array([each["left"] / 1300 for each in theirs])
    assert (ours[:, 2] * ours[:, 3]).mean() == pytest.approx(shares.mean(), abs=0.01)
    assert np.quantile(ours[:, 2] * ours[:, 3], 0.2) == pytest.approx(np.quantile(shares, 0.2), abs=0.02)
    assert ours[:, 0].mean() == pytest.approx(lefts.mean(), abs=0.01)


def test_a_very_long_image_is_cropped_in_its_middle() -> None:
    left, top, width, height = crop_boxes(np.array([10.0]), 0.9)[0]
    assert (top, height) == (0, 1)
    assert width * 10 == pytest.approx(RATIOS[1])
    assert left + width / 2 == pytest.approx(0.5)


def test_without_any_change_the_image_stays_as_it_is() -> None:
    x = torch.rand(2, 3, 16, 16)
    assert torch.allclose(augment(x, np.ones(2), STILL, 16), x, atol=0.15)
    smooth = torch.linspace(0, 1, 16).expand(2, 3, 16, 16)
    assert torch.allclose(augment(smooth, np.ones(2), STILL, 16), smooth, atol=0.08)


def test_half_of_the_images_are_mirrored() -> None:
    ramp = torch.linspace(0, 1, 16).expand(400, 3, 16, 16)
    flipped = augment(ramp, np.ones(400), dataclasses.replace(STILL, horizontal_flip=True), 16)
    falling = (flipped[:, 0, 0, 0] > flipped[:, 0, 0, -1]).float().mean()
    assert 0.4 < falling < 0.6


def test_jitter_changes_brightness_as_much_as_torchvisions() -> None:
    x = torch.rand(300, 3, 8, 8) * 0.5 + 0.2
    change = v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3)
    theirs = torch.stack([change(image) for image in x])
    ours = jitter(x, 0.3)
    spread = (ours.mean((1, 2, 3)) / x.mean((1, 2, 3))).std()
    assert spread == pytest.approx(float((theirs.mean((1, 2, 3)) / x.mean((1, 2, 3))).std()), rel=0.15)
    assert (ours >= 0).all()
    assert (ours <= 1).all()
