"""What others do with a dataset, a backbone and its weights: run by benchmarks/advice.py in the peers' environment.

    VENV/bin/python benchmarks/advice_peer_runs.py TASK       # a JSON object; the last line printed is the answer

Each is used as its documentation shows, on the plain model of timm with a fresh head, and AdamW. Needs nothing of
cvadvisor.
"""

import contextlib
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

Task = dict[str, Any]
Answer = dict[str, Any]


def main() -> None:
    task = json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    if task["device"] == "auto":
        task["device"] = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(task["seed"])
    with tempfile.TemporaryDirectory(prefix="advice-peer-") as scratch:
        task["scratch"] = scratch
        here, began = Path.cwd(), time.monotonic()
        os.chdir(scratch)  # some of them leave files where they are run
        with contextlib.redirect_stdout(sys.stderr):
            answer = WHO[task["who"]](task)
        os.chdir(here)
        answer["seconds"] = time.monotonic() - began
    if "picks" in answer:  # what is no rate at all is no pick
        answer["picks"] = {
            name: float(rate) for name, rate in answer["picks"].items() if rate is not None and 0 < rate < math.inf
        }
    print(json.dumps(answer))


def folder(task: Task, split: str) -> ImageFolder:
    """A split as (tensor, class), augmented if it is for training, with the crop and flip of our script."""
    size = task["image_size"]
    if split == "train":
        steps = [v2.RandomResizedCrop(size, scale=(task["crop_scale"], 1.0))]
        steps += [v2.RandomHorizontalFlip()] if task["flip"] else []
    else:
        steps = [v2.Resize(size), v2.CenterCrop(size)]
    steps += [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(task["mean"], task["std"])]
    return ImageFolder(Path(task["data"]) / split, v2.Compose(steps))


def loader(task: Task, split: str) -> "DataLoader[Any]":
    train = split == "train"
    return DataLoader(folder(task, split), batch_size=task["batch_size"], shuffle=train, drop_last=train)


def network(task: Task) -> nn.Module:
    """The plain model with pretrained weights and the head that timm gives it."""
    model = timm.create_model(task["model"], pretrained=task["pretrained"], num_classes=len(classes(task)))
    load_backbone(model, task)
    return model


def classes(task: Task) -> list[str]:
    return sorted(place.name for place in (Path(task["data"]) / "train").iterdir())


def load_backbone(model: nn.Module, task: Task) -> None:
    """Load everything but the head from the weights file, if there is one."""
    if task["weights"]:
        from safetensors.torch import load_file

        own = model.state_dict()
        state = load_file(task["weights"])
        model.load_state_dict({k: v for k, v in state.items() if k in own and own[k].shape == v.shape}, strict=False)


@torch.no_grad()
def test_accuracy(model: nn.Module, task: Task) -> float:
    model.eval().to(task["device"])
    right = total = 0
    for x, y in loader(task, "test"):
        right += int((model(x.to(task["device"])).argmax(1).cpu() == y).sum())
        total += len(y)
    return right / total


# fastai


def fastai_loaders(task: Task) -> Any:
    from fastai.vision.all import Flip, ImageDataLoaders, Normalize, RandomResizedCrop, set_seed

    set_seed(task["seed"])
    return ImageDataLoaders.from_folder(
        task["data"], train="train", valid="validation", seed=task["seed"], bs=task["batch_size"], num_workers=0,
        item_tfms=RandomResizedCrop(task["image_size"], min_scale=task["crop_scale"]),
        batch_tfms=[*([Flip()] if task["flip"] else []), Normalize.from_stats(task["mean"], task["std"])],
        device=torch.device(task["device"]),
    )  # fmt: skip


def fastai_picks(task: Task) -> Answer:
    from fastai.callback.schedule import minimum, steep, valley
    from fastai.vision.all import CrossEntropyLossFlat, Learner

    learner = Learner(fastai_loaders(task), network(task), CrossEntropyLossFlat(), path=Path(task["scratch"]))
    with learner.no_bar():
        found = learner.lr_find(suggest_funcs=(valley, steep, minimum), show_plot=False)
    picks = {"valley": found.valley, "steep": found.steep, "minimum/10": found.minimum}
    return {"picks": picks, "steps": len(learner.recorder.lrs)}


