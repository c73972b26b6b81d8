"""Options that several commands share: the model, how a dataset is laid out, and its cache."""

from pathlib import Path
from typing import Annotated, Literal

import typer

LAYOUT = "The dataset's layout, where the one that is found is not the one you mean"

LayoutName = Literal[
    "auto", "class-folders", "table", "huggingface", "lists", "webdataset", "coco", "yolo", "voc", "masks"
]
TaskName = Literal["auto", "classification", "multi-label", "detection", "segmentation"]

Data = Annotated[Path, typer.Argument(help="The dataset: a folder, or a .zip or .tar, in any usual layout.")]
Layout = Annotated[LayoutName, typer.Option(help="How the dataset is laid out.", rich_help_panel=LAYOUT)]
Task = Annotated[TaskName, typer.Option(help="What its labels are for.", rich_help_panel=LAYOUT)]
Labels = Annotated[
    str | None, typer.Option(help="Table of labels: CSV, TSV, JSON lines or Parquet.", rich_help_panel=LAYOUT)
]
ImageColumn = Annotated[str | None, typer.Option(help="Its column of file names.", rich_help_panel=LAYOUT)]
LabelColumn = Annotated[str | None, typer.Option(help="Its column of classes.", rich_help_panel=LAYOUT)]
SplitColumn = Annotated[str | None, typer.Option(help="Its column of splits.", rich_help_panel=LAYOUT)]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        help="Its column of what belongs in one split: person, series …; 'none' where nothing does.",
        rich_help_panel=LAYOUT,
    ),
]
GroupPattern = Annotated[
    str | None,
    typer.Option(
        help="Regular expression for what belongs in one split: its first group, or the whole match, in the path.",
        rich_help_panel=LAYOUT,
    ),
]
Weights = Annotated[str, typer.Option(help="'default' (pretrained), 'none', or a file.")]
Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where probes run.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Epochs to plan for. (by dataset size)")]
ImageSize = Annotated[int | None, typer.Option(min=16, max=4096, help="Input side in px. (by model)")]
RULES = "Folder of rules of your own, beside those that ship; the option repeated for several."
Rules = Annotated[list[Path] | None, typer.Option("--rules", metavar="DIR", help=RULES, show_default=False)]
Cache = Annotated[
    Path | None, typer.Option("--cache", help="Folder that keeps what the scan saw. (default: the user's cache)")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Look at every image anew, and keep nothing.")]
