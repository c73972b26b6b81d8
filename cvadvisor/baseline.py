"""Findings that are known already: a file of them, so that only new ones fail a build.

A finding is known by its rule, its log and which run of the log it is about, never by what was measured: a loss that
moves in the third digit is no new finding.
"""

import dataclasses
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from cvadvisor.errors import UserError
from cvadvisor.inspect.printable import printable
from cvadvisor.lint_report import LintedRun, LintReport

BASELINE_VERSION = "1"
# A finding takes under 1 kB: a project with a hundred thousand known ones has other worries.
_MOST_BYTES = 100_000_000
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


def fingerprint(code: str, run: LintedRun, folder: Path | None = None) -> str:
    """What a finding is known by: 32 hexadecimal digits that depend on rule, log and run number alone.

    The log counts by its path from ``folder``, or else from the working folder.
    """
    path = run.path if folder is None else Path(os.path.relpath(run.path, folder)).as_posix()
    subject = "\n".join((code, path, str(run.number)))
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def to_json(report: LintReport, folder: Path) -> str:
    """A baseline that holds every finding of ``report``, for a file in ``folder``."""
    findings = [
        {
            "fingerprint": fingerprint(finding.code, run, folder),
            "code": finding.code,
            "name": finding.name,
            "path": run.path,
            "run": run.number,
        }
        for run in report.runs
        for finding in run.findings
    ]
    findings.sort(key=lambda one: (str(one["path"]), one["run"], str(one["code"])))
    return json.dumps({"cvadvisor_baseline": BASELINE_VERSION, "findings": findings}, indent=2) + "\n"


def read_baseline(file: Path) -> frozenset[str]:
    """The fingerprints in a baseline.

    Raises:
        UserError: it cannot be read, or is no baseline of ours.
    """
    said = _load(file)
    version = said.get("cvadvisor_baseline")
    if version != BASELINE_VERSION:
        raise UserError(
            f"{printable(file)} has baseline version {version!r:.20}; this cvadvisor reads {BASELINE_VERSION!r}: "
            "write it again with --write-baseline."
        )
    listed = said.get("findings")
    prints = [one.get("fingerprint") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if not isinstance(listed, list) or not all(isinstance(one, str) and _FINGERPRINT.fullmatch(one) for one in prints):
        raise _no_baseline(file)
    return frozenset(str(one) for one in prints)


def apply(report: LintReport, known: frozenset[str], folder: Path) -> LintReport:
    """``report`` with the findings that are known marked as such."""
    runs = tuple(
        dataclasses.replace(
            run,
            findings=tuple(
                dataclasses.replace(
                    finding, known_before=finding.known_before or fingerprint(finding.code, run, folder) in known
                )
                for finding in run.findings
            ),
        )
        for run in report.runs
    )
    return dataclasses.replace(report, runs=runs)


def _load(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        said = json.loads(data) if len(data) <= _MOST_BYTES else None
    except OSError as error:
        hint = ": make it with --write-baseline" if isinstance(error, FileNotFoundError) else ""
        raise UserError(f"The baseline {printable(file)} cannot be read: {error.strerror}{hint}.") from error
    except (ValueError, RecursionError) as error:
        raise _no_baseline(file) from error
    if not isinstance(said, dict) or "cvadvisor_baseline" not in said:
        raise _no_baseline(file)
    return said


def _no_baseline(file: Path) -> UserError:
    return UserError(f"{printable(file)} is no baseline of cvadvisor: make one with --write-baseline FILE.")
