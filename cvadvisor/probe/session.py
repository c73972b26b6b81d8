"""What probes share inside the worker: the model, the images at one size, the device and the clock.

Plans rest on *nominal* time, counted from operations and memory traffic and scaled to the machine in powers of two, so
that the same seed and budget give the same plan on one machine; the real clock stops a probe that overruns, and where
it would (see ``training.keep_to_the_clock``), the probe plans less.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvadvisor.facts import ModelFacts
from cvadvisor.inspect import model as models
from cvadvisor.inspect.dataset.places import Place
from cvadvisor.probe import images
from cvadvisor.probe.declaration import NotChecked
from cvadvisor.probe.training_plan import TrainingPlan

if TYPE_CHECKING:
    import numpy as np
    import torch

    from cvadvisor.probe.training import TrainingImages


CORE_FLOPS_PER_S = 75e9
CORE_VALUES_PER_S = 1e9
"""Speed of one processor core in convolutions and in writing activations: fitted to six timm models, within 30 %."""
GPU_SPEEDUP = 100.0
"""A GPU over a core: low on purpose, as probes are short and start cold."""
STEP_OVERHEAD_S = 0.02
"""What a training step takes however small the model is: the optimiser, and the Python around it."""
BACKWARD_COST = 4.0
"""A training step over a forward pass, in time."""
DECODE_S = 0.004
"""Decoding and resizing one photo."""


@dataclass
class Sample:
    """One image that probes may use: where it is in the dataset, and its class's index."""

    place: Place
    label: int
    leaked: bool = False
    """Held out, and the same image as a training image."""

    @property
    def path(self) -> str:
        """Its path relative to the dataset."""
        return self.place.path


@dataclass
class Job:
    """Everything the worker is told. The device may be 'auto' until the worker has looked."""

    root: str
    """The dataset: a folder, or an archive."""
    classes: list[str]
    train: list[Sample]
    held_out: list[Sample]
    held_out_from: str
    train_images: int
    """Images in the dataset's training split, of which ``train`` may be a draw."""
    model: str
    weights: str
    weights_file: str | None
    device: str
    cores: int
    seed: int
    budget_s: float
    save_weights: str | None = None
    validation_images: int | None = None
    """Images that the script validates on, of which ``held_out`` may be a draw."""


