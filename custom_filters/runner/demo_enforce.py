"""`c7n-unused demo --enforce`: mark, notice, disable and restore in an embedded cloud, told at the end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import click
import yaml

from custom_filters.core.errors import InputError, NotEvaluatedError
from custom_filters.core.policy_data import actions, notice_hours, with_unused_filters
from custom_filters.core.vocabulary import ACTIONS_FILE, AWS, AZURE, GCP
from custom_filters.outputs.action_logs import outcomes
from custom_filters.outputs.collect import collect
from custom_filters.outputs.run_folder import RunFolder
from custom_filters.runner.exits import of_report
from custom_filters.runner.report_files import write_reports
from custom_filters.runner.run.children import own_command
from custom_filters.runner.run.engine import Job, batches_of, done_in, evaluate
from custom_filters.runner.run.policy_files import Policy, PolicyFile, choose, shipped
from custom_filters.runner.sandbox import sandbox_environment, start_sandbox

if TYPE_CHECKING:
    from custom_filters.core.journal import Line
    from custom_filters.sandbox.sandbox import Sandbox

_RETURNS, _ENDS = timedelta(days=3), timedelta(days=15)
_LEAST = 2


class _Company(NamedTuple):
    """Where, how many users, and the credential (`kind`) that somebody uses (`hand`, told as `used`).

    Of those selected at most `marked` are marked: Graph lets a tenant's logs be read slowly.
    """

    place: str
    users: int
    kind: str
    hand: str
    used: str
    marked: int = 0


#: As many users as a demo of less than a minute can take.
_COMPANIES = {
    AWS: _Company("an AWS account", 30, "access-key", "use-key", "used an access key"),
    AZURE: _Company("an Entra tenant", 40, "sign-in", "use", "signed in", 6),
    GCP: _Company("a Google Workspace", 60, "sign-in", "use", "signed in"),
}


def demo_enforce(cloud: str, users: int | None, seed: int, now: datetime | None, output: Path) -> int:
    """Play the whole life of a mark in this cloud and tell it; returns the exit code."""
    begin, company = now or datetime.now(timezone.utc), _COMPANIES[cloud]
    users = users or company.users
    with (
        TemporaryDirectory(prefix="c7n-unused-") as workspace,
        start_sandbox(users, seed, 0, "", begin, (cloud,)) as embedded,
    ):
        exemptions = Path(workspace, "exemptions.yml")
        _write_exemptions(exemptions, [])
        files = [_for_demo(file, str(exemptions), company.marked) for file in _of_users(cloud)]
        click.echo(f"{users} users in {company.place} embedded in this process; the shipped enforce.yml.")
        settings = _set_up(cloud, embedded)
        click.echo("Day 0: marking ...")
        first = _enforce(files, output, embedded, settings)
        back, exempted = _two_of(_outcomes(first.path, "mark", "done"), company.kind)
        embedded.clock.set(begin + _RETURNS)
        embedded.clouds[cloud].hand(company.hand, back)
        _write_exemptions(exemptions, [_exemption(cloud, exempted, begin)])
        embedded.clock.set(begin + _ENDS)
        click.echo("Day 15: disabling ...")
        second = _enforce(files, output, embedded, settings)
        click.echo("Afterwards: restoring ...")
        restored = _restore(second, output, embedded, settings)
    for line in _told(f"{back} {company.used}", (back, exempted), first.path, second.path, restored):
        click.echo(line)
    report = done_in(second, collect([str(second.path)]))
    page = next(path for path in write_reports(report, ("html",), second.path / "report"))
    click.echo(f"Report of day 15: {page}\nJournals: {output}/*/{cloud}/*/{ACTIONS_FILE}")
    return of_report(report)


def _of_users(cloud: str) -> list[PolicyFile]:
    """The shipped enforce.yml; of Google's the policies about users."""
    files = shipped("enforce", [cloud], every=False)
    return choose(files, (), ("customer",)) if cloud == GCP else files


def _set_up(cloud: str, embedded: Sandbox) -> dict[str, str]:
    """Make the place for marks, once; returns the variables that runs need besides."""
    if cloud == AWS:
        return {}
    click.echo(f"Once: c7n-unused setup -p {cloud} ...")
    told = _own("setup", "-p", cloud, environment=sandbox_environment(embedded))
    if told.returncode:
        raise NotEvaluatedError(f"setup stopped: {told.stderr.strip()}")
    return dict(line.split("=", 1) for line in told.stdout.splitlines() if line.startswith("C7N_UNUSED_"))


