"""The commands on training logs: parse, call, exit code. What they need is imported when they run."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from cvadvisor import options, terminal
from cvadvisor.command_errors import one_line_errors
from cvadvisor.errors import UserError

if TYPE_CHECKING:
    from cvadvisor.lint_report import LintReport
    from cvadvisor.project_config import ProjectConfig
    from cvadvisor.rule_settings import RuleSettings

FailOn = Literal["error", "warning", "never"]
Format = Literal["text", "json", "github", "sarif", "junit", "gitlab", "markdown", "html"]

_RULES = "Rules by code, beginning of codes or name: several with commas, or the option repeated."
_MAP = "What a column is: COLUMN=train/loss, COLUMN=val/accuracy, COLUMN=learning_rate …"
_FAILING = {"error": ("error",), "warning": ("error", "warning"), "never": ()}
# Starting makes hundreds of thousands of objects that stay: to look for garbage among them is a tenth of a short run.
_OBJECTS_A_COLLECTION = 100_000
# GitHub takes a summary of up to 1 MiB a step.
_MOST_SUMMARY = 1_000_000

Paths = Annotated[list[Path], typer.Argument(help="Training logs, or folders to search for them.", show_default=False)]
Select = Annotated[list[str] | None, typer.Option("--select", help=f"Judge by these only. {_RULES}")]
Ignore = Annotated[list[str] | None, typer.Option("--ignore", help=f"Leave out their findings. {_RULES}")]
Columns = Annotated[list[str] | None, typer.Option("--map", metavar="COLUMN=MEANING", help=_MAP)]
Data = Annotated[
    Path | None, typer.Option("--data", help="The audit.json of the dataset: its classes say what chance is.")
]


def lint(
    paths: Paths,
    data: Data = None,
    format: Annotated[Format, typer.Option(help="What to make of the findings.")] = "text",
    output: Annotated[Path | None, typer.Option(help="File to write. (default: standard output)")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    rules: options.Rules = None,
    select: Select = None,
    ignore: Ignore = None,
    fail_on: Annotated[
        FailOn | None, typer.Option(help="Findings that make the exit code 1. (default: error)", show_default=False)
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="Findings that are known: they do not fail.")] = None,
    write_baseline: Annotated[Path | None, typer.Option(help="Write every finding to this baseline.")] = None,
    map_: Columns = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what columns were taken for, and what was not checked.")
    ] = False,
) -> None:
    """Read training logs as they are, and say what is wrong with each run and what to change."""
    with one_line_errors("interrupted."), _few_collections():
        config = _config()
        report = _linted(paths, data, config, _settings(config, rules, select, ignore), _columns(config, map_))
        known_in = baseline or (None if write_baseline else config.baseline)
        report = _with_baseline(report, known_in, write_baseline, force=force)
        _deliver(report, format, output, force=force, verbose=verbose)
        _exit(report, fail_on or config.fail_on or "error")


def compare(
    a: Annotated[Path, typer.Argument(help="A training log, or an audit.json.")],
    b: Annotated[Path, typer.Argument(help="Another of the same kind: what changed since the first.")],
    format: Annotated[Literal["text", "json"], typer.Option(help="What to make of it.")] = "text",
    output: Annotated[Path | None, typer.Option(help="File to write. (default: standard output)")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    fail_on: Annotated[
        Literal["regression", "never"], typer.Option(help="'regression': exit 1 where B is worse beyond noise.")
    ] = "never",
    map_: Columns = None,
) -> None:
    """Say which of two runs is better beyond noise, where they part, and what was set differently."""
    from cvadvisor.compare import compare as compared
    from cvadvisor.outputs import compare_text, write_file

    with one_line_errors("interrupted."):
        comparison = compared(a, b, columns=_columns(_config(), map_))
        if format == "json":
            text = compare_text.to_json(comparison)
        else:
            text = compare_text.render(
                comparison, width=terminal.width(100, 80), ascii_only=output is None and terminal.ascii_only()
            )
        _put(text, output, write_file, force=force)
        raise typer.Exit(1 if fail_on == "regression" and comparison.is_regression else 0)


def watch(
    path: Annotated[Path, typer.Argument(help="A log that grows, or the folder that it will be in.")],
    data: Data = None,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.05, max=3600.0)] = 1.0,
    stop_on: Annotated[
        Literal["error", "warning", "never"], typer.Option(help="Stop with exit code 1 at such a finding.")
    ] = "never",
    once_idle: Annotated[
        float | None, typer.Option(help="Stop after so many seconds without growth.", min=0.0, show_default=False)
    ] = None,
    rules: options.Rules = None,
    select: Select = None,
    ignore: Ignore = None,
    map_: Columns = None,
) -> None:
    """Follow a growing log, and print each finding when it first becomes certain."""
    from cvadvisor.watch import follow

    with one_line_errors("stopped watching."):
        config = _config()
        settings, columns = _settings(config, rules, select, ignore), _columns(config, map_)
        stopped = follow(
            path,
            lambda: _linted([path], data, config, settings, columns, say=False),
            _say_finding,
            interval_s=interval,
            stop_on=_FAILING[stop_on],
            once_idle_s=once_idle,
        )
        raise typer.Exit(1 if stopped else 0)


# ------------------------------------------------------------------------------------------------------- settings


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for garbage seldom."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_A_COLLECTION, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _config() -> "ProjectConfig":
    from cvadvisor.project_config import find_config

    return find_config(Path.cwd())


def _settings(
    config: "ProjectConfig", folders: list[Path] | None, select: list[str] | None, ignore: list[str] | None
) -> "RuleSettings":
    """The configuration's settings with the command line's."""
    return config.rules.with_command_line(folders or (), _split(select, "--select"), _split(ignore, "--ignore"))


def _split(given: list[str] | None, option: str) -> list[str]:
    named = [part.strip() for text in given or [] for part in text.split(",")]
    if given and not all(named):
        raise UserError(f"{option} {','.join(given)[:80]}: a rule's name is empty.")
    return named


def _columns(config: "ProjectConfig", given: list[str] | None) -> dict[str, str]:
    columns = dict(config.columns)
    for text in given or []:
        column, _, meaning = text.rpartition("=")
        if not column.strip() or not meaning.strip() or meaning.count("/") > 2:
            raise UserError(f"--map {text[:80]}: write COLUMN=split/quantity, such as 'acc=val/accuracy'.")
        columns[column.strip()] = meaning.strip()
    if columns:
        from cvadvisor.inspect.logs.columns import parse_meaning

        for meaning in columns.values():
            parse_meaning(meaning)
    return columns


def _linted(
    paths: list[Path],
    data: Path | None,
    config: "ProjectConfig",
    settings: "RuleSettings",
    columns: dict[str, str],
    *,
    say: bool = True,
) -> "LintReport":
    from cvadvisor.lint import lint as run_lint
    from cvadvisor.outputs.lint_words import unread

    report = run_lint(paths, data=data, columns=columns or None, settings=settings)
    seen = {name for run in report.runs for name in run.columns}
    for name in sorted(columns.keys() - seen) if say and report.runs else ():
        print(f"cvadvisor: no log that was read has a column {name[:80]!r}, which is mapped.", file=sys.stderr)
    for one in report.unreadable if say else ():
        print(f"cvadvisor: {unread(one)}", file=sys.stderr)
    return report


def _with_baseline(report: "LintReport", known_in: Path | None, write_to: Path | None, *, force: bool) -> "LintReport":
    """The report with known findings marked. A baseline replaces another one, but no file of another kind."""
    from cvadvisor import baseline
    from cvadvisor.outputs import write_file

    if known_in is not None:
        report = baseline.apply(report, baseline.read_baseline(known_in), known_in.parent)
    if write_to is not None:
        if write_to.exists() and not force:
            baseline.read_baseline(write_to)
        text = baseline.to_json(report, write_to.parent)
        write_file(write_to, text, force=True)
        report = baseline.apply(report, baseline.read_baseline(write_to), write_to.parent)
        print(f"cvadvisor: {write_to} holds {text.count('fingerprint')} findings.", file=sys.stderr)
    return report


# --------------------------------------------------------------------------------------------------------- output


def _deliver(report: "LintReport", format: Format, output: Path | None, *, force: bool, verbose: bool) -> None:
    from cvadvisor.outputs import lint_formats, write_file

    here = output is None
    text = lint_formats.render(
        report,
        format,
        width=terminal.width(100, 80) if here else 80,
        color=here and terminal.color(),
        ascii_only=here and terminal.ascii_only(),
        verbose=verbose,
    )
    _put(text, output, write_file, force=force)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if format == "github" and summary:
        _append_summary(report, Path(summary))


def _put(text: str, output: Path | None, write_file: Any, *, force: bool) -> None:
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_file(output, text, force=force)


def _append_summary(report: "LintReport", file: Path) -> None:
    """Add to the step's summary; what cannot be written there is no reason to fail."""
    from cvadvisor.outputs import lint_markdown

    try:
        used = file.stat().st_size if file.exists() else 0
        room = _MOST_SUMMARY - used
        if room > 1000:
            with file.open("a", encoding="utf-8") as stream:
                # A character may take four bytes.
                stream.write(lint_markdown.render(report, most_characters=room // 4) + "\n")
    except OSError as error:
        print(f"cvadvisor: the step summary cannot be written: {error.strerror}.", file=sys.stderr)


def _say_finding(report: "LintReport", run_index: int, finding_index: int) -> None:
    from cvadvisor.outputs.lint_text import one_finding

    run = report.runs[run_index]
    finding, width = run.findings[finding_index], terminal.width(100, 80)
    text = one_finding(run, finding, width=width, color=terminal.color(), ascii_only=terminal.ascii_only())
    print(text, flush=True)


def _exit(report: "LintReport", fail_on: FailOn) -> NoReturn:
    """2 where nothing could be judged, 1 for new findings to fail on, else 0."""
    from cvadvisor.outputs.lint_words import new_findings, was_judged

    if not any(map(was_judged, report.runs)):
        if report.runs or not report.unreadable:
            what = (
                "no rule could be judged on these logs; --verbose says why" if report.runs else "no training log found"
            )
            print(f"cvadvisor: {what}.", file=sys.stderr)
        raise typer.Exit(2)
    raise typer.Exit(1 if any(finding.severity in _FAILING[fail_on] for finding in new_findings(report)) else 0)