@dataclass
class Session:
    """The worker's state. Probes read it; each takes a fresh copy of the model and leaves nothing behind."""

    job: Job
    report: Callable[[int, int], None]
    image_size: int = 0
    facts: ModelFacts | None = None
    plan: TrainingPlan | None = None
    """The recipe as far as it is known; ``None`` until the probes before training have run."""
    converted: bool = False
    channels_last: bool = True
    """Whether the model may have its channels last in memory: not a user's own, which may use ``view`` on maps."""
    slowdown: float = 1.0
    """This machine's real time over nominal time, as a power of two; see :mod:`cvadvisor.probe.calibration`."""
    fetching_s: float = 0.0
    """Seconds that finding or downloading the weights took: no part of the budget."""
    allowance: float = float("inf")
    """Seconds that the running probe may plan with."""
    deadline: float = float("inf")
    """When it is stopped, by the monotonic clock."""
    fitted_head: "tuple[np.ndarray, np.ndarray] | None" = None
    statistics: "dict[str, torch.Tensor] | None" = None
    """Batch-norm statistics of the training images, by name, where these suit the data better than the source's: the
    script measures them anew then, and the fitted head is theirs."""
    features: "dict[str, np.ndarray]" = field(default_factory=dict)
    _model: Any = None
    _nominal_s: dict[int, float] = field(default_factory=dict)
    _progress: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self._images = images.Images(Path(self.job.root))

    def load_model(self) -> ModelFacts:
        """Build the model, load its weights and state its facts.

        Raises:
            ModelError: the name or the weights file is wrong.
        """
        import torch

        job = self.job
        models.check_name(job.model)
        started = time.monotonic()
        file = Path(job.weights_file) if job.weights_file else None
        weights = models.load_weights(job.model, job.weights, file, len(job.classes))
        self.fetching_s = time.monotonic() - started
        torch.manual_seed(job.seed)
        self._model = models.create(job.model, len(job.classes))
        models.load_into(self._model, weights)
        self.facts = models.describe(self._model, job.model, weights)
        self.channels_last = models.own_file(job.model) is None and models.takes_channels_last(self._model)
        if job.save_weights and weights.converted and weights.state is not None:
            models.save_state(weights.state, Path(job.save_weights))
            self.converted = True
        return self.facts

    def fresh_model(self, *, library_head: bool = False) -> Any:
        """A copy of the loaded model on the device, as the script starts it but for a head at zero.

        With ``library_head`` it is the model as it was made.
        """
        from cvadvisor.task import classification

        model = copy.deepcopy(self._model)
        if not library_head:
            classification.start_head(model)
            model.load_state_dict(self.statistics or {}, strict=False)
        return model.to(self.job.device, memory_format=self.memory_format)

    @property
    def memory_format(self) -> "torch.memory_format":
        """How the model and its inputs lie in memory, as in the script: on Apple's devices channels last is unsound."""
        import torch

        last = self.channels_last and self.job.device != "mps"
        return torch.channels_last if last else torch.contiguous_format

    @property
    def script_train_images(self) -> int:
        """Training images of an epoch of the script: without those that it holds out of them."""
        held_out = self.script_validation_images if self.job.held_out_from == "train" else 0
        return max(len(self.job.train), self.job.train_images - held_out)

    @property
    def script_validation_images(self) -> int:
        """Images that the script validates on."""
        known = self.job.validation_images
        return len(self.job.held_out) if known is None else known

    @property
    def select(self) -> list[Sample]:
        """Held-out images by which probes choose: every second one, without those that training holds too."""
        return [sample for sample in self.job.held_out if not sample.leaked][::2]

    @property
    def judge(self) -> list[Sample]:
        """Held-out images that nothing was chosen by: they say how good the choice is."""
        return [sample for sample in self.job.held_out if not sample.leaked][1::2]

    def images(self, size: int, samples: list[Sample]) -> "tuple[np.ndarray, np.ndarray, list[str]]":
        """Pixels (images, size, size, 3) as uint8, labels (images,) and paths of ``samples``; decoded once."""
        return self._images.load(samples, size, self.tick)

    def whole_images(self, side: int, samples: list[Sample]) -> "TrainingImages":
        """``samples`` whole, squeezed into squares of ``side`` px; decoded once."""
        return self._images.load_whole(samples, side, self.tick)

    def batch(self, pixels: "np.ndarray") -> "torch.Tensor":
        """Pixels (images, size, size, 3), uint8, as the model's input (images, 3, size, size) on the device."""
        import torch

        return self.normalise(torch.from_numpy(pixels).to(self.job.device).permute(0, 3, 1, 2).float().div_(255))

    def normalise(self, x: "torch.Tensor") -> "torch.Tensor":
        """Images (images, 3, height, width) in 0…1 as the model's weights expect them."""
        import torch

        assert self.facts is not None
        mean = torch.tensor(self.facts.mean, device=x.device).view(1, -1, 1, 1)
        std = torch.tensor(self.facts.std, device=x.device).view(1, -1, 1, 1)
        return ((x - mean) / std).contiguous(memory_format=self.memory_format)

    def tick(self, done: int, total: int) -> None:
        """Report progress, and stop a probe that has overrun its time.

        Raises:
            NotChecked: the budget is used up.
        """
        self._progress = done, total
        self.beat()

    def beat(self) -> None:
        """As :meth:`tick`, in the middle of what was last reported."""
        self.report(*self._progress)
        if time.monotonic() > self.deadline:
            budget = _next_budget(self.job.budget_s)
            raise NotChecked("the time budget was used up before it could finish", f"--budget {budget}")

    def autocast(self, precision: str) -> "torch.autocast":
        """The context that the script runs the model in: half precision on a GPU where ``precision`` is 'auto'."""
        import torch

        kind = torch.device(self.job.device).type
        dtype = torch.float32
        if precision == "auto" and kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
            dtype = torch.bfloat16  # without it the script uses float16 with a scaler, which a probe can do without
        return torch.autocast(kind, dtype, enabled=dtype is not torch.float32)

    def forward_seconds(self, size: int) -> float:
        """Nominal seconds of one image's forward pass at ``size`` px."""
        if size not in self._nominal_s:
            flops, values = _operations(self._model, size)
            speed = self.job.cores if self.job.device == "cpu" else GPU_SPEEDUP
            self._nominal_s[size] = (flops / CORE_FLOPS_PER_S + values / CORE_VALUES_PER_S) / speed
        return self.slowdown * self._nominal_s[size]

    def step_seconds(self, size: int, batch: int) -> float:
        """Nominal seconds of one training step."""
        return BACKWARD_COST * batch * self.forward_seconds(size) + STEP_OVERHEAD_S * self.slowdown

    def sizes(self) -> list[int]:
        """Input sizes a training probe may use, largest first: the planned one, then smaller ones that save time."""
        assert self.facts is not None
        planned = self.image_size
        if self.facts.fixed_input_size:
            return [planned]
        return [planned, *(size for size in (160, 128, 96, 64) if size < planned)]

    def seed_everything(self, offset: int = 0) -> None:
        """Start a probe from the job's seed, plus ``offset``."""
        import random

        import numpy
        import torch

        seed = self.job.seed + offset
        random.seed(seed)
        numpy.random.seed(seed % 2**32)
        torch.manual_seed(seed)


def _operations(model: Any, size: int) -> tuple[float, float]:
    """Floating-point operations and activation values of one forward pass of one image."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    values = 0

    def count(_module: Any, _inputs: Any, output: Any) -> None:
        nonlocal values
        values += output.numel() if isinstance(output, torch.Tensor) else 0

    hooks = [m.register_forward_hook(count) for m in model.modules() if not list(m.children())]
    was_training = model.training
    try:
        model.eval()
        with FlopCounterMode(display=False) as counter, torch.enable_grad():  # without, it fails on some models
            model(torch.zeros(1, 3, size, size))
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return float(counter.get_total_flops()), float(values)


def _next_budget(seconds: float) -> str:
    return f"{max(1, round(seconds * 2 / 60))}m"