def fastai_fine_tune(task: Task) -> Answer:
    from fastai.vision.all import accuracy, get_image_files, vision_learner

    learner = vision_learner(
        fastai_loaders(task), task["model"], pretrained=task["pretrained"], metrics=accuracy, path=Path(task["scratch"])
    )
    load_backbone(learner.model[0].model, task)
    learner.freeze()
    with learner.no_bar(), learner.no_logging():
        rate = learner.lr_find(show_plot=False).valley
        learner.fine_tune(max(1, task["epochs"] - 1), rate)
        test = learner.dls.test_dl(get_image_files(Path(task["data"]) / "test"), with_labels=True)
        _, right = learner.validate(dl=test)
    return {"accuracy": float(right), "rate": float(rate), "steps": task["epochs"] * len(learner.dls.train)}


# torch-lr-finder


def torch_lr_finder_picks(task: Task) -> Answer:
    from torch_lr_finder import LRFinder

    model = network(task)
    finder = LRFinder(model, torch.optim.AdamW(model.parameters(), lr=1e-7), nn.CrossEntropyLoss(), task["device"])
    finder.range_test(loader(task, "train"), end_lr=10, num_iter=100)
    found = finder.plot(suggest_lr=True)
    pick = found[1] if isinstance(found, tuple) else None
    return {"picks": {"steepest": pick}, "steps": len(finder.history["lr"])}


# Lightning


def lightning_module(task: Task) -> Any:
    import lightning

    class Classifier(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.lr = network(task), 1e-3

        def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
            return nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=self.lr)

    lightning.seed_everything(task["seed"], verbose=False)
    return Classifier()


def lightning_trainer(task: Task, epochs: int) -> Any:
    import lightning

    return lightning.Trainer(
        max_epochs=epochs, accelerator="gpu" if task["device"].startswith("cuda") else "cpu", devices=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=task["scratch"],
    )  # fmt: skip


def lightning_pick(module: Any, task: Task) -> tuple[float | None, int]:
    from lightning.pytorch.tuner import Tuner

    finder = Tuner(lightning_trainer(task, 1_000)).lr_find(module, loader(task, "train"), update_attr=False)
    return (finder.suggestion(), len(finder.results["lr"])) if finder else (None, 0)


def lightning_picks(task: Task) -> Answer:
    pick, steps = lightning_pick(lightning_module(task), task)
    return {"picks": {"suggestion": pick}, "steps": steps}


def lightning_fit(task: Task) -> Answer:
    module = lightning_module(task)
    pick, _ = lightning_pick(module, task)
    module.lr = pick or module.lr
    batches = loader(task, "train")
    lightning_trainer(task, task["epochs"]).fit(module, batches)
    return {
        "accuracy": test_accuracy(module.model, task), "rate": module.lr, "steps": task["epochs"] * len(batches)
    }  # fmt: skip


# Hugging Face


class AsTransformer(nn.Module):
    """A classifier as the Trainer expects it: takes pixel_values and labels, gives loss and logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Images (batch, 3, size, size) and classes (batch,)."""
        logits = self.model(pixel_values)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def as_batch(items: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    return {"pixel_values": torch.stack([x for x, _ in items]), "labels": torch.tensor([y for _, y in items])}


def hugging_face(task: Task) -> Answer:
    from transformers import Trainer, TrainingArguments

    arguments = TrainingArguments(
        output_dir=task["scratch"], per_device_train_batch_size=task["batch_size"], num_train_epochs=task["epochs"],
        dataloader_drop_last=True, remove_unused_columns=False, report_to=[], save_strategy="no", seed=task["seed"],
        use_cpu=task["device"] == "cpu", disable_tqdm=True,
    )  # fmt: skip
    model = network(task)
    trainer = Trainer(AsTransformer(model), arguments, data_collator=as_batch, train_dataset=folder(task, "train"))
    trainer.train()
    return {
        "accuracy": test_accuracy(model, task), "rate": arguments.learning_rate, "steps": trainer.state.global_step
    }  # fmt: skip


WHO: dict[str, Callable[[Task], Answer]] = {
    "fastai": fastai_picks,
    "fastai fine_tune": fastai_fine_tune,
    "torch-lr-finder": torch_lr_finder_picks,
    "Lightning": lightning_picks,
    "Lightning fit": lightning_fit,
    "Hugging Face": hugging_face,
}

if __name__ == "__main__":
    main()
