"""Short training by the recipe: what the generated script does in many steps, done in few.

A trial of n steps is the planned run made shorter: the same head, augmentation, optimiser, warm-up, schedule and
clipping, annealed to zero within the n steps. Trials of one seed see the same images in the same order with the same
augmentation, whatever is tried, so that their results may be compared image by image.
"""

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cvadvisor.probe.declaration import NotChecked

if TYPE_CHECKING:
    import numpy as np
    import torch

    from cvadvisor.probe.session import Sample, Session
    from cvadvisor.probe.training_plan import TrainingPlan

GRADIENT_NORM = 1.0
"""Gradients are clipped to it, as in the script."""
EVALUATION_BATCH = 64
HOPELESS, HOPELESS_LOOKS = 3.0, 2
"""A training loss that stays above this multiple of ln(classes) for so many looks and one more does not come back; the
trial is stopped. One batch says nothing: a fitted head is sure of itself, and early steps may throw it off."""
CLOCKED_STEPS, CLOCKINGS = 2, 2
"""Steps that are timed before a plan of many is begun, and how often they have to be too slow."""
CLOCK_MARGIN = 1.1
"""A new plan leaves at least this much time for steps that are slower still."""
LOOK_EVERY = 8
"""Steps between two looks at the loss: each makes a GPU wait."""


@dataclass(frozen=True)
class TrainingImages:
    """Images to train on, decoded once.

    Attributes:
        pixels: whole images, squeezed into squares, (images, side, side, 3) as uint8.
        aspects: width over height of each.
        labels: classes (images,) as int64.
    """

    pixels: "np.ndarray"
    aspects: "np.ndarray"
    labels: "np.ndarray"


@dataclass(frozen=True)
class Judged:
    """A trained model on images that it did not train on.

    Attributes:
        losses: cross-entropy in nats of each image.
        hits: whether each was recognised.
    """

    losses: "np.ndarray"
    hits: "np.ndarray"

    @property
    def loss(self) -> float:
        """Mean loss in nats."""
        return float(self.losses.mean())

    @property
    def accuracy(self) -> float:
        """Share of images recognised."""
        return float(self.hits.mean())


def affordable_steps(session: "Session", plan: "TrainingPlan", size: int) -> float:
    """Steps of ``size`` px for which the running probe has time, what decoding their images takes left out."""
    from cvadvisor.probe.session import DECODE_S

    each = session.step_seconds(size, plan.batch_size)
    decoding = DECODE_S * plan.batch_size / session.job.cores
    first_pass = min(len(session.job.train) / plan.batch_size, session.allowance / (each + decoding))
    return max(0.0, (session.allowance - first_pass * decoding) / each)


def keep_to_the_clock(session: "Session", plan: "TrainingPlan", size: int, steps: float) -> bool:
    """See how long a step really takes now; plan with that from here on where ``steps`` of them would be cut off.

    Nominal seconds are those of a machine that nothing else uses: with them the same seed gives the same plan. A plan
    that would not end before the probe's deadline gives nothing, however. What is found is rounded up to a power of
    the square root of two, so that only few plans are possible, and forgotten when the probe ends.

    Returns:
        Whether what the probe planned has to be planned anew.
    """
    nominal = session.step_seconds(size, plan.batch_size)
    decoding = seconds_of(session, steps, size, plan.batch_size) - steps * nominal
    for _ in range(CLOCKINGS):  # a moment in which something else took the processor must not decide
        if time.monotonic() + decoding + steps * nominal >= session.deadline or math.isinf(session.deadline):
            return False  # it was planned so, or no clock stops it
        slower = _clocked_step(session, plan, size) / nominal
        if slower <= 1 or time.monotonic() + decoding + steps * slower * nominal <= session.deadline:
            return False
    session.slowdown *= 2 ** (math.ceil(2 * math.log2(CLOCK_MARGIN * slower)) / 2)
    session.allowance = session.deadline - time.monotonic()
    return True


def _clocked_step(session: "Session", plan: "TrainingPlan", size: int) -> float:
    """Real seconds of one step; copying the model and what else a run begins with is left out."""
    import numpy as np

    side = math.ceil(size / plan.crop_scale**0.5)
    labels = np.arange(plan.batch_size) % len(session.job.classes)
    blank = np.zeros((plan.batch_size, side, side, 3), np.uint8)
    images = TrainingImages(blank, np.ones(plan.batch_size), labels)
    seconds = []
    for count in (1, 1, 1 + CLOCKED_STEPS):  # the first also sets up
        began = time.monotonic()
        train(session, plan, images, rate=0.0, steps=count, seed=0, size=size)
        seconds.append(time.monotonic() - began)
    return (seconds[2] - seconds[1]) / CLOCKED_STEPS


