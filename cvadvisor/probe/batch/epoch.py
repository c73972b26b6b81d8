"""From the cost of an image to the time of an epoch and of a run: arithmetic, without a device."""

from dataclasses import dataclass, replace

from cvadvisor.facts import Estimate


@dataclass(frozen=True)
class Costs:
    """Seconds an image, measured one by one.

    Attributes:
        train: a training step of every layer.
        evaluate: a forward pass without gradients.
        load: reading and augmenting a training image in one process.
        load_plain: reading a validation image in one process.
    """

    train: Estimate
    evaluate: Estimate
    load: Estimate
    load_plain: Estimate


@dataclass(frozen=True)
class Work:
    """What an epoch of the script is made of.

    Attributes:
        train_images: images of its training split.
        validation_images: images of its validation split.
        batch: images a step.
        workers: processes that read images; 0 if the script reads them itself.
        cores: processor cores.
        on_processor: whether the device is the processor itself, which then reads images and trains at once.
    """

    train_images: int
    validation_images: int
    batch: int
    workers: int
    cores: int
    on_processor: bool

    @property
    def trained_images(self) -> int:
        """Training images of an epoch: an incomplete last batch is dropped, unless it is the only one."""
        return self.train_images // self.batch * self.batch or self.train_images


def pass_seconds(compute: Estimate, load: Estimate, images: int, work: Work) -> Estimate:
    """Seconds to load and compute ``images``: one after the other, or at once with processes that load.

    Where the processor computes, reading takes cores from it: then neither the loaders nor all cores together may be
    asked for more than they have.
    """
    if work.workers == 0:
        return _sum(images, (1.0, compute), (1.0, load))
    loaders = 1 / min(work.workers, work.cores)
    share = 1 / work.cores if work.on_processor else 0.0
    if load.value * loaders > compute.value + load.value * share:
        return _sum(images, (loaders, load))
    return _sum(images, (1.0, compute), (share, load))


def loading_share(costs: Costs, work: Work) -> float:
    """Share of an epoch's training that waits for images, between 0 and 1."""
    whole = pass_seconds(costs.train, costs.load, 1, work).value
    return max(0.0, 1 - costs.train.value / whole) if whole > 0 else 0.0


def epoch_seconds(costs: Costs, work: Work, *, head_only: bool = False) -> Estimate:
    """Seconds of an epoch with its validation; training the head alone costs hardly more than a forward pass."""
    compute = costs.evaluate if head_only else costs.train
    return total(
        (1, pass_seconds(compute, costs.load, work.trained_images, work)),
        (1, pass_seconds(costs.evaluate, costs.load_plain, work.validation_images, work)),
    )


def run_seconds(
    costs: Costs, work: Work, *, strategy: str, starts_from_probe: bool, epochs: int, head_epochs: int
) -> Estimate:
    """Seconds of a run that does not stop early, with the features that the head starts from and the last evaluation.

    Args:
        costs: seconds an image.
        work: what an epoch is made of.
        strategy: 'probe-only', 'head-only', 'head-then-full' or 'full', as in the recipe.
        starts_from_probe: whether the head is fitted to frozen features first.
        epochs: epochs in all.
        head_epochs: of these, with the backbone frozen.
    """
    evaluation = pass_seconds(costs.evaluate, costs.load_plain, work.validation_images, work)
    features = pass_seconds(costs.evaluate, costs.load_plain, work.train_images, work)
    passes = [(1, evaluation)]
    if starts_from_probe or strategy == "probe-only":
        passes += [(1, features), (1, evaluation)]
    if strategy != "probe-only":
        head = {"head-only": epochs, "head-then-full": min(head_epochs, epochs)}.get(strategy, 0)
        passes += [(head, epoch_seconds(costs, work, head_only=True)), (epochs - head, epoch_seconds(costs, work))]
    return total(*passes)


def total(*parts: tuple[int, Estimate]) -> Estimate:
    """The sum of estimates, each taken so many times. What was measured once and errs, errs alike each time."""
    low, high = (sum(times * getattr(part, end) for times, part in parts) for end in ("low", "high"))
    value = sum(times * part.value for times, part in parts)
    return Estimate(value=value, low=low, high=high, n=min(part.n for _, part in parts))


def _sum(images: int, *parts: tuple[float, Estimate]) -> Estimate:
    """``images`` times a weighted sum of independent estimates: their half-widths add as squares."""
    value = images * sum(weight * part.value for weight, part in parts)
    below = images * sum((weight * (part.value - part.low)) ** 2 for weight, part in parts) ** 0.5
    above = images * sum((weight * (part.high - part.value)) ** 2 for weight, part in parts) ** 0.5
    n = min(part.n for _, part in parts)
    return replace(parts[0][1], value=value, low=max(0.0, value - below), high=value + above, n=n)
