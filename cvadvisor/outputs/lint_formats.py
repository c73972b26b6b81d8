"""Render the linter's report in any of its formats; each is imported when it is asked for."""

from typing import Literal

from cvadvisor.lint_report import LintReport

LintFormat = Literal["text", "json", "github", "sarif", "junit", "gitlab", "markdown", "html"]


def render(
    report: LintReport,
    format: LintFormat,
    *,
    width: int = 80,
    color: bool = False,
    ascii_only: bool = False,
    verbose: bool = False,
) -> str:
    """The report in ``format``; the other arguments are for 'text' (see :func:`cvadvisor.outputs.lint_text.render`)."""
    match format:
        case "text":
            from cvadvisor.outputs import lint_text

            return lint_text.render(report, width=width, color=color, ascii_only=ascii_only, verbose=verbose)
        case "json":
            from cvadvisor.outputs import lint_json

            return lint_json.render(report)
        case "github":
            from cvadvisor.outputs import lint_github

            return lint_github.render(report)
        case "sarif":
            from cvadvisor.outputs import lint_sarif

            return lint_sarif.render(report)
        case "junit":
            from cvadvisor.outputs import lint_junit

            return lint_junit.render(report)
        case "gitlab":
            from cvadvisor.outputs import lint_gitlab

            return lint_gitlab.render(report)
        case "markdown":
            from cvadvisor.outputs import lint_markdown

            return lint_markdown.render(report)
        case "html":
            from cvadvisor.outputs import lint_html

            return lint_html.render(report)