def seconds_of(session: "Session", steps: float, size: int, batch: int) -> float:
    """Nominal seconds of so many steps of ``size`` px, decoding their images included."""
    from cvadvisor.probe.session import DECODE_S

    images = min(len(session.job.train), steps * batch)
    return steps * session.step_seconds(size, batch) + DECODE_S * images / session.job.cores


def needed(session: "Session", plan: "TrainingPlan", steps: float) -> "list[Sample]":
    """The training images that ``steps`` steps can show at most."""
    return session.job.train[: max(plan.batch_size, math.ceil(steps * plan.batch_size))]


def training_images(session: "Session", plan: "TrainingPlan", size: int, samples: "list[Sample]") -> TrainingImages:
    """``samples`` as training crops of ``size`` px need them.

    Raises:
        NotChecked: not one can be read.
    """
    side = math.ceil(size / plan.crop_scale**0.5)
    images = session.whole_images(side, samples)
    if not len(images.labels):
        raise NotChecked("not one training image can be read")
    return images


def train(
    session: "Session",
    plan: "TrainingPlan",
    images: TrainingImages,
    *,
    rate: float,
    steps: int,
    seed: int,
    size: int,
) -> Any | None:
    """A model trained for ``steps`` steps at the peak rate ``rate``; ``None`` if its loss left all bounds.

    Training stops with ``NotChecked`` at the session's deadline.
    """
    import torch

    model = start(session, plan)
    batch = min(plan.batch_size, len(images.labels))
    order = batch_order(images.labels, plan.sampler, batch, steps, session.job.seed + seed)
    head_steps = _head_steps(plan, steps)
    bound, lost = HOPELESS * max(1.0, math.log(len(session.job.classes))), 0
    head_rate = rate if plan.strategy == "head-only" else plan.head_learning_rate
    for first, last, peak in ((0, head_steps, head_rate), (head_steps, steps, rate)):
        if first == last:
            continue
        optimizer = build_optimizer(model, plan, head_only=last <= head_steps)
        set_mode(model, frozen_statistics=plan.batch_norm == "frozen" or last <= head_steps)
        for step in range(first, last):
            loss = _step(
                session,
                model,
                optimizer,
                plan,
                images,
                order[step],
                rate=peak * rate_factor(plan, step - first, last - first),
                seed=session.job.seed + seed * 1_000_003 + step,
                size=size,
            )
            if step % LOOK_EVERY == LOOK_EVERY - 1 or step == last - 1:
                session.beat()
                value = float(loss)
                lost = lost + 1 if value > bound else 0
                if not math.isfinite(value) or lost > HOPELESS_LOOKS:
                    return None
    if not all(torch.isfinite(parameter).all() for parameter in model.parameters()):
        return None
    return model


def _head_steps(plan: "TrainingPlan", steps: int) -> int:
    """Of ``steps``, those that train the head alone."""
    if plan.strategy == "head-only":
        return steps
    return round(steps * plan.head_epochs / max(plan.epochs, 1)) if plan.strategy == "head-then-full" else 0


def start(session: "Session", plan: "TrainingPlan") -> Any:
    """A model as the script starts it: the head fitted to frozen features where that is planned, else at zero."""
    from cvadvisor.task import classification, network

    model = session.fresh_model()
    if plan.head_start == "probe" and session.fitted_head is not None:
        classification.start_head(model, *session.fitted_head)
    if plan.dropout > 0:
        import torch

        network.head(model).register_forward_pre_hook(
            lambda module, inputs: torch.nn.functional.dropout(inputs[0], plan.dropout, module.training)
        )
    return model


