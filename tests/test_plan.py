"""What follows from a dataset and a model together."""

from pathlib import Path

import pytest
from PIL import Image

from cvadvisor.facts import PlanFacts
from cvadvisor.plan import fit, plan_image_size
from tests.samples import dataset_facts, model_facts

PLAN = PlanFacts(task="classification", budget_s=60.0, seed=0, weights="none", probes=True)


@pytest.mark.parametrize(
    ("short_side", "input_size", "fixed", "planned"),
    [
        (500.0, 224, False, 224),
        (112.0, 224, False, 224),
        (100.0, 224, False, 224),
        (80.0, 224, False, 160),
        (65.0, 224, False, 160),
        (64.0, 224, False, 128),
        (28.0, 224, False, 128),
        (8.0, 224, False, 128),
        (28.0, 224, True, 224),
        (None, 224, False, 224),
        (28.0, 32, False, 32),
    ],
)
def test_small_images_are_enlarged_to_about_twice_their_size_and_no_further(
    short_side: float | None, input_size: int, fixed: bool, planned: int
) -> None:
    model = model_facts(input_size_px=input_size, fixed_input_size=fixed)
    assert plan_image_size(model, dataset_facts(median_short_side_px=short_side)) == planned


@pytest.fixture
def fitted(tmp_path: Path, inspected):
    """The plan for images of these sizes, all of one gray."""

    def make(*sizes: tuple[int, int], level: int = 128, **model: object) -> PlanFacts:
        for number, size in enumerate(sizes):
            path = tmp_path / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", size, (level, level, level)).save(path)
        return fit(PLAN, model_facts(**model), inspected(tmp_path))

    return make


def test_the_shares_that_the_input_enlarges_and_shrinks_are_counted(fitted) -> None:
    plan = fitted((100, 120), (300, 200), (224, 500), (449, 800), (448, 448), input_size_px=224)
    assert plan.image_size_px == 224
    assert (plan.enlarged_share, plan.shrunk_share) == (pytest.approx(2 / 5), pytest.approx(1 / 5))


def test_the_median_share_that_a_square_crop_cuts_away_is_measured(fitted) -> None:
    assert fitted((300, 300), (400, 300), (600, 300)).cropped_share == pytest.approx(0.25)


def test_colours_are_compared_with_the_models_normalisation(fitted) -> None:
    plan = fitted((300, 300), (300, 300), level=255, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    assert plan.normalisation_offset == pytest.approx(2.0)
    assert plan.normalisation_scale == pytest.approx(0.0, abs=1e-6)
