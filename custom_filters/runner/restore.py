"""`c7n-unused restore`: switches on again what `disable-unused` switched off, for one user."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from custom_filters.runner.exits import EVALUATED, NOT_EVALUATED, InputError

if TYPE_CHECKING:
    from custom_filters.runner.run_folder import RunFolder

#: Resource -> the key that holds the name by which reports call the identity.
NAME_KEYS = {
    "aws.iam-user": "UserName",
    "azure.directory-user": "userPrincipalName",
    "gcp.directory-user": "primaryEmail",
    "gcp.service-account": "email",
    "gcp.service-account-key": "name",
}


@click.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--user", required=True, help="Name, as in the report and the action log.")
@click.option(
    "-s", "--output", default="out/runs", show_default=True, metavar="OUT",
    type=click.Path(file_okay=False, path_type=Path), help="Where the folder of this run is made.",
)  # fmt: skip
@click.pass_context
def restore(ctx: click.Context, out: Path, user: str, output: Path) -> None:
    """Switch on again what was switched off.

    What runs in OUT disabled for the user, by the record of it in the cloud. Passwords can't be brought back:
    how to set one is printed. Exit code 2 when OUT tells of no such user, 3 when something could not be
    restored.
    """
    from custom_filters.runner.action_logs import undo_lines

    resources = sorted({resource for resource, name in known(out) if name == user})
    if not resources:
        raise InputError(f"no run in {out} acted on {user}; give the folder of the run that did.")
    folder = _restore([restore_policy(resource, user) for resource in resources], output)
    for line in undo_lines(folder.path):
        click.echo(line)
    problems = [child.problem for child in folder.children if child.problem]
    for problem in problems:
        click.echo(problem)
    click.echo(f"Record: {folder.path}")
    ctx.exit(NOT_EVALUATED if problems else EVALUATED)


def restore_policy(resource: str, user: str) -> dict[str, Any]:
    """The policy that restores one user of a resource such as `aws.iam-user`."""
    return {
        "name": f"{resource.replace('.', '-')}-restore",
        "resource": resource,
        "filters": [{"type": "value", "key": NAME_KEYS[resource], "value": user}],
        "actions": [{"type": "enable-unused"}],
    }


def known(out: Path) -> Iterator[tuple[str, str]]:
    """Resource and user of every line in the action logs under OUT; raises InputError on a damaged log."""
    from custom_filters.runner.action_logs import find_logs, read_log

    for log in find_logs(out):
        metadata = json.loads(log.with_name("metadata.json").read_text(encoding="utf-8"))
        for entry in read_log(log):
            yield metadata["policy"]["resource"], entry["principal"]["user"]


def _restore(policies: list[dict[str, Any]], output: Path) -> RunFolder:
    from custom_filters.runner.engine import Job, batches_of, evaluate
    from custom_filters.runner.policies import Policy, PolicyFile

    made = tuple(Policy(p["resource"].partition(".")[0], p["name"], p["resource"], p) for p in policies)
    with batches_of([PolicyFile(Path("restore.yml"), made, {}, changed=True)]) as batches:
        return evaluate(Job(batches, output, dict(os.environ)), dryrun=False)
