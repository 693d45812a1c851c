"""`c7n-unused restore`: switches on again what `disable-unused` switched off, for one user."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from custom_filters.runner.exits import InputError
from custom_filters.runner.verify import action_logs

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
@click.pass_context
def restore(ctx: click.Context, out: Path, user: str) -> None:
    """Switch on again what was switched off.

    What runs in OUT disabled for the user, by the record of it in the cloud.
    Passwords can't be brought back: how to set one is printed. Exit code 2 when OUT tells of no such user, 3
    when something could not be restored.
    """
    from custom_filters.runner.engine import Job, batches_of, conclude, evaluate
    from custom_filters.runner.policies import Policy, PolicyFile

    resources = sorted({resource for resource, name in disabled(out) if name == user})
    if not resources:
        raise InputError(
            f"no run in {out} switched anything off for {user}; give the folder of the run that did."
        )
    chosen = [restore_policy(resource, user) for resource in resources]
    policies = tuple(Policy(p["resource"].partition(".")[0], p["name"], p["resource"], p) for p in chosen)
    with batches_of([PolicyFile(Path("restore.yml"), policies, {}, changed=True)]) as batches:
        job = Job(batches, out, dict(os.environ))
        ctx.exit(conclude(evaluate(job, dryrun=False), job))


def restore_policy(resource: str, user: str) -> dict[str, Any]:
    """The policy that restores one user of a resource such as `aws.iam-user`."""
    return {
        "name": f"{resource.replace('.', '-')}-restore",
        "resource": resource,
        "filters": [{"type": "value", "key": NAME_KEYS[resource], "value": user}],
        "actions": [{"type": "enable-unused"}],
    }


def disabled(out: Path) -> Iterator[tuple[str, str]]:
    """Resource and user of every line in the action logs under OUT; raises InputError on a damaged log."""
    for log in action_logs(out):
        metadata = json.loads(log.with_name("metadata.json").read_text(encoding="utf-8"))
        try:
            lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
            yield from [(metadata["policy"]["resource"], line["principal"]) for line in lines]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{log} is damaged: see `c7n-unused verify {out}`.") from error
