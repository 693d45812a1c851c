"""`c7n-unused restore`: switches on again what `disable-unused` switched off, for one user."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from custom_filters.core.errors import InputError
from custom_filters.outputs.action_logs import entry_lines, find_logs, read_log
from custom_filters.runner.exits import EVALUATED, NOT_EVALUATED

if TYPE_CHECKING:
    from custom_filters.outputs.run_folder import RunFolder

#: Resource -> the key that holds the name by which reports call the identity.
NAME_KEYS = {
    "aws.iam-user": "UserName",
    "azure.directory-user": "userPrincipalName",
    "gcp.directory-user": "primaryEmail",
    "gcp.service-account": "email",
}
# Lists users without a call for each.
_SOURCES = {"aws.iam-user": {"source": "unused-bulk"}}


@click.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--user", required=True, help="Name, as in the report and the action log.")
@click.option("--cloud-record", is_flag=True, help="Go by the cloud's record where OUT differs.")
@click.option(
    "-s", "--output", default="out/runs", show_default=True, metavar="OUT",
    type=click.Path(file_okay=False, path_type=Path), help="Where the folder of this run is made.",
)  # fmt: skip
@click.pass_context
def restore(ctx: click.Context, out: Path, user: str, cloud_record: bool, output: Path) -> None:
    """Switch on again what was switched off.

    What runs in OUT disabled for the user, and the record in the cloud says so too: where the two differ both
    are shown and nothing is done. Passwords can't be brought back: how to set one is printed. Exit code 2
    when OUT tells of no such user, 3 when something could not be restored.
    """
    found = disabled(out, user)
    if not found:
        raise InputError(f"no run in {out} acted on {user}; give the folder of the run that did.")
    policies = [restore_policy(r, user, None if cloud_record else items) for r, items in found.items()]
    folder = _restore(policies, output)
    for line in entry_lines(folder.path):
        click.echo(line)
    problems = [child.problem for child in folder.children if child.problem]
    for problem in problems:
        click.echo(problem)
    click.echo(f"Record: {folder.path}")
    ctx.exit(NOT_EVALUATED if problems else EVALUATED)


def restore_policy(resource: str, user: str, record: Iterable[str] | None) -> dict[str, Any]:
    """The policy that restores one user of a resource such as `aws.iam-user`.

    `record` lists what was switched off as kind=id; with None the record in the cloud is not compared.
    """
    action: dict[str, Any] = {"type": "enable-unused"}
    if record is not None:
        action["record"] = sorted(record)
    return {
        "name": f"{resource.replace('.', '-')}-restore",
        "resource": resource,
        **_SOURCES.get(resource, {}),
        "filters": [_of_user(resource, user)],
        "actions": [action],
    }


def _of_user(resource: str, user: str) -> dict[str, str]:
    if resource == "gcp.service-account-key":  # is named projects/P/serviceAccounts/EMAIL/keys/ID
        return {"type": "value", "key": "name", "op": "contains", "value": f"/serviceAccounts/{user}/keys/"}
    return {"type": "value", "key": NAME_KEYS[resource], "value": user}


def disabled(out: Path, user: str) -> dict[str, set[str]]:
    """Resource -> what the action logs under OUT say is switched off for the user, as kind=id."""
    found: dict[str, set[str]] = {}
    for resource, entry in sorted(_entries(out, user), key=lambda pair: str(pair[1]["at"])):
        items = found.setdefault(resource, set())
        if entry["operation"] == "enable" and entry["credential"]:
            items.discard(_item(entry))
        elif (entry["operation"], entry["result"]) == ("disable", "done"):
            items.add(_item(entry))
    return found


def _entries(out: Path, user: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for log in find_logs(out):
        mine = [entry for entry in read_log(log) if entry["principal"]["user"] == user]
        if mine:
            metadata = json.loads(log.with_name("metadata.json").read_text(encoding="utf-8"))
            yield from ((metadata["policy"]["resource"], entry) for entry in mine)


def _item(entry: Mapping[str, Any]) -> str:
    return f"{entry['credential']['kind']}={entry['credential']['id']}"


def _restore(policies: list[dict[str, Any]], output: Path) -> RunFolder:
    from custom_filters.runner.run.engine import Job, batches_of, evaluate
    from custom_filters.runner.run.policy_files import Policy, PolicyFile

    made = tuple(Policy(p["resource"].partition(".")[0], p["name"], p["resource"], p) for p in policies)
    with batches_of([PolicyFile(Path("restore.yml"), made, {}, changed=True)]) as batches:
        return evaluate(Job(batches, output, dict(os.environ)), dryrun=False, latest=False)