def judge(session: "Session", model: Any | None, pixels: "np.ndarray", labels: "np.ndarray") -> Judged:
    """``model`` on images (images, size, size, 3), uint8, in evaluation mode; one that broke down knows nothing."""
    import numpy as np
    import torch

    from cvadvisor.task import network

    chance = math.log(len(session.job.classes))
    if model is None:
        return Judged(np.full(len(labels), HOPELESS * chance), np.zeros(len(labels), bool))
    model.eval()
    losses, hits = [], []
    with torch.inference_mode():
        for begin in range(0, len(labels), EVALUATION_BATCH):
            y = torch.from_numpy(labels[begin : begin + EVALUATION_BATCH]).to(session.job.device)
            outputs = network.logits(model, session.batch(pixels[begin : begin + EVALUATION_BATCH])).float()
            losses.append(torch.nn.functional.cross_entropy(outputs, y, reduction="none").cpu().numpy())
            hits.append((outputs.argmax(1) == y).cpu().numpy())
            session.beat()
    # a single image that is wrong beyond all measure must not decide between two rates
    return Judged(np.nan_to_num(np.concatenate(losses), nan=np.inf).clip(max=HOPELESS * chance), np.concatenate(hits))


def rate_factor(plan: "TrainingPlan", step: int, steps: int) -> float:
    """Share of the peak rate at ``step`` of ``steps``: a linear warm-up, then half a cosine to zero."""
    warmup = round(plan.warmup_share * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


def build_optimizer(model: Any, plan: "TrainingPlan", *, head_only: bool) -> Any:
    """The script's optimiser: each layer at its share (lr_scale) of the rate; with ``head_only`` the head alone."""
    import torch
    from timm.optim import SGDW, param_groups_layer_decay

    from cvadvisor.task import network

    heads = {parameter for head in network.heads(model) for parameter in head.parameters()}
    for parameter in model.parameters():
        parameter.requires_grad_(not head_only or parameter in heads)
    spared = model.no_weight_decay() if hasattr(model, "no_weight_decay") else ()
    groups = param_groups_layer_decay(model, plan.weight_decay, spared, layer_decay=plan.layer_decay)
    if plan.optimizer == "sgd":
        return SGDW(groups, lr=0.0, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=0.0)


def set_mode(model: Any, *, frozen_statistics: bool) -> None:
    """Training mode; batch normalisation keeps its statistics where they are frozen."""
    from torch import nn

    model.train()
    for module in model.modules():
        if frozen_statistics and isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def batch_order(labels: "np.ndarray", sampler: str, batch: int, steps: int, seed: int) -> "np.ndarray":
    """Indices (steps, batch) of the images of each step: epoch after epoch in random order, or balanced by class."""
    import numpy as np

    generator = np.random.default_rng(seed)
    n = len(labels)
    if sampler == "class-balanced":
        weight = 1 / np.bincount(labels)[labels]
        return generator.choice(n, (steps, batch), p=weight / weight.sum())
    each = n // batch  # the last, smaller batch of an epoch is dropped, as in the script
    epochs = [generator.permutation(n)[: each * batch].reshape(each, batch) for _ in range(-(-steps // each))]
    return np.concatenate(epochs)[:steps]


def _step(
    session: "Session",
    model: Any,
    optimizer: Any,
    plan: "TrainingPlan",
    images: TrainingImages,
    chosen: "np.ndarray",
    *,
    rate: float,
    seed: int,
    size: int,
) -> "torch.Tensor":
    """One step of training; gives its loss, still on the device."""
    import numpy as np
    import torch
    from torchvision.transforms import v2

    from cvadvisor.probe.augment import augment
    from cvadvisor.task import network

    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    device = session.job.device
    y: torch.Tensor = torch.from_numpy(images.labels[chosen]).to(device)
    whole = torch.from_numpy(images.pixels[chosen]).to(device).permute(0, 3, 1, 2).float().div_(255)
    x = session.normalise(augment(whole, images.aspects[chosen], plan, size))
    if plan.random_erasing > 0:
        erase = v2.RandomErasing(plan.random_erasing)
        x = torch.stack([erase(image) for image in x])
    classes = len(session.job.classes)
    mixers = [v2.MixUp(alpha=plan.mixup, num_classes=classes)] if plan.mixup > 0 else []
    mixers += [v2.CutMix(alpha=plan.cutmix, num_classes=classes)] if plan.cutmix > 0 else []
    if mixers:
        x, y = mixers[int(torch.randint(len(mixers), ()))](x, y)
    for group in optimizer.param_groups:
        group["lr"] = rate * group["lr_scale"]
    with session.autocast(plan.precision):
        logits = network.logits(model, x)
    loss = torch.nn.functional.cross_entropy(logits.float(), y, label_smoothing=plan.label_smoothing)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], GRADIENT_NORM)
    optimizer.step()
    return loss.detach()
