"""`c7n-unused run`: policies against the clouds, then the reports."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from custom_filters.core.errors import InputError
from custom_filters.core.policy_data import exemptions_of
from custom_filters.core.times import format_time
from custom_filters.core.verdict import SELECTABLE
from custom_filters.core.vocabulary import PROVIDERS
from custom_filters.runner.options import Time, cloud_option, words
from custom_filters.runner.run.policy_files import PolicyFile, choose, given, shipped
from custom_filters.runner.run.thresholds import apply_days, limited, parse_days
from custom_filters.runner.sandbox import move_clock

if TYPE_CHECKING:
    from custom_filters.runner.run.engine import Job

NOW = "C7N_UNUSED_NOW"
SANDBOX = "C7N_UNUSED_SANDBOX"


@click.command()
@words(
    "-p", "--provider", "providers", allowed=PROVIDERS, metavar="NAMES",
    help="aws,azure,gcp; default: those of the policies, or all that are installed.",
)  # fmt: skip
@click.option(
    "-s", "--output", default="out/runs", show_default=True, metavar="OUT",
    type=click.Path(file_okay=False, path_type=Path), help="Where the run's folder is made.",
)  # fmt: skip
@click.option(
    "--days", metavar="N[,N...]",
    help="Threshold instead of the policies' own, 1 to 400; several show what each would hit.",
)  # fmt: skip
@click.option(
    "--policy", "names", multiple=True, metavar="NAME", help="Only this policy; repeat it for more."
)
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only policies with this tag; or of --policy."
)
@click.option(
    "--max-resources", type=click.IntRange(1), metavar="N",
    help="A policy with actions that selects more changes nothing.",
)  # fmt: skip
@click.option("--enforce", is_flag=True, help="Act: mark, unmark, disable. Shows the plan and asks first.")
@click.option("--yes", is_flag=True, help="With --enforce: do not ask.")
@words(
    "--fail-on", allowed=SELECTABLE, some=False, metavar="VERDICTS",
    help="Exit with 1 on these, for example stale,never-used.",
)  # fmt: skip
@click.option("--redact", is_flag=True, help="Hash users, owners and credentials in all that is shown.")
@click.option(
    "--now", type=Time(), metavar="TIME", help="In the sandbox only: judge as of this time (RFC 3339)."
)
@click.argument("policies", nargs=-1, metavar="[POLICY...]", type=click.Path(path_type=Path))
@cloud_option
@click.pass_context
def run(
    ctx: click.Context,
    providers: tuple[str, ...],
    output: Path,
    days: str | None,
    names: tuple[str, ...],
    tags: tuple[str, ...],
    max_resources: int | None,
    enforce: bool,
    yes: bool,
    fail_on: tuple[str, ...],
    redact: bool,
    now: datetime | None,
    policies: tuple[Path, ...],
) -> None:
    """Run policies on each cloud, then report.

    The shipped policies, or the POLICY files. Each run makes a folder of its own in OUT.

    Without --enforce nothing is ever changed; with it IAM roles only where --policy, --tag or POLICY name
    their policies. With --redact the reports, the plan and the summary name
    nobody; what Custodian wrote, beside `report/` in the run's folder, still does. Exit code 1: findings at
    --fail-on; 2: wrong input; 3: something was not evaluated.
    """
    from custom_filters.runner.run.enforce import run_enforcing
    from custom_filters.runner.run.engine import Job, batches_of, commit_of, validate

    thresholds = parse_days(days)
    environment = _environment(now)
    _check(output, days if len(thresholds) > 1 else None, enforce=enforce, assume_yes=yes)
    chosen = choose(_files(policies, providers, enforce, all_of_them=bool(names or tags)), names, tags)
    files = limited(apply_days(chosen, thresholds), max_resources)
    _check_exemptions(files)
    with batches_of(files) as batches:
        if policies:
            validate(files, batches, environment)
        key = secrets.token_bytes(32) if redact else None
        commit = "" if days else commit_of(file.path for file in files)
        job = Job(batches, output, environment, frozenset(fail_on), key, commit)
        if enforce:
            ctx.exit(run_enforcing(job, assume_yes=yes))
        ctx.exit(_look(job, compare=len(thresholds) > 1))


def _check(output: Path, several_days: str | None, *, enforce: bool, assume_yes: bool) -> None:
    if "://" in str(output) or ":/" in str(output):
        raise InputError(f"-s {output}: a run is written to a local folder; copy it from there.")
    if enforce and several_days:
        raise InputError(f"--enforce takes one threshold, not --days {several_days}; choose one.")
    if enforce:
        from custom_filters.runner.run.enforce import check_can_ask

        check_can_ask(assume_yes)


def _check_exemptions(files: list[PolicyFile]) -> None:
    """A file of exemptions that cannot be taken is wrong input, found before anything is asked of a cloud."""
    from c7n.exceptions import PolicyExecutionError

    from custom_filters.custodian.exemptions import NONE, read_exemptions

    named = {where for file in files for policy in file.policies for where in exemptions_of(policy.data)}
    for where in sorted(named):
        if where == NONE or "://" in where:
            continue
        try:
            read_exemptions(where)
        except PolicyExecutionError as error:
            raise InputError(str(error)) from error


def _look(job: Job, *, compare: bool) -> int:
    from custom_filters.outputs.collect import collect
    from custom_filters.runner.run.engine import conclude, evaluate

    folder = evaluate(job, dryrun=True)
    return conclude(folder, job, collect([str(folder.path)]), compare=compare)


def _environment(at: datetime | None) -> dict[str, str]:
    """The children's environment; a moved clock is for the embedded clouds only."""
    environment = dict(os.environ)
    if (at or environment.get(NOW)) and SANDBOX not in environment:
        raise InputError(
            f"--now and {NOW} are for the sandbox only: real clouds are judged as of the real time."
        )
    if at is not None:
        move_clock(environment[SANDBOX], at)
        environment[NOW] = format_time(at)
    return environment


def _files(
    policies: tuple[Path, ...], named: tuple[str, ...], enforce: bool, *, all_of_them: bool
) -> list[PolicyFile]:
    """The given files or the shipped ones; roles-enforce.yml, which needs more rights, only if named."""
    if policies:
        return given(policies, named)
    return shipped("enforce" if enforce else "report", named, every=all_of_them or not enforce)
