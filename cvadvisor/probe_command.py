"""The command for one probe alone: parse, call, exit code. What it needs is imported when it runs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cvadvisor import options, terminal
from cvadvisor.command_errors import one_line_errors
from cvadvisor.config import DEFAULT_BUDGET_S, DEFAULT_MODEL

if TYPE_CHECKING:
    from cvadvisor import config
    from cvadvisor.probe_report import ProbeReport

ProbeName = Literal["lr", "features", "overfit", "batch", "race"]


def probe(
    name: Annotated[ProbeName, typer.Argument(help="The probe.", show_default=False)],
    data: options.Data,
    model: Annotated[str, typer.Option(help="The model, as for an audit.")] = DEFAULT_MODEL,
    weights: options.Weights = "default",
    budget: Annotated[str, typer.Option(help="Time that it may take: 30s, 5m, 1h.")] = f"{DEFAULT_BUDGET_S:.0f}s",
    device: options.Device = "auto",
    seed: options.Seed = 0,
    epochs: options.Epochs = None,
    image_size: options.ImageSize = None,
    format: Annotated[Literal["text", "json"], typer.Option(help="How to show what it found.")] = "text",
    output: Annotated[Path | None, typer.Option(help="File to write. (default: standard output)")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    layout: options.Layout = "auto",
    task: options.Task = "auto",
    labels: options.Labels = None,
    image_column: options.ImageColumn = None,
    label_column: options.LabelColumn = None,
    split_column: options.SplitColumn = None,
    group_column: options.GroupColumn = None,
    group_pattern: options.GroupPattern = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    rules: options.Rules = None,
) -> None:
    """Run one probe alone, with what it needs, and print what it measured."""
    from cvadvisor import config
    from cvadvisor.project_config import find_config

    with one_line_errors("interrupted."):
        kind, weights_file = config.parse_weights(weights)
        settings = config.Settings(
            data=data,
            out=Path(),
            model=model,
            weights=kind,
            weights_file=weights_file,
            budget_s=config.parse_duration(budget),
            device=device,
            seed=config.check_seed(seed),
            epochs=epochs,
            image_size=image_size,
            wishes=config.parse_wishes(
                layout, task, labels, image_column, label_column, split_column, group_column, group_pattern
            ),
            cache=cache,
            use_cache=not no_cache,
            rules=find_config(Path.cwd()).rules.with_command_line(rules or ()),
        )
        _refuse_existing(output, force=force)
        report = _run(settings, name)
        _deliver(report, format, output, force=force)
        if not report.is_done:
            from cvadvisor.outputs.probe_text import why_not

            print(f"cvadvisor: {why_not(report.check)}", file=sys.stderr)
            raise typer.Exit(2)


def _refuse_existing(output: Path | None, *, force: bool) -> None:
    """Before minutes of work rather than after them."""
    from cvadvisor.errors import UserError

    if output is not None and output.exists() and not force:
        raise UserError(f"{output} exists: name another --output, or add --force.")


def _run(settings: "config.Settings", name: str) -> "ProbeReport":
    from cvadvisor.probe_alone import probe_alone
    from cvadvisor.progress import on_stderr

    with on_stderr() as progress:
        return probe_alone(settings, name, progress)


def _deliver(report: "ProbeReport", format: str, output: Path | None, *, force: bool) -> None:
    from cvadvisor.outputs import probe_json, probe_text, write_file

    if format == "json":
        text = probe_json.render(report)
    elif output is not None:
        text = probe_text.render(report)
    else:
        text = probe_text.render(
            report, width=terminal.width(110, 100), color=terminal.color(), ascii_only=terminal.ascii_only()
        )
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_file(output, text, force=force)
