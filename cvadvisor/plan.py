"""What follows from a dataset and a model together: the size of the input, and how well the images fit it."""

import dataclasses
from typing import Any

from cvadvisor.errors import UserError
from cvadvisor.facts import DatasetFacts, ModelFacts, PlanFacts
from cvadvisor.inspect.dataset.inspection import Dataset

MODEL_STRIDE_PX = 32
"""Most networks halve the image five times, so sizes are multiples of this."""
LEAST_INPUT_PX = 128


def plan_image_size(model: ModelFacts, dataset: DatasetFacts) -> int:
    """Side in px of the training input: what the weights were trained at, unless the images hold much less.

    Images with a shorter side under half of that are enlarged to about twice their size, or to 128 px, and no further:
    the rest would cost time and add no detail (Big Transfer trains images under 96 px at 128).
    """
    short = dataset.median_short_side_px
    if model.fixed_input_size or short is None or short >= model.input_size_px / 2:
        return model.input_size_px
    doubled = -(-int(2 * short) // MODEL_STRIDE_PX) * MODEL_STRIDE_PX
    return min(model.input_size_px, max(LEAST_INPUT_PX, doubled))


def fit(plan: PlanFacts, model: ModelFacts, dataset: Dataset) -> PlanFacts:
    """``plan`` with the size of the input, and with what that size and the normalisation do to the images.

    Raises:
        UserError: a size was asked for that the model does not take.
    """
    facts = dataset.facts
    size = plan.image_size_px or plan_image_size(model, facts)
    if model.fixed_input_size and size != model.input_size_px:
        raise UserError(f"--image-size {size}: {model.name} takes {model.input_size_px} px only; leave the option out.")
    changes: dict[str, Any] = {}
    if facts.channel_means and len(model.mean) == len(facts.channel_means):
        channels = list(zip(facts.channel_means, facts.channel_stds, model.mean, model.std, strict=True))
        scales = [std / usual for _, std, _, usual in channels]
        changes = {
            "normalisation_offset": max(abs(mean - usual) / spread for mean, _, usual, spread in channels),
            "normalisation_scale": max(scales, key=lambda scale: max(scale, 1 / scale) if scale else float("inf")),
        }
    return dataclasses.replace(
        plan,
        image_size_px=size,
        image_size_asked=plan.image_size_px is not None,
        enlarged_share=dataset.share_smaller(size),
        shrunk_share=1 - dataset.share_smaller(2 * size + 1),
        cropped_share=dataset.median_cropped_share(),
        **changes,
    )