def _own(*args: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command that a person would."""
    return subprocess.run(own_command(*args), env=environment, capture_output=True, text=True, check=False)


def _for_demo(file: PolicyFile, exemptions: str, marked: int) -> PolicyFile:
    """The shipped policies with the demo's exemptions and limits: too many of its users are unused."""

    def fitted(policy: Policy) -> Policy:
        data = with_unused_filters(policy.data, lambda found: {**found, "exemptions": exemptions})
        acts = [{**act, "limit-percent": 100} if "limit-percent" in act else act for act in actions(data)]
        few = [{"type": "reduce", "limit": marked}] if marked and notice_hours(data) else []
        data |= {"actions": acts, "filters": [*data["filters"], *few]}
        return replace(policy, data={name: value for name, value in data.items() if name != "max-resources"})

    return replace(file, policies=tuple(map(fitted, file.policies)), changed=True)


def _write_exemptions(path: Path, entries: list[dict[str, str]]) -> None:
    path.write_text(yaml.safe_dump({"exemptions": entries}), encoding="utf-8")


def _exemption(cloud: str, user: str, begin: datetime) -> dict[str, str]:
    return {
        "provider": cloud,
        "account": "*",
        "user": user,
        "reason": "needed for the yearly audit",
        "approved_by": "ciso@example.com",
        "expires": (begin + timedelta(days=180)).date().isoformat(),
    }


def _enforce(
    files: Sequence[PolicyFile], output: Path, embedded: Sandbox, settings: Mapping[str, str]
) -> RunFolder:
    environment = {**sandbox_environment(embedded), **settings}
    with batches_of(files) as batches:
        folder = evaluate(Job(batches, output, environment), dryrun=False, ask=False)
    for child in folder.children:
        if child.problem:
            raise NotEvaluatedError(f"the demo's policies failed: {child.problem}; see {folder.path}.")
    return folder


def _restore(of: RunFolder, output: Path, embedded: Sandbox, settings: Mapping[str, str]) -> Path:
    """Restore everybody whom that run switched off; returns the folder of the restore."""
    before = {path.name for path in output.iterdir()}
    environment = {**sandbox_environment(embedded), **settings}
    done = _own("restore", str(of.path), "--all", "-s", str(output), environment=environment)
    made = [path for path in output.iterdir() if path.name not in before and not path.is_symlink()]
    if not made:
        raise NotEvaluatedError(f"restore stopped: {done.stderr.strip() or done.stdout.strip()}")
    return made[0]


def _outcomes(run: Path, operation: str, result: str) -> list[Line]:
    found = outcomes([str(run)])
    return [line for line in found if (line["operation"], line["result"]) == (operation, result)]


def _two_of(marked: Sequence[Line], kind: str) -> tuple[str, str]:
    """One user to come back and one to exempt, both with nothing marked but credentials of this kind."""
    others = {_who(line) for line in marked if line["credential"]["kind"] != kind}
    names = sorted({_who(line) for line in marked} - others)
    if len(names) < _LEAST:
        raise InputError("too few users are unused to show anything: take more --users, or another --seed.")
    return names[0], names[1]


def _who(line: Line) -> str:
    return str(line["principal"]["user"])


def _told(used: str, two: tuple[str, str], first: Path, second: Path, restored: Path) -> Iterator[str]:
    """What happened, from the journals."""
    marked, off = _outcomes(first, "mark", "done"), _outcomes(second, "disable", "done")
    unmarked = {_who(line) for line in _outcomes(second, "unmark", "done")}
    on, lost = _outcomes(restored, "enable", "done"), _outcomes(restored, "enable", "skipped")
    yield "\nWhat happened, from the journals of the three runs:\n"
    yield f"Day 0    {_count(marked)} were marked, with 14 days' notice. Nothing was disabled."
    yield f"Day 3    {used}. {two[1]} was exempted, for the yearly audit."
    yield f"Day 15   {_count(off)} were disabled, each after a fresh read and a line in the journal."
    yield from (f"         {name}: {_fate(name, off, unmarked)}." for name in two)
    yield f"Restore  {_count(on)} are on again, after `c7n-unused restore OUT --all`."
    yield from (f"         {reason}" for reason in _lost(lost))


def _count(lines: Iterable[Line]) -> str:
    """Credentials and their users; a line without a credential is about the user's record."""
    found = {(_who(line), *line["credential"].values()) for line in lines if line["credential"]}
    return f"{len(found)} credentials of {len({who for who, *_ in found})} users"


def _fate(name: str, off: Iterable[Line], unmarked: Iterable[str]) -> str:
    if name in {_who(line) for line in off}:
        return "disabled"
    return "the mark was taken off, nothing was disabled" if name in unmarked else "left alone"


def _lost(lines: Sequence[Line]) -> Iterator[str]:
    if lines:
        yield f"{_count(lines)} are not. For example {_who(lines[0])}: {lines[0]['reason']}"
