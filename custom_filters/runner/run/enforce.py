"""`c7n-unused run --enforce`: a plan from a dry run first, then the question, then the run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import click

from custom_filters.core.errors import InputError
from custom_filters.core.journal import open_intents
from custom_filters.core.population import FILE_NAME, PopulationError, parse
from custom_filters.core.report import Report
from custom_filters.core.times import parse_time
from custom_filters.outputs.action_logs import journals
from custom_filters.outputs.collect import collect, evaluated_annotations
from custom_filters.outputs.run_folder import RunFolder
from custom_filters.reports.redact import redact_name
from custom_filters.runner.exits import EVALUATED, NOT_EVALUATED, worst
from custom_filters.runner.run.engine import Job, complete, conclude, done_in, evaluate
from custom_filters.runner.run.plan import (
    Step,
    exempt_elsewhere,
    limit_sentences,
    make_plan,
    plan_tables,
    undo_lines,
    untold,
    write_plan,
)
from custom_filters.runner.run.policy_files import Policy
from custom_filters.runner.run.reconcile import reconcile, reconciled_lines, write_outcome
from custom_filters.runner.tables import show


def check_can_ask(assume_yes: bool) -> None:
    """Raise InputError when nobody could answer the question."""
    if not assume_yes and not sys.stdin.isatty():
        raise InputError("--enforce asks before it changes anything, and this is not a terminal; add --yes.")


def run_enforcing(job: Job, *, assume_yes: bool) -> int:
    """Plan, ask, act, report; returns the exit code.

    Only providers whose plan is complete are acted on: what could not be evaluated is not touched.
    """
    _say(_left_open(job.out), job, "credentials were switched off by us, outcome not recorded")
    planned = evaluate(job, dryrun=True)
    report = collect([str(planned.path)])
    annotations = list(evaluated_annotations([str(planned.path)]))
    steps = make_plan(annotations, job.policies, _now(job))
    elsewhere = exempt_elsewhere(annotations, _exempt_in_reports(job))
    _say(elsewhere, job, "are exempt in reports only")
    write_plan(steps, planned.path / "plan.json")
    _show_plan(_without_names(steps, job.redact_key), planned.path / "plan.json", job.policies)
    ready = _ready(job, planned, report)
    code = EVALUATED if len(ready.batches) == len(job.batches) else NOT_EVALUATED
    if not ready.batches or not steps:
        click.echo("Nothing was changed.")
        return worst(code, conclude(planned, job, report))
    if not assume_yes and not click.confirm("Do this?", default=False):
        click.echo("Nothing was changed.")
        return worst(code, conclude(planned, job, report))
    done = evaluate(ready, dryrun=False, ask=False)
    _say_limits(done, ready)
    told = done_in(done, collect([str(done.path)]))
    rows = reconcile(steps, told.actions)
    write_outcome(rows, done.path / "outcome.json")
    for line in reconciled_lines(rows):
        if not (job.redact_key and line.startswith(" ")):  # such a line names a user
            click.echo(line)
    return worst(code, conclude(done, ready, told))


def _left_open(out: Path) -> list[str]:
    """A sentence for each credential that an earlier run switched off without recording the outcome."""
    earlier = journals([str(out)]) if out.is_dir() else []
    return open_intents(line for one in earlier for line in one.lines)


def _exempt_in_reports(job: Job) -> dict[tuple[str, str], str]:
    """Whom the newest run of each policy that is not of this plan calls exempt, and why."""
    mine = {(policy.provider, policy.name) for policy in job.policies}
    newest = {(p.parts[-3], p.parts[-2]): p for p in sorted(job.out.glob(f"[0-9]*Z-*/*/*/{FILE_NAME}"))}
    found = {}
    for path in (path for key, path in newest.items() if key not in mine):
        with suppress(OSError, PopulationError):
            told = parse(path.read_text(encoding="utf-8").splitlines())
            for row in told.rows:
                if row["verdict"] == "exempt":
                    found[told.provider, row["user_id"]] = str(row["reason"])
    return found


def _say(lines: list[str], job: Job, what: str) -> None:
    """Print lines that each name a user; with a key, only how many there are."""
    told = [f"{len(lines)} {what}"] if lines and job.redact_key else lines
    for line in told:
        click.echo(line)


def _without_names(steps: list[Step], key: bytes | None) -> list[Step]:
    """The steps as they are shown; with a key names are hashes, as in the reports."""
    if key is None:
        return steps
    kinds = (step.credential.partition(" ")[0] for step in steps)
    return [
        replace(s, user=redact_name(s.user, key), credential=k) for s, k in zip(steps, kinds, strict=True)
    ]


def _show_plan(steps: list[Step], complete: Path, policies: Iterable[Policy]) -> None:
    for table in plan_tables(steps):
        show(table)
    for line in (*undo_lines(steps), *untold(policies)):
        click.echo(line)
    click.echo(f"All of the plan, {len(steps)} steps: {complete}")


def _now(job: Job) -> datetime:
    moved = job.environment.get("C7N_UNUSED_NOW")
    return parse_time(moved) if moved else datetime.now(timezone.utc)


def _ready(job: Job, planned: RunFolder, report: Report) -> Job:
    """The job without the providers whose plan has gaps, which are named."""
    _say_limits(planned, job)
    ready = [batch for batch in job.batches if complete(report, batch.provider, planned)]
    for batch in job.batches:
        if batch not in ready:
            click.echo(
                f"{batch.provider} is not acted on: not all of its policies could be evaluated for the plan."
            )
    return replace(job, batches=tuple(ready))


def _say_limits(folder: RunFolder, job: Job) -> None:
    for sentence in limit_sentences(folder.path, job.policies):
        click.echo(sentence)
