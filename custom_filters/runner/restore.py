"""`c7n-unused restore`: switches on again what `disable-unused` switched off, for one user or a whole run."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from custom_filters.aws.credentials import KINDS
from custom_filters.core.errors import InputError
from custom_filters.core.journal import Line, Off, switched_off
from custom_filters.core.vocabulary import AWS, AZURE, GCP, PROVIDERS
from custom_filters.outputs.action_logs import entry_lines, journals, outcomes
from custom_filters.runner.exits import EVALUATED, NOT_EVALUATED
from custom_filters.runner.options import cloud_option

if TYPE_CHECKING:
    from custom_filters.outputs.run_folder import RunFolder

#: Provider -> the kinds of credentials of each resource; the first is where a user without journal is sought.
_RESOURCES: Mapping[str, Mapping[str, frozenset[str]]] = {
    AWS: {"aws.iam-user": frozenset(KINDS), "aws.iam-role": frozenset({"role"})},
    AZURE: {"azure.directory-user": frozenset()},
    GCP: {
        "gcp.directory-user": frozenset({"sign-in"}),
        "gcp.service-account": frozenset({"service-account"}),
        "gcp.service-account-key": frozenset({"service-account-key"}),
    },
}
_BULK = {"source": "unused-bulk"}
_MODES = {"aws.iam-user": _BULK, "aws.iam-role": _BULK}
#: How a role is told from an IAM user of the same name, without a journal.
_ROLE = "role/"
Wanted = dict[str, list[dict[str, Any]]]


@click.command()
@click.argument("out", required=False)
@click.option("--user", help="Name or id, as in the report and the journal.")
@click.option("--all", "everybody", is_flag=True, help="Everybody whom the runs in OUT switched off.")
@click.option("-p", "--provider", type=click.Choice(PROVIDERS), help="Where the user is, without OUT.")
@click.option("--even-if-changed", is_flag=True, help="Also what others changed since; with --user only.")
@click.option(
    "-s", "--output", default="out/runs", show_default=True, metavar="OUT",
    type=click.Path(file_okay=False, path_type=Path), help="Where the folder of this run is made.",
)  # fmt: skip
@cloud_option
@click.pass_context
def restore(
    ctx: click.Context, out: str | None, user: str | None, everybody: bool, provider: str | None,
    even_if_changed: bool, output: Path,
) -> None:  # fmt: skip
    """Switch on again what was switched off.

    OUT is a run's folder, or an s3://, gs:// or azure:// URL; without it the cloud's record counts alone.
    Only what is still as we left it is switched on; what others changed since is refused, saying who or
    what. Passwords can't be brought back: how to set one is printed. Exit code 3 when something could not be
    restored, or nobody matched.
    """
    if bool(user) == everybody or (everybody and (even_if_changed or not out)):
        raise InputError("give --user NAME, or OUT and --all; --even-if-changed is for one --user.")
    wanted = _of_journals(out, user) if out else _of_cloud(user or "", provider)
    if not any(wanted.values()):
        click.echo(f"Nobody matched: no run in {out} switched off {user or 'anybody'}.")
        ctx.exit(NOT_EVALUATED)
    folder = _restore([restore_policy(r, only, even=even_if_changed) for r, only in wanted.items()], output)
    for line in entry_lines(folder.path):
        click.echo(line)
    problems = [child.problem for child in folder.children if child.problem]
    asked = {child.provider for child in folder.children if child.log}  # the others did not start
    sought = {r: people for r, people in wanted.items() if r.partition(".")[0] in asked}
    problems += _missing(sought, outcomes([str(folder.path)]))
    for problem in problems:
        click.echo(problem)
    click.echo(f"Record: {folder.path}")
    ctx.exit(NOT_EVALUATED if problems else EVALUATED)


def _of_journals(out: str, user: str | None) -> Wanted:
    """What the journals say that we switched off and did not restore, and who was restored since."""
    found = journals([out])
    damaged = [p for one in found for p in one.problems if "was cut short" not in p]
    if damaged:
        raise InputError(f"{damaged[0]}; restore by the record in the cloud alone: leave OUT out.")
    return wanted_of([line for one in found for line in one.lines], user)


def wanted_of(lines: Sequence[Line], user: str | None) -> Wanted:
    """Resource -> identities with the credentials (kind=id) to switch on; all of them without `user`."""
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for off in switched_off([line for line in lines if line["operation"] == "disable"]):
        if user in {None, off.user, off.user_id}:
            one = {"user": off.user, "id": off.user_id, "account": off.account, "items": []}
            mine = found[_resource(off)].setdefault(f"{off.account} {off.user_id}", one)
            mine["items"].append(f"{off.item.kind}={off.item.id}")
    return {resource: list(people.values()) for resource, people in found.items()}


def _resource(off: Off) -> str:
    found = [r for r, kinds in _RESOURCES[off.provider].items() if not kinds or off.item.kind in kinds]
    if not found:
        raise InputError(f"the journal names a {off.item.kind!r}, which {off.provider} does not have")
    return found[0]


def _of_cloud(user: str, provider: str | None) -> Wanted:
    if provider is None:
        raise InputError("without OUT give -p too: aws, azure or gcp.")
    other = user.endswith(".gserviceaccount.com") if provider == GCP else user.startswith(_ROLE)
    resources, name = list(_RESOURCES[provider]), user.removeprefix(_ROLE)
    return {resource: [{"user": name}] for resource in (resources[1:] if other else resources[:1])}


def restore_policy(resource: str, only: Sequence[Mapping[str, Any]], *, even: bool = False) -> dict[str, Any]:
    """The policy that restores these identities of a resource such as `aws.iam-user`."""
    action: dict[str, Any] = {"type": "enable-unused", "only": [dict(one) for one in only]}
    if even:
        action["even-if-changed"] = only[0]["user"]
    name = f"{resource.replace('.', '-')}-restore"
    return {"name": name, "resource": resource, **_MODES.get(resource, {}), "actions": [action]}


def _missing(wanted: Wanted, told: Iterable[Line]) -> list[str]:
    """A sentence for each identity of which the run says nothing: it was not found."""
    names = {who for line in told for who in (line["principal"]["user"], line["principal"]["user_id"])}
    people = [one for only in wanted.values() for one in only]
    missing = {one["user"] for one in people if not names & {one["user"], one.get("id")}}
    return [f"{name} was not found: nothing was switched on" for name in sorted(missing)]


def _restore(policies: list[dict[str, Any]], output: Path) -> RunFolder:
    from custom_filters.runner.run.engine import Job, batches_of, evaluate
    from custom_filters.runner.run.policy_files import Policy, PolicyFile

    made = tuple(Policy(p["resource"].partition(".")[0], p["name"], p["resource"], p) for p in policies)
    with batches_of([PolicyFile(Path("restore.yml"), made, {}, changed=True)]) as batches:
        return evaluate(Job(batches, output, dict(os.environ)), dryrun=False, latest=False)
