"""The command line: parse, call, exit code."""

import io
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from cvadvisor import __version__, lint_command, options, probe_command
from cvadvisor.command_errors import one_line_errors
from cvadvisor.config import DEFAULT_BUDGET_S, DEFAULT_MODEL

if TYPE_CHECKING:
    from cvadvisor import config
    from cvadvisor.advise.rule_file import Rule
    from cvadvisor.diagnosis import Diagnosis

app = typer.Typer(
    name="cvadvisor",
    help="Find out what is wrong with a dataset, a model or a training plan before it costs days of GPU time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

DEFAULT_OUT = "cvadvisor-out"

_INTERRUPTED = (
    "interrupted before there was anything to report; the images that were looked at are kept for the next audit."
)

FailOn = Literal["error", "warning", "never"]
RenderFormat = Literal["html", "text", "json", "script"]


def main() -> None:
    """Run the command line; what a terminal has no characters for is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # pydantic would look for plug-ins in every package that is installed, at every start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    app()


def _version(asked: bool) -> None:
    if asked:
        print(f"cvadvisor {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None: ...


@app.command()
def audit(
    data: options.Data,
    model: Annotated[str, typer.Option(help="A model of timm or torchvision, or file.py:build.")] = DEFAULT_MODEL,
    weights: options.Weights = "default",
    out: Annotated[Path | None, typer.Option(help="Folder for the results. (default: cvadvisor-out)")] = None,
    budget: Annotated[str, typer.Option(help="Time that probes may take: 90s, 5m, 1h.")] = f"{DEFAULT_BUDGET_S:.0f}s",
    log: Annotated[Path | None, typer.Option(help="CSV log of a training run to judge too.")] = None,
    device: options.Device = "auto",
    probes: Annotated[bool, typer.Option("--probes/--no-probes", help="Load the model and run short probes.")] = True,
    images: Annotated[bool, typer.Option("--images/--no-images", help="Show small pictures in the report.")] = True,
    seed: options.Seed = 0,
    epochs: options.Epochs = None,
    image_size: options.ImageSize = None,
    fail_on: Annotated[
        FailOn | None, typer.Option(help="Findings that make the exit code 1. (default: error)", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace results that are in the folder already.")] = False,
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
    """Inspect a dataset and a model, run short probes, and write a report, a recipe and a training script."""
    from cvadvisor import config
    from cvadvisor.project_config import find_config

    with one_line_errors(_INTERRUPTED):
        project = find_config(Path.cwd())
        kind, weights_file = config.parse_weights(weights)
        budget_s = config.parse_duration(budget)
        folder = config.prepare_out(out, DEFAULT_OUT, force=force)
        if out is None and folder.name != DEFAULT_OUT:
            print(f"{DEFAULT_OUT} exists: the results go to {folder}.", file=sys.stderr)
        settings = config.Settings(
            data=data,
            out=folder,
            model=model,
            weights=kind,
            weights_file=weights_file,
            log=log,
            budget_s=budget_s,
            device=device,
            probes=probes,
            images=images,
            seed=config.check_seed(seed),
            epochs=epochs,
            image_size=image_size,
            wishes=config.parse_wishes(
                layout, task, labels, image_column, label_column, split_column, group_column, group_pattern
            ),
            cache=cache,
            use_cache=not no_cache,
            rules=project.rules.with_command_line(rules or ()),
            columns=project.columns or None,
        )
        _exit(_run(settings), fail_on or project.fail_on or "error")


app.command()(probe_command.probe)
app.command()(lint_command.lint)
app.command()(lint_command.compare)
app.command()(lint_command.watch)


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option(help="Folder for the demo. (default: cvadvisor-demo)")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace results that are in the folder already.")] = False,
) -> None:
    """Plant flaws into a real dataset of digits, audit it, and check that every flaw is found."""
    from cvadvisor import demo as demonstration
    from cvadvisor.progress import on_stderr

    with one_line_errors(_INTERRUPTED):
        with on_stderr() as progress:
            shown = demonstration.run(out, progress, force=force)
        print(shown.text)
        raise typer.Exit(130 if shown.interrupted else 0 if shown.all_found else 1)


@app.command()
def render(
    audit_json: Annotated[Path, typer.Argument(help="The audit.json of an audit.")],
    format: Annotated[RenderFormat, typer.Option(help="What to make of it.")] = "text",
    output: Annotated[Path | None, typer.Option(help="File to write. (default: standard output)")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Make a report, a summary or the training script from an audit.json again."""
    from cvadvisor import outputs
    from cvadvisor.diagnosis import from_json

    with one_line_errors(_INTERRUPTED):
        text = outputs.render(from_json(audit_json), format)
        if output is None:
            sys.stdout.write(text)
        else:
            outputs.write_file(output, text, force=force)


@app.command()
def rule(
    code: Annotated[str, typer.Argument(help="Code or name of a rule, such as DAT012.")], rules: options.Rules = None
) -> None:
    """Explain one rule: what it looks for, why, what to do, and where that comes from."""
    from cvadvisor.advise.explain import explain

    with one_line_errors(_INTERRUPTED):
        print(explain(_all_rules(rules), code))


@app.command(name="rules")
def list_rules(rules: options.Rules = None) -> None:
    """List every rule."""
    from cvadvisor.advise.explain import overview

    with one_line_errors(_INTERRUPTED):
        print(overview(_all_rules(rules)))


def _all_rules(folders: list[Path] | None) -> "tuple[Rule, ...]":
    """The shipped rules, the project's and those in ``folders``, with the thresholds and severities of the project."""
    from cvadvisor.judging import all_rules
    from cvadvisor.project_config import find_config

    return all_rules(find_config(Path.cwd()).rules.with_command_line(folders or ()))


def _run(settings: "config.Settings") -> "Diagnosis":
    """Audit with a progress display, write the results, print the summary."""
    from cvadvisor.audit import audit as run_audit
    from cvadvisor.audit import write
    from cvadvisor.outputs import text
    from cvadvisor.progress import on_stderr

    signal.signal(signal.SIGINT, _interrupt_once)
    with on_stderr() as progress:
        diagnosis = run_audit(settings, progress)
    written = write(diagnosis, settings.out)
    print(text.render(diagnosis))
    print(f"Report:  {written['report.html']}")
    if "train.py" in written:
        print(f"Next:    python {written['train.py']} --epochs 1 --limit 200")
    if diagnosis.interrupted:
        print("Stopped early: what had been measured until then is in the report.")
    return diagnosis


def _interrupt_once(_number: int, _frame: object) -> NoReturn:
    """The first Ctrl-C stops the audit; a second must not lose the report that is being written."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("cvadvisor: interrupted; keeping what is known so far …", file=sys.stderr)
    raise KeyboardInterrupt


def _exit(diagnosis: "Diagnosis", fail_on: FailOn) -> NoReturn:
    """130 for an interrupted audit, 2 where the model could not be judged, 1 for findings to fail on, else 0."""
    if any(check.name == "model" and check.status == "failed" for check in diagnosis.checks):
        raise typer.Exit(2)
    failing = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[fail_on]
    raise typer.Exit(130 if diagnosis.interrupted else 1 if diagnosis.worst in failing else 0)
