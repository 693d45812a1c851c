"""`c7n-unused demo --enforce`: mark, notice, disable and restore on the embedded AWS, told at the end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import yaml

from custom_filters.core.errors import InputError, NotEvaluatedError
from custom_filters.core.policy_data import actions, with_unused_filters
from custom_filters.core.vocabulary import ACTIONS_FILE, AWS
from custom_filters.outputs.action_logs import outcomes
from custom_filters.outputs.collect import collect
from custom_filters.outputs.run_folder import RunFolder
from custom_filters.runner.exits import of_report
from custom_filters.runner.report_files import write_reports
from custom_filters.runner.run.children import own_command
from custom_filters.runner.run.engine import Job, batches_of, done_in, evaluate
from custom_filters.runner.run.policy_files import Policy, PolicyFile, shipped
from custom_filters.runner.sandbox import sandbox_environment, start_sandbox

if TYPE_CHECKING:
    from custom_filters.core.journal import Line
    from custom_filters.sandbox.sandbox import Sandbox

_RETURNS, _ENDS = timedelta(days=3), timedelta(days=15)
_MOST = 1_000_000
_LEAST = 2


def demo_enforce(users: int, seed: int, now: datetime | None, output: Path) -> int:
    """Play it through and tell it; returns the exit code."""
    begin = now or datetime.now(timezone.utc)
    with (
        TemporaryDirectory(prefix="c7n-unused-") as workspace,
        start_sandbox(users, seed, 0, "", begin, (AWS,)) as embedded,
    ):
        exemptions = Path(workspace, "exemptions.yml")
        _write_exemptions(exemptions, [])
        files = [_for_demo(file, exemptions) for file in shipped("enforce", [AWS])]
        click.echo(f"{users} users in an AWS account embedded in this process; the shipped enforce.yml.")
        click.echo("Day 0: marking ...")
        first = _enforce(files, output, embedded)
        marked = _outcomes(first.path, "mark", "done")
        back, exempted = _two_of(marked)
        embedded.clock.set(begin + _RETURNS)
        embedded.clouds[AWS].hand("use-key", back)
        _write_exemptions(exemptions, [_exemption(exempted, begin)])
        embedded.clock.set(begin + _ENDS)
        click.echo("Day 15: disabling ...")
        second = _enforce(files, output, embedded)
        click.echo("Afterwards: restoring ...")
        restored = _restore(second, output, embedded)
    for line in _told(back, exempted, first.path, second.path, restored):
        click.echo(line)
    report = done_in(second, collect([str(second.path)]))
    page = next(path for path in write_reports(report, ("html",), second.path / "report"))
    click.echo(f"Report of day 15: {page}\nJournals: {output}/*/aws/*/{ACTIONS_FILE}")
    return of_report(report)


def _for_demo(file: PolicyFile, exemptions: Path) -> PolicyFile:
    """The shipped policies with the demo's exemptions and no limits: too many of its users are unused."""
    return replace(file, policies=tuple(_unlimited(p, str(exemptions)) for p in file.policies), changed=True)


def _unlimited(policy: Policy, exemptions: str) -> Policy:
    data = with_unused_filters(policy.data, lambda found: {**found, "exemptions": exemptions})
    if "max-resources" in data:
        data["max-resources"] = _MOST
    data["actions"] = [
        {**action, "limit-percent": 100} if "limit-percent" in action else action for action in actions(data)
    ]
    return replace(policy, data=data)


def _write_exemptions(path: Path, entries: list[dict[str, str]]) -> None:
    path.write_text(yaml.safe_dump({"exemptions": entries}), encoding="utf-8")


def _exemption(user: str, begin: datetime) -> dict[str, str]:
    return {
        "provider": AWS,
        "account": "*",
        "user": user,
        "reason": "needed for the yearly audit",
        "approved_by": "ciso@example.com",
        "expires": (begin + timedelta(days=180)).date().isoformat(),
    }


def _enforce(files: Sequence[PolicyFile], output: Path, embedded: Sandbox) -> RunFolder:
    with batches_of(files) as batches:
        folder = evaluate(Job(batches, output, sandbox_environment(embedded)), dryrun=False, ask=False)
    for child in folder.children:
        if child.problem:
            raise NotEvaluatedError(f"the demo's policies failed: {child.problem}; see {folder.path}.")
    return folder


def _restore(of: RunFolder, output: Path, embedded: Sandbox) -> Path:
    """Run the command that a person would; returns the folder of its run."""
    before = {path.name for path in output.iterdir()}
    command = own_command("restore", str(of.path), "--all", "-s", str(output))
    done = subprocess.run(
        command, env=sandbox_environment(embedded), capture_output=True, text=True, check=False
    )
    made = [path for path in output.iterdir() if path.name not in before and not path.is_symlink()]
    if not made:
        raise NotEvaluatedError(f"restore stopped: {done.stderr.strip() or done.stdout.strip()}")
    return made[0]


def _outcomes(run: Path, operation: str, result: str) -> list[Line]:
    found = outcomes([str(run)])
    return [line for line in found if (line["operation"], line["result"]) == (operation, result)]


def _two_of(marked: Sequence[Line]) -> tuple[str, str]:
    """One user to come back and one to exempt; of both nothing but access keys was marked."""
    others = {_who(line) for line in marked if line["credential"]["kind"] != "access-key"}
    names = sorted({_who(line) for line in marked} - others)
    if len(names) < _LEAST:
        raise InputError("too few users are unused to show anything: take more --users, or another --seed.")
    return names[0], names[1]


def _who(line: Line) -> str:
    return str(line["principal"]["user"])


def _told(back: str, exempted: str, first: Path, second: Path, restored: Path) -> Iterator[str]:
    """What happened, from the journals."""
    marked, off = _outcomes(first, "mark", "done"), _outcomes(second, "disable", "done")
    unmarked = {_who(line) for line in _outcomes(second, "unmark", "done")}
    on, lost = _outcomes(restored, "enable", "done"), _outcomes(restored, "enable", "skipped")
    yield "\nWhat happened, from the journals of the three runs:\n"
    yield f"Day 0    {_count(marked)} were marked, with 14 days' notice. Nothing was disabled."
    yield f"Day 3    {back} used an access key. {exempted} was exempted, for the yearly audit."
    yield f"Day 15   {_count(off)} were disabled, each after a fresh read and a line in the journal."
    yield from (f"         {name}: {_fate(name, off, unmarked)}." for name in (back, exempted))
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
