"""`c7n-unused demo`: the embedded clouds, the shipped policies and a report; no account needed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from custom_filters.core.errors import InputError
from custom_filters.core.vocabulary import AWS, PROVIDERS
from custom_filters.runner.options import Time, words
from custom_filters.runner.sandbox import (
    DEFAULT_SEED,
    DEFAULT_USERS,
    sandbox_environment,
    start_sandbox,
)

if TYPE_CHECKING:
    from custom_filters.runner.run.policy_files import PolicyFile


@click.command()
@click.option(
    "--users", type=click.IntRange(1),
    help=f"Size of the company; default: {DEFAULT_USERS}, with --enforce what a minute allows.",
)  # fmt: skip
@click.option("--seed", default=DEFAULT_SEED, show_default=True, help="The same seed, the same company.")
@click.option("--now", type=Time(), metavar="TIME", help="The clouds' time (RFC 3339).")
@words(
    "--clouds", allowed=PROVIDERS, metavar="NAMES",
    help="aws,azure,gcp; default: all that are installed, with --enforce one: aws.",
)  # fmt: skip
@click.option("--enforce", is_flag=True, help="Mark, disable 15 days later, restore.")
@click.option(
    "-s", "--output", default="out/demo", show_default=True, metavar="OUT",
    type=click.Path(file_okay=False, path_type=Path), help="Where the run's folder is made.",
)  # fmt: skip
@click.pass_context
def demo(
    ctx: click.Context, users: int | None, seed: int, now: datetime | None, clouds: tuple[str, ...],
    enforce: bool, output: Path,
) -> None:  # fmt: skip
    """Show everything on embedded clouds.

    Runs the shipped policies on this machine and writes a report. With --enforce it acts on what it finds in
    one cloud, and undoes it. No account and no network needed.
    """
    if enforce:
        from custom_filters.runner.demo_enforce import demo_enforce

        chosen = clouds or (AWS,)
        if len(chosen) > 1:
            raise InputError(f"--enforce plays in one cloud, not in {', '.join(chosen)}; choose one.")
        ctx.exit(demo_enforce(chosen[0], users, seed, now, output))
    from custom_filters.runner.run.policy_files import shipped

    users = users or DEFAULT_USERS
    files = shipped("report", clouds)
    chosen = tuple(dict.fromkeys(policy.provider for file in files for policy in file.policies))
    click.echo(f"{users} users in each of {', '.join(chosen)}, embedded in this process.")
    with start_sandbox(users, seed, 0, "", now, chosen) as embedded:
        ctx.exit(_run(files, output, sandbox_environment(embedded)))


def _run(files: list[PolicyFile], output: Path, environment: dict[str, str]) -> int:
    from custom_filters.outputs.collect import collect
    from custom_filters.runner.run.engine import Job, batches_of, conclude, evaluate

    with batches_of(files) as batches:
        job = Job(batches, output, environment)
        folder = evaluate(job, dryrun=True, ask=False)
        return conclude(folder, job, collect([str(folder.path)]))
