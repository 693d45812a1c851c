"""Runs batches of policies in a fresh folder, and turns what came of it into reports and an exit code."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from custom_filters.core.errors import InputError
from custom_filters.core.outcome import outcomes, told, with_actions
from custom_filters.core.report import Report
from custom_filters.core.vocabulary import ACTIONS_FILE
from custom_filters.outputs.action_logs import journals, journals_of, lines_left_open, lines_of
from custom_filters.outputs.policy_output import last_error
from custom_filters.outputs.private import write_private
from custom_filters.outputs.run_folder import ChildEnd, RunFolder, new_run_folder
from custom_filters.reports.redact import redact, redact_line
from custom_filters.runner.exits import EVALUATED, NOT_EVALUATED, StoppedError, of_report, worst
from custom_filters.runner.report_files import DEFAULT_FORMATS, write_reports
from custom_filters.runner.run.children import (
    Batch,
    custodian,
    make_batches,
    run_children,
)
from custom_filters.runner.run.log_ins import refused
from custom_filters.runner.run.policy_files import Policy, PolicyFile
from custom_filters.runner.run.typos import typos
from custom_filters.runner.tables import not_evaluated_lines, progress, show, threshold_table, verdict_table

_GIT_SECONDS = 10
#: Custodian's schema check ends in the line `unknown`; what is wrong, and where, stands before it.
_REFUSED = re.compile(r"Error on policy:(.+?) resource:.*\n(.+)(?:[\s\S]*?\bOn instance(.*):\n)?")


@dataclass(frozen=True)
class Job:
    """What to run and where: `environment` is what the children see, `fail_on` are verdicts."""

    batches: tuple[Batch, ...]
    out: Path
    environment: Mapping[str, str]
    fail_on: frozenset[str] = frozenset()
    #: With a key, names are hashes in everything that a run prints and reports.
    redact_key: bytes | None = None
    #: That of the policies, as commit_of tells it.
    commit: str = ""

    @property
    def policies(self) -> list[Policy]:
        """The policies of all batches."""
        return [policy for batch in self.batches for policy in batch.policies]


@contextmanager
def batches_of(files: Sequence[PolicyFile]) -> Iterator[tuple[Batch, ...]]:
    """The batches, with the policy files that had to be written for them, for the length of a `with`."""
    with TemporaryDirectory(prefix="c7n-unused-") as workspace:
        yield tuple(make_batches(files, Path(workspace)))


def validate(files: Sequence[PolicyFile], batches: Sequence[Batch], environment: Mapping[str, str]) -> None:
    """Have Custodian validate the policies; raises InputError with what is wrong, and where."""
    paths = [str(path) for batch in batches for path in batch.files]
    done = subprocess.run(
        custodian("validate", *paths), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InputError(next(typos(files), None) or _refused(done.stderr or done.stdout, files))


def _refused(log: str, files: Sequence[PolicyFile]) -> str:
    found = _REFUSED.search(log)
    if found is None:
        return f"{', '.join(str(file.path) for file in files)}: not valid: {last_error(log)}"
    name, why, at = found.groups()
    path = next((file.path for file in files for policy in file.policies if policy.name == name), "")
    return f"{path}: policy {name}: {why}" + (f", at {at}" if at else "")


def evaluate(job: Job, *, dryrun: bool, latest: bool = True, ask: bool = True) -> RunFolder:
    """Run the batches in a new folder below `job.out`, whose manifest is written before and after.

    With `ask` each cloud's log-in is tried first, and a cloud where it does not work is not run. Raises
    StoppedError.
    """
    policies = [(policy.provider, policy.name, policy.resource) for policy in job.policies]
    origin = {"ran_by": ran_by(), "commit": job.commit}
    folder = new_run_folder(job.out, policies, dryrun=dryrun, latest=latest, **origin)
    try:
        stopped = refused([batch.provider for batch in job.batches], job.environment) if ask else {}
        going = [batch for batch in job.batches if batch.provider not in stopped]
        for provider, why in stopped.items() if going else ():  # else the report comes at once
            click.echo(f"{provider} is not evaluated. {why}", err=True)
        with progress(folder.path) as tick:
            ends = run_children(going, folder.path, dryrun=dryrun, environment=job.environment, tick=tick)
    except KeyboardInterrupt as error:
        raise StoppedError(" ".join(_so_far(folder.path))) from error
    return folder.end([*ends, *(ChildEnd(p, NOT_EVALUATED, "", why) for p, why in stopped.items())])


def _so_far(run: Path) -> Iterator[str]:
    """What a run that was stopped has changed, and how to go on."""
    found = journals([str(run)])
    lines = [line for one in found for line in one.lines]
    ends = outcomes(lines)  # an intent that none followed is among them
    done, begun = (sum(line[k] == v for line in ends) for k, v in (("result", "done"), ("step", "intent")))
    yield "stopped before the end."
    if not lines:
        yield "Nothing was changed. To go on, call the same command again."
        return
    yield f"Changes made: {done}. Begun, outcome not recorded: {begun}."
    yield f"Journal: {', '.join(one.where for one in found)}."
    yield "To go on, call the same command again: what is done is not done twice."
    yield f"To undo what was disabled: c7n-unused restore {run} --all."


def done_in(folder: RunFolder, report: Report) -> Report:
    """The report with what its run did."""
    return with_actions(report, lines_of(journals_of([str(folder.path)], report.evaluations)))


def conclude(folder: RunFolder, job: Job, report: Report, *, compare: bool = False) -> int:
    """Write the reports of a run, print its table and where the report is; returns the exit code.

    The table shows verdicts, or with `compare` what each threshold would hit.
    """
    actions = report.actions
    left = [line for line in lines_left_open([str(job.out)]) if line not in actions]
    report = with_actions(report, [*actions, *left]) if left else report
    if job.redact_key:
        report = redact(report, job.redact_key)
    written = write_reports(report, DEFAULT_FORMATS, folder.path / "report")
    if job.redact_key and actions:
        # The journals themselves stay where they are.
        lines = (f"{json.dumps(redact_line(line, job.redact_key))}\n".encode() for line in actions)
        write_private(folder.path / "report" / ACTIONS_FILE.replace(".jsonl", ".redacted.jsonl"), lines)
    page = next(path for path in written if path.suffix == ".html")
    show(threshold_table(job.policies, report) if compare else verdict_table(report))
    for line in (*told(report), *not_evaluated_lines(report), f"Report: {page}"):
        click.echo(line)
    ended_badly = any(child.exit_code for child in folder.children)
    return worst(of_report(report, job.fail_on), NOT_EVALUATED if ended_badly else EVALUATED)


def complete(report: Report, provider: str, folder: RunFolder) -> bool:
    """Whether a provider's policies were all evaluated and its child ended well."""
    told = all(e.evaluated for e in report.evaluations if e.provider == provider)
    return told and not any(child.exit_code for child in folder.children if child.provider == provider)


def ran_by() -> str:
    """Who started this run: the person and the workflow in GitHub Actions, else the login and the machine."""
    actor, run = os.environ.get("GITHUB_ACTOR"), os.environ.get("GITHUB_RUN_ID")
    if actor and run:
        where = f"{os.environ.get('GITHUB_SERVER_URL', '')}/{os.environ.get('GITHUB_REPOSITORY', '')}"
        return f"{actor} in {where}/actions/runs/{run}"
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # a container's user that has no name
        login = f"user {os.getuid()}"
    return f"{login} on {platform.node() or 'an unnamed machine'}"


def commit_of(files: Iterable[Path]) -> str:
    """The commits that hold these files as they are, one for each repository; "" where any file is not so."""
    commits = {_commit(path.resolve()) for path in files}
    return ", ".join(sorted(commits)) if all(commits) else ""


def _commit(path: Path) -> str:
    """The commit checked out where this file lies; "" without git, outside of a repository, or if changed."""
    as_committed = _git(path, "status", "--porcelain", "--ignored", "--", path.name) == ""
    return (_git(path, "rev-parse", "HEAD") or "") if as_committed else ""


def _git(path: Path, *args: str) -> str | None:
    """What git says; None where it cannot."""
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(path.parent), *args]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout.strip()
