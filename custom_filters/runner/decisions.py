"""`c7n-unused decisions check`: do the decisions of a review still hold?"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from custom_filters.core.decision import DecisionError, Decisions, parse, problems, report_sha256
from custom_filters.core.decision import basis_sha256 as basis
from custom_filters.core.errors import InputError
from custom_filters.runner.exits import EVALUATED, FINDINGS, NOT_EVALUATED, WRONG_INPUT, worst

#: What is wrong with a decision -> the exit code; the other states are 1.
_CODES = {"self": WRONG_INPUT, "future": WRONG_INPUT}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def decisions() -> None:
    """Check what reviewers decided."""


@decisions.command()
@click.argument("file", type=_FILE)
@click.option(
    "--report", "report_file", type=_FILE, required=True, help="report.json of now, or of the review."
)
@click.pass_context
def check(ctx: click.Context, file: Path, report_file: Path) -> None:
    """Check FILE (decisions.json) against a report.

    Exit code 0: every decision holds; 1: one does not any more, because the credential was used since,
    changed or is gone, or the decision ended; 2: the file is wrong, or somebody decided about themselves;
    3: a credential is not in the report, and the report has policies that were not evaluated.
    """
    report = _report(report_file)
    decided = parsed(file, file.read_bytes())
    try:
        found = problems(decided, report["findings"], datetime.now(timezone.utc))
        seen = report_sha256(map(basis, report["findings"]))
        blind = not all(e["evaluated"] for e in report["evaluations"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{report_file} is not a report of c7n-unused in JSON: {error}") from error
    for _, sentence in found.values():
        click.echo(sentence, err=True)
    if seen != decided.report_sha256:
        click.echo("The decisions were made on another report; each was compared with this one.")
    click.echo(f"{len(decided.by_uid) - len(found)} of {len(decided.by_uid)} decisions hold.")
    ctx.exit(worst(EVALUATED, *(_code(what, blind) for what, _ in found.values())))


def parsed(file: Path, content: bytes) -> Decisions:
    """The decisions that a file holds; raises InputError."""
    try:
        return parse(content)
    except DecisionError as error:
        raise InputError(f"{file}: {error}") from error


def _code(what: str, blind: bool) -> int:
    return NOT_EVALUATED if blind and what == "unknown" else _CODES.get(what, FINDINGS)


def _report(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from error
    if not isinstance(content, dict) or not {"findings", "evaluations"} <= set(content):
        raise InputError(f"{file} is not a report: make one with c7n-unused report -f json")
    return content
